//! One user's Maildir++: which mailboxes there are, and which of them are open.

use std::collections::{BTreeSet, HashMap, VecDeque};
use std::io;
use std::os::fd::{AsFd as _, BorrowedFd, OwnedFd};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Weak};
use std::time::Instant;

use imap_backend::{Error, ErrorKind, ListEntry, MailboxName, Rights, mutf7};
use parking_lot::Mutex;
use tokio::sync::{Mutex as AsyncMutex, OwnedMutexGuard};

use crate::disk::directory::{Existence, Location};
use crate::disk::hold::{Hold, Holds, Sharing};
use crate::disk::interference::{Moment, Moments};
use crate::disk::name_generator::NameGenerator;
use crate::disk::special_uses_file;
use crate::disk::sqlite_file::Claims;
use crate::disk::subscriptions_file;
use crate::disk::tree::{Place, Tree, is_below_inbox};
use crate::format::mailbox_names::{DELIMITER, directory_name, mailbox_name};
use crate::format::maildirsize::Limits;
use crate::format::special_uses::{ByName, SpecialUses};
use crate::format::subscriptions::Subscription;
use crate::let_go::LetGo;
use crate::log_limit::LogLimit;
use crate::mailbox::cache::Cache;
use crate::mailbox::error::{from_io, panicked};
use crate::mailbox::fill::Lent;
use crate::mailbox::keep::Indexing;
use crate::mailbox::memo::Figures;
use crate::mailbox::open::OpenMailbox;
use crate::mailbox::patience::{Patience, held};
use crate::mailbox::watch::Watcher;

mod acl;
mod annotations;
mod names;
pub(crate) mod quota;
mod transfer;
mod url_keys;

/// Mailboxes kept open without a session, for a client that comes back to them. STATUS of more of them is answered from
/// memos ([`Memos`](crate::mailbox::memo::Memos)).
const KEPT_OPEN: usize = 16;

/// A mailbox that is open now or was once. Locked while it is opened, so that it is opened once, and while it is renamed or
/// removed, so that nobody opens it meanwhile.
type Slot = Arc<AsyncMutex<Weak<OpenMailbox>>>;

/// What all accounts of a process have in common.
#[derive(Clone)]
pub(crate) struct Shared {
    pub(crate) names: Arc<NameGenerator>,
    pub(crate) watcher: Arc<Watcher>,
    pub(crate) cache: Arc<Cache>,
    /// Whether the names of mailboxes say what they are for.
    pub(crate) uses_by_name: ByName,
    /// What an account may hold of which no other program says it.
    pub(crate) quota: Limits,
    /// The mail that this process uses, and how it uses it.
    pub(crate) holds: Arc<Holds>,
    pub(crate) sharing: Sharing,
    /// Of the system.
    pub(crate) boot: Arc<str>,
    /// Which mailboxes have an index beside the mail.
    pub(crate) indexing: Indexing,
}

/// One user's mail; shared by all sessions of that user.
pub(crate) struct Account {
    tree: Tree,
    hold: Arc<Hold>,
    shared: Shared,
    /// What the operator was told, whatever a client tries.
    told: LogLimit<&'static str>,
    /// Locked while `maildirsize` is read and written.
    ledger: Mutex<quota::Ledger>,
    /// By path.
    open: Mutex<HashMap<PathBuf, Slot>>,
    kept: Mutex<VecDeque<LetGo<OpenMailbox>>>,
    /// Locked while the set of names changes, and before any slot. Who opens a mailbox, which may take long, does without.
    namespace: Arc<AsyncMutex<()>>,
    /// Where tests interfere.
    moments: Moments,
}

impl Account {
    /// Opens an account, making its directory if there is none. Blocks.
    pub(crate) fn open(place: &Place, shared: Shared) -> io::Result<Self> {
        let tree = Tree::make(place, shared.sharing)?;
        let hold = shared
            .holds
            .take_in(tree.handle()?.as_fd(), tree.path(), shared.sharing)?;
        tree.remove_old_scratch()?;
        Ok(Self {
            tree,
            hold: Arc::new(hold),
            shared,
            told: LogLimit::default(),
            ledger: Mutex::default(),
            open: Mutex::default(),
            kept: Mutex::default(),
            namespace: Arc::default(),
            moments: Moments::default(),
        })
    }

    pub(crate) fn claims(&self) -> Arc<Claims> {
        Arc::clone(&self.shared.cache.claims)
    }

    pub(crate) fn lend_filler(&self) -> Lent {
        self.shared.cache.filler.lend()
    }

    fn sharing(&self) -> Sharing {
        self.hold.sharing()
    }

    #[cfg(test)]
    pub(crate) fn moments(&self) -> &Moments {
        &self.moments
    }

    pub(crate) fn root(&self) -> &Path {
        self.tree.path()
    }

    /// The open mailbox of that name, opened if nobody has it open.
    ///
    /// `absent` is the error for a name without a mailbox: NONEXISTENT or TRYCREATE.
    pub(crate) async fn mailbox(
        self: &Arc<Self>,
        name: &MailboxName,
        absent: ErrorKind,
    ) -> Result<LetGo<OpenMailbox>, Error> {
        let opening = self.when_unlocked(|| self.open_mailbox(name, absent));
        self.reported(name, opening.await)
    }

    /// What STATUS says of a mailbox: from its index if it is open, from its memo if that is still right, or by opening it.
    pub(crate) async fn figures(self: &Arc<Self>, name: &MailboxName) -> Result<Figures, Error> {
        let absent = ErrorKind::NonExistent;
        let directory = directory_name(name).map_err(|error| Error::new(absent).with_source(error))?;
        let path = self.tree.path_of(&directory);
        if self.open_now(&path).await.is_none()
            && let Some(figures) = self.shared.cache.memos.figures(&path)
        {
            return Ok(figures);
        }
        let mailbox = self.mailbox(name, absent).await?;
        mailbox.look().await?;
        Ok(mailbox.figures())
    }

    /// Makes an attempt, and further ones while it fails for another program's lock. In between nothing of this account
    /// is held.
    async fn when_unlocked<T, F>(&self, mut attempt: impl FnMut() -> F) -> Result<T, Error>
    where
        F: Future<Output = Result<T, Error>>,
    {
        let mut patience = Patience::long(Instant::now());
        loop {
            let error = match attempt().await {
                Ok(done) => return Ok(done),
                Err(error) => error,
            };
            let source = std::error::Error::source(&error).and_then(|source| source.downcast_ref());
            let Some(held) = source.and_then(held) else {
                return Err(error);
            };
            if !patience.wait(self.tree.path(), held).await {
                return Err(error);
            }
        }
    }

    async fn open_mailbox(
        self: &Arc<Self>,
        name: &MailboxName,
        absent: ErrorKind,
    ) -> Result<LetGo<OpenMailbox>, Error> {
        let path = self.find(name, absent).await?;
        let mut slot = self.slot(&path).await;
        // Another program may have renamed the directory, and made another one of that name.
        let still_there = |mailbox: &LetGo<OpenMailbox>| {
            mailbox.hub.closed().is_none() && mailbox.directory.existence_at(&path) == Existence::Present
        };
        if let Some(mailbox) = slot.upgrade().map(LetGo::new).filter(still_there) {
            self.keep(&mailbox);
            return Ok(mailbox);
        }
        let account = Arc::clone(self);
        let open = move || account.open_at(&path);
        let opened = tokio::task::spawn_blocking(open).await.map_err(panicked)?;
        let mailbox = opened.map_err(|error| match error.kind() {
            io::ErrorKind::NotFound => Error::new(absent).with_source(error),
            _ => from_io(error),
        })?;
        let mailbox = LetGo::new(mailbox);
        *slot = Arc::downgrade(&mailbox);
        drop(slot);
        self.keep(&mailbox);
        Ok(mailbox)
    }

    async fn slot(&self, path: &Path) -> OwnedMutexGuard<Weak<OpenMailbox>> {
        let slot = Arc::clone(self.open.lock().entry(path.to_owned()).or_default());
        slot.lock_owned().await
    }

    /// The directory of a mailbox, whether or not it exists.
    pub(crate) async fn find(
        self: &Arc<Self>,
        name: &MailboxName,
        absent: ErrorKind,
    ) -> Result<PathBuf, Error> {
        let directory = directory_name(name).map_err(|error| Error::new(absent).with_source(error))?;
        if is_below_inbox(directory.as_bytes()) {
            self.blocking(move |account| account.tree.find(&directory)).await
        } else {
            Ok(self.tree.path_of(&directory))
        }
    }

    /// Opens a mailbox's directory and watches it. Blocks.
    fn open_at(&self, path: &Path) -> io::Result<Arc<OpenMailbox>> {
        self.moments.at(Moment::Opening);
        let root = self.tree.handle()?;
        drop(self.tree.open_mailbox(root.as_fd(), path)?);
        let next = || self.tree.next_uid_validity();
        let mailbox = Arc::new(OpenMailbox::open(
            self.location(root.as_fd(), path),
            Arc::clone(&self.shared.names),
            Arc::clone(&self.shared.cache),
            Arc::clone(&self.shared.boot),
            self.shared.indexing,
            next,
            |told, versions| self.shared.watcher.watch(path, told, versions),
        )?);
        // A list that came from elsewhere may be ahead of the account.
        if let Err(error) = self.tree.note_uid_validity(mailbox.uid_validity.get()) {
            tracing::debug!(%error, "the account's UIDVALIDITY stays behind that of a mailbox");
        }
        self.shared.watcher.look_after(&mailbox);
        self.shared.cache.filler.look_at(&mailbox);
        Ok(mailbox)
    }

    pub(crate) fn location<'a>(&'a self, root: BorrowedFd<'a>, path: &'a Path) -> Location<'a> {
        Location {
            root,
            name: self.tree.name_of(path),
            path,
            hold: &self.hold,
        }
    }

    pub(crate) fn root_handle(&self) -> io::Result<OwnedFd> {
        self.tree.handle()
    }

    /// The directory of a mailbox that is there.
    fn mailbox_directory(&self, directory: &str) -> io::Result<OwnedFd> {
        self.tree.find_mailbox(self.tree.handle()?.as_fd(), directory)
    }

    fn keep(&self, mailbox: &Arc<OpenMailbox>) {
        let mut kept = self.kept.lock();
        kept.retain(|other| !Arc::ptr_eq(other, mailbox) && other.hub.closed().is_none());
        kept.push_back(LetGo::new(Arc::clone(mailbox)));
        if kept.len() > KEPT_OPEN {
            kept.pop_front();
        }
        drop(kept);
        // Slots of mailboxes that nobody has open: a handful at most stay behind.
        let mut open = self.open.lock();
        if open.len() > 4 * KEPT_OPEN {
            open.retain(|_, slot| {
                Arc::strong_count(slot) > 1 || slot.try_lock().is_ok_and(|mailbox| mailbox.strong_count() > 0)
            });
        }
    }

    /// Closes a mailbox that nobody else has, and waits until what was written is in the files of its indices. The last holder may
    /// be another thread, and a program that ended meanwhile would leave them half done.
    pub(crate) async fn close(&self, mailbox: Arc<OpenMailbox>) -> Result<(), Error> {
        self.kept.lock().retain(|other| !Arc::ptr_eq(other, &mailbox));
        let closed = tokio::task::spawn_blocking(move || {
            let cache = Arc::clone(mailbox.cache.cache());
            let directory = mailbox.cache.directory();
            drop(mailbox);
            cache.wait_until_closed(directory)
        });
        match closed.await.map_err(panicked)? {
            // Whoever has it open closes it.
            Err(error) if error.kind() == io::ErrorKind::ResourceBusy => Ok(()),
            closed => closed.map_err(from_io),
        }
    }

    /// The subscribed names, whether or not they exist.
    pub(crate) async fn list_subscribed(self: &Arc<Self>) -> Result<Vec<ListEntry>, Error> {
        let subscriptions = self.subscriptions().await?;
        let (mailboxes, uses) = self.mailboxes_and_uses().await?;
        let entry = |name| match mailboxes.contains(&name) {
            true => {
                let special_use = uses.of(&name, self.shared.uses_by_name);
                ListEntry::mailbox(name).with_special_use(special_use)
            }
            false => ListEntry::non_existent(name),
        };
        Ok(subscriptions.into_iter().map(entry).collect())
    }

    /// All names: mailboxes, with what this user may do in them and whether they are subscribed, and `\Noselect` levels above
    /// them.
    pub(crate) async fn list(self: &Arc<Self>, user: &Arc<str>) -> Result<Vec<ListEntry>, Error> {
        let (mailboxes, uses) = self.mailboxes_and_uses().await?;
        let subscribed = self.subscriptions().await.unwrap_or_else(|error| {
            // Without a list the user has no mail at all.
            self.tell("subscriptions cannot be read", "*", &error);
            Vec::new()
        });
        let subscribed = BTreeSet::from_iter(subscribed);
        let (names, user) = (mailboxes.clone(), Arc::clone(user));
        let reading = self.blocking(move |account| {
            let root = account.tree.handle()?;
            let rights = names
                .iter()
                .map(|name| account.listed_rights(root.as_fd(), name, &user));
            Ok(rights.collect::<Vec<_>>())
        });
        let rights = reading.await?;
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
            .map(ListEntry::no_select);
        let mailbox = |(name, rights): (&MailboxName, Rights)| {
            let special_use = uses.of(name, self.shared.uses_by_name);
            let subscription = match subscribed.contains(name) {
                true => imap_backend::Subscription::Subscribed,
                false => imap_backend::Subscription::NotSubscribed,
            };
            ListEntry::mailbox(name.clone())
                .with_subscription(subscription)
                .with_special_use(special_use)
                .with_my_rights(rights)
        };
        Ok(noselect
            .chain(mailboxes.iter().zip(rights).map(mailbox))
            .collect())
    }

    async fn mailboxes_and_uses(self: &Arc<Self>) -> Result<(BTreeSet<MailboxName>, SpecialUses), Error> {
        self.blocking(|account| {
            let uses = special_uses_file::read(account.tree.handle()?.as_fd());
            let uses = uses.unwrap_or_else(|error| {
                // Without it their names say what they are for, and without a list the user has no mail at all.
                account.tell("what mailboxes are for cannot be read", "*", &error);
                SpecialUses::default()
            });
            Ok((account.mailboxes()?, uses))
        })
        .await
    }

    pub(crate) fn mailboxes(&self) -> io::Result<BTreeSet<MailboxName>> {
        let mut mailboxes = BTreeSet::from([MailboxName::inbox()]);
        self.tree
            .mailboxes(|directory| mailboxes.extend(mailbox_name(directory)))?;
        Ok(mailboxes)
    }

    /// The mailbox at that path, if it is open and its directory is still there.
    async fn open_now(&self, path: &Path) -> Option<LetGo<OpenMailbox>> {
        let slot = self.open.lock().get(path).cloned()?;
        let mailbox = slot.lock().await.upgrade().map(LetGo::new)?;
        (mailbox.directory.existence_at(path) == Existence::Present).then_some(mailbox)
    }

    /// The subscribed names, whether or not they exist; those that no mailbox can have are passed over.
    async fn subscriptions(self: &Arc<Self>) -> Result<Vec<MailboxName>, Error> {
        let names = self
            .blocking(|account| subscriptions_file::read(account.tree.handle()?.as_fd()))
            .await?;
        let decode = |name: &String| MailboxName::new(&mutf7::decode(name.as_bytes()).ok()?);
        let possible = |name: &MailboxName| directory_name(name).is_ok();
        Ok(names.names().iter().filter_map(decode).filter(possible).collect())
    }

    pub(crate) async fn subscribe(
        self: &Arc<Self>,
        name: &MailboxName,
        subscription: Subscription,
    ) -> Result<(), Error> {
        if subscription == Subscription::Add {
            directory_name(name).map_err(|e| Error::new(ErrorKind::NonExistent).with_source(e))?;
        }
        let encoded = mutf7::encode(name.as_str());
        let changing = self.when_unlocked(|| {
            let encoded = encoded.clone();
            self.blocking(move |account| {
                subscriptions_file::change(
                    account.tree.handle()?.as_fd(),
                    account.sharing(),
                    &encoded,
                    subscription,
                )
            })
        });
        self.reported(name, changing.await)
    }

    /// Passes a result on. Where the disk does not take it or give it, says so, but not for each message.
    pub(crate) fn reported<T>(
        &self,
        mailbox: impl std::fmt::Display,
        result: Result<T, Error>,
    ) -> Result<T, Error> {
        let Err(error) = &result else {
            return result;
        };
        let why = match error.kind() {
            ErrorKind::OverQuota => "no room on the disk, or a quota is exceeded",
            // Of the disk. What an ACL denies is no error of the system.
            ErrorKind::NoPermission if is_of_system(error) => "mail cannot be read or written",
            _ => return result,
        };
        self.tell(why, mailbox, error);
        result
    }

    /// Tells the operator of a trouble, but not for each command that meets it.
    fn tell(&self, what: &'static str, mailbox: impl std::fmt::Display, error: &impl std::fmt::Display) {
        if self.told.admits(what, Instant::now()) {
            tracing::warn!(%error, maildir = ?self.root(), %mailbox, "{what}");
        }
    }

    pub(crate) async fn blocking<T: Send + 'static>(
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
}

impl std::fmt::Debug for Account {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Account")
            .field("root", &self.tree.path())
            .finish_non_exhaustive()
    }
}

fn is_of_system(error: &Error) -> bool {
    let first = std::error::Error::source(error);
    // Sessions that share the work share the error.
    let mut sources = std::iter::successors(first, |error| error.source());
    sources.any(|source| source.is::<io::Error>())
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
