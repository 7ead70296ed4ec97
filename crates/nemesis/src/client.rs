//! A client: it does what comes to its mind, notes what it attempts before and what it was answered after, and connects again
//! when its connection is lost.

use std::sync::Arc;
use std::time::{Duration, Instant};

use imap_seq::{Expunges, Uid};
use tokio::time::sleep;

use crate::cluster::Cluster;
use crate::history::{Attempt, History, Mailbox};
use crate::judge::DELETED;
use crate::session::{Answer, Session};
use crate::wire::Stop;

pub(crate) struct Client {
    pub(crate) number: usize,
    pub(crate) cluster: Arc<Cluster>,
    pub(crate) history: Arc<History>,
    pub(crate) rng: fastrand::Rng,
    /// Messages that it made.
    pub(crate) made: u32,
}

impl Client {
    pub(crate) fn who(&self) -> String {
        format!("c{}", self.number)
    }

    /// Works until then; gives the session that it has at the end.
    pub(crate) async fn work(&mut self, until: Instant) -> Option<Session> {
        let mut session = None;
        while Instant::now() < until {
            let Some(open) = &mut session else {
                session = self.connect().await;
                continue;
            };
            if self.rng.u8(..100) < 2 {
                // It leaves in the middle of something.
                let _ = self.shout(open).await;
                session = None;
                continue;
            }
            if let Err(stop) = self.act(open).await {
                self.stopped(stop);
                session = None;
            }
            sleep(Duration::from_millis(self.rng.u64(..15))).await;
        }
        session
    }

    /// A session on some server, if it lets us.
    pub(crate) async fn connect(&mut self) -> Option<Session> {
        let server = self.rng.usize(..self.cluster.nodes.len());
        let at = self.mailbox();
        let who = format!("{} on server {server}", self.who());
        let opened = match self.cluster.address(server) {
            Some(address) => Session::open(&who, address, at, &self.history).await,
            None => Err(Stop::Lost),
        };
        if let Err(stop) = opened {
            self.stopped(stop);
            sleep(Duration::from_millis(50)).await;
            return None;
        }
        opened.ok()
    }

    pub(crate) fn stopped(&self, stop: Stop) {
        if let Stop::Broken(what) = stop {
            self.history.broken(&self.who(), what);
        }
    }

    fn mailbox(&mut self) -> Mailbox {
        match self.rng.u8(..3) {
            0 => Mailbox::Archive,
            _ => Mailbox::Inbox,
        }
    }

    async fn act(&mut self, session: &mut Session) -> Result<(), Stop> {
        match self.rng.u8(..100) {
            0..30 => self.append(session).await?,
            30..55 => self.store(session).await?,
            55..60 => self.delete(session).await?,
            60..66 => self.expunge(session).await?,
            66..75 => self.copy(session).await?,
            75..80 => self.fetch(session).await?,
            80..86 => session.noop().await?,
            86..92 => {
                session
                    .idle(Duration::from_millis(self.rng.u64(20..200)), 20)
                    .await?
            }
            92..96 => {
                let at = self.mailbox();
                session.select(at).await?;
            }
            _ => {
                let at = self.mailbox();
                session.status(at).await?;
            }
        }
        session.learn().await
    }

    async fn append(&mut self, session: &mut Session) -> Result<(), Stop> {
        let to = self.mailbox();
        self.made += 1;
        let name = format!("{}-{}", self.who(), self.made);
        let may_have = [self.who(), "\\Flagged".to_owned(), "\\Seen".to_owned()];
        let flags: Vec<String> = may_have.into_iter().filter(|_| self.rng.bool()).collect();
        let words = flags.join(" ");
        let attempt = self.history.begin(Attempt::Append {
            to,
            name: name.clone(),
            flags,
        });
        let answer = session.append(to, &name, &words).await?;
        self.answered(attempt, &answer).await;
        Ok(())
    }

    /// Sets or clears a flag that is this client's alone: its keyword, and `\Flagged` of its own messages.
    async fn store(&mut self, session: &mut Session) -> Result<(), Stop> {
        let is_own = self.rng.u8(..3) == 0;
        let flag = if is_own {
            "\\Flagged".to_owned()
        } else {
            self.who()
        };
        let uids = self.some(session, is_own);
        if uids.is_empty() {
            return Ok(());
        }
        let set = self.rng.bool();
        self.store_flag(session, uids, flag, set).await
    }

    /// Marks messages of its own as deleted.
    async fn delete(&mut self, session: &mut Session) -> Result<(), Stop> {
        let uids = self.some(session, true);
        match uids.is_empty() {
            true => Ok(()),
            false => self.store_flag(session, uids, DELETED.to_owned(), true).await,
        }
    }

    async fn store_flag(
        &mut self,
        session: &mut Session,
        uids: Vec<u32>,
        flag: String,
        set: bool,
    ) -> Result<(), Stop> {
        let sign = if set { '+' } else { '-' };
        let all = session.model.uids();
        let is_whole = session.model.unknown().is_empty();
        let (command, expunges) = match self.rng.bool() && is_whole {
            // By number, where EXPUNGE has to wait.
            true => {
                let number = |uid: &u32| {
                    all.iter()
                        .position(|known| known.get() == *uid)
                        .map(|place| place + 1)
                };
                let numbers: Vec<String> = uids
                    .iter()
                    .filter_map(number)
                    .map(|number| number.to_string())
                    .collect();
                (
                    format!("STORE {} {sign}FLAGS ({flag})", numbers.join(",")),
                    Expunges::Hold,
                )
            }
            false => (
                format!("UID STORE {} {sign}FLAGS ({flag})", set_of(&uids)),
                Expunges::Release,
            ),
        };
        let attempt = self.history.begin(Attempt::Store {
            at: session.at,
            uids,
            flag,
            set,
        });
        let answer = session.command(&command, expunges).await?;
        self.answered(attempt, &answer).await;
        Ok(())
    }

    async fn expunge(&mut self, session: &mut Session) -> Result<(), Stop> {
        let mut uids: Vec<u32> = session.model.uids().into_iter().map(Uid::get).collect();
        if uids.is_empty() {
            return Ok(());
        }
        let command = match self.rng.bool() {
            true => "EXPUNGE".to_owned(),
            false => {
                uids.retain(|_| self.rng.bool());
                uids.push(1);
                format!("UID EXPUNGE {}", set_of(&uids))
            }
        };
        let attempt = self.history.begin(Attempt::Expunge { at: session.at, uids });
        let answer = session.command(&command, Expunges::Release).await?;
        self.answered(attempt, &answer).await;
        Ok(())
    }

    /// COPY of anything, MOVE of its own.
    async fn copy(&mut self, session: &mut Session) -> Result<(), Stop> {
        let moves = self.rng.u8(..3) == 0;
        let uids = self.some(session, moves);
        if uids.is_empty() {
            return Ok(());
        }
        let (from, to) = (session.at, self.mailbox());
        let verb = if moves { "MOVE" } else { "COPY" };
        let command = format!("UID {verb} {} {}", set_of(&uids), to.name());
        let attempt = self.history.begin(Attempt::Copy {
            from,
            uids,
            to,
            moves,
        });
        let answer = session.command(&command, Expunges::Release).await?;
        self.answered(attempt, &answer).await;
        Ok(())
    }

    async fn fetch(&mut self, session: &mut Session) -> Result<(), Stop> {
        let exists = session.model.exists();
        if exists == 0 {
            return Ok(());
        }
        let number = self.rng.u32(1..=exists);
        let fetch = format!("FETCH {number}:* (UID FLAGS)");
        session.command(&fetch, Expunges::Hold).await.map(drop)
    }

    /// Sends something that may happen, and hears no answer.
    async fn shout(&mut self, session: &mut Session) -> Result<(), Stop> {
        let uids = self.some(session, false);
        if uids.is_empty() {
            return Ok(());
        }
        let (at, flag, set) = (session.at, self.who(), true);
        let command = format!("UID STORE {} +FLAGS ({flag})", set_of(&uids));
        self.history.begin(Attempt::Store { at, uids, flag, set });
        session.shout(&command).await
    }

    /// A NO may stand for something that happened: the answer to the commit may have been lost.
    async fn answered(&self, attempt: usize, answer: &Answer) {
        match answer.is_ok {
            true => self.history.done(attempt, answer.uids.clone()),
            false => sleep(Duration::from_millis(20)).await,
        }
    }

    /// Some messages whose names it knows; of its own.
    fn some(&mut self, session: &Session, own: bool) -> Vec<u32> {
        let prefix = format!("{}-", self.who());
        let candidates = session.names.iter();
        let candidates = candidates.filter(|(_, name)| !own || name.starts_with(&prefix));
        let mut candidates: Vec<u32> = candidates.map(|(uid, _)| *uid).collect();
        self.rng.shuffle(&mut candidates);
        candidates.truncate(self.rng.usize(1..4));
        candidates.sort_unstable();
        candidates
    }
}

fn set_of(uids: &[u32]) -> String {
    let uids: Vec<String> = uids.iter().map(u32::to_string).collect();
    uids.join(",")
}
