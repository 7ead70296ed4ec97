//! A desk to play scenarios on: one mailbox, session A and others, and lines as they would be written.

use imap_seq::SequenceSet;
use imap_updates::{
    Access, CommandKind, Drained, Echo, Flag, Flags, Followers, Ingest, MailboxHub, MayExpunge, Origin,
    Recency, Release, Untagged, UpdateBuffer, kind,
};

use super::{uid, uids};

/// A mailbox without storage, as the scenarios write it.
pub struct Desk {
    pub hub: MailboxHub<()>,
    pub a: UpdateBuffer,
}

impl Desk {
    /// `V=[..]`: session A has announced these UIDs.
    pub fn with(view: &[u32]) -> Self {
        let hub = MailboxHub::new((), view.iter().copied().map(uid).collect()).unwrap();
        let a = hub.subscribe(Access::ReadOnly);
        Self { hub, a }
    }

    /// `+n`
    pub fn arrive(&self, number: u32) -> Ingest {
        self.hub.lock().arrive(uid(number), Recency::NotRecent)
    }

    /// `-n ..` in one batch; how many were there.
    pub fn expunge(&self, numbers: &[u32]) -> u64 {
        self.hub.lock().expunge(&uids(numbers)).len()
    }

    /// `~n{..}` by another session.
    pub fn flags(&self, number: u32, flags: &str) -> Ingest {
        self.flags_by(number, flags, Origin::EXTERNAL, Echo::Tell)
    }

    pub fn flags_by(&self, number: u32, text: &str, origin: Origin, echo: Echo) -> Ingest {
        self.hub
            .lock()
            .flags_changed(uid(number), flags(text), origin, echo)
    }

    /// `→ NOOP`
    pub fn noop(&mut self) -> Vec<String> {
        release(&mut self.a, kind::Noop)
    }

    /// `→ FETCH` or another command that must hold.
    pub fn hold<K: CommandKind>(&mut self, kind: K) -> Vec<String> {
        hold(&mut self.a, kind)
    }

    /// The UIDs that the client has, in order.
    pub fn view(&mut self) -> Vec<u32> {
        let _command = self.a.begin(kind::Fetch);
        self.a.view().uids().map(imap_seq::Uid::get).collect()
    }

    /// The UIDs that a message sequence set means, or `None` for BAD.
    pub fn seqs(&mut self, set: &str) -> Option<Vec<u32>> {
        let _command = self.a.begin(kind::Fetch);
        let set: SequenceSet<imap_seq::SeqNum> = set.parse().unwrap();
        let resolved = self.a.resolve_seqs(&set).ok()?;
        Some(resolved.uids().map(imap_seq::Uid::get).collect())
    }

    /// The UIDs that a UID set means.
    pub fn uids(&mut self, set: &str) -> Vec<u32> {
        let _command = self.a.begin(kind::UidFetch);
        let set: SequenceSet<imap_seq::Uid> = set.parse().unwrap();
        self.a.resolve_uids(&set).uids().map(imap_seq::Uid::get).collect()
    }

    /// The number that the client has for this UID.
    pub fn seq_of(&mut self, number: u32) -> Option<u32> {
        let _command = self.a.begin(kind::Fetch);
        self.a.view().seq_of(uid(number)).map(imap_seq::SeqNum::get)
    }
}

pub fn flags(text: &str) -> Flags {
    text.split_whitespace()
        .map(|flag| flag.parse::<Flag>().unwrap())
        .collect()
}

/// A whole command that may release.
pub fn release<K: MayExpunge>(session: &mut UpdateBuffer, kind: K) -> Vec<String> {
    let command = session.begin(kind);
    let drained = session.drain(command.permit(Followers::None));
    write(session, drained)
}

/// A whole command that must hold.
pub fn hold<K: CommandKind>(session: &mut UpdateBuffer, kind: K) -> Vec<String> {
    let _command = session.begin(kind);
    let drained = session.drain(Release::hold());
    write(session, drained)
}

pub fn write(session: &mut UpdateBuffer, drained: Drained) -> Vec<String> {
    let lines = lines(&drained);
    session.written(drained);
    lines
}

/// The responses as they would be written, with UID.
pub fn lines(drained: &Drained) -> Vec<String> {
    let line = |untagged| match untagged {
        Untagged::MailboxFlags(keywords) => format!("FLAGS {keywords:?}"),
        Untagged::Fetch { seq, uid, flags, .. } => format!("{seq} FETCH (UID {uid} FLAGS {flags})"),
        Untagged::Expunge(seq) => format!("{seq} EXPUNGE"),
        Untagged::Vanished(uids) => format!("VANISHED {uids}"),
        Untagged::Exists(exists) => format!("{exists} EXISTS"),
        Untagged::Recent(recent) => format!("{recent} RECENT"),
        other => panic!("{other:?}"),
    };
    drained.iter().map(line).collect()
}

/// Nothing was said.
pub const SILENCE: [&str; 0] = [];
