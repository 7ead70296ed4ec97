//! What NOTIFY asked for the selected mailbox (RFC 5465 section 6.1).

/// When a client wants to hear of its selected mailbox.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum SelectedEvents {
    /// No NOTIFY yet: during commands, as the release table says.
    #[default]
    DuringCommands,
    /// NOTIFY SET (SELECTED ..): at any time, EXPUNGE included, even without a command and during FETCH. The client
    /// gave message sequence numbers up by asking for it.
    AtAnyTime,
    /// NOTIFY SET (SELECTED-DELAYED ..): at any time, but EXPUNGE as the release table says.
    AtAnyTimeButExpunge,
    /// NOTIFY without either, or with NONE: never. The client looks at a snapshot, in which only its own commands change the
    /// numbering ([`UpdateBuffer::removed_by_client`](crate::UpdateBuffer::removed_by_client)).
    Never,
}
