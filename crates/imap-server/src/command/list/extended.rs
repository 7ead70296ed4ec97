//! The extended LIST (RFC 5258), with the special uses of RFC 6154, the figures of RFC 5819 and the annotations of RFC 9590.

use std::collections::{BTreeMap, BTreeSet};

use imap_backend::{
    Ability, Backend, ErrorKind, ListEntry, ListQuery, ListedAs, MailboxName, PollReason, Rights, Session,
    SpecialUse, Subscription,
};
use imap_updates::{CommandInProgress, kind};

use super::{add_superiors, has_inferiors};
use crate::client::Client;
use crate::completion::{Answer, Completion, Stop};
use crate::convert::{self, Naming};
use crate::rights::{self, Deed};
use crate::syntax::extension::{List, Selection};
use crate::{syntax, wire};

impl<B: Backend> Client<B> {
    /// LIST with selection options, several patterns or return options.
    pub(crate) async fn extended_list(
        &mut self,
        list: &List,
        command: Option<&CommandInProgress<kind::List>>,
    ) -> Answer {
        let naming = self.naming()?;
        if list.wanted.special_use && !self.abilities().has(Ability::SpecialUse) {
            return Err(Completion::bad("LIST: SPECIAL-USE is not supported").into());
        }
        if list.wanted.my_rights && !self.abilities().has(Ability::Acl) {
            return Err(Completion::bad("LIST: MYRIGHTS is not supported").into());
        }
        let annotations = match &list.wanted.metadata {
            Some(entries) => self.annotations_of_list(entries)?,
            None => Vec::new(),
        };
        if let Some(items) = &list.wanted.status {
            self.offers_items(items)?;
            self.tell_before_status(items, PollReason::Asked, command).await?;
        }
        let patterns = Patterns::of(list, naming);
        let names = self.names(list, &patterns).await?;
        for (name, listed) in &names.all {
            tokio::task::consume_budget().await;
            if listed.matches
                && let Some(shown) = names.shown(name, listed, list.selection)
            {
                self.write_listed(name, listed, shown, list).await?;
                if listed.is_mailbox && listed.is_asked_for(list.selection) && !annotations.is_empty() {
                    self.write_annotations(name, &annotations).await?;
                }
                self.channel.io.flush_if_full().await?;
            }
        }
        Ok(Completion::ok("LIST completed"))
    }

    /// Every name that may have to be shown, and those below it.
    async fn names(&mut self, list: &List, patterns: &Patterns) -> Result<Names, Stop> {
        let mut all: BTreeMap<MailboxName, Listed> = BTreeMap::new();
        let session = self.state.session()?;
        let existing = patterns.query(imap_backend::Selection::Existing);
        for entry in rights::visible(session, &existing).await? {
            if entry.listed_as() != ListedAs::NonExistent {
                all.insert(entry.name().clone(), Listed::of(&entry));
            }
        }
        if list.wanted.subscribed {
            // Asked for by themselves: the list of mailboxes has not those that are gone, and need not say of each whether it
            // is subscribed.
            let query = patterns.query(imap_backend::Selection::Subscribed);
            for entry in session.list(&query).await? {
                if entry.subscription() == Subscription::Subscribed {
                    let listed = all.entry(entry.name().clone()).or_default();
                    listed.is_subscribed = true;
                }
            }
        }
        add_superiors(&mut all, patterns.delimiter, Listed::default());
        let mut names = Names {
            all,
            existing: BTreeSet::new(),
            selected: BTreeSet::new(),
            hidden: BTreeSet::new(),
            delimiter: patterns.delimiter,
        };
        for (name, listed) in &mut names.all {
            tokio::task::consume_budget().await;
            listed.matches = patterns.match_one(name);
            if listed.is_mailbox {
                names.existing.insert(name.clone());
            }
            if listed.is_asked_for(list.selection) {
                names.selected.insert(name.clone());
                if !listed.matches {
                    names.hidden.insert(name.clone());
                }
            }
        }
        Ok(names)
    }

    async fn write_listed(
        &mut self,
        name: &MailboxName,
        listed: &Listed,
        shown: Shown,
        list: &List,
    ) -> Result<(), Stop> {
        let naming = self.naming()?;
        let is_found = listed.is_mailbox && listed.is_asked_for(list.selection);
        let items = list.wanted.status.as_deref().filter(|_| is_found);
        let status = match (items, Deed::Read.check(listed.my_rights.unwrap_or(Rights::ALL))) {
            (Some(items), Ok(())) => Some(self.figures(name, items).await?),
            (Some(_), Err(kind)) => Some(Err(kind.into())),
            (None, _) => None,
        };
        let mut attributes = Vec::with_capacity(4);
        match &status {
            _ if !listed.is_mailbox => attributes.push("\\NonExistent"),
            // It cannot be selected, or is gone by now (RFC 5819, section 2).
            Some(Err(error)) if is_not_selectable(error.kind()) => attributes.push("\\Noselect"),
            _ => {}
        }
        if listed.is_subscribed {
            attributes.push("\\Subscribed");
        }
        attributes.push(match shown.has_children {
            true => "\\HasChildren",
            false => "\\HasNoChildren",
        });
        attributes.extend(listed.special_use.attributes());
        let out = self.channel.io.out();
        match shown.child_info {
            true => wire::list_with_child_info(out, &attributes, naming, name, &options(list.selection)),
            false => wire::list(out, "LIST", &attributes, naming, name),
        }
        if let Some(rights) = listed.my_rights.filter(|_| is_found && list.wanted.my_rights) {
            wire::my_rights(self.channel.io.out(), name, naming.form, rights);
        }
        match (status, items) {
            (Some(Ok(status)), Some(items)) => self.write_status(name, items, &status),
            (Some(Err(error)), _) => tracing::debug!(%error, mailbox = %name, "LIST tells no figures"),
            _ => {}
        }
        Ok(())
    }
}

fn is_not_selectable(kind: ErrorKind) -> bool {
    matches!(kind, ErrorKind::NonExistent | ErrorKind::NoPermission)
}

/// The selection options that CHILDINFO names.
fn options(selection: Selection) -> Vec<&'static str> {
    let all = [
        (selection.subscribed, "SUBSCRIBED"),
        (selection.special_use, "SPECIAL-USE"),
    ];
    all.into_iter()
        .filter(|(on, _)| *on)
        .map(|(_, name)| name)
        .collect()
}

/// A name and what is known of it. By default a level of the hierarchy that is no mailbox.
#[derive(Debug, Clone, Default)]
struct Listed {
    is_mailbox: bool,
    is_subscribed: bool,
    special_use: SpecialUse,
    /// Where there are ACLs, of a mailbox.
    my_rights: Option<Rights>,
    /// Whether a pattern matches it.
    matches: bool,
}

impl Listed {
    fn of(entry: &ListEntry) -> Self {
        Self {
            is_mailbox: entry.listed_as() == ListedAs::Mailbox,
            special_use: entry.special_use(),
            my_rights: entry.my_rights(),
            ..Self::default()
        }
    }

    /// Whether it satisfies the selection options; without any, a mailbox does.
    fn is_asked_for(&self, selection: Selection) -> bool {
        let named = selection.subscribed || selection.special_use;
        (named || self.is_mailbox)
            && (!selection.subscribed || self.is_subscribed)
            && (!selection.special_use || self.is_mailbox && !self.special_use.is_empty())
    }
}

/// The names, and which of them are what.
struct Names {
    all: BTreeMap<MailboxName, Listed>,
    /// Mailboxes.
    existing: BTreeSet<MailboxName>,
    /// Those that satisfy the selection options.
    selected: BTreeSet<MailboxName>,
    /// Those of them that no pattern matches.
    hidden: BTreeSet<MailboxName>,
    delimiter: char,
}

/// What is said of a name beside its attributes.
#[derive(Debug, Clone, Copy)]
struct Shown {
    has_children: bool,
    child_info: bool,
}

impl Names {
    /// How a name that a pattern matches is shown, if it is. One that is not asked for is shown where an inferior that is
    /// would otherwise go unnoticed (RFC 5258, sections 3.3 and 3.5).
    fn shown(&self, name: &MailboxName, listed: &Listed, selection: Selection) -> Option<Shown> {
        let has = |names: &BTreeSet<MailboxName>| {
            has_inferiors(name, self.delimiter, |first| names.range(first..).next())
        };
        let of_mailboxes = !selection.subscribed && !selection.special_use;
        let is_only_above = (selection.recursive || of_mailboxes) && has(&self.hidden);
        (listed.is_asked_for(selection) || is_only_above).then(|| Shown {
            has_children: has(&self.existing),
            child_info: selection.recursive && has(&self.selected),
        })
    }
}

/// The canonical patterns: the reference with each pattern behind it.
struct Patterns {
    texts: Vec<String>,
    delimiter: char,
}

impl Patterns {
    /// Those that can match a name. An empty one matches none here (RFC 5258, section 3).
    fn of(list: &List, naming: Naming) -> Self {
        let text = |pattern: &Vec<u8>| {
            let pattern = convert::pattern_text(pattern, naming).filter(|pattern| !pattern.is_empty())?;
            Some(convert::pattern_text(&list.reference, naming)? + &pattern)
        };
        Self {
            texts: list.patterns.iter().filter_map(text).collect(),
            delimiter: naming.delimiter,
        }
    }

    fn match_one(&self, name: &MailboxName) -> bool {
        self.texts
            .iter()
            .any(|text| syntax::matches(text, name, self.delimiter))
    }

    /// Asks for the names that match, and for all below them.
    fn query(&self, selection: imap_backend::Selection) -> ListQuery {
        let begin = |text: &String| text.find(['*', '%']).unwrap_or(text.len());
        let wide = self.texts.iter().map(|text| format!("{}*", &text[..begin(text)]));
        match self.texts.is_empty() {
            // Nothing can match.
            true => ListQuery::new(selection).with_pattern(""),
            false => wide.fold(ListQuery::new(selection), ListQuery::with_pattern),
        }
    }
}
