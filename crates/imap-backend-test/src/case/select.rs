//! SELECT, EXAMINE and STATUS: one moment's truth.

use crate::mail::Mail;
use crate::selected::Selected;
use crate::stage::{Stage, name};
use crate::verdict::{Answer, Verdict, ensure, equal};
use imap_backend::{Backend, ErrorKind, MailboxName, Resync, Select, Session, Status, StatusQuery};
use imap_seq::{ModSeq, UidSet, UidValidity};
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

/// UIDNEXT of SELECT and STATUS is above every message, not above what the next one gets, and never goes back, also when
/// the last message is expunged.
pub async fn uid_next_is_between_the_last_and_the_next<B: Backend>(stage: &Stage<B>) -> Verdict {
    let (mut user, mut other) = (stage.login().await?, stage.login().await?);
    let inbox = MailboxName::inbox();
    let mut open = other.select(&inbox, Access::ReadWrite).await?;
    let mut before = None;
    for subject in ["one", "two", "three", "four"] {
        let status = user.status(&inbox).await?.uid_next();
        let selected = user.select(&inbox, Access::ReadOnly).await?;
        for next in [status, selected.figures.uid_next] {
            ensure!(
                next > selected.model.uids().last().copied(),
                format!("UIDNEXT above the messages {:?}", selected.model.uids()),
                format!("{next:?}")
            );
            ensure!(
                next >= before,
                format!("UIDNEXT not below {before:?}"),
                format!("{next:?}")
            );
        }
        drop(selected);
        let uid = user.append(&inbox, Mail::new(subject)).await?.uid();
        ensure!(
            status.is_some_and(|next| next <= uid),
            format!("UIDNEXT not above the next message, UID {uid}"),
            format!("{status:?}")
        );
        before = uid.next();
        if subject != "two" {
            open.noop().await?;
            open.remove(&[uid]).await?;
        }
    }
    Ok(())
}

/// Each figure of STATUS is the same when it is asked for alone.
pub async fn each_figure_of_status_comes_alone<B: Backend>(stage: &Stage<B>) -> Verdict {
    let mut user = stage.login().await?;
    let inbox = MailboxName::inbox();
    user.append(&inbox, Mail::new("one").flagged([Flag::Seen]))
        .await?;
    user.append(&inbox, Mail::new("two")).await?;
    let all = user.status(&inbox).await?;
    let figure = |query, status: &Status| match query {
        StatusQuery::MESSAGES => format!("MESSAGES {}", status.messages()),
        StatusQuery::UID_NEXT => format!("UIDNEXT {:?}", status.uid_next()),
        StatusQuery::UNSEEN => format!("UNSEEN {}", status.unseen()),
        StatusQuery::RECENT => format!("RECENT {}", status.recent()),
        _ => format!("UIDVALIDITY {}", status.uid_validity()),
    };
    for query in [
        StatusQuery::none(),
        StatusQuery::MESSAGES,
        StatusQuery::UID_NEXT,
        StatusQuery::UNSEEN,
        StatusQuery::RECENT,
    ] {
        let alone = user
            .session
            .status(&inbox, query)
            .await
            .must("status of one figure")?;
        equal("a figure alone", &figure(query, &alone), &figure(query, &all))?;
    }
    Ok(())
}

/// STATUS shows nothing that a session of the mailbox is not told at its next NOOP.
pub async fn status_does_not_run_ahead<B: Backend>(stage: &Stage<B>) -> Verdict {
    let (mut user, mut other) = (stage.login().await?, stage.login().await?);
    let inbox = MailboxName::inbox();
    let mut selected = other.select(&inbox, Access::ReadWrite).await?;
    for subject in ["one", "two"] {
        user.append(&inbox, Mail::new(subject)).await?;
        let status = user.status(&inbox).await?;
        selected.noop().await?;
        equal(
            "MESSAGES of STATUS, as a session has been told",
            &status.messages(),
            &selected.model.exists(),
        )?;
    }
    Ok(())
}

/// A client that says what it knows (QRESYNC) opens the same mailbox, also where it knows of another UIDVALIDITY.
pub async fn a_resync_opens_the_same_mailbox<B: Backend>(stage: &Stage<B>) -> Verdict {
    let mut user = stage.login().await?;
    let inbox = MailboxName::inbox();
    for subject in ["one", "two"] {
        user.append(&inbox, Mail::new(subject)).await?;
    }
    drop(user.select(&inbox, Access::ReadWrite).await?);
    let plain = user.select(&inbox, Access::ReadOnly).await?;
    let validity = plain.figures.uid_validity;
    let known: UidSet = plain.model.uids().into_iter().collect();
    for validity in [validity, UidValidity::MAX] {
        let modseq = plain.figures.highest_modseq.unwrap_or(ModSeq::MIN);
        let resync = Resync::new(validity, modseq).with_known_uids(known.clone());
        let how = Select::new(Access::ReadOnly).with_resync(resync);
        let opened = user
            .session
            .select(&inbox, &how)
            .await
            .must("select with a resync")?;
        let opened = Selected::open(opened).await?;
        equal("what SELECT reports", &opened.figures, &plain.figures)?;
        equal("messages", &opened.model.uids(), &plain.model.uids())?;
    }
    Ok(())
}
