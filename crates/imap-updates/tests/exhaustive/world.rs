//! The real hub and its sessions, the store behind it, and what each step does to them.

use imap_seq::Uid;
use imap_updates::{
    Access, Drained, Echo, Followers, Ingest, Limits, LogHub, MailboxHub, Origin, Recency, Snapshot,
};

use super::commands::{COMMANDS, NOOP, STORE, UID_EXPUNGE, UID_STORE};
use super::fault::{self, Case, Fault};
use super::line::Line;
use super::model::ClientModel;
use super::numbers::Numbers;
use super::pages::{self, UnderWay};
use super::seat::{Moment, Seat};
use super::setting::{Feed, SESSIONS, Setting};
use super::step::{How, Step};
use super::store::{
    BASE, Change, FLAGGED, Messages, SEEN, START, Said, Store, WORK, flags_of, mask_of, members, modseq,
    uid_of,
};
use super::{Judgement, law, shown};

pub enum Hub {
    Guarded(MailboxHub<()>),
    Logged(LogHub),
}

pub struct World {
    pub setting: Setting,
    pub fault: Option<Fault>,
    pub store: Store,
    pub hub: Hub,
    pub seats: Vec<Seat>,
    /// `\Recent` messages that no session was told of.
    pub unclaimed: u8,
    pub under_way: Vec<UnderWay>,
    /// Pages that the hub was given and that begin or end above its cursor.
    pub waiting: Vec<UnderWay>,
    /// What was said, for people.
    pub transcript: Option<Vec<String>>,
}

impl World {
    pub fn new(setting: Setting, fault: Option<Fault>) -> Self {
        let store = Store::new();
        let limits = Limits::default();
        let limits = limits
            .with_expunge_records(setting.memory)
            .with_flag_changes(setting.memory);
        let hub = match setting.feed {
            Feed::Guard => {
                let snapshot: Snapshot = (0..START).map(uid_of).collect();
                let snapshot = snapshot.with_highest_modseq(modseq(BASE));
                Hub::Guarded(MailboxHub::with_limits((), snapshot, limits).expect("ascending"))
            }
            Feed::Log | Feed::Table => {
                Hub::Logged(LogHub::open(pages::listing(&store).page, limits).expect("a whole page"))
            }
        };
        let mut world = Self {
            setting,
            fault,
            store,
            hub,
            seats: Vec::with_capacity(SESSIONS),
            unclaimed: 0,
            under_way: Vec::new(),
            waiting: Vec::new(),
            transcript: None,
        };
        for session in 0..SESSIONS {
            let seat = world.open(session, None);
            world.seats.push(seat);
        }
        for &step in setting.before {
            world.step(step).expect("nothing that is judged");
        }
        world
    }

    /// Up to where the hub knows the store.
    pub fn cursor(&self) -> u64 {
        match &self.hub {
            Hub::Guarded(_) => self.store.version,
            Hub::Logged(hub) => hub.cursor().get(),
        }
    }

    pub fn visible(&self) -> Messages {
        self.store.at(self.cursor())
    }

    /// Does one step, and judges what the session that acts is told.
    pub fn step(&mut self, step: Step) -> Judgement {
        self.say(|| step.to_string());
        match step {
            Step::Arrive => self.arrive(),
            Step::Batch => self.batch(),
            Step::Expunge(message) => {
                self.change(message, Change::Gone, Origin::EXTERNAL, Echo::Tell);
                Ok(())
            }
            Step::Flags(message) => {
                let flags = self.store.flags(message).expect("it is there");
                self.change(
                    message,
                    Change::Present(next_flags(flags)),
                    Origin::EXTERNAL,
                    Echo::Tell,
                );
                Ok(())
            }
            Step::Command {
                session,
                command,
                followed,
            } => self.command(session, command, followed),
            Step::Store { session, number, how } => self.store(session, number, how),
            Step::StoreLast { session } => self.store_last(session),
            Step::Remove { session, number } => self.remove(session, number),
            Step::Select(session) => {
                let before = fault::snapshot_before(self);
                self.seats[usize::from(session)] = self.open(usize::from(session), before);
                Ok(())
            }
            Step::Read(reading) => {
                let page = self.read(reading);
                self.under_way.push(page);
                Ok(())
            }
            Step::Deliver(place) => {
                let page = self.under_way.remove(usize::from(place));
                self.deliver(page)
            }
            Step::Repeat(place) => {
                let page = &mut self.under_way[usize::from(place)];
                page.given = true;
                let page = page.clone();
                self.deliver(page)
            }
        }
    }

    pub fn say(&mut self, what: impl FnOnce() -> String) {
        if let Some(transcript) = &mut self.transcript {
            transcript.push(what());
        }
    }

    /// `before`: what a faulty server reads before it subscribes.
    fn open(&mut self, session: usize, before: Option<Messages>) -> Seat {
        let role = self.setting.roles[session];
        let mut buffer = match &self.hub {
            Hub::Guarded(hub) => hub.subscribe(role.access),
            Hub::Logged(hub) => hub.select(role.access).updates,
        };
        buffer.report_expunges_as(role.form);
        let visible = before.unwrap_or_else(|| self.visible());
        let known = mask_of(&visible);
        let mut client = ClientModel::selected(known.count_ones());
        let recent = imap_updates::Untagged::Recent(buffer.recent());
        client
            .apply(&recent, imap_seq::Expunges::Hold)
            .expect("RECENT of SELECT");
        for (at, message) in members(known).enumerate() {
            let seq = imap_seq::SeqNum::new(at as u32 + 1).expect("not 0");
            client.learn(seq, uid_of(message)).expect("a new client");
            let flags = visible[usize::from(message)].expect("it is there");
            client.learn_flags(uid_of(message), flags_of(flags));
        }
        let mine = self.unclaimed & known;
        if role.access == Access::ReadWrite {
            self.unclaimed = 0;
        }
        let cursor = self.cursor();
        Seat {
            has_keyword: !buffer.keywords().is_empty(),
            told: buffer.highest_modseq().get(),
            buffer,
            client,
            role,
            known,
            horizon: self.store.arrived_by(cursor),
            recent: mine,
            drained_at: cursor,
            told_at: 0,
            kept: Vec::new(),
        }
    }

    fn arrive(&mut self) -> Judgement {
        self.store.version += 1;
        if self.fault == Some(Fault::BeforeCommit) && self.store.arrived == START + 1 {
            // The transaction fails, and it has been told.
            self.store.arrived += 1;
            self.publish(|guard, _| {
                let _ = guard.arrive(uid_of(START + 1), Recency::NotRecent);
            });
            return Ok(());
        }
        let message = self.store.arrive();
        self.unclaimed |= self.recent_bit(message);
        self.publish(|guard, _| {
            let _applied = guard.arrive(uid_of(message), Recency::Recent);
        });
        Ok(())
    }

    fn recent_bit(&self, message: u8) -> u8 {
        u8::from(self.setting.feed == Feed::Guard) << message
    }

    fn batch(&mut self) -> Judgement {
        self.store.version += 1;
        let (first, second) = (self.store.arrive(), self.store.arrive());
        let lowest = members(mask_of(&self.store.now()))
            .next()
            .expect("two have arrived");
        self.store.commit(lowest, Change::Gone, Origin::EXTERNAL);
        self.unclaimed |= self.recent_bit(first) | self.recent_bit(second);
        self.unclaimed &= !(1 << lowest);
        let mut gone = None;
        self.publish(|guard, _| {
            let arrived = [second, first].map(|message| guard.arrive(uid_of(message), Recency::Recent));
            let expunged = guard.expunge(&std::iter::once(uid_of(lowest)).collect());
            gone = Some((arrived, expunged.len()));
        });
        law!(
            gone.is_none_or(|gone| gone == ([Ingest::Applied; 2], 1)),
            "what was published was not taken: {gone:?}"
        );
        Ok(())
    }

    /// What has been committed is published; a log is not published, but read.
    fn publish(&mut self, tell: impl FnOnce(&mut imap_updates::HubGuard<'_, ()>, &Store)) {
        if let Hub::Guarded(hub) = &self.hub {
            tell(&mut hub.lock(), &self.store);
        }
    }

    /// Commits and publishes one change.
    fn change(&mut self, message: u8, change: Change, by: Origin, echo: Echo) {
        self.store.version += 1;
        let said = match echo {
            Echo::Silent => Said::Silently,
            Echo::Tell => Said::Aloud,
        };
        self.store.commit_as(message, change, by, said);
        if change == Change::Gone {
            self.unclaimed &= !(1 << message);
        }
        let lost = self.fault == Some(Fault::NotPublished) && by == Origin::EXTERNAL;
        self.publish(|guard, _| match change {
            _ if lost => guard.reach_modseq(guard.highest_modseq().next().expect("small")),
            Change::Gone => drop(guard.expunge(&std::iter::once(uid_of(message)).collect())),
            Change::Present(flags) => {
                let _applied = guard.flags_changed(uid_of(message), flags_of(flags), by, echo);
            }
        });
    }

    fn command(&mut self, session: u8, command: u8, followed: bool) -> Judgement {
        let followers = if followed {
            Followers::UseSequenceNumbers
        } else {
            Followers::None
        };
        let what = &COMMANDS[usize::from(command)];
        let drained = fault::run(
            self.fault,
            command,
            &mut self.seats[usize::from(session)].buffer,
            followers,
        );
        self.hear(session, drained, command, what.may && !followed, None)
    }

    /// Writes what a session is told, and judges it. `own` is the message that its client removes.
    pub fn hear(
        &mut self,
        session: u8,
        drained: Drained,
        command: u8,
        granted: bool,
        own: Option<u8>,
    ) -> Judgement {
        let cursor = self.cursor();
        let mut moment = Moment {
            store: &self.store,
            cursor,
            visible: self.store.at(cursor),
            arrived: self.store.arrived_by(cursor),
            granted,
            anew: false,
        };
        let mut lines = Line::of(&drained);
        let seat = &mut self.seats[usize::from(session)];
        if let Some(fault) = self.fault {
            let case = Case {
                moment: &moment,
                command,
                own,
            };
            fault::rewrite(fault, &mut lines, seat, &case);
        }
        if let Some(transcript) = &mut self.transcript {
            transcript.extend(lines.iter().map(|line| format!("    S: {line}")));
        }
        seat.hear(&lines, &moment)?;
        seat.buffer.written(drained);
        if seat.buffer.lost_flags() {
            seat.restate(&mut moment)?;
        }
        let (fault, visible, arrived) = (self.fault, moment.visible, moment.arrived);
        seat.learn(&moment, |buffer, number| {
            let numbers = Numbers {
                buffer,
                fault,
                visible: &visible,
                arrived,
            };
            numbers.uid_of(number)
        })?;
        let highest_modseq = fault::highest_modseq(fault, seat.buffer.highest_modseq().get(), &moment);
        seat.has_what_it_was_told(&moment, highest_modseq, &mut self.unclaimed)
    }

    /// `STORE number ±FLAGS.SILENT (\Flagged)`.
    fn store(&mut self, session: u8, number: u8, how: How) -> Judgement {
        let seat = &mut self.seats[usize::from(session)];
        let _command = seat.buffer.begin(imap_updates::kind::Store);
        let meant = seat.meant(number).expect("a number of the client's");
        let visible = self.visible();
        let seat = &self.seats[usize::from(session)];
        let numbers = Numbers {
            buffer: &seat.buffer,
            fault: self.fault,
            visible: &visible,
            arrived: self.store.arrived,
        };
        let hit = numbers.uid_of(u32::from(number));
        let uid = uid_of(meant).get();
        law!(
            hit == Some(uid),
            "message {number} is UID {uid} for the client, and {} would be changed",
            shown(hit)
        );
        let gone =
            seat.buffer.view().is_expunged(uid_of(meant)) && self.fault != Some(Fault::ExpungedIsAbsent);
        law!(
            gone == visible[usize::from(meant)].is_none(),
            "UID {uid} is {}gone, and the answer says something else",
            if gone { "not " } else { "" }
        );
        if let Some(flags) = self.store.flags(meant) {
            self.transaction(session, meant, flags ^ FLAGGED, how)?;
        }
        self.command(session, STORE, false)
    }

    fn transaction(&mut self, session: u8, message: u8, flags: u8, how: How) -> Judgement {
        let me = self.seats[usize::from(session)].buffer.origin();
        let change = Change::Present(flags);
        let Hub::Logged(hub) = &self.hub else {
            self.change(message, change, me, Echo::Silent);
            self.seats[usize::from(session)].believes(message, flags & FLAGGED != 0);
            return Ok(());
        };
        let hub = hub.clone();
        let claim = || {
            let before = self.store.version;
            hub.claim(modseq(before), modseq(before + 1), me)
        };
        match how {
            How::Said | How::ClaimedLate => {
                let claim = claim();
                self.change(message, change, me, Echo::Silent);
                if how == How::ClaimedLate {
                    self.catch_up()?;
                }
                claim.committed();
            }
            How::RolledBack => drop(claim()),
            How::Overtaken => {
                let claim = claim();
                self.change(message, change, Origin::EXTERNAL, Echo::Tell);
                self.catch_up()?;
                drop(claim);
            }
            How::Named => {
                self.store.version += 1;
                self.store.commit_as(message, change, me, Said::ByTheLog);
            }
            How::Unsaid => self.change(message, change, me, Echo::Tell),
        }
        if !matches!(how, How::RolledBack | How::Overtaken) {
            self.seats[usize::from(session)].believes(message, flags & FLAGGED != 0);
        }
        Ok(())
    }

    /// `UID STORE * ±FLAGS (\Flagged)`: the client learns the flags from the FETCH that answers it.
    fn store_last(&mut self, session: u8) -> Judgement {
        let seat = &mut self.seats[usize::from(session)];
        let _command = seat.buffer.begin(imap_updates::kind::UidStore);
        let last = members(seat.known).last();
        let view = seat.buffer.view().last().map(Uid::get);
        law!(
            view == last.map(|last| uid_of(last).get()),
            "`*` is UID {}",
            shown(view)
        );
        let me = seat.buffer.origin();
        if let Some((message, flags)) = last.and_then(|last| Some((last, self.store.flags(last)?))) {
            self.change(message, Change::Present(flags ^ FLAGGED), me, Echo::Tell);
        }
        self.command(session, UID_STORE, false)
    }

    fn remove(&mut self, session: u8, number: u8) -> Judgement {
        let seat = &mut self.seats[usize::from(session)];
        let meant = seat.meant(number).expect("a number of the client's");
        seat.buffer.removed_by_client();
        if self.store.flags(meant).is_some() {
            self.change(meant, Change::Gone, Origin::EXTERNAL, Echo::Tell);
        }
        let buffer = &mut self.seats[usize::from(session)].buffer;
        let drained = fault::run(self.fault, UID_EXPUNGE, buffer, Followers::None);
        self.hear(session, drained, UID_EXPUNGE, true, Some(meant))
    }

    pub fn noop(&mut self, session: u8) -> Judgement {
        self.command(session, NOOP, false)
    }
}

/// `\Seen`, then a keyword beside it, then neither.
const fn next_flags(flags: u8) -> u8 {
    if flags & SEEN == 0 {
        flags | SEEN
    } else if flags & WORK == 0 {
        flags | WORK
    } else {
        flags & !(SEEN | WORK)
    }
}
