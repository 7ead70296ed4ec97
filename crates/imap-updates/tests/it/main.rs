//! The tests of this crate in one program, so that it is linked once. The model checker's (`loom`) and the long search (`exhaustive`)
//! are programs of their own.

mod auto_traits;
mod catch_up;
mod claims;
mod client_model;
mod gap;
mod given_numbers;
mod held;
mod hubs;
mod late;
mod log_model;
mod release_table;
mod s01_numbering;
mod s24_sets;
mod s36_commands;
mod s54_lifecycle;
mod s72_nodes;
mod second_lock;
mod stall;
#[path = "../support/mod.rs"]
mod support;
mod two_nodes;
