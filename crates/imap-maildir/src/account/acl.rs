//! Who may do what in which mailbox (RFC 4314).

use std::io;
use std::os::fd::{AsFd as _, BorrowedFd, OwnedFd};
use std::sync::Arc;

use imap_backend::{Acl, AclChange, Error, ErrorKind, Grantable, Identifier, MailboxName, Rights};

use super::{Account, nonexistent};
use crate::disk::acl_file;
use crate::format::acl::{AclLines, rights_of_owner};
use crate::format::mailbox_names::{DELIMITER, directory_name};

impl Account {
    /// The ACL of a mailbox, as it is kept.
    pub(crate) async fn acl(self: &Arc<Self>, name: &MailboxName) -> Result<Acl, Error> {
        let directory = existing(name)?;
        let reading = self.blocking(move |account| read(&account.mailbox_directory(&directory)?));
        reading.await.map_err(nonexistent)
    }

    pub(crate) async fn change_acl(
        self: &Arc<Self>,
        name: &MailboxName,
        user: &Arc<str>,
        identifier: &Identifier,
        change: AclChange,
    ) -> Result<(), Error> {
        let directory = existing(name)?;
        if !AclLines::can_say(identifier) {
            return Err(ErrorKind::Cannot.into());
        }
        let changing = self.when_unlocked(|| {
            let (directory, user, identifier) = (directory.clone(), Arc::clone(user), identifier.clone());
            self.blocking(move |account| {
                let directory = account.mailbox_directory(&directory)?;
                acl_file::change(directory.as_fd(), account.sharing(), |lines| {
                    let mut acl = lines.acl().owned_by(&user);
                    acl.change(&identifier, change, &Grantable::in_mailbox_of(&user, &identifier))?;
                    lines.set(&identifier, acl.get(&identifier));
                    Ok(())
                })
            })
        });
        changing.await.map_err(nonexistent)?
    }

    /// What a user may do in a mailbox that was listed. Nothing where its file cannot be read: nobody knows what it denies.
    pub(super) fn listed_rights(&self, root: BorrowedFd<'_>, name: &MailboxName, user: &str) -> Rights {
        let directory = directory_name(name).map_err(io::Error::other);
        match directory.and_then(|directory| read(&self.tree.find_mailbox(root, &directory)?)) {
            Ok(acl) => rights_of_owner(&acl, user),
            // It has gone meanwhile.
            Err(error) if error.kind() == io::ErrorKind::NotFound => Rights::none(),
            Err(error) => {
                self.tell("an ACL cannot be read", name, &error);
                Rights::none()
            }
        }
    }

    /// What a new mailbox takes over from its nearest superior (section 4, CREATE), as Dovecot has it: the text.
    pub(super) fn inherited_acl(&self, name: &MailboxName) -> io::Result<Option<Vec<u8>>> {
        let superiors = std::iter::successors(name.parent(DELIMITER), |name| name.parent(DELIMITER));
        for superior in superiors {
            let Ok(directory) = directory_name(&superior) else {
                continue;
            };
            match self.mailbox_directory(&directory) {
                Ok(directory) => return acl_file::read(directory.as_fd()),
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => return Err(error),
            }
        }
        Ok(None)
    }
}

fn read(directory: &OwnedFd) -> io::Result<Acl> {
    let octets = acl_file::read(directory.as_fd())?;
    Ok(AclLines::parse(&octets.unwrap_or_default()).acl())
}

fn existing(name: &MailboxName) -> Result<String, Error> {
    directory_name(name).map_err(|error| Error::new(ErrorKind::NonExistent).with_source(error))
}
