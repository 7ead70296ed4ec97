//! Messages without a UID while another program holds the UID list's lock: they stay hidden, nobody waits, and the lock is
//! tried again now and then.

use std::time::Instant;

use crate::disk::dotlock::{Dotlock, Held};
use crate::disk::scan::Scope;
use crate::disk::storage::{self, FileIdentity};
use crate::disk::uidlist_file::FILE_NAME;
use crate::mailbox::open::{OpenMailbox, Trouble, Writer};
use crate::mailbox::patience::{Patience, held};

/// A lock that keeps messages hidden.
#[derive(Debug)]
pub(crate) struct LockOut {
    lock: FileIdentity,
    patience: Patience,
    /// When to try the lock again, although it looks the same: it may be stale by then.
    pub(crate) retry_at: Instant,
    /// What has to be listed again once the lock is free. Nothing where events named the messages: their names are kept.
    pub(crate) scope: Option<Scope>,
}

impl LockOut {
    /// This has to be listed too once the lock is free.
    pub(super) fn widen(&mut self, scope: Scope) {
        if self.scope != Some(Scope::Both) {
            self.scope = Some(scope);
        }
    }

    pub(crate) fn lock(&self) -> FileIdentity {
        self.lock
    }
}

impl OpenMailbox {
    /// Whether this is still the lock of the UID list.
    pub(crate) fn is_locked_by(&self, lock: FileIdentity) -> bool {
        let name = format!("{FILE_NAME}.lock");
        storage::status(self.directory.root(), name).is_ok_and(|status| status.identity == lock)
    }

    /// Tries again the lock that messages wait for, if some do. When it is free, the directories have to be listed again.
    pub(super) fn retry_lock(&self, writer: &mut Writer) -> Option<Dotlock> {
        let scope = writer.lock_out.as_ref()?.scope;
        let lock = self.lock_or_note(writer);
        if writer.lock_out.is_none()
            && let Some(scope) = scope
        {
            writer.forget(scope);
        }
        lock
    }

    /// The UID list's lock. Where another program has it, that is noted.
    pub(super) fn lock_or_note(&self, writer: &mut Writer) -> Option<Dotlock> {
        let former = writer.lock_out.take();
        match Dotlock::take(self.directory.root(), FILE_NAME, self.directory.sharing()) {
            Ok(lock) => Some(lock),
            Err(error) => {
                match held(&error) {
                    Some(held) => writer.lock_out = self.locked_out_by(held, former),
                    None if self.is_to_be_logged(Trouble::NoUid) => {
                        tracing::warn!(path = %self.path().display(), %error, "the UID list cannot be locked: new messages stay hidden");
                    }
                    None => {}
                }
                None
            }
        }
    }

    fn locked_out_by(&self, held: &Held, former: Option<LockOut>) -> Option<LockOut> {
        let (lock, now) = (held.identity?, Instant::now());
        let scope = former.as_ref().and_then(|former| former.scope);
        let former = former.filter(|former| former.lock == lock);
        let mut patience = former.map_or_else(|| Patience::endless(now), |former| former.patience);
        let pause = patience.pause(now, &self.path(), held)?;
        Some(LockOut {
            lock,
            patience,
            retry_at: now + pause,
            scope,
        })
    }
}
