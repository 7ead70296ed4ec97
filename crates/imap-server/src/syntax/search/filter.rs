//! FILTER: criteria that are kept under a name, in annotations of the server (RFC 5466).
//!
//! The RFC has a criterion inserted as it is written. Here it is one key, as if it stood in parentheses: of two keys, NOT and OR
//! would otherwise take the first.

use imap_backend::{EntryName, Metadata};

use super::Fault;
use super::parser::parse_criterion;

/// The most filters within filters. RFC 5466, section 3.1 asks for three.
pub(super) const DEEPEST_FILTERS: usize = 8;

/// The most octets of all criteria together that a program inserts: as many as a command has by default.
pub(super) const MOST_FILTER_OCTETS: usize = 128 << 10;

/// Where the criteria are: one's own go before those that are shared (RFC 5466, section 3.2).
const PLACES: [&str; 2] = ["/private/filters/values/", "/shared/filters/values/"];

/// The criteria of a user.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Filters<'m>(&'m Metadata);

impl<'m> Filters<'m> {
    /// Those among the annotations of the server.
    pub(crate) const fn new(metadata: &'m Metadata) -> Self {
        Self(metadata)
    }

    /// The criterion of this name, as it was written.
    pub(super) fn find(self, name: &str) -> Option<&'m [u8]> {
        let value = |place| self.0.get(&entry(place, name)?);
        PLACES.into_iter().find_map(value).map(AsRef::as_ref)
    }
}

/// Whether a filter can have this name: `1*<any ATOM-CHAR except "/">` (RFC 5466, section 4).
pub(super) fn is_name(name: &str) -> bool {
    !name.contains('/') && entry(PLACES[0], name).is_some()
}

fn entry(place: &str, name: &str) -> Option<EntryName> {
    EntryName::new(&format!("{place}{name}"))
}

/// What is wrong with the criterion that an annotation of the server would keep, if it is one of a filter (RFC 5466, section
/// 3.2).
///
/// # Errors
/// It is no search criterion.
pub(crate) fn check_filter(name: &EntryName, value: &[u8]) -> Result<(), Fault> {
    let filter = PLACES
        .iter()
        .find_map(|place| name.as_str().strip_prefix(place))
        .filter(|filter| is_name(filter));
    match filter {
        Some(_) => parse_criterion(value),
        None => Ok(()),
    }
}
