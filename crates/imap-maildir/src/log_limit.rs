//! Bounds on log lines about what goes on until somebody mends it: every command, and every message, may meet it.

use std::time::{Duration, Instant};

use parking_lot::Mutex;

/// A line about each kind of trouble at most every so often; once a minute where nothing else is said.
#[derive(Debug)]
pub(crate) struct LogLimit<K> {
    every: Duration,
    /// The lines that keep others back, and when they were written.
    written: Mutex<Vec<(K, Instant)>>,
}

impl<K: PartialEq> LogLimit<K> {
    pub(crate) fn once_in(every: Duration) -> Self {
        Self {
            every,
            written: Mutex::default(),
        }
    }

    /// Whether the line about this is to be written at this time. If so, it counts as written.
    pub(crate) fn admits(&self, kind: K, now: Instant) -> bool {
        let mut written = self.written.lock();
        written.retain(|(_, at)| now.saturating_duration_since(*at) < self.every);
        let is_due = written.iter().all(|(other, _)| *other != kind);
        if is_due {
            written.push((kind, now));
        }
        is_due
    }
}

impl<K: PartialEq> Default for LogLimit<K> {
    fn default() -> Self {
        Self::once_in(Duration::from_secs(60))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_written_at_once_and_then_as_often_as_is_allowed_whatever_others_are() {
        const EVERY: Duration = Duration::from_secs(3600);
        let limit = LogLimit::once_in(EVERY);
        let start = Instant::now();
        let early = Duration::from_nanos(1);
        for (kind, after, is_written) in [
            ("a", Duration::ZERO, true),
            ("a", Duration::ZERO, false),
            ("b", early, true),
            ("a", EVERY - early, false),
            ("a", EVERY, true),
            ("b", EVERY, false),
            ("b", EVERY + early, true),
            // From the last one that was written, and not from those that were left out.
            ("a", 2 * EVERY - early, false),
            ("a", 5 * EVERY, true),
            ("a", 6 * EVERY - early, false),
            ("a", 6 * EVERY, true),
        ] {
            assert_eq!(
                limit.admits(kind, start + after),
                is_written,
                "{kind} after {after:?}"
            );
        }
    }
}
