//! What STATUS answers of mailboxes that nobody has open.
//!
//! Clients ask STATUS of all mailboxes, again and again. To keep each of them open for that would cost four descriptors and
//! all of its index; so of a mailbox that is closed the figures are kept, and the time stamps that prove them.

use std::path::{Path, PathBuf};

use imap_backend::Status;
use imap_seq::{ModSeq, Uid, UidValidity};
use quick_cache::sync::Cache;

use crate::disk::directory::DirectoryVersions;
use crate::disk::interference::Moment;
use crate::disk::keywords_file;
use crate::disk::modseq_file;
use crate::disk::storage::{self, CWD, FileIdentity};
use crate::disk::uidlist_file;
use crate::format::object_ids::MailboxGuid;
use crate::mailbox::glance::Stamps;
use crate::mailbox::open::OpenMailbox;

/// Of how many mailboxes of all users figures are kept: half a kilobyte each.
const MEMOS: usize = 10_000;

/// What STATUS says.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Figures {
    uid_validity: UidValidity,
    messages: u32,
    recent: u32,
    unseen: u32,
    uid_next: Option<Uid>,
    highest_modseq: ModSeq,
    guid: MailboxGuid,
}

impl Figures {
    pub(crate) fn status(self) -> Status {
        Status::new(self.uid_validity)
            .with_messages(self.messages)
            .with_recent(self.recent)
            .with_unseen(self.unseen)
            .with_uid_next(self.uid_next)
            .with_highest_modseq(self.highest_modseq)
            .with_mailbox_id(self.guid.id())
    }
}

/// The figures of a mailbox and the state of its directory that they belong to.
#[derive(Clone, Copy, Debug)]
struct Memo {
    directory: FileIdentity,
    stamps: Stamps,
    figures: Figures,
}

/// The memos of a process, by path.
pub(crate) struct Memos(Cache<PathBuf, Memo>);

impl Default for Memos {
    fn default() -> Self {
        Self(Cache::new(MEMOS))
    }
}

impl Memos {
    /// The figures of the mailbox at `path`, if nothing of it has changed. Blocks for a few `stat` calls.
    pub(crate) fn figures(&self, path: &Path) -> Option<Figures> {
        let memo = self.0.get(path)?;
        if is_still_so(path, &memo) {
            return Some(memo.figures);
        }
        self.0.remove(path);
        None
    }

    fn keep(&self, path: PathBuf, memo: Memo) {
        self.0.insert(path, memo);
    }
}

fn is_still_so(path: &Path, memo: &Memo) -> bool {
    let status = |name: &str| storage::status(CWD, path.join(name));
    let stamps = || {
        Some(Stamps {
            directories: DirectoryVersions {
                new: status("new").ok()?.version(),
                cur: status("cur").ok()?.version(),
            },
            list: status(uidlist_file::FILE_NAME).ok()?.version(),
            keywords: status(keywords_file::FILE_NAME).ok().map(|file| file.version()),
            numbers: status(modseq_file::FILE_NAME)
                .ok()
                .map(|file| (file.identity, file.size)),
        })
    };
    // A symbolic link in its place is another file.
    let directory = storage::status(CWD, path).map(|status| status.identity);
    directory.is_ok_and(|directory| directory == memo.directory) && stamps() == Some(memo.stamps)
}

impl OpenMailbox {
    pub(crate) fn figures(&self) -> Figures {
        let hub = self.hub.lock();
        Figures {
            uid_validity: self.uid_validity,
            messages: hub.len(),
            recent: u32::try_from(hub.recent().len()).unwrap_or(u32::MAX),
            unseen: hub.unseen(),
            uid_next: hub.uid_next,
            highest_modseq: hub.highest_modseq(),
            guid: self.guid,
        }
    }

    /// What is known, if the time stamps prove it.
    fn memo(&self) -> Option<Memo> {
        let stamps = self.proven_stamps()?;
        Some(Memo {
            directory: self.cache.directory(),
            stamps,
            figures: self.figures(),
        })
    }
}

impl Drop for OpenMailbox {
    fn drop(&mut self) {
        self.directory.moments().at(Moment::Closing);
        if let Ok(mut writer) = self.writer_of_new() {
            self.leave_numbers(&mut writer);
            self.leave_traces(&writer);
            self.save(&writer);
        }
        if let Some(memo) = self.memo() {
            self.cache.memos().keep(self.path(), memo);
        }
    }
}
