//! LIST: names, the levels above them, and what is subscribed.

use std::collections::{BTreeMap, BTreeSet};

use imap_backend::{
    Error, ListEntry, ListQuery, MailboxName, Principal, Rights, Selection, SpecialUse, Subscription,
};

use crate::engine::Statements;
use crate::tables::accounts::AccountId;
use crate::tables::names::DELIMITER;
use crate::tables::{acl, special_uses, subscriptions};

/// The names that a query asks for.
pub(crate) fn list(
    statements: Statements<'_>,
    (account, user): (AccountId, &str),
    query: &ListQuery,
) -> Result<Vec<ListEntry>, Error> {
    let subscribed = subscriptions::all(statements, account)?;
    let mailboxes = special_uses::beginning_with(statements, account, query.prefix())?;
    let entry = |name: &MailboxName| match mailboxes.get(name) {
        Some(uses) => ListEntry::mailbox(name.clone()).with_special_use(*uses),
        None => ListEntry::non_existent(name.clone()),
    };
    if query.selection() == Selection::Subscribed {
        let asked = |name: &&MailboxName| name.as_str().starts_with(query.prefix());
        return Ok(subscribed.iter().filter(asked).map(entry).collect());
    }
    let acls = acl::beginning_with(statements, account, query.prefix())?;
    let owner = Principal::owner(user);
    let my_rights = |name: &MailboxName| match acls.get(name) {
        Some(acl) => acl.clone().owned_by(user).rights_of(&owner),
        None => Rights::ALL,
    };
    let with_subscription = |name: &MailboxName| {
        let entry = entry(name).with_my_rights(my_rights(name));
        entry.with_subscription(match subscribed.contains(name) {
            true => Subscription::Subscribed,
            false => Subscription::NotSubscribed,
        })
    };
    let levels = levels_above(&mailboxes).into_iter().map(ListEntry::no_select);
    Ok(levels.chain(mailboxes.keys().map(with_subscription)).collect())
}

/// The names above these that are no mailboxes: one was deleted, and what was below it stayed.
fn levels_above(mailboxes: &BTreeMap<MailboxName, SpecialUse>) -> BTreeSet<MailboxName> {
    let mut levels = BTreeSet::new();
    for mailbox in mailboxes.keys() {
        levels.extend(std::iter::successors(mailbox.parent(DELIMITER), |name| {
            name.parent(DELIMITER)
        }));
    }
    levels.retain(|level| !mailboxes.contains_key(level));
    levels
}
