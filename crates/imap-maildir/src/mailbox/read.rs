//! What messages say: at once what index and cache know, and from their files the rest.

use std::collections::{BTreeMap, VecDeque};
use std::io;
use std::sync::Arc;

use imap_backend::{Body, Error, Need, ObjectId};
use imap_message::Summary;
use imap_seq::{ModSeq, Uid};
use imap_updates::Flags;
use parking_lot::Mutex;

use crate::disk::storage::{ContentStamp, FileStatus, StoredFile};
use crate::format::index::{SummaryNote, seal, unseal};
use crate::format::object_ids::email_id;
use crate::format::uidlist::SavedAt;
use crate::mailbox::body::{FileBody, of_one_message};
use crate::mailbox::cache::{Depth, MessageKey};
use crate::mailbox::content::{Asker, Content, Means, Wanted, read_content};
use crate::mailbox::error::{from_io, panicked};
use crate::mailbox::index::Entry;
use crate::mailbox::locate::Finder;
use crate::mailbox::open::{OpenMailbox, Trouble};

/// One message, as far as it was asked for.
#[derive(Debug)]
pub(crate) struct Reading {
    pub(crate) uid: Uid,
    pub(crate) flags: Flags,
    pub(crate) modseq: ModSeq,
    /// RFC822.SIZE, where it is known.
    pub(crate) size: Option<u64>,
    /// INTERNALDATE, seconds since the epoch, where it is known.
    pub(crate) date: Option<i64>,
    /// SAVEDATE, where it is known.
    pub(crate) saved: Option<SavedAt>,
    pub(crate) summary: Option<Arc<Summary>>,
    pub(crate) body: Option<Body>,
    /// EMAILID, where it was asked for.
    pub(crate) email_id: Option<ObjectId>,
}

/// Whether files were not under the names that are known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Search {
    Needed,
    NotNeeded,
}

/// So many threads read files for one answer at most.
const READERS: usize = 3;
/// Another thread is worth its while where it has so many files to read.
const FILES_A_READER: usize = if cfg!(test) { 2 } else { 32 };

/// What one of the threads has read.
struct Part {
    readings: Vec<Option<Reading>>,
    summaries: Vec<(Uid, Arc<Summary>, ContentStamp)>,
    search: Search,
}

/// A message whose file may have to be read.
struct Unread {
    uid: Uid,
    entry: Entry,
    flags: Flags,
}

impl OpenMailbox {
    /// Looks up messages; `None` where one is gone.
    ///
    /// No blocking call where index and cache have everything; one for all messages otherwise.
    ///
    /// # Cancel safety
    /// Dropped, it reads no further than the piece that it is at.
    pub(crate) async fn read(
        self: &Arc<Self>,
        uids: &[Uid],
        need: Need,
    ) -> Result<Vec<Option<Reading>>, Error> {
        let wanted = Wanted::of(need);
        if let Some(readings) = self.read_from_memory(uids, wanted) {
            return Ok(readings);
        }
        let (mailbox, uids) = (Arc::clone(self), uids.to_vec());
        let (_there, asker) = Asker::new();
        let read = move || mailbox.read_files(&uids, wanted, &asker);
        let (readings, search) = tokio::task::spawn_blocking(read).await.map_err(panicked)??;
        if search == Search::Needed {
            // Another program has renamed messages: the next batch must not search for its own once more.
            let _ = self.look_in_passing().await;
        }
        Ok(readings)
    }

    /// The answer for all messages, if index and cache have it. Copies no file name.
    fn read_from_memory(&self, uids: &[Uid], wanted: Wanted) -> Option<Vec<Option<Reading>>> {
        if wanted.body {
            return None;
        }
        let without_summary = Wanted {
            summary: None,
            ..wanted
        };
        let mut readings = Vec::with_capacity(uids.len());
        let mut keys = Vec::new();
        let mut is_known = true;
        {
            let hub = &mut *self.hub.lock();
            if !hub.pages.are_held(uids) {
                return None;
            }
            let letters = &hub.letters;
            hub.pages.look_up(uids, |uid, entry| {
                is_known &= entry.is_none_or(|entry| without_summary.beside(entry).is_nothing());
                if wanted.summary.is_some()
                    && let Some(entry) = entry
                {
                    keys.push(self.cache.key(entry.base()));
                }
                readings.push(entry.map(|entry| Reading {
                    uid,
                    flags: letters.flags(&entry.info),
                    modseq: entry.modseq,
                    size: entry.size,
                    date: entry.date,
                    saved: entry.saved,
                    summary: None,
                    body: None,
                    email_id: wanted.email_id.then(|| email_id(entry.base())),
                }));
            });
        }
        if !is_known {
            return None;
        }
        if let Some(depth) = wanted.summary {
            for (reading, key) in readings.iter_mut().flatten().zip(keys) {
                reading.summary = Some(self.cache.summary(key, depth)?);
            }
        }
        Some(readings)
    }

    fn unread(&self, uids: &[Uid]) -> io::Result<Vec<Option<Unread>>> {
        let mut messages = Vec::with_capacity(uids.len());
        {
            let hub = &mut *self.hub.lock();
            let letters = &hub.letters;
            hub.pages.look_up(uids, |uid, entry| {
                messages.push(entry.map(|entry| Unread {
                    uid,
                    entry: entry.clone(),
                    flags: letters.flags(&entry.info),
                }));
            });
        }
        self.check_index()?;
        Ok(messages)
    }

    fn read_files(
        self: &Arc<Self>,
        uids: &[Uid],
        wanted: Wanted,
        asker: &Asker,
    ) -> Result<(Vec<Option<Reading>>, Search), Error> {
        let messages = self.unread(uids).map_err(from_io)?;
        if let Some(depth) = wanted.summary {
            self.recall_summaries(&messages, depth);
        }
        let (mut readings, mut summaries, mut search) = (Vec::new(), Vec::new(), Search::NotNeeded);
        for part in self.read_parts(messages, wanted, asker) {
            let part = part?;
            readings.extend(part.readings);
            summaries.extend(part.summaries);
            if part.search == Search::Needed {
                search = Search::Needed;
            }
        }
        self.keep_summaries(&summaries);
        self.save_amended();
        Ok((readings, search))
    }

    /// Reads messages, many of them on several threads: a file that no cache has is waited for, and others meanwhile.
    fn read_parts(
        self: &Arc<Self>,
        messages: Vec<Option<Unread>>,
        wanted: Wanted,
        asker: &Asker,
    ) -> Vec<Result<Part, Error>> {
        let files = messages
            .iter()
            .flatten()
            .filter(|message| self.has_to_be_read(message, wanted));
        // Octets are handed over as far as there is room, to the first messages first.
        let readers = match files.count() / FILES_A_READER {
            _ if wanted.body => 1,
            enough_for => enough_for.clamp(1, READERS),
        };
        let size = messages.len().div_ceil(readers).max(1);
        let (mut waiting, mut messages) = (VecDeque::new(), messages.into_iter());
        while messages.len() > 0 {
            waiting.push_back((waiting.len(), messages.by_ref().take(size).collect()));
        }
        let (waiting, read) = (Mutex::new(waiting), Mutex::new(BTreeMap::new()));
        let reader = || {
            while let Some((number, part)) = take_first(&waiting) {
                let part = self.read_part(part, wanted, asker.clone());
                read.lock().insert(number, part);
            }
        };
        std::thread::scope(|scope| {
            for _ in 1..readers {
                let thread = std::thread::Builder::new().name("maildir-reader".into());
                if thread.spawn_scoped(scope, reader).is_err() {
                    // The system has no thread to give: this one reads all.
                    break;
                }
            }
            reader();
        });
        read.into_inner().into_values().collect()
    }

    /// Whether neither index nor cache has what is wanted of a message.
    fn has_to_be_read(&self, message: &Unread, wanted: Wanted) -> bool {
        let has_summary = |depth| {
            let key = self.cache.key(message.entry.base());
            self.cache.summary(key, depth).is_some()
        };
        let without_summary = Wanted {
            summary: None,
            ..wanted.beside(&message.entry)
        };
        !without_summary.is_nothing() || wanted.summary.is_some_and(|depth| !has_summary(depth))
    }

    fn read_part(
        self: &Arc<Self>,
        messages: Vec<Option<Unread>>,
        wanted: Wanted,
        asker: Asker,
    ) -> Result<Part, Error> {
        let mut readings = Vec::with_capacity(messages.len());
        let mut means = Means::new(asker);
        let mut finder = Finder::new(&self.directory);
        for message in messages {
            let reading = match message {
                Some(message) => self.read_one(message, wanted, &mut means, &mut finder)?,
                None => None,
            };
            readings.push(reading);
        }
        Ok(Part {
            readings,
            summaries: means.summaries,
            search: match finder.has_listed() {
                true => Search::Needed,
                false => Search::NotNeeded,
            },
        })
    }

    /// Takes from the index what it knows of messages, and memory does not.
    fn recall_summaries(&self, messages: &[Option<Unread>], depth: Depth) {
        let Some(file) = self.index_file() else { return };
        let mut keys = BTreeMap::new();
        for message in messages.iter().flatten() {
            let key = self.cache.key(message.entry.base());
            if self.cache.summary(key, depth).is_none() {
                keys.insert(message.uid.get(), key);
            }
        }
        if keys.is_empty() {
            return;
        }
        let uids: Vec<u32> = keys.keys().copied().collect();
        // What cannot be read there is read from the messages.
        for (uid, octets) in file.summaries(&uids).unwrap_or_default() {
            let note: Option<SummaryNote<'_>> = unseal(&octets);
            if let Some(note) = note
                && let (Ok(summary), Some(key)) = (Summary::from_bytes(note.octets), keys.get(&uid))
            {
                let stamp = ContentStamp::of_note(note.content);
                self.cache.keep_summary(*key, &Arc::new(summary), stamp);
            }
        }
    }

    fn keep_summaries(&self, summaries: &[(Uid, Arc<Summary>, ContentStamp)]) {
        let Some(file) = self.index_file().filter(|_| !summaries.is_empty()) else {
            return;
        };
        let sealed = |(uid, summary, stamp): &(Uid, Arc<Summary>, ContentStamp)| {
            let octets = &summary.to_bytes();
            let content = stamp.note();
            (uid.get(), seal(&SummaryNote { content, octets }))
        };
        let summaries: Vec<_> = summaries.iter().map(sealed).collect();
        if let Err(error) = file.keep_summaries(&summaries) {
            tracing::debug!(%error, "summaries are not kept");
        }
    }

    fn read_one(
        self: &Arc<Self>,
        message: Unread,
        wanted: Wanted,
        means: &mut Means,
        finder: &mut Finder<'_>,
    ) -> Result<Option<Reading>, Error> {
        let Unread { uid, entry, flags } = message;
        let mut wanted = wanted.beside(&entry);
        let key = self.cache.key(entry.base());
        let known = match wanted.summary {
            // Beside octets a summary has to be of just these: the file is looked at.
            Some(depth) if !wanted.body => self.cache.summary(key, depth),
            _ => None,
        };
        if known.is_some() {
            wanted.summary = None;
        }
        let mut content = match self.content(uid, &entry, wanted, means, finder) {
            Ok(Some(content)) => content,
            Ok(None) => return Ok(None),
            // One message that cannot be read must not hide the others: whoever reads it is told.
            Err(error) if is_about_one_file(&error) => {
                if self.is_to_be_logged(Trouble::MessageUnreadable) {
                    tracing::warn!(path = %self.path().display(), %error, %uid, "a message cannot be read");
                }
                Content::unreadable(self.directory.status(entry.at()).ok().as_ref())
            }
            Err(error) => return Err(of_one_message(&error)),
        };
        if content.size.is_some() || content.date.is_some() {
            self.hub.lock().remember(uid, content.size, content.date);
        }
        if let (Some(summary), Some(stamp)) = (&content.new_summary, content.stamp) {
            self.cache.keep_summary(key, summary, stamp);
            means.summaries.push((uid, Arc::clone(summary), stamp));
        }
        let summary = known.or(content.summary.take()).or(content.new_summary.take());
        let body = match content.octets {
            Some(octets) => {
                means.room = means.room.saturating_sub(octets.len());
                Some(Body::from(octets))
            }
            None if wanted.body || content.is_unreadable => {
                Some(Body::new(FileBody::new(Arc::clone(self), uid)))
            }
            None => None,
        };
        Ok(Some(Reading {
            uid,
            flags,
            modseq: entry.modseq,
            size: content.size.or(entry.size),
            date: content.date.or(entry.date),
            saved: entry.saved,
            summary,
            body,
            email_id: wanted.email_id.then(|| email_id(entry.base())),
        }))
    }

    /// Reads a message's file under the name it has now; `None` when it is gone.
    fn content(
        &self,
        uid: Uid,
        entry: &Entry,
        wanted: Wanted,
        means: &mut Means,
        finder: &mut Finder<'_>,
    ) -> io::Result<Option<Content>> {
        if wanted.is_nothing() {
            return Ok(Some(Content::default()));
        }
        let cached = |depth, stamp| self.cache.summary_of(self.cache.key(entry.base()), depth, stamp);
        let read = |entry: &Entry| read_content(&self.directory, entry, wanted, means, &cached);
        self.with_file_of(finder, uid, entry, read)
    }

    /// Does something with the file of a message, under the name it has now; `None` when it is gone.
    fn with_file_of<T>(
        &self,
        finder: &mut Finder<'_>,
        uid: Uid,
        entry: &Entry,
        mut work: impl FnMut(&Entry) -> io::Result<T>,
    ) -> io::Result<Option<T>> {
        match work(entry) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            result => return result.map(Some),
        }
        // Renamed since it was looked up: by a session of ours, which the index knows, or by another program.
        let Some(entry) = self.hub.lock().get(uid).cloned() else {
            return Ok(None);
        };
        Ok(finder.with_file(&entry, work)?.map(|(result, _)| result))
    }

    /// The file of a message, its state, and its place in the cache; `None` when it is gone.
    pub(crate) fn open_file(&self, uid: Uid) -> io::Result<Option<(StoredFile, FileStatus, MessageKey)>> {
        let Some(entry) = self.hub.lock().get(uid).cloned() else {
            return Ok(None);
        };
        let open = |entry: &Entry| self.directory.open_message(entry.at());
        let mut finder = Finder::new(&self.directory);
        let opened = self.with_file_of(&mut finder, uid, &entry, open)?;
        let key = self.cache.key(entry.base());
        Ok(opened.map(|(file, status)| (file, status, key)))
    }
}

fn take_first<T>(waiting: &Mutex<VecDeque<T>>) -> Option<T> {
    waiting.lock().pop_front()
}

/// Whether an error says something about the file alone, not about the store as a whole.
fn is_about_one_file(error: &io::Error) -> bool {
    of_one_message(error).kind().concerns_one_message()
}
