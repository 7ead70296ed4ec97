//! What SEARCH, SORT and THREAD answer (RFC 9051, section 7.3.4; RFC 5256, section 4; RFC 4731; RFC 5267).

use imap_backend::MailboxName;
use imap_backend::thread::Entry;
use imap_seq::{ModSeq, Uid, UidValidity};

use super::response::runs;
use super::text::{NameForm, mailbox, number};
use crate::numbers::Numbers;

/// `* SEARCH` or `* SORT`; also without any number, so that the client sees an answer.
pub(crate) fn listed_begin(out: &mut Vec<u8>, name: &str) {
    out.extend_from_slice(b"* ");
    out.extend_from_slice(name.as_bytes());
}

/// ` 2 3 6`.
pub(crate) fn listed(out: &mut Vec<u8>, numbers: impl Iterator<Item = u32>) {
    for found in numbers {
        out.push(b' ');
        number(out, found);
    }
}

/// The end, with the highest mod-sequence of what was found (RFC 7162, section 3.1.5).
pub(crate) fn listed_end(out: &mut Vec<u8>, modseq: Option<ModSeq>) {
    if let Some(modseq) = modseq {
        out.extend_from_slice(b" (MODSEQ ");
        number(out, modseq.get());
        out.push(b')');
    }
    out.extend_from_slice(b"\r\n");
}

/// What an ESEARCH response belongs to: `search-correlator` (RFC 4466, section 2.6.2; RFC 7377, section 4).
#[derive(Debug, Clone)]
pub(crate) struct Correlator {
    tag: String,
    /// In answers to ESEARCH: the name as it is written, and the UIDVALIDITY.
    mailbox: Option<(Vec<u8>, UidValidity)>,
}

impl Correlator {
    pub(crate) fn new(tag: &str) -> Self {
        Self {
            tag: tag.to_owned(),
            mailbox: None,
        }
    }

    pub(crate) fn with_mailbox(
        mut self,
        name: &MailboxName,
        form: NameForm,
        uid_validity: UidValidity,
    ) -> Self {
        let mut written = Vec::new();
        mailbox(&mut written, name, form);
        self.mailbox = Some((written, uid_validity));
        self
    }

    pub(crate) fn tag(&self) -> &str {
        &self.tag
    }

    fn write(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(b"(TAG \"");
        out.extend_from_slice(self.tag.as_bytes());
        out.push(b'"');
        if let Some((name, uid_validity)) = &self.mailbox {
            out.extend_from_slice(b" MAILBOX ");
            out.extend_from_slice(name);
            out.extend_from_slice(b" UIDVALIDITY ");
            number(out, uid_validity.get());
        }
        out.push(b')');
    }
}

/// `* ESEARCH (TAG "a1") UID MIN 2 COUNT 3` (RFC 4731, section 3.1).
#[derive(Debug)]
pub(crate) struct ESearch<'o>(&'o mut Vec<u8>);

impl<'o> ESearch<'o> {
    pub(crate) fn begin(out: &'o mut Vec<u8>, correlator: &Correlator, numbers: Numbers) -> Self {
        out.extend_from_slice(b"* ESEARCH ");
        correlator.write(out);
        if numbers == Numbers::Uids {
            out.extend_from_slice(b" UID");
        }
        Self(out)
    }

    fn name(&mut self, name: &str) {
        self.0.push(b' ');
        self.0.extend_from_slice(name.as_bytes());
        self.0.push(b' ');
    }

    /// `COUNT 3`.
    pub(crate) fn value(&mut self, name: &str, value: u64) {
        self.name(name);
        number(self.0, value);
    }

    /// `ALL 2,10:11`.
    pub(crate) fn set(&mut self, name: &str, set: impl Iterator<Item = (u32, u32)>) {
        self.name(name);
        runs(self.0, set);
    }

    /// `PARTIAL (-1:-100 2,10:11)`, or NIL for the set.
    pub(crate) fn partial(&mut self, range: &str, set: impl Iterator<Item = (u32, u32)>) {
        let mut set = set.peekable();
        self.name("PARTIAL");
        self.0.push(b'(');
        self.0.extend_from_slice(range.as_bytes());
        self.0.push(b' ');
        match set.peek() {
            Some(_) => runs(self.0, set),
            None => self.0.extend_from_slice(b"NIL"),
        }
        self.0.push(b')');
    }

    /// `RELEVANCY (100 100)`: all messages are equal (RFC 6203, section 4).
    pub(crate) fn relevancy(&mut self, count: u64) {
        self.name("RELEVANCY");
        self.0.push(b'(');
        for place in 0..count {
            self.0.extend_from_slice(if place > 0 { b" 100" } else { b"100" });
        }
        self.0.push(b')');
    }

    /// `ADDTO (1 2731:2733 9 5)`, or REMOVEFROM: sets, each at its position (RFC 5267, sections 4.3.3 and 4.3.4).
    pub(crate) fn update<S: Iterator<Item = (u32, u32)>>(
        &mut self,
        name: &str,
        changes: impl Iterator<Item = (u32, S)>,
    ) {
        self.name(name);
        self.0.push(b'(');
        for (place, (position, set)) in changes.enumerate() {
            if place > 0 {
                self.0.push(b' ');
            }
            number(self.0, position);
            self.0.push(b' ');
            runs(self.0, set);
        }
        self.0.push(b')');
    }

    pub(crate) fn end(self) {
        self.0.extend_from_slice(b"\r\n");
    }
}

/// `* THREAD (2)(3 6 (4 23)(44 7 96))` (RFC 5256, section 4), message by message and without recursion.
#[derive(Debug, Default)]
pub(crate) struct ThreadWriter {
    /// How many threads are still due at each place where a thread splits.
    due: Vec<u32>,
    is_begun: bool,
    /// The message before has one child, which follows it in the same list.
    goes_on: bool,
}

impl ThreadWriter {
    /// The next message, with the number that it is written with.
    pub(crate) fn write(&mut self, out: &mut Vec<u8>, entry: &Entry, number_of: impl Fn(Uid) -> Option<u32>) {
        if !std::mem::replace(&mut self.is_begun, true) {
            out.extend_from_slice(b"* THREAD ");
        }
        out.push(if self.goes_on { b' ' } else { b'(' });
        if let Some(found) = entry.uid().and_then(number_of) {
            number(out, found);
        }
        self.goes_on = entry.children() == 1;
        match entry.children() {
            0 => self.close(out),
            1 => {}
            several => {
                if entry.uid().is_some() {
                    out.push(b' ');
                }
                self.due.push(several);
            }
        }
    }

    /// Behind the last message of a list.
    fn close(&mut self, out: &mut Vec<u8>) {
        out.push(b')');
        while let Some(due) = self.due.last_mut() {
            *due -= 1;
            if *due > 0 {
                return;
            }
            self.due.pop();
            out.push(b')');
        }
    }

    pub(crate) fn end(self, out: &mut Vec<u8>) {
        if !self.is_begun {
            out.extend_from_slice(b"* THREAD");
        }
        out.extend_from_slice(b"\r\n");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(write: impl FnOnce(&mut Vec<u8>)) -> String {
        let mut out = Vec::new();
        write(&mut out);
        String::from_utf8(out).unwrap()
    }

    fn threads(entries: &[(u32, u32)]) -> String {
        written(|out| {
            let mut writer = ThreadWriter::default();
            for &(uid, children) in entries {
                let entry = match Uid::new(uid) {
                    Some(uid) => Entry::new(uid, children),
                    None => Entry::missing(children),
                };
                writer.write(out, &entry, |uid| Some(uid.get()));
            }
            writer.end(out);
        })
    }

    #[test]
    fn rfc5256_4_threads_are_written_as_in_the_examples() {
        assert_eq!(
            threads(&[(2, 0), (3, 1), (6, 2), (4, 1), (23, 0), (44, 1), (7, 1), (96, 0)]),
            "* THREAD (2)(3 6 (4 23)(44 7 96))\r\n"
        );
        assert_eq!(threads(&[(0, 2), (3, 0), (5, 0)]), "* THREAD ((3)(5))\r\n");
        assert_eq!(
            threads(&[(0, 2), (1, 2), (2, 0), (3, 0), (4, 0)]),
            "* THREAD ((1 (2)(3))(4))\r\n"
        );
        assert_eq!(threads(&[]), "* THREAD\r\n");
    }

    #[test]
    fn an_empty_search_result_is_still_an_answer() {
        let empty = written(|out| {
            listed_begin(out, "SEARCH");
            listed(out, std::iter::empty());
            listed_end(out, None);
        });
        assert_eq!(empty, "* SEARCH\r\n");
    }

    #[test]
    fn rfc5267_3_2_ranges_are_written_only_where_numbers_ascend() {
        let set = |numbers: &[u32]| written(|out| runs(out, numbers.iter().map(|&number| (number, number))));
        assert_eq!(
            set(&[23765, 23764, 23763, 5, 6, 7, 7, 9]),
            "23765,23764,23763,5:7,7,9"
        );
        assert_eq!(set(&[u32::MAX, 1]), "4294967295,1");
    }
}
