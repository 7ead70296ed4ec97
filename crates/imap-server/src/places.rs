//! The mailboxes that a filter of RFC 5465 names, as this server sees them.

use std::collections::BTreeSet;

use imap_backend::{MailboxName, Subscription};

use crate::convert::Naming;
use crate::syntax::filter::Filter;

/// Mailboxes of an account other than the selected one.
#[derive(Debug)]
pub(crate) enum Places {
    Personal,
    Subscribed,
    /// These and all below them.
    Below(BTreeSet<MailboxName>),
    /// These and those one level below them.
    JustBelow(BTreeSet<MailboxName>),
    These(BTreeSet<MailboxName>),
}

impl Places {
    /// `None` for a filter that is about the selected mailbox. Names that no mailbox can have name nothing.
    pub(crate) fn new(filter: Filter, naming: Naming) -> Option<Self> {
        let named = |names: Vec<Vec<u8>>| names.iter().filter_map(|name| naming.name(name)).collect();
        Some(match filter {
            Filter::Selected | Filter::SelectedDelayed => return None,
            // Which mailboxes mail is delivered to, nobody here knows (RFC 5465, section 6.3).
            Filter::Inboxes | Filter::Personal => Self::Personal,
            Filter::Subscribed => Self::Subscribed,
            Filter::Subtree(names) => Self::Below(named(names)),
            Filter::SubtreeOne(names) => Self::JustBelow(named(names)),
            Filter::Mailboxes(names) => Self::These(named(names)),
        })
    }

    /// Whether a mailbox is one of them. Costs what its name has levels, however many there are of them.
    pub(crate) fn include(&self, name: &MailboxName, subscription: Subscription, delimiter: char) -> bool {
        match self {
            Self::Personal => true,
            Self::Subscribed => subscription == Subscription::Subscribed,
            Self::Below(tops) => levels(name, delimiter).any(|level| tops.contains(&level)),
            Self::JustBelow(tops) => levels(name, delimiter).take(2).any(|level| tops.contains(&level)),
            Self::These(names) => names.contains(name),
        }
    }
}

/// A name, the one above it, and so on.
fn levels(name: &MailboxName, delimiter: char) -> impl Iterator<Item = MailboxName> {
    std::iter::successors(Some(name.clone()), move |name| name.parent(delimiter))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::NameForm;

    #[test]
    fn rfc7377_2_2_a_subtree_reaches_all_the_way_down_and_subtree_one_a_level() {
        let naming = Naming {
            delimiter: '/',
            form: NameForm::ModifiedUtf7,
        };
        let tops = || vec![b"inbox".to_vec(), b"a/b".to_vec()];
        let includes = |filter: Filter, name: &str| {
            let name = MailboxName::new(name).unwrap();
            Places::new(filter, naming)
                .unwrap()
                .include(&name, Subscription::NotSubscribed, '/')
        };
        for (name, all, one) in [
            ("INBOX", true, true),
            ("INBOX/c", true, true),
            ("INBOX/c/d", true, false),
            ("a/b", true, true),
            ("a/b/c", true, true),
            ("a/b/c/d", true, false),
            ("a", false, false),
            ("a/bc", false, false),
            ("b", false, false),
        ] {
            assert_eq!(includes(Filter::Subtree(tops()), name), all, "{name}");
            assert_eq!(includes(Filter::SubtreeOne(tops()), name), one, "{name}");
        }
        assert!(!includes(Filter::Subscribed, "a") && includes(Filter::Inboxes, "a"));
        assert!(Places::new(Filter::Selected, naming).is_none());
    }
}
