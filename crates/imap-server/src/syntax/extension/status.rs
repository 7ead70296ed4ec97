//! STATUS with items that the codec does not know, and the items of `RETURN (STATUS (...))` (RFC 5819, section 4).

use super::super::reader::Reader;
use super::super::reader_fault::Fault;
use super::Extension;

/// What STATUS can ask for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum StatusItem {
    /// RFC 7889, section 3.1.
    AppendLimit,
    /// RFC 9051, section 6.3.11.
    Deleted,
    /// RFC 9208, section 4.1.4.
    DeletedStorage,
    /// RFC 7162, section 3.1.7.
    HighestModSeq,
    /// RFC 8474, section 4.3.
    MailboxId,
    Messages,
    /// RFC 3501, section 6.3.10.
    Recent,
    /// RFC 8438.
    Size,
    UidNext,
    UidValidity,
    Unseen,
}

const ITEMS: [(StatusItem, &str); 11] = [
    (StatusItem::AppendLimit, "APPENDLIMIT"),
    (StatusItem::Deleted, "DELETED"),
    (StatusItem::DeletedStorage, "DELETED-STORAGE"),
    (StatusItem::HighestModSeq, "HIGHESTMODSEQ"),
    (StatusItem::MailboxId, "MAILBOXID"),
    (StatusItem::Messages, "MESSAGES"),
    (StatusItem::Recent, "RECENT"),
    (StatusItem::Size, "SIZE"),
    (StatusItem::UidNext, "UIDNEXT"),
    (StatusItem::UidValidity, "UIDVALIDITY"),
    (StatusItem::Unseen, "UNSEEN"),
];

impl StatusItem {
    /// The item as it is written.
    pub(crate) fn name(self) -> &'static str {
        ITEMS
            .iter()
            .find(|(item, _)| *item == self)
            .map_or("", |(_, name)| name)
    }

    fn of_name(name: &str) -> Option<Self> {
        ITEMS
            .iter()
            .find(|(_, known)| known.eq_ignore_ascii_case(name))
            .map(|(item, _)| *item)
    }

    /// Whether the codec knows it.
    fn is_the_codecs(self) -> bool {
        !matches!(self, Self::AppendLimit | Self::MailboxId)
    }
}

/// STATUS.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Status {
    pub(crate) mailbox: Vec<u8>,
    pub(crate) items: Vec<StatusItem>,
}

/// Reads the arguments of a STATUS; `None` where the codec can, or knows better what is wrong.
pub(super) fn read(reader: &mut Reader<'_>) -> Option<Result<Extension, Fault>> {
    let status = arguments(reader).ok()?;
    let beyond = status.items.iter().any(|item| !item.is_the_codecs());
    beyond.then_some(Ok(Extension::Status(status)))
}

fn arguments(reader: &mut Reader<'_>) -> Result<Status, Fault> {
    reader.due(b' ')?;
    let mailbox = reader.astring_octets()?.into_owned();
    reader.due(b' ')?;
    let items = items(reader)?;
    Ok(Status { mailbox, items })
}

/// `"(" status-att *(SP status-att) ")"`; one item that stands twice is one item.
pub(super) fn items(reader: &mut Reader<'_>) -> Result<Vec<StatusItem>, Fault> {
    reader.due(b'(')?;
    let mut items = Vec::new();
    loop {
        let at = reader.at();
        let item = StatusItem::of_name(reader.atom()?);
        let item = item.ok_or_else(|| Fault::syntax(at, "unknown STATUS item"))?;
        if !items.contains(&item) {
            items.push(item);
        }
        if reader.eat(b' ').is_none() {
            reader.due(b')')?;
            return Ok(items);
        }
    }
}
