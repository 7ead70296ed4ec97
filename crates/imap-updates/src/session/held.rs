//! Held EXPUNGEs, and the form in which they will be reported.

use imap_seq::ModSeq;

/// The EXPUNGEs that a session has not been told because its commands forbade it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Held {
    /// How many.
    pub count: u32,
    /// For how many drains the oldest has been held: its age in commands.
    pub drains: u32,
    /// A mod-sequence below all of them: HIGHESTMODSEQ stays here until they are released.
    pub below: ModSeq,
}

/// How expunges are reported to this client.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ExpungeForm {
    /// `* n EXPUNGE`, one for each message.
    Expunge,
    /// `* VANISHED uids`, after ENABLE QRESYNC or UIDONLY (RFC 7162 section 3.2.10).
    Vanished,
}
