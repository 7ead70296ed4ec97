//! What a command needs of its user's rights (RFC 4314, section 4): one table, and the one place that asks for them. A backend
//! keeps ACLs and never refuses by them.
//!
//! | command | asks |
//! | --- | --- |
//! | about mailboxes as a whole, and SELECT | the backend: [`permit`], [`permit_new`] |
//! | about the messages of the selected mailbox | nobody: what was granted at SELECT counts until the next one, or until this client changes the ACL |
//! | LIST, and NOTIFY's look at other mailboxes | [`visible`], once for all of them where the backend says it with the names |
//!
//! A mailbox that its user may not see is answered for as if it were not there (section 6), whatever else is missing.

use imap_backend::{Ability, Error, ErrorKind, ListEntry, ListQuery, ListedAs, MailboxName, Rights, Session};
use imap_updates::Access;

/// What is done in a mailbox.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Deed {
    /// LIST.
    Look,
    /// SELECT, EXAMINE, STATUS, and reading a part for CATENATE.
    Read,
    /// APPEND, and the target of COPY, MOVE and REPLACE.
    Insert,
    /// CREATE and the new name of RENAME, in the nearest superior that there is.
    CreateBelow,
    /// DELETE.
    Delete,
    /// The old name of RENAME.
    Rename,
    /// SETACL, DELETEACL, GETACL, LISTRIGHTS.
    Administer,
    /// MYRIGHTS.
    AskRights,
    /// GETMETADATA and SETMETADATA (RFC 5464, section 3.3).
    Annotate,
    /// EXPUNGE. CLOSE passes over it.
    Expunge,
    /// The source of MOVE (RFC 6851, section 4.2) and of REPLACE (RFC 8508, section 4.1).
    TakeAway,
}

/// What a deed needs.
struct Needs {
    all: Rights,
    /// One of these, unless there is none.
    any: Rights,
    /// What is answered where the mailbox is hidden: the same as where there is none.
    hidden: ErrorKind,
}

impl Deed {
    /// The table of section 4. What is not here needs no right: UNSUBSCRIBE; SUBSCRIBE and LSUB, because a name need not exist
    /// to be subscribed. Which flags may be set, [`Rights::changeable`] says.
    const fn needs(self) -> Needs {
        let none = Rights::none();
        let (all, any, hidden) = match self {
            Self::Look => (Rights::LOOKUP, none, ErrorKind::NonExistent),
            Self::Read => (Rights::READ, none, ErrorKind::NonExistent),
            Self::Insert => (Rights::INSERT, none, ErrorKind::TryCreate),
            Self::CreateBelow => (Rights::CREATE, none, ErrorKind::NoPermission),
            Self::Delete | Self::Rename => (Rights::DELETE, none, ErrorKind::NonExistent),
            Self::Administer => (Rights::ADMINISTER, none, ErrorKind::NonExistent),
            Self::AskRights => (none, MAKES_KNOWN, ErrorKind::NonExistent),
            Self::Annotate => (Rights::LOOKUP, USES_MESSAGES, ErrorKind::NonExistent),
            Self::Expunge => (Rights::EXPUNGE, none, ErrorKind::NoPermission),
            Self::TakeAway => (Rights::VIRTUAL_DELETE, none, ErrorKind::NoPermission),
        };
        Needs { all, any, hidden }
    }

    /// Whether these rights are enough.
    ///
    /// # Errors
    /// They are not.
    pub(crate) fn check(self, rights: Rights) -> Result<(), ErrorKind> {
        let Needs { all, any, hidden } = self.needs();
        if rights.includes(all) && (any.is_empty() || rights.includes_any(any)) {
            return Ok(());
        }
        Err(match rights.includes(Rights::LOOKUP) {
            true => ErrorKind::NoPermission,
            false => hidden,
        })
    }
}

/// Any of these lets a user ask for his rights.
const MAKES_KNOWN: Rights = Rights::LOOKUP
    .and(Rights::READ)
    .and(Rights::INSERT)
    .and(Rights::VIRTUAL_CREATE)
    .and(Rights::ADMINISTER);

/// Any of these lets a user who sees a mailbox have annotations there.
const USES_MESSAGES: Rights = Rights::READ
    .and(Rights::KEEP_SEEN)
    .and(Rights::WRITE)
    .and(Rights::INSERT)
    .and(Rights::POST);

/// With none of these a mailbox is read-only (section 5.2). Every flag is a shared one here.
const CHANGES_SOMETHING: Rights = Rights::INSERT
    .and(Rights::EXPUNGE)
    .and(Rights::KEEP_SEEN)
    .and(Rights::WRITE)
    .and(Rights::DELETE_MESSAGES);

/// The access with which a mailbox is opened for a user who asks for this one.
pub(crate) const fn access(rights: Rights, asked: Access) -> Access {
    match rights.includes_any(CHANGES_SOMETHING) {
        true => asked,
        false => Access::ReadOnly,
    }
}

/// Whether this user may do that in this mailbox; gives all that he may do there. Everything where the backend has no ACLs.
///
/// # Errors
/// He may not, or there is no such mailbox.
pub(crate) async fn permit<S: Session>(
    session: &mut S,
    deed: Deed,
    name: &MailboxName,
) -> Result<Rights, Error> {
    if !session.abilities().has(Ability::Acl) {
        return Ok(Rights::ALL);
    }
    let rights = match session.my_rights(name).await {
        // A level of the hierarchy is no mailbox and has no ACL. Whether it can be renamed, the backend says.
        Err(error) if error.kind() == ErrorKind::NonExistent && deed == Deed::Rename => Rights::ALL,
        Err(error) if error.kind() == ErrorKind::NonExistent => return Err(deed.needs().hidden.into()),
        rights => rights?,
    };
    deed.check(rights)?;
    Ok(rights)
}

/// Whether this user may make a mailbox of this name: that is for its nearest superior to say. Without one it is his own.
///
/// # Errors
/// He may not.
pub(crate) async fn permit_new<S: Session>(session: &mut S, name: &MailboxName) -> Result<(), Error> {
    if !session.abilities().has(Ability::Acl) {
        return Ok(());
    }
    let delimiter = session.delimiter();
    let mut above = name.parent(delimiter);
    while let Some(superior) = above {
        match session.my_rights(&superior).await {
            Err(error) if error.kind() == ErrorKind::NonExistent => above = superior.parent(delimiter),
            rights => return Ok(Deed::CreateBelow.check(rights?)?),
        }
    }
    Ok(())
}

/// The names that a query finds, without the mailboxes that this user may not see. Where there are ACLs, each mailbox has its
/// rights.
///
/// # Errors
/// The store cannot be read.
pub(crate) async fn visible<S: Session>(session: &mut S, query: &ListQuery) -> Result<Vec<ListEntry>, Error> {
    let mut entries = listed(session, query).await?;
    entries.retain(|entry| {
        let rights = entry.my_rights().unwrap_or(Rights::ALL);
        entry.listed_as() != ListedAs::Mailbox || Deed::Look.check(rights).is_ok()
    });
    Ok(entries)
}

/// The same with the mailboxes that this user may not see.
///
/// # Errors
/// The store cannot be read.
pub(crate) async fn listed<S: Session>(session: &mut S, query: &ListQuery) -> Result<Vec<ListEntry>, Error> {
    let entries = session.list(query).await?;
    if !session.abilities().has(Ability::Acl) {
        return Ok(entries);
    }
    let mut listed = Vec::with_capacity(entries.len());
    for entry in entries {
        tokio::task::consume_budget().await;
        if entry.listed_as() != ListedAs::Mailbox {
            listed.push(entry);
            continue;
        }
        let rights = match entry.my_rights() {
            Some(rights) => rights,
            None => match session.my_rights(entry.name()).await {
                // It has gone since it was listed.
                Err(error) if error.kind() == ErrorKind::NonExistent => continue,
                rights => rights?,
            },
        };
        listed.push(entry.with_my_rights(rights));
    }
    Ok(listed)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The table of RFC 4314, section 4, and what RFC 5464, 6851 and 8508 add to it.
    #[test]
    fn each_deed_needs_what_the_rfcs_say() {
        let without = |letters: &str| Rights::ALL.without(Rights::of_letters(letters));
        for (deed, needed) in [
            (Deed::Look, "l"),
            (Deed::Read, "r"),
            (Deed::Insert, "i"),
            (Deed::CreateBelow, "k"),
            (Deed::Delete, "x"),
            (Deed::Rename, "x"),
            (Deed::Administer, "a"),
            (Deed::Annotate, "l"),
            (Deed::Expunge, "e"),
            (Deed::TakeAway, "te"),
        ] {
            assert_eq!(deed.check(Rights::ALL), Ok(()));
            for letter in needed.chars() {
                assert!(
                    deed.check(without(&letter.to_string())).is_err(),
                    "{deed:?} {letter}"
                );
            }
            if deed != Deed::Annotate {
                assert_eq!(deed.check(Rights::of_letters(needed)), Ok(()), "{deed:?}");
            }
        }
        for (deed, any) in [(Deed::AskRights, "lrikxa"), (Deed::Annotate, "rswip")] {
            let seen = Rights::LOOKUP;
            assert!(
                deed.check(seen.and(without(any)).without(Rights::of_letters(any)))
                    .is_err()
            );
            for letter in any.chars() {
                let one = Rights::of_letters(&letter.to_string());
                let rights = if deed == Deed::Annotate {
                    one.and(seen)
                } else {
                    one
                };
                assert_eq!(deed.check(rights), Ok(()), "{deed:?} {letter}");
            }
        }
    }

    #[test]
    fn a_mailbox_that_its_user_may_not_see_is_not_there() {
        let hidden = Rights::ALL.without(Rights::of_letters("lrix"));
        for (deed, answer) in [
            (Deed::Read, ErrorKind::NonExistent),
            (Deed::Insert, ErrorKind::TryCreate),
            (Deed::Delete, ErrorKind::NonExistent),
        ] {
            assert_eq!(deed.check(hidden), Err(answer));
            assert_eq!(deed.check(Rights::LOOKUP), Err(ErrorKind::NoPermission));
        }
    }

    /// The examples of RFC 4314, section 5.2, where every flag is shared.
    #[test]
    fn who_can_change_nothing_reads_only() {
        for (letters, granted) in [
            ("lrpkxa", Access::ReadOnly),
            ("rit", Access::ReadWrite),
            ("rset", Access::ReadWrite),
        ] {
            assert_eq!(access(Rights::of_letters(letters), Access::ReadWrite), granted);
            assert_eq!(
                access(Rights::of_letters(letters), Access::ReadOnly),
                Access::ReadOnly
            );
        }
    }
}
