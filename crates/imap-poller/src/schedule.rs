//! When the store may be listed, and who waits for it.

use std::collections::HashMap;
use std::task::Waker;
use std::time::Duration;

use crate::pace::{Pace, Reason};

/// One mailbox's requests. They are numbered from 1, and one is under way at a time.
#[derive(Debug, Default)]
pub(crate) struct Schedule {
    begun: u64,
    under_way: bool,
    /// The last request that was answered, and the last whose listing counted.
    answered: u64,
    taken: u64,
    last_begin: Option<Duration>,
    failures: u32,
    not_before: Duration,
    waiting: HashMap<u64, Waker>,
    waiters: u64,
}

/// How a request ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    Taken,
    LeftOut,
    /// The store did not answer, at this time.
    Failed(Duration),
    /// Nobody wants the answer any more.
    Abandoned,
}

/// What somebody gets who wants a listing to begin.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Turn {
    Begins(u64),
    UnderWay,
    NotBefore(Duration),
}

/// One who waits for a listing that began after it asked.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Ticket {
    number: u64,
    need: u64,
}

/// What it gets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Served {
    Yes,
    /// The listing was left out, or may not begin yet.
    NotBefore(Duration),
    ByItself(u64),
    NotYet,
}

impl Schedule {
    pub(crate) fn begin(&mut self, reason: Reason, now: Duration, pace: &Pace) -> Turn {
        if self.under_way {
            return Turn::UnderWay;
        }
        let earliest = self.earliest(reason, pace);
        if now < earliest {
            return Turn::NotBefore(earliest);
        }
        self.under_way = true;
        self.begun += 1;
        self.last_begin = Some(now);
        Turn::Begins(self.begun)
    }

    /// Those who wait are to be woken once no lock is held: all of them, because some are served and one of the others is
    /// the next to begin.
    #[must_use]
    pub(crate) fn end(&mut self, number: u64, end: End, pace: &Pace) -> HashMap<u64, Waker> {
        self.under_way = false;
        match end {
            End::Taken => (self.taken, self.answered) = (number, number),
            End::LeftOut => self.answered = number,
            End::Failed(now) => {
                self.failures = self.failures.saturating_add(1);
                self.not_before = now.saturating_add(pace.pause(self.failures));
            }
            End::Abandoned => {}
        }
        if self.answered == number {
            (self.failures, self.not_before) = (0, Duration::ZERO);
        }
        std::mem::take(&mut self.waiting)
    }

    pub(crate) fn earliest(&self, reason: Reason, pace: &Pace) -> Duration {
        let interval = pace.interval(reason);
        let paced = self
            .last_begin
            .map_or(Duration::ZERO, |begin| begin.saturating_add(interval));
        paced.max(self.not_before)
    }

    pub(crate) const fn ticket(&mut self) -> Ticket {
        self.waiters += 1;
        Ticket {
            number: self.waiters,
            need: self.begun + 1,
        }
    }

    pub(crate) fn serve(&mut self, ticket: Ticket, reason: Reason, now: Duration, pace: &Pace) -> Served {
        if self.taken >= ticket.need {
            return Served::Yes;
        }
        if self.answered >= ticket.need {
            return Served::NotBefore(self.earliest(reason, pace));
        }
        match self.begin(reason, now, pace) {
            Turn::Begins(number) => Served::ByItself(number),
            Turn::NotBefore(earliest) => Served::NotBefore(earliest),
            Turn::UnderWay => Served::NotYet,
        }
    }

    pub(crate) fn wait(&mut self, ticket: Ticket, waker: &Waker) {
        self.waiting.insert(ticket.number, waker.clone());
    }

    pub(crate) fn forget(&mut self, ticket: Ticket) -> Option<Waker> {
        self.waiting.remove(&ticket.number)
    }
}
