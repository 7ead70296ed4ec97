//! What the operator chooses besides bounds.

/// Whether clients may have their connection compressed: COMPRESS=DEFLATE (RFC 4978), after login only, so that no password
/// is compressed together with what a stranger chose.
///
/// Under TLS, what is compressed shows by its length how much it has in common with what was sent before. Who reads another's
/// encrypted connection, and has mail delivered into the same mailbox while it is read, can learn something of its other
/// mail in this way. Switch it off where that matters more than bandwidth.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Compression {
    /// It is offered. The default.
    #[default]
    Offered,
    /// It is not.
    Off,
}

/// What the operator chooses besides bounds.
#[derive(Debug, Clone, Default)]
pub(crate) struct Options {
    pub(crate) compression: Compression,
}
