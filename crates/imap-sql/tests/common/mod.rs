//! What the tests have in common.

#![allow(dead_code, reason = "each test uses some of it")]
#![allow(
    clippy::unwrap_used,
    reason = "outside of a `#[test]`, clippy does not see that these are tests"
)]

pub(crate) mod outside;

use std::error::Error;
use std::path::PathBuf;
use std::time::Duration;

use imap_backend::{Append, Appended, FlagAction, FlagChange, MailboxName, MessageSource, Need, Session};
use imap_backend_test::{Selected, Stage, Subject, User};
use imap_seq::Uid;
use imap_sql::{Authenticator, Options, PasswordCheck, SqlBackend, SqlMailbox, SqlSession, Store};
use imap_updates::{Access, Flags};

/// One user, "ann", with the password "secret".
#[derive(Debug)]
pub(crate) struct Secret;

impl Authenticator for Secret {
    async fn verify(
        &self,
        user: &str,
        password: &str,
    ) -> Result<PasswordCheck, Box<dyn Error + Send + Sync>> {
        Ok(match (user, password) {
            ("ann", "secret") => PasswordCheck::Accepted,
            _ => PasswordCheck::Refused,
        })
    }
}

pub(crate) fn backend(store: Store) -> SqlBackend<Secret> {
    SqlBackend::new(store, Secret)
}

/// A process that serves a database, as far as the database can tell: it shares nothing with the others but that.
pub(crate) type Process = Stage<SqlBackend<Secret>>;

/// Where a database is, with what has to be there as long as it is.
pub(crate) enum Home {
    File(File),
    Server(&'static test_postgres::Server, String),
}

/// Runs a test on a new database of each engine, of PostgreSQL where the machine has one.
pub(crate) async fn on_every_engine(test: impl AsyncFn(Home)) {
    test(Home::File(File::new())).await;
    if let Some(server) = test_postgres::shared() {
        eprintln!("and now with PostgreSQL");
        test(Home::Server(server, server.create_database())).await;
    }
}

impl Home {
    /// What others do is found when a client asks: no test depends on a hint that comes in time.
    pub(crate) fn open(&self, options: &Options) -> Store {
        match self {
            Self::File(file) => options.open(file.path()).unwrap(),
            Self::Server(_, url) => options.open_url(url).unwrap(),
        }
    }

    pub(crate) fn process(&self) -> Process {
        self.process_with(&Options::default().without_hints())
    }

    pub(crate) fn process_with(&self, options: &Options) -> Process {
        Stage::new(Subject::new(backend(self.open(options)), "ann", "secret"))
    }

    /// What somebody writes by hand.
    pub(crate) fn by_hand(&self, sql: &str) -> Result<(), String> {
        match self {
            Self::File(file) => file.by_hand(sql).map_err(|error| error.to_string()),
            Self::Server(server, url) => server.sql(url, sql).map(drop),
        }
    }

    /// A number that a query by hand answers.
    pub(crate) fn number(&self, sql: &str) -> i64 {
        match self {
            Self::File(file) => file.number(sql),
            Self::Server(server, url) => server.sql(url, sql).unwrap().parse().unwrap(),
        }
    }

    /// How SQL writes these octets.
    pub(crate) fn octets(&self, hex: &str) -> String {
        match self {
            Self::File(_) => format!("x'{hex}'"),
            Self::Server(..) => format!("'\\x{hex}'::bytea"),
        }
    }
}

/// A database in a file, in a directory that is removed afterwards.
pub(crate) struct File {
    pub(crate) directory: tempfile::TempDir,
}

impl File {
    pub(crate) fn new() -> Self {
        Self {
            directory: tempfile::tempdir().unwrap(),
        }
    }

    pub(crate) fn path(&self) -> PathBuf {
        self.directory.path().join("mail.db")
    }

    pub(crate) fn process(&self) -> Process {
        let store = Options::default().without_hints().open(self.path()).unwrap();
        Stage::new(Subject::new(backend(store), "ann", "secret"))
    }

    /// What somebody writes by hand, as with the `sqlite3` program: without the backend's settings.
    pub(crate) fn by_hand(&self, sql: &str) -> rusqlite::Result<()> {
        let connection = rusqlite::Connection::open(self.path())?;
        connection.busy_timeout(Duration::from_secs(10))?;
        connection.pragma_update(None, "foreign_keys", false)?;
        connection.execute_batch(sql)
    }

    /// A number that a query by hand answers.
    pub(crate) fn number(&self, sql: &str) -> i64 {
        let connection = rusqlite::Connection::open(self.path()).unwrap();
        connection.query_row(sql, [], |row| row.get(0)).unwrap()
    }
}

/// A message that arrives in pieces, and then ends or never goes on.
pub(crate) struct Pieces {
    pub(crate) pieces: Vec<Vec<u8>>,
    pub(crate) then: Then,
}

#[derive(Clone, Copy, PartialEq)]
pub(crate) enum Then {
    End,
    Stall,
}

impl MessageSource for Pieces {
    fn size(&self) -> Option<u64> {
        Some(self.pieces.iter().map(|piece| piece.len() as u64).sum())
    }

    async fn chunk(&mut self) -> Result<Option<bytes::Bytes>, imap_backend::Error> {
        match (self.pieces.is_empty(), self.then) {
            (false, _) => Ok(Some(self.pieces.remove(0).into())),
            (true, Then::End) => Ok(None),
            (true, Then::Stall) => std::future::pending().await,
        }
    }
}

pub(crate) fn name(text: &str) -> MailboxName {
    MailboxName::new(text).unwrap()
}

pub(crate) fn uid(number: u32) -> Uid {
    Uid::new(number).unwrap()
}

pub(crate) fn add(flags: &str) -> FlagChange {
    FlagChange::new(FlagAction::Add, flags.parse().unwrap())
}

pub(crate) fn flags(text: &str) -> Flags {
    text.parse().unwrap()
}

pub(crate) async fn append(session: &mut SqlSession, pieces: Vec<Vec<u8>>) -> Appended {
    let message = Pieces {
        pieces,
        then: Then::End,
    };
    let append = Append::new(Flags::empty());
    session.append(&name("INBOX"), &append, message).await.unwrap()
}

/// Logs in and selects INBOX.
pub(crate) async fn select(process: &Process) -> (User<SqlSession>, Selected<SqlMailbox>) {
    let mut user = process.login().await.unwrap();
    let selected = user.select(&name("INBOX"), Access::ReadWrite).await.unwrap();
    (user, selected)
}

/// All octets of a message.
pub(crate) async fn octets(selected: &mut Selected<SqlMailbox>, number: u32) -> Vec<u8> {
    let record = selected.fetch_one(uid(number), Need::BODY).await.unwrap();
    let body = record.body().unwrap();
    let size = usize::try_from(body.size().await.unwrap()).unwrap();
    body.read_first(size).await.unwrap().to_vec()
}
