//! The commands of URLAUTH (RFC 4467, section 9), and what RFC 5524, section 5 adds to URLFETCH.
//!
//! ```text
//! genurlauth      = "GENURLAUTH" 1*(SP url-rump SP mechanism)
//! resetkey        = "RESETKEY" [SP mailbox *(SP mechanism)]
//! urlfetch        = "URLFETCH" 1*(SP (url-full / "(" url-full *(SP url-fetch-param) ")"))
//! url-fetch-param = "BODY" / "BINARY" / "BODYPARTSTRUCTURE"
//! ```
//!
//! URLs are astrings.

use super::super::reader::Reader;
use super::super::reader_fault::Fault;
use super::Extension;

/// The most URLs in one command.
const MOST_URLS: usize = 100;

/// The longest URL, in octets: that of any message, with the longest names of mailbox and user.
const LONGEST_URL: usize = 8 << 10;

/// A URL that is to be authorized, and by which mechanism, as the client wrote both.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct GenUrlAuth {
    pub(crate) url: Vec<u8>,
    pub(crate) mechanism: String,
}

/// A mailbox whose key is to be made anew, and for which mechanisms.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ResetKey {
    /// As the client wrote it.
    pub(crate) mailbox: Vec<u8>,
    pub(crate) mechanisms: Vec<String>,
}

/// A URL of which somebody wants to have what it names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct UrlFetch {
    /// As the client wrote it.
    pub(crate) url: Vec<u8>,
    /// What of it, in the client's order; nothing for the octets alone, as RFC 4467 has it.
    pub(crate) items: Vec<UrlItem>,
}

/// What URLFETCH may tell of what a URL names (RFC 5524, section 3.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum UrlItem {
    /// The octets.
    Body,
    /// The octets without their Content-Transfer-Encoding.
    Binary,
    /// The structure of the part.
    BodyPartStructure,
}

impl UrlItem {
    const ALL: [Self; 3] = [Self::Body, Self::Binary, Self::BodyPartStructure];

    /// As it stands on the wire.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Body => "BODY",
            Self::Binary => "BINARY",
            Self::BodyPartStructure => "BODYPARTSTRUCTURE",
        }
    }

    /// Whether the two may not be asked for together: the same twice, or the octets with their encoding and without.
    fn excludes(self, other: Self) -> bool {
        self == other || (self != Self::BodyPartStructure && other != Self::BodyPartStructure)
    }
}

pub(super) fn generate(reader: &mut Reader<'_>) -> Option<Result<Extension, Fault>> {
    let request = |reader: &mut Reader<'_>| {
        let url = url(reader)?;
        reader.due(b' ')?;
        let mechanism = reader.atom()?.to_owned();
        Ok(GenUrlAuth { url, mechanism })
    };
    Some(each(reader, request).map(Extension::GenUrlAuth))
}

pub(super) fn fetch(reader: &mut Reader<'_>) -> Option<Result<Extension, Fault>> {
    Some(each(reader, url_fetch).map(Extension::UrlFetch))
}

pub(super) fn reset(reader: &mut Reader<'_>) -> Option<Result<Extension, Fault>> {
    Some(reset_key(reader).map(Extension::ResetKey))
}

fn reset_key(reader: &mut Reader<'_>) -> Result<Option<ResetKey>, Fault> {
    if reader.rest().is_empty() {
        return Ok(None);
    }
    reader.due(b' ')?;
    let mailbox = reader.astring_octets()?.into_owned();
    let mut mechanisms = Vec::new();
    while reader.eat(b' ').is_some() {
        mechanisms.push(reader.atom()?.to_owned());
    }
    Ok(Some(ResetKey { mailbox, mechanisms }))
}

/// One and more of something, each behind a space.
fn each<T>(
    reader: &mut Reader<'_>,
    read: impl Fn(&mut Reader<'_>) -> Result<T, Fault>,
) -> Result<Vec<T>, Fault> {
    let mut all = Vec::new();
    loop {
        reader.due(b' ')?;
        all.push(read(reader)?);
        if all.len() > MOST_URLS {
            return Err(Fault::Limit(format!(
                "one command takes at most {MOST_URLS} URLs"
            )));
        }
        if reader.rest().is_empty() {
            return Ok(all);
        }
    }
}

fn url_fetch(reader: &mut Reader<'_>) -> Result<UrlFetch, Fault> {
    let is_extended = reader.eat(b'(').is_some();
    let url = url(reader)?;
    let mut items: Vec<UrlItem> = Vec::new();
    while is_extended && reader.eat(b' ').is_some() {
        let before = reader.clone();
        let name = reader.atom()?;
        let item = UrlItem::ALL
            .into_iter()
            .find(|item| item.name().eq_ignore_ascii_case(name));
        match item {
            Some(item) if !items.iter().any(|other| item.excludes(*other)) => items.push(item),
            _ => return Err(before.unexpected()),
        }
    }
    if is_extended {
        reader.due(b')')?;
    }
    Ok(UrlFetch { url, items })
}

fn url(reader: &mut Reader<'_>) -> Result<Vec<u8>, Fault> {
    let url = reader.astring_octets()?.into_owned();
    match url.len() {
        0..=LONGEST_URL => Ok(url),
        _ => Err(Fault::Limit(format!("a URL has at most {LONGEST_URL} octets"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fetched(text: &str) -> Result<Vec<UrlFetch>, Fault> {
        each(&mut Reader::new(text.as_bytes(), 0), url_fetch)
    }

    fn wanted(url: &str, items: &[UrlItem]) -> UrlFetch {
        UrlFetch {
            url: url.into(),
            items: items.into(),
        }
    }

    #[test]
    fn urls_are_bounded_in_number_and_length() {
        let all = ["a", "b", "c"].map(|url| wanted(url, &[]));
        assert_eq!(fetched(" a \"b\" {1}\r\nc").unwrap(), all);
        assert_eq!(fetched(&" u".repeat(MOST_URLS)).unwrap().len(), MOST_URLS);
        let too_many = " u".repeat(MOST_URLS + 1);
        let too_long = format!(" {}", "u".repeat(LONGEST_URL + 1));
        for text in [too_many, too_long] {
            assert!(matches!(fetched(&text), Err(Fault::Limit(_))));
        }
        for text in ["", " ", " a ", " a  b", " a b)", " a BODY)"] {
            assert!(fetched(text).is_err(), "{text:?}");
        }
    }

    /// RFC 5524, sections 3.1 and 5.
    #[test]
    fn rfc5524_5_what_is_wanted_of_a_url_stands_in_parentheses_with_it() {
        use UrlItem::{Binary, Body, BodyPartStructure};
        let all = [
            wanted("a", &[]),
            wanted("b", &[BodyPartStructure, Binary]),
            wanted("c", &[]),
            wanted("d", &[Body]),
        ];
        let text = " (a) (\"b\" BodyPartStructure BINARY) c ({1}\r\nd body)";
        assert_eq!(fetched(text).unwrap(), all);
        for wrong in [
            " (a",
            " (a ",
            " (a BODY",
            " (a BODY )",
            " ()",
            " (a SIZE)",
            " (a \"BODY\")",
            " (a BODY BODY)",
            " (a BODY BINARY)",
            " (a BINARY BODYPARTSTRUCTURE BODY)",
            " (a BODYPARTSTRUCTURE BODYPARTSTRUCTURE)",
            " (a)(b)",
        ] {
            assert!(fetched(wrong).is_err(), "{wrong:?}");
        }
    }

    #[test]
    fn a_reset_may_name_a_mailbox_and_mechanisms() {
        let read = |text: &str| reset_key(&mut Reader::new(text.as_bytes(), 0));
        assert_eq!(read(""), Ok(None));
        let reset = read(" INBOX INTERNAL XSAMPLE").unwrap().unwrap();
        assert_eq!(reset.mailbox, b"INBOX");
        assert_eq!(reset.mechanisms, ["INTERNAL", "XSAMPLE"]);
        assert!(read(" INBOX ").is_err() && read(" INBOX \"x\"").is_err());
    }
}
