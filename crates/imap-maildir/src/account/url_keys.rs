//! The keys that URLs of mailboxes are authorized with (RFC 4467).

use std::io;
use std::os::fd::AsFd as _;
use std::sync::Arc;

use imap_backend::{Error, ErrorKind, MailboxName, UrlKey};

use super::{Account, nonexistent};
use crate::disk::url_key_file;
use crate::format::mailbox_names::directory_name;

impl Account {
    /// The key of a mailbox. Where there is none, `fresh` becomes it.
    pub(crate) async fn url_key(
        self: &Arc<Self>,
        name: &MailboxName,
        fresh: Option<&UrlKey>,
    ) -> Result<Option<UrlKey>, Error> {
        let place = place(name)?;
        let keeping = self.when_unlocked(|| {
            let (place, fresh) = (place.clone(), fresh.cloned());
            self.blocking(move |account| {
                let directory = account.mailbox_directory(&place)?;
                match fresh {
                    Some(fresh) => url_key_file::keep(directory.as_fd(), account.sharing(), &fresh).map(Some),
                    None => url_key_file::read(directory.as_fd()),
                }
            })
        });
        keeping.await.map_err(nonexistent)
    }

    /// Removes the key of a mailbox, or all keys.
    pub(crate) async fn forget_url_keys(self: &Arc<Self>, name: Option<&MailboxName>) -> Result<(), Error> {
        let place = name.map(place).transpose()?;
        let forgetting = self.when_unlocked(|| {
            let place = place.clone();
            self.blocking(move |account| match place {
                Some(place) => account.forget_url_key(&place),
                None => account.forget_all_url_keys(),
            })
        });
        forgetting.await.map_err(nonexistent)
    }

    fn forget_url_key(&self, place: &str) -> io::Result<()> {
        url_key_file::forget(self.mailbox_directory(place)?.as_fd(), self.sharing())
    }

    fn forget_all_url_keys(&self) -> io::Result<()> {
        for name in self.mailboxes()? {
            let Ok(place) = directory_name(&name) else {
                continue;
            };
            match self.forget_url_key(&place) {
                // It has gone since it was listed.
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                forgotten => forgotten?,
            }
        }
        Ok(())
    }
}

fn place(name: &MailboxName) -> Result<String, Error> {
    directory_name(name).map_err(|error| Error::new(ErrorKind::NonExistent).with_source(error))
}
