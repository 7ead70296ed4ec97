//! A rule that was broken.

use std::fmt;

use crate::rule::Rule;
use crate::transcript::Transcript;

/// A rule that was broken, and what was said up to there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    pub(crate) rule: Rule,
    pub(crate) what: String,
    pub(crate) connection: String,
    pub(crate) transcript: Transcript,
}

impl Finding {
    /// The rule.
    #[must_use]
    pub fn rule(&self) -> Rule {
        self.rule
    }

    /// What was said that breaks it.
    #[must_use]
    pub fn what(&self) -> &str {
        &self.what
    }

    /// On which connection.
    #[must_use]
    pub fn connection(&self) -> &str {
        &self.connection
    }

    /// The conversation, the response that breaks the rule last.
    #[must_use]
    pub fn transcript(&self) -> &Transcript {
        &self.transcript
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            rule,
            what,
            connection,
            ..
        } = self;
        writeln!(f, "{rule}: {what} (connection {connection})")?;
        writeln!(f, "  {} {}", rule.rfc(), rule.says())?;
        let lines = self.transcript.to_string();
        lines.lines().try_for_each(|line| writeln!(f, "    {line}"))
    }
}
