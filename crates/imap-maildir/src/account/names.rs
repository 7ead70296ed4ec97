//! Changes to the set of names: CREATE, DELETE and RENAME, one after the other.

use std::ffi::{OsStr, OsString};
use std::io;
use std::os::fd::AsFd as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Weak};

use imap_backend::{Create, Error, ErrorKind, MailboxName, SpecialUse};
use imap_seq::UidSet;
use imap_updates::Closed;
use tokio::sync::{OwnedMutexGuard, oneshot};

use super::{Account, nonexistent};
use crate::disk::directory::Existence;
use crate::disk::interference::Moment;
use crate::disk::maildirsize_file;
use crate::disk::special_uses_file;
use crate::disk::storage;
use crate::disk::uidlist_file;
use crate::format::mailbox_names::{DELIMITER, directory_name};
use crate::format::maildirsize::Amount;
use crate::format::object_ids::MailboxGuid;
use crate::format::special_uses::SpecialUses;
use crate::let_go::LetGo;
use crate::mailbox::error::from_io;
use crate::mailbox::open::{OpenMailbox, Writer};

/// A mailbox that nobody opens meanwhile, and on which no operation of ours is under way.
struct Seized {
    slot: OwnedMutexGuard<Weak<OpenMailbox>>,
    /// None where it is not open, or its directory is another one by now.
    open: Option<(OwnedMutexGuard<Writer>, LetGo<OpenMailbox>)>,
}

/// A mailbox that gets another name.
struct Renaming {
    source: PathBuf,
    target: PathBuf,
    name: MailboxName,
}

impl Account {
    /// Makes a mailbox, complete before it has its name.
    pub(crate) async fn create(
        self: &Arc<Self>,
        name: &MailboxName,
        how: &Create,
    ) -> Result<MailboxGuid, Error> {
        let directory = creatable(name)?;
        let special_use = how.special_use();
        if !SpecialUse::OF_PLACES.includes(special_use) {
            return Err(ErrorKind::UseNotSupported.into());
        }
        let making = self.when_unlocked(|| async {
            let _names_change = self.namespace.lock().await;
            let (made, name) = (directory.clone(), name.clone());
            let making = self.blocking(move |account| {
                let acl = account.inherited_acl(&name)?;
                let guid = account.tree.make_mailbox(&made, acl.as_deref())?;
                Ok(account.give_uses(&name, special_use).map(|()| guid))
            });
            let given = making.await?.map_err(from_io);
            if given.is_err() {
                // Without its uses it is not what was asked for.
                self.unmake(self.tree.path_of(&directory)).await;
            }
            given
        });
        self.reported(name, making.await)
    }

    /// Removes a mailbox that was made just now for something that has failed; not where somebody has put a message into it since.
    /// The set of names is locked.
    async fn unmake(self: &Arc<Self>, path: PathBuf) {
        let seized = self.seize(&path).await;
        let unmaking = self.blocking(move |account| {
            if account.is_without_messages(&path)? {
                let scratch = account.take_away(&path, seized)?;
                account.moments.at(Moment::TakenAway);
                // Nobody can deliver into it any more; somebody may have in between.
                let taken = account.tree.path().join(&scratch);
                match account.is_without_messages(&taken)? {
                    true => account.tree.remove(&scratch),
                    false => account.tree.rename(&taken, &path)?,
                }
            }
            Ok(())
        });
        if let Err(error) = unmaking.await {
            self.tell("a mailbox that was made in vain stays", "*", &error);
        }
    }

    fn is_without_messages(&self, path: &Path) -> io::Result<bool> {
        let root = self.tree.handle()?;
        Ok(maildirsize_file::count(root.as_fd(), self.tree.name_of(path))? == Amount::default())
    }

    /// What a new mailbox is for. What one of this name was for that another program has removed means nothing for it.
    fn give_uses(&self, name: &MailboxName, special_use: SpecialUse) -> io::Result<()> {
        let root = self.tree.handle()?;
        if special_use.is_empty() && special_uses_file::read(root.as_fd())?.len() == 0 {
            return Ok(());
        }
        special_uses_file::change(root.as_fd(), self.sharing(), |uses| {
            uses.forget(name);
            if !special_use.is_empty() {
                uses.give(name, special_use);
            }
        })
    }

    /// Has the file of uses follow a change of names that is done already. It may fail: a line of a name that no mailbox has
    /// says nothing.
    async fn uses_follow(
        self: &Arc<Self>,
        change: impl Fn(&Self, &mut SpecialUses) + Clone + Send + 'static,
    ) {
        let following = self.when_unlocked(|| {
            let change = change.clone();
            self.blocking(move |account| {
                let root = account.tree.handle()?;
                match special_uses_file::read(root.as_fd())?.len() {
                    0 => Ok(()),
                    _ => special_uses_file::change(root.as_fd(), account.sharing(), |uses| {
                        change(account, uses)
                    }),
                }
            })
        });
        if let Err(error) = following.await {
            self.tell("what mailboxes are for cannot be written", "*", &error);
        }
    }

    /// Removes a mailbox, not its inferiors; its sessions end.
    pub(crate) async fn delete(self: &Arc<Self>, name: &MailboxName) -> Result<(), Error> {
        if name.is_inbox() {
            return Err(ErrorKind::Cannot.into());
        }
        let names_change = Arc::clone(&self.namespace).lock_owned().await;
        let path = self.find(name, ErrorKind::NonExistent).await?;
        let seized = self.seize(&path).await;
        let (free, is_free) = oneshot::channel();
        let at = path.clone();
        let deleting = self.blocking(move |account| {
            let scratch = account.take_away(&at, seized)?;
            // What is left of a large mailbox takes seconds to be removed, and nobody can reach it any more.
            drop(names_change);
            let _ = free.send(account.guid_of(&scratch));
            account.moments.at(Moment::TakenAway);
            account.give_back(&at, account.weigh_all(&scratch));
            account.tree.remove(&scratch);
            Ok(())
        });
        let name = name.clone();
        let following = async {
            if let Ok(guid) = is_free.await {
                self.uses_follow(move |account, uses| {
                    // A mailbox that has the name by now keeps what it was made for.
                    if !account.tree.is_taken(&path).unwrap_or(true) {
                        uses.forget(&name);
                    }
                })
                .await;
                if let Some(guid) = guid {
                    self.forget_annotations(guid).await;
                }
            }
        };
        let (deleted, ()) = tokio::join!(deleting, following);
        deleted.map_err(nonexistent)
    }

    /// Takes the name of a mailbox away, durably, and ends its sessions. Gives what is left of it, by its name in the root. Blocks.
    fn take_away(&self, path: &Path, seized: Seized) -> io::Result<OsString> {
        drop(self.tree.open_mailbox(self.tree.handle()?.as_fd(), path)?);
        let scratch = self.tree.take_away(path)?;
        if let Some((_, mailbox)) = &seized.open {
            mailbox.hub.lock().close(Closed::Deleted);
        }
        drop(seized);
        self.kept.lock().retain(|mailbox| mailbox.hub.closed().is_none());
        self.tree.sync()?;
        Ok(scratch)
    }

    /// The identifier of a mailbox whose name was taken away, by what is left of it. None where it never had one.
    fn guid_of(&self, scratch: &OsStr) -> Option<MailboxGuid> {
        let directory = storage::open_directory(self.tree.handle().ok()?, scratch).ok()?;
        uidlist_file::written_guid(directory.as_fd()).ok()?
    }

    /// Has a mailbox to itself, whether or not it is open. The set of names is locked.
    async fn seize(&self, path: &Path) -> Seized {
        let slot = self.slot(path).await;
        let there = slot.upgrade().map(LetGo::new);
        let open = match there.filter(|open| open.directory.existence_at(path) == Existence::Present) {
            Some(open) => {
                let writer = open.lock_writer().await;
                Some((writer, open))
            }
            None => None,
        };
        Seized { slot, open }
    }

    /// Renames a mailbox and its inferiors. INBOX gives its messages to a new mailbox instead.
    pub(crate) async fn rename(self: &Arc<Self>, from: &MailboxName, to: &MailboxName) -> Result<(), Error> {
        let target = creatable(to)?;
        let source = directory_name(from).map_err(|e| Error::new(ErrorKind::NonExistent).with_source(e))?;
        if from.is_inbox() {
            return self.rename_inbox(to, target).await;
        }
        if to.is_inferior_of(from, DELIMITER) || target == source {
            return Err(ErrorKind::Cannot.into());
        }
        let names_change = self.namespace.lock().await;
        let names = (from.clone(), to.clone());
        let moves = self
            .blocking(move |account| account.plan_rename(&names.0, &names.1))
            .await
            .map_err(nonexistent)?;
        for renaming in moves {
            self.rename_one(renaming).await?;
        }
        self.blocking(|account| account.tree.sync()).await?;
        drop(names_change);
        let names = (from.clone(), to.clone());
        self.uses_follow(move |_, uses| uses.rename(&names.0, &names.1))
            .await;
        Ok(())
    }

    /// Makes a mailbox and moves the messages of INBOX there. Where that fails the mailbox goes, so that it can be tried again.
    async fn rename_inbox(self: &Arc<Self>, to: &MailboxName, target: String) -> Result<(), Error> {
        let making = self.when_unlocked(|| async {
            let _names_change = self.namespace.lock().await;
            let (target, name) = (target.clone(), to.clone());
            self.blocking(move |account| {
                let acl = account.inherited_acl(&name)?;
                account.tree.make_mailbox(&target, acl.as_deref())
            })
            .await
        });
        making.await?;
        let moved = self.empty_inbox_into(to).await;
        if moved.is_err() {
            let _names_change = self.namespace.lock().await;
            self.unmake(self.tree.path_of(&target)).await;
        }
        moved
    }

    /// The directories to rename, superiors first, with their new names; nothing is changed yet.
    fn plan_rename(&self, from: &MailboxName, to: &MailboxName) -> io::Result<Vec<Renaming>> {
        let mailboxes = self.mailboxes()?;
        let mut moves = Vec::new();
        for mailbox in mailboxes
            .iter()
            .filter(|name| *name == from || name.is_inferior_of(from, DELIMITER))
        {
            let rest = &mailbox.as_str()[from.as_str().len()..];
            let invalid = |_| io::Error::from(io::ErrorKind::InvalidFilename);
            let name = MailboxName::new(&format!("{to}{rest}")).ok_or(io::ErrorKind::InvalidFilename)?;
            let source = self.tree.find(&directory_name(mailbox).map_err(invalid)?)?;
            let target = self.tree.path_of(&directory_name(&name).map_err(invalid)?);
            if mailboxes.contains(&name) || self.tree.is_taken(&target)? {
                return Err(io::ErrorKind::AlreadyExists.into());
            }
            moves.push(Renaming { source, target, name });
        }
        if moves.is_empty() {
            Err(io::ErrorKind::NotFound.into())
        } else {
            Ok(moves)
        }
    }

    async fn rename_one(self: &Arc<Self>, renaming: Renaming) -> Result<(), Error> {
        let Renaming { source, target, name } = renaming;
        let mut seized = self.seize(&source).await;
        // Who opens the new name meanwhile would not know that it is open.
        let mut slot = self.slot(&target).await;
        self.blocking(move |account| {
            account.tree.rename(&source, &target)?;
            if let Some((_, mailbox)) = &seized.open {
                mailbox.moved_to(target.clone());
                mailbox.hub.lock().renamed(name.as_str());
                *slot = std::mem::take(&mut *seized.slot);
            }
            drop((seized, slot));
            account.note_renaming(&source, &target);
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
        let all: UidSet = inbox.hub.lock().all().clone();
        if all.is_empty() {
            return Ok(());
        }
        self.move_messages(&inbox, &target, &all).await?;
        Ok(())
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
    directory_name(name).map_err(|error| Error::new(ErrorKind::Cannot).with_source(error))
}
