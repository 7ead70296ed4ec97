//! Mailbox names.

use crate::mail::Mail;
use crate::stage::{Stage, name};
use crate::verdict::{Answer, Verdict, ensure, equal};
use imap_backend::{Backend, Create, ErrorKind, ListedAs, MailboxName, Select, Session};
use imap_updates::Access;
use std::collections::BTreeSet;

/// INBOX is listed, can be selected, and no name is listed twice.
pub async fn inbox_is_always_there<B: Backend>(stage: &Stage<B>) -> Verdict {
    let mut user = stage.login().await?;
    let entries = user.list().await?;
    let inbox = entries.iter().filter(|entry| entry.name().is_inbox());
    let inbox: Vec<_> = inbox.map(|entry| entry.listed_as()).collect();
    equal("INBOX in the list", &inbox, &vec![ListedAs::Mailbox])?;
    let names: BTreeSet<_> = entries.iter().map(|entry| entry.name()).collect();
    equal("different names", &names.len(), &entries.len())?;
    user.select(&MailboxName::inbox(), Access::ReadWrite)
        .await
        .map(drop)
}

/// A mailbox that was created is listed once, for every session, and empty; a deleted one is neither listed nor
/// selected.
pub async fn created_mailboxes_are_listed_until_deleted<B: Backend>(stage: &Stage<B>) -> Verdict {
    let (mut user, mut other) = (stage.login().await?, stage.login().await?);
    let mailbox = user.create("kit").await?;
    for session in [&mut user, &mut other] {
        let entries = session.list().await?;
        let listed: Vec<_> = entries.iter().filter(|entry| *entry.name() == mailbox).collect();
        ensure!(
            listed.len() == 1 && listed[0].listed_as() == ListedAs::Mailbox,
            "the new mailbox to be listed once, selectable",
            format!("{listed:?}"),
        );
    }
    equal(
        "messages in a new mailbox",
        &other.look(&mailbox).await?.0.len(),
        &0,
    )?;
    user.session.delete(&mailbox).await.optional("DELETE")?;
    ensure!(
        !other.has(&mailbox).await?,
        "a deleted mailbox not to be listed",
        "it is"
    );
    let selected = other
        .session
        .select(&mailbox, &Select::new(Access::ReadOnly))
        .await;
    selected.refused("select of a deleted mailbox", &[ErrorKind::NonExistent])
}

/// A name comes back as it was given: spaces, quotes, wildcards, modified UTF-7's `&`, other scripts.
pub async fn names_keep_every_character<B: Backend>(stage: &Stage<B>) -> Verdict {
    let mut user = stage.login().await?;
    for text in [
        "kit a \"b\" \\c",
        "kit R&D &AOk- 100%*",
        "kit Entw\u{fc}rfe \u{65e5}\u{672c}\u{8a9e} \u{1f4e8}",
    ] {
        let mailbox = name(text)?;
        match user.session.create(&mailbox, &Create::default()).await {
            // A store may have names that it cannot hold, but then it has to say so.
            Err(error) if error.kind() == ErrorKind::Cannot => continue,
            answer => answer.optional("CREATE").map(drop)?,
        }
        ensure!(
            user.has(&mailbox).await?,
            format!("{text:?} to be listed"),
            "it is not"
        );
        let uid = user.append(&mailbox, Mail::new(text)).await?.uid();
        let (messages, _) = user.look(&mailbox).await?;
        equal(text, &messages.iter().map(|m| m.uid).collect(), &vec![uid])?;
    }
    Ok(())
}

/// CREATE of what exists, DELETE and RENAME of what does not, and RENAME to what does.
pub async fn impossible_changes_of_names_are_refused<B: Backend>(stage: &Stage<B>) -> Verdict {
    let mut user = stage.login().await?;
    let (here, there, missing) = (
        user.create("kit here").await?,
        user.create("kit there").await?,
        name("kit missing")?,
    );
    let uid = user.append(&there, Mail::new("stays")).await?.uid();
    let session = &mut user.session;
    let exists = [ErrorKind::AlreadyExists];
    session
        .create(&here, &Create::default())
        .await
        .refused("create of a mailbox that exists", &exists)?;
    session
        .create(&MailboxName::inbox(), &Create::default())
        .await
        .refused("create of INBOX", &exists)?;
    let gone = [ErrorKind::NonExistent];
    session
        .delete(&missing)
        .await
        .refused("delete of a missing mailbox", &gone)?;
    session
        .rename(&missing, &name("kit new")?)
        .await
        .refused("rename of a missing mailbox", &gone)?;
    session
        .rename(&here, &there)
        .await
        .refused("rename to a mailbox that exists", &exists)?;
    let (messages, _) = user.look(&there).await?;
    equal(
        "messages of the mailbox that was in the way",
        &messages.iter().map(|m| m.uid).collect(),
        &vec![uid],
    )
}

/// RENAME of a mailbox renames what is below it, with its messages.
pub async fn rename_takes_inferiors_along<B: Backend>(stage: &Stage<B>) -> Verdict {
    let mut user = stage.login().await?;
    let delimiter = user.session.delimiter();
    let from = user.create("kit old").await?;
    let below = user.create(&format!("kit old{delimiter}below")).await?;
    let beside = user.create("kit older").await?;
    let uid = user.append(&below, Mail::new("below")).await?.uid();
    user.session
        .rename(&from, &name("kit new")?)
        .await
        .optional("RENAME")?;
    let (messages, _) = user.look(&name(&format!("kit new{delimiter}below"))?).await?;
    equal(
        "UIDs below the new name",
        &messages.iter().map(|m| m.uid).collect(),
        &vec![uid],
    )?;
    ensure!(
        !user.has(&below).await?,
        format!("{below} to be gone"),
        "it is listed"
    );
    ensure!(
        user.has(&beside).await?,
        format!("{beside}, which is not below, to stay"),
        "it is gone"
    );
    Ok(())
}

/// DELETE of a mailbox does not delete what is below it. A store may refuse it instead.
pub async fn delete_keeps_inferiors<B: Backend>(stage: &Stage<B>) -> Verdict {
    let mut user = stage.login().await?;
    let delimiter = user.session.delimiter();
    let above = user.create("kit").await?;
    let below = user.create(&format!("kit{delimiter}below")).await?;
    let uid = user.append(&below, Mail::new("below")).await?.uid();
    match user.session.delete(&above).await {
        Err(error) if error.kind() == ErrorKind::Cannot => {}
        answer => answer.optional("DELETE")?,
    }
    let (messages, _) = user.look(&below).await?;
    equal(
        "UIDs below the deleted mailbox",
        &messages.iter().map(|m| m.uid).collect(),
        &vec![uid],
    )
}

/// RENAME of INBOX moves its messages away and leaves an empty INBOX.
pub async fn rename_of_inbox_moves_its_messages<B: Backend>(stage: &Stage<B>) -> Verdict {
    let mut user = stage.login().await?;
    let (inbox, to) = (MailboxName::inbox(), name("kit saved")?);
    user.append(&inbox, Mail::new("one")).await?;
    user.append(&inbox, Mail::new("two")).await?;
    let mut selected = user.select(&inbox, Access::ReadWrite).await?;
    user.session.rename(&inbox, &to).await.optional("RENAME")?;
    equal("messages under the new name", &user.look(&to).await?.0.len(), &2)?;
    equal("messages in INBOX", &user.look(&inbox).await?.0.len(), &0)?;
    let news = selected.noop().await?;
    ensure!(
        news.expunged.len() == 2 || news.closed.is_some(),
        "a session in INBOX to be told that its messages went",
        news.to_string(),
    );
    user.append(&inbox, Mail::new("three")).await.map(drop)
}
