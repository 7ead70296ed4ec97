//! Access control lists.
//!
//! A backend keeps them and says what follows; the server sees to it that users keep to their rights. So a case can take rights
//! away and look at the mailbox all the same.

use crate::mail::Mail;
use crate::stage::{Stage, User, name};
use crate::verdict::{Answer, Stop, Verdict, ensure, equal};
use imap_backend::{
    Ability, Acl, AclChange, Backend, ErrorKind, FlagAction, FlagChange, Identifier, Mailbox, MailboxName,
    Need, Rights, Session,
};
use imap_updates::{Access, Flag, Flags, Keyword};

/// SETACL replaces, adds and removes rights, DELETEACL removes an entry; each session sees it.
pub async fn entries_are_kept_and_changed<B: Backend>(stage: &Stage<B>) -> Verdict {
    let (mut user, mut other) = (stage.login().await?, stage.login().await?);
    user.needs(Ability::Acl, "ACLs")?;
    let inbox = MailboxName::inbox();
    let (fred, denied) = (identifier("kit Fr\u{e9}d")?, identifier("-kit Fr\u{e9}d")?);
    let steps = [
        ("lrs", Some("lrs")),
        ("+wt", Some("lrswt")),
        ("-lx", Some("rswt")),
        ("ip", Some("ip")),
    ];
    for (text, after) in steps {
        set(&mut user, &inbox, &fred, text).await?;
        set(&mut other, &inbox, &denied, "a").await?;
        let seen = acl(&mut other, &inbox).await?;
        equal(
            &format!("the entry after {text}"),
            &seen.get(&fred),
            &after.map(Rights::of_letters),
        )?;
        equal(
            "the negative entry",
            &seen.get(&denied),
            &Some(Rights::ADMINISTER),
        )?;
    }
    delete(&mut other, &inbox, &fred).await?;
    let seen = acl(&mut user, &inbox).await?;
    equal("an entry that was deleted", &seen.get(&fred), &None)?;
    equal("one that was not", &seen.get(&denied), &Some(Rights::ADMINISTER))?;
    // There is nothing to remove it from.
    set(&mut user, &inbox, &fred, "-l").await?;
    equal(
        "an entry of no rights",
        &acl(&mut user, &inbox).await?.get(&fred),
        &None,
    )
}

/// An owner may do everything until an entry of his says otherwise; what a negative one has, he has not.
pub async fn rights_follow_the_entries<B: Backend>(stage: &Stage<B>) -> Verdict {
    let mut user = stage.login().await?;
    user.needs(Ability::Acl, "ACLs")?;
    let inbox = MailboxName::inbox();
    equal(
        "an owner's rights",
        &rights(&mut user, &inbox).await?,
        &Rights::ALL,
    )?;
    let own = identifier(stage.user())?;
    let listed = acl(&mut user, &inbox).await?;
    ensure!(
        listed.iter().any(|(_, rights)| rights == Rights::ALL),
        "an entry of the owner in the ACL",
        format!("{listed:?}")
    );
    set(&mut user, &inbox, &own, "lrswia").await?;
    let left = rights(&mut user, &inbox).await?;
    equal("his rights without kxtep", &left, &Rights::of_letters("lrswia"))?;
    let denied = identifier(&format!("-{}", stage.user()))?;
    set(&mut user, &inbox, &denied, "wxe").await?;
    let left = rights(&mut user, &inbox).await?;
    equal("his rights without w", &left, &Rights::of_letters("lrsia"))?;
    delete(&mut user, &inbox, &denied).await?;
    delete(&mut user, &inbox, &own).await?;
    equal(
        "his rights without an entry",
        &rights(&mut user, &inbox).await?,
        &Rights::ALL,
    )
}

/// What SETACL grants is what LISTRIGHTS says that it can.
pub async fn what_is_granted_was_grantable<B: Backend>(stage: &Stage<B>) -> Verdict {
    let mut user = stage.login().await?;
    user.needs(Ability::Acl, "ACLs")?;
    let mailbox = user.create("kit granted").await?;
    let own = stage.user();
    for who in [own, &format!("-{own}"), "kit fred", Identifier::ANYONE, "-anyone"] {
        let who = identifier(who)?;
        let grantable = user.session.grantable(&mailbox, &who).await.must("rights list")?;
        for asked in ["", "r", "lrswipkxtea", "te"] {
            set(&mut user, &mailbox, &who, asked).await?;
            let expected = grantable.granted(Rights::of_letters(asked));
            let seen = acl(&mut user, &mailbox).await?.get(&who);
            equal(
                &format!("what {who} is granted of {asked:?}"),
                &seen,
                &Some(expected),
            )?;
        }
        delete(&mut user, &mailbox, &who).await?;
    }
    Ok(())
}

/// An ACL is its mailbox's own, follows it to another name, and is not that of a new mailbox of its old name.
pub async fn an_acl_goes_with_its_mailbox<B: Backend>(stage: &Stage<B>) -> Verdict {
    let mut user = stage.login().await?;
    user.needs(Ability::Acl, "ACLs")?;
    let (first, second) = (user.create("kit first").await?, name("kit second")?);
    let fred = identifier("kit fred")?;
    let granted = Some(Rights::of_letters("lr"));
    set(&mut user, &first, &fred, "lr").await?;
    let elsewhere = acl(&mut user, &MailboxName::inbox()).await?;
    equal("the entry elsewhere", &elsewhere.get(&fred), &None)?;
    user.session.rename(&first, &second).await.optional("RENAME")?;
    equal(
        "the entry after RENAME",
        &acl(&mut user, &second).await?.get(&fred),
        &granted,
    )?;
    user.session.delete(&second).await.optional("DELETE")?;
    for gone in [&first, &second] {
        let missing = &[ErrorKind::NonExistent];
        user.session
            .acl(gone)
            .await
            .map(drop)
            .refused("ACL of no mailbox", missing)?;
        let asked = user.session.my_rights(gone).await;
        asked.map(drop).refused("rights in no mailbox", missing)?;
        let changed = user.session.change_acl(gone, &fred, AclChange::Delete).await;
        changed.refused("a change of the ACL of no mailbox", missing)?;
    }
    user.create("kit second").await?;
    equal(
        "the entry in a new mailbox",
        &acl(&mut user, &second).await?.get(&fred),
        &None,
    )
}

/// CREATE takes over what the nearest superior has.
pub async fn a_new_mailbox_has_that_of_its_superior<B: Backend>(stage: &Stage<B>) -> Verdict {
    let mut user = stage.login().await?;
    user.needs(Ability::Acl, "ACLs")?;
    let superior = user.create("kit superior").await?;
    let (fred, own) = (identifier("kit fred")?, identifier(stage.user())?);
    set(&mut user, &superior, &fred, "lr").await?;
    set(&mut user, &superior, &own, "lrka").await?;
    let delimiter = user.session.delimiter();
    let below = user
        .create(&format!("{superior}{delimiter}a{delimiter}b"))
        .await?;
    let seen = acl(&mut user, &below).await?;
    equal(
        "the entry below",
        &seen.get(&fred),
        &Some(Rights::of_letters("lr")),
    )?;
    equal(
        "the owner's entry below",
        &seen.get(&own),
        &Some(Rights::of_letters("lrka")),
    )?;
    // From there on they are two.
    set(&mut user, &superior, &fred, "l").await?;
    let seen = acl(&mut user, &below).await?;
    equal(
        "the entry below, later",
        &seen.get(&fred),
        &Some(Rights::of_letters("lr")),
    )
}

/// Where a listing has rights, they are those that are told one by one.
pub async fn listed_rights_are_those_that_are_told<B: Backend>(stage: &Stage<B>) -> Verdict {
    let mut user = stage.login().await?;
    user.needs(Ability::Acl, "ACLs")?;
    let limited = user.create("kit limited").await?;
    user.create("kit free").await?;
    set(&mut user, &limited, &identifier(stage.user())?, "lra").await?;
    for entry in user.list().await? {
        if let Some(listed) = entry.my_rights() {
            let told = rights(&mut user, entry.name()).await?;
            equal(
                &format!("the rights listed with {}", entry.name()),
                &listed,
                &told,
            )?;
        }
    }
    Ok(())
}

/// A STORE with rights changes those flags that they are enough for.
pub async fn flags_that_may_not_be_changed_stay<B: Backend>(stage: &Stage<B>) -> Verdict {
    let mut user = stage.login().await?;
    user.needs(Ability::Acl, "ACLs")?;
    let inbox = MailboxName::inbox();
    let uid = user
        .append(&inbox, Mail::new("one").flagged(all_kinds()?))
        .await?
        .uid();
    let mut selected = user.select(&inbox, Access::ReadWrite).await?;
    let none = |rights: &str| {
        FlagChange::new(FlagAction::Replace, Flags::empty()).with_rights(Rights::of_letters(rights))
    };
    let mut left = Flags::from_iter(all_kinds()?);
    for rights in ["lri", "s", "w", "t"] {
        selected.store(&[uid], &none(rights)).await?;
        left = left.difference(&Rights::of_letters(rights).changeable(&left));
        let record = selected.fetch_one(uid, Need::FLAGS).await?;
        equal(
            &format!("flags after FLAGS () with {rights}"),
            record.flags(),
            &left,
        )?;
    }
    let all = FlagChange::new(FlagAction::Replace, Flags::from_iter(all_kinds()?));
    selected.store(&[uid], &all.with_rights(Rights::WRITE)).await?;
    let record = selected.fetch_one(uid, Need::FLAGS).await?;
    let set = Rights::WRITE.changeable(&Flags::from_iter(all_kinds()?));
    equal("flags after FLAGS of all with w", record.flags(), &set)
}

/// COPY and MOVE with rights: the originals stay as they are, the copies have what the rights are enough to set.
pub async fn copies_lose_the_flags_that_may_not_be_set<B: Backend>(stage: &Stage<B>) -> Verdict {
    let mut user = stage.login().await?;
    user.needs(Ability::Acl, "ACLs")?;
    let inbox = MailboxName::inbox();
    let target = user.second_mailbox().await?;
    let all = Flags::from_iter(all_kinds()?);
    let uid = user
        .append(&inbox, Mail::new("one").flagged(all_kinds()?))
        .await?
        .uid();
    let mut selected = user.select(&inbox, Access::ReadWrite).await?;
    let uids = [uid].into_iter().collect();
    for letters in ["is", "itw", "i", "istw"] {
        let rights = Rights::of_letters(letters);
        let copied = selected.mailbox.copy_with_rights(&uids, &target, rights).await;
        copied.must("copy with rights")?;
        let (seen, _) = user.look(&target).await?;
        let last = seen.last().map(|message| message.flags.clone());
        equal(
            &format!("the copy's flags with {letters}"),
            &last,
            &Some(rights.changeable(&all)),
        )?;
    }
    let original = selected.fetch_one(uid, Need::FLAGS).await?;
    equal("the original's flags", original.flags(), &all)?;
    let moved = selected
        .mailbox
        .move_with_rights(&uids, &target, Rights::of_letters("it"))
        .await;
    moved.must("move with rights")?;
    let (seen, _) = user.look(&target).await?;
    let last = seen.last().map(|message| message.flags.clone());
    equal(
        "the flags of what was moved",
        &last,
        &Some(Flags::from_iter([Flag::Deleted])),
    )?;
    equal("what is left", &user.look(&inbox).await?.0.len(), &0)
}

fn all_kinds() -> Result<Vec<Flag>, Stop> {
    let keyword = Keyword::new("$Kit").map_err(|error| Stop::failed("a keyword", error.to_string()))?;
    Ok(vec![
        Flag::Seen,
        Flag::Deleted,
        Flag::Flagged,
        Flag::Draft,
        Flag::Keyword(keyword),
    ])
}

fn identifier(text: &str) -> Result<Identifier, Stop> {
    Identifier::new(text).ok_or_else(|| Stop::failed("a possible identifier", text))
}

async fn acl<S: Session>(user: &mut User<S>, mailbox: &MailboxName) -> Result<Acl, Stop> {
    user.session.acl(mailbox).await.must("ACL")
}

async fn rights<S: Session>(user: &mut User<S>, mailbox: &MailboxName) -> Result<Rights, Stop> {
    user.session.my_rights(mailbox).await.must("own rights")
}

/// SETACL.
async fn set<S: Session>(
    user: &mut User<S>,
    mailbox: &MailboxName,
    identifier: &Identifier,
    rights: &str,
) -> Verdict {
    let change = AclChange::parse(rights).map_err(|error| Stop::failed("rights", error.to_string()))?;
    let changed = user.session.change_acl(mailbox, identifier, change).await;
    changed.must(&format!("a change of the ACL ({identifier} {rights})"))
}

/// DELETEACL.
async fn delete<S: Session>(user: &mut User<S>, mailbox: &MailboxName, identifier: &Identifier) -> Verdict {
    let changed = user
        .session
        .change_acl(mailbox, identifier, AclChange::Delete)
        .await;
    changed.must(&format!("a removal from the ACL ({identifier})"))
}
