//! `Mailbox`: the messages. UIDs and flags are the poller's; the rest is asked of the store when a client wants it.

use super::account::{Account, blocking};
use super::rest::{Change, Details, Page, Rest, flags_of, send, texts, unavailable};
use bytes::Bytes;
use chrono::DateTime;
use imap_backend::*;
use imap_poller::{IdPoller, Journal, Pages, Reason, UidMapError};
use imap_seq::{Uid, UidSet};
use imap_updates::{Flag, Origin};
use reqwest::Method;
use std::collections::HashMap;

/// A selected mailbox of one session.
pub(crate) struct Selected {
    pub(crate) account: Account,
    pub(crate) name: MailboxName,
    pub(crate) mailbox: IdPoller<Journal>,
    pub(crate) origin: Origin,
}

/// Lists the store, page by page.
pub(crate) async fn list(
    rest: &Rest,
    name: &MailboxName,
    mut pages: Pages<Journal>,
) -> Result<Pages<Journal>, Error> {
    let mut next = Some(String::new());
    while let Some(after) = next {
        let page = rest.request(Method::GET, &format!("/mailboxes/{name}/messages"));
        let page: Page = send(page.query(&[("after", after)])).await?.json().await.map_err(unavailable)?;
        next = page.next;
        pages = blocking(move || {
            pages.page(page.messages.iter().map(|row| (&*row.id, flags_of(&row.flags))))?;
            Ok::<_, UidMapError<_>>(pages)
        })
        .await?;
    }
    Ok(pages)
}

impl Selected {
    fn path(&self, id: &str) -> String {
        format!("/mailboxes/{}/messages/{id}", self.name)
    }

    async fn details(&self, uids: &[Uid]) -> Result<HashMap<String, Details>, Error> {
        let ids: Vec<_> = uids.iter().filter_map(|uid| self.mailbox.id(*uid)).collect();
        let details = self.account.rest.request(Method::POST, &format!("/mailboxes/{}/details", self.name));
        let details: Vec<Details> = send(details.json(&ids)).await?.json().await.map_err(unavailable)?;
        Ok(details.into_iter().map(|details| (details.id.clone(), details)).collect())
    }

    fn record(&self, uid: Uid, details: Option<&HashMap<String, Details>>) -> Option<Record> {
        let record = Record::new(uid, self.mailbox.poller().flags(uid)?);
        let Some(details) = details else { return Some(record) };
        let Details { id, size, date } = details.get(&self.mailbox.id(uid)?)?;
        let body = Content { rest: self.account.rest.clone(), path: self.path(id), size: *size };
        let date = DateTime::parse_from_rfc3339(date).unwrap_or_default();
        Some(record.with_size(*size).with_internal_date(date).with_body(Body::new(body)))
    }
}

impl Mailbox for Selected {
    async fn fetch(&mut self, uids: &[Uid], need: Need) -> Result<Fetched, Error> {
        let details = if need == Need::FLAGS { None } else { Some(self.details(uids).await?) };
        Ok(uids.iter().map(|uid| self.record(*uid, details.as_ref())).collect())
    }

    async fn store(&mut self, uids: &UidSet, change: &FlagChange) -> Result<Stored, Error> {
        let (named, none) = (texts(change.flags()), vec![]);
        let (remove_all, add, remove) = match change.action() {
            FlagAction::Replace => (true, named, none),
            FlagAction::Add => (false, named, none),
            FlagAction::Remove => (false, none, named),
        };
        let change = Change { remove_all, add, remove };
        for uid in uids.iter() {
            let Some(id) = self.mailbox.id(uid) else { continue };
            let patch = self.account.rest.request(Method::PATCH, &self.path(&id)).json(&change);
            match send(patch).await {
                Ok(flags) => {
                    let flags = flags_of(&flags.json::<Vec<_>>().await.map_err(unavailable)?);
                    let _told = self.mailbox.poller().stored(uid, flags, self.origin);
                }
                Err(error) if error.kind() == ErrorKind::ExpungeIssued => {}
                Err(error) => return Err(error),
            }
        }
        Ok(Stored::default())
    }

    async fn copy(&mut self, uids: &UidSet, target: &MailboxName) -> Result<Copied, Error> {
        let there = self.account.mailbox(target, ErrorKind::TryCreate).await?;
        let ids: Option<Vec<_>> = uids.iter().map(|uid| self.mailbox.id(uid)).collect();
        let copy = self.account.rest.request(Method::POST, &format!("/mailboxes/{}/copy", self.name));
        let copy = copy.query(&[("to", target.as_str())]).json(&ids.ok_or(ErrorKind::ExpungeIssued)?);
        let copies: Vec<String> = send(copy).await?.json().await.map_err(unavailable)?;
        let mut pairs = vec![];
        for (uid, id) in uids.iter().zip(copies) {
            let flags = self.mailbox.poller().flags(uid).unwrap_or_default();
            pairs.push((uid, self.account.appended(target, &there, id, flags).await?));
        }
        Ok(Copied::new(there.uid_validity(), pairs))
    }

    async fn expunge(&mut self, uids: &UidSet) -> Result<(), Error> {
        let deleted =
            |uid: &Uid| self.mailbox.poller().flags(*uid).is_some_and(|f| f.contains(&Flag::Deleted));
        let (mut gone, mut failed) = (UidSet::new(), Ok(()));
        for uid in uids.iter().filter(deleted) {
            let Some(id) = self.mailbox.id(uid) else { continue };
            match send(self.account.rest.request(Method::DELETE, &self.path(&id))).await {
                Err(error) if error.kind() != ErrorKind::ExpungeIssued => {
                    failed = Err(error);
                    break;
                }
                _ => gone.insert(uid),
            };
        }
        let mailbox = self.mailbox.clone();
        blocking(move || mailbox.expunged(&gone)).await?; // what was removed before a failure, too
        failed
    }

    async fn poll(&mut self, reason: PollReason) -> Result<(), Error> {
        let reason = match reason {
            PollReason::Asked => Reason::Asked,
            PollReason::Idling => Reason::Idle,
            _ => return Ok(()),
        };
        self.account.look(&self.name, &self.mailbox, reason).await
    }
}

/// The octets of a message, asked for a piece at a time.
struct Content {
    rest: Rest,
    path: String,
    size: u64,
}

impl ReadBody for Content {
    async fn size(&self) -> Result<u64, Error> {
        Ok(self.size)
    }
    async fn read_at(&self, offset: u64, at_most: usize) -> Result<Bytes, Error> {
        let piece = self.rest.request(Method::GET, &self.path);
        let piece = piece.query(&[("offset", offset), ("length", at_most as u64)]);
        send(piece).await?.bytes().await.map_err(unavailable)
    }
}
