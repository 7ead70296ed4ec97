//! Messages on their way into a mailbox, and from one to another, as far as they count in the account's quota.

use std::path::Path;
use std::sync::Arc;

use imap_backend::{Error, Rights};
use imap_seq::{Uid, UidSet};

use super::Account;
use crate::format::maildirsize::Amount;
use crate::mailbox::add::Addition;
use crate::mailbox::error::panicked;
use crate::mailbox::move_in::MovedUid;
use crate::mailbox::open::OpenMailbox;

impl Account {
    /// Gives messages that are ready in a mailbox's `tmp/` their names and UIDs, if there is room for them. What `leaving` tells
    /// goes when they are there.
    pub(crate) async fn add_messages(
        self: &Arc<Self>,
        mailbox: &Arc<OpenMailbox>,
        additions: Vec<Addition>,
        leaving: Amount,
    ) -> Result<Vec<Uid>, Error> {
        let account = Arc::clone(self);
        let more = Addition::weight_of(&additions);
        let take_room = move |path: &Path| account.take_room(path, more, leaving);
        mailbox.add(additions, Box::new(take_room)).await
    }

    /// Copies messages, all or none, with the flags that these rights are enough for. What does not fit is refused before a file is
    /// linked.
    pub(crate) async fn copy_messages(
        self: &Arc<Self>,
        source: &Arc<OpenMailbox>,
        target: &Arc<OpenMailbox>,
        uids: &UidSet,
        rights: Rights,
    ) -> Result<Vec<Uid>, Error> {
        let originals = source.originals(uids)?;
        let (account, from, to) = (Arc::clone(self), Arc::clone(source), Arc::clone(target));
        let prepare = move || {
            account.check_room(&to.path(), from.weight_of(&originals))?;
            from.prepare_copies(&to, &originals, rights)
        };
        let copies = tokio::task::spawn_blocking(prepare).await.map_err(panicked)??;
        self.add_messages(target, copies, Amount::default()).await
    }

    /// Moves messages. That takes room only where they did not count before, and gives some back where they do not afterwards.
    pub(crate) async fn move_messages(
        self: &Arc<Self>,
        source: &Arc<OpenMailbox>,
        target: &Arc<OpenMailbox>,
        uids: &UidSet,
    ) -> Result<Vec<MovedUid>, Error> {
        let originals = source.originals(uids)?;
        if self.counts(&target.path()) && !self.counts(&source.path()) {
            let (account, to, more) = (Arc::clone(self), target.path(), source.weight_of(&originals));
            let check = move || account.check_room(&to, more);
            tokio::task::spawn_blocking(check).await.map_err(panicked)??;
        }
        let (account, from) = (Arc::clone(self), Arc::clone(source));
        target
            .write_with_list_and_source(source, move |target, writers, lock| {
                let (here, there) = (from.path(), target.path());
                if account.counts(&here) == account.counts(&there) {
                    return target.move_in(writers, lock, &from, &originals);
                }
                let all = from.weight_of(&originals);
                let taken = account.take_room(&there, all, Amount::default())?;
                let moved = target.move_in(writers, lock, &from, &originals)?;
                taken.keep();
                account.give_back(&here, all);
                Ok(moved)
            })
            .await
    }
}
