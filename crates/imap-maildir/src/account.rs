//! One user's Maildir++: which mailboxes there are, which of them are open, and changes to the set of names.

use std::collections::{BTreeSet, HashMap, VecDeque};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Weak};

use imap_backend::{Error, ErrorKind, ListEntry, MailboxName};
use imap_seq::UidSet;
use imap_updates::Closed;
use parking_lot::Mutex;
use tokio::sync::{Mutex as AsyncMutex, RwLock};

use crate::disk::directory::{Existence, OPEN_DIRECTORY, sync_directory};
use crate::disk::subscriptions::{self, Subscription};
use crate::disk::uidlist_file::UidListFile;
use crate::disk::uidvalidity;
use crate::format::filename::NameGenerator;
use crate::format::mailbox_names::{self as names, DELIMITER, mailbox_name};
use crate::mailbox::error::{from_io, panicked};
use crate::mailbox::open::OpenMailbox;
use crate::mailbox::watch::Watcher;

/// Mailboxes kept open without a session: STATUS of all mailboxes again and again must not list each of them anew.
const KEPT_OPEN: usize = 16;
/// Directories that are no mailbox yet, or no more. Two dots: no mailbox name leads there.
const SCRATCH: &str = "..imap-maildir";
/// The marker that Maildir++ wants in each mailbox but INBOX.
const FOLDER_MARKER: &str = "maildirfolder";

/// One user's mail; shared by all sessions of that user.
pub(crate) struct Account {
    root: PathBuf,
    names: Arc<NameGenerator>,
    watcher: Arc<Watcher>,
    /// Open mailboxes by path. The inner lock is held while one is opened, so that it is opened once.
    open: Mutex<HashMap<PathBuf, Arc<AsyncMutex<Weak<OpenMailbox>>>>>,
    kept: Mutex<VecDeque<Arc<OpenMailbox>>>,
    /// Written while the set of names changes; read while a name is looked up and its mailbox opened.
    namespace: RwLock<()>,
}

impl Account {
    /// Opens an account, making its directory if there is none. Blocks.
    pub(crate) fn open(root: &Path, names: Arc<NameGenerator>, watcher: Arc<Watcher>) -> io::Result<Self> {
        make_root(root)?;
        // Once, here: below it no symbolic link is followed.
        let root = fs::canonicalize(root)?;
        let account = Self {
            root,
            names,
            watcher,
            open: Mutex::default(),
            kept: Mutex::default(),
            namespace: RwLock::new(()),
        };
        account.remove_scratch()?;
        Ok(account)
    }

    pub(crate) fn root(&self) -> &Path {
        &self.root
    }

    /// The open mailbox of that name, opened if nobody has it open.
    ///
    /// `absent` is the error for a name without a mailbox: NONEXISTENT or TRYCREATE.
    pub(crate) async fn mailbox(
        self: &Arc<Self>,
        name: &MailboxName,
        absent: ErrorKind,
    ) -> Result<Arc<OpenMailbox>, Error> {
        let _names_stay = self.namespace.read().await;
        self.open_mailbox(name, absent).await
    }

    async fn open_mailbox(
        self: &Arc<Self>,
        name: &MailboxName,
        absent: ErrorKind,
    ) -> Result<Arc<OpenMailbox>, Error> {
        let directory = names::directory_name(name).map_err(|error| Error::new(absent).with_source(error))?;
        let path = self.path_of(&directory);
        let slot = Arc::clone(self.open.lock().entry(path.clone()).or_default());
        let mut slot = slot.lock_owned().await;
        // Another program may have renamed the directory, and made another one of that name.
        let still_there = |mailbox: &Arc<OpenMailbox>| {
            mailbox.hub.closed().is_none() && mailbox.directory.is_at(&path) == Existence::Present
        };
        if let Some(mailbox) = slot.upgrade().filter(still_there) {
            self.keep(&mailbox);
            return Ok(mailbox);
        }
        let account = Arc::clone(self);
        let open = move || {
            if !directory.is_empty() && !is_mailbox(&path) {
                return Err(io::Error::from(io::ErrorKind::NotFound));
            }
            let root = account.root_handle()?;
            let next = || uidvalidity::next(std::os::fd::AsFd::as_fd(&root), crate::disk::clock::seconds());
            let mailbox = Arc::new(OpenMailbox::open(&path, Arc::clone(&account.names), next)?);
            // A list that came from elsewhere may be ahead of the account: its value must not be given again.
            let given = mailbox.uid_validity.get();
            if let Err(error) = uidvalidity::at_least(std::os::fd::AsFd::as_fd(&root), given) {
                tracing::debug!(%error, "the account's UIDVALIDITY stays behind that of a mailbox");
            }
            account.watcher.watch(&mailbox);
            Ok(mailbox)
        };
        let opened = tokio::task::spawn_blocking(open).await.map_err(panicked)?;
        let mailbox = opened.map_err(|error| match error.kind() {
            io::ErrorKind::NotFound => Error::new(absent).with_source(error),
            _ => from_io(error),
        })?;
        *slot = Arc::downgrade(&mailbox);
        drop(slot);
        self.keep(&mailbox);
        Ok(mailbox)
    }

    fn keep(&self, mailbox: &Arc<OpenMailbox>) {
        let mut kept = self.kept.lock();
        kept.retain(|other| !Arc::ptr_eq(other, mailbox) && other.hub.closed().is_none());
        kept.push_back(Arc::clone(mailbox));
        let dropped = if kept.len() > KEPT_OPEN {
            kept.pop_front()
        } else {
            None
        };
        drop(kept);
        drop(dropped);
        // Slots of mailboxes that nobody has open: a handful at most stay behind.
        let mut open = self.open.lock();
        if open.len() > 4 * KEPT_OPEN {
            open.retain(|_, slot| {
                Arc::strong_count(slot) > 1 || slot.try_lock().is_ok_and(|mailbox| mailbox.strong_count() > 0)
            });
        }
    }

    fn path_of(&self, directory: &str) -> PathBuf {
        if directory.is_empty() {
            self.root.clone()
        } else {
            self.root.join(directory)
        }
    }

    fn root_handle(&self) -> io::Result<std::os::fd::OwnedFd> {
        Ok(rustix::fs::open(
            &self.root,
            OPEN_DIRECTORY,
            rustix::fs::Mode::empty(),
        )?)
    }

    fn sync_root(&self) -> io::Result<()> {
        sync_directory(std::os::fd::AsFd::as_fd(&self.root_handle()?))
    }

    /// All names: mailboxes, and `\Noselect` levels above them.
    pub(crate) async fn list(self: &Arc<Self>) -> Result<Vec<ListEntry>, Error> {
        let mailboxes = self.blocking(Self::mailboxes).await?;
        let mut levels = BTreeSet::new();
        for mailbox in &mailboxes {
            let mut name = mailbox.parent(DELIMITER);
            while let Some(level) = name {
                name = level.parent(DELIMITER);
                levels.insert(level);
            }
        }
        let noselect = levels
            .into_iter()
            .filter(|level| !mailboxes.contains(level))
            .map(ListEntry::noselect);
        let entries = noselect.chain(mailboxes.iter().cloned().map(ListEntry::mailbox));
        Ok(entries.collect())
    }

    fn mailboxes(&self) -> io::Result<BTreeSet<MailboxName>> {
        let mut mailboxes = BTreeSet::from([MailboxName::inbox()]);
        for entry in fs::read_dir(&self.root)? {
            let entry = entry?;
            let name = entry.file_name();
            let name = std::os::unix::ffi::OsStrExt::as_bytes(name.as_os_str());
            if let Some(mailbox) = mailbox_name(name)
                && is_mailbox(&entry.path())
            {
                mailboxes.insert(mailbox);
            }
        }
        Ok(mailboxes)
    }

    /// Makes a mailbox, complete before it has its name.
    pub(crate) async fn create(self: &Arc<Self>, name: &MailboxName) -> Result<(), Error> {
        let directory = creatable(name)?;
        let _names_change = self.namespace.write().await;
        self.blocking(move |account| account.make_mailbox(&directory))
            .await
    }

    fn make_mailbox(&self, directory: &str) -> io::Result<()> {
        let path = self.path_of(directory);
        if directory.is_empty() || fs::symlink_metadata(&path).is_ok() {
            return Err(io::ErrorKind::AlreadyExists.into());
        }
        let scratch = self.scratch()?;
        let made = (|| {
            make_directory(&scratch, &self.root)?;
            for sub in ["cur", "new", "tmp"] {
                make_directory(&scratch.join(sub), &self.root)?;
            }
            fs::write(scratch.join(FOLDER_MARKER), "")?;
            let opened = crate::disk::directory::Directory::open(&scratch)?;
            let root = self.root_handle()?;
            UidListFile::open(&opened, || {
                uidvalidity::next(std::os::fd::AsFd::as_fd(&root), crate::disk::clock::seconds())
            })?;
            rename_new(&scratch, &path)
        })();
        if made.is_err() {
            let _ = fs::remove_dir_all(&scratch);
        }
        made?;
        self.sync_root()
    }

    /// Removes a mailbox, not its inferiors; its sessions end.
    pub(crate) async fn delete(self: &Arc<Self>, name: &MailboxName) -> Result<(), Error> {
        let directory =
            names::directory_name(name).map_err(|e| Error::new(ErrorKind::NonExistent).with_source(e))?;
        if directory.is_empty() {
            return Err(ErrorKind::Cannot.into());
        }
        let _names_change = self.namespace.write().await;
        let path = self.path_of(&directory);
        let open = self.open_now(&path).await;
        // Held to the end: no operation of ours is under way in the directory while it goes.
        let writer = match &open {
            Some(mailbox) => Some(mailbox.lock_writer().await),
            None => None,
        };
        let result = self.blocking(move |account| {
            if !is_mailbox(&path) {
                return Err(io::ErrorKind::NotFound.into());
            }
            let scratch = account.scratch()?;
            fs::rename(&path, &scratch)?;
            if let Some(mailbox) = open {
                mailbox.hub.lock().close(Closed::Deleted);
            }
            drop(writer);
            account
                .kept
                .lock()
                .retain(|mailbox| mailbox.hub.closed().is_none());
            account.sync_root()?;
            // The mailbox is gone; what cannot be removed now is removed at the next login.
            let _ = fs::remove_dir_all(&scratch);
            Ok(())
        });
        result.await.map_err(nonexistent)
    }

    /// Renames a mailbox and its inferiors. INBOX gives its messages to a new mailbox instead.
    pub(crate) async fn rename(self: &Arc<Self>, from: &MailboxName, to: &MailboxName) -> Result<(), Error> {
        let target = creatable(to)?;
        let source =
            names::directory_name(from).map_err(|e| Error::new(ErrorKind::NonExistent).with_source(e))?;
        let _names_change = self.namespace.write().await;
        if from.is_inbox() {
            self.blocking(move |account| account.make_mailbox(&target))
                .await?;
            return self.empty_inbox_into(to).await;
        }
        if to.is_inferior_of(from, DELIMITER) || target == source {
            return Err(ErrorKind::Cannot.into());
        }
        let (from, to) = (from.clone(), to.clone());
        let moves = self
            .blocking(move |account| account.plan_rename(&from, &to))
            .await
            .map_err(nonexistent)?;
        for (source, target, name) in moves {
            self.rename_one(source, target, &name).await?;
        }
        self.blocking(|account| account.sync_root()).await
    }

    /// The directories to rename, superiors first, with their new names; nothing is changed yet.
    fn plan_rename(
        &self,
        from: &MailboxName,
        to: &MailboxName,
    ) -> io::Result<Vec<(PathBuf, PathBuf, MailboxName)>> {
        let mailboxes = self.mailboxes()?;
        let mut moves = Vec::new();
        for mailbox in mailboxes
            .iter()
            .filter(|name| *name == from || name.is_inferior_of(from, DELIMITER))
        {
            let rest = &mailbox.as_str()[from.as_str().len()..];
            let invalid = |_| io::Error::from(io::ErrorKind::InvalidFilename);
            let name = MailboxName::new(&format!("{to}{rest}")).ok_or(io::ErrorKind::InvalidFilename)?;
            let source = self.root.join(names::directory_name(mailbox).map_err(invalid)?);
            let target = self.root.join(names::directory_name(&name).map_err(invalid)?);
            if mailboxes.contains(&name) || fs::symlink_metadata(&target).is_ok() {
                return Err(io::ErrorKind::AlreadyExists.into());
            }
            moves.push((source, target, name));
        }
        if moves.is_empty() {
            Err(io::ErrorKind::NotFound.into())
        } else {
            Ok(moves)
        }
    }

    async fn rename_one(
        self: &Arc<Self>,
        source: PathBuf,
        target: PathBuf,
        name: &MailboxName,
    ) -> Result<(), Error> {
        let open = self.open_now(&source).await;
        let writer = match &open {
            Some(mailbox) => Some(mailbox.lock_writer().await),
            None => None,
        };
        let name = name.clone();
        self.blocking(move |account| {
            rename_new(&source, &target)?;
            let slot = account.open.lock().remove(&source);
            if let (Some(mailbox), Some(slot)) = (open, slot) {
                mailbox.moved_to(target.clone());
                mailbox.hub.lock().renamed(name.as_str());
                account.open.lock().insert(target, slot);
                account.watcher.watch(&mailbox);
            }
            drop(writer);
            Ok(())
        })
        .await
    }

    async fn empty_inbox_into(self: &Arc<Self>, to: &MailboxName) -> Result<(), Error> {
        let inbox = self
            .open_mailbox(&MailboxName::inbox(), ErrorKind::NonExistent)
            .await?;
        let target = self.open_mailbox(to, ErrorKind::NonExistent).await?;
        inbox.look().await?;
        let all: UidSet = inbox.hub.lock().messages.keys().copied().collect();
        if all.is_empty() {
            return Ok(());
        }
        let originals = inbox.originals(&all)?;
        target
            .write(move |target, writer| target.take(writer, &inbox, &originals))
            .await?;
        Ok(())
    }

    /// The mailbox at that path, if it is open and its directory is still there.
    async fn open_now(&self, path: &Path) -> Option<Arc<OpenMailbox>> {
        let slot = self.open.lock().get(path).cloned()?;
        let mailbox = slot.lock().await.upgrade()?;
        (mailbox.directory.is_at(path) == Existence::Present).then_some(mailbox)
    }

    /// The subscribed names, whether or not they exist; those that no client could say are passed over.
    pub(crate) async fn subscriptions(self: &Arc<Self>) -> Result<Vec<MailboxName>, Error> {
        let names = self
            .blocking(|account| subscriptions::read(std::os::fd::AsFd::as_fd(&account.root_handle()?)))
            .await?;
        let decode = |name: &String| MailboxName::new(&imap_backend::mutf7::decode(name.as_bytes()).ok()?);
        Ok(names.iter().filter_map(decode).collect())
    }

    pub(crate) async fn subscribe(
        self: &Arc<Self>,
        name: &MailboxName,
        subscription: Subscription,
    ) -> Result<(), Error> {
        let name = imap_backend::mutf7::encode(name.as_str());
        self.blocking(move |account| {
            let root = account.root_handle()?;
            subscriptions::change(std::os::fd::AsFd::as_fd(&root), &name, subscription)
        })
        .await
    }

    async fn blocking<T: Send + 'static>(
        self: &Arc<Self>,
        work: impl FnOnce(&Self) -> io::Result<T> + Send + 'static,
    ) -> Result<T, Error> {
        let account = Arc::clone(self);
        let done = tokio::task::spawn_blocking(move || work(&account))
            .await
            .map_err(panicked)?;
        done.map_err(|error| match error.kind() {
            io::ErrorKind::AlreadyExists => Error::new(ErrorKind::AlreadyExists).with_source(error),
            io::ErrorKind::InvalidFilename => Error::new(ErrorKind::Cannot).with_source(error),
            _ => from_io(error),
        })
    }

    fn scratch(&self) -> io::Result<PathBuf> {
        Ok(self
            .root
            .join(format!("{SCRATCH}.{}", crate::disk::random::guid()?)))
    }

    /// Removes what a crash in the middle of CREATE or DELETE left.
    fn remove_scratch(&self) -> io::Result<()> {
        for entry in fs::read_dir(&self.root)? {
            let entry = entry?;
            // Another process may be at work in a young one.
            let old = || {
                entry
                    .metadata()
                    .ok()
                    .and_then(|m| m.modified().ok()?.elapsed().ok())
                    .map(|age| age.as_secs())
            };
            if entry.file_name().to_string_lossy().starts_with(SCRATCH) && old().is_some_and(|age| age > 3600)
            {
                let _ = fs::remove_dir_all(entry.path());
            }
        }
        Ok(())
    }
}

impl std::fmt::Debug for Account {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Account")
            .field("root", &self.root)
            .finish_non_exhaustive()
    }
}

fn nonexistent(error: Error) -> Error {
    let source = std::error::Error::source(&error);
    let missing = source
        .and_then(|s| s.downcast_ref::<io::Error>())
        .is_some_and(|e| e.kind() == io::ErrorKind::NotFound);
    if missing {
        Error::new(ErrorKind::NonExistent).with_source(error)
    } else {
        error
    }
}

/// The directory for a new mailbox.
fn creatable(name: &MailboxName) -> Result<String, Error> {
    // A trailing delimiter says that inferiors will follow (RFC 9051, section 6.3.4); a level needs no making here.
    let stripped = name.as_str().strip_suffix(DELIMITER).and_then(MailboxName::new);
    let name = stripped.as_ref().unwrap_or(name);
    if name.is_inbox() {
        return Err(ErrorKind::AlreadyExists.into());
    }
    names::directory_name(name).map_err(|error| Error::new(ErrorKind::Cannot).with_source(error))
}

/// A directory with a `cur/` or the Maildir++ marker; a symbolic link is none.
pub(crate) fn is_mailbox(path: &Path) -> bool {
    fs::symlink_metadata(path).is_ok_and(|stat| stat.is_dir())
        && (path.join("cur").is_dir() || path.join(FOLDER_MARKER).is_file())
}

fn make_root(root: &Path) -> io::Result<()> {
    use std::os::unix::fs::DirBuilderExt as _;
    fs::DirBuilder::new().recursive(true).mode(0o700).create(root)
}

fn make_directory(path: &Path, like: &Path) -> io::Result<()> {
    use std::os::unix::fs::{DirBuilderExt as _, PermissionsExt as _};
    let mode = fs::metadata(like)?.permissions().mode() & 0o2777;
    fs::DirBuilder::new().mode(mode | 0o700).create(path)
}

/// Renames without replacing what is there.
fn rename_new(from: &Path, to: &Path) -> io::Result<()> {
    use rustix::fs::{CWD, RenameFlags, renameat_with};
    match renameat_with(CWD, from, CWD, to, RenameFlags::NOREPLACE) {
        // A file system that cannot do that: the name was looked up under the namespace's lock.
        Err(rustix::io::Errno::INVAL | rustix::io::Errno::NOSYS) if fs::symlink_metadata(to).is_err() => {
            fs::rename(from, to)
        }
        result => Ok(result?),
    }
}
