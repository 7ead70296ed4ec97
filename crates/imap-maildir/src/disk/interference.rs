//! Named moments between two changes of the disk, at which tests interfere: another program renames a file, or the power fails.

/// A moment. The doc comments say what has happened just before.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Moment {
    /// A message is in `tmp/`, not yet synced.
    Written,
    /// A message is in `tmp/`, synced or linked.
    Prepared,
    /// Messages have their final names; they have no UID yet.
    Placed,
    /// The directory is synced too.
    PlacedDurably,
    /// The UID list has their UIDs, synced; nobody was told.
    Recorded,
    /// The next thing is the rename of a message by STORE, or its removal by EXPUNGE.
    BeforeRename,
    /// The next thing is the removal of a message that had its name and gets no UID.
    BeforeTakingBack,
    /// A look at the disk begins.
    Looking,
    /// The UID list has been read; mod-sequences have not, and nothing has been listed.
    ReadList,
    /// `new/` has been listed, `cur/` has not.
    ListedNew,
    /// Both have been listed.
    Listed,
    /// The files that events named have been looked at.
    LookedAtNamed,
    /// Events have told that a message went away; whether it has another name is about to become sure.
    WaitingForChanges,
    /// The next thing is the opening of a mailbox that nobody has open.
    Opening,
    /// A mailbox that was deleted has no name any more; what is left of it is about to be removed.
    TakenAway,
    /// Nobody has the mailbox open any more; what is known of it is about to be written.
    Closing,
}

/// What a test does at each moment; nothing in real life.
#[derive(Clone, Default)]
pub(crate) struct Moments {
    #[cfg(test)]
    hook: std::sync::Arc<parking_lot::RwLock<Option<Hook>>>,
}

#[cfg(test)]
pub(crate) type Hook = std::sync::Arc<dyn Fn(Moment) + Send + Sync>;

impl Moments {
    #[cfg(not(test))]
    #[allow(clippy::unused_self)]
    pub(crate) fn at(&self, _moment: Moment) {}

    #[cfg(test)]
    pub(crate) fn at(&self, moment: Moment) {
        let hook = self.hook.read().clone();
        if let Some(hook) = hook {
            hook(moment);
        }
    }

    #[cfg(test)]
    pub(crate) fn set(&self, hook: impl Fn(Moment) + Send + Sync + 'static) {
        *self.hook.write() = Some(std::sync::Arc::new(hook));
    }

    #[cfg(test)]
    pub(crate) fn clear(&self) {
        *self.hook.write() = None;
    }
}

impl std::fmt::Debug for Moments {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Moments")
    }
}
