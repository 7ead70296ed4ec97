//! `Backend` and `Session`: one user, `demo`, whose mailboxes are those of the database.

use super::columns::date_columns;
use super::database::MessageRow;
use super::mailbox::Selected;
use super::node::Node;
use imap_backend::*;
use imap_updates::Access;

impl Backend for Node {
    type Session = Self;
    fn abilities(&self) -> Abilities {
        Abilities::default().with(Ability::ModSequences)
    }
    async fn login(&self, _: &Peer, who: Credentials) -> Result<Self, LoginError> {
        let known = who.user() == "demo" && who.password() == Some("demo");
        known.then(|| self.clone()).ok_or(LoginError::Refused)
    }
}

impl Session for Node {
    type Mailbox = Selected;
    fn abilities(&self) -> Abilities {
        Backend::abilities(self)
    }

    async fn list(&mut self, _: &ListQuery) -> Result<Vec<ListEntry>, Error> {
        let names = self.query(|tables| Ok(tables.names())).await?;
        Ok(names.iter().filter_map(|name| MailboxName::new(name)).map(ListEntry::mailbox).collect())
    }

    async fn select(&mut self, name: &MailboxName, how: &Select) -> Result<Opened<Selected>, Error> {
        let (name, access) = (name.clone(), how.access());
        self.blocking(move |node| {
            let (id, uid_validity) = node.find(&name, ErrorKind::NonExistent)?;
            let hub = node.open(id)?;
            // Session, UIDNEXT and HIGHESTMODSEQ of one moment; what the database says by now may be later.
            let selection = hub.select(access);
            if let (Access::ReadWrite, Some(uid_next)) = (access, selection.uid_next) {
                node.commit(|transaction| Ok(transaction.claim_recent(id, uid_next.into())?))?;
            }
            let origin = selection.updates.origin();
            let mailbox = Selected { node: node.clone(), id, hub, origin };
            Ok(Opened::new(mailbox, selection.updates, uid_validity)
                .with_uid_next(selection.uid_next)
                .with_highest_modseq(selection.highest_modseq))
        })
        .await
    }

    async fn status(&mut self, name: &MailboxName, _: StatusQuery) -> Result<Status, Error> {
        let name = name.clone();
        self.blocking(move |node| {
            let (id, uid_validity) = node.find(&name, ErrorKind::NonExistent)?;
            let now = node.open(id)?.status();
            let unseen = node.database.read(|tables| tables.mailbox(id).map(|mailbox| mailbox.unseen()))?;
            Ok(Status::new(uid_validity)
                .with_messages(now.messages)
                .with_recent(now.recent)
                .with_uid_next(now.uid_next)
                .with_highest_modseq(now.highest_modseq)
                .with_unseen(u32::try_from(unseen).unwrap_or(u32::MAX)))
        })
        .await
    }

    async fn append(
        &mut self,
        name: &MailboxName,
        how: &Append,
        mut message: impl MessageSource,
    ) -> Result<Appended, Error> {
        let target = name.clone();
        let (id, uid_validity) = self.blocking(move |node| node.find(&target, ErrorKind::TryCreate)).await?;
        let octets = message.read_all().await?;
        if octets.contains(&0) {
            return Err(ErrorKind::UnknownEncoding.into());
        }
        let octets = imap_message::to_crlf(&octets).into_owned().into();
        let (seconds, zone_minutes) = date_columns(how.internal_date());
        let flags = how.flags().to_string();
        let row = MessageRow { flags, seconds, zone_minutes, octets, ..MessageRow::default() };
        self.change(move |transaction| {
            transaction.mailbox(id).map_err(|_| ErrorKind::TryCreate)?; // it may have been deleted meanwhile
            let uid = transaction.insert(id, row)?;
            Ok(Appended::new(uid_validity, uid.try_into()?))
        })
        .await
    }

    async fn create(&mut self, name: &MailboxName, _: &Create) -> Result<Created, Error> {
        let name = name.clone();
        self.change(move |transaction| {
            for superior in std::iter::successors(name.parent('/'), |name| name.parent('/')) {
                if transaction.find(superior.as_str()).is_none() {
                    transaction.create(superior.as_str())?;
                }
            }
            transaction.create(name.as_str())?;
            Ok(Created::default())
        })
        .await
    }

    async fn delete(&mut self, name: &MailboxName) -> Result<(), Error> {
        let name = name.clone();
        self.change(move |transaction| {
            let id = transaction.find(name.as_str()).ok_or(ErrorKind::NonExistent)?;
            Ok(transaction.delete(id)?) // its log is gone too: who reads it closes the hub
        })
        .await
    }
}
