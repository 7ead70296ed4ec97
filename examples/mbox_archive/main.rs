//! A read-only archive: one mbox file as INBOX, in under 150 lines without comments and empty ones.
//!
//! `cargo run -p imap-backendutil-examples --example mbox_archive ADDRESS:PORT FILE`, user and password `demo`.
//! It prints the following line and serves until it is interrupted:
//! ```text
//! listening on 127.0.0.1:1143
//! ```
//! Then `curl imap://demo:demo@127.0.0.1:1143/INBOX -X 'FETCH 1:* (UID RFC822.SIZE INTERNALDATE)'` shows what is there.
//!
//! The file is read once from its beginning to its end, for an index of 32 octets for each message; the octets of a message
//! are read when somebody asks. A message begins with a line `From ` at the beginning of the file or after an empty line, and
//! Content-Length is not believed. `>From ` is `From ` with one `>` less (mboxrd).
//!
//! A UID is the message's place in the file. UIDVALIDITY is made of the file's inode and its first 80 octets, so another file
//! has another one. What is appended is there, under the UIDs that follow, when the archive is started again. Nobody sees
//! that octets in the middle were changed: an archive is not edited.

use chrono::{DateTime, FixedOffset, NaiveDateTime};
use imap_backend::*;
use imap_seq::{Uid, UidSet, UidValidity};
use imap_updates::{Access, Flags, MailboxHub, Snapshot};
use std::os::unix::fs::{FileExt, MetadataExt};
use std::{fs::File, io, mem, sync::Arc};

type Answer<T> = Result<T, Error>;

/// The archive, a session of it, and INBOX.
#[derive(Clone)]
pub(crate) struct Archive {
    file: Arc<File>,
    index: Arc<[Entry]>,
    uid_validity: UidValidity,
    hub: MailboxHub<()>,
}

/// A message, without its `From ` line and the empty line behind it: where it begins, and how many octets IMAP sees.
#[derive(Clone, Copy)]
pub(crate) struct Entry {
    pub(crate) start: u64,
    pub(crate) size: u64,
    date: DateTime<FixedOffset>,
}

/// The beginning of a line: its place in the message and in the file.
type Place = (u64, u64);

impl Archive {
    pub(crate) fn open(path: &str) -> Result<Self, Box<dyn std::error::Error>> {
        let (file, mut head) = (File::open(path)?, [0; 80]);
        file.read_at(&mut head, 0)?;
        let (index, inode) = (index(&file)?, file.metadata()?.ino().to_le_bytes());
        let mark = crc32fast::hash(&[&inode[..], &head].concat());
        let uids = (1..=u32::MAX).filter_map(Uid::new).take(index.len());
        let hub = MailboxHub::new((), Snapshot::new(uids.collect()))?;
        let uid_validity = UidValidity::new(mark).unwrap_or(UidValidity::MIN);
        Ok(Self { file: Arc::new(file), index: index.into(), uid_validity, hub })
    }

    fn record(&self, uid: Uid) -> Option<Record> {
        let of = *self.index.get(usize::try_from(uid.get() - 1).ok()?)?;
        let body = Body::new(Message(Arc::clone(&self.file), of, Arc::new((0, of.start).into())));
        Some(Record::new(uid, Flags::empty()).with_size(of.size).with_internal_date(of.date).with_body(body))
    }
}

/// A message, and how far it was read.
struct Message(Arc<File>, Entry, Arc<parking_lot::Mutex<Place>>);

impl ReadBody for Message {
    async fn size(&self) -> Answer<u64> {
        Ok(self.1.size)
    }
    async fn read_at(&self, offset: u64, at_most: usize) -> Answer<bytes::Bytes> {
        let (file, entry, place) = (Arc::clone(&self.0), self.1, Arc::clone(&self.2));
        let read = move || read(&file, entry, &mut place.lock(), offset, at_most as u64);
        let read = tokio::task::spawn_blocking(read).await.map_err(|_| ErrorKind::ServerBug)?;
        Ok(read.map_err(|error| Error::new(ErrorKind::Unavailable).with_source(error))?.into())
    }
}

/// One pass over the file.
pub(crate) fn index(file: &File) -> io::Result<Vec<Entry>> {
    let mut messages: Vec<Entry> = vec![];
    let (mut at, mut in_from, mut after_empty) = (0, false, true);
    pieces(file, 0, |begins, piece| {
        at += piece.len() as u64;
        let is_empty = begins && matches!(piece, b"\n" | b"\r\n");
        in_from = if begins { after_empty && piece.starts_with(b"From ") } else { in_from };
        // An empty line is counted once it is known that no From follows.
        let octets = if is_empty { 0 } else { unquoted(begins, piece).count() as u64 };
        match messages.last_mut() {
            _ if in_from && begins => messages.push(Entry { start: at, size: 0, date: date(piece) }),
            Some(message) if in_from => message.start = at,
            Some(message) => message.size += octets + 2 * u64::from(after_empty),
            None => {}
        }
        after_empty = is_empty;
        true
    })?;
    Ok(messages)
}

/// At most so many octets of a message from `offset` on. `place` makes it quick to read on from there.
pub(crate) fn read(file: &File, of: Entry, place: &mut Place, offset: u64, most: u64) -> io::Result<Vec<u8>> {
    let (wanted, mut out) = (offset..of.size.min(offset.saturating_add(most)), vec![]);
    let (mut here, mut at) = if place.0 > offset { (0, of.start) } else { *place };
    pieces(file, at, |begins, piece| {
        *place = if begins { (here, at) } else { *place };
        let text = unquoted(begins, piece);
        out.extend(text.clone().zip(here..).filter_map(|(octet, n)| wanted.contains(&n).then_some(*octet)));
        (here, at) = (here + text.count() as u64, at + piece.len() as u64);
        here < wanted.end
    })?;
    Ok(out)
}

/// Reads on from the beginning of a line as long as `each` wants more. It gets a line at a time, and whether it begins there: one
/// that is longer than 64 KiB comes in pieces.
fn pieces(file: &File, mut at: u64, mut each: impl FnMut(bool, &[u8]) -> bool) -> io::Result<()> {
    let (mut buffer, mut begins, mut more) = (vec![0; 1 << 16], true, true);
    while more {
        let read = file.read_at(&mut buffer, at)?;
        let whole = buffer[..read].iter().rposition(|octet| *octet == b'\n').map_or(read, |end| end + 1);
        let mut lines = buffer[..whole].split_inclusive(|octet| *octet == b'\n');
        more = lines.all(|line| each(mem::replace(&mut begins, line.ends_with(b"\n")), line)) && read > 0;
        at += whole as u64;
    }
    Ok(())
}

/// A piece of a line as IMAP has it: without the first `>` of those before a From, and its line end.
fn unquoted(begins: bool, piece: &[u8]) -> impl Iterator<Item = &u8> + Clone {
    let quotes = piece.iter().take_while(|octet| **octet == b'>').count();
    let is_quoted = begins && quotes > 0 && piece[quotes..].starts_with(b"From ");
    let text = &piece[usize::from(is_quoted)..];
    let line = text.strip_suffix(b"\n").map(|line| line.strip_suffix(b"\r").unwrap_or(line));
    line.unwrap_or(text).iter().chain(if line.is_some() { &b"\r\n"[..] } else { b"" })
}

/// The date of a `From ` line, which is asctime's.
fn date(from: &[u8]) -> DateTime<FixedOffset> {
    let from = String::from_utf8_lossy(from);
    let date = from.split_whitespace().skip(2).collect::<Vec<_>>().join(" ");
    NaiveDateTime::parse_from_str(&date, "%a %b %e %T %Y").unwrap_or_default().and_utc().into()
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
    async fn list(&mut self, _: &ListQuery) -> Answer<Vec<ListEntry>> {
        Ok(vec![ListEntry::mailbox(MailboxName::inbox())])
    }
    async fn select(&mut self, name: &MailboxName, _: &Select) -> Answer<Opened<Self>> {
        name.is_inbox().then_some(()).ok_or(ErrorKind::NonExistent)?;
        let uid_next = u32::try_from(self.index.len() + 1).ok().and_then(Uid::new);
        let opened = Opened::new(self.clone(), self.hub.subscribe(Access::ReadOnly), self.uid_validity);
        Ok(opened.with_uid_next(uid_next).with_new_keywords(NewKeywords::Refused))
    }
    async fn append(&mut self, _: &MailboxName, _: &Append, _: impl MessageSource) -> Answer<Appended> {
        Err(ErrorKind::NoPermission.into())
    }
}

impl Mailbox for Archive {
    async fn fetch(&mut self, uids: &[Uid], _: Need) -> Answer<Fetched> {
        Ok(uids.iter().map(|uid| self.record(*uid)).collect())
    }
    async fn store(&mut self, _: &UidSet, _: &FlagChange) -> Answer<Stored> {
        Err(ErrorKind::NoPermission.into())
    }
    async fn copy(&mut self, _: &UidSet, _: &MailboxName) -> Answer<Copied> {
        Err(ErrorKind::NoPermission.into())
    }
    async fn expunge(&mut self, _: &UidSet) -> Answer<()> {
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
