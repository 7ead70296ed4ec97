//! COPY and MOVE: all or nothing, and told truthfully.

use crate::mail::Mail;
use crate::read::{Message, same_octets};
use crate::selected::Selected;
use crate::stage::{Stage, User, name};
use crate::verdict::{Answer, Stop, Verdict, ensure, equal};
use imap_backend::{Ability, Backend, Copied, ErrorKind, Mailbox, MailboxName, Session};
use imap_seq::{Uid, UidSet};
use imap_updates::{Access, Flag};

/// A copy has the octets, the flags and the internal date of its original, which stays as it is.
pub async fn copies_are_complete<B: Backend>(stage: &Stage<B>) -> Verdict {
    let mut user = stage.login().await?;
    let (inbox, target) = (MailboxName::inbox(), user.second_mailbox().await?);
    let mail = Mail::new("original")
        .flagged([Flag::Seen, Flag::Draft])
        .dated("1999-12-31T23:59:58-05:00");
    let uid = user.append(&inbox, mail).await?.uid();
    let mut selected = user.select(&inbox, Access::ReadWrite).await?;
    let set = UidSet::from_iter([uid]);
    let copied = selected.mailbox.copy(&set, &target).await.optional("COPY")?;
    let originals = user.look(&inbox).await?.0;
    let copies = arrived(&mut user, &target, &set, &copied).await?;
    equal("messages in the source", &originals.len(), &1)?;
    same_message(&copies[0], &originals[0])
}

/// COPYUID pairs originals and copies in ascending order, also where the set has gaps.
pub async fn copies_keep_their_order<B: Backend>(stage: &Stage<B>) -> Verdict {
    let mut user = stage.login().await?;
    let (inbox, target) = (MailboxName::inbox(), user.second_mailbox().await?);
    user.append(&target, Mail::new("was there")).await?;
    let mut uids = Vec::new();
    for subject in ["one", "two", "three", "four", "five"] {
        uids.push(user.append(&inbox, Mail::new(subject)).await?.uid());
    }
    let mut selected = user.select(&inbox, Access::ReadWrite).await?;
    let set = UidSet::from_iter([uids[4], uids[0], uids[2]]);
    let copied = selected.mailbox.copy(&set, &target).await.optional("COPY")?;
    let originals = user.look(&inbox).await?.0;
    let copies = arrived(&mut user, &target, &set, &copied).await?;
    for (copy, original) in copies.iter().zip([0, 2, 4].map(|at| &originals[at])) {
        same_message(copy, original)?;
    }
    Ok(())
}

/// The mailbox itself is a possible target.
pub async fn copying_into_the_same_mailbox_works<B: Backend>(stage: &Stage<B>) -> Verdict {
    let mut user = stage.login().await?;
    let inbox = MailboxName::inbox();
    let uid = user
        .append(&inbox, Mail::new("twin").flagged([Flag::Seen]))
        .await?
        .uid();
    let mut selected = user.select(&inbox, Access::ReadWrite).await?;
    let set = UidSet::from_iter([uid]);
    let copied = selected.mailbox.copy(&set, &inbox).await.optional("COPY")?;
    equal(
        "arrived in the same session",
        &selected.noop().await?.arrived,
        &copied.to().iter().collect(),
    )?;
    let (messages, _) = user.look(&inbox).await?;
    let expected: Vec<_> = [uid].into_iter().chain(copied.to().iter()).collect();
    equal("messages", &messages.iter().map(|m| m.uid).collect(), &expected)?;
    same_message(&messages[1], &messages[0])
}

/// COPY to a missing mailbox is `[TRYCREATE]` and creates nothing.
pub async fn copying_to_a_missing_mailbox_is_refused<B: Backend>(stage: &Stage<B>) -> Verdict {
    let mut user = stage.login().await?;
    let (inbox, missing) = (MailboxName::inbox(), name("kit missing")?);
    let uid = user.append(&inbox, Mail::new("one")).await?.uid();
    let mut selected = user.select(&inbox, Access::ReadWrite).await?;
    let answer = selected.mailbox.copy(&UidSet::from_iter([uid]), &missing).await;
    answer.refused("copy to a missing mailbox", &[ErrorKind::TryCreate])?;
    ensure!(
        !user.has(&missing).await?,
        "no mailbox to come into being",
        "it is listed"
    );
    Ok(())
}

/// Where one message is gone, none is copied, and the answer is `[EXPUNGEISSUED]`.
pub async fn copying_a_gone_message_copies_nothing<B: Backend>(stage: &Stage<B>) -> Verdict {
    let mut scene = one_gone(stage).await?;
    let answer = scene.selected.mailbox.copy(&scene.both, &scene.target).await;
    answer.refused("copy of a message that is gone", &[ErrorKind::ExpungeIssued])?;
    holds(&mut scene.user, &scene.target, &[]).await
}

/// A moved message is complete in the target and gone from the source.
pub async fn moved_messages_are_there_and_not_here<B: Backend>(stage: &Stage<B>) -> Verdict {
    let mut user = stage.login().await?;
    user.needs(Ability::Move, "MOVE")?;
    let (inbox, target) = (MailboxName::inbox(), user.second_mailbox().await?);
    let mail = Mail::new("moves")
        .flagged([Flag::Flagged])
        .dated("2010-01-01T00:00:00Z");
    let stays = user.append(&inbox, Mail::new("stays")).await?.uid();
    let uid = user.append(&inbox, mail).await?.uid();
    let mut selected = user.select(&inbox, Access::ReadWrite).await?;
    let before = user.look(&inbox).await?.0;
    let set = UidSet::from_iter([uid]);
    let moved = selected.mailbox.move_to(&set, &target).await.optional("MOVE")?;
    let there = arrived(&mut user, &target, &set, &moved).await?;
    same_message(&there[0], &before[1])?;
    holds(&mut user, &inbox, &[stays]).await
}

/// MOVE to a missing mailbox is `[TRYCREATE]`, and the message stays where it is.
pub async fn moving_to_a_missing_mailbox_keeps_the_message<B: Backend>(stage: &Stage<B>) -> Verdict {
    let mut user = stage.login().await?;
    user.needs(Ability::Move, "MOVE")?;
    let (inbox, missing) = (MailboxName::inbox(), name("kit missing")?);
    let uid = user.append(&inbox, Mail::new("one")).await?.uid();
    let mut selected = user.select(&inbox, Access::ReadWrite).await?;
    let answer = selected
        .mailbox
        .move_to(&UidSet::from_iter([uid]), &missing)
        .await;
    answer.refused("move to a missing mailbox", &[ErrorKind::TryCreate])?;
    ensure!(
        !user.has(&missing).await?,
        "no mailbox to come into being",
        "it is listed"
    );
    holds(&mut user, &inbox, &[uid]).await
}

/// Where one message is gone, none is moved; above all, no message is in both mailboxes.
pub async fn moving_a_gone_message_moves_nothing<B: Backend>(stage: &Stage<B>) -> Verdict {
    let mut scene = one_gone(stage).await?;
    scene.user.needs(Ability::Move, "MOVE")?;
    let answer = scene.selected.mailbox.move_to(&scene.both, &scene.target).await;
    answer.refused("move of a message that is gone", &[ErrorKind::ExpungeIssued])?;
    holds(&mut scene.user, &scene.target, &[]).await?;
    holds(&mut scene.user, &MailboxName::inbox(), &[scene.stays]).await
}

/// Two messages that a session knows of, and another one has expunged the second.
struct OneGone<S: Session> {
    user: User<S>,
    selected: Selected<S::Mailbox>,
    stays: Uid,
    both: UidSet,
    /// Another mailbox, empty.
    target: MailboxName,
}

async fn one_gone<B: Backend>(stage: &Stage<B>) -> Result<OneGone<B::Session>, Stop> {
    let (mut user, mut other) = (stage.login().await?, stage.login().await?);
    let (inbox, target) = (MailboxName::inbox(), user.second_mailbox().await?);
    let stays = user.append(&inbox, Mail::new("stays")).await?.uid();
    let gone = user.append(&inbox, Mail::new("goes")).await?.uid();
    let selected = user.select(&inbox, Access::ReadWrite).await?;
    other
        .select(&inbox, Access::ReadWrite)
        .await?
        .remove(&[gone])
        .await?;
    Ok(OneGone {
        user,
        selected,
        stays,
        both: UidSet::from_iter([stays, gone]),
        target,
    })
}

async fn holds<S: Session>(user: &mut User<S>, mailbox: &MailboxName, expected: &[Uid]) -> Verdict {
    let (messages, _) = user.look(mailbox).await?;
    equal(
        &format!("messages in {mailbox}"),
        &messages.iter().map(|m| m.uid).collect(),
        &expected.to_vec(),
    )
}

/// The messages that COPYUID says have arrived, after it was checked.
async fn arrived<S: Session>(
    user: &mut User<S>,
    target: &MailboxName,
    asked: &UidSet,
    copied: &Copied,
) -> Result<Vec<Message>, Stop> {
    equal("the source UIDs of COPYUID", copied.from(), asked)?;
    equal(
        "the number of target UIDs of COPYUID",
        &copied.to().len(),
        &asked.len(),
    )?;
    let (messages, validity) = user.look(target).await?;
    equal("the UIDVALIDITY of COPYUID", &copied.uid_validity(), &validity)?;
    let arrived: Vec<_> = messages
        .into_iter()
        .filter(|message| copied.to().contains(message.uid))
        .collect();
    equal(
        "the UIDs of COPYUID in the target",
        &arrived.iter().map(|m| m.uid).collect(),
        copied.to(),
    )?;
    Ok(arrived)
}

fn same_message(copy: &Message, original: &Message) -> Verdict {
    same_octets("octets of the copy", &copy.octets, &original.octets)?;
    equal("flags of the copy", &copy.flags, &original.flags)?;
    let date = |message: &Message| message.internal_date.map(|date| date.timestamp());
    equal(
        "internal date of the copy, in seconds",
        &date(copy),
        &date(original),
    )
}
