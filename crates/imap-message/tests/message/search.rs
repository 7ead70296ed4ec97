use imap_message::{Message, Needle};

use crate::support::crlf;

fn header(text: &str, name: &str, needle: &str) -> bool {
    Message::parse(&crlf(text)).contains_header(name, &Needle::new(needle))
}

fn body(text: &str, needle: &str) -> bool {
    Message::parse(&crlf(text)).contains_body(&Needle::new(needle))
}

fn text(text: &str, needle: &str) -> bool {
    Message::parse(&crlf(text)).contains_text(&Needle::new(needle))
}

fn decoded(value: &str) -> String {
    let message = crlf(&format!("Subject: {value}\n\n"));
    Message::parse(&message).decoded_field("subject").unwrap()
}

#[test]
fn rfc9051_6_4_4_an_empty_string_asks_for_the_field() {
    assert!(header("Subject:\n\nTo: x\n", "subject", ""));
    assert!(!header("Subject:\n\nTo: x\n", "to", ""));
}

#[test]
fn rfc9051_6_4_4_any_field_of_the_name_matches_without_regard_to_case() {
    let message = "To: Alice <a@x>\nTo: \"Bob\"\n <b@EXAMPLE.net>\n\n";
    assert!(header(message, "TO", "alice"));
    assert!(header(message, "to", "Bob\" <B@example"));
    assert!(!header(message, "from", "alice"));
    assert!(!header(message, "to", "carol"));
}

#[test]
fn rfc2047_6_encoded_words_are_decoded_and_space_between_them_goes() {
    assert_eq!(decoded("=?utf-8?B?R3LDvMOfZQ==?="), "Grüße");
    assert_eq!(
        decoded("=?ISO-8859-1?q?=DCberg_r=f6=DFe?= plain"),
        "Überg röße plain"
    );
    assert_eq!(
        decoded("a =?utf-8?Q?b?= =?utf-8?Q?_c?=\n =?utf-8?Q?d?= e"),
        "a b cd e"
    );
    assert_eq!(decoded("=?utf-8*de?Q?x?="), "x");
    assert_eq!(decoded("=?iso-2022-jp?B?GyRCRnxLXBsoQg==?="), "日本");
}

#[test]
fn a_character_split_over_two_encoded_words_comes_together() {
    assert_eq!(decoded("=?utf-8?Q?a=C3?= =?UTF-8?Q?=BC?="), "aü");
    assert_eq!(decoded("=?utf-8?Q?a?= =?iso-8859-1?Q?=FC?="), "aü");
}

#[test]
fn what_is_no_encoded_word_stays() {
    for value in [
        "=?utf-8?Q?unterminated",
        "=?utf-8?X?what?=",
        "=?=?=",
        "=??Q?x?=",
        "=?utf 8?Q?x?=",
        "a=?b",
    ] {
        assert_eq!(decoded(value), value);
    }
    assert_eq!(decoded("=?utf-8?Q?a=ZZ=?="), "a=ZZ=");
}

#[test]
fn c11_a_fold_compares_as_one_space() {
    for fold in ["\n\t", "\n ", " \n\t \t", "\n      ", "\t"] {
        let message = format!("Subject: alpha beta{fold}gamma delta\n\n");
        for needle in ["beta gamma", "BETA  gamma", "beta\tgamma", "a beta gamma d"] {
            assert!(header(&message, "subject", needle), "{fold:?} {needle:?}");
            assert!(text(&message, needle), "{fold:?} {needle:?}");
        }
        assert!(!header(&message, "subject", "betagamma"));
    }
    assert!(!header("Subject: ab\n\n", "subject", "a b"));
    assert!(body("\nbeta  gamma\n", "beta  gamma") && !body("\nbeta  gamma\n", "beta gamma"));
}

#[test]
fn c12_an_address_is_found_as_it_is_written_and_as_the_envelope_says_it() {
    let comments = "From: <user-from (comment)@ (comment) domain.org>\n\n";
    for needle in [
        "user-from@domain.org",
        "<USER-FROM@DOMAIN.ORG>",
        "user-from (comment)@",
    ] {
        assert!(header(comments, "from", needle), "{needle}");
    }
    let is_found = |field: &str, value: &str, needle: &str| {
        header(&format!("{field}: {value}\n\n"), &field.to_lowercase(), needle)
    };
    assert!(is_found("To", "x@y, \"a b\"@example.org", "a b@example.org"));
    assert!(is_found("Cc", "joe . doe @ example . org", "joe.doe@example.org"));
    assert!(is_found(
        "Bcc",
        "<@route.example:joe@example.org>",
        "<joe@example.org>"
    ));
    assert!(is_found("Sender", "\"J\\oe \\\"X\\\"\" <a@b>", "Joe \"X\" <a@b>"));
    assert!(is_found(
        "Reply-To",
        "joe@example.org (=?utf-8?Q?J=C3=B6?=)",
        "jö <joe@example.org>"
    ));
    assert!(!is_found(
        "Subject",
        "joe . doe @ example . org",
        "joe.doe@example.org"
    ));
    assert!(!is_found("To", "a (comment)@b", "comment@b"));
}

#[test]
fn c15_the_ascii_text_of_an_encoded_word_of_unknown_charset_is_found() {
    for word in ["=?nosuch?Q?plain_text=FF?=", "=?x-unknown?B?cGxhaW4gdGV4dA==?="] {
        assert!(
            header(&format!("Subject: {word}\n\n"), "subject", "plain text"),
            "{word}"
        );
    }
    assert_eq!(decoded("=?nosuch?Q?a?= =?utf-8?Q?b?="), "ab");
}

#[test]
fn c15_a_transfer_encoding_in_quotes_counts() {
    for encoding in ["\"base64\"", " (c) \"BASE64\" (d)"] {
        assert!(
            body(
                &format!("Content-Transfer-Encoding: {encoding}\n\nSGVsbG8=\n"),
                "hello"
            ),
            "{encoding}"
        );
    }
}

#[test]
fn a_needle_has_the_text_as_it_was_written() {
    assert_eq!(Needle::new(" Grüße\t X ").text(), " Grüße\t X ");
}

#[test]
fn raw_octets_in_a_header_are_utf_8_or_windows_1252() {
    let message = b"Subject: Gr\xc3\xbc\xdf\r\nX: Gr\xc3\xbc\r\n\r\n";
    assert!(Message::parse(message).contains_header("subject", &Needle::new("GRÃ¼ß")));
    assert!(Message::parse(message).contains_header("x", &Needle::new("GRÜ")));
}

#[test]
fn case_is_folded_beyond_ascii_wherever_in_a_word() {
    assert!(header(
        "Subject: =?utf-8?B?0J/RgNC40LLQtdGC?=\n\n",
        "subject",
        "приВЕТ"
    ));
    assert!(header("Subject: ΟΔΟΣ\n\n", "subject", "οδος"));
    assert!(header("Subject: οδος\n\n", "subject", "ΟΔΟΣ"));
    assert!(header("Subject: ΟΔΟΣΕΙΣ\n\n", "subject", "οδοσ"));
}

#[test]
fn rfc5255_4_search_compares_by_the_collation_of_sort() {
    assert!(header("Subject: Gru\u{308}n\n\n", "subject", "GRÜN"));
    assert!(header("Subject: Grün\n\n", "subject", "gru\u{308}n"));
    assert!(header("Subject: ﬁne ①\n\n", "subject", "FINE 1"));
    assert!(!header("Subject: Grün\n\n", "subject", "grun"));
    assert!(!header("Subject: Gruß\n\n", "subject", "GRUSS"));
    assert!(body("\n\nGru\u{308}n\n", "grün"));
}

#[test]
fn bodies_are_searched_in_their_transfer_encoding_and_charset() {
    let part = |fields: &str, body: &str| format!("{fields}\n\n{body}\n");
    assert!(body(
        &part("Content-Transfer-Encoding: base64", "SGVsbG8g\nV29ybGQ="),
        "lo wor"
    ));
    assert!(body(
        &part("Content-Transfer-Encoding: BASE64", "SGVsbG8=\nIFdvcmxk"),
        "lo wor"
    ));
    assert!(body(&part("Content-Transfer-Encoding: base64", "SGVsb"), "hel"));
    assert!(body(
        &part(
            "Content-Type: text/html; charset=iso-8859-1\nContent-Transfer-Encoding: quoted-printable",
            "br=FBl=\n=E9e =ZZ = x=y"
        ),
        "BRÛLÉE =zz = x=y"
    ));
    assert!(body(
        &part("Content-Type: text/plain; charset=utf-8", "日本語"),
        "本"
    ));
    assert!(!body(
        &part("Content-Transfer-Encoding: base64", "SGVsbG8g"),
        "SGVs"
    ));
}

#[test]
fn a_body_of_unknown_charset_or_encoding_is_searched_as_it_is() {
    assert!(body(
        "Content-Type: text/plain; charset=nosuch\nContent-Transfer-Encoding: x-no\n\nfünf",
        "FÜNF"
    ));
}

#[test]
fn rfc9051_6_4_4_body_is_text_parts_and_messages_inside_and_text_all_headers_too() {
    let message = concat!(
        "Subject: outer\nContent-Type: multipart/mixed; boundary=x\n\n",
        "--x\nX-Part: partfield\n\nfirst\n",
        "--x\nContent-Type: image/png; name=picture.png\n\nimagedata\n",
        "--x\nContent-Type: message/delivery-status\n\nAction: failed\n",
        "--x\nContent-Type: message/rfc822\n\nSubject: inner\n\nsecond\n--x--\nepilogue\n"
    );
    for needle in ["FIRST", "Subject: inner", "second", "failed"] {
        assert!(body(message, needle), "{needle}");
    }
    for needle in [
        "outer",
        "imagedata",
        "partfield",
        "picture.png",
        "epilogue",
        "nowhere",
    ] {
        assert!(!body(message, needle), "{needle}");
    }
    for needle in ["outer", "partfield", "picture.png", "inner", "second"] {
        assert!(text(message, needle), "{needle}");
    }
    assert!(!text(message, "nowhere"));
    assert!(body(message, "") && text(message, ""));
}
