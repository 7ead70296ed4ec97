//! Any octets as what lies in a Maildir, of the kind that the first octet names: what was read and written is read as the
//! same, what is refused is said, with its line where it has one, and no name leads out of its directory.

use imap_backend::{MailboxName, mutf7};
use imap_updates::{Flag, Flags};

use crate::format::file_name::{self, ClaimedSizes, Sizes};
use crate::format::flags::{Info, Letter};
use crate::format::keywords::{KeywordNames, LettersInUse};
use crate::format::letter_map::LetterMap;
use crate::format::line_ends::LineEnds;
use crate::format::mailbox_names::{check_user, directory_name, mailbox_name};
use crate::format::subscriptions::{Changed, Subscription, Subscriptions};
use crate::format::wire_form::ToWire;
use crate::input::{Input, pieces};

mod uidlist;

pub fn run(octets: &[u8]) {
    let mut input = Input::new(octets);
    match input.below(8) {
        0 => uidlist::whole(input.rest()),
        1 => uidlist::appended(input),
        2 => keywords(input.rest()),
        3 => subscriptions(input),
        4 => message_name(input),
        5 => directory(input.rest()),
        6 => name(&String::from_utf8_lossy(input.rest())),
        _ => line_ends(input),
    }
}

fn keywords(octets: &[u8]) {
    let names = KeywordNames::parse(octets);
    let lines = octets
        .split(|&octet| octet == b'\n')
        .filter(|line| !line.is_empty());
    assert!(names.iter().count() + names.unreadable_lines() <= lines.count());
    let in_use = LettersInUse::default();
    assert_eq!(names.count_free(in_use) + names.iter().count(), 26);
    let again = KeywordNames::parse(names.write().as_bytes());
    assert_eq!(again.unreadable_lines(), 0, "{:?}", names.write());
    assert!(again.iter().eq(names.iter()), "{:?}", names.write());
    match names.with(&["$New", "$new", "Other"], in_use) {
        Ok(more) => {
            assert!(more.contains("$new") && more.contains("other"));
            assert!(names.iter().all(|(index, name)| more.name(index) == Some(name)));
        }
        Err(_) => assert!(names.count_free(in_use) < 2),
    }
    let map = LetterMap::new(&names);
    let all: Flags = map
        .keywords()
        .into_iter()
        .map(Flag::Keyword)
        .chain([Flag::Seen])
        .collect();
    assert!(map.unknown(&all).is_empty());
    assert_eq!(map.flags(&map.info(&all)), all);
}

fn subscriptions(mut input: Input<'_>) {
    let is_couriers = input.below(2) == 1;
    let octets = input.rest();
    let mut read = match is_couriers {
        true => Subscriptions::parse_courier(octets),
        false => Subscriptions::parse(octets),
    };
    let written = read.write();
    assert_eq!(Subscriptions::parse(&written), read, "{}", written.escape_ascii());
    assert!(read.names().iter().all(|name| !name.is_empty()));
    if read.change("a.new.one", Subscription::Add) == Changed::Yes {
        assert_eq!(read.names().last().map(String::as_str), Some("a.new.one"));
        assert_eq!(read.change("a.new.one", Subscription::Remove), Changed::Yes);
        assert_eq!(read.write(), written);
    }
    if let Some(name) = read.names().first().cloned() {
        assert_eq!(read.change(&name, Subscription::Remove), Changed::Yes);
        assert!(!read.names().contains(&name), "{name}");
    }
}

/// A file name, and letters that are set and cleared.
fn message_name(mut input: Input<'_>) {
    let letters = input.take(2);
    let octets = input.rest();
    let (base, suffix) = file_name::split(octets);
    assert_eq!([base, suffix].concat(), octets);
    let _ = file_name::arrival_order(base);
    let mut info = Info::parse(suffix);
    assert_eq!(Info::parse(&info.suffix()), info);
    for letter in letters.iter().map(|octet| Letter::Keyword(octet % 28)) {
        let before = info.clone();
        info.insert(letter);
        assert_eq!(info.contains(letter), letter.octet().is_some());
        assert_eq!(Info::parse(&info.suffix()), info);
        if !before.contains(letter) {
            info.remove(letter);
            assert_eq!(info, before);
            info.insert(letter);
        }
    }
    if !file_name::is_message_name(base) {
        return;
    }
    let claimed = ClaimedSizes::of(base);
    let (physical, wire) = (octets.len() as u64, u64::MAX);
    let with_sizes = file_name::with_sizes(base, physical, wire);
    let full = [&with_sizes[..], &info.suffix()].concat();
    assert!(file_name::is_message_name(&with_sizes));
    assert_eq!(file_name::split(&full), (&with_sizes[..], &info.suffix()[..]));
    let read = ClaimedSizes::of(&with_sizes);
    assert_eq!(
        read.physical,
        claimed.physical.or(Some(physical)),
        "the first claim counts"
    );
    assert_eq!(read.wire, claimed.wire.or(Some(wire)));
    if claimed == ClaimedSizes::default() {
        assert_eq!(read.if_physical_is(physical), Some(Sizes { physical, wire }));
        assert_eq!(read.if_physical_is(physical + 1), None);
    }
}

/// A name from the disk.
fn directory(octets: &[u8]) {
    if let Ok(text) = mutf7::decode(octets) {
        assert_eq!(mutf7::encode(&text).as_bytes(), octets);
    }
    if let Some(name) = mailbox_name(octets) {
        let spelt = directory_name(&name).map(String::into_bytes).unwrap_or_default();
        // Another program may have spelt the INBOX in front in another case.
        let below_inbox = b".INBOX.".len();
        match octets.get(..below_inbox) {
            Some(front) if front.eq_ignore_ascii_case(b".INBOX.") => {
                assert!(spelt.starts_with(b".INBOX."));
                assert_eq!(spelt[below_inbox..], octets[below_inbox..]);
            }
            _ => assert_eq!(spelt, octets),
        }
    }
}

/// A name from a client, or from the settings.
fn name(text: &str) {
    if text.chars().all(|character| !character.is_control()) {
        assert_eq!(mutf7::decode(mutf7::encode(text).as_bytes()).as_deref(), Ok(text));
    }
    if check_user(text).is_ok() {
        assert!(is_one_name(text), "{text:?}");
    }
    let Some(name) = MailboxName::new(text) else {
        return;
    };
    match directory_name(&name) {
        Ok(directory) if name.is_inbox() => assert_eq!(directory, ""),
        Ok(directory) => {
            assert!(is_one_name(&directory) && directory.is_ascii(), "{directory:?}");
            assert!(directory.starts_with('.') && !directory.starts_with(".."));
            assert_eq!(mailbox_name(directory.as_bytes()), Some(name));
        }
        Err(_) => {}
    }
}

/// Whether a path with this in it stays where it is meant to be.
fn is_one_name(name: &str) -> bool {
    !matches!(name, "" | "." | "..") && !name.contains(['/', '\0']) && name.len() <= 255
}

/// Octets of a message, stored in pieces and read in pieces.
fn line_ends(mut input: Input<'_>) {
    let cuts: Vec<usize> = (0..input.below(8)).map(|_| input.octet().into()).collect();
    let octets = input.rest();
    let (mut ends, mut stored, mut wire) = (LineEnds::default(), Vec::new(), 0);
    for piece in pieces(octets, cuts.clone()) {
        let short = ends.shorten(piece).into_owned();
        wire += ends.measure(&short);
        stored.extend(short);
    }
    let last = ends.finish();
    wire += ends.measure(last);
    stored.extend_from_slice(last);
    let expected: Vec<u8> = imap_message::to_crlf(octets)
        .iter()
        .map(|&octet| if octet == 0 { 0x80 } else { octet })
        .collect();
    assert_eq!(wire, expected.len() as u64);
    let (mut to_wire, mut read) = (ToWire::after(None), Vec::new());
    for piece in pieces(&stored, cuts) {
        to_wire.push(piece, &mut read);
    }
    assert_eq!(
        read,
        expected,
        "{} stored as {}",
        octets.escape_ascii(),
        stored.escape_ascii()
    );
}
