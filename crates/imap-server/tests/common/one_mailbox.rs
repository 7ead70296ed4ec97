//! A store of one mailbox, INBOX, of which a test says what it does.

use imap_backend::{
    Append, Appended, Backend, Credentials, Error, ErrorKind, ListEntry, ListQuery, LoginError, Mailbox,
    MailboxName, MessageSource, Opened, Peer, Select, Session,
};
use imap_seq::UidValidity;
use imap_updates::MailboxHub;

/// Backend and session at once: lets everybody in, and hands out clones of the mailbox.
#[derive(Clone)]
pub(crate) struct OneMailbox<M> {
    pub(crate) hub: MailboxHub<()>,
    pub(crate) mailbox: M,
}

impl<M: Mailbox + Clone + Sync> Backend for OneMailbox<M> {
    type Session = Self;

    async fn login(&self, _: &Peer, _: Credentials) -> Result<Self, LoginError> {
        Ok(self.clone())
    }
}

impl<M: Mailbox + Clone + Sync> Session for OneMailbox<M> {
    type Mailbox = M;

    async fn list(&mut self, _: &ListQuery) -> Result<Vec<ListEntry>, Error> {
        Ok(vec![ListEntry::mailbox(MailboxName::inbox())])
    }

    async fn select(&mut self, _: &MailboxName, how: &Select) -> Result<Opened<M>, Error> {
        let updates = self.hub.subscribe(how.access());
        Ok(Opened::new(self.mailbox.clone(), updates, UidValidity::MIN))
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
