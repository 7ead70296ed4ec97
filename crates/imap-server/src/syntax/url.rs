//! IMAP URLs of messages on the same server (RFC 5092): as CATENATE has them, without a scheme and a server, and those that
//! carry their authorization (RFC 4467).
//!
//! ```text
//! url      = ["/" enc-mailbox [";UIDVALIDITY=" nz-number] "/"] ";UID=" nz-number
//!            ["/;SECTION=" enc-section] ["/;PARTIAL=" number64 ["." nz-number64]]
//! auth-url = "imap://" enc-user "@" server url [";EXPIRE=" date-time] ";URLAUTH=" access [":" mechanism ":" token]
//! access   = "submit+" enc-user / "user+" enc-user / "authuser" / "anonymous"
//! ```

use std::num::{NonZeroU32, NonZeroU64};

use chrono::{DateTime, Utc};
use imap_backend::MailboxName;

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
    pub(crate) partial: Option<(u64, Option<NonZeroU64>)>,
}

impl MessageUrl {
    /// The mailbox; `None` for the selected one, and for what no mailbox can be called.
    pub(crate) fn mailbox_name(&self, delimiter: char) -> Option<MailboxName> {
        Some(MailboxName::new(self.mailbox.as_deref()?)?.canonical(delimiter))
    }

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

/// A URL that says who may have what it names, and proves it with a token (RFC 5092, section 6.1).
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct AuthUrl<'u> {
    /// Whose mailbox it is.
    pub(crate) owner: String,
    pub(crate) message: MessageUrl,
    /// Until when it counts.
    pub(crate) expires: Option<DateTime<Utc>>,
    pub(crate) access: Access,
    /// The URL up to the token, which is made of it.
    pub(crate) rump: &'u [u8],
    /// The mechanism and the token, if it has got one.
    pub(crate) verifier: Option<(&'u str, &'u str)>,
}

/// Who may have what a URL names (RFC 5092, section 6.1.1.3).
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Access {
    /// Who submits mail for this user.
    Submission(String),
    User(String),
    /// Everybody who is logged in by name.
    Users,
    Everybody,
}

impl<'u> AuthUrl<'u> {
    /// Reads a URL; `None` for what is none, or is not of one message.
    pub(crate) fn read(url: &'u [u8]) -> Option<Self> {
        let text = std::str::from_utf8(url).ok().filter(|url| url.is_ascii())?;
        let (_, rest) = text
            .split_at_checked("imap://".len())
            .filter(|(scheme, _)| scheme.eq_ignore_ascii_case("imap://"))?;
        let (server, path) = rest.split_at(rest.find('/')?);
        let (user, _) = server.split_once('@').filter(|(_, host)| !host.is_empty())?;
        let (path, access) = split_parameter(path, ";URLAUTH=")?;
        let (path, expires) = match split_parameter(path, ";EXPIRE=") {
            Some((path, expires)) => (path, Some(DateTime::parse_from_rfc3339(expires).ok()?.to_utc())),
            None => (path, None),
        };
        let (access, verifier) = match access.split_once(':') {
            Some((access, verifier)) => (access, Some(verifier)),
            None => (access, None),
        };
        let rump = url.len() - verifier.map_or(0, |verifier| verifier.len() + 1);
        Some(Self {
            owner: enc_user(user)?,
            message: MessageUrl::read(path.as_bytes())?,
            expires,
            access: Access::read(access)?,
            rump: &url[..rump],
            verifier: match verifier {
                Some(verifier) => Some(verifier.split_once(':')?),
                None => None,
            },
        })
    }
}

impl Access {
    fn read(text: &str) -> Option<Self> {
        Some(match text.split_once('+') {
            Some((kind, user)) if kind.eq_ignore_ascii_case("submit") => Self::Submission(enc_user(user)?),
            Some((kind, user)) if kind.eq_ignore_ascii_case("user") => Self::User(enc_user(user)?),
            None if text.eq_ignore_ascii_case("authuser") => Self::Users,
            None if text.eq_ignore_ascii_case("anonymous") => Self::Everybody,
            _ => return None,
        })
    }
}

/// A name that is not empty.
fn enc_user(text: &str) -> Option<String> {
    let is_encoded = |octet: u8| octet.is_ascii_alphanumeric() || b"%-._~!$'()*+,&=".contains(&octet);
    decoded(text).filter(|user| !user.is_empty() && text.bytes().all(is_encoded))
}

/// What stands before and behind the last `;NAME=`.
fn split_parameter<'t>(text: &'t str, name: &str) -> Option<(&'t str, &'t str)> {
    let at = text.to_ascii_uppercase().rfind(name)?;
    Some((&text[..at], &text[at + name.len()..]))
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

/// `partial-range = number64 ["." nz-number64]` (RFC 9051, section 9).
fn range(text: &str) -> Option<(u64, Option<NonZeroU64>)> {
    let number = |text| digits(text)?.parse::<i64>().ok()?.try_into().ok();
    let (from, octets) = match text.split_once('.') {
        Some((from, octets)) => (from, Some(NonZeroU64::new(number(octets)?)?)),
        None => (text, None),
    };
    Some((number(from)?, octets))
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
            (None, Some((0, NonZeroU64::new(1024))))
        );
        assert_eq!(url("/a/;UID=1/;PARTIAL=5").partial, Some((5, None)));
        let wide = url("/a/;UID=1/;PARTIAL=4294967296.9223372036854775807").partial;
        assert_eq!(wide, Some((1 << 32, NonZeroU64::new(u64::MAX >> 1))));
        let fields = url("/a/;UID=1/;SECTION=HEADER.FIELDS%20(DATE%20FROM)");
        assert_eq!(fields.section, "HEADER.FIELDS (DATE FROM)");
    }

    #[test]
    fn rfc4467_5_the_parts_of_an_authorized_url() {
        let text = "imap://joe@example.com/INBOX/;uid=20/;section=1.2;urlauth=submit+fred:internal:91354a473744909de610943775f92038";
        let url = AuthUrl::read(text.as_bytes()).unwrap();
        assert_eq!((url.owner.as_str(), url.message.uid.get()), ("joe", 20));
        assert_eq!(
            (url.message.mailbox.as_deref(), url.message.section.as_str()),
            (Some("INBOX"), "1.2")
        );
        assert_eq!(url.access, Access::Submission("fred".to_owned()));
        assert_eq!(
            url.verifier,
            Some(("internal", "91354a473744909de610943775f92038"))
        );
        let (rump, _) = text.split_once(":internal").unwrap();
        assert_eq!(url.rump, rump.as_bytes());
        let url = AuthUrl::read(rump.as_bytes()).unwrap();
        assert_eq!(
            (url.rump, url.verifier, url.expires),
            (rump.as_bytes(), None, None)
        );
        let text = "IMAP://j%20o%2Be@[::1]:143/a%2Fb;uidvalidity=3/;uid=1/;partial=0.5;expire=2030-01-02T03:04:05+01:00;urlauth=USER+fr%40ed";
        let url = AuthUrl::read(text.as_bytes()).unwrap();
        assert_eq!(
            (url.owner.as_str(), url.access),
            ("j o+e", Access::User("fr@ed".to_owned()))
        );
        assert_eq!(url.message.mailbox_name('/').unwrap().as_str(), "a/b");
        assert_eq!(url.expires.unwrap().to_rfc3339(), "2030-01-02T02:04:05+00:00");
        for (access, read) in [("authuser", Access::Users), ("Anonymous", Access::Everybody)] {
            let text = format!("imap://joe@h/INBOX/;uid=1;URLAUTH={access}");
            assert_eq!(AuthUrl::read(text.as_bytes()).unwrap().access, read);
        }
    }

    #[test]
    fn what_is_no_authorized_url_of_one_message() {
        for url in [
            "",
            "imap://",
            "imap://joe@h",
            "imap://joe@h/",
            "imap://joe@h/INBOX/;uid=20",
            "imap://h/INBOX/;uid=20;urlauth=anonymous",
            "imap://@h/INBOX/;uid=20;urlauth=anonymous",
            "imap://joe@/INBOX/;uid=20;urlauth=anonymous",
            "imap://joe;auth=*@h/INBOX/;uid=20;urlauth=anonymous",
            "imap://joe@h/;urlauth=anonymous",
            "imap://joe@h/;uid=20;urlauth=anonymous",
            "imap://joe@h/INBOX;urlauth=anonymous",
            "imap://joe@h/INBOX?SUBJECT%20x;urlauth=anonymous",
            "imap://joe@h/INBOX/;uid=20;urlauth=",
            "imap://joe@h/INBOX/;uid=20;urlauth=submit+",
            "imap://joe@h/INBOX/;uid=20;urlauth=somebody",
            "imap://joe@h/INBOX/;uid=20;urlauth=anonymous:internal",
            "imap://joe@h/INBOX/;uid=20;urlauth=anonymous;expire=2030-01-02T03:04:05Z",
            "imap://joe@h/INBOX/;uid=20;expire=2030;urlauth=anonymous",
            "imap://joe@h/INBOX/;uid=20/;urlauth=anonymous",
            "imaps://joe@h/INBOX/;uid=20;urlauth=anonymous",
            "imap://joe@h/INBOX/;uid=20;urlauth=user+\u{fc}",
        ] {
            assert_eq!(AuthUrl::read(url.as_bytes()), None, "{url}");
        }
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
