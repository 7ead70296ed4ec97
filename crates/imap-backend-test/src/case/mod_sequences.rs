//! Mod-sequences, for backends that say they keep them (RFC 7162).

use crate::mail::Mail;
use crate::selected::Selected;
use crate::stage::{Stage, User};
use crate::verdict::{Answer, Stop, Verdict, ensure, equal};
use imap_backend::{Ability, Backend, FlagAction, FlagChange, Mailbox, MailboxName, Need, Record, Session};
use imap_seq::{ModSeq, Uid, UidSet};
use imap_updates::{Access, Flag, Flags};

/// An INBOX of four messages, and the session that put them there.
struct Four<S: Session> {
    user: User<S>,
    selected: Selected<S::Mailbox>,
    uids: Vec<Uid>,
}

/// Skips the case where mod-sequences are not kept.
async fn four<B: Backend>(stage: &Stage<B>) -> Result<Four<B::Session>, Stop> {
    let mut user = stage.login().await?;
    user.needs(Ability::ModSequences, "mod-sequences that are kept")?;
    let inbox = MailboxName::inbox();
    let mut uids = Vec::new();
    for subject in ["one", "two", "three", "four"] {
        uids.push(user.append(&inbox, Mail::new(subject)).await?.uid());
    }
    let selected = user.select(&inbox, Access::ReadWrite).await?;
    Ok(Four { user, selected, uids })
}

fn add(flag: Flag) -> FlagChange {
    FlagChange::new(FlagAction::Add, Flags::from_iter([flag]))
}

fn there(what: &str, modseq: Option<ModSeq>) -> Result<ModSeq, Stop> {
    modseq.ok_or_else(|| Stop::failed(format!("{what}, which the abilities promise"), "none"))
}

/// The mod-sequences of these messages.
async fn modseqs<M: Mailbox>(selected: &mut Selected<M>, uids: &[Uid]) -> Result<Vec<ModSeq>, Stop> {
    let records = selected.fetch(uids, Need::MODSEQ).await?;
    let modseqs = records.iter().flatten().map(Record::modseq);
    modseqs.map(|modseq| there("a mod-sequence", modseq)).collect()
}

/// HIGHESTMODSEQ of STATUS, after it was compared with that of EXAMINE and with every message.
async fn highest<S: Session>(user: &mut User<S>) -> Result<ModSeq, Stop> {
    let inbox = MailboxName::inbox();
    let status = there(
        "HIGHESTMODSEQ of STATUS",
        user.status(&inbox).await?.highest_modseq(),
    )?;
    let mut selected = user.select(&inbox, Access::ReadOnly).await?;
    let highest = there("HIGHESTMODSEQ of EXAMINE", selected.figures.highest_modseq)?;
    equal("HIGHESTMODSEQ of STATUS, as EXAMINE has it", &status, &highest)?;
    let uids = selected.model.uids();
    for (uid, modseq) in uids.iter().zip(modseqs(&mut selected, &uids).await?) {
        ensure!(
            modseq <= highest,
            format!("no message above HIGHESTMODSEQ {highest}"),
            format!("UID {uid} with {modseq}")
        );
    }
    Ok(highest)
}

/// A message that arrives, is copied or has its flags changed gets a mod-sequence above all that were there; the others
/// keep theirs.
pub async fn every_change_gets_a_higher_one<B: Backend>(stage: &Stage<B>) -> Verdict {
    let Four {
        mut user,
        mut selected,
        mut uids,
    } = four(stage).await?;
    let inbox = MailboxName::inbox();
    for step in ["STORE", "APPEND", "COPY", "STORE again"] {
        let before = modseqs(&mut selected, &uids).await?;
        let changed = match step {
            "APPEND" => user.append(&inbox, Mail::new("five")).await?.uid(),
            "COPY" => {
                let one = UidSet::from_iter([uids[0]]);
                let copied = selected.mailbox.copy(&one, &inbox).await.optional("COPY")?;
                copied
                    .to()
                    .first()
                    .ok_or_else(|| Stop::failed("a copy", "none"))?
            }
            "STORE" => {
                selected.store(&[uids[1]], &add(Flag::Seen)).await?;
                uids[1]
            }
            _ => {
                selected.store(&[uids[1]], &add(Flag::Flagged)).await?;
                uids[1]
            }
        };
        selected.noop().await?;
        let after = modseqs(&mut selected, &[changed]).await?;
        ensure!(
            after.iter().max() > before.iter().max(),
            format!(
                "a mod-sequence above {:?} for UID {changed} after {step}",
                before.iter().max()
            ),
            format!("{after:?}"),
        );
        for (uid, before) in uids.iter().zip(before).filter(|(uid, _)| **uid != changed) {
            let now = modseqs(&mut selected, &[*uid]).await?;
            equal(
                &format!("mod-sequence of UID {uid}, not changed by {step}"),
                &now,
                &vec![before],
            )?;
        }
        if !uids.contains(&changed) {
            uids.push(changed);
        }
    }
    Ok(())
}

/// HIGHESTMODSEQ is at least every message's, rises with every change, an EXPUNGE included, and never goes back.
pub async fn the_highest_rises_with_every_change<B: Backend>(stage: &Stage<B>) -> Verdict {
    let Four {
        mut user,
        mut selected,
        uids,
    } = four(stage).await?;
    let mut before = highest(&mut user).await?;
    for step in ["STORE", "APPEND", "EXPUNGE"] {
        match step {
            "STORE" => drop(selected.store(&uids[3..], &add(Flag::Deleted)).await?),
            "APPEND" => drop(user.append(&MailboxName::inbox(), Mail::new("five")).await?),
            _ => drop(selected.expunge(&uids[3..]).await?),
        }
        let after = highest(&mut user).await?;
        ensure!(
            after > before,
            format!("HIGHESTMODSEQ above {before} after {step}"),
            after.to_string()
        );
        before = after;
    }
    drop(selected);
    let again = highest(&mut stage.login().await?).await?;
    ensure!(
        again >= before,
        format!("HIGHESTMODSEQ not below {before} when the mailbox is opened again"),
        again.to_string()
    );
    Ok(())
}

/// STORE with UNCHANGEDSINCE changes the messages that are as the client knows them, and leaves alone and names those
/// that are not.
pub async fn unchanged_since_leaves_changed_messages_alone<B: Backend>(stage: &Stage<B>) -> Verdict {
    let Four {
        mut user,
        mut selected,
        uids,
    } = four(stage).await?;
    let known = highest(&mut user).await?;
    let mut other = stage.login().await?;
    let mut others = other.select(&MailboxName::inbox(), Access::ReadWrite).await?;
    others.store(&uids[1..2], &add(Flag::Flagged)).await?;
    let change = add(Flag::Seen).with_unchanged_since(known);
    let (stored, _) = selected.store_if(&uids[..3], &change).await?;
    equal(
        "the messages that failed UNCHANGEDSINCE",
        stored.modified(),
        &UidSet::from_iter([uids[1]]),
    )?;
    let mut seen = Vec::new();
    for record in selected.fetch(&uids, Need::FLAGS).await?.iter().flatten() {
        if record.flags().contains(&Flag::Seen) {
            seen.push(record.uid());
        }
    }
    equal("the messages that were changed", &seen, &vec![uids[0], uids[2]])?;
    // Once the client knows of the change, it may go on.
    let known = highest(&mut user).await?;
    let change = add(Flag::Seen).with_unchanged_since(known);
    let (stored, _) = selected.store_if(&uids[1..2], &change).await?;
    equal(
        "the messages that failed UNCHANGEDSINCE",
        stored.modified(),
        &UidSet::new(),
    )
}

/// CHANGEDSINCE finds the messages of the view that have changed, and no others.
pub async fn changed_since_finds_what_changed<B: Backend>(stage: &Stage<B>) -> Verdict {
    let Four {
        mut user,
        mut selected,
        uids,
    } = four(stage).await?;
    let first = highest(&mut user).await?;
    changed(&mut selected, first, &[]).await?;
    selected.store(&uids[1..3], &add(Flag::Seen)).await?;
    let second = highest(&mut user).await?;
    changed(&mut selected, first, &uids[1..3]).await?;
    let new = user.append(&MailboxName::inbox(), Mail::new("five")).await?.uid();
    changed(&mut selected, first, &uids[1..3]).await?; // the client was not told of it
    selected.noop().await?;
    changed(&mut selected, second, &[new]).await?;
    selected.remove(&uids[1..2]).await?;
    changed(&mut selected, first, &[uids[2], new]).await?;
    changed(&mut selected, highest(&mut user).await?, &[]).await
}

async fn changed<M: Mailbox>(selected: &mut Selected<M>, since: ModSeq, expected: &[Uid]) -> Verdict {
    let _command = selected.updates.begin(imap_updates::kind::Fetch);
    let view = selected.updates.view().clone();
    let found = selected
        .mailbox
        .changed_since(since, &view)
        .await
        .must("changed_since")?;
    let known: UidSet = view.uids().collect();
    equal(
        &format!("messages that changed since {since}"),
        &found.intersection(&known),
        &expected.iter().copied().collect(),
    )
}

/// What vanished since a client was here is named, and no message that is there. A store may also say that it does not
/// remember.
pub async fn vanished_since_names_what_was_expunged<B: Backend>(stage: &Stage<B>) -> Verdict {
    let Four {
        mut user,
        mut selected,
        uids,
    } = four(stage).await?;
    let first = highest(&mut user).await?;
    selected.remove(&uids[..1]).await?;
    let second = highest(&mut user).await?;
    selected.remove(&uids[2..3]).await?;
    let third = highest(&mut user).await?;
    for (since, gone) in [
        (first, vec![uids[0], uids[2]]),
        (second, vec![uids[2]]),
        (third, vec![]),
    ] {
        let vanished = selected
            .mailbox
            .vanished_since(since)
            .await
            .must("vanished_since")?;
        let Some(vanished) = vanished else {
            continue;
        };
        let gone: UidSet = gone.into_iter().collect();
        equal(
            &format!("UIDs expunged since {since} that are not named"),
            &gone.difference(&vanished),
            &UidSet::new(),
        )?;
        equal(
            &format!("UIDs named as expunged since {since} that are there"),
            &vanished.intersection(&UidSet::from_iter([uids[1], uids[3]])),
            &UidSet::new(),
        )?;
    }
    Ok(())
}

/// What another session is told of a message has the mod-sequence that the message has, and the session reaches the
/// HIGHESTMODSEQ that STATUS showed before.
pub async fn what_is_told_agrees_with_the_records<B: Backend>(stage: &Stage<B>) -> Verdict {
    let Four {
        mut user,
        mut selected,
        uids,
    } = four(stage).await?;
    let inbox = MailboxName::inbox();
    let mut other = stage.login().await?;
    let mut others = other.select(&inbox, Access::ReadWrite).await?;
    for step in ["STORE", "APPEND", "STORE another", "EXPUNGE"] {
        match step {
            "STORE" => drop(others.store(&uids[..2], &add(Flag::Seen)).await?),
            "APPEND" => drop(user.append(&inbox, Mail::new("five")).await?),
            "EXPUNGE" => drop(others.remove(&uids[3..]).await?),
            _ => drop(others.store(&uids[1..3], &add(Flag::Flagged)).await?),
        }
        let shown = highest(&mut user).await?;
        let news = selected.noop().await?;
        for (uid, _) in news.flags.iter().filter(|(uid, _)| *uid != uids[3]) {
            equal(
                &format!("mod-sequence told of UID {uid} after {step}, as the message has it"),
                &selected.model.modseq_of(*uid),
                &modseqs(&mut selected, &[*uid]).await?.first().copied(),
            )?;
        }
        let reached = selected.updates.highest_modseq();
        ensure!(
            reached >= shown,
            format!("a session that has been told everything after {step} to reach HIGHESTMODSEQ {shown}"),
            reached.to_string()
        );
    }
    Ok(())
}

/// No message is so old that a STORE with the lowest UNCHANGEDSINCE would change it: the server asks for that where the client
/// says 0.
pub async fn the_lowest_unchanged_since_changes_nothing<B: Backend>(stage: &Stage<B>) -> Verdict {
    let Four {
        mut user,
        mut selected,
        uids,
    } = four(stage).await?;
    let before = highest(&mut user).await?;
    let change = add(Flag::Seen).with_unchanged_since(ModSeq::MIN);
    let (stored, _) = selected.store_if(&uids, &change).await?;
    equal(
        "the messages that failed UNCHANGEDSINCE",
        stored.modified(),
        &uids.iter().copied().collect(),
    )?;
    for record in selected.fetch(&uids, Need::FLAGS).await?.iter().flatten() {
        equal(
            "the flags of a message that was left alone",
            record.flags(),
            &Flags::empty(),
        )?;
    }
    equal(
        "HIGHESTMODSEQ, when nothing was changed",
        &highest(&mut user).await?,
        &before,
    )
}

/// MOVE raises HIGHESTMODSEQ of the mailbox that a message leaves, and in the other one the message is above what was told.
pub async fn a_move_is_a_change_of_both_mailboxes<B: Backend>(stage: &Stage<B>) -> Verdict {
    let Four {
        mut user,
        mut selected,
        uids,
    } = four(stage).await?;
    user.needs(Ability::Move, "MOVE")?;
    let target = user.second_mailbox().await?;
    let there_before = there("HIGHESTMODSEQ", user.status(&target).await?.highest_modseq())?;
    let here_before = highest(&mut user).await?;
    let moved = UidSet::from_iter([uids[1]]);
    let moved = selected.mailbox.move_to(&moved, &target).await.optional("MOVE")?;
    let here = highest(&mut user).await?;
    ensure!(
        here > here_before,
        format!("HIGHESTMODSEQ above {here_before} after a message was moved away"),
        here.to_string()
    );
    let arrived: Vec<Uid> = moved.to().iter().collect();
    let mut others = user.select(&target, Access::ReadOnly).await?;
    for modseq in modseqs(&mut others, &arrived).await? {
        ensure!(
            modseq > there_before,
            format!("a message that was moved in above {there_before}"),
            modseq.to_string()
        );
    }
    Ok(())
}
