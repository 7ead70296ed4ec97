//! SELECT, EXAMINE and STATUS: one moment's truth.

use crate::mail::Mail;
use crate::stage::{Stage, name};
use crate::verdict::{Answer, Verdict, ensure, equal};
use imap_backend::{Backend, ErrorKind, MailboxName, Select, Session, StatusQuery};
use imap_updates::{Access, Flag, Keyword};

/// SELECT and STATUS of a missing mailbox are `[NONEXISTENT]` and create nothing.
pub async fn a_missing_mailbox_is_not_created<B: Backend>(stage: &Stage<B>) -> Verdict {
    let mut user = stage.login().await?;
    let missing = name("kit missing")?;
    let kinds = [ErrorKind::NonExistent];
    for access in [Access::ReadOnly, Access::ReadWrite] {
        user.session
            .select(&missing, &Select::new(access))
            .await
            .refused("select of a missing mailbox", &kinds)?;
    }
    user.session
        .status(&missing, StatusQuery::ALL)
        .await
        .refused("status of a missing mailbox", &kinds)?;
    ensure!(
        !user.has(&missing).await?,
        "no mailbox to come into being",
        "it is listed"
    );
    Ok(())
}

/// EXISTS, UIDNEXT, the first unseen message and the keywords are those of the messages that can be fetched.
pub async fn figures_agree_with_the_messages<B: Backend>(stage: &Stage<B>) -> Verdict {
    let mut user = stage.login().await?;
    let inbox = MailboxName::inbox();
    let empty = user.select(&inbox, Access::ReadWrite).await?;
    equal("messages in an empty INBOX", &empty.model.exists(), &0)?;
    equal(
        "first unseen in an empty INBOX",
        &empty.figures.first_unseen,
        &None,
    )?;
    drop(empty);
    let keyword = Keyword::new("$Kit")
        .map(Flag::Keyword)
        .map_or(Flag::Seen, |flag| flag);
    user.append(&inbox, Mail::new("one").flagged([Flag::Seen]))
        .await?;
    let unseen = user
        .append(&inbox, Mail::new("two").flagged([keyword]))
        .await?
        .uid();
    let last = user.append(&inbox, Mail::new("three")).await?.uid();
    let selected = user.select(&inbox, Access::ReadWrite).await?;
    equal("messages", &selected.model.exists(), &3)?;
    equal("access", &selected.figures.access, &Access::ReadWrite)?;
    let next = selected.figures.uid_next;
    ensure!(
        next.is_none_or(|next| next > last),
        format!("UIDNEXT above {last}"),
        format!("{next:?}")
    );
    // A store need not know the first unseen message, but what it says has to be true.
    let first = selected.figures.first_unseen;
    ensure!(
        first.is_none_or(|uid| uid == unseen),
        format!("UID {unseen} as first unseen"),
        format!("{first:?}")
    );
    for message in user.look(&inbox).await?.0 {
        for used in message.flags.keywords() {
            let defined = &selected.figures.keywords;
            ensure!(
                defined.contains(used),
                format!("{used} among the keywords"),
                format!("{defined:?}")
            );
        }
    }
    Ok(())
}

/// STATUS counts what SELECT shows, before and after messages go and are read.
pub async fn status_agrees_with_select<B: Backend>(stage: &Stage<B>) -> Verdict {
    let mut user = stage.login().await?;
    let inbox = MailboxName::inbox();
    let mut counts = Vec::new();
    let mut uids = Vec::new();
    for (subject, flags) in [
        ("one", &[Flag::Seen][..]),
        ("two", &[]),
        ("three", &[]),
        ("four", &[Flag::Draft]),
    ] {
        let mail = Mail::new(subject).flagged(flags.iter().cloned());
        uids.push(user.append(&inbox, mail).await?.uid());
    }
    for removed in [None, Some(uids[3]), Some(uids[0])] {
        if let Some(uid) = removed {
            user.select(&inbox, Access::ReadWrite)
                .await?
                .remove(&[uid])
                .await?;
        }
        let status = user.status(&inbox).await?;
        let selected = user.select(&inbox, Access::ReadOnly).await?;
        equal(
            "UIDNEXT of STATUS",
            &status.uid_next(),
            &selected.figures.uid_next,
        )?;
        equal(
            "UIDVALIDITY of STATUS",
            &status.uid_validity(),
            &selected.figures.uid_validity,
        )?;
        let messages = user.look(&inbox).await?.0;
        let unseen = messages.iter().filter(|m| !m.flags.contains(&Flag::Seen)).count();
        equal("MESSAGES of STATUS", &status.messages(), &selected.model.exists())?;
        equal("UNSEEN of STATUS", &(status.unseen() as usize), &unseen)?;
        counts.push((status.messages(), status.unseen()));
    }
    equal(
        "MESSAGES and UNSEEN as messages go",
        &counts,
        &vec![(4, 3), (3, 2), (2, 2)],
    )
}

/// EXAMINE grants no more than reading.
pub async fn examine_is_read_only<B: Backend>(stage: &Stage<B>) -> Verdict {
    let mut user = stage.login().await?;
    let inbox = MailboxName::inbox();
    user.append(&inbox, Mail::new("one")).await?;
    let examined = user.select(&inbox, Access::ReadOnly).await?;
    equal("access granted", &examined.figures.access, &Access::ReadOnly)?;
    equal(
        "access of the subscription",
        &examined.updates.access(),
        &Access::ReadOnly,
    )
}
