//! What a client with NOTIFY is told of other mailboxes (RFC 5465): the difference between what it was told last and what
//! is now.
//!
//! Nothing is queued: a client that does not read for an hour is told one line for each mailbox that changed, so that
//! NOTIFICATIONOVERFLOW never happens. What is kept is one line's worth for each mailbox that is watched.

mod annotations;
mod names;
mod own;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use imap_backend::{
    Error, ErrorKind, ListQuery, ListedAs, MailboxName, MetadataChange, ObjectId, Rights, Selection, Session,
    Status, StatusQuery, Subscription,
};
use imap_seq::{ModSeq, Uid};
use imap_updates::SelectedEvents;

use crate::convert::Naming;
use crate::enabled::{Enabled, Feature};
use crate::places::Places;
use crate::renames::Renames;
use crate::rights::{self, Deed};
use crate::syntax::extension::{Events, Group, NewMessageItems};
use crate::syntax::filter::Filter;
use crate::wire;
use annotations::Annotations;
use names::{Listings, Names};

/// What one client has asked for, and what it was told.
#[derive(Debug)]
pub(crate) struct Watching {
    selected: Option<SelectedGroup>,
    groups: Vec<(Places, Events)>,
    told: BTreeMap<MailboxName, Told>,
    /// The annotations of the server, where they are watched.
    server: Option<Annotations>,
    /// Names that the client has made, removed or renamed since the last look.
    own: BTreeSet<MailboxName>,
    /// Mailboxes of which it was told that it may not read them.
    no_access: BTreeSet<MailboxName>,
    /// How many renames of this server were looked at.
    renames: u64,
}

/// What is told of the selected mailbox.
#[derive(Debug)]
struct SelectedGroup {
    when: SelectedEvents,
    items: Option<NewMessageItems>,
    flag_change: bool,
}

/// A name, as the client knows it.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Told {
    listed_as: ListedAs,
    subscription: Subscription,
    /// Whether this user may know what is in it.
    is_readable: bool,
    figures: Option<Figures>,
    /// Where they are watched.
    annotations: Option<Annotations>,
}

/// The figures of a mailbox whose messages are watched.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Figures {
    uid_validity: u32,
    messages: u32,
    uid_next: Option<Uid>,
    unseen: u32,
    highest_modseq: Option<ModSeq>,
    id: Option<ObjectId>,
}

impl Figures {
    fn new(status: &Status) -> Self {
        Self {
            uid_validity: status.uid_validity().get(),
            messages: status.messages(),
            uid_next: status.uid_next(),
            unseen: status.unseen(),
            highest_modseq: status.highest_modseq(),
            id: status.mailbox_id().cloned(),
        }
    }
}

/// What a look at the account is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Look {
    /// What is there is what the client is taken to know.
    Silent,
    /// The client is told the figures of every mailbox whose messages are watched.
    TellStatus,
    /// The client is told what has changed.
    TellChanges,
}

impl Watching {
    /// NOTIFY NONE: nothing of any mailbox, the selected one included.
    pub(crate) const fn nothing() -> Self {
        Self {
            selected: None,
            groups: Vec::new(),
            told: BTreeMap::new(),
            server: None,
            own: BTreeSet::new(),
            no_access: BTreeSet::new(),
            renames: 0,
        }
    }

    pub(crate) fn new(groups: Vec<Group>, naming: Naming) -> Self {
        let mut watching = Self::nothing();
        for Group { filter, mut events } in groups {
            match filter {
                Filter::Selected | Filter::SelectedDelayed if !events.message_new => {}
                Filter::Selected | Filter::SelectedDelayed => {
                    watching.selected = Some(SelectedGroup {
                        when: match filter {
                            Filter::Selected => SelectedEvents::AtAnyTime,
                            _ => SelectedEvents::AtAnyTimeButExpunge,
                        },
                        items: events.items.take(),
                        flag_change: events.flag_change,
                    });
                }
                filter => {
                    let places = Places::new(filter, naming);
                    watching.groups.extend(places.map(|places| (places, events)));
                }
            }
        }
        watching
    }

    /// When the client hears of its selected mailbox: where it did not ask for that, never (RFC 5465, section 3.1).
    pub(crate) fn selected_events(&self) -> SelectedEvents {
        let selected = self.selected.as_ref();
        selected.map_or(SelectedEvents::Never, |selected| selected.when)
    }

    /// Whether the client hears of flags that others change in its selected mailbox.
    pub(crate) fn tells_flags(&self) -> bool {
        self.selected
            .as_ref()
            .is_some_and(|selected| selected.flag_change)
    }

    /// What a row about a new message of the selected mailbox has.
    pub(crate) fn new_message_items(&self) -> Option<&NewMessageItems> {
        self.selected.as_ref()?.items.as_ref()
    }

    /// Whether there is anything to tell between commands.
    pub(crate) fn is_waiting(&self) -> bool {
        self.selected.is_some() || self.watches_others()
    }

    /// Whether other mailboxes are watched.
    pub(crate) fn watches_others(&self) -> bool {
        !self.groups.is_empty()
    }

    fn events(&self, name: &MailboxName, subscription: Subscription, delimiter: char) -> Events {
        let mut all = Events::default();
        for (places, events) in &self.groups {
            let concerned = places.include(name, subscription, delimiter);
            if concerned {
                all.message_new |= events.message_new;
                all.flag_change |= events.flag_change;
                all.mailbox_name |= events.mailbox_name;
                all.subscription_change |= events.subscription_change;
                all.mailbox_metadata_change |= events.mailbox_metadata_change;
            }
        }
        all
    }

    /// Whether anything of this mailbox is to be told.
    fn watches(&self, name: &MailboxName, told: &Told, delimiter: char) -> bool {
        let events = self.events(name, told.subscription, delimiter);
        told.listed_as == ListedAs::Mailbox && events != Events::default()
    }

    /// Looks at the account, and writes what the client is to be told.
    ///
    /// Costs a listing, and the STATUS of each mailbox whose messages are watched.
    ///
    /// # Errors
    /// The store cannot be read. What was not written is told after the next look.
    pub(crate) async fn look<S: Session>(
        &mut self,
        session: &mut S,
        selected: Option<&MailboxName>,
        (renames, user): (&Renames, &Arc<str>),
        form: (Naming, Enabled),
        look: Look,
        out: &mut Vec<u8>,
    ) -> Result<(), Error> {
        let (naming, enabled) = form;
        let seen = renames.done();
        let mut now = Names::read(session).await?;
        let renames = renames.since(self.renames, user);
        let server = match self
            .groups
            .iter()
            .any(|(_, events)| events.server_metadata_change)
        {
            true => Annotations::read(session, None).await?,
            false => None,
        };
        for (name, told) in &mut now.visible {
            let events = self.events(name, told.subscription, naming.delimiter);
            if told.listed_as != ListedAs::Mailbox || !told.is_readable {
                continue;
            }
            if events.mailbox_metadata_change {
                told.annotations = Annotations::read(session, Some(name)).await?;
            }
            if events.message_new && selected != Some(name) {
                told.figures = figures(session, name, &events).await?;
            } else if events.mailbox_name {
                let before = self.told.get(name).and_then(|before| before.figures.clone());
                told.figures = match before {
                    Some(figures) => Some(figures),
                    None => figures(session, name, &events).await?,
                };
            }
            tokio::task::consume_budget().await;
        }
        let listings = match look {
            Look::TellChanges => Listings::of_changes(self, &now, naming.delimiter, &renames),
            Look::Silent | Look::TellStatus => Listings::of_the_beginning(self, &now, naming.delimiter),
        };
        match look {
            Look::Silent => listings.write(out, naming),
            Look::TellStatus => {
                listings.write(out, naming);
                for (name, told) in &now.visible {
                    let events = self.events(name, told.subscription, naming.delimiter);
                    if let (true, Some(figures)) = (events.message_new, &told.figures)
                        && selected != Some(name)
                    {
                        write_status(out, name, naming, figures, all_of(&events, enabled));
                    }
                }
            }
            Look::TellChanges => {
                write_annotations(out, None, naming, (self.server.as_ref(), server.as_ref()));
                self.tell(&listings, &now, selected, form, out);
            }
        }
        self.no_access = listings.no_access();
        self.renames = seen;
        self.told = now.visible;
        self.server = server;
        self.own.clear();
        Ok(())
    }

    fn tell(
        &self,
        listings: &Listings<'_>,
        now: &Names,
        selected: Option<&MailboxName>,
        (naming, enabled): (Naming, Enabled),
        out: &mut Vec<u8>,
    ) {
        listings.write(out, naming);
        for (name, told) in &now.visible {
            let before = self.told.get(listings.old_name(name).unwrap_or(name));
            let annotations_before = before.and_then(|before| before.annotations.as_ref());
            write_annotations(
                out,
                Some(name),
                naming,
                (annotations_before, told.annotations.as_ref()),
            );
            let events = self.events(name, told.subscription, naming.delimiter);
            let figures_before = before.and_then(|before| before.figures.as_ref());
            // Of a mailbox that has just come its name says enough, as long as there is nothing in it.
            let is_told_by_name = events.mailbox_name || self.own.contains(name);
            if let (Some(figures), true) = (&told.figures, events.message_new)
                && selected != Some(name)
                && !(figures_before.is_none() && figures.messages == 0 && is_told_by_name)
                && let Some(items) = changed(figures_before, figures, &events, enabled)
            {
                write_status(out, name, naming, figures, items);
            }
        }
    }
}

/// `None` for a mailbox that has gone since it was listed, or that this user may not read.
async fn figures<S: Session>(
    session: &mut S,
    name: &MailboxName,
    events: &Events,
) -> Result<Option<Figures>, Error> {
    let mut query = StatusQuery::none();
    if events.message_new {
        query = query
            .and(StatusQuery::MESSAGES)
            .and(StatusQuery::UID_NEXT)
            .and(StatusQuery::HIGHEST_MODSEQ);
    }
    if events.flag_change {
        query = query.and(StatusQuery::UNSEEN);
    }
    if events.mailbox_name {
        query = query.and(StatusQuery::MAILBOX_ID);
    }
    match session.status(name, query).await {
        Ok(status) => Ok(Some(Figures::new(&status))),
        Err(error) if matches!(error.kind(), ErrorKind::NonExistent | ErrorKind::NoPermission) => Ok(None),
        Err(error) => Err(error),
    }
}

/// Which items a STATUS has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[allow(clippy::struct_excessive_bools, reason = "each item is written by itself")]
struct Items {
    messages: bool,
    uid_next: bool,
    uid_validity: bool,
    unseen: bool,
    highest_modseq: bool,
}

/// What a client needs to know to understand what it is told later (RFC 5465, section 3.1).
fn all_of(events: &Events, enabled: Enabled) -> Items {
    Items {
        messages: true,
        uid_next: true,
        uid_validity: true,
        unseen: false,
        highest_modseq: events.flag_change || enabled.has(Feature::CondStore),
    }
}

/// What of the figures has changed, if the client wants to hear of it (RFC 5465, sections 5.1 to 5.3).
fn changed(before: Option<&Figures>, now: &Figures, events: &Events, enabled: Enabled) -> Option<Items> {
    let Some(before) = before else {
        return Some(all_of(events, enabled));
    };
    let came_or_went = before.messages != now.messages || before.uid_next != now.uid_next;
    let another = before.uid_validity != now.uid_validity;
    let tells_modseq = enabled.has(Feature::CondStore) && now.highest_modseq.is_some();
    let flags = events.flag_change
        && (before.unseen != now.unseen || (tells_modseq && before.highest_modseq != now.highest_modseq));
    (came_or_went || another || flags).then_some(Items {
        messages: came_or_went || another,
        uid_next: came_or_went || another,
        uid_validity: another || (flags && tells_modseq),
        unseen: events.flag_change && before.unseen != now.unseen,
        highest_modseq: tells_modseq,
    })
}

/// The names of the annotations that have changed, if there are any.
fn write_annotations(
    out: &mut Vec<u8>,
    name: Option<&MailboxName>,
    naming: Naming,
    (before, now): (Option<&Annotations>, Option<&Annotations>),
) {
    let Some(now) = now else { return };
    let none = Annotations::default();
    let changed = now.changed(before.unwrap_or(&none));
    if !changed.is_empty() {
        wire::metadata_changed(out, name, naming.form, changed.into_iter());
    }
}

fn write_status(out: &mut Vec<u8>, name: &MailboxName, naming: Naming, figures: &Figures, items: Items) {
    let rows = [
        (items.messages, "MESSAGES", u64::from(figures.messages)),
        (
            items.uid_next,
            "UIDNEXT",
            figures.uid_next.map_or(u32::MAX, Uid::get).into(),
        ),
        (items.uid_validity, "UIDVALIDITY", figures.uid_validity.into()),
        (items.unseen, "UNSEEN", figures.unseen.into()),
        (
            items.highest_modseq && figures.highest_modseq.is_some(),
            "HIGHESTMODSEQ",
            figures.highest_modseq.map_or(0, ModSeq::get),
        ),
    ];
    let rows = rows
        .iter()
        .filter(|(told, ..)| *told)
        .map(|&(_, item, value)| (item, wire::Figure::Number(value)));
    wire::mailbox_status(out, name, naming.form, rows);
}
