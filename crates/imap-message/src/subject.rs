//! The base subject of SORT and THREAD (RFC 5256 section 2.1).

use std::borrow::Cow;

/// A subject without `Re:`, `Fwd:` and what else mailers put around it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BaseSubject<'a> {
    /// The text that is left. May be empty.
    pub text: Cow<'a, str>,
    /// Whether something was taken away that says that the message is a reply or was forwarded (RFC 5256 section 3,
    /// REFERENCES).
    pub is_reply_or_forward: bool,
}

impl<'a> BaseSubject<'a> {
    /// The base subject of a subject whose encoded words are decoded.
    ///
    /// Linear in the length of the subject, hostile ones included.
    pub fn of(subject: &'a str) -> Self {
        match spaced(subject) {
            Cow::Borrowed(text) => {
                let (text, is_reply_or_forward) = extract(text);
                Self {
                    text: Cow::Borrowed(text),
                    is_reply_or_forward,
                }
            }
            Cow::Owned(text) => {
                let (text, is_reply_or_forward) = extract(&text);
                Self {
                    text: Cow::Owned(text.to_owned()),
                    is_reply_or_forward,
                }
            }
        }
    }
}

/// Step 1: white space and what an encoded word may hide of it becomes a space, many spaces become one.
fn spaced(subject: &str) -> Cow<'_, str> {
    let is_space = |octet: u8| matches!(octet, b' ' | b'\t' | b'\r' | b'\n' | 0);
    let octets = subject.as_bytes();
    let doubled = octets.windows(2).any(|pair| pair == b"  ");
    if !doubled && !octets.iter().any(|&octet| is_space(octet) && octet != b' ') {
        return Cow::Borrowed(subject);
    }
    let mut out = String::with_capacity(subject.len());
    for character in subject.chars() {
        match u8::try_from(character) {
            Ok(octet) if is_space(octet) && out.ends_with(' ') => {}
            Ok(octet) if is_space(octet) => out.push(' '),
            _ => out.push(character),
        }
    }
    Cow::Owned(out)
}

/// Steps 2 to 6. Each turn looks at what it takes away, and at no more than one blob beyond.
fn extract(subject: &str) -> (&str, bool) {
    let mut text = subject;
    let mut is_reply_or_forward = false;
    loop {
        // Step 2.
        loop {
            text = text.trim_end_matches(' ');
            let Some(rest) = strip_suffix_any_case(text, "(fwd)") else {
                break;
            };
            text = rest;
            is_reply_or_forward = true;
        }
        // Steps 3 to 5.
        loop {
            text = text.trim_start_matches(' ');
            let (rest, has_marker) = without_leader(text);
            is_reply_or_forward |= has_marker;
            if rest.len() == text.len() {
                break;
            }
            text = rest;
        }
        // Step 6.
        let inside = strip_prefix_any_case(text, "[fwd:").and_then(|rest| rest.strip_suffix(']'));
        match inside {
            Some(inside) => {
                text = inside;
                is_reply_or_forward = true;
            }
            None => return (text, is_reply_or_forward),
        }
    }
}

/// The text behind `*subj-blob subj-refwd`, and whether there was one. Without it the text behind those blobs that leave
/// something over, because every one of them would be taken away by step 4 in its turn.
fn without_leader(text: &str) -> (&str, bool) {
    let mut rest = text;
    let mut behind_blobs = text;
    while let Some(behind) = without_blob(rest) {
        rest = behind;
        if !rest.is_empty() {
            behind_blobs = rest;
        }
    }
    match without_marker(rest) {
        Some(behind) => (behind, true),
        None => (behind_blobs, false),
    }
}

/// The text behind `subj-blob`: `"[" *BLOBCHAR "]" *WSP`.
fn without_blob(text: &str) -> Option<&str> {
    let rest = text.strip_prefix('[')?;
    let end = rest.find(['[', ']'])?;
    let rest = rest[end..].strip_prefix(']')?;
    Some(rest.trim_start_matches(' '))
}

/// The text behind `subj-refwd`: `("re" / ("fw" ["d"])) *WSP [subj-blob] ":"`.
fn without_marker(text: &str) -> Option<&str> {
    let word = ["re", "fwd", "fw"]
        .iter()
        .find_map(|word| strip_prefix_any_case(text, word))?;
    let rest = word.trim_start_matches(' ');
    without_blob(rest).unwrap_or(rest).strip_prefix(':')
}

fn strip_prefix_any_case<'a>(text: &'a str, prefix: &str) -> Option<&'a str> {
    let (begin, rest) = text.split_at_checked(prefix.len())?;
    begin.eq_ignore_ascii_case(prefix).then_some(rest)
}

fn strip_suffix_any_case<'a>(text: &'a str, suffix: &str) -> Option<&'a str> {
    let (rest, end) = text.split_at_checked(text.len().checked_sub(suffix.len())?)?;
    end.eq_ignore_ascii_case(suffix).then_some(rest)
}
