//! Annotations of mailboxes and of the server (RFC 5464).

use std::collections::BTreeMap;
use std::fmt;

use bytes::Bytes;

use crate::error::{Error, ErrorKind};

/// The name of an annotation, such as `/private/comment`. Names differ by more than case: they are kept in lower case.
///
/// ```
/// use imap_backend::EntryName;
/// assert_eq!(EntryName::new("/Shared/Comment").unwrap().as_str(), "/shared/comment");
/// for wrong in ["/other/comment", "/shared", "/shared/", "/shared//a", "/shared/a*", "shared/a"] {
///     assert!(EntryName::new(wrong).is_none(), "{wrong}");
/// }
/// ```
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EntryName(String);

impl EntryName {
    /// The most octets of one.
    const LONGEST: usize = 256;

    /// A name that an annotation can have: below `/private` or `/shared`, of printable ASCII without `*` and `%`, no part of it
    /// empty (RFC 5464, section 3.2).
    #[must_use]
    pub fn new(name: &str) -> Option<Self> {
        let name = name.to_ascii_lowercase();
        let rest = name.strip_prefix("/private/").or(name.strip_prefix("/shared/"))?;
        let printable = |octet: u8| matches!(octet, b' '..=b'~') && !matches!(octet, b'*' | b'%');
        let valid =
            name.len() <= Self::LONGEST && name.bytes().all(printable) && !rest.split('/').any(str::is_empty);
        valid.then_some(Self(name))
    }

    /// The name as it is kept.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for EntryName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for EntryName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What becomes of one annotation: a value, or none to remove it (SETMETADATA; RFC 5464, section 4.3).
pub type MetadataChange = (EntryName, Option<Bytes>);

/// The annotations of one mailbox, or of the server.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Metadata {
    entries: BTreeMap<EntryName, Bytes>,
}

impl Metadata {
    /// The most annotations of one mailbox: what mail programs and calendars keep there fits ten times.
    pub const MOST_ENTRIES: usize = 100;
    /// The most octets in one value.
    pub const LARGEST_VALUE: usize = 64 << 10;
    /// The most octets in all values of one mailbox.
    pub const MOST_OCTETS: usize = 256 << 10;

    /// The value of an annotation.
    #[must_use]
    pub fn get(&self, name: &EntryName) -> Option<&Bytes> {
        self.entries.get(name)
    }

    /// The annotations, by name.
    pub fn iter(&self) -> impl Iterator<Item = (&EntryName, &Bytes)> {
        self.entries.iter()
    }

    /// Makes all of these changes, or none.
    ///
    /// # Errors
    /// [`ErrorKind::Limit`] where there would be more than there may be.
    pub fn apply(&mut self, changes: &[MetadataChange]) -> Result<(), Error> {
        let mut changed = self.clone();
        for (name, value) in changes {
            match value {
                Some(value) => changed.entries.insert(name.clone(), value.clone()),
                None => changed.entries.remove(name),
            };
        }
        let octets: usize = changed.entries.values().map(Bytes::len).sum();
        let grows = changed.entries.len() > self.entries.len()
            || octets > self.entries.values().map(Bytes::len).sum();
        if grows && (changed.entries.len() > Self::MOST_ENTRIES || octets > Self::MOST_OCTETS) {
            return Err(ErrorKind::Limit.into());
        }
        *self = changed;
        Ok(())
    }
}

impl FromIterator<(EntryName, Bytes)> for Metadata {
    fn from_iter<I: IntoIterator<Item = (EntryName, Bytes)>>(entries: I) -> Self {
        Self {
            entries: entries.into_iter().collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_changes_are_made_or_none_and_what_is_too_much_can_be_removed() {
        let name = |number: usize| EntryName::new(&format!("/private/{number}")).unwrap();
        let value = |octets: usize| Some(Bytes::from(vec![b'x'; octets]));
        let mut metadata: Metadata = (0..Metadata::MOST_ENTRIES)
            .map(|number| (name(number), Bytes::new()))
            .collect();
        let full = metadata.clone();
        let error = metadata
            .apply(&[(name(0), value(1)), (name(1000), value(1))])
            .unwrap_err();
        assert_eq!((error.kind(), &metadata), (ErrorKind::Limit, &full));
        metadata
            .apply(&[(name(0), None), (name(1000), value(1))])
            .unwrap();
        assert!(metadata.get(&name(0)).is_none() && metadata.get(&name(1000)).is_some());
        let error = metadata
            .apply(&[(name(1), value(Metadata::MOST_OCTETS))])
            .unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Limit);
    }
}
