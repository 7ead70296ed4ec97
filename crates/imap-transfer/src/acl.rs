//! Access control lists that go with their mailboxes.

use imap_backend::{Ability, Acl, AclChange, Error, Identifier, MailboxName, Rights, Session};

/// The ACL of a mailbox, without the entry that a store makes up for an owner who may do everything. `None` where the store has no
/// ACLs.
///
/// # Errors
/// Those of [`Session::acl`].
pub(crate) async fn read<S: Session>(
    session: &mut S,
    mailbox: &MailboxName,
    owner: &str,
) -> Result<Option<Acl>, Error> {
    match session.abilities().has(Ability::Acl) {
        true => Ok(Some(without_made_up(&session.acl(mailbox).await?, owner)?)),
        false => Ok(None),
    }
}

/// The same list without an entry that only says that its owner may do everything.
///
/// # Errors
/// None: a part of a list is not longer than the list.
pub(crate) fn without_made_up(acl: &Acl, owner: &str) -> Result<Acl, Error> {
    let mut own = Acl::default();
    for (identifier, rights) in acl.iter() {
        if identifier.as_str() != owner || rights != Rights::ALL {
            own.change(
                identifier,
                AclChange::Replace(rights),
                &imap_backend::Grantable::each(),
            )?;
        }
    }
    Ok(own)
}

/// Gives a mailbox this ACL and no other.
///
/// # Errors
/// Those of [`Session::change_acl`].
pub(crate) async fn write<S: Session>(
    session: &mut S,
    mailbox: &MailboxName,
    acl: &Acl,
) -> Result<(), Error> {
    let before = session.acl(mailbox).await?;
    let gone = |(identifier, _): &(&Identifier, Rights)| acl.get(identifier).is_none();
    for (identifier, _) in before.iter().filter(gone) {
        session.change_acl(mailbox, identifier, AclChange::Delete).await?;
    }
    for (identifier, rights) in acl.iter() {
        session
            .change_acl(mailbox, identifier, AclChange::Replace(rights))
            .await?;
    }
    Ok(())
}
