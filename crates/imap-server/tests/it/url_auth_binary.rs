//! What URLFETCH tells of parts beside their octets (RFC 5524).

#![allow(clippy::unwrap_used, reason = "helpers of tests are tests")]

use base64ct::{Base64, Encoding as _};

use super::url_auth::{TEXT, World, authorized};
use crate::common::Client;

/// What is told of a part of a new message, behind `* URLFETCH "url" `: the section, and the items that are wanted.
async fn told(joe: &mut Client, section: &str, items: &str) -> Vec<u8> {
    let section = match section {
        "" => String::new(),
        section => format!("/;section={section}"),
    };
    let rump = format!("imap://joe@h/INBOX/;uid=2{section};urlauth=anonymous");
    let url = authorized(joe, &rump).await;
    let tag = joe.next_tag();
    joe.send(format!("{tag} URLFETCH (\"{url}\"{items})\r\n")).await;
    let end = format!("\r\n{tag} OK URLFETCH completed\r\n");
    let mut octets = Vec::new();
    while !octets.ends_with(end.as_bytes()) {
        octets.extend(joe.octets(1).await);
    }
    octets.truncate(octets.len() - end.len());
    let begin = format!("* URLFETCH \"{url}\" ");
    assert!(octets.starts_with(begin.as_bytes()), "{}", octets.escape_ascii());
    octets.split_off(begin.len())
}

async fn told_text(joe: &mut Client, section: &str, items: &str) -> String {
    String::from_utf8(told(joe, section, items).await).unwrap()
}

/// joe, with a message that has these parts.
async fn with_parts(parts: &[String]) -> Client {
    let (_, mut joe) = World::new().await;
    let parts = parts.iter().map(|part| format!("\r\n--b\r\n{part}"));
    let message = format!(
        "Subject: parts\r\nContent-Type: multipart/mixed; boundary=b\r\n{}\r\n--b--\r\n",
        parts.collect::<String>()
    );
    joe.append("INBOX", &message).await;
    joe
}

/// A part of this type whose octets are in base64.
fn in_base64(media_type: &str, octets: &[u8]) -> String {
    let encoded = Base64::encode_string(octets);
    format!("Content-Type: {media_type}\r\nContent-Transfer-Encoding: base64\r\n\r\n{encoded}")
}

/// RFC 5524, section 4: without parameters, in parentheses or not, it is the URLFETCH of RFC 4467.
#[tokio::test(start_paused = true)]
async fn rfc5524_4_a_url_alone_in_parentheses_is_answered_as_without() {
    let mut joe = with_parts(&[format!("\r\n{TEXT}")]).await;
    assert_eq!(told_text(&mut joe, "1", "").await, format!("{{28}}\r\n{TEXT}"));
    let body = told_text(&mut joe, "1", " BODY").await;
    assert_eq!(body, format!("(BODY {{28}}\r\n{TEXT})"));
}

/// RFC 5524, section 4: text without its encoding.
#[tokio::test(start_paused = true)]
async fn rfc5524_4_text_comes_without_its_encoding() {
    let mut joe = with_parts(&[in_base64("text/plain", TEXT.as_bytes())]).await;
    let binary = format!("(BINARY {{28}}\r\n{TEXT})");
    assert_eq!(told_text(&mut joe, "1", " BINARY").await, binary);
    // Section 3.2: the structure is that of what is told, the encoding among it.
    let decoded = "(BODYPARTSTRUCTURE (\"text\" \"plain\" (\"charset\" \"us-ascii\") NIL NIL \"BINARY\" 28 1 NIL NIL NIL NIL))";
    let encoded = "(BODYPARTSTRUCTURE (\"text\" \"plain\" (\"charset\" \"us-ascii\") NIL NIL \"base64\" 40 0 NIL NIL NIL NIL))";
    let both = told_text(&mut joe, "1", " BODYPARTSTRUCTURE BINARY").await;
    assert_eq!(both, format!("{decoded} {binary}"));
    let both = told_text(&mut joe, "1", " binary BodyPartStructure").await;
    assert_eq!(both, format!("{binary} {decoded}"), "in the client's order");
    assert_eq!(told_text(&mut joe, "1", " BODYPARTSTRUCTURE").await, encoded);
    let body = told_text(&mut joe, "1", " BODYPARTSTRUCTURE BODY").await;
    assert!(body.starts_with(&format!("{encoded} (BODY {{40}}\r\n")), "{body}");
}

/// RFC 5524, section 4: a picture of 123 octets, some of which are NUL.
#[tokio::test(start_paused = true)]
async fn rfc5524_4_a_picture_comes_as_a_literal8() {
    let picture: Vec<u8> = (0..123).collect();
    let mut joe = with_parts(&[String::new(), in_base64("IMAGE/PNG", &picture)]).await;
    let structure = "(BODYPARTSTRUCTURE (\"IMAGE\" \"PNG\" NIL NIL NIL \"BINARY\" 123 NIL NIL NIL NIL))";
    let mut expected = format!("{structure} (BINARY ~{{123}}\r\n").into_bytes();
    expected.extend_from_slice(&picture);
    expected.push(b')');
    let seen = told(&mut joe, "2", " BODYPARTSTRUCTURE BINARY").await;
    assert_eq!(seen, expected, "{}", seen.escape_ascii());
    // A piece of it, which has no NUL; the structure is that of the part.
    let expected = format!("(BINARY {{3}}\r\nABC) {structure}");
    let seen = told_text(&mut joe, "2/;partial=65.3", " BINARY BODYPARTSTRUCTURE").await;
    assert_eq!(seen, expected);
}

/// RFC 5524, section 4: an encoding that nobody knows.
#[tokio::test(start_paused = true)]
async fn rfc5524_4_what_cannot_be_decoded_is_nil_and_its_structure_is_told() {
    let part = "Content-Type: text/plain\r\nContent-Transfer-Encoding: X-BLURDYBLOOP\r\n\r\nxyzzy";
    let mut joe = with_parts(&[part.to_owned()]).await;
    let structure = "(BODYPARTSTRUCTURE (\"text\" \"plain\" (\"charset\" \"us-ascii\") NIL NIL \"X-BLURDYBLOOP\" 5 0 NIL NIL NIL NIL))";
    let seen = told_text(&mut joe, "1", " BODYPARTSTRUCTURE BINARY").await;
    assert_eq!(seen, format!("{structure} (BINARY NIL)"));
    let seen = told_text(&mut joe, "1", " BODYPARTSTRUCTURE BODY").await;
    assert_eq!(seen, format!("{structure} (BODY {{5}}\r\nxyzzy)"));
}

/// Whatever the section names: a header and a message have no encoding, and the text of a message may have.
#[tokio::test(start_paused = true)]
async fn rfc5524_3_2_binary_is_right_for_every_section() {
    let text = "Subject: inner\r\nContent-Transfer-Encoding: base64\r\n\r\nYWJj";
    let rfc822 = format!("Content-Type: message/rfc822\r\n\r\n{text}");
    let mut joe = with_parts(&[rfc822]).await;
    for (section, expected) in [
        ("1", text),
        ("1.TEXT", "abc"),
        ("1.1", "abc"),
        (
            "1.HEADER",
            "Subject: inner\r\nContent-Transfer-Encoding: base64\r\n\r\n",
        ),
        ("1.HEADER.FIELDS%20(Subject)", "Subject: inner\r\n\r\n"),
        ("1.MIME", "Content-Type: message/rfc822\r\n\r\n"),
        (
            "1.1.MIME",
            "Subject: inner\r\nContent-Transfer-Encoding: base64\r\n\r\n",
        ),
    ] {
        let seen = told_text(&mut joe, section, " BINARY").await;
        assert_eq!(
            seen,
            format!("(BINARY {{{}}}\r\n{expected})", expected.len()),
            "{section}"
        );
    }
    for section in ["2", "1.2", "1.1.TEXT"] {
        for items in [" BINARY", " BODY", " BODYPARTSTRUCTURE", ""] {
            assert_eq!(
                told_text(&mut joe, section, items).await,
                "NIL",
                "{section}{items}"
            );
        }
    }
    let whole = told_text(&mut joe, "", " BODYPARTSTRUCTURE").await;
    let structure = "((\"message\" \"rfc822\" NIL NIL NIL \"7BIT\" 57 (NIL \"inner\" NIL NIL NIL NIL NIL NIL NIL NIL) \
        (\"text\" \"plain\" (\"charset\" \"us-ascii\") NIL NIL \"base64\" 4 0 NIL NIL NIL NIL) 3 NIL NIL NIL NIL) \"mixed\" \
        (\"boundary\" \"b\") NIL NIL NIL)";
    assert_eq!(whole, format!("(BODYPARTSTRUCTURE {structure})"));
    // Of a message that is no multipart, the text is the part.
    let simple = "Content-Transfer-Encoding: base64\r\n\r\nYWJj";
    let (_, mut joe) = World::new().await;
    joe.append("INBOX", simple).await;
    let decoded = "(BODYPARTSTRUCTURE (\"text\" \"plain\" (\"charset\" \"us-ascii\") NIL NIL \"BINARY\" 3 0 NIL NIL NIL NIL))";
    for section in ["1", "TEXT"] {
        let seen = told_text(&mut joe, section, " BODYPARTSTRUCTURE BINARY").await;
        assert_eq!(seen, format!("{decoded} (BINARY {{3}}\r\nabc)"), "{section}");
    }
    let seen = told_text(&mut joe, "", " BINARY").await;
    assert_eq!(seen, format!("(BINARY {{{}}}\r\n{simple})", simple.len()));
}

/// RFC 5524, section 5: `urldata-error`.
#[tokio::test(start_paused = true)]
async fn rfc5524_5_what_is_not_authorized_is_nil_whatever_is_wanted() {
    let mut joe = with_parts(&["\r\nabc".to_owned()]).await;
    let url = authorized(&mut joe, "imap://joe@h/INBOX/;uid=2/;section=1;urlauth=anonymous").await;
    let other = url.replace("section=1", "section=2");
    let lines = joe
        .ok(&format!(
            "URLFETCH (\"{other}\" BINARY) (\"{url}\" BODYPARTSTRUCTURE) \"{other}\""
        ))
        .await;
    assert_eq!(lines[0], format!("* URLFETCH \"{other}\" NIL"));
    assert!(
        lines[1].starts_with(&format!("* URLFETCH \"{url}\" (BODYPARTSTRUCTURE (")),
        "{}",
        lines[1]
    );
    assert_eq!(lines[2], lines[0]);
}
