//! When to look at which mailbox after events. Time comes in as an argument.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use crate::disk::events::WatchId;

/// After a look, events are collected for so many times as long as it took: a storm of deliveries leaves most of a
/// processor to others.
const PAUSE_FACTOR: u32 = 10;
/// But for so long at least: a program that delivers one message after the other causes one look for a few of them.
const SHORTEST_PAUSE: Duration = Duration::from_millis(5);
/// And no longer than this, or than the look itself took: a client in IDLE waits for its news.
const LONGEST_PAUSE: Duration = Duration::from_millis(100);
/// What changed a moment ago may have changed once more within the same time stamp: that is looked at so much later.
const AFTER_THE_GRAIN: Duration = Duration::from_millis(1);

/// The looks that are due, each mailbox at most once.
#[derive(Default)]
pub(crate) struct Schedule(HashMap<WatchId, Plan>);

#[derive(Default)]
struct Plan {
    due: Option<Instant>,
    /// Events are collected until then.
    pause_ends: Option<Instant>,
    is_looked_at: bool,
}

/// A look that has ended.
#[derive(Debug)]
pub(crate) struct Look {
    pub(crate) id: WatchId,
    pub(crate) began: Instant,
    pub(crate) ended: Instant,
    /// When the mailbox is to be looked at again even if nothing changes.
    pub(crate) again_at: Option<Instant>,
}

impl Plan {
    /// The earliest time counts: later events do not put a look off.
    fn add(&mut self, at: Instant) {
        let at = self.pause_ends.map_or(at, |end| at.max(end));
        self.due = Some(self.due.map_or(at, |due| due.min(at)));
    }
}

impl Schedule {
    /// A mailbox may have changed.
    pub(crate) fn changed(&mut self, id: WatchId, now: Instant) {
        self.0.entry(id).or_default().add(now);
    }

    /// A look that [`take_due`](Self::take_due) asked for has ended.
    pub(crate) fn looked(&mut self, look: Look) {
        let plan = self.0.entry(look.id).or_default();
        let took = look.ended.saturating_duration_since(look.began);
        let longest = LONGEST_PAUSE.max(took);
        plan.is_looked_at = false;
        plan.pause_ends = Some(look.ended + (took * PAUSE_FACTOR).clamp(SHORTEST_PAUSE, longest));
        // What came meanwhile waits for the end of the pause.
        if let Some(due) = plan.due.take() {
            plan.add(due);
        }
        if let Some(again_at) = look.again_at {
            plan.add(again_at + AFTER_THE_GRAIN);
        }
    }

    /// When the next look is due.
    pub(crate) fn next(&self) -> Option<Instant> {
        let waiting = self.0.values().filter(|plan| !plan.is_looked_at);
        waiting.filter_map(|plan| plan.due).min()
    }

    /// The mailboxes to look at now. None is given again before its look has ended.
    pub(crate) fn take_due(&mut self, now: Instant) -> Vec<WatchId> {
        let mut due = Vec::new();
        self.0.retain(|id, plan| {
            if !plan.is_looked_at && plan.due.is_some_and(|at| at <= now) {
                plan.due = None;
                plan.is_looked_at = true;
                due.push(*id);
            }
            plan.is_looked_at || plan.due.is_some() || plan.pause_ends.is_some_and(|end| end > now)
        });
        due
    }

    pub(crate) fn forget(&mut self, id: WatchId) {
        self.0.remove(&id);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::disk::events::Events;

    const MILLISECOND: Duration = Duration::from_millis(1);

    /// A mailbox, and events at these milliseconds; each look takes `took`. Gives when looks began.
    fn looks(events: &[u32], took: Duration) -> Vec<u128> {
        let id = Events::new(|_| {}).new_id();
        let start = Instant::now();
        let mut schedule = Schedule::default();
        let mut events = events.iter().map(|&at| start + at * MILLISECOND).peekable();
        let (mut running, mut began) = (None, Vec::new());
        loop {
            let ends = running.map(|began| began + took);
            let Some(now) = [events.peek().copied(), schedule.next(), ends]
                .into_iter()
                .flatten()
                .min()
            else {
                return began;
            };
            while events.next_if(|at| *at <= now).is_some() {
                schedule.changed(id, now);
            }
            if let Some(since) = running.take_if(|since| *since + took <= now) {
                let (ended, again_at) = (now, None);
                schedule.looked(Look {
                    id,
                    began: since,
                    ended,
                    again_at,
                });
            }
            if schedule.take_due(now) == [id] {
                began.push(now.duration_since(start).as_millis());
                running = Some(now);
            }
        }
    }

    #[test]
    fn a_lone_event_is_looked_at_at_once() {
        assert_eq!(looks(&[7], MILLISECOND), [7]);
        assert_eq!(looks(&[7, 1007], MILLISECOND), [7, 1007]);
    }

    #[test]
    fn events_right_after_a_look_wait_for_the_pause_and_are_one_look() {
        assert_eq!(
            looks(&[0, 1, 2, 3, 4], Duration::ZERO),
            [0, 5],
            "the shortest pause"
        );
        assert_eq!(
            looks(&[0, 3, 5, 9], 2 * MILLISECOND),
            [0, 22],
            "ten times the look"
        );
        assert_eq!(
            looks(&[0, 51, 99], 50 * MILLISECOND),
            [0, 150],
            "the longest pause"
        );
        assert_eq!(
            looks(&[0, 301], 300 * MILLISECOND),
            [0, 600],
            "as long as the look took"
        );
    }

    #[test]
    fn a_storm_of_a_thousand_deliveries_in_a_second_is_a_few_looks() {
        let storm: Vec<u32> = (0..1000).collect();
        assert_eq!(looks(&storm, 5 * MILLISECOND).len(), 20);
    }

    #[test]
    fn a_mailbox_is_looked_at_once_at_a_time_and_what_comes_meanwhile_is_not_lost() {
        assert_eq!(looks(&[0, 10], 20 * MILLISECOND), [0, 120]);
    }

    #[test]
    fn a_mailbox_that_changed_a_moment_ago_is_looked_at_again() {
        let (id, start) = (Events::new(|_| {}).new_id(), Instant::now());
        let mut schedule = Schedule::default();
        schedule.changed(id, start);
        assert_eq!(schedule.take_due(start), [id]);
        let again_at = Some(start + 1500 * MILLISECOND);
        schedule.looked(Look {
            id,
            began: start,
            ended: start,
            again_at,
        });
        assert_eq!(schedule.next(), Some(start + 1501 * MILLISECOND));
        // An event on the way does not make it later.
        schedule.changed(id, start + 1400 * MILLISECOND);
        assert_eq!(schedule.next(), Some(start + 1400 * MILLISECOND));
    }

    #[test]
    fn nothing_is_kept_of_a_mailbox_that_is_quiet() {
        let (id, start) = (Events::new(|_| {}).new_id(), Instant::now());
        let mut schedule = Schedule::default();
        schedule.changed(id, start);
        schedule.take_due(start);
        let (began, ended, again_at) = (start, start, None);
        schedule.looked(Look {
            id,
            began,
            ended,
            again_at,
        });
        schedule.take_due(start + SHORTEST_PAUSE);
        assert!(schedule.0.is_empty());
    }
}
