//! Who has an account's mail: several programs under Dovecot's locks, or one server that takes none of them.
//!
//! A process of ours keeps the file `imap-lock` in the account's root locked for as long as it uses the mail: alone in exclusive
//! mode, together with others else. Nothing is in the file, and it stays when nobody uses the mail. Dovecot does not know it.

use std::collections::HashMap;
use std::io;
#[cfg(test)]
use std::os::fd::AsFd as _;
use std::os::fd::BorrowedFd;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use parking_lot::Mutex;

use crate::disk::control_file;
use crate::disk::storage::{self, FileIdentity, Mode, OpenFor, StoredFile};

/// Its name.
pub(crate) const FILE_NAME: &str = "imap-lock";
/// Somebody may remove the file while it is being locked; who does that again and again is a fault of its own.
const TRIES: usize = 3;

/// Whether other programs change the mail too.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Sharing {
    /// They do: files are changed under Dovecot's locks.
    #[default]
    Shared,
    /// They only deliver into `new/`. No lock of Dovecot's is taken.
    Exclusive,
}

/// What this process holds, by the account's root: a file that it locked twice would be in its own way.
#[derive(Debug, Default)]
pub(crate) struct Holds(Mutex<HashMap<FileIdentity, Slot>>);

/// Locked while the file is locked and given back, which may take long on a network: other accounts do not wait for that.
type Slot = Arc<Mutex<Holders>>;

#[derive(Debug, Default)]
struct Holders {
    count: usize,
    /// None where there are no holders, and where the file cannot be made.
    file: Option<StoredFile>,
}

/// The mail of an account is used; dropping the last of these gives it back.
#[derive(Debug)]
pub(crate) struct Hold {
    slot: Slot,
    sharing: Sharing,
}

/// Another server has the mail in a way that does not go with ours.
#[derive(Debug, thiserror::Error)]
#[error("{} is locked by another server: {}", file.display(), match wanted {
    Sharing::Shared => "that one has the mail to itself (its mode is exclusive)",
    Sharing::Exclusive => "it uses the mail, and the mode of this one is exclusive",
})]
pub(crate) struct HeldByAnother {
    file: PathBuf,
    wanted: Sharing,
}

impl Holds {
    /// Holds the mail of the account with this root, which lies at `path`. Waits for no other server.
    ///
    /// # Errors
    /// [`HeldByAnother`]; others as the system says.
    pub(crate) fn take_in(&self, root: BorrowedFd<'_>, path: &Path, sharing: Sharing) -> io::Result<Hold> {
        let identity = storage::status_of(root)?.identity;
        let slot = {
            let mut slots = self.0.lock();
            slots.retain(|_, slot| Arc::strong_count(slot) > 1);
            Arc::clone(slots.entry(identity).or_default())
        };
        let mut holders = slot.lock();
        if holders.count == 0 {
            holders.file = lock(root, path, sharing)?;
        }
        holders.count += 1;
        drop(holders);
        Ok(Hold { slot, sharing })
    }

    /// The same, of the directory at a path.
    #[cfg(test)]
    pub(crate) fn take(&self, path: &Path, sharing: Sharing) -> io::Result<Hold> {
        let root = storage::open_directory(storage::CWD, path)?;
        self.take_in(root.as_fd(), path, sharing)
    }
}

impl Hold {
    pub(crate) fn sharing(&self) -> Sharing {
        self.sharing
    }
}

impl Drop for Hold {
    fn drop(&mut self) {
        let mut holders = self.slot.lock();
        holders.count -= 1;
        if holders.count == 0 {
            holders.file = None;
        }
    }
}

/// Locks the file, which is made where there is none. None where it cannot be made and need not be: mail is to be read, and room
/// to be made, on a disk that is full or read-only too.
fn lock(directory: BorrowedFd<'_>, root: &Path, sharing: Sharing) -> io::Result<Option<StoredFile>> {
    for _ in 0..TRIES {
        let Some(file) = open_or_make(directory, sharing)? else {
            return Ok(None);
        };
        let is_locked = match sharing {
            Sharing::Shared => file.try_lock_with_others()?,
            Sharing::Exclusive => file.try_lock()?,
        };
        if !is_locked {
            let file = root.join(FILE_NAME);
            let held = HeldByAnother {
                file,
                wanted: sharing,
            };
            return Err(io::Error::new(io::ErrorKind::ResourceBusy, held));
        }
        // Where it was removed before it was locked, the next server would lock another one.
        let identity = file.status()?.identity;
        if storage::status(directory, FILE_NAME).is_ok_and(|there| there.identity == identity) {
            return Ok(Some(file));
        }
    }
    Err(io::Error::other(format!(
        "{FILE_NAME} is removed again and again"
    )))
}

fn open_or_make(directory: BorrowedFd<'_>, sharing: Sharing) -> io::Result<Option<StoredFile>> {
    // A network file system locks nothing alone that cannot be written to.
    let open_for = match sharing {
        Sharing::Shared => OpenFor::Reading,
        Sharing::Exclusive => OpenFor::ReadingAndAppending,
    };
    if let Some(file) = control_file::open(directory, FILE_NAME, open_for)? {
        return Ok(Some(file));
    }
    let mode = storage::status_of(directory)?.mode & Mode::from_raw_mode(0o666);
    match storage::create_file(directory, FILE_NAME, mode | Mode::RUSR | Mode::WUSR) {
        Ok(file) => Ok(Some(file)),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            control_file::open(directory, FILE_NAME, open_for)
        }
        Err(error) if sharing == Sharing::Shared && has_no_room(&error) => {
            tracing::debug!(%error, "{FILE_NAME} cannot be made: a server in exclusive mode would not be noticed");
            Ok(None)
        }
        Err(error) => Err(error),
    }
}

fn has_no_room(error: &io::Error) -> bool {
    use io::ErrorKind::{PermissionDenied, QuotaExceeded, ReadOnlyFilesystem, StorageFull};
    matches!(
        error.kind(),
        PermissionDenied | QuotaExceeded | ReadOnlyFilesystem | StorageFull
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::disk::storage::{Call, faults};
    use Sharing::{Exclusive, Shared};

    fn is_held_by_another(taken: io::Result<Hold>) -> bool {
        let error = taken.err();
        let inner = error.as_ref().and_then(io::Error::get_ref);
        inner.is_some_and(|inner| inner.is::<HeldByAnother>())
    }

    #[test]
    fn mail_that_one_server_has_to_itself_is_refused_to_all_others() {
        let home = tempfile::tempdir().unwrap();
        let servers = [Holds::default(), Holds::default()];
        for (first, second, goes) in [
            (Exclusive, Exclusive, false),
            (Exclusive, Shared, false),
            (Shared, Exclusive, false),
            (Shared, Shared, true),
        ] {
            let held = servers[0].take(home.path(), first).unwrap();
            let other = servers[1].take(home.path(), second);
            assert_eq!(other.is_ok(), goes, "{first:?} {second:?}");
            assert_eq!(is_held_by_another(other), !goes, "{first:?} {second:?}");
            drop(held);
            drop(servers[1].take(home.path(), second).unwrap());
        }
    }

    #[test]
    fn one_server_holds_mail_as_often_as_it_likes_until_it_gives_back_the_last() {
        let home = tempfile::tempdir().unwrap();
        let (here, there) = (Holds::default(), Holds::default());
        let first = here.take(home.path(), Exclusive).unwrap();
        let second = here.take(home.path(), Exclusive).unwrap();
        drop(first);
        assert!(is_held_by_another(there.take(home.path(), Exclusive)));
        drop(second);
        drop(there.take(home.path(), Exclusive).unwrap());
        assert!(home.path().join(FILE_NAME).metadata().unwrap().len() == 0);
    }

    #[test]
    fn the_error_names_the_file_and_whose_mode_it_is() {
        let home = tempfile::tempdir().unwrap();
        let (here, there) = (Holds::default(), Holds::default());
        let said = |sharing| there.take(home.path(), sharing).unwrap_err().to_string();
        let file = home.path().join("imap-lock").display().to_string();
        let held = here.take(home.path(), Exclusive).unwrap();
        assert!(said(Shared).starts_with(&file) && said(Shared).contains("its mode is exclusive"));
        drop(held);
        let _held = here.take(home.path(), Shared).unwrap();
        assert!(said(Exclusive).starts_with(&file) && said(Exclusive).contains("the mode of this one"));
    }

    #[test]
    fn mail_that_is_shared_is_read_where_the_file_cannot_be_made_and_mail_of_ones_own_is_not() {
        let holds = Holds::default();
        for kind in [io::ErrorKind::StorageFull, io::ErrorKind::ReadOnlyFilesystem] {
            let home = tempfile::tempdir().unwrap();
            let take = |sharing| faults::with(Call::Create, kind, || holds.take(home.path(), sharing));
            take(Shared).unwrap();
            assert_eq!(take(Exclusive).unwrap_err().kind(), kind);
        }
        // Other errors tell nothing of the disk: a server in exclusive mode may be there.
        let home = tempfile::tempdir().unwrap();
        let many = faults::with(Call::Create, io::ErrorKind::Other, || {
            holds.take(home.path(), Shared)
        });
        many.unwrap_err();
    }
}
