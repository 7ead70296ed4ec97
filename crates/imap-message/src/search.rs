//! Substrings for SEARCH.

/// A search string, folded once for many messages.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Needle(String);

impl Needle {
    /// Prepares `text`.
    pub fn new(text: &str) -> Self {
        Self(text.to_lowercase())
    }

    /// Whether the search string is empty: it then is in every text.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}
