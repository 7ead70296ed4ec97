//! IMAP URLs of messages on the same server (RFC 5092), as CATENATE has them: without a scheme and a server.
//!
//! ```text
//! url = ["/" enc-mailbox [";UIDVALIDITY=" nz-number] "/"] ";UID=" nz-number
//!       ["/;SECTION=" enc-section] ["/;PARTIAL=" number ["." nz-number]]
//! ```

use std::num::NonZeroU32;

/// What a URL names: a message, or a part of one.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct MessageUrl {
    /// The name in UTF-8; `None` for the selected mailbox.
    pub(crate) mailbox: Option<String>,
    pub(crate) uid_validity: Option<NonZeroU32>,
    pub(crate) uid: NonZeroU32,
    /// As it would stand in brackets behind BODY; empty for the whole message.
    pub(crate) section: String,
    /// Where to begin, and how many octets to take; all that follow where there is no such number.
    pub(crate) partial: Option<(u32, Option<NonZeroU32>)>,
}

impl MessageUrl {
    /// Reads a URL; `None` for what names no message of this server.
    pub(crate) fn read(url: &[u8]) -> Option<Self> {
        let url = std::str::from_utf8(url).ok().filter(|url| url.is_ascii())?;
        let (path, parameters) = url.split_once(';')?;
        let mut parameters = Parameters(parameters);
        let uid_validity = parameters.next("UIDVALIDITY")?;
        let mailbox = match (path, uid_validity) {
            ("", None) => None,
            (path, Some(_)) => Some(path.strip_prefix('/')?),
            (path, None) => Some(path.strip_prefix('/')?.strip_suffix('/')?),
        };
        let uid = parameters.next("UID")?;
        let section = parameters.next("SECTION")?;
        let partial = parameters.next("PARTIAL")?;
        let number = |text: &str| -> Option<NonZeroU32> { digits(text)?.parse().ok() };
        Some(Self {
            mailbox: match mailbox {
                Some(mailbox) => {
                    Some(decoded(mailbox).filter(|name| !name.is_empty() && !name.starts_with('/'))?)
                }
                None => None,
            },
            uid_validity: match uid_validity {
                Some(uid_validity) => Some(number(uid_validity)?),
                None => None,
            },
            uid: number(uid?)?,
            section: match section {
                Some(section) => decoded(section).filter(|section| !section.is_empty())?,
                None => String::new(),
            },
            partial: match partial {
                Some(partial) => Some(range(partial)?),
                None => None,
            },
        })
        .filter(|_| parameters.0.is_empty())
    }
}

/// What is left of `UIDVALIDITY=1/;UID=2/;SECTION=3`.
struct Parameters<'u>(&'u str);

impl<'u> Parameters<'u> {
    /// The value of this parameter, if it is the next one: `Some(None)` where another one is. `None` for what is none.
    fn next(&mut self, name: &str) -> Option<Option<&'u str>> {
        let Some((_, rest)) = self
            .0
            .split_once('=')
            .filter(|(found, _)| found.eq_ignore_ascii_case(name))
        else {
            return Some(None);
        };
        match rest.split_once(';') {
            Some((value, rest)) => {
                self.0 = rest;
                value.strip_suffix('/').map(Some)
            }
            None => {
                self.0 = "";
                Some(Some(rest))
            }
        }
    }
}

fn digits(text: &str) -> Option<&str> {
    text.bytes().all(|octet| octet.is_ascii_digit()).then_some(text)
}

/// `partial-range = number ["." nz-number]`.
fn range(text: &str) -> Option<(u32, Option<NonZeroU32>)> {
    let (from, octets) = match text.split_once('.') {
        Some((from, octets)) => (from, Some(digits(octets)?.parse().ok()?)),
        None => (text, None),
    };
    Some((digits(from)?.parse().ok()?, octets))
}

/// `%C3%BC` is `ü`. `None` for what is no UTF-8.
fn decoded(text: &str) -> Option<String> {
    let mut octets = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(octet) = rest.next() {
        octets.push(match octet {
            b'%' => hex(rest.next()?)? << 4 | hex(rest.next()?)?,
            octet => octet,
        });
    }
    String::from_utf8(octets).ok()
}

fn hex(digit: u8) -> Option<u8> {
    u8::try_from(char::from(digit).to_digit(16)?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn number(number: u32) -> NonZeroU32 {
        NonZeroU32::new(number).unwrap()
    }

    #[test]
    fn a_message_and_a_part_of_one() {
        let url = |url: &str| MessageUrl::read(url.as_bytes()).unwrap_or_else(|| panic!("{url}"));
        let section = url("/Drafts;UIDVALIDITY=385759045/;UID=20/;section=HEADER");
        assert_eq!(
            section,
            MessageUrl {
                mailbox: Some("Drafts".to_owned()),
                uid_validity: Some(number(385_759_045)),
                uid: number(20),
                section: "HEADER".to_owned(),
                partial: None,
            }
        );
        let whole = url("/Gr%C3%BC%c3%9fe/a%20b/;uid=7");
        assert_eq!(
            (whole.mailbox.as_deref(), whole.uid),
            (Some("Grüße/a b"), number(7))
        );
        let here = url(";UID=20/;SECTION=1.2/;PARTIAL=0.1024");
        assert_eq!(
            (here.mailbox, here.partial),
            (None, Some((0, Some(number(1024)))))
        );
        assert_eq!(url("/a/;UID=1/;PARTIAL=5").partial, Some((5, None)));
        let fields = url("/a/;UID=1/;SECTION=HEADER.FIELDS%20(DATE%20FROM)");
        assert_eq!(fields.section, "HEADER.FIELDS (DATE FROM)");
    }

    #[test]
    fn other_urls_name_no_message_of_this_server() {
        for url in [
            "",
            "/",
            "/INBOX",
            "/INBOX/",
            "/INBOX;UID=1",
            "INBOX/;UID=1",
            "//other/INBOX/;UID=1",
            "imap://other/INBOX/;UID=1",
            "/INBOX/;UID=0",
            "/INBOX/;UID=-1",
            "/INBOX/;UID=4294967296",
            "/INBOX/;UID=1/",
            "/INBOX/;UID=1;SECTION=1",
            "/INBOX/;UID=1/;SECTION=",
            "/INBOX/;UID=1/;PARTIAL=0.0",
            "/INBOX/;UID=1/;PARTIAL=x",
            "/INBOX/;UID=1/;UID=2",
            "/INBOX/;UID=1/;EXPIRE=2030-01-01T00:00:00Z",
            "/%FF/;UID=1",
            "/%4/;UID=1",
            "/INBOX;UIDVALIDITY=0/;UID=1",
            "/\u{fc}/;UID=1",
        ] {
            assert_eq!(MessageUrl::read(url.as_bytes()), None, "{url}");
        }
    }
}
