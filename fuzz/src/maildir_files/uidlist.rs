//! Lists of UIDs, whole and appended to.

use std::collections::BTreeSet;

use crate::format::file_name::is_message_name;
use crate::format::uidlist::{Fault, Parsed, parse, parse_appended, write};
use crate::input::Input;

/// What a list of each version begins with.
const VERSION_1: &[u8] = b"1 1 1\n";
const VERSION_3: &[u8] = b"3 V1 N1 G0123456789abcdef0123456789abcdef\n";

pub(super) fn whole(octets: &[u8]) {
    let parsed = parse(octets);
    let Some(header) = &parsed.header else {
        assert_eq!(parsed.faults, [Fault::Header]);
        assert!(parsed.records.is_empty());
        return;
    };
    let of_header = octets
        .iter()
        .position(|&octet| octet == b'\n')
        .map_or(0, |end| end + 1);
    let version = match octets.trim_ascii_start().first() {
        Some(b'1') => VERSION_1,
        _ => VERSION_3,
    };
    check(&parsed, &octets[of_header..], (version, 2));
    assert_eq!(
        parsed.complete as usize,
        of_header + complete(&octets[of_header..])
    );
    if version == VERSION_3 && parsed.faults.is_empty() {
        check_in_two(&parsed, octets, of_header);
    }

    let written = write(header, &parsed.records);
    let again = parse(&written);
    assert_eq!(again.header.as_ref(), Some(header), "{}", written.escape_ascii());
    assert_eq!(again.records, parsed.records, "{}", written.escape_ascii());
    let outdated: &[Fault] = match header.guid {
        Some(_) => &[],
        None => &[Fault::Outdated],
    };
    assert_eq!(again.faults, outdated, "{}", written.escape_ascii());
    assert_eq!(again.complete, written.len() as u64);
    assert_eq!(
        again.highest,
        parsed.records.last().map_or(0, |record| record.uid)
    );
}

pub(super) fn appended(mut input: Input<'_>) {
    let highest = u32::from(input.octet());
    let octets = input.rest();
    let parsed = parse_appended(octets, highest);
    assert!(parsed.header.is_none() && parsed.highest >= highest);
    assert!(parsed.records.first().is_none_or(|first| first.uid > highest));
    check(&parsed, octets, (VERSION_3, 1));
    assert_eq!(parsed.complete as usize, complete(octets));
}

/// Octets up to the end of the last whole line.
fn complete(octets: &[u8]) -> usize {
    octets
        .iter()
        .rposition(|&octet| octet == b'\n')
        .map_or(0, |end| end + 1)
}

/// What holds of the lines behind every header; `first` is the number of the first of them.
fn check(parsed: &Parsed, octets: &[u8], (version, first): (&[u8], usize)) {
    let records = &parsed.records;
    assert!(records.is_sorted_by(|one, other| one.uid < other.uid));
    assert!(
        records
            .iter()
            .all(|record| record.uid > 0 && record.uid <= parsed.highest)
    );
    assert!(parsed.highest < u32::MAX && parsed.torn_uid < u32::MAX);
    let names: BTreeSet<&[u8]> = records.iter().map(|record| &*record.base).collect();
    assert_eq!(names.len(), records.len(), "a file twice");
    assert!(
        names
            .iter()
            .all(|name| is_message_name(name) && !name.contains(&b':'))
    );

    let lines: Vec<&[u8]> = octets.split_inclusive(|&octet| octet == b'\n').collect();
    let torn = lines.last().filter(|line| !line.ends_with(b"\n"));
    assert_eq!(parsed.faults.contains(&Fault::Torn), torn.is_some());
    let mut named = BTreeSet::new();
    for fault in &parsed.faults {
        let (Fault::Line(line) | Fault::Order(line) | Fault::Duplicate(line)) = fault else {
            continue;
        };
        assert!(named.insert(line), "line {line} is refused twice");
        let text = lines
            .get(line.wrapping_sub(first))
            .expect("a refused line is a line");
        let alone = parse(&[version, text].concat());
        let is_no_record = alone.faults.contains(&Fault::Line(2));
        let is_named_again = || alone.records.iter().all(|record| names.contains(&*record.base));
        assert!(
            match fault {
                Fault::Line(_) => is_no_record,
                Fault::Order(_) => !is_no_record,
                _ => !is_no_record && is_named_again(),
            },
            "{fault}: {}",
            octets.escape_ascii()
        );
    }
    let whole = lines.len() - usize::from(torn.is_some());
    assert_eq!(
        records.len() + named.len(),
        whole,
        "a line is a record or refused"
    );
}

/// A list without a fault, read up to some line and then on, is the same list.
fn check_in_two(parsed: &Parsed, octets: &[u8], of_header: usize) {
    let middle = octets[of_header..(octets.len() + of_header) / 2]
        .iter()
        .rposition(|&octet| octet == b'\n')
        .map_or(of_header, |end| of_header + end + 1);
    let head = parse(&octets[..middle]);
    let tail = parse_appended(&octets[middle..], head.highest);
    assert!(head.faults.is_empty() && tail.faults.is_empty());
    assert_eq!([head.records, tail.records].concat(), parsed.records);
    assert_eq!(
        (tail.highest, head.complete + tail.complete),
        (parsed.highest, parsed.complete)
    );
}
