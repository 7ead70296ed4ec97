//! The permit to release an EXPUNGE, and the command in progress that alone can lend it.

use std::fmt;
use std::marker::PhantomData;

use super::notify::SelectedEvents;
use super::rows::{CommandKind, MayExpunge, Row};
use crate::Origin;

/// A command whose last octet was received and whose tagged response was not sent.
///
/// Begin it with [`UpdateBuffer::begin`](crate::UpdateBuffer::begin), keep it until the tagged response, then drop it.
/// It is neither `Clone` nor `Copy`: there is one for each command.
#[must_use = "a command in progress lends the permit to its drain"]
pub struct CommandInProgress<K> {
    session: Origin,
    kind: PhantomData<K>,
}

impl<K: CommandKind> CommandInProgress<K> {
    pub(crate) const fn begin(session: Origin) -> Self {
        Self {
            session,
            kind: PhantomData,
        }
    }

    /// The command's row of the release table.
    pub const fn row(&self) -> Row {
        K::ROW
    }

    /// Lends the permit for one drain of this session.
    ///
    /// Commands that already wait in the input buffer and use message sequence numbers were written in the present
    /// numbering: then the permit is only to hold (RFC 9051 section 5.5; the client is in breach, but its mail is safe).
    pub const fn permit(&self, followers: Followers) -> Release<'_>
    where
        K: MayExpunge,
    {
        match followers {
            Followers::None => Release {
                lent: Lent::ByCommand(self.session),
                command: PhantomData,
            },
            Followers::UseSequenceNumbers => Release::hold(),
        }
    }
}

impl<K: CommandKind> fmt::Debug for CommandInProgress<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CommandInProgress")
            .field("command", &K::ROW.command)
            .finish_non_exhaustive()
    }
}

/// Commands that were received behind the one in progress, and not yet begun.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Followers {
    /// None, or only such as use UIDs.
    None,
    /// At least one that uses message sequence numbers, or that was not parsed far enough to know.
    UseSequenceNumbers,
}

/// Whether a drain may release EXPUNGE and VANISHED. Lives no longer than the command that lent it.
#[derive(Clone, Copy, Debug)]
pub struct Release<'c> {
    lent: Lent,
    command: PhantomData<&'c ()>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Lent {
    /// By nothing: hold.
    No,
    /// By a command of this session.
    ByCommand(Origin),
    /// By NOTIFY SELECTED, as long as that is in force.
    ByNotify,
}

impl Release<'static> {
    /// Hold every EXPUNGE; EXISTS, RECENT and flags pass it. Anybody may do that at any time.
    pub const fn hold() -> Self {
        Self {
            lent: Lent::No,
            command: PhantomData,
        }
    }

    /// For a client that gave message sequence numbers up by NOTIFY SELECTED (RFC 5465 section 6.1.1). In a session
    /// that did not ([`UpdateBuffer::notify`](crate::UpdateBuffer::notify)) it is [`hold`](Self::hold).
    pub const fn after_notify_selected() -> Self {
        Self {
            lent: Lent::ByNotify,
            command: PhantomData,
        }
    }
}

impl Release<'_> {
    /// A permit counts only in the session whose command lent it.
    pub(crate) fn granted_to(self, session: Origin, events: SelectedEvents) -> bool {
        match self.lent {
            Lent::No => false,
            Lent::ByCommand(lender) => lender == session,
            Lent::ByNotify => events == SelectedEvents::AtAnyTime,
        }
    }
}
