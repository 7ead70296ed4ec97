//! What is wrong with one response, whatever was said before.

use std::borrow::Cow;
use std::fmt;

use crate::rule::Rule;

/// A rule that a response breaks by itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    rule: Rule,
    what: Cow<'static, str>,
}

impl Fault {
    pub(crate) fn new(rule: Rule, what: impl Into<Cow<'static, str>>) -> Self {
        let what = what.into();
        Self { rule, what }
    }

    /// The rule.
    #[must_use]
    pub fn rule(&self) -> Rule {
        self.rule
    }

    /// What breaks it.
    #[must_use]
    pub fn what(&self) -> &str {
        &self.what
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {} ({})", self.rule, self.what, self.rule.rfc())
    }
}

impl std::error::Error for Fault {}
