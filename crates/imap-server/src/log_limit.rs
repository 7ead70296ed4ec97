//! Bounds on the log lines that strangers can cause as often as they like.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

/// In such a time the lines are counted.
const INTERVAL: Duration = Duration::from_secs(10);

/// The bounds of one server, in lines in ten seconds.
#[derive(Debug)]
pub(crate) struct LogLimits {
    /// Accepting failed. The failures of one shortage are all the same.
    pub(crate) accept: LogLimit,
    /// A connection was refused for want of a place.
    pub(crate) refused: LogLimit,
    /// A login was refused. Many, as tools that block guessers by their address read these lines.
    pub(crate) login_refused: LogLimit,
    /// A login could not be checked. The trouble is the backend's and the same for everybody.
    pub(crate) login_failed: LogLimit,
    /// The backend failed. A shortage fails every command of everybody, and a client repeats what failed.
    pub(crate) backend_failed: LogLimit,
    /// Looking for changes failed, as it does with every command while a mailbox cannot be read.
    pub(crate) look_failed: LogLimit,
    /// A message could not be read, or marked as seen: one FETCH may name a million such.
    pub(crate) message_failed: LogLimit,
}

impl Default for LogLimits {
    fn default() -> Self {
        Self {
            accept: LogLimit::new(1),
            refused: LogLimit::new(10),
            login_refused: LogLimit::new(100),
            login_failed: LogLimit::new(1),
            backend_failed: LogLimit::new(5),
            look_failed: LogLimit::new(2),
            message_failed: LogLimit::new(3),
        }
    }
}

/// So many lines of one kind in an interval. Those beyond it are counted, and the count goes with the next line.
#[derive(Debug)]
pub(crate) struct LogLimit {
    lines: u32,
    interval: Mutex<Interval>,
}

#[derive(Debug, Default)]
struct Interval {
    /// None before the first line.
    began: Option<Instant>,
    written: u32,
    left_out: u64,
}

impl LogLimit {
    fn new(lines: u32) -> Self {
        Self {
            lines,
            interval: Mutex::default(),
        }
    }

    /// Whether a line may be written at this time: if so, how many were left out since the last one.
    pub(crate) fn admit(&self, now: Instant) -> Option<u64> {
        let mut interval = self.interval.lock().unwrap_or_else(PoisonError::into_inner);
        if interval
            .began
            .is_none_or(|began| now.saturating_duration_since(began) >= INTERVAL)
        {
            interval.began = Some(now);
            interval.written = 0;
        }
        if interval.written >= self.lines {
            interval.left_out += 1;
            return None;
        }
        interval.written += 1;
        Some(std::mem::take(&mut interval.left_out))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn t20_lines_beyond_the_limit_are_counted_and_told_with_the_next_one() {
        let limit = LogLimit::new(2);
        let start = Instant::now();
        assert_eq!(limit.admit(start), Some(0));
        assert_eq!(limit.admit(start), Some(0));
        for _ in 0..242 {
            assert_eq!(limit.admit(start + INTERVAL / 2), None);
        }
        assert_eq!(limit.admit(start + INTERVAL), Some(242));
        assert_eq!(limit.admit(start + INTERVAL), Some(0));
        assert_eq!(limit.admit(start + INTERVAL), None);
        // The next interval begins with the first line after the end of this one.
        assert_eq!(limit.admit(start + 10 * INTERVAL), Some(1));
        assert_eq!(
            limit.admit(start + 11 * INTERVAL - Duration::from_nanos(1)),
            Some(0)
        );
        assert_eq!(limit.admit(start + 11 * INTERVAL - Duration::from_nanos(1)), None);
    }
}
