//! Which steps there are in a state.

use super::commands::{COMMANDS, FETCH, NOOP, STORE, UID_EXPUNGE, UID_STORE};
use super::key;
use super::pages::UnderWay;
use super::seat::Seat;
use super::setting::{Feed, SESSIONS};
use super::step::{HOWS, READINGS, Reading, Step};
use super::store::{BASE, MOST, mask_of, members};
use super::world::World;

impl World {
    /// The steps that there are now; if `all`, also those of a session that is as another one is.
    pub fn steps(&self, all: bool) -> Vec<Step> {
        let mut steps = Vec::with_capacity(64);
        let there = self.store.now();
        if self.store.arrived < MOST {
            steps.push(Step::Arrive);
        }
        if self.store.arrived + 1 < MOST && !self.setting.lean {
            steps.push(Step::Batch);
        }
        let there: Vec<u8> = members(mask_of(&there)).collect();
        let chosen: Vec<u8> = match there[..] {
            [first, .., last] if self.setting.lean => vec![first, last],
            _ => there,
        };
        for &message in &chosen {
            steps.extend([Step::Expunge(message), Step::Flags(message)]);
        }
        for session in 0..SESSIONS {
            let like =
                |other: &Seat| key::seat_octets(other, self) == key::seat_octets(&self.seats[session], self);
            if all || !self.seats[..session].iter().any(like) {
                self.steps_of(session as u8, &mut steps);
            }
        }
        if self.setting.feed != Feed::Guard {
            self.steps_of_the_log(&mut steps);
        }
        steps
    }

    fn steps_of(&self, session: u8, steps: &mut Vec<Step>) {
        let seat = &self.seats[usize::from(session)];
        if self.setting.lean {
            let command = |command| Step::Command {
                session,
                command,
                followed: false,
            };
            steps.extend([command(NOOP), command(FETCH)]);
            return;
        }
        steps.push(Step::Select(session));
        let numbers = 1..=seat.client.exists() as u8;
        let hows = if self.setting.makers {
            &HOWS[..]
        } else {
            &HOWS[..1]
        };
        for number in numbers.clone() {
            steps.extend(hows.iter().map(|&how| Step::Store { session, number, how }));
        }
        if self.setting.feed == Feed::Guard {
            steps.extend(numbers.map(|number| Step::Remove { session, number }));
            steps.push(Step::StoreLast { session });
        }
        for command in 0..self.setting.commands {
            let own = matches!(command, STORE | UID_STORE | UID_EXPUNGE);
            let plain = Step::Command {
                session,
                command,
                followed: false,
            };
            if !own || self.setting.followed {
                steps.push(plain);
            }
            if self.setting.followed && COMMANDS[usize::from(command)].may {
                steps.push(Step::Command {
                    session,
                    command,
                    followed: true,
                });
            }
        }
    }

    /// A read of a table that was cut short has its pages in their order: each after the one that it follows on. Those of a
    /// log with every change come as they like.
    fn may_come(&self, place: usize) -> bool {
        let page = &self.under_way[place];
        let before = |other: &UnderWay| !other.given && other.upto == page.after;
        let follows = self.setting.feed == Feed::Table && page.reading == Reading::Following;
        !follows || !self.under_way[..place].iter().any(before)
    }

    fn steps_of_the_log(&self, steps: &mut Vec<Step>) {
        if self.under_way.len() < self.setting.pages {
            let cursor = self.cursor();
            let new = self.store.version > cursor;
            let following = self.under_way.iter().any(|page| page.upto < self.store.version);
            let several = self.store.version > cursor + 1;
            let possible = |reading: &&Reading| match reading {
                Reading::Rest => new,
                Reading::Overlapping => cursor > BASE,
                Reading::Following => following,
                Reading::Short => several,
                Reading::Whole => self.store.version > BASE,
            };
            steps.extend(
                READINGS
                    .iter()
                    .filter(possible)
                    .map(|&reading| Step::Read(reading)),
            );
        }
        for place in 0..self.under_way.len() {
            if self.may_come(place) {
                steps.extend([Step::Deliver(place as u8), Step::Repeat(place as u8)]);
            }
        }
    }
}
