//! What the process does, and what is there after each step.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use bytes::Bytes;
use imap_backend::{
    Append, Create, EntryName, Error, FlagAction, FlagChange, ListQuery, Mailbox as _, MailboxName,
    MessageSource, Need, Select, Selection, Session as _,
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
    AppendAll(&'static str, &'static [usize]),
    /// A message of INBOX, by one of so many octets.
    Replace(u32, &'static str, usize),
    Flag(u32, &'static str),
    Copy(&'static [u32], &'static str),
    Move(&'static [u32], &'static str),
    /// The messages with `\Deleted`.
    Expunge,
    Create(&'static str),
    Rename(&'static str, &'static str),
    Delete(&'static str),
    Subscribe(&'static str),
    Unsubscribe(&'static str),
    /// Sets the annotation [`COMMENT`]; without a value it is removed.
    Annotate(&'static str, Option<&'static str>),
}

const COMMENT: &str = "/private/comment";

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
    Step::Subscribe("kept/2026"),
    Step::Annotate("kept/2026", Some("letters")),
    Step::AppendAll("kept/2026", &[24, 800_000, 48]),
    Step::Subscribe("kept"),
    Step::Replace(4, "INBOX", 1_300_000),
    Step::Annotate("INBOX", Some("what is new")),
    Step::Unsubscribe("kept/2026"),
    Step::Replace(6, "kept", 64),
    Step::Annotate("kept/2026", None),
    Step::AppendAll("INBOX", &[8, 16]),
];

/// What is in a mailbox: the next UID, size and flags of each message, and the annotation.
#[derive(Clone, Debug, PartialEq)]
struct Content {
    next: u32,
    messages: BTreeMap<u32, (usize, String)>,
    comment: Option<String>,
}

impl Default for Content {
    fn default() -> Self {
        Self {
            next: 1,
            messages: BTreeMap::new(),
            comment: None,
        }
    }
}

/// What is there.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Model {
    mailboxes: BTreeMap<String, Content>,
    subscribed: BTreeSet<String>,
}

impl Model {
    /// Before the first step (with nothing at all, and with an INBOX), and after each.
    pub(crate) fn after_each_step() -> Vec<Self> {
        let mut model = Self::default();
        model.mailboxes.insert("INBOX".to_owned(), Content::default());
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
            Step::AppendAll(mailbox, sizes) => {
                for size in sizes {
                    self.add(mailbox, (*size, sorted("")));
                }
            }
            Step::Replace(uid, mailbox, size) => {
                self.inbox().remove(&uid).unwrap();
                self.add(mailbox, (size, sorted("")));
            }
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
                    self.mailboxes.insert(name[..at].to_owned(), Content::default());
                }
            }
            Step::Rename(from, to) => {
                let renamed = |name: &String| format!("{to}{}", name.strip_prefix(from).unwrap_or_default());
                let old = std::mem::take(&mut self.mailboxes);
                self.mailboxes = old
                    .into_iter()
                    .map(|(name, content)| match name.starts_with(from) {
                        true => (renamed(&name), content),
                        false => (name, content),
                    })
                    .collect();
            }
            Step::Delete(name) => drop(self.mailboxes.remove(name)),
            Step::Subscribe(name) => drop(self.subscribed.insert(name.to_owned())),
            Step::Unsubscribe(name) => drop(self.subscribed.remove(name)),
            Step::Annotate(name, value) => {
                self.mailboxes.get_mut(name).unwrap().comment = value.map(str::to_owned);
            }
        }
    }

    fn inbox(&mut self) -> &mut BTreeMap<u32, (usize, String)> {
        &mut self.mailboxes.get_mut("INBOX").unwrap().messages
    }

    fn add(&mut self, mailbox: &str, message: (usize, String)) {
        let content = self.mailboxes.get_mut(mailbox).unwrap();
        content.messages.insert(content.next, message);
        content.next += 1;
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

/// Messages of these sizes, each in one piece. The octets of a message say where they are.
struct Messages {
    sizes: std::slice::Iter<'static, usize>,
    now: Option<Vec<u8>>,
}

impl Messages {
    fn new(sizes: &'static [usize]) -> Self {
        Self {
            sizes: sizes.iter(),
            now: None,
        }
    }

    fn one(size: usize) -> Self {
        Self {
            now: Some(message(size)),
            ..Self::new(&[])
        }
    }
}

fn message(size: usize) -> Vec<u8> {
    let lines = (0..).flat_map(|line| format!("{line:06}\r\n").into_bytes());
    lines.take(size / 8 * 8).collect()
}

impl MessageSource for Messages {
    fn size(&self) -> Option<u64> {
        Some(self.now.as_ref().map_or(0, |octets| octets.len() as u64))
    }

    async fn chunk(&mut self) -> Result<Option<Bytes>, Error> {
        Ok(self.now.take().map(Bytes::from))
    }
}

impl imap_backend::Messages for Messages {
    async fn next(&mut self) -> Result<Option<Append>, Error> {
        self.now = self.sizes.next().map(|size| message(*size));
        Ok(self.now.as_ref().map(|_| plain()))
    }
}

/// Of a message without flags.
fn plain() -> Append {
    Append::new(Flags::empty())
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
                let message = Messages::one(size);
                self.0.append(&name(mailbox), &plain(), message).await.unwrap();
            }
            Step::AppendAll(mailbox, sizes) => {
                let messages = Messages::new(sizes);
                self.0.append_all(&name(mailbox), messages).await.unwrap();
            }
            Step::Replace(replaced, mailbox, size) => {
                let mut inbox = self.inbox().await;
                let (uid, message) = (Uid::new(replaced).unwrap(), Messages::one(size));
                self.0
                    .replace(&mut inbox, uid, &name(mailbox), &plain(), message)
                    .await
                    .unwrap();
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
            Step::Subscribe(mailbox) => self.0.subscribe(&name(mailbox)).await.unwrap(),
            Step::Unsubscribe(mailbox) => self.0.unsubscribe(&name(mailbox)).await.unwrap(),
            Step::Annotate(mailbox, value) => {
                let changes = [(comment(), value.map(Bytes::from))];
                self.0.set_metadata(Some(&name(mailbox)), &changes).await.unwrap();
            }
        }
    }

    async fn inbox(&mut self) -> SqlMailbox {
        select(&mut self.0, "INBOX").await.0
    }
}

fn comment() -> EntryName {
    EntryName::new(COMMENT).unwrap()
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
        let content = content(&mut session, &mailbox).await?;
        found.mailboxes.insert(mailbox, content);
    }
    let subscribed = session.list(&ListQuery::new(Selection::Subscribed)).await;
    for entry in subscribed.unwrap() {
        found.subscribed.insert(entry.name().as_str().to_owned());
    }
    Ok(found)
}

async fn content(session: &mut SqlSession, mailbox: &str) -> Result<Content, String> {
    let metadata = session.metadata(Some(&name(mailbox))).await.unwrap();
    let comment = metadata.get(&comment()).cloned();
    let (mut selected, uids, next) = select(session, mailbox).await;
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
    Ok(Content {
        next,
        messages,
        comment: comment.map(|value| String::from_utf8(value.to_vec()).unwrap()),
    })
}
