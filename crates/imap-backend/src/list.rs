//! LIST and LSUB: which mailboxes are asked for, and what is said of each (RFC 9051, section 6.3.9; RFC 5258).

use crate::name::MailboxName;
use crate::rights::Rights;
use crate::special_use::SpecialUse;

/// Which names [`Session::list`](crate::Session::list) is asked for.
///
/// An answer may be wider than the question: the server looks at every entry again. A store with few mailboxes answers
/// all of them and reads nothing here.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ListQuery {
    patterns: Vec<String>,
    selection: Selection,
}

/// Whether names are asked for because they are mailboxes or because they are subscribed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Selection {
    /// Every mailbox: LIST.
    #[default]
    Existing,
    /// Every subscribed name, mailboxes that do not exist any more included: LSUB, and SUBSCRIBED of RFC 5258, section
    /// 3.1.
    Subscribed,
}

impl ListQuery {
    /// Every name of this selection.
    #[must_use]
    pub const fn new(selection: Selection) -> Self {
        Self {
            patterns: Vec::new(),
            selection,
        }
    }

    /// Only names that match one of the patterns, in which `*` stands for any text and `%` for any text without the
    /// delimiter. The reference is in them already. `INBOX`, also as the first part of a name, matches in any case.
    #[must_use]
    pub fn with_pattern(mut self, pattern: impl Into<String>) -> Self {
        self.patterns.push(pattern.into());
        self
    }

    /// The patterns; every name where there are none.
    #[must_use]
    pub fn patterns(&self) -> &[String] {
        &self.patterns
    }

    /// What is asked for.
    #[must_use]
    pub const fn selection(&self) -> Selection {
        self.selection
    }

    /// The longest text with which every name that is asked for begins; empty where there is none. A store narrows what
    /// it reads with it, for example in a `LIKE`.
    ///
    /// INBOX matches in any case (RFC 9051, section 5.1), so a prefix of it narrows nothing.
    #[must_use]
    pub fn prefix(&self) -> &str {
        let literal = |pattern: &'_ str| pattern.find(['*', '%']).unwrap_or(pattern.len());
        let Some((first, rest)) = self.patterns.split_first() else {
            return "";
        };
        let mut prefix = &first[..literal(first)];
        for pattern in rest {
            let same = prefix
                .char_indices()
                .zip(pattern[..literal(pattern)].chars())
                .find(|((_, a), b)| a != b)
                .map_or(prefix.len().min(literal(pattern)), |((at, _), _)| at);
            prefix = &prefix[..same];
        }
        let inbox = "INBOX".get(..prefix.len().min(5)).unwrap_or("");
        match prefix.get(..inbox.len()) {
            Some(start) if start.eq_ignore_ascii_case(inbox) => "",
            _ => prefix,
        }
    }
}

/// What a listed name is (RFC 9051, section 7.3.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum ListedAs {
    /// A mailbox.
    Mailbox,
    /// `\Noselect`: only a level of the hierarchy.
    NoSelect,
    /// `\NonExistent`: a subscribed name without a mailbox.
    NonExistent,
}

/// Whether a name is subscribed (RFC 9051, section 6.3.7).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Subscription {
    /// It is.
    Subscribed,
    /// It is not.
    NotSubscribed,
}

/// One name of [`Session::list`](crate::Session::list).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListEntry {
    name: MailboxName,
    listed_as: ListedAs,
    subscription: Subscription,
    special_use: SpecialUse,
    my_rights: Option<Rights>,
}

impl ListEntry {
    /// A mailbox that can be selected. Subscribed unless said otherwise, so that a store without subscriptions shows
    /// everything to clients that list subscribed mailboxes only.
    #[must_use]
    pub const fn mailbox(name: MailboxName) -> Self {
        Self {
            name,
            listed_as: ListedAs::Mailbox,
            subscription: Subscription::Subscribed,
            special_use: SpecialUse::none(),
            my_rights: None,
        }
    }

    /// A level of the hierarchy that is no mailbox, not subscribed.
    #[must_use]
    pub const fn no_select(name: MailboxName) -> Self {
        Self {
            name,
            listed_as: ListedAs::NoSelect,
            subscription: Subscription::NotSubscribed,
            special_use: SpecialUse::none(),
            my_rights: None,
        }
    }

    /// A subscribed name without a mailbox: in answers to [`Selection::Subscribed`] only.
    #[must_use]
    pub const fn non_existent(name: MailboxName) -> Self {
        Self {
            name,
            listed_as: ListedAs::NonExistent,
            subscription: Subscription::Subscribed,
            special_use: SpecialUse::none(),
            my_rights: None,
        }
    }

    /// Subscribed or not.
    #[must_use]
    pub const fn with_subscription(mut self, subscription: Subscription) -> Self {
        self.subscription = subscription;
        self
    }

    /// With these special uses (RFC 6154).
    #[must_use]
    pub const fn with_special_use(mut self, special_use: SpecialUse) -> Self {
        self.special_use = special_use;
        self
    }

    /// With what this user may do in it, where that is known: the server asks
    /// [`my_rights`](crate::Session::my_rights) of each mailbox that is listed without.
    #[must_use]
    pub const fn with_my_rights(mut self, rights: Rights) -> Self {
        self.my_rights = Some(rights);
        self
    }

    /// The name.
    #[must_use]
    pub const fn name(&self) -> &MailboxName {
        &self.name
    }

    /// What it is.
    #[must_use]
    pub const fn listed_as(&self) -> ListedAs {
        self.listed_as
    }

    /// Whether it is subscribed.
    #[must_use]
    pub const fn subscription(&self) -> Subscription {
        self.subscription
    }

    /// What the mailbox is for.
    #[must_use]
    pub const fn special_use(&self) -> SpecialUse {
        self.special_use
    }

    /// What this user may do in it; `None` where the store has not said.
    #[must_use]
    pub const fn my_rights(&self) -> Option<Rights> {
        self.my_rights
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn prefix(patterns: &[&str]) -> String {
        let query = patterns.iter().fold(ListQuery::default(), |query, pattern| {
            query.with_pattern(*pattern)
        });
        query.prefix().to_owned()
    }

    #[test]
    fn the_prefix_is_what_all_patterns_begin_with() {
        assert_eq!(prefix(&[]), "");
        assert_eq!(prefix(&["lists/*"]), "lists/");
        assert_eq!(prefix(&["lists/rust%", "lists/ruby/*"]), "lists/ru");
        assert_eq!(prefix(&["lists/grün*", "lists/grüße"]), "lists/grü");
        assert_eq!(prefix(&["a", "abc"]), "a");
        assert_eq!(prefix(&["*", "abc"]), "");
    }

    #[test]
    fn a_prefix_never_hides_inbox_in_another_case() {
        for pattern in ["i*", "INB%", "inbox", "inbox/a", "INBOX/*"] {
            assert_eq!(prefix(&[pattern]), "", "{pattern}");
        }
        assert_eq!(prefix(&["input*"]), "input");
    }
}
