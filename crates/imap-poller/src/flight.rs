//! `Flight`: one question to the store, from the asking to the answer.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use imap_seq::{ModSeq, Uid, UidSet, View};
use imap_updates::{Echo, HubGuard, Ingest, Origin, Recency};

use crate::diff::differs;
use crate::poller::{Memory, Shared};
use crate::rules::Missing;
use crate::{Difference, FlightNumber, Listed, Listing, diff};

/// A question that was asked and not answered. There is one at a time for each mailbox.
///
/// Ask the store, without any lock, and [`land`](Self::land) its answer. A flight that is dropped has failed.
#[must_use = "a flight that is dropped counts as a failure of the store"]
pub struct Flight<S: Send + 'static> {
    shared: Arc<Shared<S>>,
    number: FlightNumber,
    memory: Memory,
    /// The time of the last news about it: its start, then its end.
    now: Duration,
    end: End,
    /// What the hub held when the question was asked. Later changes through the hub are newer than the answer.
    before: Option<(View, ModSeq)>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    Failed,
    Landed,
}

/// What an answer changed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Landed {
    /// Messages that arrived.
    pub arrived: u32,
    /// Messages whose flags changed.
    pub changed: u32,
    /// Messages whose expunge was confirmed.
    pub expunged: u32,
    /// Messages that are missing and not confirmed.
    pub missing: u32,
    /// Messages that cannot be shown, because a higher UID was announced or the UID is used again: the store is at
    /// fault.
    pub refused: u32,
    /// What became of the answer as a whole.
    pub answer: Answer,
}

/// Whether an answer counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Answer {
    /// It did.
    #[default]
    Taken,
    /// It is older than one before it (a replica that lags), and was left out whole.
    Stale,
}

/// What changed in a store since a cursor, from one that can tell.
#[derive(Clone, Debug, Default)]
pub struct Changes {
    /// Messages that arrived or changed, ascending.
    pub changed: Listing,
    /// Messages that the store knows to be expunged. This is proof; no rule of absence applies.
    pub expunged: UidSet,
}

impl<S: Send + 'static> Flight<S> {
    pub(crate) fn new(shared: Arc<Shared<S>>, number: FlightNumber, memory: Memory, now: Duration) -> Self {
        Self {
            shared,
            number,
            memory,
            now,
            end: End::Failed,
            before: None,
        }
    }

    pub(crate) fn take_off(&mut self) {
        let mut guard = self.shared.hub.lock();
        self.before = Some((guard.view(), guard.highest_modseq()));
    }

    /// Its number, for those who wait for it.
    pub const fn number(&self) -> FlightNumber {
        self.number
    }

    /// All changes up to here are known: ask only for later ones, if the store can tell.
    pub const fn cursor(&self) -> Option<ModSeq> {
        self.memory.cursor
    }

    /// The store's answer, which arrived at `now`: publishes what is different. O(messages), under the mailbox's lock
    /// only for the differences.
    pub fn land(mut self, mut listing: Listing, now: Duration) -> Landed {
        if self.is_stale(&listing) || listing.goes_back_behind(&self.memory.known) {
            self.landed(now);
            return Landed {
                answer: Answer::Stale,
                ..Landed::default()
            };
        }
        let news = self.compare(&listing, now);
        let landed = self.publish(&news, &listing);
        if !news.kept.is_empty() {
            listing.merge(&news.kept, |_| false);
        }
        self.remember(listing);
        self.landed(now);
        landed
    }

    /// The answer of a store that told only what changed since the [`cursor`](Self::cursor). O(changes), and one
    /// merge with what is known.
    pub fn land_changes(mut self, changes: &Changes, now: Duration) -> Landed {
        if self.is_stale(&changes.changed) {
            self.landed(now);
            return Landed {
                answer: Answer::Stale,
                ..Landed::default()
            };
        }
        let mut news = News {
            confirmed: changes.expunged.clone(),
            ..News::default()
        };
        for message in changes.changed.messages() {
            match self.memory.known.get(message.uid) {
                None => news.arrived.push(message.clone()),
                Some(known) if differs(known, message) => news.changed.push(message.clone()),
                Some(_) => {}
            }
        }
        let landed = self.publish(&news, &changes.changed);
        let mut known = std::mem::take(&mut self.memory.known);
        known.merge(changes.changed.messages(), |uid| changes.expunged.contains(uid));
        if let Some(read_at) = changes.changed.read_at() {
            known = known.as_of(read_at);
        }
        self.remember(known);
        self.landed(now);
        landed
    }

    /// The store did not answer; it is asked again after a pause.
    pub fn fail(mut self, now: Duration) {
        self.now = now;
    }

    fn remember(&mut self, known: Listing) {
        self.memory.cursor = self.memory.cursor.max(known.read_at());
        self.memory.known = known;
        self.memory.asked_at = self.before.as_ref().map(|(_, modseq)| *modseq);
    }

    fn landed(&mut self, now: Duration) {
        self.now = now;
        self.end = End::Landed;
    }

    fn is_stale(&self, listing: &Listing) -> bool {
        listing.read_at().is_some_and(|at| Some(at) < self.memory.cursor)
    }

    /// What the answer says, against what was known; no lock is held.
    fn compare(&mut self, listing: &Listing, now: Duration) -> News {
        let mut news = News::default();
        let known = std::mem::take(&mut self.memory.known);
        let mut missing = std::mem::take(&mut self.memory.missing);
        let mut still_missing = std::collections::BTreeMap::new();
        for difference in diff(&known, listing) {
            news.note(difference, |lost| {
                if self.went_through_the_hub(lost) {
                    return Some(lost);
                }
                let before = missing.remove(&lost).unwrap_or(Missing {
                    listings: 0,
                    since: now,
                });
                let missing = Missing {
                    listings: before.listings.saturating_add(1),
                    ..before
                };
                if self.shared.absence.is_confirmed(missing, now) {
                    return Some(lost);
                }
                still_missing.insert(lost, missing);
                None
            });
        }
        // What is not among them any more was found again, and begins anew when it is missed again.
        self.memory.missing = still_missing;
        self.foreign_arrivals(listing, &known, &mut news);
        news
    }

    /// Whether the hub did not have the message any more when the question was asked.
    fn went_through_the_hub(&self, uid: Uid) -> bool {
        self.before
            .as_ref()
            .is_some_and(|(view, _)| view.seq_of(uid).is_none())
    }

    /// Messages that came through the hub since the last listing, and that this one lacks: they are known from now
    /// on, so that their absence is noticed.
    fn foreign_arrivals(&self, listing: &Listing, known: &Listing, news: &mut News) {
        let Some((view, _)) = &self.before else { return };
        let mut listed = listing.messages().iter().map(|message| message.uid).peekable();
        let mut known = known.messages().iter().map(|message| message.uid).peekable();
        for uid in view.uids() {
            while listed.next_if(|&other| other < uid).is_some() {}
            while known.next_if(|&other| other < uid).is_some() {}
            if listed.peek() != Some(&uid) && known.peek() != Some(&uid) {
                news.kept.push(Listed {
                    uid,
                    flags: imap_updates::Flags::empty(),
                    modseq: None,
                });
            }
        }
        news.kept.sort_by_key(|message| message.uid);
    }

    fn publish(&self, news: &News, listing: &Listing) -> Landed {
        let mut landed = Landed {
            missing: count(news.kept.len()),
            ..Landed::default()
        };
        let mut guard = self.shared.hub.lock();
        let mut reverted = self.reverted(&guard, listing);
        reverted.retain(|message| {
            news.changed
                .binary_search_by_key(&message.uid, |m| m.uid)
                .is_err()
        });
        for message in &news.arrived {
            self.arrive(&mut guard, message, &mut landed);
        }
        for message in news.changed.iter().chain(&reverted) {
            if self.is_news(&guard, message) {
                let flags = message.flags.clone();
                let done = guard.flags_changed(message.uid, flags, Origin::EXTERNAL, Echo::Tell);
                landed.changed += u32::from(done == Ingest::Applied);
            }
        }
        let expunged = guard.expunge(&news.confirmed);
        landed.expunged = u32::try_from(expunged.len()).unwrap_or(u32::MAX);
        landed
    }

    fn arrive(&self, guard: &mut HubGuard<'_, S>, message: &Listed, landed: &mut Landed) {
        let was_here = self
            .before
            .as_ref()
            .is_some_and(|(view, _)| view.seq_of(message.uid).is_some());
        if was_here || guard.contains(message.uid) {
            // It came, and perhaps went, through the hub: the hub knows better than this answer.
            return;
        }
        guard.keywords_changed(message.flags.keywords().iter().cloned());
        match guard.arrive(message.uid, Recency::Recent) {
            Ingest::Applied => landed.arrived += 1,
            Ingest::Late | Ingest::Reused => landed.refused += 1,
            _ => {}
        }
    }

    /// Messages whose flags were changed through the hub and then back again in the store, so that the two listings
    /// agree and the hub does not.
    fn reverted(&self, guard: &HubGuard<'_, S>, listing: &Listing) -> Vec<Listed> {
        let since = self.memory.asked_at.unwrap_or(ModSeq::MIN);
        let through_hub = guard.flags_changed_since(since);
        let listed = through_hub
            .into_iter()
            .filter_map(|(uid, flags, _)| listing.get(uid).filter(|l| l.flags != flags));
        listed.cloned().collect()
    }

    /// Flags that the hub has already, and flags that were changed through it since the question was asked, are not.
    fn is_news(&self, guard: &HubGuard<'_, S>, message: &Listed) -> bool {
        let asked_at = self.before.as_ref().map(|(_, modseq)| *modseq);
        match guard.remembered_flags(message.uid) {
            Some((flags, modseq)) => flags != message.flags && Some(modseq) <= asked_at,
            None => true,
        }
    }
}

/// The differences that an answer made, before they are published.
#[derive(Debug, Default)]
struct News {
    arrived: Vec<Listed>,
    changed: Vec<Listed>,
    confirmed: UidSet,
    /// Missing and not confirmed: kept in the listing to be missed again.
    kept: Vec<Listed>,
}

impl News {
    fn note(&mut self, difference: Difference<'_>, confirm: impl FnOnce(Uid) -> Option<Uid>) {
        match difference {
            Difference::Arrived(message) => self.arrived.push(message.clone()),
            Difference::Changed(message) => self.changed.push(message.clone()),
            Difference::Missing(message) => match confirm(message.uid) {
                Some(uid) => {
                    self.confirmed.insert(uid);
                }
                None => self.kept.push(message.clone()),
            },
        }
    }
}

fn count(of: usize) -> u32 {
    u32::try_from(of).unwrap_or(u32::MAX)
}

impl<S: Send + 'static> Drop for Flight<S> {
    fn drop(&mut self) {
        let waiting = {
            let mut schedule = self.shared.schedule.lock();
            schedule.under_way = None;
            schedule.memory = std::mem::take(&mut self.memory);
            match self.end {
                End::Landed => (schedule.failures, schedule.not_before) = (0, Duration::ZERO),
                End::Failed => {
                    schedule.failures = schedule.failures.saturating_add(1);
                    let pause = self.shared.pace.backoff(schedule.failures);
                    schedule.not_before = self.now.saturating_add(pause);
                }
            }
            std::mem::take(&mut schedule.waiting)
        };
        waiting.into_iter().for_each(std::task::Waker::wake);
    }
}

impl<S: Send + 'static> fmt::Debug for Flight<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Flight")
            .field("number", &self.number)
            .field("started", &self.now)
            .finish_non_exhaustive()
    }
}
