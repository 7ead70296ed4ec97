//! What an index of one mailbox writes. Every value follows from its key and a generation, so that a wrong one is seen.

use crate::store::{Row, Table};

/// Messages in the mailbox.
pub(crate) const MESSAGES: u64 = 1_000_000;
/// Messages in a page.
const PER_PAGE: u64 = 1024;
/// Pages in the mailbox.
pub(crate) const PAGES: u64 = MESSAGES.div_ceil(PER_PAGE);
/// Keys of the blobs of UIDs and flags begin here, those of the wide pages at 0. The header is the page behind the last one.
pub(crate) const BLOBS: u64 = 1 << 32;
/// Key of the header.
pub(crate) const HEADER: u64 = PAGES;

const WIDE: usize = 70_000;
const BLOB: usize = 5 * 1024;
const SUMMARY: usize = 300;
const HEADER_LEN: usize = 256;

/// The hash of a file's name, for which any mixing of the UID will do.
pub(crate) fn name(uid: u64) -> u64 {
    mix(uid)
}

fn mix(number: u64) -> u64 {
    let mut mixed = number.wrapping_add(0x9e37_79b9_7f4a_7c15);
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}

/// `len` octets that nobody compresses. The generation is their first eight.
fn octets(key: u64, generation: u64, len: usize) -> Vec<u8> {
    let seed = mix(key ^ mix(generation));
    let words = std::iter::once(generation).chain((0..).map(|word| mix(seed.wrapping_add(word))));
    words
        .take(len.div_ceil(8))
        .flat_map(u64::to_le_bytes)
        .take(len)
        .collect()
}

/// A wide page.
pub(crate) fn wide(page: u64, generation: u64) -> Row {
    Row {
        table: Table::Pages,
        key: page,
        value: octets(page, generation, WIDE),
    }
}

/// UIDs and flags of a page.
pub(crate) fn blob(page: u64, generation: u64) -> Row {
    Row {
        table: Table::Pages,
        key: BLOBS + page,
        value: octets(BLOBS + page, generation, BLOB),
    }
}

/// The header.
pub(crate) fn header(generation: u64) -> Row {
    Row {
        table: Table::Pages,
        key: HEADER,
        value: octets(HEADER, generation, HEADER_LEN),
    }
}

/// A message's summary.
pub(crate) fn summary(uid: u64, generation: u64) -> Row {
    Row {
        table: Table::Summaries,
        key: uid,
        value: octets(uid, generation, SUMMARY),
    }
}

/// A name's UID.
pub(crate) fn named(uid: u64) -> Row {
    let value = u32::try_from(uid).unwrap_or(u32::MAX).to_le_bytes().to_vec();
    Row {
        table: Table::Names,
        key: name(uid),
        value,
    }
}

/// Names in the order in which a store likes them best.
pub(crate) fn names(uids: impl Iterator<Item = u64>) -> impl Iterator<Item = Row> {
    let mut uids: Vec<u64> = uids.collect();
    uids.sort_unstable_by_key(|&uid| name(uid));
    uids.into_iter().map(named)
}

/// Everything.
pub(crate) fn all() -> impl Iterator<Item = Row> {
    let pages = (0..PAGES)
        .map(|page| wide(page, 0))
        .chain([header(0)])
        .chain((0..PAGES).map(|page| blob(page, 0)));
    pages
        .chain(names(1..=MESSAGES))
        .chain((1..=MESSAGES).map(|uid| summary(uid, 0)))
}

/// Whether this is what was written, in whatever generation.
pub(crate) fn is_right(table: Table, key: u64, value: &[u8]) -> bool {
    let generation = value.first_chunk().map_or(0, |first| u64::from_le_bytes(*first));
    match table {
        Table::Names => value
            .try_into()
            .is_ok_and(|uid| name(u64::from(u32::from_le_bytes(uid))) == key),
        Table::Pages | Table::Summaries => {
            value == octets(key, generation, value.len()) && value.len() >= HEADER_LEN
        }
    }
}

/// Numbers below `bound` that follow each other at random, the same each time.
pub(crate) fn dice(bound: u64) -> impl Iterator<Item = u64> {
    (1 << 40..).map(move |turn| mix(turn) % bound)
}
