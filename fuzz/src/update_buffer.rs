//! Histories of a mailbox with several sessions, made of octets, of the kind that the first octet names: the two worlds of
//! the tests of `imap-updates`, whose stores tell the truth and whose strict clients have to have it; and hubs that are
//! told what no store should tell.

use crate::input::Input;
use crate::updates::log_world::{LogWorld, Style};
use crate::updates::steps::{self, Numbers};
use crate::updates::world::World;

mod nonsense;

/// The most steps of a world: their oracles look at everything after each.
const STEPS: usize = 200;
const LOG_STEPS: usize = 100;

pub fn run(octets: &[u8]) {
    let mut input = Input::new(octets);
    match input.below(4) {
        0 => {
            let mut world = World::new(input.below(6).into());
            for _ in 0..STEPS {
                if input.is_empty() {
                    break;
                }
                world.step(&steps::op(&mut input));
            }
            world.finish();
        }
        kind @ (1 | 2) => {
            let style = if kind == 1 { Style::State } else { Style::Log };
            let memory = [1, 2, 4096][usize::from(input.below(3))];
            let mut world = LogWorld::new(style, input.below(6).into(), memory);
            for _ in 0..LOG_STEPS {
                if input.is_empty() {
                    break;
                }
                world.step(&steps::log_op(&mut input));
            }
            world.finish();
        }
        _ => nonsense::run(input),
    }
}

impl Numbers for Input<'_> {
    fn below(&mut self, bound: u8) -> u8 {
        Input::below(self, bound)
    }

    fn octet(&mut self) -> u8 {
        Input::octet(self)
    }

    /// Places are taken modulo what there is, which is little.
    fn pick(&mut self) -> u16 {
        Input::octet(self).into()
    }
}
