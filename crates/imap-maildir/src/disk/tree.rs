//! The directories of one account: which mailboxes lie in its root, and how one comes, goes and changes its name.

use std::ffi::{OsStr, OsString};
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

use rustix::io::Errno;

use crate::disk::acl_file;
use crate::disk::directory::Directory;
use crate::disk::hold::Sharing;
use crate::disk::storage::{self, CWD, FileKind, Mode};
use crate::disk::uidlist_file::UidListFile;
use crate::disk::uidvalidity;
use crate::format::object_ids::MailboxGuid;

/// Directories that are no mailbox yet, or no more. Two dots: no mailbox name leads there.
const SCRATCH: &str = "..imap-maildir";
/// A scratch directory that is older than this, seconds, was left by a crash; another process may be at work in a young one.
const OLD_SCRATCH_SECONDS: i64 = 3600;
/// What the directories of mailboxes below INBOX begin with, in any case.
const BELOW_INBOX: &str = ".INBOX.";
/// The marker that Maildir++ wants in each mailbox but INBOX.
const FOLDER_MARKER: &str = "maildirfolder";

/// An account's root directory.
///
/// Everything in it is reached through a handle of the root that is opened for one deed ([`handle`](Self::handle)), and by one name,
/// never by a path: a user who replaces a directory on the way by a symbolic link reaches nothing through it, whenever that is done.
#[derive(Debug)]
pub(crate) struct Tree {
    /// The operator's part of the path is without symbolic links.
    place: Place,
    path: PathBuf,
    sharing: Sharing,
    /// The files of UIDVALIDITY tell of this value or a larger one.
    noted_uid_validity: AtomicU32,
}

/// Where an account's root directory is.
#[derive(Clone, Debug)]
pub(crate) struct Place {
    /// The part of the path that the operator alone has in hand: symbolic links in it are followed.
    pub(crate) operators: PathBuf,
    /// The rest of it. A user may be able to replace a directory there, and must not reach another user's mail by that.
    pub(crate) users: PathBuf,
}

/// A part of the way to a Maildir is no directory.
#[derive(Debug, thiserror::Error)]
#[error("{0:?} is a symbolic link or no directory")]
struct NotFollowed(PathBuf);

impl Tree {
    /// The root of an account, made if there is none.
    pub(crate) fn make(place: &Place, sharing: Sharing) -> io::Result<Self> {
        make_private_directories(&place.operators)?;
        let place = Place {
            operators: storage::canonical_path(&place.operators)?,
            users: place.users.clone(),
        };
        let path = place.make_users()?;
        Ok(Self {
            place,
            path,
            sharing,
            noted_uid_validity: AtomicU32::new(0),
        })
    }

    /// Without symbolic links as long as nobody makes one: for logs, and to know mailboxes by.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Where a mailbox's directory is; the root for INBOX, whose directory name is empty.
    pub(crate) fn path_of(&self, directory: &str) -> PathBuf {
        if directory.is_empty() {
            self.path.clone()
        } else {
            self.path.join(directory)
        }
    }

    /// The name in the root of a mailbox that has this path.
    pub(crate) fn name_of<'a>(&self, path: &'a Path) -> &'a OsStr {
        let name = path.file_name().filter(|_| path != self.path);
        name.unwrap_or(OsStr::new("."))
    }

    /// Where a mailbox's directory is or would be. Below INBOX another program may have made it with `INBOX` in another case;
    /// the one of the exact name goes first.
    pub(crate) fn find(&self, directory: &str) -> io::Result<PathBuf> {
        match is_below_inbox(directory.as_bytes()) {
            true => self.find_in(self.handle()?.as_fd(), directory),
            false => Ok(self.path_of(directory)),
        }
    }

    fn find_in(&self, root: BorrowedFd<'_>, directory: &str) -> io::Result<PathBuf> {
        let path = self.path_of(directory);
        if !is_below_inbox(directory.as_bytes()) || storage::status(root, directory).is_ok() {
            return Ok(path);
        }
        let below = &directory.as_bytes()[BELOW_INBOX.len()..];
        let mut found = path;
        storage::list(root, |name, _| {
            let name = name.to_bytes();
            if is_below_inbox(name) && &name[BELOW_INBOX.len()..] == below {
                found = self.path.join(OsStr::from_bytes(name));
            }
            Ok(())
        })?;
        Ok(found)
    }

    /// Opens the root. `ELOOP` or `ENOTDIR` where a symbolic link is in the users' part of the way by now.
    pub(crate) fn handle(&self) -> io::Result<OwnedFd> {
        let mut parts: Vec<_> = self.place.users.components().collect();
        let Some(last) = parts.pop() else {
            return storage::open_directory(CWD, &self.place.operators);
        };
        let mut way = self.place.go_through_operators()?;
        for part in parts {
            way = storage::go_through(&way, part.as_os_str())?;
        }
        storage::open_directory(&way, last.as_os_str())
    }

    /// Makes the names in the root durable.
    #[cfg_attr(test, track_caller)]
    pub(crate) fn sync(&self) -> io::Result<()> {
        storage::sync_directory(self.handle()?)
    }

    /// A UIDVALIDITY that no mailbox of the account has had.
    pub(crate) fn next_uid_validity(&self) -> io::Result<u32> {
        uidvalidity::next(
            self.handle()?.as_fd(),
            self.sharing,
            crate::disk::clock::seconds(),
        )
    }

    /// Makes sure that a UIDVALIDITY which a mailbox brought along is never given again.
    ///
    /// Values up to the largest that was noted cost nothing: the root is not read each time a mailbox is opened.
    pub(crate) fn note_uid_validity(&self, value: u32) -> io::Result<()> {
        if value <= self.noted_uid_validity.load(Ordering::Relaxed) {
            return Ok(());
        }
        let latest = uidvalidity::at_least(self.handle()?.as_fd(), self.sharing, value)?;
        self.noted_uid_validity.fetch_max(latest, Ordering::Relaxed);
        Ok(())
    }

    /// Calls `each` with the directory name of every mailbox but INBOX.
    pub(crate) fn mailboxes(&self, mut each: impl FnMut(&[u8])) -> io::Result<()> {
        let root = self.handle()?;
        storage::list(&root, |name, kind| {
            if name.to_bytes().starts_with(b".")
                && matches!(kind, FileKind::Directory | FileKind::Unknown)
                && holds_mailbox(root.as_fd(), name.to_bytes())
            {
                each(name.to_bytes());
            }
            Ok(())
        })
    }

    /// The directory of the mailbox at a path.
    ///
    /// # Errors
    /// `NotFound` where no mailbox is there; others where one may not look: that is no mailbox which is not there.
    pub(crate) fn open_mailbox(&self, root: BorrowedFd<'_>, path: &Path) -> io::Result<OwnedFd> {
        let opened = storage::open_directory(root, self.name_of(path));
        let directory = opened.map_err(|error| match is_none(&error) {
            true => io::ErrorKind::NotFound.into(),
            false => error,
        })?;
        match path == self.path || is_maildir(directory.as_fd())? {
            true => Ok(directory),
            false => Err(io::ErrorKind::NotFound.into()),
        }
    }

    /// The same by the name of the mailbox's directory.
    pub(crate) fn find_mailbox(&self, root: BorrowedFd<'_>, directory: &str) -> io::Result<OwnedFd> {
        self.open_mailbox(root, &self.find_in(root, directory)?)
    }

    /// Whether anything has the name of a mailbox that would lie at this path.
    pub(crate) fn is_taken(&self, path: &Path) -> io::Result<bool> {
        Ok(storage::status(self.handle()?, self.name_of(path)).is_ok())
    }

    /// Makes a mailbox with this text of an ACL, complete before it has its name, and durable. `AlreadyExists` where the name is
    /// taken.
    pub(crate) fn make_mailbox(&self, directory: &str, acl: Option<&[u8]>) -> io::Result<MailboxGuid> {
        let root = self.handle()?;
        let path = self.find_in(root.as_fd(), directory)?;
        if directory.is_empty() || storage::status(&root, self.name_of(&path)).is_ok() {
            return Err(io::ErrorKind::AlreadyExists.into());
        }
        let scratch = new_scratch()?;
        let made = self.fill_mailbox(root.as_fd(), &scratch, acl).and_then(|guid| {
            storage::rename_to_free_name(&root, &*scratch, self.name_of(&path)).map(|()| guid)
        });
        if made.is_err() {
            let _ = storage::remove_tree(&root, &*scratch);
        }
        let guid = made?;
        storage::sync_directory(&root)?;
        Ok(guid)
    }

    fn fill_mailbox(
        &self,
        root: BorrowedFd<'_>,
        name: &OsStr,
        acl: Option<&[u8]>,
    ) -> io::Result<MailboxGuid> {
        let mode = (storage::status_of(root)?.mode & Mode::from_raw_mode(0o2777)) | Mode::RWXU;
        storage::make_directory(root, name, mode)?;
        let made = storage::open_directory(root, name)?;
        for subdirectory in ["cur", "new", "tmp"] {
            storage::make_directory(&made, subdirectory, mode)?;
        }
        let directory = Directory::open_in(&made, OsStr::new("."), &self.path.join(name))?;
        storage::create_file(directory.root(), FOLDER_MARKER, directory.file_mode())?;
        let list = UidListFile::open(&directory, || self.next_uid_validity())?;
        if let Some(acl) = acl {
            acl_file::put(directory.root(), acl)?;
        }
        list.guid(&directory)
    }

    /// Gives a mailbox another name; [`sync`](Self::sync) makes that durable. `AlreadyExists` where it is taken.
    pub(crate) fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        storage::rename_to_free_name(self.handle()?, self.name_of(from), self.name_of(to))
    }

    /// Takes a mailbox's name away; [`sync`](Self::sync) makes that durable. Gives the name in the root of what is left of it, to be
    /// removed with [`remove`](Self::remove).
    pub(crate) fn take_away(&self, path: &Path) -> io::Result<OsString> {
        let (root, scratch) = (self.handle()?, new_scratch()?);
        storage::rename(&root, self.name_of(path), &root, &*scratch)?;
        Ok(scratch)
    }

    /// Removes what a deleted mailbox left. What cannot be removed now is removed at a later login.
    pub(crate) fn remove(&self, scratch: &OsStr) {
        let _ = self.handle().and_then(|root| storage::remove_tree(root, scratch));
    }

    /// Removes what a crash in the middle of CREATE or DELETE left.
    pub(crate) fn remove_old_scratch(&self) -> io::Result<()> {
        let root = self.handle()?;
        let now = crate::disk::clock::seconds();
        storage::list(&root, |name, _| {
            let is_scratch = name.to_bytes().starts_with(SCRATCH.as_bytes());
            if is_scratch && now - storage::status(&root, name)?.modified > OLD_SCRATCH_SECONDS {
                let _ = storage::remove_tree(&root, name);
            }
            Ok(())
        })
    }
}

impl Place {
    fn go_through_operators(&self) -> io::Result<OwnedFd> {
        // As `.`: what the operator replaces by a symbolic link later is followed too.
        storage::go_through(CWD, &self.operators.join("."))
    }

    /// Makes the users' part of the way, as far as it is not there. Gives the whole path.
    fn make_users(&self) -> io::Result<PathBuf> {
        let mut path = self.operators.clone();
        let mut way = self.go_through_operators()?;
        for part in self.users.components() {
            path.push(part);
            match make_private_directory(&way, part.as_os_str(), &path) {
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                made => made?,
            }
            let next = storage::go_through(&way, part.as_os_str());
            way = next.map_err(|error| match Errno::from_io_error(&error) {
                Some(Errno::LOOP | Errno::NOTDIR) => io::Error::other(NotFollowed(path.clone())),
                _ => error,
            })?;
        }
        Ok(path)
    }
}

fn new_scratch() -> io::Result<OsString> {
    Ok(format!("{SCRATCH}.{}", crate::disk::random::guid()?).into())
}

/// Whether the directory of a mailbox may have more than one spelling: see [`Tree::find`].
pub(crate) fn is_below_inbox(directory: &[u8]) -> bool {
    let start = directory.get(..BELOW_INBOX.len());
    start.is_some_and(|start| start.eq_ignore_ascii_case(BELOW_INBOX.as_bytes()))
}

/// Makes a directory that only its owner may enter, and those above it, durably.
fn make_private_directories(path: &Path) -> io::Result<()> {
    if storage::canonical_path(path).is_ok() {
        return Ok(());
    }
    let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty());
    let parent = parent.unwrap_or(Path::new("."));
    make_private_directories(parent)?;
    let Some(name) = path.file_name() else {
        return Ok(());
    };
    match make_private_directory(storage::go_through(CWD, &parent.join("."))?, name, path) {
        // Another session was faster.
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        made => made,
    }
}

/// Makes a directory that only its owner may enter, durably; `AlreadyExists` where the name is taken.
///
/// A mailbox syncs what is in its own directory. If the names on the way there were not durable, a power failure would take
/// a new user's account with all that was answered in it.
fn make_private_directory(parent: impl AsFd, name: &OsStr, path: &Path) -> io::Result<()> {
    storage::make_directory(&parent, name, Mode::RWXU)?;
    match storage::open_directory(&parent, ".") {
        Ok(parent) => storage::sync_directory(parent),
        // Who may make a directory there need not be allowed to read it.
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {
            tracing::warn!(path = %path.display(), %error, "a power failure may take the new account");
            Ok(())
        }
        Err(error) => Err(error),
    }
}

/// Whether an error says that there is no such directory or file.
fn is_none(error: &io::Error) -> bool {
    matches!(
        Errno::from_io_error(error),
        Some(Errno::NOENT | Errno::NOTDIR | Errno::LOOP | Errno::NAMETOOLONG)
    )
}

fn holds_mailbox(root: BorrowedFd<'_>, name: &[u8]) -> bool {
    // What one may not look into is no mailbox in a list of them.
    let directory = storage::open_directory(root, name);
    directory.is_ok_and(|directory| is_maildir(directory.as_fd()).unwrap_or(false))
}

/// Whether a mailbox is at a path, for whoever looks and changes nothing.
///
/// # Errors
/// Where one may not look: that is no mailbox which is not there.
pub(crate) fn is_mailbox(path: &Path) -> io::Result<bool> {
    match storage::open_directory(CWD, path) {
        Ok(directory) => is_maildir(directory.as_fd()),
        Err(error) if is_none(&error) => Ok(false),
        Err(error) => Err(error),
    }
}

/// Whether a directory has a `cur/` or the Maildir++ marker; a symbolic link is none.
fn is_maildir(directory: BorrowedFd<'_>) -> io::Result<bool> {
    let is = |name: &str, kind| match storage::status(directory, name) {
        Ok(status) => Ok(status.kind == kind),
        Err(error) if is_none(&error) => Ok(false),
        Err(error) => Err(error),
    };
    Ok(is("cur", FileKind::Directory)? || is(FOLDER_MARKER, FileKind::Regular)?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::disk::storage::change::Scope;
    use crate::disk::storage::recording::{Recorder, Step};
    use crate::disk::storage::{Call, faults};

    #[test]
    fn each_directory_on_the_way_to_a_new_account_is_durable_in_the_one_above() {
        let home = tempfile::tempdir().unwrap();
        let recorder = Recorder::start(home.path());
        let place = Place {
            operators: home.path().join("domain"),
            users: "user/Maildir".into(),
        };
        Tree::make(&place, Sharing::Shared).unwrap();
        let mut made = Vec::new();
        for step in recorder.finish().steps {
            match step {
                Step::Named { at, .. } => {
                    made.push((at.directory, at.name.escape_ascii().to_string(), "made"))
                }
                Step::Synced {
                    node,
                    scope: Scope::Names,
                    ..
                } => made.push((node, String::new(), "synced")),
                other => panic!("{other:?}"),
            }
        }
        let step = |at, name: &str, what| (at, name.to_owned(), what);
        let expected = [
            step(0, "domain", "made"),
            step(0, "", "synced"),
            step(1, "user", "made"),
            step(1, "", "synced"),
            step(2, "Maildir", "made"),
            step(2, "", "synced"),
        ];
        assert_eq!(made, expected);
    }

    #[test]
    fn an_account_is_made_where_its_user_may_not_list() {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("user");
        let denied = io::ErrorKind::PermissionDenied;
        let home = storage::go_through(CWD, home.path()).unwrap();
        let make = || make_private_directory(&home, OsStr::new("user"), &path);
        faults::with(Call::Open, denied, make).unwrap();
        assert!(path.is_dir());
    }

    /// B14.
    #[test]
    fn a_uidvalidity_that_is_known_to_be_noted_does_not_cost_a_listing_of_the_root() {
        let home = tempfile::tempdir().unwrap();
        let place = Place {
            operators: home.path().to_owned(),
            users: PathBuf::new(),
        };
        let tree = Tree::make(&place, Sharing::Shared).unwrap();
        tree.note_uid_validity(500).unwrap();
        faults::with(Call::List, io::ErrorKind::Other, || {
            tree.note_uid_validity(499).unwrap();
            tree.note_uid_validity(500).unwrap();
            assert!(tree.note_uid_validity(501).is_err(), "that one has to be noted");
        });
        assert!(tree.next_uid_validity().unwrap() > 500);
    }
}
