//! The backend as a whole, through the traits, with another program at work in the same directories.

mod content;
mod crash;
mod locks;
mod model;
mod names;
mod outside;
mod races;
mod search;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use bytes::Bytes;
use imap_backend::{
    AppendOptions, Error, FlagAction, FlagChange, Mailbox as _, MailboxName, MessageSource, Need, Opened,
    PollReason, Session as _,
};
use imap_seq::{Uid, UidSet};
use imap_updates::{Access, CommandInProgress, Flag, Flags, Followers, Untagged, UpdateBuffer, kind};

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
struct Fixture {
    home: Arc<tempfile::TempDir>,
    backend: MaildirBackend<Secret>,
}

impl Fixture {
    fn new() -> Self {
        Self::on(Arc::new(tempfile::tempdir().unwrap()))
    }

    /// Another process on the same directories.
    fn on(home: Arc<tempfile::TempDir>) -> Self {
        let backend = MaildirBackend::new(MailRoot::new(home.path().join("%u")), Secret).unwrap();
        Self { home, backend }
    }

    fn restarted(self) -> Self {
        Self::on(self.home)
    }

    fn root(&self) -> PathBuf {
        self.home.path().join("u")
    }

    async fn session(&self) -> MaildirSession {
        self.backend.session("u").await.unwrap()
    }

    async fn select(&self, mailbox: &str) -> Client {
        Client::of(
            self.session()
                .await
                .select(&name(mailbox), Access::ReadWrite)
                .await
                .unwrap(),
        )
    }

    async fn examine(&self, mailbox: &str) -> Client {
        Client::of(
            self.session()
                .await
                .select(&name(mailbox), Access::ReadOnly)
                .await
                .unwrap(),
        )
    }
}

/// A client with a mailbox selected.
struct Client {
    opened: Opened<MaildirMailbox>,
}

impl Client {
    fn of(opened: Opened<MaildirMailbox>) -> Self {
        Self { opened }
    }

    fn updates(&mut self) -> &mut UpdateBuffer {
        &mut self.opened.updates
    }

    fn mailbox(&mut self) -> &mut MaildirMailbox {
        &mut self.opened.mailbox
    }

    fn open(&self) -> Arc<OpenMailbox> {
        self.opened.mailbox.open()
    }

    fn uids(&self) -> Vec<u32> {
        self.opened.updates.view().uids().map(Uid::get).collect()
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

    async fn flags(&mut self, uid: u32) -> String {
        let records = self
            .mailbox()
            .fetch(&[Uid::new(uid).unwrap()], Need::FLAGS)
            .await
            .unwrap();
        records[0]
            .as_ref()
            .map_or_else(|| "gone".to_owned(), |record| record.flags.to_string())
    }

    async fn body(&mut self, uid: u32) -> Option<Bytes> {
        let mut records = self
            .mailbox()
            .fetch(&[Uid::new(uid).unwrap()], Need::OCTETS.and(Need::SIZE))
            .await
            .unwrap();
        let record = records.remove(0)?;
        let octets = record.octets.unwrap();
        assert_eq!(record.size, Some(octets.len() as u64), "RFC822.SIZE");
        Some(octets)
    }

    async fn store(&mut self, uids: &[u32], action: FlagAction, text: &str) -> Result<(), Error> {
        self.mailbox()
            .store(
                &set(uids),
                &FlagChange {
                    action,
                    flags: flags(text),
                },
            )
            .await
    }

    /// EXPUNGE of everything.
    async fn expunge(&mut self) {
        let all = self.opened.updates.view().uids().collect();
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
    fn size(&self) -> u64 {
        self.0.iter().map(|piece| piece.len() as u64).sum()
    }

    async fn chunk(&mut self) -> Result<Option<Bytes>, Error> {
        Ok(self.0.pop())
    }
}

async fn append(session: &mut MaildirSession, mailbox: &str, text: &str, with: &str) -> Result<u32, Error> {
    let options = AppendOptions::new(flags(with), None);
    Ok(session
        .append(&name(mailbox), options, Pieces::of(text))
        .await?
        .uid
        .get())
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
fn deliver(mailbox: &Path, file: &str, text: &str) {
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
