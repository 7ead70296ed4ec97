//! A strict client's session: what it is told is applied to a model of its view, which refuses what no client can follow.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use imap_backend_test::{ClientModel, Effect};
use imap_conform::response::{Condition, Data, Response, Status, Value, Whole};
use imap_seq::{Expunges, SeqNum, Uid};
use imap_updates::{Flags, Untagged};

use crate::history::{Event, History, Mailbox};
use crate::judge::View;
use crate::mail::{self, FIELD};
use crate::wire::{Connection, Stop, read};

/// A session with a mailbox selected.
pub(crate) struct Session {
    pub(crate) who: String,
    pub(crate) at: Mailbox,
    pub(crate) model: ClientModel,
    /// The messages of this view, by UID.
    pub(crate) names: BTreeMap<u32, String>,
    history: Arc<History>,
    connection: Connection,
    tag: u32,
}

/// What a command was answered, beside what was applied to the view.
#[derive(Debug, Default)]
pub(crate) struct Answer {
    pub(crate) is_ok: bool,
    /// Of APPENDUID, the UID twice; of COPYUID, the pairs.
    pub(crate) uids: Vec<(u32, u32)>,
    uid_next: Option<u32>,
    /// Whole messages that came, by UID.
    bodies: Vec<(u32, Vec<u8>)>,
}

impl Session {
    /// Connects, logs in, selects, and learns the UID and the name of every message.
    pub(crate) async fn open(
        who: &str,
        address: SocketAddr,
        at: Mailbox,
        history: &Arc<History>,
    ) -> Result<Self, Stop> {
        Self::open_as("ann", who, (address, at), history).await
    }

    /// As another user than the one that the harness is about.
    pub(crate) async fn open_as(
        user: &str,
        who: &str,
        (address, at): (SocketAddr, Mailbox),
        history: &Arc<History>,
    ) -> Result<Self, Stop> {
        let mut session = Self {
            who: who.to_owned(),
            at,
            model: ClientModel::default(),
            names: BTreeMap::new(),
            history: Arc::clone(history),
            connection: Connection::open(address).await?,
            tag: 0,
        };
        let login = session
            .command(&format!("LOGIN {user} secret"), Expunges::Release)
            .await?;
        if !login.is_ok {
            return Err(Stop::Lost); // the database is away
        }
        session.select(at).await?;
        Ok(session)
    }

    /// SELECT. What is seen in it has to have everything that was acknowledged before.
    pub(crate) async fn select(&mut self, at: Mailbox) -> Result<(), Stop> {
        let since = self.history.now();
        (self.at, self.model) = (at, ClientModel::default());
        self.names.clear();
        let selected = self
            .command(&format!("SELECT {}", at.name()), Expunges::Release)
            .await?;
        if !selected.is_ok {
            return Err(Stop::Lost);
        }
        self.learn().await?;
        if self.model.unknown().is_empty() {
            let uids = self.model.uids().into_iter().map(Uid::get).collect();
            let who = self.who.clone();
            self.history.note(Event::Saw { who, at, since, uids });
        }
        Ok(())
    }

    /// Asks for the UID, the flags and the name of each message that it knows only the number of.
    pub(crate) async fn learn(&mut self) -> Result<(), Stop> {
        let unknown = self.model.unknown();
        let (Some(first), Some(last)) = (unknown.first(), unknown.last()) else {
            return Ok(());
        };
        let fetch = format!("FETCH {first}:{last} (UID FLAGS BODY.PEEK[HEADER.FIELDS ({FIELD})])");
        self.command(&fetch, Expunges::Hold).await.map(drop)
    }

    /// NOOP, and what there is to learn after it.
    pub(crate) async fn noop(&mut self) -> Result<(), Stop> {
        self.command("NOOP", Expunges::Release).await?;
        self.learn().await
    }

    pub(crate) async fn append(&mut self, to: Mailbox, name: &str, flags: &str) -> Result<Answer, Stop> {
        let octets = mail::octets(name);
        let head = format!("APPEND {} ({flags}) {{{}+}}\r\n", to.name(), octets.len());
        let tag = self.next_tag();
        let command = [tag.as_bytes(), b" ", head.as_bytes(), &octets, b"\r\n"].concat();
        self.connection.send(&command).await?;
        self.answer(&tag, Expunges::Release).await
    }

    /// STATUS of a mailbox. UIDNEXT is beyond everything that was acknowledged before.
    pub(crate) async fn status(&mut self, at: Mailbox) -> Result<(), Stop> {
        let since = self.history.now();
        let status = format!("STATUS {} (MESSAGES UIDNEXT)", at.name());
        let answer = self.command(&status, Expunges::Release).await?;
        if let Some(uid_next) = answer.uid_next {
            let who = self.who.clone();
            self.history.note(Event::Next {
                who,
                at,
                since,
                uid_next,
            });
        }
        Ok(())
    }

    /// IDLE, for so long as nothing is said.
    pub(crate) async fn idle(&mut self, quiet: Duration, most: usize) -> Result<(), Stop> {
        let tag = self.begin_idle().await?;
        for _ in 0..most {
            match self.connection.response(quiet).await? {
                Some(response) => self
                    .hear(&response, &tag, Expunges::Release, &mut Answer::default())
                    .map(drop)?,
                None => break,
            }
        }
        self.connection.send(b"DONE\r\n").await?;
        self.answer(&tag, Expunges::Release).await?;
        self.learn().await
    }

    /// Begins IDLE; its tag.
    pub(crate) async fn begin_idle(&mut self) -> Result<String, Stop> {
        let tag = self.next_tag();
        self.connection.send(format!("{tag} IDLE\r\n").as_bytes()).await?;
        loop {
            let response = self.connection.due().await?;
            if let Response::Continuation = read(&response)? {
                return Ok(tag);
            }
            self.hear(&response, &tag, Expunges::Release, &mut Answer::default())?;
        }
    }

    /// In IDLE, waits until there are so many messages.
    pub(crate) async fn idle_until(&mut self, tag: &str, exists: u32) -> Result<(), Stop> {
        while self.model.exists() < exists {
            let response = self.connection.due().await?;
            self.hear(&response, tag, Expunges::Release, &mut Answer::default())?;
        }
        Ok(())
    }

    /// Every message whole, by UID.
    pub(crate) async fn bodies(&mut self) -> Result<Vec<(u32, Vec<u8>)>, Stop> {
        if self.model.exists() == 0 {
            return Ok(Vec::new());
        }
        let answer = self
            .command("UID FETCH 1:* (BODY.PEEK[])", Expunges::Release)
            .await?;
        Ok(answer.bodies)
    }

    /// What it believes of the mailbox, as far as it knows everything of it.
    pub(crate) fn view(&self) -> Option<View> {
        let with_flags = |uid: Uid| {
            let flags = self.model.flags_of(uid)?;
            Some((uid.get(), flags.iter().map(|flag| flag.to_string()).collect()))
        };
        let is_whole = self.model.unknown().is_empty();
        is_whole.then(|| self.model.uids().into_iter().map(with_flags).collect())?
    }

    /// Sends a command and hears nothing more.
    pub(crate) async fn shout(&mut self, command: &str) -> Result<(), Stop> {
        let tag = self.next_tag();
        self.connection
            .send(format!("{tag} {command}\r\n").as_bytes())
            .await
    }

    pub(crate) async fn command(&mut self, command: &str, expunges: Expunges) -> Result<Answer, Stop> {
        let tag = self.next_tag();
        self.connection
            .send(format!("{tag} {command}\r\n").as_bytes())
            .await?;
        self.answer(&tag, expunges).await
    }

    fn next_tag(&mut self) -> String {
        self.tag += 1;
        format!("a{}", self.tag)
    }

    async fn answer(&mut self, tag: &str, expunges: Expunges) -> Result<Answer, Stop> {
        let mut answer = Answer::default();
        loop {
            let response = self.connection.due().await?;
            if self.hear(&response, tag, expunges, &mut answer)? {
                return Ok(answer);
            }
        }
    }

    /// Applies a response; whether it was the last one of the command.
    fn hear(
        &mut self,
        response: &Whole,
        tag: &str,
        expunges: Expunges,
        answer: &mut Answer,
    ) -> Result<bool, Stop> {
        match read(response)? {
            Response::Data(data) => self.data(&data, expunges, answer).map(|()| false),
            Response::Status(status) if status.tag == Some(tag) => {
                answer.is_ok = status.condition == Condition::Ok;
                self.code(&status, answer).map(|()| true)
            }
            Response::Status(status) if status.tag.is_none() && status.condition != Condition::Bye => {
                self.code(&status, answer).map(|()| false)
            }
            other => Err(Stop::Broken(format!("in answer to {tag}: {other:?}"))),
        }
    }

    fn code(&mut self, status: &Status<'_>, answer: &mut Answer) -> Result<(), Stop> {
        let broken = || Stop::Broken(format!("{:?} {}", status.condition, status.text.escape_ascii()));
        if status.condition == Condition::Bad || status.is("SERVERBUG") {
            return Err(broken());
        }
        let number = |at: usize| status.code.get(at).and_then(Value::number).ok_or_else(broken);
        let numbers = |at: usize| {
            let set = status.code.get(at).and_then(Value::atom);
            set.and_then(numbers).ok_or_else(broken)
        };
        match status.code.first().and_then(Value::atom).unwrap_or_default() {
            "UIDVALIDITY" => {
                let (at, uid_validity) = (self.at, number(1)?);
                self.history.note(Event::Validity { at, uid_validity });
            }
            "APPENDUID" => answer.uids = vec![(number(2)?, number(2)?)],
            "COPYUID" => {
                let (from, to) = (numbers(2)?, numbers(3)?);
                if from.len() != to.len() {
                    return Err(broken());
                }
                answer.uids = from.into_iter().zip(to).collect();
            }
            _ => {}
        }
        Ok(())
    }

    fn data(&mut self, data: &Data<'_>, expunges: Expunges, answer: &mut Answer) -> Result<(), Stop> {
        match (data.word, data.number) {
            ("EXISTS", Some(exists)) => self.apply(&Untagged::Exists(exists), expunges),
            ("RECENT", Some(recent)) => self.apply(&Untagged::Recent(recent), expunges),
            ("EXPUNGE", Some(number)) => self.apply(&Untagged::Expunge(seq(number)?), expunges),
            ("FETCH", Some(number)) => self.fetched(seq(number)?, &items(data.values.first()), answer),
            ("STATUS", None) => {
                let items = items(data.values.get(1));
                let next = items.iter().find(|(name, _)| *name == "UIDNEXT");
                answer.uid_next = next.and_then(|(_, next)| next.number());
                Ok(())
            }
            _ => Ok(()),
        }
    }

    fn apply(&mut self, response: &Untagged<'_>, expunges: Expunges) -> Result<(), Stop> {
        let effect = self.model.apply(response, expunges);
        let effect = effect.map_err(|contradiction| Stop::Broken(contradiction.to_string()))?;
        if let Effect::Expunged(uids) = effect {
            for uid in uids.into_iter().flatten() {
                self.names.remove(&uid.get());
                let (who, place) = (self.who.clone(), (self.at, uid.get()));
                self.history.note(Event::Expunged { who, place });
            }
        }
        Ok(())
    }

    fn fetched(
        &mut self,
        number: SeqNum,
        items: &[(&str, &Value<'_>)],
        answer: &mut Answer,
    ) -> Result<(), Stop> {
        let broken =
            |contradiction: imap_backend_test::Contradiction| Stop::Broken(contradiction.to_string());
        for (_, told) in items.iter().filter(|(name, _)| *name == "UID") {
            self.model.learn(number, uid(told)?).map_err(broken)?;
        }
        if number.get() > self.model.exists() {
            return Err(Stop::Broken(format!(
                "FETCH {number} of {} messages",
                self.model.exists()
            )));
        }
        // Flags of a message whose UID it has not asked for yet: they come again with the UID.
        let Some(uid) = self.model.uid_of(number) else {
            return Ok(());
        };
        for (name, told) in items {
            match *name {
                "FLAGS" => self.model.learn_flags(uid, flags(told)?),
                "BODY[]" => {
                    let octets = told.string().unwrap_or_default();
                    answer.bodies.push((uid.get(), octets.into_owned()));
                }
                name if name.starts_with("BODY[") => self.named(uid, &told.string().unwrap_or_default()),
                _ => {}
            }
        }
        Ok(())
    }

    fn named(&mut self, uid: Uid, octets: &[u8]) {
        let name = mail::name_of(octets).unwrap_or_else(|| "a message without a name".to_owned());
        self.names.insert(uid.get(), name.clone());
        let place = (self.at, uid.get());
        self.history.note(Event::Is { place, name });
    }
}

fn seq(number: u32) -> Result<SeqNum, Stop> {
    SeqNum::new(number).ok_or_else(|| Stop::Broken("the number 0".to_owned()))
}

fn uid(told: &Value<'_>) -> Result<Uid, Stop> {
    let uid = told.number().and_then(Uid::new);
    uid.ok_or_else(|| Stop::Broken(format!("the UID {told:?}")))
}

/// Names and values in turns, of FETCH and STATUS.
fn items<'v, 'o>(list: Option<&'v Value<'o>>) -> Vec<(&'o str, &'v Value<'o>)> {
    let items = list.and_then(Value::list).unwrap_or_default();
    let pairs = items.chunks_exact(2);
    pairs
        .filter_map(|pair| Some((pair[0].atom()?, &pair[1])))
        .collect()
}

fn flags(told: &Value<'_>) -> Result<Flags, Stop> {
    let words = told.list().unwrap_or_default().iter().filter_map(Value::atom);
    let words: BTreeSet<&str> = words.filter(|word| *word != "\\Recent").collect();
    let words: Vec<&str> = words.into_iter().collect();
    words
        .join(" ")
        .parse()
        .map_err(|_| Stop::Broken(format!("the flags {words:?}")))
}

/// `7,1:3` in the order in which it is written (RFC 4315, section 3); `None` where it is no set of UIDs.
fn numbers(set: &str) -> Option<Vec<u32>> {
    let mut numbers = Vec::new();
    for range in set.split(',') {
        let (first, last) = range.split_once(':').unwrap_or((range, range));
        let (first, last): (u32, u32) = (first.parse().ok()?, last.parse().ok()?);
        numbers.extend(first.min(last)..=first.max(last));
    }
    Some(numbers)
}
