//! One session, its strict client, and what the oracle knows about the two.

use imap_seq::{Expunges, SeqNum};
use imap_updates::{ExpungeForm, Recency, UpdateBuffer};

use super::line::Line;
use super::model::ClientModel;
use super::setting::Role;
use super::store::{
    FLAGGED, Messages, Row, Store, WORK, bits_of, flags_of, mask_of, members, message_of, modseq, uid,
    uid_of, uids,
};
use super::{Judgement, law, shown};

pub struct Seat {
    pub buffer: UpdateBuffer,
    pub client: ClientModel,
    pub role: Role,
    /// The messages that the client has to have.
    pub known: u8,
    /// Messages from here on were not announced.
    pub horizon: u8,
    /// Those of them that are `\Recent` here.
    pub recent: u8,
    /// The HIGHESTMODSEQ that the client was told.
    pub told: u64,
    /// The hub's version at the last drain.
    pub drained_at: u64,
    /// The store's version when it was told anything last.
    pub told_at: u64,
    pub has_keyword: bool,
    /// What a faulty server keeps of earlier drains.
    pub kept: Vec<Line>,
}

/// The moment at which a session is told something.
pub struct Moment<'w> {
    pub store: &'w Store,
    /// Up to where the hub knows the store.
    pub cursor: u64,
    pub visible: Messages,
    pub arrived: u8,
    /// Whether the RFCs let EXPUNGE out now.
    pub granted: bool,
    /// Whether flags are told anew, changed or not.
    pub anew: bool,
}

impl Seat {
    /// Applies the lines of one drain in the order in which they are written.
    pub fn hear(&mut self, lines: &[Line], moment: &Moment<'_>) -> Judgement {
        let mut rank = 0;
        let mut last_expunge = u32::MAX;
        for line in lines {
            let in_order = line.rank() > rank || line.rank() == rank && matches!(rank, 2 | 3);
            law!(in_order, "{line} is out of order");
            rank = line.rank();
            if let Line::Expunge(seq) = line {
                law!(seq.get() < last_expunge, "{line} does not descend");
                last_expunge = seq.get();
            }
            self.hear_line(line, moment)?;
        }
        if !lines.is_empty() {
            self.told_at = moment.store.version;
        }
        Ok(())
    }

    fn hear_line(&mut self, line: &Line, moment: &Moment<'_>) -> Judgement {
        let expunges = if moment.granted {
            Expunges::Release
        } else {
            Expunges::Hold
        };
        match line {
            Line::MailboxFlags(keywords) => self.has_keyword |= !keywords.is_empty(),
            Line::Fetch {
                uid,
                flags,
                recent,
                modseq,
                ..
            } => {
                let message = message_of(*uid).ok_or("FETCH of a UID that is nowhere")?;
                let there = moment.visible[usize::from(message)];
                law!(there.is_some(), "{line}, which is expunged");
                law!(there == Some(bits_of(flags)), "{line}, which are not its flags");
                let changed = moment.store.changed_at(message, moment.cursor);
                law!(modseq.get() == changed, "{line}, whose mod-sequence is {changed}");
                law!(
                    bits_of(flags) & WORK == 0 || self.has_keyword,
                    "{line} before the mailbox's FLAGS"
                );
                law!(
                    !self.is_echo(message, moment),
                    "{line}, which this session changed itself, and silently"
                );
                law!(
                    moment.anew || self.has_changed(message, moment),
                    "{line}, and nothing has changed"
                );
                let is_recent = self.recent >> message & 1 == 1;
                law!(
                    (*recent == Recency::Recent) == is_recent,
                    "{line}, \\Recent or not"
                );
            }
            Line::Exists(exists) => law!(*exists > self.client.exists(), "{line} says nothing new"),
            Line::Expunge(_) => law!(
                self.role.form == ExpungeForm::Expunge,
                "{line} in the place of VANISHED (RFC 7162, section 3.2.10)"
            ),
            Line::Vanished(_) => law!(
                self.role.form == ExpungeForm::Vanished,
                "{line}, which the client did not ask for (RFC 7162, section 3.2.10)"
            ),
            Line::Recent(_) => {}
        }
        let applied = self.client.apply(&line.untagged(), expunges);
        applied
            .map(|_| ())
            .map_err(|broken| format!("{broken} ({})", broken.rule()))
    }

    /// The session fell behind the history: the flags of all its messages are told anew, as they were read before some of
    /// them were expunged.
    pub fn restate(&mut self, moment: &mut Moment<'_>) -> Judgement {
        moment.anew = true;
        let moment = &*moment;
        self.would_miss_nothing(moment.store, self.buffer.highest_modseq().get())?;
        let flags = members(self.known).map(|message| {
            let flags = moment.visible[usize::from(message)].unwrap_or(0);
            let changed = modseq(moment.store.changed_at(message, moment.cursor));
            (uid_of(message), flags_of(flags), changed)
        });
        self.buffer.restate_flags(flags);
        let drained = self.buffer.drain(imap_updates::Release::hold());
        // Its own are among them.
        self.drained_at = moment.cursor;
        self.hear(&Line::of(&drained), moment)?;
        self.buffer.written(drained);
        Ok(())
    }

    /// The client asks for UID and flags of what is new; `uid_of` is the server's answer.
    pub fn learn(
        &mut self,
        moment: &Moment<'_>,
        uid_of: impl Fn(&UpdateBuffer, u32) -> Option<u32>,
    ) -> Judgement {
        for seq in self.client.unknown() {
            let answer = uid_of(&self.buffer, seq.get());
            let number = answer.ok_or(format!("nobody knows message {seq}, which was announced"))?;
            let learnt = self.client.learn(seq, uid(number));
            learnt.map_err(|broken| format!("{broken} ({})", broken.rule()))?;
            let flags = message_of(uid(number)).and_then(|message| moment.visible[usize::from(message)]);
            let flags = flags.ok_or(format!("UID {number} was announced, and is not in the mailbox"))?;
            self.client.learn_flags(uid(number), flags_of(flags));
        }
        Ok(())
    }

    /// After a drain: the client has what it has to have, with this HIGHESTMODSEQ.
    pub fn has_what_it_was_told(
        &mut self,
        moment: &Moment<'_>,
        highest_modseq: u64,
        unclaimed: &mut u8,
    ) -> Judgement {
        let there = mask_of(&moment.visible);
        if moment.granted {
            self.known &= there;
        }
        let new = there & !((1 << self.horizon) - 1);
        self.known |= new;
        self.horizon = moment.arrived;
        let has: Vec<u32> = self.client.uids().iter().map(|uid| uid.get()).collect();
        let needs = uids(self.known);
        law!(
            has == needs,
            "the client has the UIDs {has:?} and has to have {needs:?}"
        );

        self.recent = (self.recent | new & *unclaimed) & self.known;
        if self.role.access == imap_updates::Access::ReadWrite {
            *unclaimed &= !new;
        }
        let (told, exact) = (self.client.recent(), self.recent.count_ones());
        law!(told == exact, "RECENT {told}, and {exact} are");
        self.drained_at = moment.cursor;
        self.has_the_flags(moment)?;
        self.counts(moment, highest_modseq)
    }

    /// Flags of a message that this session changed itself, with a version that the hub has not read, are ahead.
    fn has_the_flags(&self, moment: &Moment<'_>) -> Judgement {
        let me = self.buffer.origin();
        for message in members(self.known) {
            let Some(flags) = moment.visible[usize::from(message)] else {
                continue;
            };
            let rows = moment.store.rows.iter().rev();
            let mut ahead = rows.take_while(|row| row.version > moment.cursor);
            if ahead.any(|row| row.message == message && row.by == me) {
                continue;
            }
            let has = self.client.flags_of(uid_of(message)).cloned();
            let number = uid_of(message);
            let needs = flags_of(flags);
            law!(
                has.as_ref() == Some(&needs),
                "for the client UID {number} has {}, and it has {needs}",
                shown(has)
            );
        }
        Ok(())
    }

    /// HIGHESTMODSEQ, and what is held.
    fn counts(&mut self, moment: &Moment<'_>, told: u64) -> Judgement {
        let (before, cursor) = (self.told, moment.cursor);
        law!(told >= before, "HIGHESTMODSEQ went back from {before} to {told}");
        law!(told <= cursor, "HIGHESTMODSEQ {told} is ahead of {cursor}");
        self.told = told;
        let held = (self.known & !mask_of(&moment.visible)).count_ones();
        let said = self.buffer.held().map_or(0, |held| held.count);
        law!(said == held, "{said} EXPUNGEs are held, and {held} have to be");
        self.would_miss_nothing(moment.store, self.told)
    }

    /// The client loses its connection, comes back, and asks for what is newer than the HIGHESTMODSEQ that it was told
    /// (RFC 7162, section 3.2.5).
    pub fn would_miss_nothing(&self, store: &Store, told: u64) -> Judgement {
        let now = store.now();
        for message in 0..store.arrived {
            let has = self.client.flags_of(uid_of(message)).map(bits_of);
            let has = has.filter(|_| self.known >> message & 1 == 1);
            let there = now[usize::from(message)];
            let would_hear = store.changed_at(message, store.version) > told;
            law!(
                has == there || would_hear,
                "a client that came back with HIGHESTMODSEQ {told} would not hear of UID {}",
                uid_of(message)
            );
        }
        Ok(())
    }

    fn has_changed(&self, message: u8, moment: &Moment<'_>) -> bool {
        let mut rows = moment.store.rows.iter();
        rows.any(|row| row.message == message && row.version > self.drained_at)
    }

    /// Whether the message's changes since the last drain are this session's own, by `FLAGS.SILENT`; nobody else changed anything
    /// before them, which may be merged into them where a log is read; and the session was told nothing since, which
    /// might have been older flags of the same message.
    fn is_echo(&self, message: u8, moment: &Moment<'_>) -> bool {
        let me = self.buffer.origin();
        let rows = || {
            moment
                .store
                .rows
                .iter()
                .filter(|row| row.version > self.drained_at)
        };
        let last = rows()
            .filter(|row| row.message == message)
            .map(|row| row.version)
            .max();
        last.is_some_and(|last| {
            let own = |row: &Row| row.by == me && row.silent && row.version > self.told_at;
            rows().filter(|row| row.version <= last).all(own)
        })
    }

    /// The client has the tagged OK of its `±FLAGS.SILENT`.
    pub fn believes(&mut self, message: u8, set: bool) {
        let believed = self.client.flags_of(uid_of(message)).map_or(0, bits_of);
        let flags = if set {
            believed | FLAGGED
        } else {
            believed & !FLAGGED
        };
        self.client.learn_flags(uid_of(message), flags_of(flags));
    }

    /// The message that the client means by a number.
    pub fn meant(&self, number: u8) -> Option<u8> {
        let seq = SeqNum::new(u32::from(number))?;
        message_of(self.client.uid_of(seq)?)
    }
}
