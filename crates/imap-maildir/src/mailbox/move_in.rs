//! MOVE: messages of another mailbox of the account come into this one by renaming, so that each is at every moment in
//! exactly one of them.

use std::io;
use std::sync::Arc;

use imap_backend::{Error, ErrorKind};
use imap_seq::Uid;
use imap_updates::Flags;

use crate::disk::delivery::Prepared;
use crate::disk::directory::{FileAt, Subdirectory};
use crate::disk::dotlock::Dotlock;
use crate::disk::interference::Moment;
use crate::disk::keywords_file::ExcessKeywords;
use crate::format::file_name::{ClaimedSizes, with_sizes};
use crate::format::letter_map::LetterMap;
use crate::format::object_ids::with_email_id_of;
use crate::mailbox::add::Original;
use crate::mailbox::error::{CrossesFileSystems, crosses_file_systems, from_io};
use crate::mailbox::index::Entry;
use crate::mailbox::locate::Finder;
use crate::mailbox::open::{OpenMailbox, Writers};

/// One moved message: its UID before, and now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct MovedUid {
    pub(crate) from: Uid,
    pub(crate) to: Uid,
}

impl OpenMailbox {
    /// Moves messages from `source` into this mailbox. Blocks; durable when it returns.
    ///
    /// Messages that vanished meanwhile are left out; on an error all others go back.
    pub(crate) fn move_in(
        &self,
        writers: &mut Writers,
        lock: Dotlock,
        source: &Self,
        originals: &[Original],
    ) -> Result<Vec<MovedUid>, Error> {
        // Dropped last, after an unfinished transfer has put its messages back.
        let lock = lock;
        let writer = &mut *writers.here;
        self.begin_adding(writer, &lock)?;
        let all = originals
            .iter()
            .fold(Flags::empty(), |all, original| all.union(&original.flags));
        let unknown = self.letters().unknown(&all);
        let letters = self.define_keywords(writer, &lock, &unknown, ExcessKeywords::Drop)?;
        let mut transfer = Transfer::new(source, self);
        let mut move_all = || {
            originals.iter().try_for_each(|original| {
                lock.keep()?;
                transfer.move_one(original, &letters)
            })
        };
        let moved = self.own_change(writer, |_| match &mut writers.source {
            Some(leaving) => source.own_change(leaving, |_| move_all()),
            None => move_all(),
        });
        moved.map_err(from_io)?;
        if transfer.messages.is_empty() {
            return Err(ErrorKind::ExpungeIssued.into());
        }
        let placed = transfer.placed();
        let entries: Vec<&Entry> = placed.iter().collect();
        let to = self.make_durable(writer, &lock, &entries).map_err(from_io)?;
        // From here on the messages are in the target, whatever happens.
        let from = transfer.finish();
        if let Err(error) = self.publish_added(writer, &to, placed) {
            self.is_not_published(writer, &error);
        }
        drop(lock);
        let leaving = writers.source.as_mut().unwrap_or(&mut writers.here);
        if let Err(error) = source.publish_gone(leaving, from.iter().copied().collect()) {
            source.is_not_published(leaving, &error);
        }
        let pairs = from.into_iter().zip(to);
        Ok(pairs.map(|(from, to)| MovedUid { from, to }).collect())
    }
}

/// Messages on their way from one mailbox to another; dropped before the end, they go back.
struct Transfer<'a> {
    source: &'a OpenMailbox,
    target: &'a OpenMailbox,
    finder: Finder<'a>,
    messages: Vec<Transferred>,
    progress: Progress,
}

#[derive(PartialEq, Eq)]
enum Progress {
    Unfinished,
    Finished,
}

/// A message that has its new name.
struct Transferred {
    uid: Uid,
    before: Entry,
    after: Entry,
    means: Means,
}

/// How a message came to the target.
enum Means {
    Renamed,
    /// The target is on another file system: the original is removed at the end.
    Copied(Prepared),
}

impl<'a> Transfer<'a> {
    fn new(source: &'a OpenMailbox, target: &'a OpenMailbox) -> Self {
        Self {
            source,
            target,
            finder: Finder::new(&source.directory),
            messages: Vec::new(),
            progress: Progress::Unfinished,
        }
    }

    /// Moves one message, if it is still there. `letters` are the target's.
    fn move_one(&mut self, original: &Original, letters: &LetterMap) -> io::Result<()> {
        let source_letters = self.source.letters();
        // A new name: other programs take two mailboxes' files with one base name for the same message.
        let mut base = self.target.names.next();
        let claimed = ClaimedSizes::of(original.entry.base());
        if let (Some(physical), Some(wire)) = (claimed.physical, claimed.wire) {
            base = with_sizes(&base, physical, wire);
        }
        let base = with_email_id_of(original.entry.base(), &base);
        let moved = self.finder.with_file(&original.entry, |entry| {
            // Keywords have other letters there.
            let info = letters.info(&original.flags_of(entry, &source_letters));
            let subdirectory = self.target.subdirectory_for(&info);
            let name: Arc<[u8]> = match subdirectory {
                Subdirectory::New => base.as_slice().into(),
                Subdirectory::Cur => [&base[..], &info.suffix()].concat().into(),
            };
            let to = FileAt::new(subdirectory, &name);
            match self
                .target
                .directory
                .move_in(&self.source.directory, entry.at(), to)
            {
                Ok(()) => Ok((entry.renamed(subdirectory, name), Means::Renamed)),
                Err(error) if crosses_file_systems(&error) == CrossesFileSystems::Yes => {
                    let directory = Arc::clone(&self.target.directory);
                    let (names, source) = (&self.target.names, &self.source.directory);
                    let mut copy = Prepared::link(directory, names, source, entry.at())?;
                    let name = copy.place(subdirectory, &info)?;
                    Ok((entry.renamed(subdirectory, name), Means::Copied(copy)))
                }
                Err(error) => Err(error),
            }
        })?;
        if let Some(((after, means), before)) = moved {
            self.messages.push(Transferred {
                uid: original.uid,
                before,
                after,
                means,
            });
            self.target.directory.moments().at(Moment::Placed);
        }
        Ok(())
    }

    /// The messages as they are in the target.
    fn placed(&self) -> Vec<Entry> {
        let after = |message: &Transferred| message.after.clone();
        self.messages.iter().map(after).collect()
    }

    /// The messages have UIDs in the target: the originals of copies go, and nothing goes back. Gives the UIDs in the source.
    fn finish(mut self) -> Vec<Uid> {
        self.progress = Progress::Finished;
        let messages = std::mem::take(&mut self.messages);
        let source = &self.source.directory;
        let uids = messages.iter().map(|message| message.uid).collect();
        for message in messages {
            if let Means::Copied(copy) = message.means {
                copy.keep();
                let unlink = |entry: &Entry| source.unlink(entry.at());
                let _ = self.finder.with_file(&message.before, unlink);
            }
        }
        // Both: a message may have come to `cur/` from `new/` a moment ago, and nothing has made that durable yet.
        for subdirectory in Subdirectory::BOTH {
            // Not fatal: after a power failure the message may be in both mailboxes, never in none.
            let _ = source.sync(subdirectory);
        }
        uids
    }
}

impl Drop for Transfer<'_> {
    fn drop(&mut self) {
        if self.progress == Progress::Finished {
            return;
        }
        let (source, target) = (&self.source.directory, &self.target.directory);
        // Copies are taken back by their own drop.
        let renamed = |message: &&Transferred| matches!(message.means, Means::Renamed);
        for message in self.messages.iter().filter(renamed) {
            target.moments().at(Moment::BeforeTakingBack);
            if let Err(error) = source.move_in(target, message.after.at(), message.before.at()) {
                tracing::error!(%error, "a message whose MOVE failed stays in the target");
            }
        }
    }
}
