//! Addresses as ENVELOPE lists them.

use crate::Octets;

/// One address structure of an ENVELOPE (RFC 9051 section 7.5.2, RFC 3501 section 7.4.2).
///
/// The four members are those of the RFC, in its order. Group syntax is told by absent members, as on the wire:
/// `host` absent and `mailbox` present opens a group of that name, both absent closes it.
///
/// An address without a domain (`From: root`) has an *empty* `host`, because an absent one would open a group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Address<'a> {
    /// The display name, quoted strings unescaped, encoded words left as they are.
    pub name: Option<Octets<'a>>,
    /// The source route (`addr-adl`), for example `@one.example,@two.example`. Obsolete since 1989.
    pub route: Option<Octets<'a>>,
    /// The local part with RFC 5322 quoting removed, or the name of a group that opens here.
    pub mailbox: Option<Octets<'a>>,
    /// The domain; a domain literal keeps its brackets.
    pub host: Option<Octets<'a>>,
}
