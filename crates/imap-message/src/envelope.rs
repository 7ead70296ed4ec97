//! ENVELOPE.

use crate::Octets;
use crate::address::{Address, Room, parse_addresses};
use crate::charset;
use crate::encoded_word;
use crate::field_name::FieldName;
use crate::header::{Field, Fields, trim, unfold};

/// The envelope structure of a message (RFC 9051 section 7.5.2, RFC 3501 section 7.4.2).
///
/// A string is `None` where the header field is absent, and empty where the field is present and empty. A string is
/// the field's unfolded value, undecoded: it may hold 8-bit octets, but never NUL, CR or LF.
///
/// An address list is empty (`NIL` on the wire) where the field is absent or has no address. Where a field that may
/// occur once (RFC 5322 section 3.6) occurs again, the first one counts, except that the recipients of all `To:`,
/// `Cc:` and `Bcc:` fields are listed.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct Envelope<'a> {
    /// `Date:` as written.
    pub date: Option<Octets<'a>>,
    /// `Subject:`, encoded words left as they are.
    pub subject: Option<Octets<'a>>,
    /// `From:`.
    pub from: Vec<Address<'a>>,
    sender: Vec<Address<'a>>,
    reply_to: Vec<Address<'a>>,
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
    /// [`subject`](Self::subject) as people read it: encoded words (RFC 2047) and octets in some charset are decoded.
    pub fn subject_text(&self) -> Option<String> {
        let subject = charset::guess(self.subject.as_ref()?);
        Some(encoded_word::decode(&subject).into_owned())
    }

    /// `Sender:`, or [`from`](Self::from) where that is absent or has no address (RFC 9051 section 7.5.2).
    pub fn sender(&self) -> &[Address<'a>] {
        if self.sender.is_empty() {
            &self.from
        } else {
            &self.sender
        }
    }

    /// `Reply-To:`, or [`from`](Self::from) where that is absent or has no address (RFC 9051 section 7.5.2).
    pub fn reply_to(&self) -> &[Address<'a>] {
        if self.reply_to.is_empty() {
            &self.from
        } else {
            &self.reply_to
        }
    }

    /// The envelope that a header section has.
    pub(crate) fn of(header: &'a [u8], room: &mut Room) -> Self {
        let known = |field: Field<'a>| Some((FieldName::of(field.name())?, trim(field.raw_value())));
        Self::of_fields(Fields::new(header).filter_map(known), room)
    }

    /// The envelope that these fields make. Addresses beyond `room` are left out.
    pub(crate) fn of_fields(fields: impl Iterator<Item = (FieldName, &'a [u8])>, room: &mut Room) -> Self {
        let mut envelope = Self::default();
        for (name, value) in fields {
            match envelope.member(name) {
                Some(Member::Text(text)) => drop(text.get_or_insert_with(|| unfold(value))),
                Some(Member::First(list)) if !list.is_empty() => {}
                Some(Member::First(list) | Member::All(list)) => parse_addresses(value, list, room),
                None => {}
            }
        }
        envelope
    }

    /// The member that a field of this name fills.
    fn member(&mut self, name: FieldName) -> Option<Member<'_, 'a>> {
        Some(match name {
            FieldName::Date => Member::Text(&mut self.date),
            FieldName::Subject => Member::Text(&mut self.subject),
            FieldName::From => Member::First(&mut self.from),
            FieldName::Sender => Member::First(&mut self.sender),
            FieldName::ReplyTo => Member::First(&mut self.reply_to),
            FieldName::To => Member::All(&mut self.to),
            FieldName::Cc => Member::All(&mut self.cc),
            FieldName::Bcc => Member::All(&mut self.bcc),
            FieldName::InReplyTo => Member::Text(&mut self.in_reply_to),
            FieldName::MessageId => Member::Text(&mut self.message_id),
            _ => return None,
        })
    }
}

enum Member<'e, 'a> {
    Text(&'e mut Option<Octets<'a>>),
    First(&'e mut Vec<Address<'a>>),
    All(&'e mut Vec<Address<'a>>),
}
