//! The commands of URLAUTH (RFC 4467, section 9).
//!
//! ```text
//! genurlauth = "GENURLAUTH" 1*(SP url-rump SP mechanism)
//! resetkey   = "RESETKEY" [SP mailbox *(SP mechanism)]
//! urlfetch   = "URLFETCH" 1*(SP url-full)
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
    Some(each(reader, url).map(Extension::UrlFetch))
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

    fn fetched(text: &str) -> Result<Vec<Vec<u8>>, Fault> {
        each(&mut Reader::new(text.as_bytes(), 0), url)
    }

    #[test]
    fn urls_are_bounded_in_number_and_length() {
        assert_eq!(fetched(" a \"b\" {1}\r\nc").unwrap(), [b"a", b"b", b"c"]);
        assert_eq!(fetched(&" u".repeat(MOST_URLS)).unwrap().len(), MOST_URLS);
        let too_many = " u".repeat(MOST_URLS + 1);
        let too_long = format!(" {}", "u".repeat(LONGEST_URL + 1));
        for text in [too_many, too_long] {
            assert!(matches!(fetched(&text), Err(Fault::Limit(_))));
        }
        for text in ["", " ", " a ", " a  b", " (a)"] {
            assert!(fetched(text).is_err(), "{text:?}");
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
