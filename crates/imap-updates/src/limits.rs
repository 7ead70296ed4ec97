//! How much a mailbox's history may remember.

/// Bounds of one [`MailboxHub`](crate::MailboxHub)'s history. What is beyond a bound is found again by comparing
/// with the store; nobody is disconnected for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Most messages whose last flag change is kept for sessions that have not been told, each about 100 octets.
    /// A session that falls behind this has its flags restated
    /// ([`UpdateBuffer::restate_flags`](crate::UpdateBuffer::restate_flags)). Default 262,144: about 25 MB.
    pub flag_changes: usize,
    /// Most expunge records, one for each critical section that expunged, that answer VANISHED (EARLIER) of a
    /// reconnecting client (RFC 7162 section 3.2.5). Default 4,096.
    pub expunge_records: usize,
    /// Most UIDs whose expunge was reported before their arrival. Default 4,096.
    pub early_expunges: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            flag_changes: 262_144,
            expunge_records: 4_096,
            early_expunges: 4_096,
        }
    }
}
