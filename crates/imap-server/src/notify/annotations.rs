//! Which annotations of a mailbox, or of the server, have changed since the client was told last (RFC 5465, sections 5.6 and 5.7).
//!
//! Of a value only a digest is kept: 100 names and digests for each mailbox that is watched, at most.

use std::collections::BTreeMap;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};

use imap_backend::{EntryName, Error, ErrorKind, MailboxName, Metadata, MetadataChange, Session};

/// Annotations, as the client knows them.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Annotations(BTreeMap<EntryName, u64>);

impl Annotations {
    /// Those of a mailbox, or of the server. `None` where there is no such mailbox any more, or this user may not read it.
    pub(super) async fn read<S: Session>(
        session: &mut S,
        mailbox: Option<&MailboxName>,
    ) -> Result<Option<Self>, Error> {
        match session.metadata(mailbox).await {
            Ok(metadata) => Ok(Some(Self::of(&metadata))),
            Err(error) if matches!(error.kind(), ErrorKind::NonExistent | ErrorKind::NoPermission) => {
                Ok(None)
            }
            Err(error) => Err(error),
        }
    }

    fn of(metadata: &Metadata) -> Self {
        let entries = metadata.iter();
        Self(
            entries
                .map(|(name, value)| (name.clone(), digest(value)))
                .collect(),
        )
    }

    /// The client has changed them itself.
    pub(super) fn apply(&mut self, changes: &[MetadataChange]) {
        for (name, value) in changes {
            match value {
                Some(value) => self.0.insert(name.clone(), digest(value)),
                None => self.0.remove(name),
            };
        }
    }

    /// The names of those that are others now, or are not there any more.
    pub(super) fn changed<'n>(&'n self, before: &'n Self) -> Vec<&'n str> {
        let others = self
            .0
            .iter()
            .filter(|(name, digest)| before.0.get(*name) != Some(*digest));
        let gone = before.0.iter().filter(|(name, _)| !self.0.contains_key(*name));
        others.chain(gone).map(|(name, _)| name.as_str()).collect()
    }
}

fn digest(value: &[u8]) -> u64 {
    let mut hasher = DefaultHasher::new();
    value.hash(&mut hasher);
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use super::*;
    use bytes::Bytes;

    fn change(name: &str, value: Option<&'static str>) -> MetadataChange {
        let value = value.map(|value| Bytes::from_static(value.as_bytes()));
        (EntryName::new(name).unwrap(), value)
    }

    #[test]
    fn what_is_new_changed_or_gone_has_changed() {
        let mut before = Annotations::default();
        before.apply(&[
            change("/private/a", Some("1")),
            change("/private/b", Some("")),
            change("/private/c", Some("3")),
        ]);
        let mut now = before.clone();
        assert!(now.changed(&before).is_empty());
        now.apply(&[
            change("/private/b", None),
            change("/private/c", Some("")),
            change("/shared/d", Some("")),
        ]);
        assert_eq!(now.changed(&before), ["/private/c", "/shared/d", "/private/b"]);
        assert!(now.changed(&now).is_empty());
    }
}
