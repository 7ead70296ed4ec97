//! The octets of a journal: what is written, and how it is read.
//!
//! ```text
//! journal = "IMAPUID1" record*
//! record  = length, checksum of the length, checksum of the content, content
//! content = 1 UIDVALIDITY, UIDNEXT in 8 octets, number of messages   the first record, and no other
//!         | 2 (UID, length of the id in 2 octets, id)*
//!         | 3 UID*                                                   of messages that are gone
//! ```
//!
//! The first record says what was known when the file was made; the messages of that time follow it. They were on the disk
//! before the file had its name, so nothing among them can be torn.
//!
//! Numbers have 4 octets, where nothing else is said, the lowest first. Checksums are CRC-32 (IEEE). The length has one of its
//! own, so that it is known where a record with damaged content ends.

use std::fmt;

use imap_seq::{Uid, UidValidity};

use crate::ids::{Ids, IdsError};

pub(crate) const MAGIC: &[u8] = b"IMAPUID1";
const HEADER: usize = 12;
/// No record has more content, so no more than this can be torn.
pub(crate) const MOST_CONTENT: usize = 1 << 20;
/// No record gives more UIDs. So it is known how many a torn one may have given.
pub(crate) const MOST_GIVEN: usize = 1 << 14;

const NO_UID_LEFT: u64 = 1 << 32;

const BEGIN: u8 = 1;
const GIVEN: u8 = 2;
const GONE: u8 = 3;

/// What a journal says.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Replayed {
    pub(crate) ids: Ids,
    /// How many octets at the end are no record: the last write was interrupted.
    pub(crate) torn: usize,
}

/// A journal that cannot be what was written: octets were changed, or are missing in the middle.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Damage {
    /// The record in which it was found begins here.
    pub(crate) at: usize,
    pub(crate) what: &'static str,
}

impl fmt::Display for Damage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "at octet {}: {}", self.at, self.what)
    }
}

/// Writes the first record.
pub(crate) fn begin(ids: &Ids) -> Vec<u8> {
    let uid_next: u64 = ids.uid_next().map_or(NO_UID_LEFT, |uid| uid.get().into());
    let messages = u32::try_from(ids.len()).unwrap_or(u32::MAX);
    let numbers = [
        &ids.uid_validity().get().to_le_bytes()[..],
        &uid_next.to_le_bytes(),
    ];
    record(&[&[BEGIN], numbers[0], numbers[1], &messages.to_le_bytes()].concat())
}

/// Writes as many messages as fit into one record; there has to be one.
pub(crate) fn given<'a>(messages: &mut std::iter::Peekable<impl Iterator<Item = (Uid, &'a str)>>) -> Vec<u8> {
    let mut content = vec![GIVEN];
    let mut number = 0;
    let mut fits = |content: &[u8], id: &str| {
        number += 1;
        number <= MOST_GIVEN && content.len() + 6 + id.len() <= MOST_CONTENT
    };
    while let Some((uid, id)) = messages.next_if(|(_, id)| fits(&content, id)) {
        content.extend_from_slice(&uid.get().to_le_bytes());
        // An id has at most 65,535 octets.
        content.extend_from_slice(&u16::try_from(id.len()).unwrap_or(u16::MAX).to_le_bytes());
        content.extend_from_slice(id.as_bytes());
    }
    record(&content)
}

/// Writes as many UIDs as fit into one record; there has to be one.
pub(crate) fn gone(uids: &mut impl Iterator<Item = Uid>) -> Vec<u8> {
    let mut content = vec![GONE];
    for uid in uids.take(MOST_CONTENT / 4 - 1) {
        content.extend_from_slice(&uid.get().to_le_bytes());
    }
    record(&content)
}

pub(crate) fn record(content: &[u8]) -> Vec<u8> {
    let length = u32::try_from(content.len()).unwrap_or(u32::MAX).to_le_bytes();
    let checksums = [crc32fast::hash(&length), crc32fast::hash(content)].map(u32::to_le_bytes);
    [&length[..], &checksums[0], &checksums[1], content].concat()
}

/// Reads a journal. What was torn from its end is left out; anything else that is not as it was written is damage.
pub(crate) fn replay(octets: &[u8]) -> Result<Replayed, Damage> {
    let damage = |at, what| Damage { at, what };
    let records = octets.strip_prefix(MAGIC);
    let records = records.ok_or(damage(0, "this is no journal of UIDs, or one of another version"))?;
    let start = octets.len() - records.len();
    let first = read(records).map_err(|()| damage(start, "the first record is damaged"))?;
    let Begin {
        uid_validity,
        uid_next,
        messages,
    } = Begin::read(first.content).ok_or(damage(start, "the first record is none"))?;
    let mut ids = Ids::new(uid_validity);
    let (mut rest, mut given) = (first.rest, 0);
    while !rest.is_empty() {
        let at = octets.len() - rest.len();
        match read(rest) {
            Ok(record) => {
                given += apply(&mut ids, record.content).map_err(|what| damage(at, what))?;
                rest = record.rest;
            }
            Err(()) if is_torn(rest) => break,
            Err(()) => return Err(damage(at, "a record is damaged")),
        }
    }
    if given < messages {
        let at = octets.len() - rest.len();
        return Err(damage(at, "it ends within what it was made with"));
    }
    ids.raise_uid_next(uid_next);
    Ok(Replayed {
        ids,
        torn: rest.len(),
    })
}

/// What the first record says.
struct Begin {
    uid_validity: UidValidity,
    uid_next: Option<Uid>,
    messages: usize,
}

impl Begin {
    fn read(content: &[u8]) -> Option<Self> {
        let (uid_validity, rest) = content.strip_prefix(&[BEGIN])?.split_first_chunk::<4>()?;
        let (uid_next, rest) = rest.split_first_chunk::<8>()?;
        let uid_next = u64::from_le_bytes(*uid_next);
        let messages = u32::from_le_bytes(rest.try_into().ok()?);
        (1..=NO_UID_LEFT).contains(&uid_next).then_some(())?;
        Some(Self {
            uid_validity: UidValidity::new(u32::from_le_bytes(*uid_validity))?,
            uid_next: u32::try_from(uid_next).ok().and_then(Uid::new),
            messages: usize::try_from(messages).ok()?,
        })
    }
}

/// A record at the beginning of some octets.
struct Record<'a> {
    content: &'a [u8],
    rest: &'a [u8],
}

fn read(octets: &[u8]) -> Result<Record<'_>, ()> {
    let length = length(octets).ok_or(())?;
    let (header, after) = octets.split_at(HEADER);
    let (content, rest) = after.split_at_checked(length).ok_or(())?;
    match crc32fast::hash(content).to_le_bytes() == header[8..] {
        true => Ok(Record { content, rest }),
        false => Err(()),
    }
}

/// The length of the content, if the header is whole.
fn length(octets: &[u8]) -> Option<usize> {
    let header = octets.first_chunk::<HEADER>()?;
    let (length, checksum) = (header.first_chunk::<4>()?, &header[4..8]);
    let is_whole = crc32fast::hash(length).to_le_bytes() == checksum;
    let length = u32::from_le_bytes(*length) as usize;
    (is_whole && (1..=MOST_CONTENT).contains(&length)).then_some(length)
}

/// Whether octets that do not begin with a record are what an interrupted write left. Each record is on the disk before the
/// next one is written, so only the last one can be torn: none follows it.
fn is_torn(octets: &[u8]) -> bool {
    if length(octets).is_some_and(|length| HEADER + length < octets.len()) {
        return false;
    }
    let is_record = |at| read(&octets[at..]).is_ok();
    octets.len() <= HEADER + MOST_CONTENT && !(1..octets.len()).any(is_record)
}

/// How many messages it gave a UID.
fn apply(ids: &mut Ids, content: &[u8]) -> Result<usize, &'static str> {
    match content {
        [GIVEN, messages @ ..] => insert_all(ids, messages),
        [GONE, uids @ ..] => remove_all(ids, uids).map(|()| 0),
        _ => Err("there is no such record"),
    }
}

fn insert_all(ids: &mut Ids, mut messages: &[u8]) -> Result<usize, &'static str> {
    let mut given = 0;
    while !messages.is_empty() {
        let (uid, id, rest) = message(messages).ok_or("a record is too short")?;
        let uid = Uid::new(uid).ok_or("a UID is 0")?;
        let id = str::from_utf8(id).map_err(|_| "an id is no text")?;
        ids.insert(uid, id).map_err(|error| match error {
            IdsError::UidWasUsed => "a UID was given twice",
            IdsError::IdIsKnown => "an id was given two UIDs",
            IdsError::IdLength | IdsError::Full => "an id has no octets, or there are too many",
        })?;
        given += 1;
        messages = rest;
    }
    Ok(given)
}

/// A UID, an id, and what follows.
fn message(octets: &[u8]) -> Option<(u32, &[u8], &[u8])> {
    let (uid, rest) = octets.split_first_chunk::<4>()?;
    let (length, rest) = rest.split_first_chunk::<2>()?;
    let (id, rest) = rest.split_at_checked(usize::from(u16::from_le_bytes(*length)))?;
    Some((u32::from_le_bytes(*uid), id, rest))
}

fn remove_all(ids: &mut Ids, uids: &[u8]) -> Result<(), &'static str> {
    let (uids, rest) = uids.as_chunks::<4>();
    let is_known = |uid: &[u8; 4]| Uid::new(u32::from_le_bytes(*uid)).is_some_and(|uid| ids.remove(uid));
    match rest.is_empty() && uids.iter().all(is_known) {
        true => Ok(()),
        false => Err("a message that is not there is gone"),
    }
}
