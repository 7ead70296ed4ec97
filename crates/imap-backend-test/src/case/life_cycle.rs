//! Mailboxes that are deleted, renamed and closed while sessions have them selected.

use crate::mail::Mail;
use crate::stage::{Stage, name};
use crate::verdict::{Answer, Verdict, ensure, equal};
use imap_backend::{Backend, Create, Mailbox, MailboxName, Need, Session};
use imap_updates::{Access, Closed, Flag};

/// Every session that has a deleted mailbox selected is told that it ended, those in IDLE too.
pub async fn delete_ends_other_selections<B: Backend>(stage: &Stage<B>) -> Verdict {
    let (mut user, mut other) = (stage.login().await?, stage.login().await?);
    let mailbox = user.create("kit").await?;
    user.append(&mailbox, Mail::new("one")).await?;
    let mut own = user.select(&mailbox, Access::ReadWrite).await?;
    let mut others = other.select(&mailbox, Access::ReadOnly).await?;
    user.session.delete(&mailbox).await.optional("DELETE")?;
    for selected in [&mut own, &mut others] {
        let news = selected.noop().await?;
        equal("why the selection ended", &news.closed, &Some(Closed::Deleted))?;
    }
    Ok(())
}

/// A mailbox that is created under the same name has nothing to do with selections of the old one.
pub async fn a_new_mailbox_does_not_reach_old_selections<B: Backend>(stage: &Stage<B>) -> Verdict {
    let (mut user, mut other) = (stage.login().await?, stage.login().await?);
    let mailbox = user.create("kit").await?;
    user.append(&mailbox, Mail::new("old")).await?;
    let mut old = other.select(&mailbox, Access::ReadWrite).await?;
    user.session.delete(&mailbox).await.optional("DELETE")?;
    user.session
        .create(&mailbox, &Create::default())
        .await
        .must("create after delete")?;
    let mut new = user.select(&mailbox, Access::ReadWrite).await?;
    let uid = user.append(&mailbox, Mail::new("new")).await?.uid();
    let news = old.noop().await?;
    ensure!(
        news.closed.is_some() && news.arrived.is_empty(),
        "the old selection to end without a message of the new mailbox",
        news.to_string(),
    );
    drop(old);
    equal(
        "arrived in the new mailbox",
        &new.noop().await?.arrived,
        &vec![uid],
    )
}

/// A session goes on in a mailbox that was renamed: it reads, and is told of what arrives under the new name.
pub async fn rename_leaves_selections_working<B: Backend>(stage: &Stage<B>) -> Verdict {
    let (mut user, mut other) = (stage.login().await?, stage.login().await?);
    let (from, to) = (user.create("kit from").await?, name("kit to")?);
    let uid = user.append(&from, Mail::new("one")).await?.uid();
    let mut selected = other.select(&from, Access::ReadWrite).await?;
    user.session.rename(&from, &to).await.optional("RENAME")?;
    let news = selected.noop().await?;
    ensure!(news.is_silent(), "the selection to go on", news.to_string());
    selected.fetch_one(uid, Need::BODY).await?;
    let next = user.append(&to, Mail::new("two")).await?.uid();
    equal(
        "arrived under the new name",
        &selected.noop().await?.arrived,
        &vec![next],
    )?;
    equal(
        "expunged by this session",
        &selected.remove(&[uid]).await?.expunged,
        &vec![uid],
    )?;
    equal(
        "messages left",
        &user.look(&to).await?.0.iter().map(|m| m.uid).collect(),
        &vec![next],
    )
}

/// Leaving a mailbox removes nothing by itself: the server expunges before it closes, if that is what CLOSE means.
pub async fn closing_expunges_nothing<B: Backend>(stage: &Stage<B>) -> Verdict {
    let mut user = stage.login().await?;
    let inbox = MailboxName::inbox();
    let uid = user
        .append(&inbox, Mail::new("one").flagged([Flag::Deleted]))
        .await?
        .uid();
    for access in [Access::ReadOnly, Access::ReadWrite] {
        let selected = user.select(&inbox, access).await?;
        selected.mailbox.close().await.must("close")?;
        let (messages, _) = user.look(&inbox).await?;
        equal(
            "messages left",
            &messages.iter().map(|m| m.uid).collect(),
            &vec![uid],
        )?;
    }
    Ok(())
}
