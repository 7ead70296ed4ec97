//! The reference backend behind a wrapper with hubs of its own, so that the wrapper can also publish wrongly.

use crate::fault::Fault;
use crate::session::BrokenSession;
use bytes::Bytes;
use imap_backend::{
    Abilities, Ability, Backend, Credentials, Error, ListEntry, LoginError, MailboxName, Peer, Select,
    Session,
};
use imap_backend_test::{MemoryBackend, MemoryMailbox, MemorySession};
use imap_seq::{ModSeq, Uid};
use imap_updates::{
    Access, Echo, Followers, MailboxHub, Origin, Recency, Snapshot, Untagged, UpdateBuffer, kind,
};
use parking_lot::Mutex;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64};

#[derive(Debug)]
pub(crate) struct Broken {
    world: Arc<World>,
}

/// What all sessions share.
#[derive(Debug)]
pub(crate) struct World {
    pub(crate) inner: MemoryBackend,
    pub(crate) fault: Fault,
    pub(crate) shadows: Mutex<BTreeMap<MailboxName, Arc<Mutex<Shadow>>>>,
    /// Octets as they were appended, for `KeepsRawOctets`.
    pub(crate) raw: Mutex<BTreeMap<Uid, Bytes>>,
    pub(crate) selects: AtomicU32,
    pub(crate) locked: AtomicBool,
    /// For `RemembersNames`.
    pub(crate) names: Mutex<Option<Vec<ListEntry>>>,
    /// For `StatusIsStale`.
    pub(crate) counted: Mutex<BTreeMap<MailboxName, u32>>,
    /// The most messages that were told to be there, for `QuotaNeverFalls`.
    pub(crate) most_held: AtomicU64,
}

/// A mailbox's published history: what the tap hears from the reference backend, less what the fault leaves out.
#[derive(Debug)]
pub(crate) struct Shadow {
    pub(crate) hub: MailboxHub<()>,
    tap: UpdateBuffer,
    _tapped: MemoryMailbox,
}

/// What the reference backend has just done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum During {
    Copy,
    Expunge,
    Move,
    Other,
}

impl Broken {
    pub(crate) fn new(fault: Fault) -> Self {
        Self {
            world: Arc::new(World {
                inner: MemoryBackend::new("ann", "secret"),
                fault,
                shadows: Mutex::default(),
                raw: Mutex::default(),
                selects: AtomicU32::new(1),
                locked: AtomicBool::new(false),
                names: Mutex::default(),
                counted: Mutex::default(),
                most_held: AtomicU64::new(0),
            }),
        }
    }

    /// Another process on the same store.
    pub(crate) fn of(world: &Arc<World>) -> Self {
        Self {
            world: Arc::clone(world),
        }
    }

    pub(crate) fn world(&self) -> Arc<World> {
        Arc::clone(&self.world)
    }
}

impl Backend for Broken {
    type Session = BrokenSession;

    fn abilities(&self) -> Abilities {
        let abilities = self.world.inner.abilities();
        match self.world.fault {
            Fault::OnlyInbox => abilities.without(Ability::CreateSpecialUse),
            _ => abilities,
        }
    }

    async fn url_owner(&self, user: &str) -> Result<Option<BrokenSession>, Error> {
        let user = match self.world.fault {
            Fault::UrlOwnerIsAnybody => "ann",
            _ => user,
        };
        let inner = self.world.inner.url_owner(user).await?;
        Ok(inner.map(|inner| BrokenSession {
            inner,
            world: Arc::clone(&self.world),
            open: Arc::default(),
        }))
    }

    async fn login(&self, peer: &Peer, credentials: Credentials) -> Result<BrokenSession, LoginError> {
        let inner = match self.world.inner.login(peer, credentials).await {
            Err(_) if self.world.fault == Fault::AcceptsAnyPassword => self.world.session().await,
            answer => answer?,
        };
        Ok(BrokenSession {
            inner,
            world: Arc::clone(&self.world),
            open: Arc::default(),
        })
    }
}

impl World {
    /// By value: a `match` on the field would keep the mailbox borrowed.
    pub(crate) fn fault(&self) -> Fault {
        self.fault
    }

    /// A session of the reference backend, to look behind the wrapper.
    pub(crate) async fn session(&self) -> MemorySession {
        let peer = Peer::new(None, imap_backend::Transport::Plain);
        let credentials = Credentials::new("ann".into(), "secret".into());
        self.inner.login(&peer, credentials).await.unwrap()
    }

    /// The shadow of a mailbox; made when it is first touched, which is when it is empty.
    pub(crate) async fn shadow(&self, name: &MailboxName) -> Result<Arc<Mutex<Shadow>>, Error> {
        if let Some(shadow) = self.shadows.lock().get(name) {
            return Ok(Arc::clone(shadow));
        }
        let shadow = Arc::new(Mutex::new(self.new_shadow(name).await?));
        self.shadows.lock().insert(name.clone(), Arc::clone(&shadow));
        Ok(shadow)
    }

    pub(crate) async fn new_shadow(&self, name: &MailboxName) -> Result<Shadow, Error> {
        let opened = self
            .session()
            .await
            .select(name, &Select::new(Access::ReadOnly))
            .await?;
        let mut highest_modseq = opened.highest_modseq().unwrap();
        if self.fault == Fault::TellsOtherModSeqs {
            highest_modseq = ModSeq::new(highest_modseq.get() + 1000).unwrap();
        }
        let (mailbox, updates) = opened.into_parts();
        let uids: Vec<_> = updates.view().uids().collect();
        let recent = uids.iter().copied().collect();
        let snapshot = Snapshot::new(uids)
            .with_recent(recent)
            .with_highest_modseq(highest_modseq);
        Ok(Shadow {
            hub: MailboxHub::new((), snapshot).unwrap(),
            tap: updates,
            _tapped: mailbox,
        })
    }

    /// Publishes what happened in this mailbox, as well as the fault allows.
    pub(crate) async fn publish(&self, name: &MailboxName, who: Origin, during: During) {
        if let Ok(shadow) = self.shadow(name).await {
            shadow.lock().publish(self.fault, who, during);
        }
    }
}

impl Shadow {
    pub(crate) fn publish(&mut self, fault: Fault, who: Origin, during: During) {
        let late = match fault {
            Fault::ExpungesToldLate => during == During::Expunge,
            Fault::MovesToldLate => during == During::Move,
            _ => false,
        };
        if late {
            return;
        }
        let command = self.tap.begin(kind::Noop);
        let drained = self.tap.drain(command.permit(Followers::None));
        let mut hub = self.hub.lock();
        let who = if fault == Fault::EchoesFlags {
            Origin::EXTERNAL
        } else {
            who
        };
        for response in drained.iter() {
            if let Untagged::Fetch { uid, flags, .. } = response
                && fault != Fault::SilentFlags
            {
                let _ = hub.flags_changed(uid, flags.clone(), who, Echo::Silent);
            }
        }
        if fault != Fault::SilentExpunges {
            hub.expunge(&drained.expunged());
        }
        let copied = matches!(during, During::Copy | During::Move);
        let silent = fault == Fault::SilentArrivals || fault == Fault::SilentCopies && copied;
        let recency = if fault == Fault::NobodyGetsRecent {
            Recency::NotRecent
        } else {
            Recency::Recent
        };
        if let Some((first, last)) = drained.arrived().filter(|_| !silent) {
            for uid in self.tap.view().uids().filter(|uid| (first..=last).contains(uid)) {
                let _ = hub.arrive(uid, recency);
            }
        }
        if let Some(why) = drained
            .ended()
            .and_then(imap_updates::Ended::mailbox)
            .filter(|_| fault != Fault::DeleteIsSilent)
        {
            hub.close(why);
        }
        drop(hub);
        self.tap.written(drained);
    }

    /// For `DeleteIsSilent`: the hub of the old mailbox goes on with the messages of the new one.
    pub(crate) fn follow(&mut self, other: Self) {
        self.tap = other.tap;
        self._tapped = other._tapped;
    }
}
