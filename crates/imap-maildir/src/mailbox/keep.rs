//! The index beside the mail: read when a mailbox is opened, written when enough has changed, and when nobody has it open.
//!
//! It tells what a process knew when it wrote it. Whoever reads it goes on like a process that slept since: what it does not know
//! yet, time stamps, the UID list and the file of mod-sequences tell, as they tell a process that is awake. So an old index is as
//! good as none, and costs no more than a listing.
//!
//! | what happened | what follows |
//! | --- | --- |
//! | the file is missing, of another version, damaged, or of another directory | all is read from the mail, and a new one written |
//! | another process has it | this one keeps all in memory |
//! | the disk is full | what the file does not know stays in memory, and is tried again |
//! | a page is damaged while the mailbox is open | the sessions end, and the next SELECT reads all from the mail |

use std::collections::HashSet;
use std::io;
use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use imap_backend::Error;
use imap_seq::{ModSeq, Uid, UidSet};
use imap_updates::{Closed, HubGuard, MailboxHub, Snapshot};

use crate::disk::directory::{Directory, Location};
use crate::disk::index_file::{Batch, FILE_NAME, IndexFile};
use crate::disk::keywords_file::KeywordsFile;
use crate::disk::name_generator::NameGenerator;
use crate::disk::storage;
use crate::disk::uidlist_file::UidListFile;
use crate::format::index::{Head, seal, unseal};
use crate::format::letter_map::LetterMap;
use crate::mailbox::cache::Cache;
use crate::mailbox::error::{from_io, panicked};
use crate::mailbox::index::Index;
use crate::mailbox::letter_sets::LetterSets;
use crate::mailbox::listed::{Covered, Listed};
use crate::mailbox::names::Names;
use crate::mailbox::numbers::Numbers;
use crate::mailbox::observe::Heard;
use crate::mailbox::open::{OpenMailbox, Trouble, Writer};
use crate::mailbox::pages::{Pages, TakenPages};
use crate::mailbox::vanished::Vanished;

/// So many pages may differ from those of the file before it is written.
const MOST_CHANGED: usize = if cfg!(test) { 1 } else { 64 };
/// So many names may be unknown to the file, some 30 octets each, while many messages become known.
const MOST_NAMES: usize = if cfg!(test) { 2 } else { 131_072 };
/// Pages that are written at once.
const AT_ONCE: usize = if cfg!(test) { 1 } else { 64 };

/// Which mailboxes have an index.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Indexing {
    /// Those of so many messages or more.
    From(u32),
    Never,
}

impl Default for Indexing {
    /// What is smaller is listed as quickly as an index is read.
    fn default() -> Self {
        Self::From(256)
    }
}

impl OpenMailbox {
    /// The mailbox as an index knows it; none where there is no index that is worth anything.
    pub(crate) fn kept(
        at: Location<'_>,
        names: &Arc<NameGenerator>,
        cache: &Arc<Cache>,
        boot: &Arc<str>,
        indexing: Indexing,
    ) -> Option<Self> {
        let path = at.path;
        let index = Path::new(at.name).join(FILE_NAME);
        if indexing == Indexing::Never || storage::status(at.root, &*index).is_err() {
            return None;
        }
        let directory = Arc::new(Directory::open_held(at).ok()?);
        let file = match IndexFile::open(&directory, path, &cache.claims) {
            Ok(file) => Arc::new(file),
            Err(error) => {
                tracing::debug!(path = %path.display(), %error, "the index cannot be used");
                return None;
            }
        };
        let octets = file.head().ok().flatten()?;
        let head: Head = unseal(&octets)?;
        if storage::status_of(directory.root()).ok()?.identity != head.directory.into() {
            return None;
        }
        let keywords = KeywordsFile::of_note(&head.keywords);
        let (index, all) = index_of(&head, &file, LetterMap::new(keywords.names()))?;
        let uid_validity = head.list.uid_validity;
        let is_same_boot = *head.boot == **boot;
        let numbers = Numbers::of_note(
            &directory,
            &head.numbers,
            uid_validity,
            Arc::clone(boot),
            is_same_boot,
        )?;
        let snapshot = Snapshot::new(all)
            .with_recent(index.in_new().clone())
            .with_keywords(index.letters.keywords())
            .with_highest_modseq(numbers.last());
        let writer = Writer {
            list: UidListFile::of_note(&head.list),
            keywords,
            numbers,
            new: Listed::of_note(&head.new),
            cur: Listed::of_note(&head.cur),
            heard: Heard::default(),
            settled_up_to: head.settled_up_to,
            left_in_new: usize::try_from(head.left_in_new).ok()?,
            doubles: 0,
            doubled: HashSet::new(),
            lock_out: None,
        };
        let hub = MailboxHub::new(index, snapshot).ok()?;
        let (names, cache) = (Arc::clone(names), Arc::clone(cache));
        let mailbox = Self::of(path, directory, names, cache, indexing, hub, writer).ok()?;
        *mailbox.index_file.lock() = Some(file);
        Some(mailbox)
    }

    /// Makes sure that a mailbox to which so many messages come has an index, if it is to have one: before they are known, so
    /// that a million of them need not be in memory.
    pub(super) fn prepare_index(&self, coming: usize) {
        let Indexing::From(least) = self.indexing else {
            return;
        };
        let mut index_file = self.index_file.lock();
        if index_file.is_some() || self.hub.lock().all().len() + (coming as u64) < u64::from(least) {
            return;
        }
        match IndexFile::make(&self.directory, &self.path(), self.cache.claims()).map(Arc::new) {
            Ok(file) => {
                let mut hub = self.hub.lock();
                hub.pages.keep_in(Arc::clone(&file));
                hub.names.keep_in(Arc::clone(&file));
                *index_file = Some(file);
            }
            Err(error) => self.tell_of_no_index(Trouble::NoIndex, &error),
        }
    }

    /// An index beside the mail cannot be had. That another process has it is nobody's fault, and of a disk that is full or read-only the
    /// operator hears otherwise.
    pub(super) fn tell_of_no_index(&self, which: Trouble, error: &io::Error) {
        let (path, kind) = (self.path(), error.kind());
        let is_usual = matches!(
            kind,
            io::ErrorKind::ResourceBusy | io::ErrorKind::StorageFull | io::ErrorKind::ReadOnlyFilesystem
        );
        if is_usual || !self.is_to_be_logged(which) {
            tracing::debug!(path = %path.display(), %error, "an index cannot be used");
        } else {
            tracing::warn!(path = %path.display(), %error, "an index cannot be used: the server goes on without it");
        }
    }

    pub(crate) fn has_index(&self) -> bool {
        self.index_file.lock().is_some()
    }

    pub(super) fn index_file(&self) -> Option<Arc<IndexFile>> {
        self.index_file.lock().clone()
    }

    /// Writes the index if it lags far behind.
    pub(super) fn save_if_due(&self, writer: &Writer) {
        if self.hub.lock().pages.changed() > MOST_CHANGED {
            self.save(writer);
        }
    }

    /// Writes what the index does not know. Where that cannot be, it is tried again later.
    pub(crate) fn save(&self, writer: &Writer) {
        self.prepare_index(0);
        let Some(file) = self.index_file() else { return };
        if self.hub.closed().is_some() || self.hub.lock().is_damaged() {
            return;
        }
        if let Err(error) = self.write_index(&file, writer)
            && self.is_to_be_logged(Trouble::IndexNotWritten)
        {
            tracing::warn!(path = %self.path().display(), %error, "the index cannot be written");
        }
    }

    fn write_index(&self, file: &IndexFile, writer: &Writer) -> io::Result<()> {
        let Some(head) = self.head(writer) else {
            return Ok(());
        };
        self.write_pages(file, MOST_CHANGED)?;
        let (batch, marks) = {
            let hub = self.hub.lock();
            let (TakenPages { pages, marks }, _) = hub.pages.take_changed(0, usize::MAX);
            let batch = Batch {
                head: seal(&head),
                pages,
                gone_pages: hub.pages.gone(),
                names: hub.names.added(),
                gone_names: hub.names.gone().to_vec(),
            };
            (batch, marks)
        };
        file.write(&batch)?;
        let mut hub = self.hub.lock();
        hub.pages.are_written(&marks, &batch.gone_pages);
        hub.names.are_written();
        Ok(())
    }

    /// Writes what became known of messages that did not change, so that it need not stay in memory.
    pub(super) fn save_amended(&self) {
        let Some(file) = self.index_file() else { return };
        let amended = self.hub.lock().pages.take_amended(MOST_CHANGED);
        if amended.pages.is_empty() {
            return;
        }
        match file.write_pages(&amended.pages) {
            Ok(()) => self.hub.lock().pages.are_written(&amended.marks, &[]),
            Err(error) => tracing::debug!(%error, "pages of the index stay in memory"),
        }
    }

    /// While many messages change: writes pages and names of those that did, so that they need not stay in memory.
    pub(super) fn save_early(&self) {
        let Some(file) = self.index_file() else { return };
        let written = self.write_pages(&file, 2 * MOST_CHANGED);
        match written.and_then(|is_written| self.write_names(&file).map(|()| is_written)) {
            // More come, and nobody has asked for these.
            Ok(true) => self.hub.lock().pages.let_all_go(),
            Ok(false) => {}
            Err(error) => tracing::debug!(%error, "parts of the index stay in memory"),
        }
    }

    /// Writes names where there are many. The index has no head meanwhile: it is not complete.
    fn write_names(&self, file: &IndexFile) -> io::Result<()> {
        let (added, gone) = {
            let hub = self.hub.lock();
            if hub.names.count_added() <= MOST_NAMES {
                return Ok(());
            }
            (hub.names.added(), hub.names.gone().to_vec())
        };
        file.remove_head()?;
        file.write_names(&added, &gone)?;
        self.hub.lock().names.are_written();
        Ok(())
    }

    /// Writes changed pages where there are more than so many; gives whether there were. The index has no head meanwhile: it is
    /// not complete.
    fn write_pages(&self, file: &IndexFile, most: usize) -> io::Result<bool> {
        if self.hub.lock().pages.changed() <= most {
            return Ok(false);
        }
        file.remove_head()?;
        let mut from = 0;
        loop {
            let (changed, next) = self.hub.lock().pages.take_changed(from, AT_ONCE);
            if changed.pages.is_empty() {
                return Ok(true);
            }
            file.write_pages(&changed.pages)?;
            self.hub.lock().pages.are_written(&changed.marks, &[]);
            from = next;
        }
    }

    /// What the index has to know beside its pages; none while a listing or a file is not settled.
    fn head(&self, writer: &Writer) -> Option<Head> {
        let has_doubles = writer.doubles > 0 || !writer.doubled.is_empty();
        let is_settled = writer.traces().is_some() && !has_doubles && writer.lock_out.is_none();
        let (list, numbers) = (writer.list.note().filter(|_| is_settled)?, writer.numbers.note()?);
        let covered = match self.has_news(writer.heard.covered()) {
            true => Covered::No,
            false => writer.heard.covered(),
        };
        let now = Instant::now();
        let hub = self.hub.lock();
        let vanished = hub.vanished.expunges();
        Some(Head {
            boot: writer.numbers.boot().to_owned(),
            directory: self.cache.directory().into(),
            list,
            numbers,
            keywords: writer.keywords.note(),
            new: writer.new.note(now, covered),
            cur: writer.cur.note(now, covered),
            settled_up_to: writer.settled_up_to,
            left_in_new: writer.left_in_new as u64,
            uid_next: hub.uid_next.map(Uid::get),
            forgotten: hub.vanished.forgotten().get(),
            vanished: vanished
                .map(|(modseq, uids)| (modseq.get(), uids.to_bytes()))
                .collect(),
            all: hub.all().to_bytes(),
            flagged: hub
                .flagged()
                .each()
                .map(|(octet, uids)| (octet, uids.to_bytes()))
                .collect(),
            in_new: hub.in_new().to_bytes(),
            pages: hub.pages.notes(),
            next_page: hub.pages.next_number(),
            name_key: hub.names.key(),
        })
    }

    /// Writes the index of a mailbox that nobody has open, and lets go of what it knows.
    pub(crate) fn rest(&self) {
        let Some(writer) = self.writer_if_free() else {
            return;
        };
        self.save(&writer);
        if self.hub.sessions() == 0 {
            self.hub.lock().pages.let_all_go();
        }
        if let Some(file) = self.index_file() {
            file.rest();
        }
    }

    /// Makes sure that the pages of messages are in memory.
    pub(crate) async fn hold(self: &Arc<Self>, uids: &[Uid]) -> Result<(), Error> {
        if self.hub.lock().pages.are_held(uids) {
            return Ok(());
        }
        let (mailbox, uids) = (Arc::clone(self), uids.to_vec());
        let read = move || {
            mailbox.hub.lock().pages.look_up(&uids, |_, _| {});
            mailbox.check_index()
        };
        let read = tokio::task::spawn_blocking(read).await.map_err(panicked)?;
        read.map_err(from_io)
    }

    /// The hub, to publish; not where the index turned out to be damaged, for then what was found out is not true.
    ///
    /// # Errors
    /// As [`check_index`](Self::check_index).
    pub(crate) fn publishing(&self) -> io::Result<HubGuard<'_, Index>> {
        let hub = self.hub.lock();
        if !hub.is_damaged() {
            return Ok(hub);
        }
        drop(hub);
        Err(self.lose())
    }

    /// To be asked after messages were looked up, before anything is believed.
    ///
    /// # Errors
    /// [`IndexDamaged`] where a message could not be had; the sessions of the mailbox have been ended then.
    pub(crate) fn check_index(&self) -> io::Result<()> {
        self.publishing().map(drop)
    }

    /// What is known is not true: ends the sessions. Whoever selects the mailbox again has it from the mail.
    fn lose(&self) -> io::Error {
        if self.hub.closed().is_none() {
            tracing::warn!(path = %self.path().display(), "the index is damaged, and dropped");
            self.hub.lock().close(Closed::Lost);
        }
        self.forget_index();
        IndexDamaged.into()
    }

    /// Whoever opens the mailbox next reads it from the mail.
    pub(super) fn forget_index(&self) {
        if let Some(file) = self.index_file.lock().take() {
            file.discard(&self.directory);
        }
    }
}

/// The index beside the mail is not what was written.
#[derive(Clone, Copy, Debug, thiserror::Error)]
#[error("the index beside the mail is damaged")]
pub(crate) struct IndexDamaged;

impl From<IndexDamaged> for io::Error {
    fn from(damaged: IndexDamaged) -> Self {
        Self::other(damaged)
    }
}

fn index_of(head: &Head, file: &Arc<IndexFile>, letters: LetterMap) -> Option<(Index, Vec<Uid>)> {
    let set = |octets: &Vec<u8>| UidSet::from_bytes(octets).ok();
    let mut vanished = Vanished::after(ModSeq::new(head.forgotten)?);
    for (modseq, uids) in &head.vanished {
        vanished.add(ModSeq::new(*modseq)?, set(uids)?);
    }
    let all = set(&head.all)?;
    let uids = uids_of(&all);
    let flagged = head
        .flagged
        .iter()
        .map(|(octet, uids)| Some((*octet, set(uids)?)));
    let flagged = LetterSets::new(all, flagged.collect::<Option<Vec<_>>>()?);
    let pages = Pages::of_file(Arc::clone(file), &head.pages, head.next_page)?;
    let names = Names::new(head.name_key, Some(Arc::clone(file)));
    let mut index = Index::new(letters, vanished).with_messages(pages, names, flagged, set(&head.in_new)?);
    index.uid_next = match head.uid_next {
        Some(uid) => Some(Uid::new(uid)?),
        None => None,
    };
    Some((index, uids))
}

/// All, a run at a time: one after the other takes three times as long where most follow each other.
fn uids_of(set: &UidSet) -> Vec<Uid> {
    let mut uids = Vec::with_capacity(usize::try_from(set.len()).unwrap_or_default());
    for (first, last) in set.ranges() {
        uids.extend((first.get()..=last.get()).filter_map(Uid::new));
    }
    uids
}
