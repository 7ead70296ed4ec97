//! Servers and mailboxes of public reports, by name.

mod answers;
mod capabilities;
mod connection;
mod mail;
mod mailboxes;
mod structure;
mod text;

use crate::builder::Builder;
use std::fmt;

/// A server that behaves as a public report says that one did, or mailboxes as one had them: each broke a client.
///
/// The names are those of the deviation, because servers get better; where a report names the server, so does
/// [`about`](Self::about). See [`personas`] for all.
#[derive(Clone, Copy)]
#[non_exhaustive]
pub struct Persona {
    /// Its name.
    pub name: &'static str,
    /// What is peculiar.
    pub about: &'static str,
    /// The report.
    pub source: &'static str,
    apply: fn(Builder) -> Builder,
}

impl Persona {
    /// The persona of that name.
    #[must_use]
    pub fn named(name: &str) -> Option<&'static Self> {
        personas().find(|persona| persona.name == name)
    }

    pub(crate) fn apply(&self, builder: Builder) -> Builder {
        (self.apply)(builder)
    }
}

impl fmt::Debug for Persona {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Persona")
            .field("name", &self.name)
            .finish_non_exhaustive()
    }
}

/// All personas, by area: capabilities, connections, mailboxes, answers, structures, mail.
pub fn personas() -> impl Iterator<Item = &'static Persona> {
    let areas = [
        capabilities::ALL,
        connection::ALL,
        mailboxes::ALL,
        answers::ALL,
        structure::ALL,
        mail::ALL,
    ];
    areas.into_iter().flatten()
}
