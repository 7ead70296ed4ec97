//! Waiting for a lock that another program holds: how long, how often it is tried, and when somebody is told.
//!
//! Nobody waits on a thread: an attempt is a few system calls, and between two of them the task sleeps. Time and chance come
//! in as arguments.

use std::io;
use std::path::Path;
use std::time::{Duration, Instant};

use crate::disk::dotlock::Held;

/// How long to wait for another program's lock: longer than a lock takes to go stale.
const LOCK_PATIENCE: Duration = Duration::from_secs(130);
/// How long what can also be done without the lock waits for it. Tests let no time go by.
const SHORT_PATIENCE: Duration = if cfg!(test) {
    Duration::from_millis(20)
} else {
    Duration::from_secs(2)
};
/// A healthy program holds a lock for milliseconds; whoever waits longer than this tells the operator.
const SUSPICIOUS: Duration = Duration::from_secs(2);
/// The first pause between two attempts; each is twice as long as the one before.
const SHORTEST_PAUSE: Duration = Duration::from_millis(5);
/// The longest one: a thousand mailboxes behind locks are two thousand attempts a second.
const LONGEST_PAUSE: Duration = Duration::from_millis(500);

/// One wait for one lock.
#[derive(Debug)]
pub(crate) struct Patience {
    since: Instant,
    limit: Duration,
    next_pause: Duration,
    has_told: bool,
}

/// What to do after an attempt failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Turn {
    /// Try again after this long.
    Wait(Duration),
    /// The same, and the operator is to be told.
    WaitAndTell(Duration),
    GiveUp,
}

impl Patience {
    /// For what cannot be done without the lock.
    pub(crate) fn long(now: Instant) -> Self {
        Self::new(now, LOCK_PATIENCE)
    }

    /// For what can be done without it.
    pub(crate) fn short(now: Instant) -> Self {
        Self::new(now, SHORT_PATIENCE)
    }

    /// For what is tried again and again and keeps nobody waiting.
    pub(crate) fn endless(now: Instant) -> Self {
        Self::new(now, Duration::MAX)
    }

    fn new(since: Instant, limit: Duration) -> Self {
        Self {
            since,
            limit,
            next_pause: SHORTEST_PAUSE,
            has_told: false,
        }
    }

    /// `chance`, any number, spreads those who wait for one lock.
    fn turn(&mut self, now: Instant, chance: u32) -> Turn {
        let waited = now.saturating_duration_since(self.since);
        if waited >= self.limit {
            return Turn::GiveUp;
        }
        let pause = self.next_pause.mul_f64(1.0 - f64::from(chance % 256) / 512.0);
        self.next_pause = (self.next_pause * 2).min(LONGEST_PAUSE);
        if waited >= SUSPICIOUS && !self.has_told {
            self.has_told = true;
            return Turn::WaitAndTell(pause);
        }
        Turn::Wait(pause)
    }

    /// Sleeps until the next attempt; false when that is enough. `place` is where the lock lies.
    pub(crate) async fn wait(&mut self, place: &Path, held: &Held) -> bool {
        let Some(pause) = self.pause(Instant::now(), place, held) else {
            return false;
        };
        tokio::time::sleep(pause).await;
        true
    }

    /// How long to wait until the next attempt; none when that is enough. Tells the operator when that is due.
    pub(crate) fn pause(&mut self, now: Instant, place: &Path, held: &Held) -> Option<Duration> {
        match self.turn(now, crate::disk::random::number()) {
            Turn::GiveUp => None,
            Turn::Wait(pause) => Some(pause),
            Turn::WaitAndTell(pause) => {
                let seconds = now.saturating_duration_since(self.since).as_secs();
                let (place, lock, holder) = (place.display(), &held.lock, &held.holder);
                tracing::warn!(%place, %lock, ?holder, seconds, "another program holds a lock");
                Some(pause)
            }
        }
    }
}

/// The lock that an attempt failed for, if that is why.
pub(crate) fn held(error: &io::Error) -> Option<&Held> {
    error.get_ref()?.downcast_ref()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tests::log_lines::Lines;

    /// The times of all attempts, in milliseconds, and those at which the operator is told.
    fn attempts(mut patience: Patience, chance: u32) -> (Vec<u128>, Vec<u128>) {
        let start = patience.since;
        let (mut now, mut all, mut told) = (start, Vec::new(), Vec::new());
        loop {
            let at = now.duration_since(start).as_millis();
            all.push(at);
            match patience.turn(now, chance) {
                Turn::Wait(pause) => now += pause,
                Turn::WaitAndTell(pause) => {
                    told.push(at);
                    now += pause;
                }
                Turn::GiveUp => return (all, told),
            }
        }
    }

    #[test]
    fn pauses_grow_to_half_a_second() {
        let (all, _) = attempts(Patience::long(Instant::now()), 0);
        assert_eq!(all[..8], [0, 5, 15, 35, 75, 155, 315, 635]);
        assert!(all.windows(2).all(|pair| pair[1] - pair[0] <= 500));
        assert!(
            all.len() < 280 && *all.last().unwrap() >= 130_000,
            "{}",
            all.len()
        );
    }

    #[test]
    fn chance_takes_up_to_half_of_a_pause() {
        let (all, _) = attempts(Patience::long(Instant::now()), 255);
        assert_eq!(all[..4], [0, 2, 7, 17]);
    }

    #[test]
    fn the_operator_is_told_once_of_a_wait_of_more_than_two_seconds() {
        let (_, told) = attempts(Patience::long(Instant::now()), 0);
        assert_eq!(told.len(), 1);
        assert!((2_000..2_500).contains(&told[0]), "{told:?}");
    }

    #[test]
    fn the_line_says_where_the_lock_is_who_holds_it_and_for_how_long() {
        let (start, lines) = (Instant::now(), Lines::default());
        let held = Held {
            lock: "dovecot-uidlist.lock".to_owned(),
            holder: "17:elsewhere".to_owned(),
            identity: None,
        };
        let mut patience = Patience::long(start);
        let guard = lines.collect();
        for seconds in [1, 3, 4] {
            patience.pause(start + Duration::from_secs(seconds), Path::new("/mail/.a"), &held);
        }
        drop(guard);
        let lines = lines.get();
        assert_eq!(lines.len(), 1, "{lines:?}");
        for part in [
            "WARN",
            "place=/mail/.a",
            "lock=dovecot-uidlist.lock",
            "holder=\"17:elsewhere\"",
            "seconds=3",
        ] {
            assert!(lines[0].contains(part), "{part} in {}", lines[0]);
        }
    }
}
