//! What IMAP says about one message: ENVELOPE, BODYSTRUCTURE, sections and text search over its octets.

mod address;
mod build;
mod charset;
mod cursor;
mod date;
mod encoded_word;
mod envelope;
mod header;
mod lines;
mod message;
mod octets;
mod parameter;
mod part;
mod search;
mod section;
mod structure;
mod transfer;

pub use address::Address;
pub use envelope::Envelope;
pub use header::{Field, Fields};
pub use message::Message;
pub use octets::{Octets, crlf_len, to_crlf};
pub use parameter::Parameter;
pub use part::{MAX_DEPTH, MAX_PARTS};
pub use search::Needle;
pub use section::{Section, SectionText};
pub use structure::{BodyStructure, Disposition, Extension, Multipart, SinglePart, Specific};
