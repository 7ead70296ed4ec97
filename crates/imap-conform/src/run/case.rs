//! A case, and what came of it.

use std::pin::Pin;
use std::time::Duration;

use super::client::Stop;
use super::stage::Stage;

/// What a case does.
pub(super) type Play =
    for<'s> fn(&'s mut Stage) -> Pin<Box<dyn Future<Output = Result<(), Stop>> + Send + 's>>;

/// One thing that a server has to do.
pub(super) struct Case {
    pub(super) area: &'static str,
    /// What it says of the server.
    pub(super) name: &'static str,
    pub(super) rfc: &'static str,
    /// Capabilities without which it is skipped; of those with `|` between them one is enough.
    pub(super) needs: &'static [&'static str],
    pub(super) play: Play,
}

/// What came of a case.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// What the case is about.
    pub area: &'static str,
    /// What it says of the server.
    pub name: &'static str,
    /// Where it is written.
    pub rfc: String,
    /// Whether it is so.
    pub verdict: Verdict,
    /// How long it took.
    pub took: Duration,
}

/// Whether a server does what it has to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It does.
    Passed,
    /// It does not offer what the case is about.
    Skipped(String),
    /// It does not: what is wrong, and the conversation up to there.
    Failed {
        /// What is wrong.
        what: String,
        /// What was said.
        transcript: String,
    },
}

/// Cases of one area, out of the same lines.
macro_rules! cases {
    ($area:literal: $($name:literal, $rfc:literal, [$($needs:literal),*] => $play:ident;)*) => {
        pub(in crate::run) fn cases() -> Vec<$crate::run::case::Case> {
            vec![$($crate::run::case::Case {
                area: $area,
                name: $name,
                rfc: $rfc,
                needs: &[$($needs),*],
                play: |stage| Box::pin($play(stage)),
            }),*]
        }
    };
}
pub(super) use cases;
