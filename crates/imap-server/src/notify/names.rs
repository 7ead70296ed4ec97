//! Which names have come, gone or changed since the last look (RFC 5465, sections 5.4 and 5.5), and which mailboxes a client has
//! asked for that it may not read (sections 3.1 and 5.9).

use super::*;
use crate::command::has_inferiors;

/// What is there now.
#[derive(Debug, Default)]
pub(super) struct Names {
    /// Every name that this user may see.
    pub(super) visible: BTreeMap<MailboxName, Told>,
    /// Mailboxes that he may not see.
    pub(super) hidden: BTreeSet<MailboxName>,
}

impl Names {
    pub(super) async fn read<S: Session>(session: &mut S) -> Result<Self, Error> {
        let mut names = Self::default();
        for entry in rights::listed(session, &ListQuery::new(Selection::Existing)).await? {
            let rights = entry.my_rights().unwrap_or(Rights::ALL);
            let name = entry.name().clone();
            match entry.listed_as() {
                ListedAs::NonExistent => {}
                ListedAs::Mailbox if Deed::Look.check(rights).is_err() => drop(names.hidden.insert(name)),
                listed_as => {
                    let told = Told {
                        listed_as,
                        subscription: entry.subscription(),
                        is_readable: Deed::Read.check(rights).is_ok(),
                        figures: None,
                        annotations: None,
                    };
                    names.visible.insert(name, told);
                }
            }
        }
        Ok(names)
    }

    fn has_inferiors(&self, name: &MailboxName, delimiter: char) -> bool {
        let first_from = |first| self.visible.range(first..).next().map(|(name, _)| name);
        has_inferiors(name, delimiter, first_from)
    }
}

/// The LIST responses that are due.
pub(super) struct Listings<'l> {
    watching: &'l Watching,
    names: &'l Names,
    delimiter: char,
    /// By its new name the one that a mailbox had.
    old_names: BTreeMap<&'l MailboxName, MailboxName>,
    /// In the order of names; with the old one, where that is told.
    due: BTreeMap<MailboxName, Due>,
}

/// One of them.
struct Due {
    listed_as: ListedAs,
    subscription: Subscription,
    has_access: bool,
    old_name: Option<MailboxName>,
}

impl From<&Told> for Due {
    fn from(told: &Told) -> Self {
        Self {
            listed_as: told.listed_as,
            subscription: told.subscription,
            has_access: told.is_readable,
            old_name: None,
        }
    }
}

impl<'l> Listings<'l> {
    fn none(watching: &'l Watching, names: &'l Names, delimiter: char) -> Self {
        Self {
            watching,
            names,
            delimiter,
            old_names: BTreeMap::new(),
            due: BTreeMap::new(),
        }
    }

    /// Those for a client that has just asked: of the mailboxes that it may not read (section 3.1).
    pub(super) fn of_the_beginning(watching: &'l Watching, names: &'l Names, delimiter: char) -> Self {
        let mut listings = Self::none(watching, names, delimiter);
        listings.find_access();
        listings
    }

    /// What has changed since the last look. `renames` are what clients have done since.
    pub(super) fn of_changes(
        watching: &'l Watching,
        names: &'l Names,
        delimiter: char,
        renames: &[(MailboxName, MailboxName)],
    ) -> Self {
        let mut listings = Self::none(watching, names, delimiter);
        listings.find_old_names(renames);
        let mut affected = BTreeSet::new();
        listings.find_present(&mut affected);
        listings.find_gone(&mut affected);
        listings.add_superiors(affected);
        listings.find_access();
        listings
    }

    /// The name that a mailbox had, which has another one since the last look.
    pub(super) fn old_name(&self, name: &MailboxName) -> Option<&MailboxName> {
        self.old_names.get(name)
    }

    fn events(&self, name: &MailboxName, subscription: Subscription) -> Events {
        self.watching.events(name, subscription, self.delimiter)
    }

    fn is_own_level(&self, name: &MailboxName, told: &Told) -> bool {
        self.watching.is_own_level(name, told, self.delimiter)
    }

    fn find_old_names(&mut self, renames: &[(MailboxName, MailboxName)]) {
        for (name, told) in &self.names.visible {
            let before = self.watching.told.get(name);
            if before.is_some_and(|before| before.listed_as == told.listed_as) {
                continue;
            }
            let had = self.name_before(name, renames);
            if let Some(old) = had.or_else(|| self.name_of_same_id(told).cloned()) {
                self.old_names.insert(name, old);
            }
        }
    }

    /// What clients called it before.
    fn name_before(&self, name: &MailboxName, renames: &[(MailboxName, MailboxName)]) -> Option<MailboxName> {
        let mut old = name.clone();
        for (from, to) in renames.iter().rev() {
            if old == *to {
                old = from.clone();
            } else if old.is_inferior_of(to, self.delimiter) && !from.is_inbox() {
                old = MailboxName::new(&format!("{from}{}", &old.as_str()[to.as_str().len()..]))?;
            }
        }
        // A RENAME of INBOX leaves another INBOX behind.
        let is_gone = old.is_inbox() || !self.names.visible.contains_key(&old);
        (old != *name && is_gone && self.watching.told.contains_key(&old)).then_some(old)
    }

    fn name_of_same_id(&self, told: &Told) -> Option<&MailboxName> {
        let id = told.figures.as_ref()?.id.as_ref()?;
        let same = |before: &Told| {
            let figures = before.figures.as_ref();
            figures.and_then(|figures| figures.id.as_ref()) == Some(id)
        };
        let gone = |name: &MailboxName| !self.names.visible.contains_key(name);
        let mut before = self.watching.told.iter();
        before
            .find(|(name, before)| gone(name) && same(before))
            .map(|(name, _)| name)
    }

    /// Names that are there, and the superiors of mailboxes that were created, or deleted with something below them.
    fn find_present(&mut self, affected: &mut BTreeSet<MailboxName>) {
        for (name, told) in &self.names.visible {
            let before = self.watching.told.get(name);
            let events = self.events(name, told.subscription);
            let existed = before.is_some_and(|before| before.listed_as == told.listed_as);
            if let Some(old) = self.old_names.get(name).cloned() {
                let of_old = self.events(&old, told.subscription);
                if (events.mailbox_name || of_old.mailbox_name) && !self.goes_with_superior(name, &old) {
                    let old_name = Some(old);
                    let due = Due {
                        old_name,
                        ..told.into()
                    };
                    self.due.insert(name.clone(), due);
                }
            } else if !existed && !self.is_own_level(name, told) {
                if events.mailbox_name {
                    self.due.insert(name.clone(), told.into());
                }
                let was_mailbox = before.is_some_and(|before| before.listed_as == ListedAs::Mailbox);
                if told.listed_as == ListedAs::Mailbox || was_mailbox {
                    affected.extend(name.parent(self.delimiter));
                }
            } else if events.subscription_change
                && before.is_some_and(|before| before.subscription != told.subscription)
            {
                self.due.insert(name.clone(), told.into());
            }
        }
    }

    /// No event is sent for what is renamed with a superior of which one is sent.
    fn goes_with_superior(&self, name: &MailboxName, old: &MailboxName) -> bool {
        let (mut name, mut old) = (name.clone(), old.clone());
        loop {
            let superiors = name.parent(self.delimiter).zip(old.parent(self.delimiter));
            let Some((above, old_above)) = superiors else {
                return false;
            };
            if name.as_str()[above.as_str().len()..] != old.as_str()[old_above.as_str().len()..] {
                return false;
            }
            let due = self.due.get(&above);
            if due.is_some_and(|due| due.old_name.as_ref() == Some(&old_above)) {
                return true;
            }
            (name, old) = (above, old_above);
        }
    }

    /// Names that are not there any more, and the superiors of mailboxes among them.
    fn find_gone(&mut self, affected: &mut BTreeSet<MailboxName>) {
        let renamed: BTreeSet<_> = self.old_names.values().cloned().collect();
        for (name, before) in &self.watching.told {
            let is_there = self.names.visible.contains_key(name) || renamed.contains(name);
            if is_there || self.is_own_level(name, before) {
                continue;
            }
            if self.events(name, before.subscription).mailbox_name {
                let gone = Due {
                    listed_as: ListedAs::NonExistent,
                    ..before.into()
                };
                self.due.insert(name.clone(), gone);
            }
            if before.listed_as == ListedAs::Mailbox {
                affected.extend(name.parent(self.delimiter));
            }
        }
    }

    /// The direct superior of what was created or deleted is affected, whether it is a mailbox or not.
    fn add_superiors(&mut self, affected: BTreeSet<MailboxName>) {
        for name in affected {
            let told = self.names.visible.get(&name);
            let due = told.map_or(
                Due {
                    listed_as: ListedAs::NonExistent,
                    subscription: Subscription::NotSubscribed,
                    has_access: true,
                    old_name: None,
                },
                Due::from,
            );
            if self.events(&name, due.subscription).mailbox_name {
                self.due.entry(name).or_insert(due);
            }
        }
    }

    /// Mailboxes that the client has asked for and may not read, and those that it may read again.
    fn find_access(&mut self) {
        for (name, told) in &self.names.visible {
            let was_denied = self.watching.no_access.contains(name);
            if told.is_readable == was_denied && self.watching.watches(name, told, self.delimiter) {
                self.due.entry(name.clone()).or_insert_with(|| told.into());
            }
        }
        for name in &self.names.hidden {
            if let Some(before) = self.watching.told.get(name)
                && self.watching.watches(name, before, self.delimiter)
            {
                // Where MailboxName is asked for, it counts as deleted (section 5.4), and stands here already.
                let denied = Due {
                    has_access: false,
                    ..before.into()
                };
                self.due.entry(name.clone()).or_insert(denied);
            }
        }
    }

    /// The mailboxes of which the client knows afterwards that it may not read them.
    pub(super) fn no_access(&self) -> BTreeSet<MailboxName> {
        let Self { watching, names, .. } = self;
        let unread = names
            .visible
            .iter()
            .filter(|(name, told)| !told.is_readable && watching.watches(name, told, self.delimiter));
        let hidden = names.hidden.iter().filter(|name| {
            let before = watching.told.get(*name);
            watching.no_access.contains(*name)
                || before.is_some_and(|before| watching.watches(name, before, self.delimiter))
        });
        unread.map(|(name, _)| name).chain(hidden).cloned().collect()
    }

    pub(super) fn write(&self, out: &mut Vec<u8>, naming: Naming) {
        for (name, due) in &self.due {
            let mut attributes = Vec::new();
            if due.listed_as != ListedAs::Mailbox {
                attributes.push("\\NonExistent");
            } else if !due.has_access {
                attributes.push("\\NoAccess");
            }
            attributes.push(match self.names.has_inferiors(name, self.delimiter) {
                true => "\\HasChildren",
                false => "\\HasNoChildren",
            });
            if due.subscription == Subscription::Subscribed {
                attributes.push("\\Subscribed");
            }
            wire::list_with_old_name(out, &attributes, naming, name, due.old_name.as_ref());
        }
    }
}
