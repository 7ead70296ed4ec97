//! How a session opened its mailbox.

/// How a session opened its mailbox.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Access {
    /// EXAMINE: nothing that the session does changes the mailbox, and it takes `\Recent` from nobody.
    ReadOnly,
    /// SELECT.
    ReadWrite,
}
