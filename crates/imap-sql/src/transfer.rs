//! COPY, MOVE, and what RENAME does to INBOX: messages that go from one mailbox to another, in one transaction.

use imap_backend::{Error, ErrorKind, Rights};
use imap_seq::{Uid, UidSet};

use crate::node::Change;
use crate::tables::mailboxes::{self, MailboxKey};
use crate::tables::{log, messages};

/// What becomes of the messages where they were.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Originals {
    Stay,
    Go,
}

/// Stores copies at the end of another mailbox, all or none, with those flags that these rights are enough to set; gives each
/// message's UID here and there. No octet is copied.
pub(crate) fn transfer(
    change: &mut Change<'_>,
    from: MailboxKey,
    uids: &UidSet,
    (to, originals): (MailboxKey, Originals),
    rights: Rights,
) -> Result<Vec<(Uid, Uid)>, Error> {
    let statements = change.statements;
    if uids.is_empty() {
        return Ok(Vec::new());
    }
    mailboxes::lock(statements, &[from.id, to.id])?;
    let allocated = mailboxes::allocate(statements, to, uids.len())?.ok_or(ErrorKind::TryCreate)?;
    let first = allocated.first;
    messages::copy(
        statements,
        (from.id, uids),
        (to.id, first, allocated.modseq),
        rights,
    )?;
    if originals == Originals::Go {
        messages::remove(statements, from.id, uids)?;
    }
    let mut pairs = Vec::new();
    for (uid, new) in uids.iter().zip(first..) {
        pairs.push((uid, new.try_into()?));
    }
    change.changes(to);
    if originals == Originals::Go {
        log::prune(statements, from.id)?;
        change.changes(from);
    }
    Ok(pairs)
}
