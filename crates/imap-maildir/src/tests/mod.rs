//! The backend as a whole, through the traits, with another program at work in the same directories.

mod acl;
mod annotations;
mod bodies;
mod content;
mod crash;
mod exclusive;
mod hostile;
mod index;
mod keywords;
mod links;
mod locks;
mod log;
pub(crate) mod log_lines;
mod looks;
mod model;
mod named;
mod names;
mod numbers;
mod object_ids;
mod outside;
mod power;
mod quota;
mod races;
mod recent;
mod saved;
mod search;
mod sessions;
mod subscribed;
mod synced;
mod texts;
mod together;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use bytes::Bytes;
use imap_backend::{
    Append, Create, Error, FlagAction, FlagChange, ListQuery, Mailbox as _, MailboxName, MessageSource, Need,
    NewKeywords, Opened, PollReason, Select, Selection, Session as _, Status, StatusQuery,
};
use imap_seq::{Uid, UidSet, UidValidity};
use imap_updates::{
    Access, CommandInProgress, Flag, Flags, Followers, Keyword, Untagged, UpdateBuffer, kind,
};

use crate::mailbox::open::OpenMailbox;
use crate::{Authenticator, MailRoot, MaildirBackend, MaildirMailbox, MaildirSession, PasswordCheck};

/// Everybody's password is "secret".
struct Secret;

impl Authenticator for Secret {
    async fn verify(
        &self,
        _: &str,
        password: &str,
    ) -> Result<PasswordCheck, Box<dyn std::error::Error + Send + Sync>> {
        Ok(if password == "secret" {
            PasswordCheck::Accepted
        } else {
            PasswordCheck::Refused
        })
    }
}

/// A mail root of one user, "u", and a process that serves it.
pub(crate) struct Fixture {
    home: Arc<tempfile::TempDir>,
    backend: MaildirBackend<Secret>,
}

impl Fixture {
    pub(crate) fn new() -> Self {
        Self::on(home())
    }

    /// Another process on the same directories. It looks at a mailbox only when a client asks, so that a test knows when.
    fn on(home: Arc<tempfile::TempDir>) -> Self {
        let fixture = Self::watching(home);
        fixture.backend.shared.watcher.never_start();
        fixture.backend.shared.cache.filler.never_start();
        fixture
    }

    /// A mail root on a file system that other machines reach too: events tell of some changes only, and time stamps have to
    /// do.
    fn on_a_network() -> Self {
        let fixture = Self::new();
        fixture.backend.shared.watcher.pretend_a_network();
        fixture
    }

    /// Another process, that looks at mailboxes by itself too.
    fn watching(home: Arc<tempfile::TempDir>) -> Self {
        let backend = MaildirBackend::new(MailRoot::new(home.path().join("%u")), Secret).unwrap();
        let backend = backend.with_index_from(Some(1));
        Self { home, backend }
    }

    fn restarted(self) -> Self {
        Self::on(self.home)
    }

    pub(crate) fn root(&self) -> PathBuf {
        self.home.path().join("u")
    }

    async fn session(&self) -> MaildirSession {
        self.backend.session("u").await.unwrap()
    }

    pub(crate) async fn select(&self, mailbox: &str) -> Client {
        Client::of(
            self.session()
                .await
                .select(&name(mailbox), &Select::new(Access::ReadWrite))
                .await
                .unwrap(),
        )
    }

    async fn examine(&self, mailbox: &str) -> Client {
        Client::of(
            self.session()
                .await
                .select(&name(mailbox), &Select::new(Access::ReadOnly))
                .await
                .unwrap(),
        )
    }
}

fn home() -> Arc<tempfile::TempDir> {
    Arc::new(tempfile::tempdir().unwrap())
}

/// A client with a mailbox selected.
pub(crate) struct Client {
    mailbox: MaildirMailbox,
    updates: UpdateBuffer,
    uid_validity: UidValidity,
    uid_next: Option<Uid>,
    new_keywords: NewKeywords,
    keywords: Vec<Keyword>,
}

impl Client {
    fn of(opened: Opened<MaildirMailbox>) -> Self {
        let (uid_validity, uid_next) = (opened.uid_validity(), opened.uid_next());
        let (new_keywords, keywords) = (opened.new_keywords(), opened.keywords().to_vec());
        let (mailbox, updates) = opened.into_parts();
        Self {
            mailbox,
            updates,
            uid_validity,
            uid_next,
            new_keywords,
            keywords,
        }
    }

    fn updates(&mut self) -> &mut UpdateBuffer {
        &mut self.updates
    }

    fn mailbox(&mut self) -> &mut MaildirMailbox {
        &mut self.mailbox
    }

    pub(crate) fn open(&self) -> Arc<OpenMailbox> {
        self.mailbox.open()
    }

    fn uids(&self) -> Vec<u32> {
        self.updates.view().uids().map(Uid::get).collect()
    }

    /// NOOP: looks, and shows what the client is told.
    async fn noop(&mut self) -> Vec<String> {
        self.mailbox().poll(PollReason::Asked).await.unwrap();
        self.told()
    }

    /// What the client is told without looking.
    fn told(&mut self) -> Vec<String> {
        let command: CommandInProgress<kind::Noop> = self.updates().begin(kind::Noop);
        let drained = self.updates().drain(command.permit(Followers::None));
        let lines = drained
            .iter()
            .filter_map(|untagged| match untagged {
                Untagged::Fetch { uid, flags, .. } => Some(format!("{uid} {flags}")),
                Untagged::Expunge(seq) => Some(format!("EXPUNGE {seq}")),
                Untagged::Exists(count) => Some(format!("EXISTS {count}")),
                _ => None,
            })
            .collect();
        self.updates().written(drained);
        lines
    }

    async fn record(&mut self, uid: u32, need: Need) -> Option<imap_backend::Record> {
        let fetched = self.mailbox.fetch(&[Uid::new(uid).unwrap()], need).await.unwrap();
        fetched.into_iter().next().unwrap()
    }

    async fn flags(&mut self, uid: u32) -> String {
        let record = self.record(uid, Need::FLAGS).await;
        record.map_or_else(|| "gone".to_owned(), |record| record.flags().to_string())
    }

    async fn body(&mut self, uid: u32) -> Option<Bytes> {
        let record = self.record(uid, Need::BODY.and(Need::SIZE)).await?;
        let body = record.body().unwrap();
        let octets = body.read_at(0, 1 << 20).await.unwrap();
        assert_eq!(record.size(), Some(octets.len() as u64), "RFC822.SIZE");
        assert_eq!(
            body.size().await.unwrap(),
            octets.len() as u64,
            "the size of the body"
        );
        Some(octets)
    }

    async fn store(&mut self, uids: &[u32], action: FlagAction, text: &str) -> Result<(), Error> {
        let change = FlagChange::new(action, flags(text));
        self.mailbox.store(&set(uids), &change).await.map(drop)
    }

    /// EXPUNGE of everything.
    async fn expunge(&mut self) {
        let all = self.updates.view().uids().collect();
        self.mailbox().expunge(&all).await.unwrap();
    }
}

/// A message that arrives in two pieces.
struct Pieces(Vec<Bytes>);

impl Pieces {
    fn of(text: &str) -> Self {
        let (head, tail) = text.split_at(text.len() / 2);
        let pieces = [tail, head].map(|piece| Bytes::copy_from_slice(piece.as_bytes()));
        Self(pieces.into_iter().filter(|piece| !piece.is_empty()).collect())
    }
}

impl MessageSource for Pieces {
    fn size(&self) -> Option<u64> {
        Some(self.0.iter().map(|piece| piece.len() as u64).sum())
    }

    async fn chunk(&mut self) -> Result<Option<Bytes>, Error> {
        Ok(self.0.pop())
    }
}

async fn append(session: &mut MaildirSession, mailbox: &str, text: &str, with: &str) -> Result<u32, Error> {
    let append = Append::new(flags(with));
    let appended = session.append(&name(mailbox), &append, Pieces::of(text)).await?;
    Ok(appended.uid().get())
}

async fn create(session: &mut MaildirSession, mailbox: &str) -> Result<(), Error> {
    session.create(&name(mailbox), &Create::default()).await.map(drop)
}

async fn status(session: &mut MaildirSession, mailbox: &str) -> Status {
    session.status(&name(mailbox), StatusQuery::ALL).await.unwrap()
}

fn name(text: &str) -> MailboxName {
    MailboxName::new(text).unwrap()
}

fn set(uids: &[u32]) -> UidSet {
    uids.iter().filter_map(|&uid| Uid::new(uid)).collect()
}

fn flags(text: &str) -> Flags {
    text.split_whitespace()
        .map(|flag| flag.parse::<Flag>().unwrap())
        .collect()
}

/// Another program delivers a message.
pub(crate) fn deliver(mailbox: &Path, file: &str, text: &str) {
    for sub in ["new", "cur", "tmp"] {
        std::fs::create_dir_all(mailbox.join(sub)).unwrap();
    }
    let temporary = mailbox.join("tmp/delivery");
    std::fs::write(&temporary, text).unwrap();
    std::fs::rename(temporary, mailbox.join(file)).unwrap();
}

/// Names of message files, `new/x` and `cur/y`, sorted.
fn files(mailbox: &Path) -> Vec<String> {
    let list = |sub: &str| {
        let entries = std::fs::read_dir(mailbox.join(sub)).unwrap();
        entries
            .map(|entry| format!("{sub}/{}", entry.unwrap().file_name().into_string().unwrap()))
            .collect::<Vec<_>>()
    };
    let mut all = [list("new"), list("cur")].concat();
    all.sort();
    all
}

/// The information parts of the files in `cur/`, sorted.
fn infos(mailbox: &Path) -> Vec<String> {
    let mut infos: Vec<_> = files(mailbox)
        .iter()
        .map(|file| file.split_once(':').map_or("", |(_, i)| i).to_owned())
        .collect();
    infos.sort();
    infos
}
