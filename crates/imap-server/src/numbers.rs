//! Message sequence numbers or UIDs.

/// What the numbers in a command's set, or in the answer of SEARCH, are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Numbers {
    Seqs,
    Uids,
}

impl Numbers {
    /// The codec's `uid: bool`.
    pub(crate) fn of(uid: bool) -> Self {
        if uid { Self::Uids } else { Self::Seqs }
    }
}
