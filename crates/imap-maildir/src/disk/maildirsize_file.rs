//! The file `maildirsize` in an account's root directory: read whole, appended to by everybody, and written anew by whoever
//! counts.
//!
//! It is an estimate, by design of Maildir++: nothing is synced after a line, nobody locks it, and a line may be lost while another
//! program writes the file anew. Counting again makes it right.

use std::ffi::{OsStr, OsString};
use std::io::{self, Write as _};
use std::os::fd::{BorrowedFd, OwnedFd};
use std::path::Path;

use crate::disk::clock;
use crate::disk::control_file::{self, Replacement};
use crate::disk::dotlock::Dotlock;
use crate::disk::hold::Sharing;
use crate::disk::storage::{self, FileKind, FileVersion, Mode, OpenFor};
use crate::format::file_name::{ClaimedSizes, is_message_name, split};
use crate::format::maildirsize::{Amount, LARGEST, Limits, MaildirSize};

/// The file's name; `maildirsize.lock` beside it is the lock of those of us who write it anew.
const NAME: &str = "maildirsize";
/// The limits that were written because a setting said so: the last ones, and those before them, which are still in the file where
/// a crash came in between.
const LIMITS_OF_SETTING: &str = "maildirsize-setting";
/// More are not written into it.
const LARGEST_LIMITS: u64 = 128;
/// A file that was written anew while somebody appended to it is appended to once more, this often.
const ATTEMPTS: usize = 3;
/// How often is counted until nothing changes meanwhile.
const COUNTS: usize = 3;
/// A sum that is so old, seconds, is not believed where it says that there is no room.
const OLD_SECONDS: i64 = 15 * 60;
/// Where a mailbox's messages are.
const SUBDIRECTORIES: [&str; 2] = ["new", "cur"];

/// A file, as it was found.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Found {
    pub(crate) says: MaildirSize,
    /// What makes that it is due to be written anew, whatever it says.
    pub(crate) is_large: bool,
    pub(crate) is_old: bool,
    mode: Mode,
}

pub(crate) fn read(root: BorrowedFd<'_>) -> io::Result<Option<Found>> {
    let Some(octets) = control_file::read(root, NAME, LARGEST)? else {
        return Ok(None);
    };
    let status = storage::status(root, NAME)?;
    Ok(Some(Found {
        says: MaildirSize::parse(&octets),
        is_large: octets.len() as u64 >= LARGEST,
        is_old: clock::seconds() - status.modified >= OLD_SECONDS,
        mode: status.mode,
    }))
}

/// Adds a line, in one write. Where another program has put a new file in the place of this one meanwhile, adds it to that.
/// A file that is not there stays away.
pub(crate) fn append(root: BorrowedFd<'_>, change: Amount) -> io::Result<()> {
    for _ in 0..ATTEMPTS {
        let Some(mut file) = control_file::open(root, NAME, OpenFor::Appending)? else {
            return Ok(());
        };
        file.write_all(change.to_string().as_bytes())?;
        let there = storage::status(root, NAME);
        if there.is_ok_and(|there| file.status().is_ok_and(|file| file.identity == there.identity)) {
            break;
        }
    }
    Ok(())
}

/// Whether these limits were written because a setting said so, last or before that.
pub(crate) fn are_of_setting(root: BorrowedFd<'_>, limits: Limits) -> io::Result<bool> {
    Ok(limits_of_setting(root)?.contains(&limits))
}

fn limits_of_setting(root: BorrowedFd<'_>) -> io::Result<Vec<Limits>> {
    let octets = control_file::read(root, LIMITS_OF_SETTING, LARGEST_LIMITS)?.unwrap_or_default();
    let text = String::from_utf8_lossy(&octets);
    Ok(text.lines().take(2).map(Limits::parse).collect())
}

/// What is written anew, and why.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Recount {
    pub(crate) limits: Limits,
    /// Whether a setting says so.
    pub(crate) by_setting: bool,
    /// Messages that are on their way, for which there is a line already.
    pub(crate) under_way: Amount,
}

impl Recount {
    /// Counts what is in the mailboxes, which are directories in the root, and writes the file anew. Gives what is used.
    ///
    /// A sum that may be wrong, because something changed meanwhile, gets a second line: nobody believes a sum of two lines
    /// where it says that there is no room.
    ///
    /// # Errors
    /// [`Held`](crate::disk::dotlock::Held) where another process is at it.
    pub(crate) fn write(
        &self,
        root: BorrowedFd<'_>,
        sharing: Sharing,
        mailboxes: &[OsString],
        before: Option<Found>,
    ) -> io::Result<Amount> {
        let lock = Dotlock::take(root, NAME, sharing)?;
        if self.by_setting {
            self.note_setting(root)?;
        }
        let (counted, is_certain) = count_until_certain(&lock, root, mailboxes)?;
        let mut text = MaildirSize::write(self.limits, counted);
        if !is_certain || self.under_way != Amount::default() {
            text += &self.under_way.to_string();
        }
        lock.check()?;
        let mode = before.map_or(Mode::RUSR | Mode::WUSR, |before| before.mode);
        put(root, NAME, "maildirsize.tmp", &text, mode)?;
        Ok(counted.and(self.under_way))
    }

    /// Before the file has these limits: what is in it is otherwise taken for what another program wants.
    fn note_setting(&self, root: BorrowedFd<'_>) -> io::Result<()> {
        let last = limits_of_setting(root)?.first().copied().unwrap_or_default();
        if last == self.limits {
            return Ok(());
        }
        let text = format!("{}\n{last}\n", self.limits);
        put(
            root,
            LIMITS_OF_SETTING,
            "maildirsize-setting.tmp",
            &text,
            Mode::RUSR | Mode::WUSR,
        )
    }
}

fn put(root: BorrowedFd<'_>, name: &str, temporary: &str, text: &str, mode: Mode) -> io::Result<()> {
    let octets = text.as_bytes();
    Replacement {
        name,
        temporary,
        octets,
        mode,
        modified: None,
    }
    .put_anyhow(root)?;
    Ok(())
}

/// What is in mailboxes, and whether nothing changed while that was counted.
fn count_until_certain(
    lock: &Dotlock,
    root: BorrowedFd<'_>,
    mailboxes: &[OsString],
) -> io::Result<(Amount, bool)> {
    let mut counted = Amount::default();
    for _ in 0..COUNTS {
        let before = versions(root, mailboxes);
        counted = Amount::default();
        for mailbox in mailboxes {
            lock.keep()?;
            counted = counted.and(count(root, mailbox)?);
        }
        if versions(root, mailboxes) == before {
            return Ok((counted, true));
        }
    }
    Ok((counted, false))
}

/// The messages of one mailbox. One that has gone meanwhile has none.
pub(crate) fn count(root: BorrowedFd<'_>, mailbox: &OsStr) -> io::Result<Amount> {
    let mut all = Amount::default();
    let Some(mailbox) = if_there(storage::open_directory(root, mailbox))? else {
        return Ok(all);
    };
    for subdirectory in SUBDIRECTORIES {
        if let Some(handle) = if_there(storage::open_directory(&mailbox, subdirectory))? {
            all = all.and(count_in(&handle)?);
        }
    }
    Ok(all)
}

fn if_there(opened: io::Result<OwnedFd>) -> io::Result<Option<OwnedFd>> {
    match opened {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        opened => opened.map(Some),
    }
}

fn count_in(directory: &OwnedFd) -> io::Result<Amount> {
    let mut all = Amount::default();
    storage::list(directory, |name, kind| {
        if !matches!(kind, FileKind::Regular | FileKind::Unknown) {
            return Ok(());
        }
        let name = name.to_bytes();
        let size = || Some(storage::status(directory, name).ok()?.size);
        // Looked at only where the name does not tell: a listing of a million names costs less than a second, as many looks ten.
        if is_message_name(name)
            && let Some(octets) = ClaimedSizes::of(split(name).0).physical.or_else(size)
        {
            all = all.and(Amount::new(1, octets));
        }
        Ok(())
    })?;
    Ok(all)
}

fn versions(root: BorrowedFd<'_>, mailboxes: &[OsString]) -> Vec<Option<FileVersion>> {
    let in_root = |mailbox| SUBDIRECTORIES.map(|name| Path::new(mailbox).join(name));
    let all = mailboxes.iter().flat_map(in_root);
    all.map(|path| Some(storage::status(root, &*path).ok()?.version()))
        .collect()
}
