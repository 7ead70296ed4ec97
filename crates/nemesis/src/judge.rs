//! Whether a history could be that of a mail store that keeps what it promises.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use crate::history::{Attempt, Event, Mailbox, Number, Place};

#[cfg(test)]
mod tests;

/// What must not happen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Rule {
    /// An acknowledged message is not there.
    MessageLost,
    /// An acknowledged flag, or its removal, is not there.
    FlagLost,
    /// A UID had two messages, or a mailbox two UIDVALIDITYs.
    UidTwice,
    /// EXPUNGE of a message that nobody removed, or that is there afterwards.
    PhantomExpunge,
    /// A message is there again after its removal was acknowledged or told.
    CameBack,
    /// A mod-sequence or UIDNEXT went back.
    WentBack,
    /// A message that nobody stored, or once too often.
    FromNowhere,
    /// The octets of a message are not those that were stored.
    OtherOctets,
    /// Somebody was told what no client can follow.
    ImpossibleView,
    /// Clients and the database disagree when everything is at rest, or do not come to rest.
    Disagreement,
}

/// A rule that was broken, and how.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Finding {
    pub(crate) rule: Rule,
    pub(crate) what: String,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}: {}", self.rule, self.what)
    }
}

/// What a mailbox has at rest: flags by UID.
pub(crate) type View = BTreeMap<u32, BTreeSet<String>>;

/// What is there at the end.
#[derive(Clone, Debug, Default)]
pub(crate) struct Rest {
    /// What the database has.
    pub(crate) stored: BTreeMap<Mailbox, View>,
    /// The names of the messages, as they were fetched at the end.
    pub(crate) names: BTreeMap<Place, String>,
    /// What the clients had.
    pub(crate) views: Vec<(String, Mailbox, View)>,
}

/// What is known of a message.
#[derive(Debug, Default)]
struct Known {
    name: Option<String>,
    /// When it was acknowledged.
    stored: Option<Number>,
    /// It was appended, and is not a copy, as far as is known.
    is_original: bool,
    /// Somebody has begun to remove it.
    may_go: bool,
    /// When `\Deleted` was acknowledged.
    deleted: Option<Number>,
    /// When its removal was acknowledged or told.
    gone: Option<Number>,
    flags: BTreeMap<String, FlagKnown>,
}

#[derive(Debug, Default)]
struct FlagKnown {
    acknowledged: Option<bool>,
    /// What attempts without an answer may yet make of it.
    perhaps: BTreeSet<bool>,
}

/// The figures of the last look at the database.
#[derive(Debug, Default)]
struct Figures {
    highest_modseq: i64,
    uid_next: i64,
    modseqs: BTreeMap<u32, i64>,
}

#[derive(Debug, Default)]
struct Judge {
    messages: BTreeMap<Place, Known>,
    attempts: BTreeMap<Number, Attempt>,
    /// How often a message may be in a mailbox.
    copies: BTreeMap<(Mailbox, String), usize>,
    /// The names of messages that somebody began to mark as deleted: their copies may be, too.
    marked: BTreeSet<String>,
    validity: BTreeMap<Mailbox, u32>,
    figures: BTreeMap<Mailbox, Figures>,
    findings: BTreeSet<Finding>,
}

/// Everything that was wrong.
pub(crate) fn judge(events: &[Event], rest: &Rest) -> Vec<Finding> {
    let mut judge = Judge::default();
    let answered: BTreeSet<Number> = events
        .iter()
        .filter_map(|event| match event {
            Event::Done { attempt, .. } => Some(*attempt),
            _ => None,
        })
        .collect();
    for (now, event) in events.iter().enumerate() {
        judge.hear(now, event, &answered);
    }
    judge.at_rest(rest);
    judge.findings.into_iter().collect()
}

impl Judge {
    fn find(&mut self, rule: Rule, what: String) {
        self.findings.insert(Finding { rule, what });
    }

    fn hear(&mut self, now: Number, event: &Event, answered: &BTreeSet<Number>) {
        match event {
            Event::Began(attempt) => {
                self.began(attempt, answered.contains(&now));
                self.attempts.insert(now, attempt.clone());
            }
            Event::Done { attempt, uids } => {
                if let Some(what) = self.attempts.remove(attempt) {
                    self.done((*attempt, now), &what, uids);
                }
            }
            Event::Saw { who, at, since, uids } => self.saw((who, now), *at, *since, uids),
            Event::Is { place, name } => self.is(*place, name),
            Event::Expunged { who, place } => self.expunged((who, now), *place),
            Event::Next {
                who,
                at,
                since,
                uid_next,
            } => self.next(who, *at, *since, *uid_next),
            Event::Validity { at, uid_validity } => {
                let first = *self.validity.entry(*at).or_insert(*uid_validity);
                if first != *uid_validity {
                    self.find(
                        Rule::UidTwice,
                        format!("UIDVALIDITY of {} was {first} and is {uid_validity}", at.name()),
                    );
                }
            }
            Event::Sample {
                at,
                highest_modseq,
                uid_next,
                modseqs,
            } => {
                let new = Figures {
                    highest_modseq: *highest_modseq,
                    uid_next: *uid_next,
                    modseqs: modseqs.clone(),
                };
                self.sampled(*at, new);
            }
            Event::Broken { who, what } => self.find(Rule::ImpossibleView, format!("{who}: {what}")),
        }
    }

    fn began(&mut self, attempt: &Attempt, is_answered: bool) {
        match attempt {
            Attempt::Append { to, name, .. } => *self.copies.entry((*to, name.clone())).or_default() += 1,
            Attempt::Store { at, uids, flag, set } => {
                for &uid in uids {
                    let known = self.messages.entry((*at, uid)).or_default();
                    if flag == DELETED && *set {
                        known.may_go = true;
                        self.marked.extend(known.name.clone());
                    }
                    if !is_answered {
                        known.flags.entry(flag.clone()).or_default().perhaps.insert(*set);
                    }
                }
            }
            Attempt::Expunge { .. } => {} // of what had `\Deleted`, which may go already
            Attempt::Remove { at, uids } => {
                for &uid in uids {
                    self.messages.entry((*at, uid)).or_default().may_go = true;
                }
            }
            Attempt::Copy {
                from,
                uids,
                to,
                moves,
            } => {
                for &uid in uids {
                    let known = self.messages.entry((*from, uid)).or_default();
                    known.may_go |= moves;
                    if let Some(name) = known.name.clone() {
                        *self.copies.entry((*to, name)).or_default() += 1;
                    }
                }
            }
        }
    }

    fn done(&mut self, (began, now): (Number, Number), attempt: &Attempt, uids: &[(u32, u32)]) {
        match attempt {
            Attempt::Append { to, name, flags } => {
                for &(uid, _) in uids {
                    self.is((*to, uid), name);
                    let known = self.messages.entry((*to, uid)).or_default();
                    known.stored = Some(now);
                    known.is_original = true;
                    for flag in flags {
                        known.flags.entry(flag.clone()).or_default().acknowledged = Some(true);
                    }
                }
            }
            Attempt::Store { at, uids, flag, set } => {
                for &uid in uids {
                    let known = self.messages.entry((*at, uid)).or_default();
                    if flag == DELETED && *set {
                        known.deleted.get_or_insert(now);
                    }
                    known.flags.entry(flag.clone()).or_default().acknowledged = Some(*set);
                }
            }
            Attempt::Expunge { at, uids } => self.removed((began, now), *at, uids),
            Attempt::Remove { at, uids } => {
                for &uid in uids {
                    self.gone((*at, uid), now);
                }
            }
            Attempt::Copy { from, to, moves, .. } => {
                for &(source, target) in uids {
                    if let Some(name) = self
                        .messages
                        .get(&(*from, source))
                        .and_then(|known| known.name.clone())
                    {
                        self.is((*to, target), &name);
                    }
                    self.messages.entry((*to, target)).or_default().stored = Some(now);
                    if *moves {
                        self.gone((*from, source), now);
                    }
                }
            }
        }
    }

    /// After EXPUNGE nothing of what it meant is there that had `\Deleted` when it began.
    fn removed(&mut self, (began, now): (Number, Number), at: Mailbox, uids: &[u32]) {
        for &uid in uids {
            let known = self.messages.entry((at, uid)).or_default();
            if known.deleted.is_some_and(|deleted| deleted < began) {
                known.gone.get_or_insert(now);
            }
        }
    }

    /// Whether somebody may have removed it. A copy of one that was marked as deleted is, too.
    fn may_go(&self, known: &Known) -> bool {
        let is_marked = |name: &String| self.marked.contains(name);
        known.may_go || (!known.is_original && known.name.as_ref().is_none_or(is_marked))
    }

    fn gone(&mut self, place: Place, now: Number) {
        self.messages.entry(place).or_default().gone.get_or_insert(now);
    }

    fn is(&mut self, place: Place, name: &str) {
        let known = self.messages.entry(place).or_default();
        let before = known.name.get_or_insert_with(|| name.to_owned()).clone();
        if before != name {
            self.find(
                Rule::UidTwice,
                format!("{} was {before} and is {name}", told(place)),
            );
        }
        if !self.copies.contains_key(&(place.0, name.to_owned())) {
            self.find(
                Rule::FromNowhere,
                format!("{} is {name}, which nobody stored there", told(place)),
            );
        }
    }

    fn saw(&mut self, (who, _): (&str, Number), at: Mailbox, since: Number, uids: &BTreeSet<u32>) {
        let mut found = Vec::new();
        for (place, known) in self.messages.range((at, 0)..=(at, u32::MAX)) {
            let is_there = uids.contains(&place.1);
            let was_stored = known.stored.is_some_and(|stored| stored < since);
            if !is_there && was_stored && !self.may_go(known) {
                found.push((Rule::MessageLost, format!("{who} does not see {}", told(*place))));
            }
            if is_there && known.gone.is_some_and(|gone| gone < since) {
                found.push((
                    Rule::CameBack,
                    format!("{who} sees {} after its removal", told(*place)),
                ));
            }
        }
        for (rule, what) in found {
            self.find(rule, what);
        }
    }

    fn expunged(&mut self, (who, now): (&str, Number), place: Place) {
        if !self.messages.get(&place).is_none_or(|known| self.may_go(known)) {
            self.find(
                Rule::PhantomExpunge,
                format!("{who} was told EXPUNGE of {}, which nobody removed", told(place)),
            );
        }
        self.gone(place, now);
    }

    fn next(&mut self, who: &str, at: Mailbox, since: Number, uid_next: u32) {
        let stored = |known: &Known| known.stored.is_some_and(|stored| stored < since);
        let highest = self
            .messages
            .range((at, 0)..=(at, u32::MAX))
            .rfind(|(_, known)| stored(known));
        if let Some((&place, _)) = highest.filter(|(place, _)| place.1 >= uid_next) {
            self.find(
                Rule::WentBack,
                format!(
                    "{who} was told UIDNEXT {uid_next} after {} was stored",
                    told(place)
                ),
            );
        }
    }

    fn sampled(&mut self, at: Mailbox, new: Figures) {
        let old = self.figures.remove(&at).unwrap_or_default();
        let mut found = Vec::new();
        for (what, old, new) in [
            ("highest mod-sequence", old.highest_modseq, new.highest_modseq),
            ("next UID", old.uid_next, new.uid_next),
        ] {
            if new < old {
                found.push(format!("the {what} of {} was {old} and is {new}", at.name()));
            }
        }
        for (uid, &modseq) in &new.modseqs {
            let before = old.modseqs.get(uid).copied().unwrap_or_default();
            if modseq < before || modseq > new.highest_modseq || i64::from(*uid) >= new.uid_next {
                found.push(format!(
                    "{} had the mod-sequence {before} and has {modseq}, in a mailbox at {} with the next UID {}",
                    told((at, *uid)),
                    new.highest_modseq,
                    new.uid_next
                ));
            }
        }
        for what in found {
            self.find(Rule::WentBack, what);
        }
        self.figures.insert(at, new);
    }

    fn at_rest(&mut self, rest: &Rest) {
        for (place, name) in &rest.names {
            self.is(*place, name);
        }
        self.check_counts(rest);
        let messages = std::mem::take(&mut self.messages);
        for (place, known) in &messages {
            let flags = rest.stored.get(&place.0).and_then(|view| view.get(&place.1));
            self.check_message(*place, known, flags);
        }
        for (who, at, view) in &rest.views {
            let stored = rest.stored.get(at).cloned().unwrap_or_default();
            if *view != stored {
                let what = difference(view, &stored);
                self.find(Rule::Disagreement, format!("{who} in {}: {what}", at.name()));
            }
        }
    }

    fn check_message(&mut self, place: Place, known: &Known, flags: Option<&BTreeSet<String>>) {
        let Some(flags) = flags else {
            if known.stored.is_some() && !self.may_go(known) {
                self.find(Rule::MessageLost, format!("{} is not there", told(place)));
            }
            return;
        };
        if known.gone.is_some() {
            let rule = match self.may_go(known) {
                true => Rule::CameBack,
                false => Rule::PhantomExpunge,
            };
            self.find(rule, format!("{} is there after its removal", told(place)));
        }
        for (flag, state) in &known.flags {
            let is_set = flags.contains(flag);
            let is_lost = state.acknowledged.is_some_and(|set| set != is_set);
            if is_lost && !state.perhaps.contains(&is_set) {
                let what = if is_set { "has" } else { "has not" };
                self.find(Rule::FlagLost, format!("{} {what} {flag}", told(place)));
            }
        }
    }

    fn check_counts(&mut self, rest: &Rest) {
        let mut there: BTreeMap<(Mailbox, String), usize> = BTreeMap::new();
        for ((mailbox, _), name) in &rest.names {
            *there.entry((*mailbox, name.clone())).or_default() += 1;
        }
        for (which, count) in there {
            let most = self.copies.get(&which).copied().unwrap_or_default();
            if count > most {
                let (at, name) = (which.0.name(), which.1);
                self.find(
                    Rule::FromNowhere,
                    format!("{name} is in {at} {count} times, and was stored there {most} times"),
                );
            }
        }
    }
}

/// What anybody may set, and nobody takes away.
pub(crate) const DELETED: &str = "\\Deleted";

fn told(place: Place) -> String {
    format!("UID {} of {}", place.1, place.0.name())
}

fn difference(view: &View, stored: &View) -> String {
    let differs = |uid: &&u32| view.get(uid) != stored.get(uid);
    let uids: BTreeSet<&u32> = view.keys().chain(stored.keys()).filter(differs).collect();
    let told = uids.iter().take(5).map(|uid| {
        let flags = |view: &View| {
            view.get(uid)
                .map(|flags| flags.iter().cloned().collect::<Vec<_>>())
        };
        format!("UID {uid} is {:?} and stored as {:?}", flags(view), flags(stored))
    });
    let told: Vec<String> = told.collect();
    format!("{} messages differ: {}", uids.len(), told.join("; "))
}
