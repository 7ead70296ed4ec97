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
    async fn list(&mut self, _: &ListQuery) -> Result<Vec<ListEntry>, Error> {
        Ok(vec![ListEntry::mailbox(MailboxName::inbox())])
    }
    async fn select(&mut self, _: &MailboxName, _: &Select) -> Result<Opened<Self>, Error> {
        let selection = self.poller.select(Access::ReadOnly);
        Ok(Opened::new(self.clone(), selection.updates, UidValidity::MIN)
            .with_uid_next(selection.uid_next)
            .with_new_keywords(NewKeywords::Refused))
    }
    async fn append(
        &mut self,
        _: &MailboxName,
        _: &Append,
        _: impl MessageSource,
    ) -> Result<Appended, Error> {
        Err(ErrorKind::Unsupported.into())
    }
}
