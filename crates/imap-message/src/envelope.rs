//! ENVELOPE.

use crate::{Address, Octets};

/// The envelope structure of a message (RFC 9051 section 7.5.2, RFC 3501 section 7.4.2).
///
/// A string is `None` where the header field is absent, and empty where the field is present and empty.
/// An address list is empty (`NIL` on the wire) where the field is absent or has no address.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Envelope<'a> {
    /// The `Date:` field as written.
    pub date: Option<Octets<'a>>,
    /// The `Subject:` field, encoded words left as they are.
    pub subject: Option<Octets<'a>>,
    /// `From:`.
    pub from: Vec<Address<'a>>,
    /// `Sender:`, or `from` where that is absent or empty.
    pub sender: Vec<Address<'a>>,
    /// `Reply-To:`, or `from` where that is absent or empty.
    pub reply_to: Vec<Address<'a>>,
    /// `To:`.
    pub to: Vec<Address<'a>>,
    /// `Cc:`.
    pub cc: Vec<Address<'a>>,
    /// `Bcc:`.
    pub bcc: Vec<Address<'a>>,
    /// `In-Reply-To:`.
    pub in_reply_to: Option<Octets<'a>>,
    /// `Message-ID:`.
    pub message_id: Option<Octets<'a>>,
}
