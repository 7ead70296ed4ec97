//! How often a store is listed.

use std::time::Duration;

/// How often a mailbox is listed, whatever the number of its sessions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pace {
    asked: Duration,
    idle: Duration,
    first_pause: Duration,
    longest_pause: Duration,
}

/// Why somebody wants the store to be listed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Reason {
    /// Somebody waits for the answer: a client said NOOP or CHECK, or a change of one's own is
    /// [not told yet](crate::Told::NotBefore).
    Asked,
    /// A client is in IDLE and the interval of [`Pace::with_idle`] has passed.
    Idle,
}

impl Pace {
    /// The least time between the beginnings of two listings for [`Reason::Asked`]. Default 0: everybody may ask, one
    /// at a time.
    #[must_use]
    pub const fn with_asked(self, asked: Duration) -> Self {
        Self { asked, ..self }
    }

    /// The least time between the beginnings of two listings for [`Reason::Idle`]. Default 30 seconds.
    #[must_use]
    pub const fn with_idle(self, idle: Duration) -> Self {
        Self { idle, ..self }
    }

    /// The pause after a first failure, which doubles with each further one in a row, and the longest pause. Default 1
    /// second and 5 minutes.
    #[must_use]
    pub const fn with_pauses(self, first_pause: Duration, longest_pause: Duration) -> Self {
        Self {
            first_pause,
            longest_pause,
            ..self
        }
    }

    pub(crate) const fn interval(&self, reason: Reason) -> Duration {
        match reason {
            Reason::Asked => self.asked,
            Reason::Idle => self.idle,
        }
    }

    /// The pause after `failures` failures in a row, at least one.
    pub(crate) fn pause(&self, failures: u32) -> Duration {
        let doublings = failures.saturating_sub(1);
        let factor = 1_u32.checked_shl(doublings).unwrap_or(u32::MAX);
        self.first_pause.saturating_mul(factor).min(self.longest_pause)
    }
}

impl Default for Pace {
    fn default() -> Self {
        Self {
            asked: Duration::ZERO,
            idle: Duration::from_secs(30),
            first_pause: Duration::from_secs(1),
            longest_pause: Duration::from_secs(300),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Pace;
    use std::time::Duration;

    #[test]
    fn the_pause_doubles_up_to_the_longest() {
        let pace = Pace::default();
        let pauses = [1, 2, 3, 9, 10, 40, u32::MAX].map(|failures| pace.pause(failures).as_secs());
        assert_eq!(pauses, [1, 2, 4, 256, 300, 300, 300]);
        let without = pace.with_pauses(Duration::ZERO, Duration::MAX);
        assert_eq!(without.pause(u32::MAX), Duration::ZERO);
    }
}
