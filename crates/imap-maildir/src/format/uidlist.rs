//! The text of a `dovecot-uidlist`: which UID belongs to which base name.
//!
//! ```text
//! 3 V1700000000 N9 G5f0c...                 version, UIDVALIDITY, next UID, mailbox identifier, others' keys
//! 7 T1700000002 S120 W124 :1700000001.M1P1.host   UID, keys without spaces, base name
//! ```
//!
//! The key `T` is ours: when the message came into the mailbox (RFC 8514), in seconds since the epoch. Dovecot keeps every key that
//! is a capital. A record that another program has made has none, and then nothing on disk says it: the time of the file is
//! INTERNALDATE, and its status changes with its flags.
//!
//! Version 1 (Courier's `courierimapuiddb` too) is read: `1 <uidvalidity> <next uid>`, then `<uid> <file name>`. The header's `N` is
//! not raised by appended records, so UIDNEXT is the larger of `N` and the last UID plus one.
//!
//! A last line without a line end is a write that did not finish. Dovecot 2.3 appends right behind it and later gives one UID
//! twice; here it makes the list unfit for appending, and its number counts as used.

use std::collections::HashSet;
use std::hash::{BuildHasher as _, RandomState};
use std::num::NonZeroU32;
use std::sync::Arc;

use hashbrown::HashTable;
use hashbrown::hash_table::Entry;

/// Seconds since the epoch, up to the year 2106.
pub(crate) type SavedAt = NonZeroU32;

/// The key of a [`SavedAt`].
const SAVED: char = 'T';

/// One message's line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct UidRecord {
    /// 1 to 2^32-2; the list ascends strictly.
    pub(crate) uid: u32,
    /// When it came into the mailbox, where that is known.
    pub(crate) saved: Option<SavedAt>,
    /// Other keys and values between UID and name, each `X<value>`, separated by one space; mostly empty.
    pub(crate) keys: Box<str>,
    /// The base name.
    pub(crate) base: Arc<[u8]>,
}

impl UidRecord {
    /// Appends this record's line to `out`.
    pub(crate) fn write(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(self.uid.to_string().as_bytes());
        if let Some(saved) = self.saved {
            out.extend_from_slice(format!(" {SAVED}{saved}").as_bytes());
        }
        if !self.keys.is_empty() {
            out.push(b' ');
            out.extend_from_slice(self.keys.as_bytes());
        }
        out.extend_from_slice(b" :");
        out.extend_from_slice(&self.base);
        out.push(b'\n');
    }
}

/// The first line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Header {
    /// UIDVALIDITY, not 0.
    pub(crate) uid_validity: u32,
    /// The next UID as of the last rewrite, at least 1.
    pub(crate) next_uid: u32,
    /// The mailbox's identifier: 32 hexadecimal digits.
    pub(crate) guid: Option<Box<str>>,
    /// Further keys, verbatim, each with its letter.
    pub(crate) others: Vec<Box<str>>,
}

impl Header {
    /// Appends the header line to `out`.
    pub(crate) fn write(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(format!("3 V{} N{}", self.uid_validity, self.next_uid).as_bytes());
        for field in self
            .guid
            .iter()
            .map(|guid| format!("G{guid}"))
            .chain(self.others.iter().map(ToString::to_string))
        {
            out.push(b' ');
            out.extend_from_slice(field.as_bytes());
        }
        out.push(b'\n');
    }
}

/// Why a list, or a line of it, is not as it should be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    /// The header cannot be read: the whole list is lost.
    Header,
    /// An older version, or no identifier: to be written anew in full.
    Outdated,
    /// A line that is no record; counted from 1, the header being line 1.
    Line(usize),
    /// A UID not above the one before it, or out of range; the line is left out.
    Order(usize),
    /// A base name that a later line gives another UID; the later one counts.
    Duplicate(usize),
    /// The last line has no end.
    Torn,
}

impl std::fmt::Display for Fault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Header => f.write_str("the first line cannot be read"),
            Self::Outdated => f.write_str("an older version, or without an identifier"),
            Self::Line(line) => write!(f, "line {line} is no record"),
            Self::Order(line) => write!(f, "line {line}: its UID is not above the one before"),
            Self::Duplicate(line) => write!(f, "line {line}: a later line names the same file"),
            Self::Torn => f.write_str("the last line is torn"),
        }
    }
}

/// What a whole file says.
#[derive(Debug)]
pub(crate) struct Parsed {
    /// The first line; `None` when it cannot be read.
    pub(crate) header: Option<Header>,
    /// The readable records, ascending, each base name once.
    pub(crate) records: Vec<UidRecord>,
    /// What is wrong. Unless empty, the file must be written anew before anything is appended.
    pub(crate) faults: Vec<Fault>,
    /// The largest UID that any whole line, readable or not, seems to use; 0 for none.
    pub(crate) highest: u32,
    /// The UID that the unfinished last line seems to use; 0 for none.
    pub(crate) torn_uid: u32,
    /// Octets up to the end of the last whole line.
    pub(crate) complete: u64,
}

/// Reads a whole list.
#[must_use]
pub(crate) fn parse(octets: &[u8]) -> Parsed {
    let mut parsed = Parsed {
        header: None,
        records: Vec::new(),
        faults: Vec::new(),
        highest: 0,
        torn_uid: 0,
        complete: 0,
    };
    let end = octets.iter().position(|&octet| octet == b'\n');
    let Some((header, version)) = end.and_then(|end| parse_header(trim(&octets[..end]))) else {
        parsed.faults.push(Fault::Header);
        return parsed;
    };
    if version == Version::One || header.guid.is_none() {
        parsed.faults.push(Fault::Outdated);
    }
    let floor = header.next_uid;
    parsed.header = Some(header);
    let start = end.map_or(0, |end| end + 1);
    parsed.complete = start as u64;
    let lines = parse_records(&octets[start..], version, (2, floor), &mut parsed);
    drop_duplicates(&mut parsed, &lines);
    parsed
}

/// The first line of a list of which the beginning is given, if it is whole and can be read.
#[must_use]
pub(crate) fn first_line(octets: &[u8]) -> Option<Header> {
    let end = memchr::memchr(b'\n', octets)?;
    parse_header(trim(&octets[..end])).map(|(header, _)| header)
}

/// Reads lines appended to a list that was read before; `highest` is the largest UID so far.
#[must_use]
pub(crate) fn parse_appended(octets: &[u8], highest: u32) -> Parsed {
    let mut parsed = Parsed {
        header: None,
        records: Vec::new(),
        faults: Vec::new(),
        highest,
        torn_uid: 0,
        complete: 0,
    };
    let lines = parse_records(octets, Version::Three, (1, highest), &mut parsed);
    drop_duplicates(&mut parsed, &lines);
    parsed
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Version {
    One,
    Three,
}

fn parse_header(line: &[u8]) -> Option<(Header, Version)> {
    let line = std::str::from_utf8(line).ok()?;
    // A CR is of a line end, and would be taken for one where the header is written with it.
    let mut fields = line.split([' ', '\r']).filter(|field| !field.is_empty());
    let mut header = Header {
        uid_validity: 0,
        next_uid: 1,
        guid: None,
        others: Vec::new(),
    };
    let version = match fields.next()? {
        "1" => Version::One,
        "3" => Version::Three,
        _ => return None,
    };
    if version == Version::One {
        header.uid_validity = fields.next()?.parse().ok()?;
        header.next_uid = fields.next()?.parse::<u32>().ok()?.max(1);
    } else {
        for field in fields {
            match field.split_at_checked(1)? {
                ("V", value) => header.uid_validity = value.parse().ok()?,
                ("N", value) => header.next_uid = value.parse::<u32>().ok()?.max(1),
                ("G", value) if is_guid(value) => header.guid = Some(value.into()),
                ("G", _) => {}
                _ => header.others.push(field.into()),
            }
        }
    }
    (header.uid_validity != 0).then_some((header, version))
}

/// Whether this can be a mailbox's identifier: 32 hexadecimal digits.
pub(crate) fn is_guid(value: &str) -> bool {
    value.len() == 32 && value.bytes().all(|octet| octet.is_ascii_hexdigit())
}

/// Returns the line of each record.
fn parse_records(
    octets: &[u8],
    version: Version,
    (first_line, floor): (usize, u32),
    parsed: &mut Parsed,
) -> Vec<usize> {
    let mut lines = Vec::new();
    let mut rest = octets;
    let mut line = first_line;
    let mut last = parsed.highest;
    while let Some(end) = memchr::memchr(b'\n', rest) {
        parsed.complete += end as u64 + 1;
        let text = trim(&rest[..end]);
        rest = &rest[end + 1..];
        match parse_record(text, version) {
            Some(record) if record.uid > last && record.uid < u32::MAX => {
                last = record.uid;
                parsed.highest = parsed.highest.max(record.uid);
                parsed.records.push(record);
                lines.push(line);
            }
            Some(record) => {
                // A number that is merely out of order is in use; one out of range would end the mailbox's life.
                if record.uid < u32::MAX {
                    parsed.highest = parsed.highest.max(record.uid);
                }
                parsed.faults.push(Fault::Order(line));
            }
            None => {
                // Half a line that another program appended to (see the module's text) may hide a UID.
                parsed.highest = parsed.highest.max(hidden_uid(text, parsed.highest.max(floor)));
                parsed.faults.push(Fault::Line(line));
            }
        }
        line += 1;
    }
    if !rest.is_empty() {
        parsed.torn_uid = hidden_uid(rest, parsed.highest.max(floor));
        parsed.faults.push(Fault::Torn);
    }
    lines
}

/// The UID that a broken line starts with, if it is a number that could be one; else 0.
///
/// A number far above the UIDs in use is rubbish: counting it as used would bring the end of all UIDs near.
fn hidden_uid(line: &[u8], floor: u32) -> u32 {
    let digits = line.iter().take_while(|octet| octet.is_ascii_digit()).count();
    crate::format::file_name::number(&line[..digits])
        .and_then(|uid| u32::try_from(uid).ok())
        .filter(|&uid| uid < u32::MAX && uid <= floor.saturating_add(1 << 20))
        .unwrap_or(0)
}

fn parse_record(line: &[u8], version: Version) -> Option<UidRecord> {
    let space = line.iter().position(|&octet| octet == b' ')?;
    let uid = u32::try_from(crate::format::file_name::number(&line[..space])?)
        .ok()
        .filter(|&uid| uid > 0)?;
    let rest = &line[space + 1..];
    let (keys, name) = if version == Version::One {
        (&b""[..], rest)
    } else if let Some(name) = rest.strip_prefix(b":") {
        (&b""[..], name)
    } else {
        let colon = rest.windows(2).position(|pair| pair == b" :")?;
        (&rest[..colon], &rest[colon + 2..])
    };
    let (base, _) = crate::format::file_name::split(name);
    if !crate::format::file_name::is_message_name(base) {
        return None;
    }
    let keys = std::str::from_utf8(keys).ok()?;
    let mut known = keys
        .split(' ')
        .filter(|field| field.starts_with(|letter: char| letter.is_ascii_uppercase()))
        .peekable();
    // It is written first.
    let saved = known.peek().and_then(|field| saved_at(field));
    let known = known.skip(usize::from(saved.is_some()));
    let keys = known.collect::<Vec<_>>();
    Some(UidRecord {
        uid,
        saved,
        keys: keys.join(" ").into(),
        base: base.into(),
    })
}

fn saved_at(field: &str) -> Option<SavedAt> {
    let seconds = crate::format::file_name::number(field.strip_prefix(SAVED)?.as_bytes())?;
    SavedAt::new(u32::try_from(seconds).ok()?)
}

/// Lines may end in CRLF: some programs write them so.
fn trim(line: &[u8]) -> &[u8] {
    line.strip_suffix(b"\r").unwrap_or(line)
}

fn drop_duplicates(parsed: &mut Parsed, lines: &[usize]) {
    let records = &parsed.records;
    let hasher = RandomState::new();
    let hash = |at: usize| hasher.hash_one(&*records[at].base);
    // Places of records, by their base names: small, for there may be millions.
    let mut last = HashTable::with_capacity(records.len());
    let mut replaced = HashSet::new();
    for at in 0..records.len() {
        let is_same = |&earlier: &usize| records[earlier].base == records[at].base;
        match last.entry(hash(at), is_same, |&at| hash(at)) {
            Entry::Vacant(free) => drop(free.insert(at)),
            Entry::Occupied(mut taken) => {
                let earlier = std::mem::replace(taken.get_mut(), at);
                parsed.faults.push(Fault::Duplicate(lines[earlier]));
                replaced.insert(earlier);
            }
        }
    }
    if !replaced.is_empty() {
        let mut places = 0..;
        parsed
            .records
            .retain(|_| places.next().is_some_and(|at| !replaced.contains(&at)));
    }
}

/// Writes a whole list.
#[must_use]
pub(crate) fn write<'a>(header: &Header, records: impl IntoIterator<Item = &'a UidRecord>) -> Vec<u8> {
    let mut out = Vec::new();
    header.write(&mut out);
    for record in records {
        record.write(&mut out);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const GUID: &str = "0123456789abcdef0123456789abcdef";

    fn list(lines: &str) -> Vec<u8> {
        format!("3 V17 N1 G{GUID}\n{lines}").into_bytes()
    }

    fn uids(parsed: &Parsed) -> Vec<(u32, &str)> {
        parsed
            .records
            .iter()
            .map(|r| (r.uid, std::str::from_utf8(&r.base).unwrap()))
            .collect()
    }

    #[test]
    fn a_dovecot_list_is_read_with_all_its_keys() {
        let octets = format!("3 N5 V17 P%v G{GUID}\n1 :a\n3 W124 S120 Gxyz x9 :b c\n");
        let parsed = parse(octets.as_bytes());
        assert!(parsed.faults.is_empty(), "{:?}", parsed.faults);
        let header = parsed.header.as_ref().unwrap();
        assert_eq!((header.uid_validity, header.next_uid), (17, 5));
        assert_eq!(header.guid.as_deref(), Some(GUID));
        assert_eq!(header.others, ["P%v".into()]);
        assert_eq!(uids(&parsed), [(1, "a"), (3, "b c")]);
        let record = &parsed.records[1];
        assert_eq!(
            &*record.keys, "W124 S120 Gxyz",
            "a key that is no capital is dropped"
        );
    }

    #[test]
    fn the_time_at_which_a_message_was_saved_is_a_key_of_its_record() {
        let lines =
            "1 T1700000000 :a\n2 T1700000000 S5 W6 :b\n3 S5 :c\n4 T0 :d\n5 Tx S5 :e\n6 T4294967296 :f\n";
        let parsed = parse(&list(lines));
        let seen: Vec<_> = parsed
            .records
            .iter()
            .map(|record| (record.saved.map(SavedAt::get), &*record.keys))
            .collect();
        let saved = Some(1_700_000_000);
        assert_eq!(
            seen,
            [
                (saved, ""),
                (saved, "S5 W6"),
                (None, "S5"),
                (None, "T0"),
                (None, "Tx S5"),
                (None, "T4294967296")
            ]
        );
        let header = parsed.header.unwrap();
        assert!(write(&header, &parsed.records).ends_with(lines.as_bytes()));
    }

    #[test]
    fn version_1_is_read_and_marked_for_a_rewrite() {
        let parsed = parse(b"1 99 12\n3 a.b.c\n7 d:2,S\n");
        assert_eq!(parsed.faults, [Fault::Outdated]);
        let header = parsed.header.as_ref().unwrap();
        assert_eq!((header.uid_validity, header.next_uid), (99, 12));
        assert_eq!(uids(&parsed), [(3, "a.b.c"), (7, "d")]);
    }

    #[test]
    fn lines_may_end_in_crlf() {
        let parsed = parse(format!("3 V1 N2 G{GUID}\r\n1 :a\r\n").as_bytes());
        assert_eq!(uids(&parsed), [(1, "a")]);
        assert!(parsed.faults.is_empty());
    }

    #[test]
    fn a_header_is_written_as_it_was_read_however_its_line_ended() {
        for end in ["\r\n", "\r\r\n", " \r\r\n", " \r \r\n"] {
            let parsed = parse(format!("3 V1 N2 G{GUID} Xy{end}1 :a{end}").as_bytes());
            let header = parsed.header.unwrap();
            assert_eq!(parse(&write(&header, &[])).header, Some(header), "{end:?}");
        }
    }

    #[test]
    fn a_torn_tail_uses_up_its_uid_and_the_list_up_to_it_counts() {
        let octets = list("16 :a\n17 :17000000");
        let parsed = parse(&octets);
        assert_eq!(uids(&parsed), [(16, "a")]);
        assert_eq!(parsed.faults, [Fault::Torn]);
        assert_eq!((parsed.highest, parsed.torn_uid), (16, 17));
        assert_eq!(parsed.complete, octets.len() as u64 - "17 :17000000".len() as u64);
    }

    #[test]
    fn dovecot_appending_behind_a_torn_tail_is_survived() {
        // Dovecot 2.3.19 made this from `17 :17000000` and appended records for 50 and 51.
        let parsed = parse(&list("16 :a\n17 :1700000050 :1700000003.x\n51 :b\n"));
        assert_eq!(uids(&parsed), [(16, "a"), (17, "1700000050 "), (51, "b")]);
        assert_eq!(parsed.highest, 51, "50 stays unused because 51 was given out");
    }

    #[test]
    fn broken_order_and_rubbish_are_left_out_and_said() {
        let parsed = parse(&list(
            "5 :a\n5 :b\n4 :c\nrubbish\n0 :z\n9 :d/e\n\0\0\n4294967295 :x\n6 :f\n",
        ));
        assert_eq!(uids(&parsed), [(5, "a"), (6, "f")]);
        let lines: Vec<_> = (3..=9).collect();
        assert_eq!(parsed.faults.len(), lines.len(), "{:?}", parsed.faults);
        assert_eq!(parsed.highest, 9, "a broken line's number is not given again");
    }

    #[test]
    fn the_later_uid_of_a_file_named_twice_counts() {
        let parsed = parse(&list("1 :a\n2 :b\n3 :a\n"));
        assert_eq!(uids(&parsed), [(2, "b"), (3, "a")]);
        assert_eq!(parsed.faults, [Fault::Duplicate(2)]);
    }

    #[test]
    fn a_file_named_twice_is_said_with_its_own_line() {
        let parsed = parse(&list("rubbish\n1 :a\n1 :c\n2 :b\n3 :a\n"));
        assert_eq!(
            parsed.faults,
            [Fault::Line(2), Fault::Order(4), Fault::Duplicate(3)]
        );
        // Appended lines are counted from the first one.
        assert_eq!(parse_appended(b"1 :a\n2 :a\n", 0).faults, [Fault::Duplicate(1)]);
    }

    #[test]
    fn an_unreadable_header_loses_the_list() {
        for text in [
            "",
            "3 V17 N1",
            "3 N1\n",
            "2 V1 N1\n",
            "3 Vx N1\n",
            "\u{fffd}\n",
            "3 V0 N1\n",
        ] {
            assert_eq!(parse(text.as_bytes()).faults, [Fault::Header], "{text:?}");
        }
    }

    #[test]
    fn a_missing_identifier_asks_for_a_rewrite() {
        assert_eq!(parse(b"3 V17 N1\n1 :a\n").faults, [Fault::Outdated]);
    }

    fn records() -> impl Strategy<Value = Vec<UidRecord>> {
        let base = proptest::collection::vec(
            any::<u8>().prop_filter("octet", |o| !b"\r\n/:\0".contains(o)),
            1..9,
        )
        .prop_filter("name", |base| base[0] != b'.');
        let keys = prop_oneof![
            Just(""),
            Just("S12 W14"),
            Just("Gabc"),
            Just("T0 S1"),
            Just("S1 T9")
        ];
        let record = (base, keys, any::<u32>().prop_map(SavedAt::new));
        proptest::collection::btree_map(1..u32::MAX, record, 0..20).prop_map(|map| {
            let mut seen = HashSet::new();
            map.into_iter()
                .filter(|(_, (base, ..))| seen.insert(base.clone()))
                .map(|(uid, (base, keys, saved))| UidRecord {
                    uid,
                    saved,
                    keys: keys.into(),
                    base: base.into(),
                })
                .collect()
        })
    }

    proptest! {
        #[test]
        fn parse_inverts_write(records in records(), uid_validity in 1..u32::MAX, next_uid in 1..u32::MAX) {
            let header = Header { uid_validity, next_uid, guid: Some(GUID.into()), others: vec!["Xy".into()] };
            let parsed = parse(&write(&header, &records));
            prop_assert_eq!(parsed.faults, []);
            prop_assert_eq!(parsed.header, Some(header));
            prop_assert_eq!(parsed.records, records);
        }

        /// Whatever a crash leaves of a list: every whole line counts, and no UID in what is left can be given again.
        #[test]
        fn a_cut_list_keeps_its_whole_lines(records in records(), cut in 0.0..1.0f64) {
            let header = Header { uid_validity: 1, next_uid: 1, guid: Some(GUID.into()), others: Vec::new() };
            let octets = write(&header, &records);
            #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, clippy::cast_precision_loss)]
            let cut = (octets.len() as f64 * cut) as usize;
            let parsed = parse(&octets[..cut]);
            let whole = octets[..cut].iter().filter(|&&octet| octet == b'\n').count();
            prop_assert_eq!(parsed.records.len(), whole.saturating_sub(1));
            prop_assert_eq!(&parsed.records[..], &records[..parsed.records.len()]);
            let at_end = octets[..cut].ends_with(b"\n");
            prop_assert_eq!(parsed.faults.is_empty(), at_end);
        }

        #[test]
        fn rubbish_never_panics_and_stays_ascending(rubbish in "[0-9SWG: a\n]{0,80}") {
            let parsed = parse(&list(&rubbish));
            prop_assert!(parsed.records.windows(2).all(|pair| pair[0].uid < pair[1].uid));
            prop_assert!(parsed.records.iter().all(|record| record.uid <= parsed.highest));
        }
    }
}
