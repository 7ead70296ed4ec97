//! CREATE: what is asked for and what was made (RFC 9051, section 6.3.4).

/// How a mailbox is to be created.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct Create {}

/// A mailbox that was created.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct Created {}
