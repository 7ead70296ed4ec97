//! ENVELOPE, BODY and BODYSTRUCTURE (RFC 9051, section 7.5.2).

use std::borrow::Cow;

use imap_message::{Address, BodyStructure, Envelope, Extension, Multipart, Parameter, SinglePart, Specific};

use super::sink::Sink;
use super::text::{nstring, number, string};

/// BODY leaves out what BODYSTRUCTURE has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Extensions {
    /// `BODYSTRUCTURE`.
    Written,
    /// `BODY`.
    LeftOut,
}

pub(crate) fn envelope<S: Sink>(out: &mut S, envelope: &Envelope<'_>) {
    out.push(b'(');
    optional(out, envelope.date.as_ref());
    out.push(b' ');
    optional(out, envelope.subject.as_ref());
    for list in [
        &envelope.from,
        envelope.sender(),
        envelope.reply_to(),
        &envelope.to,
        &envelope.cc,
        &envelope.bcc,
    ] {
        out.push(b' ');
        addresses(out, list);
    }
    out.push(b' ');
    optional(out, envelope.in_reply_to.as_ref());
    out.push(b' ');
    optional(out, envelope.message_id.as_ref());
    out.push(b')');
}

fn optional<S: Sink>(out: &mut S, octets: Option<&Cow<'_, [u8]>>) {
    nstring(out, octets.map(|octets| &**octets));
}

fn addresses<S: Sink>(out: &mut S, list: &[Address<'_>]) {
    if list.is_empty() {
        return out.extend_from_slice(b"NIL");
    }
    out.push(b'(');
    for address in list {
        out.push(b'(');
        optional(out, address.name.as_ref());
        out.push(b' ');
        optional(out, address.route.as_ref());
        out.push(b' ');
        optional(out, address.mailbox.as_ref());
        out.push(b' ');
        optional(out, address.host.as_ref());
        out.push(b')');
    }
    out.push(b')');
}

/// Recursion ends where `imap-message` has cut the structure.
pub(crate) fn body_structure<S: Sink>(out: &mut S, structure: &BodyStructure<'_>, extensions: Extensions) {
    out.push(b'(');
    match structure {
        BodyStructure::Single(part) => single(out, part, extensions),
        BodyStructure::Multipart(part) => multipart(out, part, extensions),
    }
    out.push(b')');
}

fn single<S: Sink>(out: &mut S, part: &SinglePart<'_>, extensions: Extensions) {
    string(out, &part.media_type);
    out.push(b' ');
    string(out, &part.subtype);
    out.push(b' ');
    parameters(out, &part.parameters);
    out.push(b' ');
    optional(out, part.id.as_ref());
    out.push(b' ');
    optional(out, part.description.as_ref());
    out.push(b' ');
    string(out, &part.encoding);
    out.push(b' ');
    number(out, part.octets);
    match &part.specific {
        Specific::Basic => {}
        // IMAP4rev1 knows message/rfc822 only (RFC 3501, section 9: body-type-msg).
        Specific::Message { .. } if part.is_global_message() => {}
        Specific::Text { lines } => {
            out.push(b' ');
            number(out, *lines);
        }
        Specific::Message {
            envelope: inner,
            body,
            lines,
        } => {
            out.push(b' ');
            envelope(out, inner);
            out.push(b' ');
            body_structure(out, body, extensions);
            out.push(b' ');
            number(out, *lines);
        }
    }
    if extensions == Extensions::Written {
        out.push(b' ');
        optional(out, part.md5.as_ref());
        extension(out, &part.extension);
    }
}

fn multipart<S: Sink>(out: &mut S, part: &Multipart<'_>, extensions: Extensions) {
    for inner in &part.parts {
        body_structure(out, inner, extensions);
    }
    out.push(b' ');
    string(out, &part.subtype);
    if extensions == Extensions::Written {
        out.push(b' ');
        parameters(out, &part.parameters);
        extension(out, &part.extension);
    }
}

/// Disposition, language and location, each with the space before it.
fn extension<S: Sink>(out: &mut S, extension: &Extension<'_>) {
    out.push(b' ');
    match &extension.disposition {
        None => out.extend_from_slice(b"NIL"),
        Some(disposition) => {
            out.push(b'(');
            string(out, &disposition.kind);
            out.push(b' ');
            parameters(out, &disposition.parameters);
            out.push(b')');
        }
    }
    out.push(b' ');
    match extension.language.as_slice() {
        [] => out.extend_from_slice(b"NIL"),
        [one] => string(out, one),
        several => {
            out.push(b'(');
            for (index, language) in several.iter().enumerate() {
                if index > 0 {
                    out.push(b' ');
                }
                string(out, language);
            }
            out.push(b')');
        }
    }
    out.push(b' ');
    optional(out, extension.location.as_ref());
}

fn parameters<S: Sink>(out: &mut S, parameters: &[Parameter<'_>]) {
    if parameters.is_empty() {
        return out.extend_from_slice(b"NIL");
    }
    out.push(b'(');
    for (index, parameter) in parameters.iter().enumerate() {
        if index > 0 {
            out.push(b' ');
        }
        string(out, &parameter.name);
        out.push(b' ');
        string(out, &parameter.value);
    }
    out.push(b')');
}
