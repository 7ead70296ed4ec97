//! STATUS: one view of the database, and a second one where the hub has something to read.

use imap_backend::{Error, ErrorKind, MailboxName, Status, StatusQuery};

use crate::columns::mailbox_id;
use crate::engine::Statements;
use crate::node::Node;
use crate::tables::accounts::AccountId;
use crate::tables::mailboxes::{self, MailboxKey, MailboxRow};
use crate::tables::messages::{self, Sizes};

/// What the database says of a mailbox at one moment.
struct Figures {
    key: MailboxKey,
    row: MailboxRow,
    /// Messages that no session of any process was told of.
    recent: u32,
    sizes: Option<Sizes>,
}

impl Figures {
    fn read(
        statements: Statements<'_>,
        (account, name): (AccountId, &MailboxName),
        query: StatusQuery,
    ) -> Result<Self, Error> {
        let (key, row) = mailboxes::named(statements, account, name)?.ok_or(ErrorKind::NonExistent)?;
        let recent = match row.unclaimed().is_empty() {
            true => 0,
            false => messages::count_from(statements, key.id, row.recent_from)?,
        };
        let sizes = match query.includes(StatusQuery::SIZE) || query.includes(StatusQuery::DELETED_STORAGE) {
            true => Some(messages::sizes(statements, key.id)?),
            false => None,
        };
        Ok(Self {
            key,
            row,
            recent,
            sizes,
        })
    }
}

/// The figures of a mailbox. Where sessions have it open they are the hub's, and so never ahead of what those can be told;
/// where nobody has, the mailbox need not be read for them. Blocks.
pub(crate) fn status(
    node: &Node,
    name: (AccountId, &MailboxName),
    query: StatusQuery,
) -> Result<Status, Error> {
    let read = || node.read(|statements| Figures::read(statements, name, query));
    let mut figures = read()?;
    if let Some(hub) = node.opened(figures.key)
        && hub.cursor() < figures.row.highest_modseq
    {
        node.catch_up(figures.key, &hub)?;
        figures = read()?; // it may have claimed what was recent
    }
    let (key, row, recent) = (figures.key, figures.row, figures.recent);
    let mut status = Status::new(key.uid_validity)
        .with_unseen(row.unseen)
        .with_deleted(row.deleted)
        .with_mailbox_id(mailbox_id(key));
    if let Some(sizes) = figures.sizes {
        status = status.with_size(sizes.all).with_deleted_storage(sizes.deleted);
    }
    Ok(match node.opened(key).map(|hub| hub.status()) {
        Some(hub) => status
            .with_messages(hub.messages)
            .with_recent(hub.recent.saturating_add(recent))
            .with_uid_next(hub.uid_next)
            .with_highest_modseq(hub.highest_modseq),
        None => status
            .with_messages(row.messages)
            .with_recent(recent)
            .with_uid_next(row.uid_next)
            .with_highest_modseq(row.highest_modseq),
    })
}
