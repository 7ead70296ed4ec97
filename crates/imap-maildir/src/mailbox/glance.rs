//! A glance at a mailbox: whether there is anything to look for, in a few `stat` calls on the caller's own thread.
//!
//! Most commands come while nothing has changed. They must neither wait for whoever works on the mailbox's disk nor go to
//! another thread; so the holder of the writer leaves traces behind, and a glance compares the disk with them.

use std::sync::Arc;
use std::time::Instant;

use imap_backend::Error;

use crate::disk::directory::DirectoryVersions;
use crate::disk::keywords_file;
use crate::disk::modseq_file;
use crate::disk::storage::{self, FileIdentity, FileVersion};
use crate::disk::uidlist_file;
use crate::mailbox::error::from_io;
use crate::mailbox::listed::Covered;
use crate::mailbox::lock_out::LockOut;
use crate::mailbox::open::{MovesNew, OpenMailbox, Writer};

/// What a mailbox was like on disk when the last look or own change ended: while it is the same, the index tells all of it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Traces {
    pub(crate) stamps: Stamps,
    /// When to look again even if all is the same.
    pub(crate) again_at: Option<Instant>,
    /// Until then only events prove that nothing has changed: time stamps may hide a change.
    doubtful_until: Option<Instant>,
    covered: Covered,
    /// Files that no session has moved to `cur/` or given a name of their own yet.
    waiting: usize,
    /// What keeps messages hidden.
    lock: Option<FileIdentity>,
}

/// The state of everything on disk that an index is made of.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Stamps {
    pub(crate) directories: DirectoryVersions,
    pub(crate) list: FileVersion,
    pub(crate) keywords: Option<FileVersion>,
    pub(crate) numbers: Option<modseq_file::Stamp>,
}

/// What a glance says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Glance {
    /// All is as it was.
    Same,
    /// Something has changed, or has to be looked at once more.
    Look,
}

/// Whether a listing that is only due by time counts as a reason to look.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Grain {
    Counts,
    /// The watcher sees to it.
    Waits,
}

impl Writer {
    /// None while the next look has something to do whatever the disk says.
    pub(crate) fn traces(&self) -> Option<Traces> {
        if self.has_unsettled_records() || self.heard.is_waiting() && self.lock_out.is_none() {
            return None;
        }
        let covered = self.heard.covered();
        let doubtful_until = self.new.again_at.max(self.cur.again_at);
        Some(Traces {
            stamps: Stamps {
                directories: DirectoryVersions {
                    new: self.new.version?,
                    cur: self.cur.version?,
                },
                list: self.list.version()?,
                keywords: self.keywords.version(),
                numbers: self.numbers.stamp(),
            },
            again_at: self.again_at(),
            doubtful_until: doubtful_until.filter(|_| covered == Covered::Yes),
            covered,
            waiting: self.left_in_new + self.doubles,
            lock: self.lock_out.as_ref().map(LockOut::lock),
        })
    }
}

impl OpenMailbox {
    /// To be called by whoever held the writer, at the end.
    pub(super) fn leave_traces(&self, writer: &Writer) {
        *self.traces.lock() = writer.traces();
        self.save_if_due(writer);
    }

    /// The state of the disk that the index tells all of, for sure and whatever time goes by; none while that is not so.
    pub(super) fn proven_stamps(&self) -> Option<Stamps> {
        let traces = (*self.traces.lock())?;
        let is_doubtful = traces.doubtful_until.is_some_and(|until| Instant::now() < until);
        let is_proven = traces.again_at.is_none() && !is_doubtful && self.hub.closed().is_none();
        (is_proven && !self.has_news(traces.covered)).then_some(traces.stamps)
    }

    /// When the next look is due even if nothing changes.
    pub(crate) fn again_at(&self) -> Option<Instant> {
        self.traces.lock().and_then(|traces| traces.again_at)
    }

    /// Whether a look would find something. Blocks for a few `stat` calls.
    pub(crate) fn glance(&self, now: Instant) -> Glance {
        self.glance_for(now, Grain::Counts)
    }

    fn glance_for(&self, now: Instant, grain: Grain) -> Glance {
        let traces = *self.traces.lock();
        let is_same = traces.is_some_and(|traces| {
            let is_due = grain == Grain::Counts && traces.again_at.is_some_and(|at| at <= now);
            let is_waiting = traces.waiting > 0 && self.moves_new() == MovesNew::Yes;
            let is_locked = traces.lock.is_none_or(|lock| self.is_locked_by(lock));
            !is_due
                && !is_waiting
                && is_locked
                && self.hub.closed().is_none()
                && self.has(&traces.stamps)
                && !self.has_news(traces.covered)
        });
        if is_same { Glance::Same } else { Glance::Look }
    }

    /// Whether events have told something. So they may have where they should tell everything and there is no watch.
    pub(super) fn has_news(&self, covered: Covered) -> bool {
        match &*self.watched.lock() {
            Some(watched) => watched.has_news(),
            None => covered == Covered::Yes,
        }
    }

    fn has(&self, stamps: &Stamps) -> bool {
        let of_file = |name: &str| storage::status(self.directory.root(), name).ok();
        let version = |name| of_file(name).map(|status| status.version());
        // A keywords file that is gone changes nothing: what it said still counts.
        let keywords = version(keywords_file::FILE_NAME);
        version(uidlist_file::FILE_NAME) == Some(stamps.list)
            && (keywords.is_none() || keywords == stamps.keywords)
            && modseq_file::stamp_of(&self.directory) == stamps.numbers
            && self
                .directory
                .versions()
                .is_ok_and(|versions| versions == stamps.directories)
    }

    /// Looks for what other programs did, if a glance gives a reason to.
    pub(crate) async fn look(self: &Arc<Self>) -> Result<(), Error> {
        if self.glance(Instant::now()) == Glance::Same {
            return Ok(());
        }
        self.write(|mailbox, writer| mailbox.observe(writer).map_err(from_io))
            .await
    }

    /// As [`look`](Self::look), for a command that did not ask for it: it waits for nobody who works on the mailbox, and
    /// leaves to the watcher what is due by time alone.
    pub(crate) async fn look_in_passing(self: &Arc<Self>) -> Result<(), Error> {
        if self.glance_for(Instant::now(), Grain::Waits) == Glance::Same {
            return Ok(());
        }
        let Some(writer) = self.writer_if_free() else {
            return Ok(());
        };
        self.write_as(writer, |mailbox, writer| mailbox.observe(writer).map_err(from_io))
            .await
    }
}
