//! What SORT and THREAD ask of a summary.

use chrono::{DateTime, Utc};

use super::{KeptFields, Summary};
use crate::address::{Address, Room, parse_addresses};
use crate::charset;
use crate::date::parse_moment;
use crate::encoded_word;
use crate::field_name::FieldName;
use crate::message_id::MessageIds;

/// An address field by which messages are sorted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum AddressField {
    /// `From:`.
    From,
    /// `To:`.
    To,
    /// `Cc:`.
    Cc,
}

/// The fields of a message's own header that a [`Summary`] keeps: all that SORT and THREAD look at. Borrowed from a summary, or from
/// its octets ([`from_bytes`](Self::from_bytes)), without a copy of either.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KeptHeader<'a> {
    pub(super) fields: KeptFields<'a>,
}

impl Summary {
    /// What is kept of the message's own header.
    pub fn header(&self) -> KeptHeader<'_> {
        KeptHeader {
            fields: self.fields_of(0),
        }
    }
}

impl<'a> KeptHeader<'a> {
    /// The sent date: the moment of the `Date:` field (RFC 5256 section 2.2). `None` if there is none or its day cannot be
    /// read; the internal date counts then.
    pub fn sent_at(self) -> Option<DateTime<Utc>> {
        parse_moment(self.field(FieldName::Date)?)
    }

    /// The subject as people read it, encoded words decoded, of which [`BaseSubject`](crate::BaseSubject) takes what SORT
    /// and THREAD compare. Empty where there is none.
    pub fn subject_text(self) -> String {
        let subject = charset::guess(self.field(FieldName::Subject).unwrap_or_default());
        encoded_word::decode(&subject).into_owned()
    }

    /// `addr-mailbox` of the first address of the field (RFC 5256 section 3, SORT): the local part, or the name of a group.
    /// Empty where there is none.
    pub fn first_mailbox(self, field: AddressField) -> String {
        let address = self.first_address(field);
        let mailbox = address.as_ref().and_then(|address| address.mailbox.as_deref());
        charset::guess(mailbox.unwrap_or_default()).into_owned()
    }

    /// The DISPLAY sort value of the first address of the field (RFC 5957 section 3): its display name with encoded words
    /// decoded, or the address itself. Empty where there is none.
    pub fn first_display(self, field: AddressField) -> String {
        let Some(address) = self.first_address(field) else {
            return String::new();
        };
        let name = address.name.as_deref().map(charset::guess).unwrap_or_default();
        if !name.is_empty() {
            let name = encoded_word::decode(&name);
            if !name.is_empty() {
                return name.into_owned();
            }
        }
        let mailbox = charset::guess(address.mailbox.as_deref().unwrap_or_default());
        match address.host.as_deref() {
            Some(host) => format!("{mailbox}@{}", charset::guess(host)),
            None => mailbox.into_owned(),
        }
    }

    /// The message's own ID, as others refer to it.
    pub fn message_id(self) -> MessageIds<'a> {
        self.ids(FieldName::MessageId)
    }

    /// The IDs of the messages that it answers, oldest first: those of `References:`, or where it has none the first one of
    /// `In-Reply-To:` (RFC 5256 section 3, REFERENCES).
    pub fn ancestors(self) -> impl Iterator<Item = crate::Octets<'a>> {
        let references = self.ids(FieldName::References);
        let reply = match references.clone().next() {
            Some(_) => MessageIds::new(b""),
            None => self.ids(FieldName::InReplyTo),
        };
        references.chain(reply.take(1))
    }

    fn ids(self, name: FieldName) -> MessageIds<'a> {
        MessageIds::new(self.field(name).unwrap_or_default())
    }

    fn first_address(self, field: AddressField) -> Option<Address<'a>> {
        let name = match field {
            AddressField::From => FieldName::From,
            AddressField::To => FieldName::To,
            AddressField::Cc => FieldName::Cc,
        };
        let mut list = Vec::new();
        for (_, value) in self.fields.filter(|kept| kept.0 == name) {
            parse_addresses(value, &mut list, &mut Room::of(1));
            if !list.is_empty() {
                break;
            }
        }
        list.into_iter().next()
    }

    fn field(self, name: FieldName) -> Option<&'a [u8]> {
        let mut fields = self.fields;
        fields.find(|kept| kept.0 == name).map(|kept| kept.1)
    }
}
