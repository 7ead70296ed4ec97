//! The tests of this crate in one program, so that it is linked once.

mod ids;
mod look;
mod model;
mod outside;
mod own_changes;
mod polling;
mod support;
mod threads;
mod versions;
