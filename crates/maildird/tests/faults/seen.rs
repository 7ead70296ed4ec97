//! What clients were told, put together: a UID is one message's for ever, as long as UIDVALIDITY stays (RFC 9051, section 2.3.1.1).

use std::collections::{BTreeMap, BTreeSet};
use std::net::TcpStream;

use crate::common::Client;
use crate::fixture::append_text;

/// What was told of INBOX, and what is there for sure.
#[derive(Default)]
pub struct Seen {
    /// The subject of each message, by UIDVALIDITY and UID.
    messages: BTreeMap<(u32, u32), String>,
    /// Subjects of messages that were stored for sure.
    stored: BTreeSet<String>,
    count: usize,
}

impl Seen {
    fn next(&mut self) -> String {
        self.count += 1;
        format!("message {}", self.count)
    }

    /// Text for a message that will be there for sure.
    pub fn delivered(&mut self) -> (String, String) {
        let subject = self.next();
        let text = format!("Subject: {subject}\n\nbody of {subject}\n");
        self.stored.insert(subject);
        (format!("17{:08}.M1P1.outside", self.count), text)
    }

    /// Appends a message; gives the answer.
    pub fn append(&mut self, client: &mut Client<TcpStream>) -> String {
        let subject = self.next();
        let answer = append_text(client, "INBOX", &format!("Subject: {subject}\r\n\r\nx\r\n"));
        if answer.contains(" OK ") {
            self.stored.insert(subject.clone());
            if let Some(told) = answer.split("[APPENDUID ").nth(1) {
                let mut numbers = told.split([' ', ']']).map(|number| number.parse().unwrap_or(0));
                self.note(numbers.next().unwrap(), numbers.next().unwrap(), subject);
            }
        }
        answer
    }

    fn note(&mut self, validity: u32, uid: u32, subject: String) {
        let before = self.messages.insert((validity, uid), subject.clone());
        assert!(
            before.as_ref().is_none_or(|before| *before == subject),
            "{validity}/{uid} was {before:?} and is {subject}"
        );
    }

    /// Selects INBOX and fetches all; gives UIDVALIDITY and the subjects. None where the server says NO.
    pub fn read(&mut self, client: &mut Client<TcpStream>) -> Option<(u32, Vec<String>)> {
        let selected = client.command("SELECT INBOX");
        let validity = selected.split("[UIDVALIDITY ").nth(1);
        let validity: u32 = validity?.split(']').next()?.parse().ok()?;
        let answer = client.command("UID FETCH 1:* (BODY.PEEK[HEADER.FIELDS (SUBJECT)])");
        let rows = self.take(validity, &answer);
        let is_whole = answer.lines().last().unwrap().contains(" OK ");
        is_whole.then_some((validity, rows))
    }

    /// Notes rows that a client got; gives the subjects.
    pub fn take(&mut self, validity: u32, answer: &str) -> Vec<String> {
        let (mut uid, mut subjects) = (None, Vec::new());
        for line in answer.lines() {
            if let Some((_, rest)) = line.split_once("(UID ") {
                uid = rest.split(' ').next().and_then(|uid| uid.parse().ok());
            }
            if let (Some(subject), Some(of)) = (line.strip_prefix("Subject: "), uid) {
                self.note(validity, of, subject.to_owned());
                subjects.push(subject.to_owned());
            }
        }
        subjects
    }

    /// A new session sees all that was stored, once each, and nothing else but what `may_be_there`.
    pub fn assert_all(&mut self, client: &mut Client<TcpStream>, at: &str) -> u32 {
        let (validity, subjects) = self
            .read(client)
            .unwrap_or_else(|| panic!("{at}: it cannot be read"));
        let set: BTreeSet<String> = subjects.iter().cloned().collect();
        assert_eq!(set.len(), subjects.len(), "{at}: twice: {subjects:?}");
        let missing: Vec<_> = self.stored.difference(&set).collect();
        assert!(missing.is_empty(), "{at}: missing {missing:?}, of {subjects:?}");
        validity
    }
}
