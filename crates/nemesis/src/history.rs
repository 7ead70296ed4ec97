//! What happened in a round, in the order in which it was noted: an attempt before it is sent, an answer once it is read. So
//! whatever stands before something in here had happened when that began.

use std::collections::{BTreeMap, BTreeSet};

use parking_lot::Mutex;

/// The mailboxes of the one account.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Mailbox {
    Inbox,
    Archive,
}

impl Mailbox {
    pub(crate) const ALL: [Self; 2] = [Self::Inbox, Self::Archive];

    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Inbox => "INBOX",
            Self::Archive => "Archive",
        }
    }

    pub(crate) fn of_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|mailbox| mailbox.name() == name)
    }
}

/// Where a message is.
pub(crate) type Place = (Mailbox, u32);

/// What is asked of a server. Until it is [done](Event::Done), nobody knows whether it happened, or will.
#[derive(Clone, Debug)]
pub(crate) enum Attempt {
    /// The message of this name, with these flags.
    Append {
        to: Mailbox,
        name: String,
        flags: Vec<String>,
    },
    /// A flag that nobody but who asks this ever changes in these messages; but `\Deleted` anybody sets.
    Store {
        at: Mailbox,
        uids: Vec<u32>,
        flag: String,
        set: bool,
    },
    /// Those of these that have `\Deleted`: UID EXPUNGE, or EXPUNGE by a client that knows these.
    Expunge { at: Mailbox, uids: Vec<u32> },
    /// An administrator's: whatever the flags.
    Remove { at: Mailbox, uids: Vec<u32> },
    Copy {
        from: Mailbox,
        uids: Vec<u32>,
        to: Mailbox,
        moves: bool,
    },
}

/// The number of an attempt.
pub(crate) type Number = usize;

#[derive(Clone, Debug)]
pub(crate) enum Event {
    Began(Attempt),
    /// It was acknowledged. For COPY and MOVE the pairs of UIDs, for APPEND the new UID twice.
    Done {
        attempt: Number,
        uids: Vec<(u32, u32)>,
    },
    /// What somebody saw who began to look when so many events had happened: UIDs of the whole mailbox.
    Saw {
        who: String,
        at: Mailbox,
        since: Number,
        uids: BTreeSet<u32>,
    },
    /// A message was fetched, and it was the one of this name.
    Is {
        place: Place,
        name: String,
    },
    /// A client was told EXPUNGE.
    Expunged {
        who: String,
        place: Place,
    },
    /// UIDNEXT in STATUS.
    Next {
        who: String,
        at: Mailbox,
        since: Number,
        uid_next: u32,
    },
    /// UIDVALIDITY.
    Validity {
        at: Mailbox,
        uid_validity: u32,
    },
    /// The figures of a mailbox in the database.
    Sample {
        at: Mailbox,
        highest_modseq: i64,
        uid_next: i64,
        modseqs: BTreeMap<u32, i64>,
    },
    /// A client was told what no client could follow, or a server said what none should.
    Broken {
        who: String,
        what: String,
    },
}

/// The record that all who take part write to.
#[derive(Debug, Default)]
pub(crate) struct History(Mutex<Vec<Event>>);

impl History {
    pub(crate) fn note(&self, event: Event) -> Number {
        let mut events = self.0.lock();
        events.push(event);
        events.len() - 1
    }

    pub(crate) fn begin(&self, attempt: Attempt) -> Number {
        self.note(Event::Began(attempt))
    }

    pub(crate) fn done(&self, attempt: Number, uids: Vec<(u32, u32)>) {
        self.note(Event::Done { attempt, uids });
    }

    pub(crate) fn broken(&self, who: &str, what: impl Into<String>) {
        let (who, what) = (who.to_owned(), what.into());
        self.note(Event::Broken { who, what });
    }

    /// How much has happened by now.
    pub(crate) fn now(&self) -> Number {
        self.0.lock().len()
    }

    pub(crate) fn events(&self) -> Vec<Event> {
        self.0.lock().clone()
    }
}
