//! How a case ends.

use imap_backend::{Error, ErrorKind};
use std::fmt;

/// The end of a case: `Ok` where the backend behaves, or why not.
pub type Verdict = Result<(), Stop>;

/// Why a case ended early.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Stop {
    /// The backend contradicts the RFC or the traits.
    Failed(Failure),
    /// The backend says that it does not have what the case is about; this names the ability.
    Skipped(String),
}

/// What a case wanted and what it got.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Failure {
    /// What a correct backend does.
    pub expected: String,
    /// What this one did.
    pub seen: String,
    /// The RFC's section that was broken, where it is another than that of the case.
    pub rule: Option<&'static str>,
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "expected {}; saw {}", self.expected, self.seen)
    }
}

impl Stop {
    pub(crate) fn failed(expected: impl Into<String>, seen: impl Into<String>) -> Self {
        Self::Failed(Failure {
            expected: expected.into(),
            seen: seen.into(),
            rule: None,
        })
    }

    /// As [`failed`](Self::failed), against a rule of its own.
    pub(crate) fn against(rule: &'static str, expected: impl Into<String>, seen: impl Into<String>) -> Self {
        Self::Failed(Failure {
            expected: expected.into(),
            seen: seen.into(),
            rule: Some(rule),
        })
    }

    pub(crate) fn skipped(ability: impl Into<String>) -> Self {
        Self::Skipped(ability.into())
    }
}

/// Fails the case unless the condition holds.
macro_rules! ensure {
    ($condition:expr, $expected:expr, $seen:expr $(,)?) => {
        if !$condition {
            return Err($crate::verdict::Stop::failed($expected, $seen));
        }
    };
}
pub(crate) use ensure;

/// Fails the case unless both are equal.
pub(crate) fn equal<T: PartialEq + fmt::Debug>(what: &str, seen: &T, expected: &T) -> Verdict {
    ensure!(
        seen == expected,
        format!("{what}: {expected:?}"),
        format!("{seen:?}")
    );
    Ok(())
}

/// What a backend answered, and what the case makes of it.
pub(crate) trait Answer<T> {
    /// Every backend can do this.
    fn must(self, what: &str) -> Result<T, Stop>;
    /// A backend may say that it cannot; then the case is skipped.
    fn optional(self, ability: &str) -> Result<T, Stop>;
    /// The backend has to refuse, and say it in one of these kinds.
    fn refused(self, what: &str, kinds: &[ErrorKind]) -> Verdict;
}

impl<T> Answer<T> for Result<T, Error> {
    fn must(self, what: &str) -> Result<T, Stop> {
        self.map_err(|error| {
            Stop::failed(
                format!("{what} to succeed"),
                format!("{error} ({:?})", error.kind()),
            )
        })
    }

    fn optional(self, ability: &str) -> Result<T, Stop> {
        match self {
            Err(error) if error.kind() == ErrorKind::Unsupported => Err(Stop::skipped(ability)),
            answer => answer.must(ability),
        }
    }

    fn refused(self, what: &str, kinds: &[ErrorKind]) -> Verdict {
        match self {
            Err(error) if kinds.contains(&error.kind()) => Ok(()),
            Err(error) if error.kind() == ErrorKind::Unsupported => Err(Stop::skipped(what)),
            Err(error) => Err(Stop::failed(
                format!("{what} to be refused as {kinds:?}"),
                format!("{:?}", error.kind()),
            )),
            Ok(_) => Err(Stop::failed(
                format!("{what} to be refused as {kinds:?}"),
                "success",
            )),
        }
    }
}
