//! Quotas (RFC 9208).

/// How much of a resource is used, and how much may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Usage {
    used: u64,
    limit: u64,
}

impl Usage {
    /// So much of so much.
    #[must_use]
    pub const fn new(used: u64, limit: u64) -> Self {
        Self { used, limit }
    }

    /// What is used.
    #[must_use]
    pub const fn used(&self) -> u64 {
        self.used
    }

    /// What may be used.
    #[must_use]
    pub const fn limit(&self) -> u64 {
        self.limit
    }

    /// Whether so much more fits.
    #[must_use]
    pub const fn has_room_for(&self, more: u64) -> bool {
        match self.used.checked_add(more) {
            Some(used) => used <= self.limit,
            None => false,
        }
    }
}

/// A quota root: limits that mailboxes share (RFC 9208, section 3.2).
///
/// ```
/// use imap_backend::{Quota, Usage};
/// let quota = Quota::new("").with_messages(Usage::new(42, 1000)).with_storage(Usage::new(1 << 20, 1 << 30));
/// assert!(quota.has_room_for(10, 4096) && !quota.has_room_for(1000, 0));
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Quota {
    root: String,
    storage: Option<Usage>,
    messages: Option<Usage>,
}

impl Quota {
    /// A root of this name without limits. The name may be empty.
    #[must_use]
    pub fn new(root: &str) -> Self {
        Self {
            root: root.to_owned(),
            ..Self::default()
        }
    }

    /// With a limit of octets (RFC 9208, section 5.1: STORAGE).
    #[must_use]
    pub const fn with_storage(mut self, octets: Usage) -> Self {
        self.storage = Some(octets);
        self
    }

    /// With a limit of messages (RFC 9208, section 5.2: MESSAGE).
    #[must_use]
    pub const fn with_messages(mut self, messages: Usage) -> Self {
        self.messages = Some(messages);
        self
    }

    /// Its name.
    #[must_use]
    pub fn root(&self) -> &str {
        &self.root
    }

    /// Octets; none where they are not limited.
    #[must_use]
    pub const fn storage(&self) -> Option<Usage> {
        self.storage
    }

    /// Messages; none where they are not limited.
    #[must_use]
    pub const fn messages(&self) -> Option<Usage> {
        self.messages
    }

    /// Whether so many more messages of so many octets together fit.
    #[must_use]
    pub fn has_room_for(&self, messages: u64, octets: u64) -> bool {
        self.messages.is_none_or(|usage| usage.has_room_for(messages))
            && self.storage.is_none_or(|usage| usage.has_room_for(octets))
    }

    /// Whether a message of so many octets fits in the place of one of `replaced` octets, which goes (RFC 8508, section 3.4).
    /// Who takes no more room than before may always.
    ///
    /// ```
    /// use imap_backend::{Quota, Usage};
    /// let full = Quota::new("").with_messages(Usage::new(1, 1)).with_storage(Usage::new(1000, 1000));
    /// assert!(full.has_room_in_place_of(600, 600) && !full.has_room_in_place_of(600, 601));
    /// ```
    #[must_use]
    pub fn has_room_in_place_of(&self, replaced: u64, octets: u64) -> bool {
        let more = octets.saturating_sub(replaced);
        more == 0 || self.storage.is_none_or(|usage| usage.has_room_for(more))
    }
}
