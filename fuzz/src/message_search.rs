//! What SEARCH reads of a message, in two ways that the first octet chooses: any octets, with the checks of
//! `crates/imap-message/tests/message/any_checks.rs`; and a text that is put into a body and a subject in each of the
//! encodings, where a string is found if it is in the text, and not otherwise.

use imap_message::{Message, Needle, to_crlf};

use crate::input::Input;
use crate::message::any_checks;

pub fn run(octets: &[u8]) {
    let mut input = Input::new(octets);
    match input.octet() % 2 {
        0 => any(input),
        _ => encoded(input),
    }
}

fn any(mut input: Input<'_>) {
    let len = usize::from(input.below(16));
    let needle = Needle::new(&String::from_utf8_lossy(input.take(len)));
    let octets = input.rest();
    for octets in [octets, &to_crlf(octets)] {
        any_checks::check(octets);
        let message = Message::parse(octets);
        let found = message.contains_body(&needle);
        assert!(!found || message.contains_text(&needle));
        let in_subject = message.contains_header("subject", &needle);
        assert!(!in_subject || needle.is_empty() || message.contains_text(&needle));
    }
}

/// A text, as two strings that are to be found or not, and where its encoded words are cut.
fn encoded(mut input: Input<'_>) {
    let (from, len, cut) = (input.octet(), input.octet(), usize::from(input.octet()));
    let other = usize::from(input.below(16));
    let other = String::from_utf8_lossy(input.take(other)).into_owned();
    let text = String::from_utf8_lossy(input.rest()).into_owned();
    let part = text
        .chars()
        .skip(from.into())
        .take(len.into())
        .collect::<String>();
    let bodies = [
        plain(&text),
        base64_body(&text),
        quoted_printable(&text),
        utf16(&text),
    ];
    for message in bodies {
        for needle in [&part, &other] {
            let found = Message::parse(&message).contains_body(&Needle::new(needle));
            assert_eq!(
                found,
                is_in(needle, &text),
                "{needle:?} in {}",
                message.escape_ascii()
            );
        }
    }
    let line: String = text.chars().filter(|character| !character.is_control()).collect();
    for message in [words(&line, cut, b_word), words(&line, cut, q_word)] {
        let decoded = Message::parse(&message).decoded_field("subject");
        assert_eq!(decoded.as_deref(), Some(&*line), "{}", message.escape_ascii());
        for needle in [&part, &other] {
            let found = Message::parse(&message).contains_header("subject", &Needle::new(needle));
            let (needle, line) = (single_spaced(needle), single_spaced(&line));
            assert_eq!(found, is_in(&needle, &line), "{needle:?} in {line:?}");
        }
    }
}

/// As [`Needle`] promises: lower case character by character, the final sigma taken for a sigma.
fn is_in(needle: &str, text: &str) -> bool {
    let lower = |text: &str| {
        let lower = text.chars().flat_map(char::to_lowercase);
        lower.map(|c| if c == 'ς' { 'σ' } else { c }).collect::<String>()
    };
    lower(text).contains(&lower(needle))
}

fn single_spaced(text: &str) -> String {
    let mut out = String::new();
    for character in text.chars() {
        let is_space = matches!(character, ' ' | '\t' | '\r' | '\n');
        match is_space {
            true if out.ends_with(' ') => {}
            true => out.push(' '),
            false => out.push(character),
        }
    }
    out
}

fn body(fields: &str, body: &[u8]) -> Vec<u8> {
    [fields.as_bytes(), b"\r\n\r\n", body].concat()
}

fn plain(text: &str) -> Vec<u8> {
    body("Content-Type: text/plain; charset=utf-8", text.as_bytes())
}

fn utf16(text: &str) -> Vec<u8> {
    let octets: Vec<u8> = text.encode_utf16().flat_map(u16::to_le_bytes).collect();
    body(
        "Content-Type: text/html; charset=\"UTF-16LE\"\r\nContent-Transfer-Encoding: base64",
        base64(&octets).as_bytes(),
    )
}

fn base64_body(text: &str) -> Vec<u8> {
    let lines: Vec<String> = text.as_bytes().chunks(45).map(base64).collect();
    body(
        "Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: base64",
        lines.join("\r\n").as_bytes(),
    )
}

fn quoted_printable(text: &str) -> Vec<u8> {
    let lines: Vec<String> = text
        .as_bytes()
        .chunks(20)
        .map(|octets| octets.iter().map(|octet| format!("={octet:02X}")).collect())
        .collect();
    body(
        "Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: quoted-printable",
        lines.join("=\r\n").as_bytes(),
    )
}

/// A subject in encoded words, cut every so many octets, within characters too.
fn words(text: &str, cut: usize, word: fn(&[u8]) -> String) -> Vec<u8> {
    let words: Vec<String> = text.as_bytes().chunks(cut % 40 + 1).map(word).collect();
    body(&format!("Subject: {}", words.join("\r\n ")), b"")
}

fn b_word(octets: &[u8]) -> String {
    format!("=?utf-8?B?{}?=", base64(octets))
}

fn q_word(octets: &[u8]) -> String {
    let digits: String = octets.iter().map(|octet| format!("={octet:02X}")).collect();
    format!("=?UTF-8?q?{digits}?=")
}

fn base64(octets: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let group = |octets: &[u8]| {
        let bits = (0..3).fold(0_u32, |bits, at| {
            bits << 8 | u32::from(octets.get(at).copied().unwrap_or(0))
        });
        let digit = |at: usize| match at <= octets.len() {
            true => char::from(DIGITS[(bits >> (18 - 6 * at)) as usize & 63]),
            false => '=',
        };
        (0..4).map(digit).collect::<String>()
    };
    octets.chunks(3).map(group).collect()
}
