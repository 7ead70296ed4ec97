//! What the strings of every answer promise: no octet that a quoted string may not hold.

use imap_message::{Address, BodyStructure, Envelope, Extension, Octets, Parameter, Specific};

fn assert_clean(octets: &Octets<'_>) {
    assert!(
        !octets.iter().any(|octet| matches!(octet, 0 | b'\r' | b'\n')),
        "{octets:?}"
    );
}

pub(crate) fn assert_envelope_clean(envelope: &Envelope<'_>) {
    let texts = [
        &envelope.date,
        &envelope.subject,
        &envelope.in_reply_to,
        &envelope.message_id,
    ];
    texts.into_iter().flatten().for_each(assert_clean);
    let lists: [&[Address<'_>]; 6] = [
        &envelope.from,
        envelope.sender(),
        envelope.reply_to(),
        &envelope.to,
        &envelope.cc,
        &envelope.bcc,
    ];
    for Address {
        name,
        route,
        mailbox,
        host,
    } in lists.into_iter().flatten()
    {
        [name, route, mailbox, host]
            .into_iter()
            .flatten()
            .for_each(assert_clean);
        assert!(
            host.is_none() || mailbox.is_some(),
            "no such address in the grammar"
        );
    }
}

fn assert_parameters_clean(parameters: &[Parameter<'_>]) {
    for parameter in parameters {
        assert_clean(&parameter.name);
        assert_clean(&parameter.value);
    }
}

fn assert_extension_clean(extension: &Extension<'_>) {
    if let Some(disposition) = &extension.disposition {
        assert_clean(&disposition.kind);
        assert_parameters_clean(&disposition.parameters);
    }
    extension
        .language
        .iter()
        .chain(&extension.location)
        .for_each(assert_clean);
}

pub(crate) fn assert_structure_clean(structure: &BodyStructure<'_>) {
    match structure {
        BodyStructure::Multipart(multipart) => {
            assert!(!multipart.parts.is_empty(), "no such multipart in the grammar");
            assert_clean(&multipart.subtype);
            assert_parameters_clean(&multipart.parameters);
            assert_extension_clean(&multipart.extension);
            multipart.parts.iter().for_each(assert_structure_clean);
        }
        BodyStructure::Single(part) => {
            [&part.media_type, &part.subtype, &part.encoding]
                .into_iter()
                .for_each(assert_clean);
            [&part.id, &part.description, &part.md5]
                .into_iter()
                .flatten()
                .for_each(assert_clean);
            assert_parameters_clean(&part.parameters);
            assert_extension_clean(&part.extension);
            if let Specific::Message { envelope, body, .. } = &part.specific {
                assert_envelope_clean(envelope);
                assert_structure_clean(body);
            }
        }
    }
}
