//! The index of texts beside the mail: of most messages it tells which of them may have a string.
//!
//! It knows each message by its UID and the base name of its file, which together never mean another message. What it does not know
//! is searched without it, and so is what it finds: a search finds the same whatever is in it.
//!
//! | what happened | what follows |
//! | --- | --- |
//! | the file is missing, of another version, damaged, of another UIDVALIDITY, or knows a UID by another name | a new one is made |
//! | another process has it, or a disk is full | it is done without, and tried again a minute later |
//! | a block turns out to be damaged | the file is dropped, and the search goes on without it |

use std::io;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::{Duration, Instant};

use imap_seq::{Uid, UidSet};
use parking_lot::Mutex;

use crate::disk::search_file::SearchFile;
use crate::format::index::unseal;
use crate::format::segment::{
    Encoded, Gathered, MOST_MESSAGES, MOST_PAIRS, Places, SearchHead, SegmentNote, each_pair, narrow,
};
use crate::mailbox::keep::Indexing;
use crate::mailbox::open::{OpenMailbox, Trouble};

/// How long a file that cannot be had is done without.
const PAUSE: Duration = Duration::from_secs(60);
/// So many names are compared before the hub is given free for others.
const NAMES: usize = 256;
/// So many segments of about one size become one.
const MERGED: usize = 4;

/// The place of the index in an open mailbox.
#[derive(Default)]
pub(crate) struct TextsSlot {
    state: Mutex<State>,
    /// Whether the filler is going to look at the mailbox.
    pub(super) is_queued: AtomicBool,
    /// Whether nothing was lacking when the filler looked last.
    pub(super) is_filled: AtomicBool,
}

#[derive(Default)]
enum State {
    #[default]
    Closed,
    Open(Arc<Texts>),
    Without {
        until: Instant,
    },
}

/// The index of one mailbox.
pub(crate) struct Texts {
    file: SearchFile,
    contents: Mutex<Contents>,
}

#[derive(Default)]
struct Contents {
    segments: Vec<Segment>,
    /// All messages in them.
    known: UidSet,
    /// Those that may be left out of a search.
    searchable: UidSet,
    next_number: u32,
}

/// What is in memory of a segment.
struct Segment {
    number: u32,
    /// By their places.
    uids: Vec<u32>,
    /// The first trigram of each block.
    firsts: Vec<u32>,
    pairs: u64,
}

impl OpenMailbox {
    /// Whether the mailbox is to have an index of texts.
    pub(crate) fn is_full_text(&self) -> bool {
        let Indexing::From(least) = self.indexing else {
            return false;
        };
        self.cache.filler().is_on() && self.hub.lock().all().len() >= u64::from(least)
    }

    /// The index of texts, if the mailbox is to have one and it can be had. Blocks.
    pub(crate) fn texts(&self) -> Option<Arc<Texts>> {
        if !self.is_full_text() {
            return None;
        }
        let mut state = self.texts.state.lock();
        match &*state {
            State::Open(texts) => return Some(Arc::clone(texts)),
            State::Without { until } if Instant::now() < *until => return None,
            State::Closed | State::Without { .. } => {}
        }
        match Texts::open(self) {
            Ok(texts) => {
                let texts = Arc::new(texts);
                *state = State::Open(Arc::clone(&texts));
                Some(texts)
            }
            Err(error) => {
                self.tell_of_no_index(Trouble::NoTexts, &error);
                let until = Instant::now() + PAUSE;
                *state = State::Without { until };
                None
            }
        }
    }

    /// What the index said is not true, or cannot be had: goes on without it.
    pub(super) fn drop_texts(&self, texts: &Arc<Texts>, error: &io::Error) {
        let mut state = self.texts.state.lock();
        if !matches!(&*state, State::Open(open) if Arc::ptr_eq(open, texts)) {
            return;
        }
        tracing::warn!(path = %self.path().display(), %error, "the index of texts is dropped");
        if error.kind() == io::ErrorKind::InvalidData {
            texts.file.discard(&self.directory);
            *state = State::Closed;
        } else {
            let until = Instant::now() + PAUSE;
            *state = State::Without { until };
        }
    }

    /// Whether these messages have the names by which segments know them.
    fn has_names(&self, notes: &[SegmentNote]) -> io::Result<bool> {
        let mut is_so = true;
        for messages in notes.iter().flat_map(|note| note.messages.chunks(NAMES)) {
            let uids: Vec<Uid> = messages
                .iter()
                .filter_map(|message| Uid::new(message.uid))
                .collect();
            let mut names = messages.iter().map(|message| message.name);
            self.hub.lock().pages.look_up(&uids, |_, entry| {
                let name = names.next();
                is_so &= entry.is_none_or(|entry| Some(crc32fast::hash(entry.base())) == name);
            });
        }
        self.check_index()?;
        Ok(is_so)
    }
}

impl Texts {
    fn open(mailbox: &OpenMailbox) -> io::Result<Self> {
        let claims = mailbox.cache.search_claims();
        let open = || SearchFile::open(&mailbox.directory, &mailbox.path(), claims);
        let mut file = open()?;
        let head = SearchHead {
            uid_validity: mailbox.uid_validity.get(),
        };
        let contents = match Contents::read(&file, &head, mailbox) {
            Ok(Some(contents)) => contents,
            Ok(None) => {
                file.begin(&head)?;
                Contents::default()
            }
            Err(error) if error.kind() == io::ErrorKind::InvalidData => {
                tracing::warn!(path = %mailbox.path().display(), %error, "the index of texts is dropped");
                file.discard(&mailbox.directory);
                file = open()?;
                file.begin(&head)?;
                Contents::default()
            }
            Err(error) => return Err(error),
        };
        Ok(Self {
            file,
            contents: Mutex::new(contents),
        })
    }

    /// The messages that may be left out of a search where they are not found.
    pub(crate) fn searchable(&self) -> UidSet {
        self.contents.lock().searchable.clone()
    }

    /// The messages that need not be looked at to be taken in.
    pub(crate) fn known(&self) -> UidSet {
        self.contents.lock().known.clone()
    }

    /// The searchable messages that may have all of these trigrams.
    ///
    /// # Errors
    /// `InvalidData` where the file is damaged.
    pub(crate) fn with_all(&self, trigrams: &[u32]) -> io::Result<UidSet> {
        let contents = self.contents.lock();
        let mut found = Vec::new();
        for segment in &contents.segments {
            let mut places = Places::all(segment.uids.len());
            for &trigram in trigrams {
                match segment.block_of(trigram) {
                    Some(at) => self
                        .file
                        .with_block(segment.number, at, |block| narrow(block, trigram, &mut places))?,
                    None => places.clear(),
                }
                if places.is_empty() {
                    break;
                }
            }
            segment.add_to(&places, &mut found);
        }
        found.sort_unstable();
        Ok(found.into_iter().filter_map(Uid::new).collect())
    }

    /// Takes messages in.
    pub(super) fn add(&self, gathered: Gathered) -> io::Result<()> {
        self.replace(&[], gathered)
    }

    fn replace(&self, gone: &[u32], gathered: Gathered) -> io::Result<()> {
        let number = self.contents.lock().next_number;
        let new = (!gathered.is_empty()).then(|| gathered.encode(number));
        // Nobody may look for a block of a segment that has gone.
        let mut contents = self.contents.lock();
        self.file.replace(gone, new.as_ref())?;
        contents.remove(gone);
        if let Some(Encoded { note, .. }) = new {
            contents.insert(note);
        }
        Ok(())
    }

    /// Makes one segment of several small ones, and forgets messages that are not among `all`. Whether there was anything to do.
    pub(super) fn tidy(&self, all: &UidSet) -> io::Result<bool> {
        let merged = self.contents.lock().to_merge(all);
        if merged.is_empty() {
            return Ok(false);
        }
        let mut gathered = Gathered::default();
        for &number in &merged {
            self.gather(number, all, &mut gathered)?;
        }
        self.replace(&merged, gathered)?;
        Ok(true)
    }

    /// Takes from a segment what it has of these messages.
    fn gather(&self, number: u32, all: &UidSet, gathered: &mut Gathered) -> io::Result<()> {
        let note: SegmentNote = unseal(&self.file.segment(number)?).ok_or(io::ErrorKind::InvalidData)?;
        let stays = |uid| Uid::new(uid).is_some_and(|uid| all.contains(uid));
        let places = note.messages.iter();
        let places: Vec<Option<u32>> = places
            .map(|message| stays(message.uid).then(|| gathered.add_message(*message)))
            .collect();
        for at in 0..note.firsts.len() {
            self.file.with_block(number, at, |block| {
                each_pair(block, places.len(), |trigram, before| {
                    let now = usize::try_from(before)
                        .ok()
                        .and_then(|before| *places.get(before)?);
                    now.into_iter().for_each(|now| gathered.add_pair(trigram, now));
                })
            })?;
        }
        Ok(())
    }

    pub(super) fn rest(&self) {
        self.file.rest();
    }
}

impl Contents {
    /// What a file has; none where it is new.
    ///
    /// # Errors
    /// `InvalidData` where it is damaged, or not about this mailbox.
    fn read(file: &SearchFile, head: &SearchHead, mailbox: &OpenMailbox) -> io::Result<Option<Self>> {
        let invalid = |what: &str| io::Error::new(io::ErrorKind::InvalidData, what);
        let Some(octets) = file.head()? else {
            return Ok(None);
        };
        if unseal::<SearchHead>(&octets).ok_or_else(|| invalid("its head is damaged"))? != *head {
            return Err(invalid("it is of another UIDVALIDITY"));
        }
        let notes = file.segments()?.into_iter().map(|(number, octets)| {
            let note: Option<SegmentNote> = unseal(&octets);
            note.filter(|note| note.number == number)
        });
        let notes: Vec<_> = notes
            .collect::<Option<_>>()
            .ok_or_else(|| invalid("a segment is damaged"))?;
        if !mailbox.has_names(&notes)? {
            return Err(invalid("it knows messages by other names"));
        }
        let mut contents = Self::default();
        notes.into_iter().for_each(|note| contents.insert(note));
        Ok(Some(contents))
    }

    fn insert(&mut self, note: SegmentNote) {
        for message in &note.messages {
            if let Some(uid) = Uid::new(message.uid) {
                self.known.insert(uid);
                if message.has_text {
                    self.searchable.insert(uid);
                }
            }
        }
        self.next_number = self.next_number.max(note.number.saturating_add(1));
        self.segments.push(Segment {
            number: note.number,
            uids: note.messages.iter().map(|message| message.uid).collect(),
            firsts: note.firsts,
            pairs: note.pairs,
        });
    }

    fn remove(&mut self, gone: &[u32]) {
        for segment in self
            .segments
            .extract_if(.., |segment| gone.contains(&segment.number))
        {
            for uid in segment.uids.into_iter().filter_map(Uid::new) {
                self.known.remove(uid);
                self.searchable.remove(uid);
            }
        }
    }

    /// Which segments are to become one: one of which half is gone, or small ones of about the same size, so that each message is
    /// written a few times at most.
    fn to_merge(&self, all: &UidSet) -> Vec<u32> {
        let gone = self.known.difference(all);
        let mut small = Vec::new();
        for segment in &self.segments {
            let live = segment.live(&gone);
            if live * 2 <= segment.uids.len() {
                return vec![segment.number];
            }
            if live * 2 <= MOST_MESSAGES && segment.pairs * 2 <= MOST_PAIRS as u64 {
                small.push((segment.pairs, segment.uids.len(), segment.number));
            }
        }
        small.sort_unstable();
        let (mut pairs, mut messages, mut count) = (0, 0, 0);
        for (at, (more, uids, _)) in small.iter().enumerate() {
            let is_much_larger = at > 0 && *more > 2 * pairs;
            (pairs, messages) = (pairs + more, messages + uids);
            if is_much_larger || pairs > MOST_PAIRS as u64 || messages > MOST_MESSAGES {
                break;
            }
            count = at + 1;
        }
        if count < MERGED {
            return Vec::new();
        }
        small.iter().take(count).map(|(_, _, number)| *number).collect()
    }
}

impl Segment {
    /// Which block has a trigram, if one has it.
    fn block_of(&self, trigram: u32) -> Option<usize> {
        self.firsts
            .partition_point(|first| *first <= trigram)
            .checked_sub(1)
    }

    fn add_to(&self, places: &Places, found: &mut Vec<u32>) {
        places.each(|place| {
            let uid = usize::try_from(place).ok().and_then(|place| self.uids.get(place));
            found.extend(uid);
        });
    }

    /// How many of its messages are still there.
    fn live(&self, gone: &UidSet) -> usize {
        let is_gone = |uid: &&u32| Uid::new(**uid).is_none_or(|uid| gone.contains(uid));
        match gone.is_empty() {
            true => self.uids.len(),
            false => self.uids.len() - self.uids.iter().filter(is_gone).count(),
        }
    }
}
