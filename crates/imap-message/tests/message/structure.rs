use imap_message::{BodyStructure, MAX_DEPTH, MAX_PARTS, Message, Needle, Parameter, Specific};

use crate::support::{crlf, leaves, outline, parts, single, structure};

fn show(parameters: &[Parameter<'_>]) -> Vec<String> {
    let text = |octets: &[u8]| String::from_utf8_lossy(octets).into_owned();
    parameters
        .iter()
        .map(|parameter| format!("{}={}", text(&parameter.name), text(&parameter.value)))
        .collect()
}

/// Type and parameters of a message with this `Content-Type:`.
fn content_type(value: &str) -> (String, Vec<String>) {
    let message = crlf(&format!("Content-Type: {value}\n\nbody"));
    let structure = structure(&message);
    (outline(&structure), show(&single(&structure).parameters))
}

#[test]
fn rfc2045_5_2_without_content_type_it_is_us_ascii_text() {
    let message = crlf("Subject: x\n\none\ntwo\nthree");
    let structure = structure(&message);
    let part = single(&structure);
    assert_eq!(outline(&structure), "text/plain");
    assert_eq!(show(&part.parameters), ["charset=us-ascii"]);
    assert_eq!(part.encoding.as_ref(), b"7BIT");
    assert_eq!((part.octets, &part.specific), (15, &Specific::Text { lines: 2 }));
    assert_eq!((&part.id, &part.description, &part.md5), (&None, &None, &None));
}

#[test]
fn rfc3501_7_4_2_all_fields_of_a_single_part() {
    let message = crlf(concat!(
        "Content-Type: Image/PNG; Name=\"a \\\"b\\\".png\"; x-y=z\nContent-Transfer-Encoding: BASE64 (comment)\n",
        "Content-ID: <i@x>\nContent-Description: a\n picture\nContent-MD5: abc=\n",
        "Content-Disposition: attachment; filename*=utf-8''na%C3%AFve.png; size=7\n",
        "Content-Language: en, de-AT\nContent-Location: http://example.org/\n\nAAAA\n"
    ));
    let structure = structure(&message);
    let part = single(&structure);
    assert_eq!(outline(&structure), "Image/PNG");
    assert_eq!(show(&part.parameters), ["Name=a \"b\".png", "x-y=z"]);
    assert_eq!(part.encoding.as_ref(), b"BASE64");
    assert_eq!(part.id.as_deref(), Some(&b"<i@x>"[..]));
    assert_eq!(part.description.as_deref(), Some(&b"a picture"[..]));
    assert_eq!(part.md5.as_deref(), Some(&b"abc="[..]));
    assert_eq!((part.octets, &part.specific), (6, &Specific::Basic));
    let disposition = part.extension.disposition.as_ref().unwrap();
    assert_eq!(disposition.kind.as_ref(), b"attachment");
    assert_eq!(
        show(&disposition.parameters),
        ["filename*=utf-8''na%C3%AFve.png", "size=7"]
    );
    assert_eq!(part.extension.language, [&b"en"[..], b"de-AT"]);
    assert_eq!(
        part.extension.location.as_deref(),
        Some(&b"http://example.org/"[..])
    );
}

#[test]
fn rfc3501_7_4_2_all_fields_of_a_multipart() {
    let message = crlf(
        "Content-Type: multipart/Related; boundary=\"x y\"; type=\"text/html\"\nContent-Disposition: inline\nContent-Language: en\nContent-Location: l\n\n--x y\n\na\n--x y--\n",
    );
    let BodyStructure::Multipart(multipart) = structure(&message) else {
        panic!("no multipart");
    };
    assert_eq!(multipart.subtype.as_ref(), b"Related");
    assert_eq!(show(&multipart.parameters), ["boundary=x y", "type=text/html"]);
    assert_eq!(multipart.parts.len(), 1);
    assert_eq!(multipart.extension.disposition.unwrap().kind.as_ref(), b"inline");
    assert_eq!(multipart.extension.language, [&b"en"[..]]);
    assert_eq!(multipart.extension.location.as_deref(), Some(&b"l"[..]));
}

#[test]
fn rfc3501_7_4_2_a_message_part_has_envelope_body_and_lines() {
    let message = crlf("Content-Type: message/rfc822\n\nSubject: in\nContent-Type: text/html\n\na\nb\n");
    let structure = structure(&message);
    let Specific::Message {
        envelope,
        body,
        lines,
    } = &single(&structure).specific
    else {
        panic!("no message");
    };
    assert_eq!(envelope.subject.as_deref(), Some(&b"in"[..]));
    assert_eq!((outline(body).as_str(), *lines), ("text/html", 5));
    assert_eq!(single(body).specific, Specific::Text { lines: 2 });
    assert_eq!(single(&structure).octets, 46);
}

#[test]
fn rfc2046_5_1_5_parts_of_a_digest_are_messages_by_default() {
    let message = crlf(
        "Content-Type: multipart/digest; boundary=x\n\n--x\n\nSubject: s\n\nb\n--x\nContent-Type: text/plain\n\nc\n--x--\n",
    );
    assert_eq!(
        outline(&structure(&message)),
        "multipart/digest(message/rfc822(text/plain) text/plain)"
    );
}

#[test]
fn rfc2045_5_1_parameters_are_read_as_mailers_write_them() {
    let plain = |parameters: &[&str]| {
        (
            "text/plain".to_owned(),
            parameters.iter().map(|&text| text.to_owned()).collect(),
        )
    };
    assert_eq!(
        content_type("text/plain; charset=us-ascii (Plain text)"),
        plain(&["charset=us-ascii"])
    );
    assert_eq!(
        content_type("text/plain (c); (c) charset = (c) \"utf-8\" junk; x"),
        plain(&["charset=utf-8"])
    );
    assert_eq!(
        content_type("text/plain;charset=utf-8;;format=flowed;"),
        plain(&["charset=utf-8", "format=flowed"])
    );
    assert_eq!(
        content_type("text/plain; name=my file (1).txt"),
        plain(&["name=my file (1).txt", "charset=us-ascii"])
    );
    assert_eq!(
        content_type("text/plain; name=\"a;b\"; charset=x"),
        plain(&["name=a;b", "charset=x"])
    );
    assert_eq!(
        content_type("text/plain; name=\"unterminated"),
        plain(&["name=unterminated", "charset=us-ascii"])
    );
    assert_eq!(
        content_type("text/plain;\n\tname=\"folded\n name\""),
        plain(&["name=folded name", "charset=us-ascii"])
    );
}

#[test]
fn rfc2045_5_2_a_content_type_that_is_none_is_text_with_the_parameters_it_has() {
    for value in [
        "text",
        "; charset=utf-8",
        "text/; charset=utf-8",
        "/plain; charset=utf-8",
        "a b/c",
        "t\u{e9}xt/plain",
        "text//plain",
    ] {
        let (kind, parameters) = content_type(value);
        let charset = if value.contains("utf-8") {
            "charset=utf-8"
        } else {
            "charset=us-ascii"
        };
        assert_eq!(
            (kind.as_str(), parameters),
            ("text/plain", vec![charset.to_owned()]),
            "{value}"
        );
    }
}

/// The parameters of a message with this `Content-Disposition:`.
fn disposition(value: &str) -> Vec<String> {
    let message = crlf(&format!("Content-Disposition: {value}\n\nbody"));
    let structure = structure(&message);
    show(
        &single(&structure)
            .extension
            .disposition
            .as_ref()
            .unwrap()
            .parameters,
    )
}

#[test]
fn c4_a_boundary_in_the_forms_of_rfc_2231_splits() {
    for (parameters, boundary) in [
        ("boundary*0*=us-ascii''%3Done;\n boundary*1*=two%3D", "=onetwo="),
        ("boundary*0=\"abc\"; boundary*1=\"def\"", "abcdef"),
        ("Boundary*1=\"def\"; charset=x; bOUNDARY*0=\"abc\"", "abcdef"),
        ("boundary*=''a%20b", "a b"),
        ("boundary*0=abc; boundary*1*=%64ef", "abcdef"),
        ("boundary*=us-ascii'en'no; boundary=plain", "plain"),
    ] {
        let message = crlf(&format!(
            "Content-Type: multipart/alternative; {parameters}\n\n--{boundary}\n\na\n--{boundary}\nContent-Type: text/html\n\nb\n--{boundary}--\n"
        ));
        let outline = outline(&structure(&message));
        assert_eq!(
            outline, "multipart/alternative(text/plain text/html)",
            "{parameters}"
        );
    }
}

#[test]
fn c4_a_charset_in_the_forms_of_rfc_2231_counts() {
    for charset in ["charset*=''iso-8859-1", "charset*0=iso-8; charset*1=859-1"] {
        let message = format!("Content-Type: text/plain; {charset}\r\n\r\nd\u{e9}j\u{e0}");
        let latin1: Vec<u8> = message.chars().map(|c| u8::try_from(c).unwrap()).collect();
        assert!(
            Message::parse(&latin1).contains_body(&Needle::new("déjà")),
            "{charset}"
        );
        assert_eq!(
            single(&structure(&latin1)).parameters.len(),
            1,
            "no charset is added"
        );
    }
}

#[test]
fn c5_continuations_are_one_parameter() {
    for (value, parameters) in [
        (
            "attachment; filename*0=part_zero_; filename*1=\"part one.pdf\"; size=10",
            &["filename=part_zero_part one.pdf", "size=10"][..],
        ),
        (
            "attachment; filename*1=b; size=10; filename*0=a",
            &["filename=ab", "size=10"],
        ),
        (
            "attachment; name*0*=UTF-8''%D0%A1; name*1*=%D1%87; name*2=\".pdf\"",
            &["name*=UTF-8''%D0%A1%D1%87.pdf"],
        ),
        (
            "attachment; name*0*=UTF-8''a; name*1=\"b c%\"",
            &["name*=UTF-8''ab%20c%25"],
        ),
        ("attachment; name*0=\"a b\"; name*1*=%20c", &["name*=''a%20b%20c"]),
        (
            "attachment; name*0=a; NAME*1=b; other*0=c",
            &["name=ab", "other=c"],
        ),
        // No row from 0 without a gap: what does not belong to one stays.
        ("attachment; name*1=b; name*2=c", &["name*1=b", "name*2=c"]),
        ("attachment; name*0=a; name*2=c", &["name=a", "name*2=c"]),
        (
            "attachment; name*0=a; name*0=z; name*1=b",
            &["name=ab", "name*0=z"],
        ),
        (
            "attachment; name*00=a; name*x=b; *0=c; name*=''d",
            &["name*00=a", "name*x=b", "*0=c", "name*=''d"],
        ),
    ] {
        assert_eq!(disposition(value), parameters, "{value}");
    }
    let (kind, parameters) = content_type("application/pdf; name*0=a; name*1=b");
    assert_eq!(
        (kind.as_str(), parameters),
        ("application/pdf", vec!["name=ab".to_owned()])
    );
}

#[test]
fn c6_a_global_message_is_told_from_other_messages() {
    let is_global = |value: &str| {
        let message = crlf(&format!("Content-Type: {value}\n\nSubject: s\n\nb\n"));
        single(&structure(&message)).is_global_message()
    };
    assert!(is_global("message/global") && is_global("Message/GLOBAL"));
    assert!(
        !is_global("message/rfc822") && !is_global("text/global") && !is_global("message/global-headers")
    );
}

#[test]
fn c15_a_transfer_encoding_in_quotes_is_read() {
    for (value, encoding) in [
        ("\"base64\"", "base64"),
        ("\"\"", "7BIT"),
        ("\"a b\"", "7BIT"),
        ("x\"y\"", "x"),
    ] {
        let message = crlf(&format!("Content-Transfer-Encoding: {value}\n\nb"));
        assert_eq!(
            single(&structure(&message)).encoding.as_ref(),
            encoding.as_bytes(),
            "{value}"
        );
    }
}

#[test]
fn a_multipart_without_any_part_is_text() {
    for (value, body) in [
        ("multipart/mixed", "--x\n\na\n--x--\n"),
        ("multipart/mixed; boundary=\"\"", "--\n\na\n"),
        ("multipart/mixed; boundary=never", "nothing\n"),
        ("multipart/mixed; boundary=x", "--x--\n"),
    ] {
        let message = crlf(&format!("Content-Type: {value}\n\n{body}"));
        let structure = structure(&message);
        assert_eq!(outline(&structure), "text/plain", "{value}");
        assert_eq!(show(&single(&structure).parameters), ["charset=us-ascii"]);
        assert_eq!(single(&structure).octets, crlf(body).len() as u64);
    }
}

#[test]
fn a_message_nested_too_deep_ends_in_opaque_data() {
    let mut message = "Content-Type: message/rfc822\r\n\r\n".repeat(50_000);
    message.push_str("\r\nbody");
    let structure = structure(message.as_bytes());
    let mut depth = 0;
    let mut at = &structure;
    while let Specific::Message { body, .. } = &single(at).specific {
        depth += 1;
        at = body;
    }
    assert_eq!(depth, MAX_DEPTH);
    assert_eq!(outline(at), "application/octet-stream");
    assert_eq!(
        single(at).octets,
        message.len() as u64 - 32 * (MAX_DEPTH as u64 + 1)
    );
}

#[test]
fn multiparts_nested_too_deep_end_in_opaque_data() {
    let mut message = String::new();
    for level in 0..5_000 {
        message.push_str(&format!(
            "Content-Type: multipart/mixed; boundary=b{level}\r\n\r\n--b{level}\r\n"
        ));
    }
    let structure = structure(message.as_bytes());
    let (numbers, part) = leaves(&structure).remove(0);
    assert_eq!(numbers.len(), MAX_DEPTH);
    assert_eq!(part.media_type.as_ref(), b"application");
}

#[test]
fn a_message_with_too_many_parts_ends_in_one_opaque_part() {
    let message = format!(
        "Content-Type: multipart/mixed; boundary=x\r\n\r\n{}--x--\r\n",
        "--x\r\n\r\na\r\n".repeat(5_000)
    );
    let structure = structure(message.as_bytes());
    let children = parts(&structure);
    assert_eq!(children.len(), MAX_PARTS - 1);
    assert_eq!(outline(&children[MAX_PARTS - 3]), "text/plain");
    let rest = single(&children[MAX_PARTS - 2]);
    assert_eq!(rest.media_type.as_ref(), b"application");
    let split = 44 + 12 * (MAX_PARTS as u64 - 2);
    assert!(
        rest.octets > message.len() as u64 - split - 100,
        "{} of {}",
        rest.octets,
        message.len()
    );
}
