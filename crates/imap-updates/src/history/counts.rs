//! How often a hub answered what: a store that is wrong shows in these figures before a user notices.

use super::Ingest;

/// Answers of one hub since it was made. Changes through [`HubGuard::expunge`](crate::HubGuard::expunge) count as one
/// each, applied or unknown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct IngestCounts {
    /// [`Ingest::Applied`].
    pub applied: u64,
    /// [`Ingest::Duplicate`]: harmless.
    pub duplicate: u64,
    /// [`Ingest::Unknown`]: the store speaks of messages that it did not report.
    pub unknown: u64,
    /// [`Ingest::Late`]: the store numbers messages in another order than it commits them.
    pub late: u64,
    /// [`Ingest::Reused`]: the store uses UIDs twice, which destroys mail in clients' caches.
    pub reused: u64,
    /// [`Ingest::Closed`].
    pub closed: u64,
}

impl IngestCounts {
    pub(crate) const fn count(&mut self, done: Ingest) {
        let counter = match done {
            Ingest::Applied => &mut self.applied,
            Ingest::Duplicate => &mut self.duplicate,
            Ingest::Unknown => &mut self.unknown,
            Ingest::Late => &mut self.late,
            Ingest::Reused => &mut self.reused,
            Ingest::Closed => &mut self.closed,
        };
        *counter += 1;
    }
}
