//! How much a mailbox's history may remember.

/// Bounds of one hub's history. What is beyond a bound is found again by comparing with the store; nobody is
/// disconnected for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    pub(crate) flag_changes: usize,
    pub(crate) expunge_records: usize,
    pub(crate) keywords: usize,
    pub(crate) waiting_events: usize,
}

impl Limits {
    /// Most messages whose last flag change is kept for sessions that have not been told, each about 100 octets. A
    /// session that falls behind this has its flags restated
    /// ([`UpdateBuffer::restate_flags`](crate::UpdateBuffer::restate_flags)). Default 262,144: about 25 MB.
    #[must_use]
    pub const fn with_flag_changes(self, flag_changes: usize) -> Self {
        Self { flag_changes, ..self }
    }

    /// Most expunge records, one for each critical section that expunged, that answer VANISHED (EARLIER) of a
    /// reconnecting client (RFC 7162 section 3.2.5). Default 4,096.
    #[must_use]
    pub const fn with_expunge_records(self, expunge_records: usize) -> Self {
        Self {
            expunge_records,
            ..self
        }
    }

    /// Most keywords that the mailbox defines, each up to 255 octets. Beyond it a new keyword is told with the flags of
    /// its message and is not among the mailbox's FLAGS. Default 4,096: at most 1 MB.
    #[must_use]
    pub const fn with_keywords(self, keywords: usize) -> Self {
        Self { keywords, ..self }
    }

    /// Most events in pages that a [`LogHub`](crate::LogHub) keeps until what comes before them was read, each about 50
    /// octets. Beyond it pages are dropped and have to be read again. Default 262,144: about 13 MB.
    #[must_use]
    pub const fn with_waiting_events(self, waiting_events: usize) -> Self {
        Self {
            waiting_events,
            ..self
        }
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            flag_changes: 262_144,
            expunge_records: 4_096,
            keywords: 4_096,
            waiting_events: 262_144,
        }
    }
}
