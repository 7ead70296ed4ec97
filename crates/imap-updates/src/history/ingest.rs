//! What a hub did with a change.

/// What a hub did with a change that it was given. Nothing panics; every case is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
#[must_use]
pub enum Ingest {
    /// It was new and is now part of the history.
    Applied,
    /// It was known already: nothing changed.
    Duplicate,
    /// It is about a UID that is not in the mailbox: nothing changed.
    Unknown,
    /// A message arrived with a UID below one that a session may have been told of. It is hidden until no session has
    /// the mailbox open, because to insert it would shift numbers that clients have.
    Late,
    /// A message arrived with the UID of an expunged one: the store breaks RFC 9051 section 2.3.1.1.
    Reused,
    /// The mailbox is [`Closed`](crate::Closed): nothing changed.
    Closed,
}
