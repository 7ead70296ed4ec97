//! What the process does, and what is there after each step.

use std::collections::BTreeMap;
use std::path::Path;

use imap_backend::{
    Append, Create, FlagAction, FlagChange, ListQuery, Mailbox as _, MailboxName, MessageSource, Need,
    Select, Session as _,
};
use imap_seq::{Uid, UidSet};
use imap_sql::{Authenticator, Options, PasswordCheck, SqlBackend, SqlMailbox, SqlSession};
use imap_updates::{Access, Flags};

use crate::trace::ANSWERED;

/// One step.
#[derive(Clone, Copy, Debug)]
enum Step {
    /// Octets of the message.
    Append(&'static str, usize),
    Flag(u32, &'static str),
    Copy(&'static [u32], &'static str),
    Move(&'static [u32], &'static str),
    /// The messages with `\Deleted`.
    Expunge,
    Create(&'static str),
    Rename(&'static str, &'static str),
    Delete(&'static str),
}

/// Messages of all sizes (one is written in three transactions), and enough of them for the log to be written back to the
/// database once.
const STEPS: &[Step] = &[
    Step::Append("INBOX", 16),
    Step::Append("INBOX", 70_000),
    Step::Flag(1, "\\Seen"),
    Step::Create("archive/2026"),
    Step::Copy(&[1, 2], "archive/2026"),
    Step::Append("INBOX", 2_300_000),
    Step::Flag(2, "\\Deleted Work"),
    Step::Expunge,
    Step::Move(&[1, 3], "archive/2026"),
    Step::Append("INBOX", 1_500_000),
    Step::Rename("archive", "kept"),
    Step::Append("kept/2026", 104),
    Step::Flag(4, "\\Flagged"),
    Step::Append("INBOX", 900_000),
    Step::Create("gone"),
    Step::Copy(&[4, 5], "gone"),
    Step::Delete("gone"),
    Step::Flag(5, "\\Deleted"),
    Step::Expunge,
];

/// Size and flags of each message, and the next UID.
type Messages = (u32, BTreeMap<u32, (usize, String)>);

/// What is there.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Model(BTreeMap<String, Messages>);

impl Model {
    /// Before the first step (with nothing at all, and with an INBOX), and after each.
    pub(crate) fn after_each_step() -> Vec<Self> {
        let mut model = Self::default();
        model.0.insert("INBOX".to_owned(), (1, BTreeMap::new()));
        let mut models = vec![model.clone()];
        for step in STEPS {
            model.step(step);
            models.push(model.clone());
        }
        models
    }

    fn step(&mut self, step: &Step) {
        match *step {
            Step::Append(mailbox, size) => self.add(mailbox, (size, sorted(""))),
            Step::Flag(uid, flags) => self.inbox().get_mut(&uid).unwrap().1 = sorted(flags),
            Step::Copy(uids, to) => {
                for uid in uids {
                    let message = self.inbox()[uid].clone();
                    self.add(to, message);
                }
            }
            Step::Move(uids, to) => {
                for uid in uids {
                    let message = self.inbox().remove(uid).unwrap();
                    self.add(to, message);
                }
            }
            Step::Expunge => self.inbox().retain(|_, (_, flags)| !flags.contains("Deleted")),
            Step::Create(name) => {
                for (at, _) in name.match_indices('/').chain([(name.len(), "")]) {
                    self.0.insert(name[..at].to_owned(), (1, BTreeMap::new()));
                }
            }
            Step::Rename(from, to) => {
                let renamed = |name: &String| format!("{to}{}", name.strip_prefix(from).unwrap_or_default());
                let old = std::mem::take(&mut self.0);
                self.0 = old
                    .into_iter()
                    .map(|(name, messages)| match name.starts_with(from) {
                        true => (renamed(&name), messages),
                        false => (name, messages),
                    })
                    .collect();
            }
            Step::Delete(name) => drop(self.0.remove(name)),
        }
    }

    fn inbox(&mut self) -> &mut BTreeMap<u32, (usize, String)> {
        &mut self.0.get_mut("INBOX").unwrap().1
    }

    fn add(&mut self, mailbox: &str, message: (usize, String)) {
        let (next, messages) = self.0.get_mut(mailbox).unwrap();
        messages.insert(*next, message);
        *next += 1;
    }
}

fn sorted(flags: &str) -> String {
    flags.parse::<Flags>().unwrap().to_string()
}

#[derive(Debug)]
struct Anybody;

impl Authenticator for Anybody {
    async fn verify(
        &self,
        _: &str,
        _: &str,
    ) -> Result<PasswordCheck, Box<dyn std::error::Error + Send + Sync>> {
        Ok(PasswordCheck::Accepted)
    }
}

/// A message of this size, in one piece. Its octets say where they are.
struct Message(Option<Vec<u8>>);

fn message(size: usize) -> Vec<u8> {
    let lines = (0..).flat_map(|line| format!("{line:06}\r\n").into_bytes());
    lines.take(size / 8 * 8).collect()
}

impl MessageSource for Message {
    fn size(&self) -> Option<u64> {
        Some(self.0.as_ref().map_or(0, |octets| octets.len() as u64))
    }

    async fn chunk(&mut self) -> Result<Option<bytes::Bytes>, imap_backend::Error> {
        Ok(self.0.take().map(bytes::Bytes::from))
    }
}

fn name(text: &str) -> MailboxName {
    MailboxName::new(text).unwrap()
}

fn uids(numbers: &[u32]) -> UidSet {
    numbers.iter().filter_map(|&number| Uid::new(number)).collect()
}

async fn open(path: &Path) -> Result<SqlSession, String> {
    let store = Options::default().without_hints().open(path);
    let backend = SqlBackend::new(store.map_err(|error| error.to_string())?, Anybody);
    backend.session("ann").await.map_err(|error| error.to_string())
}

/// The story, while it is told.
pub(crate) struct Story(SqlSession);

impl Story {
    pub(crate) async fn new(path: &Path) -> Self {
        Self(open(path).await.unwrap())
    }

    pub(crate) async fn tell(mut self) {
        for step in STEPS {
            self.step(step).await;
            // In one write, which is what the recording looks for.
            std::io::Write::write_all(&mut std::io::stdout(), format!("{ANSWERED}\n").as_bytes()).unwrap();
        }
    }

    async fn step(&mut self, step: &Step) {
        match *step {
            Step::Append(mailbox, size) => {
                let append = Append::new(Flags::empty());
                let message = Message(Some(message(size)));
                self.0.append(&name(mailbox), &append, message).await.unwrap();
            }
            Step::Flag(uid, flags) => {
                let change = FlagChange::new(FlagAction::Replace, flags.parse().unwrap());
                self.inbox().await.store(&uids(&[uid]), &change).await.unwrap();
            }
            Step::Copy(numbers, to) => {
                self.inbox().await.copy(&uids(numbers), &name(to)).await.unwrap();
            }
            Step::Move(numbers, to) => {
                self.inbox()
                    .await
                    .move_to(&uids(numbers), &name(to))
                    .await
                    .unwrap();
            }
            Step::Expunge => {
                let mut all = UidSet::new();
                all.insert_range(Uid::MIN, Uid::MAX);
                self.inbox().await.expunge(&all).await.unwrap();
            }
            Step::Create(mailbox) => {
                self.0.create(&name(mailbox), &Create::default()).await.unwrap();
            }
            Step::Rename(from, to) => self.0.rename(&name(from), &name(to)).await.unwrap(),
            Step::Delete(mailbox) => self.0.delete(&name(mailbox)).await.unwrap(),
        }
    }

    async fn inbox(&mut self) -> SqlMailbox {
        select(&mut self.0, "INBOX").await.0
    }
}

async fn select(session: &mut SqlSession, mailbox: &str) -> (SqlMailbox, Vec<Uid>, u32) {
    let opened = session
        .select(&name(mailbox), &Select::new(Access::ReadWrite))
        .await
        .unwrap();
    let next = opened.uid_next().unwrap().get();
    let uids = opened.updates().view().uids().collect();
    (opened.into_parts().0, uids, next)
}

/// What a new process finds; an error where something is damaged.
pub(crate) async fn read(path: &Path) -> Result<Model, String> {
    let mut session = open(path).await?;
    let mut found = Model::default();
    for entry in session.list(&ListQuery::default()).await.unwrap() {
        let mailbox = entry.name().as_str().to_owned();
        let (mut selected, uids, next) = select(&mut session, &mailbox).await;
        let mut messages = BTreeMap::new();
        for uid in uids {
            let fetched = selected.fetch(&[uid], Need::BODY).await.unwrap();
            let record = fetched.into_iter().next().unwrap().unwrap();
            let body = record.body().unwrap();
            let size = usize::try_from(body.size().await.unwrap()).unwrap();
            let octets = body.read_first(size).await.map_err(|error| error.to_string())?;
            if octets[..] != message(size) {
                return Err(format!("UID {uid} in {mailbox} has other octets"));
            }
            messages.insert(uid.get(), (size, record.flags().to_string()));
        }
        found.0.insert(mailbox, (next, messages));
    }
    Ok(found)
}
