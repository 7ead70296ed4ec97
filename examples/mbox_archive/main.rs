//! A read-only archive: one mbox file as INBOX.
//!
//! `cargo run -p imap-backendutil-examples --example mbox_archive ADDRESS:PORT FILE`, user and password `demo`.
//! It prints the following line and serves until it is interrupted:
//! ```text
//! listening on 127.0.0.1:1143
//! ```
//! Then `curl imap://demo:demo@127.0.0.1:1143/INBOX -X 'FETCH 1:* (UID RFC822.SIZE INTERNALDATE)'` shows what is there.
//!
//! The backend is this file, a hundred lines without comments and empty ones; the format is `mbox.rs`, as many again.
//!
//! The file is read once from its beginning to its end, for an index of 24 octets for each message; the octets of a message
//! are read when somebody asks. A message begins with a line `From ` at the beginning of the file or after an empty line, and
//! Content-Length is not believed. `>From ` is `From ` with one `>` less (mboxrd).
//!
//! A UID is the message's place in the file. UIDVALIDITY is made of the file's inode and its first 80 octets, so another file
//! has another one. What is appended is there, under the UIDs that follow, when the archive is started again. Nobody sees
//! that octets in the middle were changed: an archive is not edited.

pub(crate) mod mbox;

use bytes::Bytes;
use chrono::DateTime;
use imap_backend::*;
use imap_seq::{Uid, UidSet, UidValidity};
use imap_updates::{Access, Flags, MailboxHub, Snapshot};
use parking_lot::Mutex;
use std::fs::File;
use std::os::unix::fs::{FileExt, MetadataExt};
use std::sync::Arc;

/// The archive, a session of it, and INBOX.
#[derive(Clone)]
pub(crate) struct Archive {
    file: Arc<File>,
    index: Arc<Vec<mbox::Entry>>,
    uid_validity: UidValidity,
    hub: MailboxHub<()>,
}

impl Archive {
    pub(crate) fn open(path: &str) -> Result<Self, Box<dyn std::error::Error>> {
        let (file, mut head) = (File::open(path)?, [0; 80]);
        let index = mbox::index(&file)?;
        let read = file.read_at(&mut head, 0)?;
        let inode = file.metadata()?.ino().to_le_bytes();
        // FNV-1a, which is the same for ever.
        let fold = |hash: u32, octet: &u8| (hash ^ u32::from(*octet)).wrapping_mul(0x0100_0193);
        let hash = inode.iter().chain(&head[..read]).fold(0x811c_9dc5, fold);
        let uids = (1..=u32::MAX).filter_map(Uid::new).take(index.len());
        let hub = MailboxHub::new((), Snapshot::new(uids.collect()))?;
        let uid_validity = UidValidity::new(hash).unwrap_or(UidValidity::MIN);
        Ok(Self { file: Arc::new(file), index: Arc::new(index), uid_validity, hub })
    }

    fn record(&self, uid: Uid) -> Option<Record> {
        let entry = *self.index.get(usize::try_from(uid.get() - 1).ok()?)?;
        let message = Message(Arc::clone(&self.file), entry, Arc::new(Mutex::new((0, entry.start))));
        let date = DateTime::from_timestamp(entry.seconds, 0).unwrap_or_default().fixed_offset();
        let record = Record::new(uid, Flags::empty()).with_size(entry.size);
        Some(record.with_internal_date(date).with_body(Body::new(message)))
    }
}

/// A message, and how far it was read.
struct Message(Arc<File>, mbox::Entry, Arc<Mutex<mbox::Place>>);

impl ReadBody for Message {
    async fn size(&self) -> Result<u64, Error> {
        Ok(self.1.size)
    }
    async fn read_at(&self, offset: u64, at_most: usize) -> Result<Bytes, Error> {
        let (file, entry, place) = (Arc::clone(&self.0), self.1, Arc::clone(&self.2));
        let read = move || mbox::read(&file, entry, &mut place.lock(), offset, at_most as u64);
        let read = tokio::task::spawn_blocking(read).await.map_err(|_| ErrorKind::ServerBug)?;
        Ok(read.map_err(|error| Error::new(ErrorKind::Unavailable).with_source(error))?.into())
    }
}

impl Backend for Archive {
    type Session = Self;
    async fn login(&self, _: &Peer, who: Credentials) -> Result<Self, LoginError> {
        let known = who.user() == "demo" && who.password() == Some("demo");
        known.then(|| self.clone()).ok_or(LoginError::Refused)
    }
}

impl Session for Archive {
    type Mailbox = Self;
    async fn list(&mut self, _: &ListQuery) -> Result<Vec<ListEntry>, Error> {
        Ok(vec![ListEntry::mailbox(MailboxName::inbox())])
    }
    async fn select(&mut self, name: &MailboxName, _: &Select) -> Result<Opened<Self>, Error> {
        name.is_inbox().then_some(()).ok_or(ErrorKind::NonExistent)?;
        let uid_next = u32::try_from(self.index.len() + 1).ok().and_then(Uid::new);
        let opened = Opened::new(self.clone(), self.hub.subscribe(Access::ReadOnly), self.uid_validity);
        Ok(opened.with_uid_next(uid_next).with_new_keywords(NewKeywords::Refused))
    }
    async fn append(
        &mut self,
        _: &MailboxName,
        _: &Append,
        _: impl MessageSource,
    ) -> Result<Appended, Error> {
        Err(ErrorKind::NoPermission.into())
    }
}

impl Mailbox for Archive {
    async fn fetch(&mut self, uids: &[Uid], _: Need) -> Result<Fetched, Error> {
        Ok(uids.iter().map(|uid| self.record(*uid)).collect())
    }
    async fn store(&mut self, _: &UidSet, _: &FlagChange) -> Result<Stored, Error> {
        Err(ErrorKind::NoPermission.into())
    }
    async fn copy(&mut self, _: &UidSet, _: &MailboxName) -> Result<Copied, Error> {
        Err(ErrorKind::NoPermission.into())
    }
    async fn expunge(&mut self, _: &UidSet) -> Result<(), Error> {
        Err(ErrorKind::NoPermission.into())
    }
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<_> = std::env::args().skip(1).collect();
    let [address, file] = &arguments[..] else { return Err("ADDRESS:PORT FILE".into()) };
    let archive = Archive::open(file)?;
    let listener = tokio::net::TcpListener::bind(address).await?;
    println!("listening on {}", listener.local_addr()?);
    Ok(imap_server::Server::builder(archive).build().serve(listener, imap_server::Shutdown::new()).await?)
}
