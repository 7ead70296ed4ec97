//! Octets as they pass, cut into whole responses and commands, without the literals that are long.

pub(crate) mod eight_bit;
pub(crate) mod fault;
pub(crate) mod inflate;
pub(crate) mod split;
pub(crate) mod value;
