//! `MailboxPoller`: makes a store that can only list itself a live mailbox.

use std::collections::BTreeMap;
use std::fmt;
use std::future::poll_fn;
use std::sync::Arc;
use std::task::{Poll, Waker};
use std::time::Duration;

use imap_seq::{ModSeq, NotAscending, Uid};
use imap_updates::MailboxHub;
use parking_lot::Mutex;

use crate::rules::Missing;
use crate::{Absence, Flight, Listing, Pace};

/// Asks a store what a mailbox holds, at most one question at a time, and publishes what is different.
///
/// It does not call the store: it says *when* to ask ([`wish`](Self::wish)), and takes the answer
/// ([`Flight::land`]). Time is an argument: any clock that does not go back, as the time since some fixed moment.
/// Clones share the mailbox.
pub struct MailboxPoller<S> {
    shared: Arc<Shared<S>>,
}

pub(crate) struct Shared<S> {
    pub(crate) hub: MailboxHub<S>,
    pub(crate) absence: Absence,
    pub(crate) pace: Pace,
    pub(crate) schedule: Mutex<Schedule>,
}

/// When to ask, and what was answered last. The hub's lock is never taken while this one is held.
#[derive(Debug, Default)]
pub(crate) struct Schedule {
    /// The flight that is under way, by number; flights are numbered from 1.
    pub(crate) under_way: Option<u64>,
    pub(crate) last_number: u64,
    /// Away while a flight is under way.
    pub(crate) memory: Memory,
    pub(crate) last_start: Option<Duration>,
    pub(crate) failures: u32,
    pub(crate) not_before: Duration,
    pub(crate) waiting: Vec<Waker>,
}

/// What the poller knows of the store. It travels with the flight and comes back with it.
#[derive(Debug, Default)]
pub(crate) struct Memory {
    pub(crate) known: Listing,
    /// The highest mod-sequence of a listing that landed. Never goes back.
    pub(crate) cursor: Option<ModSeq>,
    pub(crate) missing: BTreeMap<Uid, Missing>,
    /// The hub's mod-sequence when the last answer that landed was asked for.
    pub(crate) asked_at: Option<ModSeq>,
}

/// Why somebody wants the store to be asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Reason {
    /// A client asked: NOOP, CHECK, or any command that ends.
    Command,
    /// A client idles and time has passed.
    IdleTick,
}

/// The answer to a [`wish`](MailboxPoller::wish).
#[derive(Debug)]
pub enum Wish<S: Send + 'static> {
    /// Ask the store now, and land the flight.
    Fly(Flight<S>),
    /// The store is being asked for somebody else; wait for that flight with [`MailboxPoller::landed`], or go on:
    /// what it finds comes through the hub.
    Join(FlightNumber),
    /// Too early, by the pace or after an error: not before this time.
    NotBefore(Duration),
}

/// One question to the store.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FlightNumber(pub(crate) u64);

impl<S: Send + 'static> MailboxPoller<S> {
    /// A hub for `storage`, which holds what `listing` says, and a poller for it.
    ///
    /// # Errors
    ///
    /// [`NotAscending`] never happens with a [`Listing`], which ascends; it is passed on rather than hidden.
    pub fn open(storage: S, listing: Listing, absence: Absence, pace: Pace) -> Result<Self, NotAscending> {
        let hub = MailboxHub::new(storage, listing.snapshot())?;
        let cursor = listing.read_at();
        let memory = Memory {
            known: listing,
            cursor,
            missing: BTreeMap::new(),
            asked_at: None,
        };
        let schedule = Mutex::new(Schedule {
            memory,
            ..Schedule::default()
        });
        Ok(Self {
            shared: Arc::new(Shared {
                hub,
                absence,
                pace,
                schedule,
            }),
        })
    }

    /// The hub that sessions subscribe to, and through which this process's own changes go.
    pub fn hub(&self) -> &MailboxHub<S> {
        &self.shared.hub
    }

    /// Somebody wants the store to be asked at `now`. Never blocks on a question that is under way.
    pub fn wish(&self, reason: Reason, now: Duration) -> Wish<S> {
        let (number, memory) = {
            let mut schedule = self.shared.schedule.lock();
            if let Some(number) = schedule.under_way {
                return Wish::Join(FlightNumber(number));
            }
            let earliest = schedule.earliest(reason, &self.shared.pace);
            if now < earliest {
                return Wish::NotBefore(earliest);
            }
            schedule.last_number += 1;
            schedule.under_way = Some(schedule.last_number);
            schedule.last_start = Some(now);
            (schedule.last_number, std::mem::take(&mut schedule.memory))
        };
        // Made before the hub is looked at: should that panic, the flight's end gives the memory back.
        let mut flight = Flight::new(Arc::clone(&self.shared), FlightNumber(number), memory, now);
        flight.take_off();
        Wish::Fly(flight)
    }

    /// When to ask next if clients idle.
    pub fn next_idle_tick(&self) -> Duration {
        self.shared
            .schedule
            .lock()
            .earliest(Reason::IdleTick, &self.shared.pace)
    }

    /// The cursor for an incremental question: all changes up to here are known.
    pub fn cursor(&self) -> Option<ModSeq> {
        self.shared.schedule.lock().memory.cursor
    }

    /// Waits until that flight has landed or failed. Cancel safe.
    pub async fn landed(&self, flight: FlightNumber) {
        poll_fn(|context| {
            let mut schedule = self.shared.schedule.lock();
            if schedule.under_way != Some(flight.0) {
                return Poll::Ready(());
            }
            if !schedule
                .waiting
                .iter()
                .any(|waker| waker.will_wake(context.waker()))
            {
                schedule.waiting.push(context.waker().clone());
            }
            Poll::Pending
        })
        .await;
    }
}

impl Schedule {
    fn earliest(&self, reason: Reason, pace: &Pace) -> Duration {
        let interval = match reason {
            Reason::Command => pace.commands,
            Reason::IdleTick => pace.idle,
        };
        let paced = self
            .last_start
            .map_or(Duration::ZERO, |start| start.saturating_add(interval));
        paced.max(self.not_before)
    }
}

impl<S> Clone for MailboxPoller<S> {
    fn clone(&self) -> Self {
        Self {
            shared: Arc::clone(&self.shared),
        }
    }
}

impl<S> fmt::Debug for MailboxPoller<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MailboxPoller")
            .field("hub", &self.shared.hub)
            .finish_non_exhaustive()
    }
}
