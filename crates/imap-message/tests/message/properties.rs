//! Properties of any octets, and of messages that were put together from known parts.

use imap_message::{Message, Needle, Section, SectionText};
use proptest::prelude::*;

use crate::any_checks;
use crate::support::{leaves, outline};

/// Octets that look like mail often enough to reach every branch.
pub(crate) fn mail_like() -> impl Strategy<Value = Vec<u8>> {
    let pieces: Vec<&'static [u8]> = vec![
        b"\r\n",
        b"\r\n",
        b"\r\n\r\n",
        b"\n",
        b"\r",
        b"\0",
        b" ",
        b"\t",
        b"--a",
        b"--b",
        b"--a--",
        b"--b--",
        b"\r\n--a\r\n",
        b"\r\n--b\r\n",
        b"\r\n--a--\r\n",
        b"a",
        b"--",
        b"\xff",
        b"\xc3\xbc",
        b";",
        b"=",
        b"\"",
        b"\\",
        b"(",
        b")",
        b"<",
        b">",
        b"@",
        b",",
        b":",
        b"[",
        b"]",
        b"?",
        b"Content-Type: multipart/mixed; boundary=a\r\n",
        b"Content-Type: multipart/digest; boundary=\"b\"\r\n",
        b"Content-Type: message/rfc822\r\n",
        b"Content-Type: text/plain; charset=",
        b"Content-Type:",
        b"Content-Transfer-Encoding: base64\r\n",
        b"Content-Transfer-Encoding: quoted-printable\r\n",
        b"Content-Disposition: attachment; filename=",
        b"Content-Language: ",
        b"Subject: ",
        b"From: ",
        b"To: ",
        b"Date: ",
        b"1 Jan 2001",
        b"=?utf-8?Q?",
        b"=?utf-8?B?",
        b"?=",
        b"=C3=",
        b"YQ==",
    ];
    prop_oneof![
        4 => prop::collection::vec(prop::sample::select(pieces), 0..60).prop_map(|pieces| pieces.concat()),
        1 => prop::collection::vec(any::<u8>(), 0..200),
    ]
}

/// A message to be, and what must be found in it.
#[derive(Debug, Clone)]
pub(crate) enum Made {
    Text(String),
    Data(String),
    Multipart(Vec<Self>),
    Message(Box<Self>),
}

pub(crate) fn made() -> impl Strategy<Value = Made> {
    let body = prop::collection::vec(
        prop::sample::select(vec!["word", "\r\n", "--", "--x", "\r\n-", "\r\n\r\n", ": "]),
        0..6,
    )
    .prop_map(|words| words.concat());
    let leaf = prop_oneof![body.clone().prop_map(Made::Text), body.prop_map(Made::Data)];
    leaf.prop_recursive(5, 40, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 1..5).prop_map(Made::Multipart),
            inner.prop_map(|made| Made::Message(Box::new(made))),
        ]
    })
}

impl Made {
    /// Header and body. `next` numbers the boundaries.
    pub(crate) fn render(&self, next: &mut u32) -> (String, String) {
        match self {
            Self::Text(body) => ("Subject: s\r\n\r\n".into(), body.clone()),
            Self::Data(body) => ("Content-Type: application/x\r\n\r\n".into(), body.clone()),
            Self::Message(inner) => {
                let (header, body) = inner.render(next);
                ("Content-Type: message/rfc822\r\n\r\n".into(), header + &body)
            }
            Self::Multipart(children) => {
                *next += 1;
                let boundary = format!("=_{next}");
                let mut body = "preamble\r\n".to_owned();
                for child in children {
                    let (header, text) = child.render(next);
                    body.push_str(&format!("--{boundary}\r\n{header}{text}\r\n"));
                }
                body.push_str(&format!("--{boundary}--\r\nepilogue"));
                (
                    format!("Content-Type: multipart/mixed;\r\n boundary=\"{boundary}\"\r\n\r\n"),
                    body,
                )
            }
        }
    }

    fn outline(&self) -> String {
        match self {
            Self::Text(_) => "text/plain".into(),
            Self::Data(_) => "application/x".into(),
            Self::Message(inner) => format!("message/rfc822({})", inner.outline()),
            Self::Multipart(children) => {
                let parts: Vec<_> = children.iter().map(Self::outline).collect();
                format!("multipart/mixed({})", parts.join(" "))
            }
        }
    }

    /// The bodies of all single parts in the order of [`leaves`]: a message after what is in it.
    fn bodies(&self, next: &mut u32, found: &mut Vec<String>) {
        match self {
            Self::Text(body) | Self::Data(body) => found.push(body.clone()),
            Self::Message(inner) => {
                let (header, body) = inner.render(&mut next.clone());
                inner.bodies(next, found);
                found.push(header + &body);
            }
            Self::Multipart(children) => {
                *next += 1;
                children.iter().for_each(|child| child.bodies(next, found));
            }
        }
    }
}

proptest! {
    #[test]
    fn any_octets_keep_the_promises(octets in mail_like()) {
        any_checks::check(&octets);
        any_checks::check(&imap_message::to_crlf(&octets));
    }

    #[test]
    fn a_message_put_together_from_parts_comes_apart_into_them(made in made()) {
        let (header, body) = made.render(&mut 0);
        let octets = header + &body;
        any_checks::check(octets.as_bytes());
        let message = Message::parse(octets.as_bytes());
        let structure = message.structure();
        prop_assert_eq!(outline(&structure), made.outline());
        let mut expected = Vec::new();
        made.bodies(&mut 0, &mut expected);
        for ((part, _), body) in leaves(&structure).into_iter().zip(&expected) {
            let section = Section { part: part.clone(), text: SectionText::All };
            let octets = message.section(&section).unwrap_or_default();
            prop_assert_eq!(&String::from_utf8_lossy(&octets), body, "{:?}", part);
        }
        prop_assert_eq!(leaves(&structure).len(), expected.len());
    }

    #[test]
    fn a_needle_is_found_where_it_was_put(before in "\\PC{0,20}", needle in "\\PC{1,10}", after in "\\PC{0,20}") {
        let text = format!("{before}{needle}{after}");
        prop_assert!(Needle::new(&needle).is_in(&text));
        prop_assert!(Needle::new(&needle.to_uppercase().to_lowercase()).is_in(&text.to_uppercase().to_lowercase()));
    }
}
