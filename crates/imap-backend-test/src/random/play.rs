//! Plays a program: does each step as a client, another program or an operator would, and judges what is told.

use super::expected::Expected;
use super::program::{Mark, Place, Program, SESSIONS, Step};
use crate::case::coming_back::{Memory, come_back, remember};
use crate::mail::Mail;
use crate::outside::OutsideMessage;
use crate::selected::{News, Selected};
use crate::stage::{Stage, User};
use crate::verdict::{Answer, Stop, Verdict};
use imap_backend::{Ability, Backend, FlagAction, FlagChange, Mailbox, MailboxName, Need, Session};
use imap_seq::Uid;
use imap_updates::{Access, Flags};
use std::collections::BTreeSet;

/// So often everybody is asked once more at the end.
const MOST_ROUNDS: u32 = 100;

pub(super) struct Play<'a, B: Backend> {
    stage: &'a Stage<B>,
    clients: Vec<Client<B::Session>>,
    expected: Expected,
    trace: &'a mut Vec<String>,
    missing: &'a mut BTreeSet<String>,
}

/// A client with INBOX selected.
struct Client<S: Session> {
    name: char,
    user: User<S>,
    selected: Selected<S::Mailbox>,
    /// What it knew when it selected, to come back with; none without mod-sequences.
    memory: Option<Memory>,
}

impl<'a, B: Backend> Play<'a, B> {
    pub(super) fn new(
        stage: &'a Stage<B>,
        trace: &'a mut Vec<String>,
        missing: &'a mut BTreeSet<String>,
    ) -> Self {
        Self {
            stage,
            clients: Vec::new(),
            expected: Expected::default(),
            trace,
            missing,
        }
    }

    pub(super) async fn play(mut self, program: &Program) -> Verdict {
        self.come().await?;
        for (number, step) in program.steps() {
            match Box::pin(self.step(number, step)).await {
                Err(Stop::Skipped(what)) => {
                    self.missing.insert(what);
                }
                done => done?,
            }
        }
        self.agree().await
    }

    /// All clients log in and select.
    async fn come(&mut self) -> Verdict {
        for session in 0..SESSIONS {
            let mut user = match session {
                2 => match self.stage.login_to_the_second().await {
                    Err(Stop::Skipped(what)) => {
                        self.missing.insert(what);
                        self.stage.login().await?
                    }
                    user => user?,
                },
                _ => self.stage.login().await?,
            };
            let (selected, memory) = select(&mut user).await?;
            let name = char::from(b'A' + u8::try_from(session).unwrap_or(0));
            self.clients.push(Client {
                name,
                user,
                selected,
                memory,
            });
            self.learn(session).await?;
        }
        Ok(())
    }

    async fn step(&mut self, number: usize, step: Step) -> Verdict {
        let subject = format!("kit {number}");
        match step {
            Step::Append(session) => self.append(session, &subject).await,
            Step::Store(session, place, action, mark) => self.store(session, place, action, mark).await,
            Step::Remove(session, place) => self.remove(session, place).await,
            Step::Read(session, place) => self.read(session, place).await,
            Step::Hold(session) => {
                let news = self.clients[session].selected.hold().await;
                self.told(session, "FETCH", news).await
            }
            Step::Noop(session) => {
                let news = self.clients[session].selected.noop().await;
                self.told(session, "NOOP", news).await
            }
            Step::Select(session) => self.come_back(session).await,
            Step::Deliver => self.deliver(&subject).await,
            Step::RemoveOutside(place) => self.remove_outside(place).await,
            Step::FlagOutside(place, mark) => self.flag_outside(place, mark).await,
            Step::RollBack => self.roll_back(&subject).await,
            Step::Restart => self.restart().await,
        }
    }

    async fn append(&mut self, session: usize, subject: &str) -> Verdict {
        let inbox = MailboxName::inbox();
        let client = &mut self.clients[session];
        let appended = client.user.append(&inbox, Mail::new(subject)).await;
        let uid = appended.as_ref().map(|appended| appended.uid());
        let answer = uid.as_ref().map_or("NO".into(), |uid| format!("UID {uid}"));
        self.trace
            .push(format!("{}: APPEND INBOX \"{subject}\" -> {answer}", client.name));
        appended.as_ref().map_err(Stop::clone)?;
        self.expected.arrive(subject);
        self.expected.learn(uid.map_err(Stop::clone)?, subject)
    }

    /// The message at this place of the client's list.
    fn at(&self, session: usize, place: Place) -> Option<Uid> {
        let uids = self.clients[session].selected.model.uids();
        uids.get(place.checked_rem(uids.len())?).copied()
    }

    async fn store(&mut self, session: usize, place: Place, action: FlagAction, mark: Mark) -> Verdict {
        let Some(uid) = self.at(session, place) else {
            return Ok(());
        };
        let sign = match action {
            FlagAction::Add => "+",
            FlagAction::Remove => "-",
            _ => "",
        };
        let change = FlagChange::new(action, Flags::from_iter([mark.flag()]));
        let news = self.clients[session].selected.store(&[uid], &change).await;
        if news.is_ok() {
            self.expected.store(uid, action, &mark.flag());
        }
        let what = format!("UID STORE {uid} {sign}FLAGS ({})", mark.flag());
        self.told(session, &what, news).await
    }

    async fn remove(&mut self, session: usize, place: Place) -> Verdict {
        let Some(uid) = self.at(session, place) else {
            return Ok(());
        };
        let news = self.clients[session].selected.remove(&[uid]).await;
        if news.is_ok() {
            self.expected.remove(uid);
        }
        self.told(
            session,
            &format!("UID STORE {uid} +FLAGS (\\Deleted), UID EXPUNGE {uid}"),
            news,
        )
        .await
    }

    /// A message that a client has is read as what it was, or is gone.
    async fn read(&mut self, session: usize, place: Place) -> Verdict {
        let Some(uid) = self.at(session, place) else {
            return Ok(());
        };
        self.trace.push(format!(
            "{}: UID FETCH {uid} BODY.PEEK[]",
            self.clients[session].name
        ));
        let records = self.clients[session]
            .selected
            .fetch(&[uid], Need::BODY.and(Need::SIZE))
            .await?;
        let Some(record) = records.into_iter().flatten().next() else {
            let there = self.expected.is_there(uid);
            return match there {
                true => Err(Stop::failed(format!("UID {uid}, which is there"), "nothing")),
                false => Ok(()),
            };
        };
        match crate::read::Message::read(&record).await {
            Ok(message) => self.expected.learn(uid, &message.subject()),
            Err(_) if !self.expected.is_there(uid) => Ok(()),
            Err(stop) => Err(stop),
        }
    }

    /// A client that leaves and comes back asks for what changed, and has the mailbox.
    async fn come_back(&mut self, session: usize) -> Verdict {
        let client = &mut self.clients[session];
        self.trace.push(format!("{}: SELECT INBOX", client.name));
        if let Some(memory) = &client.memory {
            come_back(&mut client.user, memory, "all that").await?;
        }
        let (selected, memory) = select(&mut client.user).await?;
        let left = std::mem::replace(&mut client.selected, selected);
        client.memory = memory;
        left.mailbox.close().await.must("close")?;
        self.learn(session).await
    }

    async fn deliver(&mut self, subject: &str) -> Verdict {
        let mail = Mail::new(subject);
        let done = self
            .stage
            .outside()?
            .deliver(&MailboxName::inbox(), mail.octets())
            .await;
        done.optional("delivery by another program")?;
        self.trace
            .push(format!("another program: delivers \"{subject}\""));
        self.expected.arrive(subject);
        self.stage.settle().await;
        Ok(())
    }

    /// The message at this place of those that anybody was told of.
    fn outside_at(&self, place: Place) -> Option<OutsideMessage> {
        let named = self.expected.named();
        named.get(place.checked_rem(named.len())?).cloned()
    }

    async fn remove_outside(&mut self, place: Place) -> Verdict {
        let Some(message) = self.outside_at(place) else {
            return Ok(());
        };
        let done = self
            .stage
            .outside()?
            .remove(&MailboxName::inbox(), &message)
            .await;
        done.optional("removal by another program")?;
        let OutsideMessage { uid, subject } = message;
        self.trace
            .push(format!("another program: removes \"{subject}\" (UID {uid})"));
        self.expected.remove(uid);
        self.stage.settle().await;
        Ok(())
    }

    async fn flag_outside(&mut self, place: Place, mark: Mark) -> Verdict {
        let Some(message) = self.outside_at(place) else {
            return Ok(());
        };
        let (inbox, flags) = (MailboxName::inbox(), Flags::from_iter([mark.flag()]));
        let done = self.stage.outside()?.set_flags(&inbox, &message, &flags).await;
        done.optional("flags by another program")?;
        let OutsideMessage { uid, subject } = message;
        self.trace.push(format!(
            "another program: gives \"{subject}\" (UID {uid}) the flags {flags}"
        ));
        self.expected.store(uid, FlagAction::Replace, &mark.flag());
        self.stage.settle().await;
        Ok(())
    }

    async fn roll_back(&mut self, subject: &str) -> Verdict {
        let (inbox, mail) = (MailboxName::inbox(), Mail::new(subject));
        let done = self.stage.outside()?.roll_back(&inbox, mail.octets()).await;
        done.optional("transaction that is rolled back")?;
        self.trace
            .push("another program: begins a transaction, and rolls it back".into());
        self.stage.settle().await;
        Ok(())
    }

    /// Everybody leaves, the store is opened again, everybody comes back with what they knew.
    async fn restart(&mut self) -> Verdict {
        self.stage.needs_restart()?;
        self.trace.push("the server is started again".into());
        let clients = std::mem::take(&mut self.clients);
        let memories: Vec<_> = clients.into_iter().map(|client| client.memory).collect();
        self.stage.restart().await?;
        self.come().await?;
        for (client, memory) in self.clients.iter_mut().zip(memories) {
            if let Some(memory) = memory {
                come_back(&mut client.user, &memory, "a restart").await?;
            }
        }
        Ok(())
    }

    /// What the client was told at the end of a command.
    async fn told(&mut self, session: usize, what: &str, news: Result<News, Stop>) -> Verdict {
        let heard = news.as_ref().map_or("?".into(), ToString::to_string);
        self.trace
            .push(format!("{}: {what} -> {heard}", self.clients[session].name));
        if let Some(why) = news?.closed {
            return Err(Stop::failed("INBOX to go on", format!("{why:?}")));
        }
        self.learn(session).await
    }

    /// The client reads what it was told of and nobody has read yet.
    async fn learn(&mut self, session: usize) -> Verdict {
        let selected = &mut self.clients[session].selected;
        for uid in selected.model.uids() {
            if self.expected.knows(uid) {
                continue;
            }
            let records = selected.fetch(&[uid], Need::BODY.and(Need::SIZE)).await?;
            if let Some(record) = records.into_iter().flatten().next() {
                let subject = crate::read::Message::read(&record).await?.subject();
                self.expected.learn(uid, &subject)?;
            }
        }
        Ok(())
    }

    /// In the end, everybody has what has to be there: at once, or after a few more commands, where a process has to notice first
    /// what another one is about.
    async fn agree(&mut self) -> Verdict {
        let length = self.trace.len();
        let mut rounds = 0;
        loop {
            self.trace.truncate(length);
            match self.all_have_it().await {
                Err(Stop::Failed(failure)) if failure.rule.is_none() && rounds < MOST_ROUNDS => rounds += 1,
                verdict => return verdict,
            }
        }
    }

    async fn all_have_it(&mut self) -> Verdict {
        self.stage.settle().await;
        self.trace.push("everybody: NOOP".into());
        for session in 0..self.clients.len() {
            let news = self.clients[session].selected.noop().await;
            self.told(session, "NOOP", news).await?;
            let model = &self.clients[session].selected.model;
            let mut has = Vec::with_capacity(self.expected.len());
            for uid in model.uids() {
                let subject = self.expected.subject_of(uid).unwrap_or("what nobody could read");
                let flags = model.flags_of(uid).cloned().unwrap_or_default();
                has.push((uid, subject.to_owned(), flags));
            }
            let name = self.clients[session].name;
            self.expected.ensure_is(&format!("client {name}"), &has)?;
            let (messages, _) = self.clients[session].user.look(&MailboxName::inbox()).await?;
            let found: Vec<_> = messages
                .iter()
                .map(|message| (message.uid, message.subject(), message.flags.clone()))
                .collect();
            self.expected.ensure_is("a new session", &found)?;
            for message in &messages {
                let mail = Mail::new(&message.subject());
                crate::read::same_octets("a message, as it was stored", &message.octets, mail.octets())?;
            }
        }
        Ok(())
    }
}

async fn select<S: Session>(user: &mut User<S>) -> Result<(Selected<S::Mailbox>, Option<Memory>), Stop> {
    let selected = user.select(&MailboxName::inbox(), Access::ReadWrite).await?;
    let memory = match user.session.abilities().has(Ability::ModSequences) {
        true => Some(remember(user).await?),
        false => None,
    };
    Ok((selected, memory))
}
