//! The way to the polled mailbox: anybody may come in, and only read.

use crate::Polled;
use imap_backend::*;
use imap_seq::UidValidity;
use imap_updates::Access;

impl Backend for Polled {
    type Session = Self;
    async fn login(&self, _: &Peer, _: Credentials) -> Result<Self, LoginError> {
        Ok(self.clone())
    }
}

impl Session for Polled {
    type Mailbox = Self;
    async fn list(&mut self) -> Result<Vec<ListEntry>, Error> {
        Ok(vec![ListEntry::mailbox(MailboxName::inbox())])
    }
    async fn select(&mut self, _: &MailboxName, _: Access) -> Result<Opened<Self>, Error> {
        let (access, new_keywords) = (Access::ReadOnly, NewKeywords::Refused);
        let selection = self.poller.select(access);
        let (updates, uid_next) = (selection.updates, selection.uid_next);
        let (mailbox, uid_validity, keywords) = (self.clone(), UidValidity::MIN, Vec::new());
        let first_unseen = None;
        Ok(Opened { mailbox, updates, access, uid_validity, uid_next, keywords, new_keywords, first_unseen })
    }
    async fn append(
        &mut self,
        _: &MailboxName,
        _: AppendOptions,
        _: impl MessageSource,
    ) -> Result<Appended, Error> {
        Err(ErrorKind::Unsupported.into())
    }
}
