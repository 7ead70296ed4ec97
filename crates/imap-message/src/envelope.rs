//! ENVELOPE.

use crate::Octets;
use crate::address::{Address, parse_addresses};
use crate::header::Fields;

/// The envelope structure of a message (RFC 9051 section 7.5.2, RFC 3501 section 7.4.2).
///
/// A string is `None` where the header field is absent, and empty where the field is present and empty. A string is
/// the field's unfolded value, undecoded: it may hold 8-bit octets, but never NUL, CR or LF.
///
/// An address list is empty (`NIL` on the wire) where the field is absent or has no address. Where a field that may
/// occur once (RFC 5322 section 3.6) occurs again, the first one counts, except that the recipients of all `To:`,
/// `Cc:` and `Bcc:` fields are listed.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Envelope<'a> {
    /// `Date:` as written.
    pub date: Option<Octets<'a>>,
    /// `Subject:`, encoded words left as they are.
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

impl<'a> Envelope<'a> {
    pub(crate) fn of(header: &'a [u8]) -> Self {
        let mut envelope = Self::default();
        for field in Fields::new(header) {
            match envelope.member(field.name()) {
                Some(Member::Text(text)) => drop(text.get_or_insert_with(|| field.value())),
                Some(Member::First(list)) if !list.is_empty() => {}
                Some(Member::First(list) | Member::All(list)) => parse_addresses(field.raw_value(), list),
                None => {}
            }
        }
        for list in [&mut envelope.sender, &mut envelope.reply_to] {
            if list.is_empty() {
                list.clone_from(&envelope.from);
            }
        }
        envelope
    }

    /// The member that a field of this name fills.
    fn member(&mut self, name: &[u8]) -> Option<Member<'_, 'a>> {
        Some(match name.to_ascii_lowercase().as_slice() {
            b"date" => Member::Text(&mut self.date),
            b"subject" => Member::Text(&mut self.subject),
            b"from" => Member::First(&mut self.from),
            b"sender" => Member::First(&mut self.sender),
            b"reply-to" => Member::First(&mut self.reply_to),
            b"to" => Member::All(&mut self.to),
            b"cc" => Member::All(&mut self.cc),
            b"bcc" => Member::All(&mut self.bcc),
            b"in-reply-to" => Member::Text(&mut self.in_reply_to),
            b"message-id" => Member::Text(&mut self.message_id),
            _ => return None,
        })
    }
}

enum Member<'e, 'a> {
    Text(&'e mut Option<Octets<'a>>),
    First(&'e mut Vec<Address<'a>>),
    All(&'e mut Vec<Address<'a>>),
}
