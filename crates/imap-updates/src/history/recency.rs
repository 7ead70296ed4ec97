//! Whether a message is `\Recent`.

/// Whether a message is `\Recent`: this session is the first that was told of it (RFC 3501 section 2.3.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Recency {
    /// `\Recent`.
    Recent,
    /// Some session has been told of it before.
    NotRecent,
}
