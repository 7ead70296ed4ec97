//! Responses as octets. Written by hand rather than with the codec's encoder: a FETCH row costs a tenth, bodies are
//! never copied twice, and there are responses that the codec has no type for. `tests.rs` compares both.

mod acl;
mod fetch;
mod response;
mod search;
mod sink;
mod structure;
#[cfg(test)]
mod tests;
mod text;

pub(crate) use acl::{acl, list_rights, my_rights};
pub(crate) use fetch::{flags as fetch_flags, internal_date};
pub(crate) use response::*;
pub(crate) use search::{Correlator, ESearch, ThreadWriter, listed, listed_begin, listed_end};
pub(crate) use sink::{Piece, Sink};
pub(crate) use structure::{Extensions, body_structure, envelope};
pub(crate) use text::{NameForm, astring, literal_begin, literal_octets, number, string};
