//! Segments of the index of texts (`imap-search`): which messages have which trigrams.
//!
//! A segment is about some hundred messages, each of which has a place in it. Its trigrams ascend, each with the places of the
//! messages that have it, and are cut into blocks. Every piece ends with a CRC-32, that of a block made with its number too: so a
//! trigram that is not in the block where it belongs is in none of the messages.
//!
//! Whoever changes what stands here gives the file another [`VERSION`].

use imap_message::trigrams;
use serde::{Deserialize, Serialize};

/// Of the format. A file of another version is dropped.
pub(crate) const VERSION: u32 = 1;

/// So many octets a block has at most, or one trigram: with what SQLite adds, it fills a page.
const BLOCK: usize = if cfg!(test) { 100 } else { 3_900 };
/// So many messages are in a segment at most.
pub(crate) const MOST_MESSAGES: usize = if cfg!(test) { 6 } else { 4_096 };
/// So many pairs of a trigram and a message that has it, 16 MiB in memory. One message more may go over it.
pub(crate) const MOST_PAIRS: usize = if cfg!(test) { 3_000 } else { 2 << 20 };

/// What the file is about.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct SearchHead {
    pub(crate) uid_validity: u32,
}

/// What a segment is about.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct SegmentNote {
    pub(crate) number: u32,
    /// In the order of their places.
    pub(crate) messages: Vec<MessageNote>,
    /// The first trigram of each block.
    pub(crate) firsts: Vec<u32>,
    /// Of a trigram and a message that has it.
    pub(crate) pairs: u64,
}

/// A message in a segment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct MessageNote {
    pub(crate) uid: u32,
    /// The CRC-32 of its base name: a UID list that was put back from a backup may give the UID to another message.
    pub(crate) name: u32,
    /// Whether its trigrams are here. A message with too much text may have every string.
    pub(crate) has_text: bool,
}

/// A segment as it is written.
#[derive(Debug)]
pub(crate) struct Encoded {
    pub(crate) note: SegmentNote,
    /// Without their checksums.
    pub(crate) blocks: Vec<Vec<u8>>,
}

/// A trigram as a number, which others may have too: what is found is verified.
fn number_of(trigram: [char; 3]) -> u32 {
    let [first, second, third] = trigram.map(u32::from);
    if first | second | third < 0x80 {
        return first << 14 | second << 7 | third;
    }
    let all = u64::from(first) << 42 | u64::from(second) << 21 | u64::from(third);
    let mixed = all.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 33;
    u32::try_from(mixed).unwrap_or(0) | 1 << 31
}

/// The numbers of a text's trigrams, ascending, each once.
pub(crate) fn numbers_of(text: &str) -> Vec<u32> {
    let mut numbers: Vec<u32> = trigrams(text).map(number_of).collect();
    numbers.sort_unstable();
    numbers.dedup();
    numbers
}

/// What becomes a segment.
#[derive(Debug, Default)]
pub(crate) struct Gathered {
    messages: Vec<MessageNote>,
    /// A trigram in the upper half, the place of a message in the lower.
    pairs: Vec<u64>,
}

impl Gathered {
    pub(crate) const fn is_empty(&self) -> bool {
        self.messages.is_empty()
    }

    pub(crate) const fn is_full(&self) -> bool {
        self.messages.len() >= MOST_MESSAGES || self.pairs.len() >= MOST_PAIRS
    }

    /// Takes a message with its text; without one where that is too long.
    pub(crate) fn add(&mut self, uid: u32, name: u32, text: Option<&str>) {
        let place = self.add_message(MessageNote {
            uid,
            name,
            has_text: text.is_some(),
        });
        for number in text.map(numbers_of).unwrap_or_default() {
            self.add_pair(number, place);
        }
    }

    /// Takes a message, and says which place it has.
    pub(crate) fn add_message(&mut self, message: MessageNote) -> u32 {
        self.messages.push(message);
        u32::try_from(self.messages.len() - 1).unwrap_or(u32::MAX)
    }

    pub(crate) fn add_pair(&mut self, number: u32, place: u32) {
        self.pairs.push(u64::from(number) << 32 | u64::from(place));
    }

    pub(crate) fn encode(mut self, number: u32) -> Encoded {
        self.pairs.sort_unstable();
        let mut note = SegmentNote {
            number,
            messages: self.messages,
            firsts: Vec::new(),
            pairs: self.pairs.len() as u64,
        };
        let bits = note.messages.len().div_ceil(8);
        let (mut blocks, mut block, mut last, mut places) = (Vec::new(), Vec::new(), 0, Vec::new());
        for pairs in self.pairs.chunk_by(|one, other| one >> 32 == other >> 32) {
            let trigram = upper(pairs[0]);
            write_places(pairs, bits, &mut places);
            if !block.is_empty() && block.len() + places.len() + 10 > BLOCK {
                blocks.push(std::mem::take(&mut block));
            }
            if block.is_empty() {
                note.firsts.push(trigram);
                last = 0;
            }
            write_number(trigram - last, &mut block);
            block.extend_from_slice(&places);
            last = trigram;
        }
        if !block.is_empty() {
            blocks.push(block);
        }
        Encoded { note, blocks }
    }
}

fn upper(pair: u64) -> u32 {
    u32::try_from(pair >> 32).unwrap_or(0)
}

fn lower(pair: u64) -> u32 {
    u32::try_from(pair & u64::from(u32::MAX)).unwrap_or(0)
}

/// Writes how many octets there are, and in the lowest bit which form they have; then the places, as the differences between them,
/// or as a bit for each of all places where that is shorter.
fn write_places(pairs: &[u64], bits: usize, out: &mut Vec<u8>) {
    let mut differences = Vec::with_capacity(pairs.len());
    let mut last = 0;
    for &pair in pairs {
        write_number(lower(pair) - last, &mut differences);
        last = lower(pair);
    }
    let is_set = differences.len() > bits;
    if is_set {
        differences.clear();
        differences.resize(bits, 0);
        for &pair in pairs {
            let place = lower(pair);
            if let Some(octet) = usize::try_from(place / 8)
                .ok()
                .and_then(|at| differences.get_mut(at))
            {
                *octet |= 1 << (place % 8);
            }
        }
    }
    out.clear();
    let length = u32::try_from(differences.len()).unwrap_or(u32::MAX);
    write_number(length << 1 | u32::from(is_set), out);
    out.append(&mut differences);
}

/// Seven bits in each octet, the lowest first; the highest bit says that more follow.
fn write_number(mut number: u32, out: &mut Vec<u8>) {
    loop {
        let low = (number & 0x7f).to_le_bytes()[0];
        number >>= 7;
        if number == 0 {
            out.push(low);
            return;
        }
        out.push(low | 0x80);
    }
}

fn read_number(octets: &mut &[u8]) -> Option<u32> {
    let mut number = 0_u32;
    for shift in (0..32).step_by(7) {
        let (&octet, rest) = octets.split_first()?;
        *octets = rest;
        number |= u32::from(octet & 0x7f) << shift;
        if octet < 0x80 {
            return Some(number);
        }
    }
    None
}

/// A block with its checksum.
pub(crate) fn seal_block(id: i64, block: &[u8]) -> Vec<u8> {
    let mut sealed = Vec::with_capacity(block.len() + 4);
    sealed.extend_from_slice(block);
    sealed.extend_from_slice(&checksum(id, block).to_be_bytes());
    sealed
}

/// The block, if the checksum is right.
pub(crate) fn unseal_block(id: i64, octets: &[u8]) -> Option<&[u8]> {
    let (block, sum) = octets.split_at_checked(octets.len().checked_sub(4)?)?;
    (checksum(id, block).to_be_bytes() == *sum).then_some(block)
}

fn checksum(id: i64, block: &[u8]) -> u32 {
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(&id.to_be_bytes());
    hasher.update(block);
    hasher.finalize()
}

/// Takes out the places of the messages that do not have a trigram. `None` where the block makes no sense.
pub(crate) fn narrow(block: &[u8], trigram: u32, places: &mut Places) -> Option<()> {
    let mut entries = Entries::of(block);
    while let Some(entry) = entries.next()? {
        if entry.trigram == trigram {
            places.intersect(&entry.places(places.0.len())?);
            return Some(());
        }
        if entry.trigram > trigram {
            break;
        }
    }
    places.clear();
    Some(())
}

/// Gives all pairs of a block in a segment of so many messages. `None` where it makes no sense.
pub(crate) fn each_pair(block: &[u8], messages: usize, mut pair: impl FnMut(u32, u32)) -> Option<()> {
    let words = messages.div_ceil(64);
    let mut entries = Entries::of(block);
    while let Some(entry) = entries.next()? {
        let places = entry.places(words)?;
        places.each(|place| pair(entry.trigram, place));
    }
    Some(())
}

/// What is left of a block.
struct Entries<'a> {
    rest: &'a [u8],
    last: u32,
}

/// A trigram and which messages have it.
struct Entry<'a> {
    trigram: u32,
    is_set: bool,
    places: &'a [u8],
}

impl<'a> Entries<'a> {
    const fn of(rest: &'a [u8]) -> Self {
        Self { rest, last: 0 }
    }

    /// The next entry, if there is another one. `None` where the block makes no sense.
    fn next(&mut self) -> Option<Option<Entry<'a>>> {
        if self.rest.is_empty() {
            return Some(None);
        }
        let trigram = self.last.checked_add(read_number(&mut self.rest)?)?;
        let length = read_number(&mut self.rest)?;
        let (places, rest) = self.rest.split_at_checked(usize::try_from(length >> 1).ok()?)?;
        self.rest = rest;
        self.last = trigram;
        Some(Some(Entry {
            trigram,
            is_set: length & 1 == 1,
            places,
        }))
    }
}

impl Entry<'_> {
    fn places(&self, words: usize) -> Option<Places> {
        let mut places = Places(vec![0; words]);
        if self.is_set {
            for (word, octets) in places.0.iter_mut().zip(self.places.chunks(8)) {
                let mut eight = [0; 8];
                eight[..octets.len()].copy_from_slice(octets);
                *word = u64::from_le_bytes(eight);
            }
            return Some(places);
        }
        let (mut rest, mut place) = (self.places, 0_u32);
        while !rest.is_empty() {
            place = place.checked_add(read_number(&mut rest)?)?;
            *places.0.get_mut(usize::try_from(place / 64).ok()?)? |= 1 << (place % 64);
        }
        Some(places)
    }
}

/// Some of the places of a segment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Places(Vec<u64>);

impl Places {
    /// Those of so many messages.
    pub(crate) fn all(messages: usize) -> Self {
        let mut words = vec![u64::MAX; messages.div_ceil(64)];
        if let Some(last) = words.last_mut().filter(|_| !messages.is_multiple_of(64)) {
            *last = (1 << (messages % 64)) - 1;
        }
        Self(words)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.iter().all(|word| *word == 0)
    }

    pub(crate) fn clear(&mut self) {
        self.0.fill(0);
    }

    fn intersect(&mut self, other: &Self) {
        for (word, other) in self.0.iter_mut().zip(&other.0) {
            *word &= other;
        }
    }

    /// Ascending.
    pub(crate) fn each(&self, mut place: impl FnMut(u32)) {
        for (start, word) in (0..).step_by(64).zip(&self.0) {
            let mut rest = *word;
            while rest != 0 {
                place(start + rest.trailing_zeros());
                rest &= rest - 1;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn segment(texts: &[Option<String>]) -> Encoded {
        let mut gathered = Gathered::default();
        for (uid, text) in (1..).zip(texts) {
            gathered.add(uid, 0, text.as_deref());
        }
        gathered.encode(7)
    }

    /// The places of messages that have a trigram.
    fn with(segment: &Encoded, number: u32) -> Vec<u32> {
        let mut places = Places::all(segment.note.messages.len());
        match segment.note.firsts.partition_point(|first| *first <= number) {
            0 => places.clear(),
            next => narrow(&segment.blocks[next - 1], number, &mut places).unwrap(),
        }
        let mut found = Vec::new();
        places.each(|place| found.push(place));
        found
    }

    proptest! {
        #[test]
        fn a_segment_says_which_messages_have_which_trigrams(
            texts in proptest::collection::vec(proptest::option::of("[ABü]{0,6}|[A-Z]{0,90}"), 0..200),
            others in proptest::collection::vec(any::<[char; 3]>(), 0..5),
        ) {
            let segment = segment(&texts);
            let of_texts = texts.iter().flatten().flat_map(|text| numbers_of(text));
            let (mut count, mut pairs) = (0, 0);
            for number in of_texts.chain(others.into_iter().map(number_of)) {
                let has = |text: &Option<String>| text.as_ref().is_some_and(|text| numbers_of(text).contains(&number));
                let expected: Vec<u32> = (0..).zip(&texts).filter(|(_, text)| has(text)).map(|(place, _)| place).collect();
                prop_assert_eq!(with(&segment, number), expected);
            }
            for text in texts.iter().flatten() {
                pairs += numbers_of(text).len() as u64;
            }
            for block in &segment.blocks {
                each_pair(block, texts.len(), |_, _| count += 1).unwrap();
            }
            prop_assert_eq!((count, segment.note.pairs), (pairs, pairs));
        }

        #[test]
        fn any_octets_are_a_block_or_none(octets in proptest::collection::vec(any::<u8>(), 0..200), number: u32, messages in 0_usize..70) {
            let _ = each_pair(&octets, messages, |_, _| {});
            let _ = narrow(&octets, number, &mut Places::all(messages));
        }

        #[test]
        fn a_block_in_anothers_place_is_found_out(block in proptest::collection::vec(any::<u8>(), 0..20), one: i64, other: i64) {
            let sealed = seal_block(one, &block);
            prop_assert_eq!(unseal_block(other, &sealed).is_some(), one == other);
        }
    }

    #[test]
    fn all_places_are_as_many_as_there_are_messages() {
        for messages in [0, 1, 63, 64, 65, 128, 200] {
            let mut count = 0;
            Places::all(messages).each(|_| count += 1);
            assert_eq!(count, messages);
        }
    }
}
