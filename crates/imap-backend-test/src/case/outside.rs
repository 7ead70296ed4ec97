//! Other programs change the store behind the backend's back: every session hears of it when it may, and nothing is mistaken.

use crate::mail::Mail;
use crate::outside::OutsideMessage;
use crate::selected::Selected;
use crate::stage::{Stage, User, name};
use crate::verdict::{Answer, Stop, Verdict, ensure, equal};
use imap_backend::{
    Ability, Backend, FlagAction, FlagChange, Mailbox, MailboxName, Need, PollReason, Session,
};
use imap_seq::SeqNum;
use imap_updates::{Access, Closed, Flag, Flags, kind};
use std::task::{Context, Poll, Waker};

use super::coming_back::{come_back, remember};

/// A session on an INBOX into which another program has put three messages.
struct Desk<S: Session> {
    inbox: MailboxName,
    user: User<S>,
    a: Selected<S::Mailbox>,
    mails: Vec<OutsideMessage>,
}

impl<S: Session> Desk<S> {
    async fn set_up<B: Backend<Session = S>>(stage: &Stage<B>) -> Result<Self, Stop> {
        let inbox = MailboxName::inbox();
        let mut user = stage.login().await?;
        for subject in ["one", "two", "three"] {
            deliver(stage, &inbox, subject).await?;
        }
        stage.settle().await;
        let mut a = user.select(&inbox, Access::ReadWrite).await?;
        let mails = mails(&mut a).await?;
        equal("messages that were delivered", &mails.len(), &3)?;
        Ok(Self {
            inbox,
            user,
            a,
            mails,
        })
    }
}

async fn deliver<B: Backend>(stage: &Stage<B>, mailbox: &MailboxName, subject: &str) -> Verdict {
    let mail = Mail::new(subject);
    let done = stage.outside()?.deliver(mailbox, mail.octets()).await;
    done.optional("delivery by another program")
}

/// The messages that the client has, with their subjects.
async fn mails<M: Mailbox>(selected: &mut Selected<M>) -> Result<Vec<OutsideMessage>, Stop> {
    let mut mails = Vec::new();
    for uid in selected.model.uids() {
        let subject = selected.read(uid).await?.subject();
        mails.push(OutsideMessage { uid, subject });
    }
    Ok(mails)
}

/// A message that another program stores is told once, has a higher UID than all before, and can be read.
pub async fn a_delivery_is_told<B: Backend>(stage: &Stage<B>) -> Verdict {
    let mut desk = Desk::set_up(stage).await?;
    deliver(stage, &desk.inbox, "four").await?;
    stage.settle().await;
    let arrived = desk.a.noop().await?.arrived;
    equal("messages that arrived", &arrived.len(), &1)?;
    equal(
        "the subject of what arrived",
        &desk.a.read(arrived[0]).await?.subject(),
        &"four".to_owned(),
    )?;
    ensure!(
        desk.a.noop().await?.is_silent(),
        "nothing more at the next NOOP",
        "news"
    );
    let new = desk.user.look(&desk.inbox).await?.0;
    let stored: Vec<_> = new.iter().map(|message| message.uid).collect();
    equal(
        "the client's messages, as a new session finds them",
        &desk.a.model.uids(),
        &stored,
    )
}

/// A message that another program removes keeps its number until EXPUNGE may be told; until then nothing else is read under
/// its UID.
pub async fn a_removal_is_told_when_it_may_be<B: Backend>(stage: &Stage<B>) -> Verdict {
    let mut desk = Desk::set_up(stage).await?;
    let (second, third) = (desk.mails[1].clone(), desk.mails[2].uid);
    let done = stage.outside()?.remove(&desk.inbox, &second).await;
    done.optional("removal by another program")?;
    stage.settle().await;
    let news = desk.a.hold().await?;
    equal("expunged during a FETCH", &news.expunged, &Vec::new())?;
    equal(
        "the number of the third message",
        &desk.a.seq_of(third),
        &SeqNum::new(3),
    )?;
    if let Some(record) = desk
        .a
        .fetch(&[second.uid], Need::FLAGS)
        .await?
        .into_iter()
        .flatten()
        .next()
    {
        equal(
            "what is read under the UID of a removed message",
            &record.uid(),
            &second.uid,
        )?;
    }
    equal(
        "expunged at NOOP",
        &desk.a.noop().await?.expunged,
        &vec![second.uid],
    )?;
    equal(
        "the number of the third message",
        &desk.a.seq_of(third),
        &SeqNum::new(2),
    )?;
    ensure!(
        desk.a.noop().await?.is_silent(),
        "nothing more at the next NOOP",
        "news"
    );
    equal(
        "the subject of the third message",
        &desk.a.read(third).await?.subject(),
        &desk.mails[2].subject,
    )
}

/// The flags that another program gives a message are told, once.
pub async fn flags_are_told<B: Backend>(stage: &Stage<B>) -> Verdict {
    let mut desk = Desk::set_up(stage).await?;
    let mail = desk.mails[1].clone();
    for flags in [
        Flags::from_iter([Flag::Seen, Flag::Flagged]),
        Flags::from_iter([Flag::Answered]),
    ] {
        let done = stage.outside()?.set_flags(&desk.inbox, &mail, &flags).await;
        done.optional("flags by another program")?;
        stage.settle().await;
        equal(
            "flags told at NOOP",
            &desk.a.noop().await?.flags,
            &vec![(mail.uid, flags)],
        )?;
        ensure!(
            desk.a.noop().await?.is_silent(),
            "nothing more at the next NOOP",
            "news"
        );
    }
    Ok(())
}

/// A session that changes a message does not lose the change to what another program did to its neighbours.
pub async fn own_changes_and_others_are_kept_apart<B: Backend>(stage: &Stage<B>) -> Verdict {
    let mut desk = Desk::set_up(stage).await?;
    let [first, second, third] = [0, 1, 2].map(|at| desk.mails[at].clone());
    let done = stage.outside()?.remove(&desk.inbox, &first).await;
    done.optional("removal by another program")?;
    stage.settle().await;
    let flagged = FlagChange::new(FlagAction::Add, Flags::from_iter([Flag::Flagged]));
    desk.a.store(&[first.uid, second.uid], &flagged).await?;
    desk.a.noop().await?;
    let news = desk.a.remove(&[third.uid]).await?;
    equal("expunged by the own EXPUNGE", &news.expunged, &vec![third.uid])?;
    deliver(stage, &desk.inbox, "four").await?;
    stage.settle().await;
    desk.a.noop().await?;
    let (stored, _) = desk.user.look(&desk.inbox).await?;
    let uids: Vec<_> = stored.iter().map(|message| message.uid).collect();
    equal(
        "the client's messages, as a new session finds them",
        &desk.a.model.uids(),
        &uids,
    )?;
    equal(
        "messages of which one was flagged, and one arrived",
        &uids.len(),
        &2,
    )?;
    equal(
        "the flags of the second message",
        &stored[0].flags,
        &Flags::from_iter([Flag::Flagged]),
    )
}

/// A session in IDLE hears of what another program did, when the backend has noticed.
pub async fn an_idle_session_hears_of_it<B: Backend>(stage: &Stage<B>) -> Verdict {
    let mut desk = Desk::set_up(stage).await?;
    let idle = desk.a.updates.begin(kind::Idle);
    desk.a.passing(&idle).await?;
    deliver(stage, &desk.inbox, "four").await?;
    stage.settle().await;
    let mut context = Context::from_waker(Waker::noop());
    if desk.a.updates.poll_changed(&mut context) == Poll::Pending {
        desk.a.mailbox.poll(PollReason::Asked).await.must("poll")?;
    }
    let woken = desk.a.updates.poll_changed(&mut context);
    ensure!(
        woken.is_ready(),
        "an idle session to be woken by a delivery",
        "it sleeps"
    );
    equal("arrived in IDLE", &desk.a.passing(&idle).await?.arrived.len(), &1)
}

/// STATUS counts what other programs stored, while nobody has the mailbox selected.
pub async fn status_counts_what_others_did<B: Backend>(stage: &Stage<B>) -> Verdict {
    let mut desk = Desk::set_up(stage).await?;
    desk.a.mailbox.close().await.must("close")?;
    equal(
        "messages in STATUS",
        &desk.user.status(&desk.inbox).await?.messages(),
        &3,
    )?;
    deliver(stage, &desk.inbox, "four").await?;
    stage.settle().await;
    equal(
        "messages in STATUS after a delivery",
        &desk.user.status(&desk.inbox).await?.messages(),
        &4,
    )?;
    let done = stage.outside()?.remove(&desk.inbox, &desk.mails[0]).await;
    done.optional("removal by another program")?;
    stage.settle().await;
    equal(
        "messages in STATUS after a removal",
        &desk.user.status(&desk.inbox).await?.messages(),
        &3,
    )
}

/// What happened while nobody had the mailbox selected is found by SELECT, under the UIDs that the rest kept.
pub async fn select_finds_what_others_did_meanwhile<B: Backend>(stage: &Stage<B>) -> Verdict {
    let Desk {
        inbox,
        mut user,
        a,
        mails: before,
    } = Desk::set_up(stage).await?;
    let (old, validity) = (a.model.uids(), a.figures.uid_validity);
    a.mailbox.close().await.must("close")?;
    let done = stage.outside()?.remove(&inbox, &before[1]).await;
    done.optional("removal by another program")?;
    deliver(stage, &inbox, "four").await?;
    stage.settle().await;
    let mut a = user.select(&inbox, Access::ReadWrite).await?;
    equal("UIDVALIDITY", &a.figures.uid_validity, &validity)?;
    let now = mails(&mut a).await?;
    equal("messages", &now.len(), &3)?;
    equal(
        "the messages that stayed",
        &now[..2].to_vec(),
        &vec![before[0].clone(), before[2].clone()],
    )?;
    ensure!(
        old.iter().all(|old| *old < now[2].uid),
        "the UID of what arrived above all that were there",
        now[2].uid.to_string()
    );
    Ok(())
}

/// A client that was away asks for what changed, and hears of what other programs did.
pub async fn a_client_that_comes_back_hears_of_it<B: Backend>(stage: &Stage<B>) -> Verdict {
    let Desk {
        inbox,
        mut user,
        a,
        mails,
    } = Desk::set_up(stage).await?;
    user.needs(Ability::ModSequences, "mod-sequences that are kept")?;
    a.mailbox.close().await.must("close")?;
    let mut memories = vec![remember(&mut user).await?];
    for step in ["flags", "removal", "delivery"] {
        let outside = stage.outside()?;
        let done = match step {
            "flags" => {
                outside
                    .set_flags(&inbox, &mails[0], &Flags::from_iter([Flag::Seen]))
                    .await
            }
            "removal" => outside.remove(&inbox, &mails[2]).await,
            _ => outside.deliver(&inbox, Mail::new("four").octets()).await,
        };
        done.optional(&format!("{step} by another program"))?;
        stage.settle().await;
        for memory in &memories {
            come_back(&mut user, memory, step).await?;
        }
        memories.push(remember(&mut user).await?);
    }
    Ok(())
}

/// A mailbox that another program deletes ends its selections; a new one of that name is another one.
pub async fn a_deleted_mailbox_ends_its_selections<B: Backend>(stage: &Stage<B>) -> Verdict {
    let (mut user, mut other) = (stage.login().await?, stage.login().await?);
    let outside = stage.outside()?;
    let mailbox = user.create("kit").await?;
    deliver(stage, &mailbox, "one").await?;
    stage.settle().await;
    let mut selected = other.select(&mailbox, Access::ReadWrite).await?;
    let old = selected.figures.uid_validity;
    outside
        .delete(&mailbox)
        .await
        .optional("DELETE by another program")?;
    stage.settle().await;
    equal(
        "why the selection ended",
        &selected.noop().await?.closed,
        &Some(Closed::Deleted),
    )?;
    ensure!(
        !user.has(&mailbox).await?,
        "a deleted mailbox to be gone from LIST",
        "it is listed"
    );
    let mailbox = user.create("kit").await?;
    let new = user.select(&mailbox, Access::ReadOnly).await?;
    equal("messages in a new mailbox", &new.model.exists(), &0)?;
    ensure!(
        new.figures.uid_validity != old,
        "another UIDVALIDITY in a new mailbox",
        old.to_string()
    );
    Ok(())
}

/// A mailbox that another program renames is there under its new name, with its messages, and no more under the old one.
pub async fn a_renamed_mailbox_has_its_messages<B: Backend>(stage: &Stage<B>) -> Verdict {
    let mut user = stage.login().await?;
    let outside = stage.outside()?;
    let (from, to) = (user.create("kit from").await?, name("kit to")?);
    deliver(stage, &from, "one").await?;
    stage.settle().await;
    ensure!(
        user.has(&from).await?,
        "a created mailbox in LIST",
        "it is not listed"
    );
    outside
        .rename(&from, &to)
        .await
        .optional("RENAME by another program")?;
    stage.settle().await;
    ensure!(user.has(&to).await?, "the new name in LIST", "it is not listed");
    ensure!(
        !user.has(&from).await?,
        "the old name to be gone from LIST",
        "it is listed"
    );
    let (messages, _) = user.look(&to).await?;
    let subjects: Vec<_> = messages.iter().map(crate::read::Message::subject).collect();
    equal("messages under the new name", &subjects, &vec!["one".to_owned()])
}

/// What another program did and took back in one transaction was never there: nobody is told, and no UID is used twice.
pub async fn what_is_rolled_back_was_never_there<B: Backend>(stage: &Stage<B>) -> Verdict {
    let mut desk = Desk::set_up(stage).await?;
    let outside = stage.outside()?;
    let done = outside.roll_back(&desk.inbox, Mail::new("never").octets()).await;
    done.optional("transaction that is rolled back")?;
    stage.settle().await;
    let news = desk.a.noop().await?;
    ensure!(
        news.is_silent(),
        "nothing told of what was rolled back",
        news.to_string()
    );
    let (messages, _) = desk.user.look(&desk.inbox).await?;
    equal("messages", &messages.len(), &3)?;
    deliver(stage, &desk.inbox, "four").await?;
    stage.settle().await;
    let arrived = desk.a.noop().await?.arrived;
    equal("messages that arrived", &arrived.len(), &1)?;
    equal(
        "the subject of what arrived",
        &desk.a.read(arrived[0]).await?.subject(),
        &"four".to_owned(),
    )
}
