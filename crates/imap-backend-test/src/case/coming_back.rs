//! A client that was away asks for what changed and vanished since, and has the mailbox then (RFC 7162, section 6).

use crate::mail::Mail;
use crate::selected::Selected;
use crate::stage::{Stage, User};
use crate::verdict::{Answer, Stop, Verdict, ensure, equal};
use imap_backend::{Ability, Backend, FlagAction, FlagChange, Mailbox, MailboxName, Need, Session};
use imap_seq::{ModSeq, Uid, UidSet};
use imap_updates::{Access, Flag, Flags};
use std::collections::BTreeMap;

/// What a client knows of INBOX while it is away.
#[derive(Debug)]
pub(crate) struct Memory {
    highest: ModSeq,
    flags: BTreeMap<Uid, Flags>,
}

/// A client that comes back misses no change, whatever it was, and is not told that a message vanished which is there.
pub async fn a_client_that_comes_back_misses_nothing<B: Backend>(stage: &Stage<B>) -> Verdict {
    let mut user = stage.login().await?;
    user.needs(Ability::ModSequences, "mod-sequences that are kept")?;
    let inbox = MailboxName::inbox();
    let mut uids = Vec::new();
    for subject in ["one", "two", "three", "four", "five"] {
        uids.push(user.append(&inbox, Mail::new(subject)).await?.uid());
    }
    let mut memories = vec![remember(&mut user).await?];
    let mut other = stage.login().await?;
    let mut others = other.select(&inbox, Access::ReadWrite).await?;
    for step in [
        "STORE",
        "EXPUNGE",
        "APPEND",
        "STORE back",
        "COPY",
        "EXPUNGE the last",
    ] {
        let seen = Flags::from_iter([Flag::Seen]);
        match step {
            "STORE" => drop(
                others
                    .store(&uids[..2], &FlagChange::new(FlagAction::Add, seen))
                    .await?,
            ),
            "STORE back" => drop(
                others
                    .store(&uids[..1], &FlagChange::new(FlagAction::Remove, seen))
                    .await?,
            ),
            "EXPUNGE" => drop(others.remove(&uids[2..3]).await?),
            "APPEND" => drop(other.append(&inbox, Mail::new("six")).await?),
            "COPY" => {
                let copied = others.mailbox.copy(&UidSet::from_iter([uids[1]]), &inbox).await;
                copied.optional("COPY")?;
            }
            _ => {
                others.noop().await?;
                let last = others.model.uids().last().copied();
                drop(others.remove(&Vec::from_iter(last)).await?);
            }
        }
        for memory in &memories {
            come_back(&mut user, memory, step).await?;
        }
        memories.push(remember(&mut user).await?);
    }
    Ok(())
}

/// What a client of now knows.
pub(crate) async fn remember<S: Session>(user: &mut User<S>) -> Result<Memory, Stop> {
    let mut selected = user.select(&MailboxName::inbox(), Access::ReadOnly).await?;
    Ok(Memory {
        highest: highest(&selected)?,
        flags: all(&mut selected).await?,
    })
}

fn highest<M: Mailbox>(selected: &Selected<M>) -> Result<ModSeq, Stop> {
    let highest = selected.figures.highest_modseq;
    highest.ok_or_else(|| Stop::failed("HIGHESTMODSEQ, which the abilities promise", "none"))
}

async fn all<M: Mailbox>(selected: &mut Selected<M>) -> Result<BTreeMap<Uid, Flags>, Stop> {
    let uids = selected.model.uids();
    let records = selected.fetch(&uids, Need::FLAGS).await?;
    let flags = records.iter().flatten();
    Ok(flags
        .map(|record| (record.uid(), record.flags().clone()))
        .collect())
}

/// The client asks for what changed and vanished since, and has the mailbox then.
pub(crate) async fn come_back<S: Session>(user: &mut User<S>, memory: &Memory, step: &str) -> Verdict {
    let mut selected = user.select(&MailboxName::inbox(), Access::ReadOnly).await?;
    let (since, now) = (memory.highest, all(&mut selected).await?);
    let highest = highest(&selected)?;
    ensure!(
        highest >= since,
        format!("HIGHESTMODSEQ after {step} not below {since}, which was told"),
        highest.to_string()
    );
    let view = selected.updates.view().clone();
    let changed = selected
        .mailbox
        .changed_since(since, &view)
        .await
        .must("changed_since")?;
    let vanished = selected
        .mailbox
        .vanished_since(since)
        .await
        .must("vanished_since")?;
    let mut known = memory.flags.clone();
    match vanished {
        Some(vanished) => {
            let there: UidSet = now
                .keys()
                .copied()
                .filter(|uid| vanished.contains(*uid))
                .collect();
            let what = format!("UIDs named as expunged since {since} that are there after {step}");
            equal(&what, &there, &UidSet::new())?;
            known.retain(|uid, _| !vanished.contains(*uid));
        }
        None => known.retain(|uid, _| now.contains_key(uid)),
    }
    for (uid, flags) in now.iter().filter(|(uid, _)| changed.contains(**uid)) {
        known.insert(*uid, flags.clone());
    }
    equal(
        &format!("what a client of {since} has after {step}"),
        &known,
        &now,
    )
}
