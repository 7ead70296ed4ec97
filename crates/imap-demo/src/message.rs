//! What all of the demo's messages have in common, around `mail-builder`.

use chrono::{DateTime, FixedOffset};
use mail_builder::MessageBuilder;
use mail_builder::headers::address::Address;
use mail_builder::headers::content_type::ContentType;
use mail_builder::headers::raw::Raw;
use mail_builder::mime::{BodyPart, MimePart};

/// A MIME part with its header fields.
pub(crate) type Part = MimePart<'static>;

/// A message under construction: header fields, then one body.
#[derive(Debug)]
pub(crate) struct Message(MessageBuilder<'static>);

impl Message {
    /// A message with the four fields that nearly all have.
    pub(crate) fn new(
        id: &str,
        date: DateTime<FixedOffset>,
        from: Address<'static>,
        to: Address<'static>,
    ) -> Self {
        let message = MessageBuilder::new()
            .from(from)
            .to(to)
            // Not the builder's own form of a date: that is always UTC, and real senders live in many offsets.
            .header("Date", Raw::new(date.to_rfc2822()))
            .message_id(format!("{id}@harbour.example"));
        Self(message)
    }

    /// The subject, encoded where it is not ASCII.
    pub(crate) fn subject(self, subject: impl Into<String>) -> Self {
        Self(self.0.subject(subject.into()))
    }

    /// Recipients of a copy.
    pub(crate) fn cc(self, cc: Address<'static>) -> Self {
        Self(self.0.cc(cc))
    }

    /// A field that is not encoded, whatever is in it. It is folded where it is long.
    pub(crate) fn raw(self, name: &'static str, value: impl Into<String>) -> Self {
        Self(self.0.header(name, Raw::new(value.into())))
    }

    /// The whole message, with the line ends that messages have in Maildirs: LF.
    pub(crate) fn with(self, body: Part) -> Vec<u8> {
        let mut octets = Vec::new();
        self.0.body(body).serialize(&mut octets);
        without_cr(octets)
    }

    /// A message without any MIME field, as the oldest mail programs wrote.
    pub(crate) fn without_mime(self, text: &str) -> Vec<u8> {
        let octets = self.with(raw_part("", text));
        // The builder always writes this field.
        String::from_utf8_lossy(&octets)
            .replacen("MIME-Version: 1.0\n", "", 1)
            .into_bytes()
    }
}

/// A name and an address; no name where it is empty.
pub(crate) fn mailbox(name: &'static str, address: impl Into<String>) -> Address<'static> {
    Address::new_address(Some(name).filter(|name| !name.is_empty()), address.into())
}

/// `text/plain`. The builder chooses the encoding that suits the text.
pub(crate) fn plain(text: impl Into<String>) -> Part {
    Part::new("text/plain", text.into())
}

/// `text/html`, likewise.
pub(crate) fn html(text: &str) -> Part {
    Part::new(
        "text/html",
        format!("<!DOCTYPE html>\n<html><body>\n{text}</body></html>\n"),
    )
}

/// Text that is in another charset already.
pub(crate) fn text_in(charset: &'static str, octets: &'static [u8]) -> Part {
    Part::new(
        ContentType::new("text/plain").attribute("charset", charset),
        octets,
    )
}

/// A picture that HTML beside it shows as `cid:ID`.
pub(crate) fn picture(id: &'static str, name: &'static str, png: Vec<u8>) -> Part {
    Part::new(ContentType::new("image/png").attribute("name", name), png)
        .inline()
        .cid(id)
}

/// A part as it is: `fields` are whole lines.
pub(crate) fn raw_part(fields: &str, body: impl AsRef<[u8]>) -> Part {
    Part::raw([fields.as_bytes(), b"\n", body.as_ref()].concat())
}

/// A message within the message.
pub(crate) fn attached_message(octets: &[u8]) -> Part {
    raw_part("Content-Type: message/rfc822\n", octets)
}

/// Several parts, of a `multipart/` type.
pub(crate) fn multipart(kind: impl Into<ContentType<'static>>, parts: impl Into<Vec<Part>>) -> Part {
    let (kind, parts) = (kind.into(), parts.into());
    let size: usize = parts.iter().map(Part::size).sum();
    // Left to itself, the builder makes a boundary of the time and of randomness. This one is the same every time, and
    // another one than that of the parts inside, which are smaller.
    let boundary = format!("=_{}_{size}", kind.c_type.replace('/', "_"));
    Part::new(kind.attribute("boundary", boundary), BodyPart::Multipart(parts))
}

/// A part with its header fields, and with LF.
pub(crate) fn octets(part: Part) -> Vec<u8> {
    let mut octets = Vec::new();
    part.write_part(&mut octets);
    without_cr(octets)
}

fn without_cr(octets: Vec<u8>) -> Vec<u8> {
    octets.into_iter().filter(|octet| *octet != b'\r').collect()
}
