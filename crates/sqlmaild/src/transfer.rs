//! Mail that goes from one store to another, message by message: between a database and Maildirs or mbox files.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Write};
use std::os::unix::fs::DirBuilderExt;
use std::path::Path;

use bytes::Bytes;
use imap_backend::walk::Walk;
use imap_backend::{
    Append, Authenticator, Body, Error, ListQuery, ListedAs, Mailbox, MailboxName, MessageSource, Need,
    PasswordCheck, Record, Select, Selection, Session,
};
use imap_daemon::Failure;
use imap_seq::{Uid, UidValidity};
use imap_sql::admin::{Admin, AdminError};
use imap_sql::{SqlBackend, SqlSession, Store};
use imap_updates::Access;

mod maildir;
mod mbox;

pub(crate) use maildir::{export_maildir, import_maildir};
pub(crate) use mbox::{export_mbox, import_mbox};

/// So many octets of a message are read at once.
const CHUNK: usize = 64 << 10;

/// So many messages are between two lines of progress.
const PROGRESS: u64 = 100;

/// A file in the folder of an export. No other folder is written to: what is in it could be taken for what was exported.
const MARK: &str = "sqlmaild-export";

/// Stores that are opened here are asked for nobody's password.
struct Nobody;

impl Authenticator for Nobody {
    async fn verify(&self, _: &str, _: &str) -> Result<PasswordCheck, Failure> {
        Ok(PasswordCheck::Refused)
    }
}

/// What became of the messages so far; says so on standard error.
#[derive(Debug)]
pub(crate) struct Progress {
    /// What is done with them.
    doing: &'static str,
    stored: u64,
    skipped: u64,
}

impl Progress {
    fn new(doing: &'static str) -> Self {
        Self {
            doing,
            stored: 0,
            skipped: 0,
        }
    }

    /// A message is stored, or was there already.
    fn count(&mut self, stored: bool) {
        match stored {
            true => self.stored += 1,
            false => self.skipped += 1,
        }
        if (self.stored + self.skipped).is_multiple_of(PROGRESS) {
            self.say("so far");
        }
    }

    fn say(&self, when: &str) {
        // Who closed standard error does not want to know.
        let _ = writeln!(
            io::stderr(),
            "{} {when}: {} messages, {} that were there before",
            self.doing,
            self.stored,
            self.skipped
        );
    }
}

impl Drop for Progress {
    /// Also where it ends in the middle: what is stored stays.
    fn drop(&mut self) {
        self.say("in all");
    }
}

/// A mailbox that is read from its first message to its last.
struct Reading<M> {
    mailbox: M,
    uid_validity: UidValidity,
    uids: Vec<Uid>,
}

impl<M: Mailbox> Reading<M> {
    /// Opens a mailbox; nothing is changed in it.
    async fn open(session: &mut impl Session<Mailbox = M>, name: &MailboxName) -> Result<Self, Error> {
        let opened = session.select(name, &Select::new(Access::ReadOnly)).await?;
        let uid_validity = opened.uid_validity();
        let (mailbox, updates) = opened.into_parts();
        Ok(Self {
            mailbox,
            uid_validity,
            uids: updates.view().uids().collect(),
        })
    }

    /// Looks at these messages with what is needed to store them elsewhere; those that are gone by now are left out.
    async fn each(
        &mut self,
        uids: Vec<Uid>,
        need: Need,
        mut look: impl AsyncFnMut(Record) -> Result<(), Failure>,
    ) -> Result<(), Failure> {
        let mut walk = Walk::new(uids.into_iter(), need);
        while let Some(fetched) = walk.next(&mut self.mailbox).await? {
            for record in fetched.into_records() {
                look(record).await?;
            }
        }
        Ok(())
    }
}

/// The names of an account's mailboxes, and whether each is subscribed.
async fn mailboxes(session: &mut impl Session) -> Result<Vec<(MailboxName, bool)>, Error> {
    let all = session.list(&ListQuery::new(Selection::Existing)).await?;
    let subscribed = session.list(&ListQuery::new(Selection::Subscribed)).await?;
    let subscribed = |name| subscribed.iter().any(|entry| entry.name() == name);
    let mailboxes = all.iter().filter(|entry| entry.listed_as() == ListedAs::Mailbox);
    Ok(mailboxes
        .map(|entry| (entry.name().clone(), subscribed(entry.name())))
        .collect())
}

/// Makes the folder of an export, unless an export has. It is this export's alone as long as the file that it gives is open.
fn mark(path: &Path) -> Result<File, Failure> {
    let failed = |error: io::Error| format!("cannot export to {}: {error}", path.display());
    let mark = path.join(MARK);
    if !mark.exists() {
        if path.exists() && fs::read_dir(path).map_err(failed)?.next().is_some() {
            return Err(format!("{} is not empty, and no export has made it", path.display()).into());
        }
        let mut folder = fs::DirBuilder::new();
        folder.mode(0o700).recursive(true).create(path).map_err(failed)?;
    }
    let mut options = OpenOptions::new();
    let made = options
        .write(true)
        .create(true)
        .truncate(false)
        .open(mark)
        .map_err(failed)?;
    lock(&made).map_err(failed)?;
    Ok(made)
}

/// Keeps other exports out as long as the file is open.
fn lock(file: &File) -> io::Result<()> {
    file.try_lock().map_err(|error| match error {
        TryLockError::WouldBlock => io::Error::other("another export is writing to it"),
        TryLockError::Error(error) => error,
    })
}

async fn session(store: &Store, admin: &Admin, account: &str) -> Result<SqlSession, Failure> {
    if !admin.has_account(account).await? {
        return Err(AdminError::NoAccount(account.to_owned()).into());
    }
    Ok(SqlBackend::new(store.clone(), Nobody).session(account).await?)
}

/// What to say of a message that is stored elsewhere: its flags and its date.
fn append(record: &Record) -> Append {
    let append = Append::new(record.flags().clone());
    match record.internal_date() {
        Some(date) => append.with_internal_date(date),
        None => append,
    }
}

/// The octets of a message of another store.
struct BodySource {
    body: Body,
    size: u64,
    at: u64,
}

impl BodySource {
    async fn new(body: Body) -> Result<Self, Error> {
        let size = body.size().await?;
        Ok(Self { body, size, at: 0 })
    }
}

impl MessageSource for BodySource {
    fn size(&self) -> Option<u64> {
        Some(self.size)
    }

    async fn chunk(&mut self) -> Result<Option<Bytes>, Error> {
        if self.at >= self.size {
            return Ok(None);
        }
        let octets = self.body.read_at(self.at, CHUNK).await?;
        self.at += octets.len() as u64;
        Ok(Some(octets).filter(|octets| !octets.is_empty()))
    }
}
