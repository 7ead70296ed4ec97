//! SEARCH in text: the strings, and where they are looked for.

mod area;
mod field;
mod header_fields;
mod matcher;
mod needle;
mod open;
mod part_text;
mod searched_text;
mod text_key;
mod text_search;

pub(crate) use area::{Area, Areas, Body, Extent, Format};
pub(crate) use field::{FieldText, decoded};
pub use header_fields::MAX_SEARCHED_FIELD;
pub use needle::Needle;
pub use searched_text::{SearchedText, trigrams};
pub use text_key::TextKey;
pub use text_search::TextSearch;
