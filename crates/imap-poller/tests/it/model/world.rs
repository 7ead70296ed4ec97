//! Everybody together, and what must hold.

use std::num::NonZeroU32;
use std::time::Duration;

use imap_poller::{Absence, Answer, Begun, Completed, Listing, MailboxPoller, Pace, Reason, Request};
use imap_seq::{ModSeq, Uid, UidSet};
use imap_updates::Recency;
use proptest::sample::Index;

use super::client::Client;
use super::store::{Mailbox, Store, as_flags, uid};

/// What kind of store it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Setting {
    /// Consistent listings of UIDs and flags.
    Plain,
    /// The same, with UIDNEXT.
    WithUidNext,
    /// A listing may miss a message that is there; no two in a row do.
    Directory,
    /// Listings as of a version.
    Versioned,
}

/// How a listing arrives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Pages {
    AtOnce,
    /// In a listing of the poller that keeps what is different; the last page first, and some of them twice.
    InParts,
}

#[derive(Clone, Debug)]
pub(crate) enum Op {
    AdminAppends,
    AdminExpunges(Index),
    AdminSetsFlags(Index),
    OwnAppend(Index),
    OwnFlags(Index, Index),
    OwnExpunge(Index, Index),
    Report(Index),
    Begin,
    Read,
    Complete,
    Fail,
    Abandon,
    CompleteWithAnOlderOne(Index),
    ReadAndMiss(Index),
    Noop(Index),
    Fetch(Index),
    SelectAgain(Index),
}

/// An own change that was committed and not reported yet, and the client that made it.
enum Pending {
    Appended(usize, u32, u64),
    Stored(usize, u32, u64),
    Expunged(usize, u32),
}

pub(crate) struct World {
    setting: Setting,
    store: Store,
    poller: MailboxPoller,
    clients: Vec<Client>,
    pending: Vec<Pending>,
    request: Option<Request>,
    read: Option<Mailbox>,
    /// How its listings arrive, and the one that began when it was read.
    pages: Pages,
    paged: Option<Listing>,
    /// The last listing that was taken.
    taken: Mailbox,
    /// Whether what was read misses a message, and whether the last listing did.
    read_misses: bool,
    last_missed: bool,
}

const NOW: Duration = Duration::ZERO;

impl World {
    pub(crate) fn new(setting: Setting, pages: Pages) -> Self {
        let mut store = Store::new();
        for _ in 0..3 {
            store.append();
        }
        let absence = match setting {
            Setting::Directory => Absence::InListings(NonZeroU32::new(2).unwrap()),
            _ => Absence::IsProof,
        };
        let pace = Pace::default().with_pauses(Duration::ZERO, Duration::ZERO);
        let poller = MailboxPoller::open(listing(setting, &store.now), absence, pace).unwrap();
        let clients = (0..3).map(|_| Client::select(&poller, &store.now)).collect();
        let taken = store.now.clone();
        Self {
            setting,
            store,
            poller,
            clients,
            pending: vec![],
            request: None,
            read: None,
            pages,
            paged: None,
            taken,
            read_misses: false,
            last_missed: false,
        }
    }

    pub(crate) fn run(&mut self, op: Op) {
        match op {
            Op::AdminAppends => {
                self.store.append();
            }
            Op::AdminExpunges(pick) => self
                .any_message(pick)
                .into_iter()
                .for_each(|uid| self.store.expunge(uid)),
            Op::AdminSetsFlags(pick) => drop(self.any_message(pick).map(|uid| self.store.set_flags(uid))),
            Op::OwnAppend(client) => {
                if let Some(client) = self.begin_command(client) {
                    let (uid, flags) = self.store.append();
                    self.pending.push(Pending::Appended(client, uid, flags));
                }
            }
            Op::OwnFlags(client, pick) => {
                if let Some((client, uid)) = self.begin_command_on(client, pick) {
                    let flags = self.store.set_flags(uid);
                    self.pending.push(Pending::Stored(client, uid, flags));
                }
            }
            Op::OwnExpunge(client, pick) => {
                if let Some((client, uid)) = self.begin_command_on(client, pick) {
                    self.store.expunge(uid);
                    self.pending.push(Pending::Expunged(client, uid));
                }
            }
            Op::Report(pick) if !self.pending.is_empty() => {
                let pending = self.pending.swap_remove(pick.index(self.pending.len()));
                self.report(pending);
            }
            Op::Begin if self.request.is_none() => self.begin(),
            Op::Read if self.request.is_some() => self.read(),
            Op::ReadAndMiss(pick) if self.request.is_some() => self.read_and_miss(pick),
            Op::Complete if self.read.is_some() => self.complete(),
            Op::CompleteWithAnOlderOne(pick) => self.complete_with_an_older_one(pick),
            Op::Fail => drop(self.request.take().map(|request| request.fail(NOW))),
            Op::Abandon => self.request = None,
            Op::Noop(client) => self.drain(client, Client::noop),
            Op::Fetch(client) => self.drain(client, Client::fetch),
            Op::SelectAgain(client) => {
                let client = client.index(self.clients.len());
                if !self.clients[client].busy {
                    self.clients[client] = Client::select(&self.poller, &self.store.now);
                    self.check(client);
                }
            }
            _ => {}
        }
        if self.request.is_none() {
            self.read = None;
        }
    }

    /// All own changes are reported, and a listing that begins then is completed, or two if one is no proof.
    pub(crate) fn come_to_rest(&mut self) {
        while let Some(pending) = self.pending.pop() {
            self.report(pending);
        }
        self.request = None;
        for _ in 0..2 {
            self.begin();
            self.read();
            self.complete();
        }
        for client in &mut self.clients {
            client.noop(&self.store.now);
            assert_eq!(client.numbered, self.store.now.uids());
            for (uid, message) in &self.store.now.messages {
                assert_eq!(client.flags[uid], message.flags, "flags of UID {uid}");
            }
            client.knows_all_below(u32::MAX, &self.store.now);
        }
        // Nothing is told twice.
        self.begin();
        self.read();
        self.complete();
        for client in &mut self.clients {
            assert_eq!(client.noop(&self.store.now), 0);
        }
    }

    fn any_message(&self, pick: Index) -> Option<u32> {
        let uids = self.store.now.uids();
        (!uids.is_empty()).then(|| uids[pick.index(uids.len())])
    }

    fn begin_command(&mut self, pick: Index) -> Option<usize> {
        let client = pick.index(self.clients.len());
        let idle = !std::mem::replace(&mut self.clients[client].busy, true);
        idle.then_some(client)
    }

    /// A command on a message that the client knows and the store has.
    fn begin_command_on(&mut self, client: Index, pick: Index) -> Option<(usize, u32)> {
        let known = &self.clients[client.index(self.clients.len())].numbered;
        let uids: Vec<u32> = known
            .iter()
            .copied()
            .filter(|uid| self.store.now.messages.contains_key(uid))
            .collect();
        if uids.is_empty() {
            return None;
        }
        Some((self.begin_command(client)?, uids[pick.index(uids.len())]))
    }

    fn report(&mut self, pending: Pending) {
        let client = match pending {
            Pending::Appended(client, number, flags) => {
                let _told = self
                    .poller
                    .appended(uid(number), as_flags(flags), Recency::Recent);
                client
            }
            Pending::Stored(client, number, flags) => {
                let origin = self.clients[client].session.origin();
                let _told = self.poller.stored(uid(number), as_flags(flags), origin);
                // The server writes the FETCH itself.
                self.clients[client].flags.insert(number, flags);
                client
            }
            Pending::Expunged(client, number) => {
                let _told = self.poller.expunged(&UidSet::from_iter([uid(number)]));
                client
            }
        };
        self.clients[client].busy = false;
    }

    fn begin(&mut self) {
        match self.poller.begin(Reason::Asked, NOW) {
            Begun::Ask(request) => self.request = Some(request),
            other => panic!("{other:?}"),
        }
    }

    fn read(&mut self) {
        self.paged = (self.pages == Pages::InParts).then(|| self.poller.listing());
        self.read = Some(self.store.now.clone());
        self.read_misses = false;
    }

    /// A directory misses a message that was told before: its file was being renamed.
    fn read_and_miss(&mut self, pick: Index) {
        if self.setting != Setting::Directory || self.last_missed {
            return;
        }
        let uid_next = self.poller.status().uid_next.map_or(u32::MAX, Uid::get);
        let mut read = self.store.now.clone();
        let told: Vec<u32> = read.uids().into_iter().filter(|uid| *uid < uid_next).collect();
        if !told.is_empty() {
            read.messages.remove(&told[pick.index(told.len())]);
            self.paged = (self.pages == Pages::InParts).then(|| self.poller.listing());
            self.read = Some(read);
            self.read_misses = true;
        }
    }

    fn complete(&mut self) {
        let (Some(request), Some(read)) = (self.request.take(), self.read.take()) else {
            return;
        };
        let listing = match self.paged.take() {
            Some(paged) => in_parts(paged, self.setting, &read),
            None => listing(self.setting, &read),
        };
        let completed = request.complete(listing, NOW);
        assert_eq!(completed.answer, Answer::Taken);
        Self::nothing_is_hidden(&completed);
        self.last_missed = self.read_misses;
        self.taken = read;
    }

    /// The answer of a replica that lags. Without versions and UIDNEXT nobody could know.
    fn complete_with_an_older_one(&mut self, pick: Index) {
        let (before, setting) = (&self.taken, self.setting);
        let recognised = |older: &&Mailbox| match setting {
            Setting::Versioned => true,
            Setting::WithUidNext => older.uid_next < before.uid_next,
            Setting::Plain | Setting::Directory => false,
        };
        let older: Vec<&Mailbox> = self.store.past.iter().filter(recognised).collect();
        if older.is_empty() {
            return;
        }
        let Some(request) = self.request.take() else {
            return;
        };
        let older = older[pick.index(older.len())].clone();
        let listing = match self.pages {
            Pages::AtOnce => listing(setting, &older),
            Pages::InParts => in_parts(self.poller.listing(), setting, &older),
        };
        let completed = request.complete(listing, NOW);
        Self::nothing_is_hidden(&completed);
        let is_older = older.version < before.version;
        assert_eq!(completed.answer == Answer::LeftOut, is_older);
        if !is_older {
            self.taken = older;
        }
    }

    fn nothing_is_hidden(completed: &Completed) {
        assert_eq!((completed.hidden.len(), completed.reused.len()), (0, 0));
    }

    fn drain(&mut self, pick: Index, command: fn(&mut Client, &Mailbox) -> usize) {
        let client = pick.index(self.clients.len());
        if !self.clients[client].busy {
            command(&mut self.clients[client], &self.store.now);
            self.check(client);
        }
    }

    /// After a drain: what the server says of the mailbox is not ahead of what this client was told.
    fn check(&self, client: usize) {
        let client = &self.clients[client];
        let uid_next = self.poller.status().uid_next.map_or(u32::MAX, Uid::get);
        client.knows_all_below(uid_next, &self.store.now);
        if self.setting == Setting::Versioned {
            client.highest_modseq_is_honest(&self.store.now);
        }
    }
}

fn listing(setting: Setting, mailbox: &Mailbox) -> Listing {
    match setting {
        Setting::Plain | Setting::Directory => mailbox.list(),
        Setting::WithUidNext => mailbox.list().with_uid_next(Uid::new(mailbox.uid_next)),
        Setting::Versioned => mailbox.list_versioned(),
    }
}

fn in_parts(mut listing: Listing, setting: Setting, mailbox: &Mailbox) -> Listing {
    let rows: Vec<_> = mailbox.messages.iter().collect();
    for (number, message) in rows.chunks(2).rev().chain(rows.chunks(3)).flatten() {
        match setting {
            Setting::Versioned => {
                listing.push_versioned(
                    uid(**number),
                    as_flags(message.flags),
                    ModSeq::new(message.version).unwrap(),
                );
            }
            _ => listing.push(uid(**number), as_flags(message.flags)),
        }
    }
    match setting {
        Setting::Plain | Setting::Directory => listing,
        Setting::WithUidNext => listing.with_uid_next(Uid::new(mailbox.uid_next)),
        Setting::Versioned => {
            let listing = listing.with_uid_next(Uid::new(mailbox.uid_next));
            listing.as_of(ModSeq::new(mailbox.version).unwrap())
        }
    }
}
