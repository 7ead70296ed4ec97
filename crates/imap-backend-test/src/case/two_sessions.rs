//! Several sessions on one mailbox: who is told what, when, and in whose numbering.

use crate::mail::Mail;
use crate::selected::Selected;
use crate::stage::{Stage, User};
use crate::verdict::{Answer, Stop, Verdict, ensure, equal};
use imap_backend::{
    Ability, Backend, FlagAction, FlagChange, Mailbox, MailboxName, Need, PollReason, Session,
};
use imap_seq::{SeqNum, Uid, UidSet};
use imap_updates::{Access, Flag, Flags, kind};
use std::task::{Context, Poll, Waker};

/// Two sessions of one user on an INBOX of three messages: A reads, B changes.
struct Desk<S: Session> {
    a: Selected<S::Mailbox>,
    b: Selected<S::Mailbox>,
    /// The session behind `b`, for APPEND.
    user: User<S>,
    _other: User<S>,
    uids: Vec<Uid>,
}

impl<S: Session> Desk<S> {
    async fn set_up<B: Backend<Session = S>>(stage: &Stage<B>) -> Result<Self, Stop> {
        let (mut user, mut other) = (stage.login().await?, stage.login().await?);
        let inbox = MailboxName::inbox();
        let mut uids = Vec::new();
        for subject in ["one", "two", "three"] {
            uids.push(user.append(&inbox, Mail::new(subject)).await?.uid());
        }
        let a = other.select(&inbox, Access::ReadWrite).await?;
        let b = user.select(&inbox, Access::ReadWrite).await?;
        Ok(Self {
            a,
            b,
            user,
            _other: other,
            uids,
        })
    }

    async fn append(&mut self, subject: &str) -> Result<Uid, Stop> {
        Ok(self
            .user
            .append(&MailboxName::inbox(), Mail::new(subject))
            .await?
            .uid())
    }

    /// After a NOOP, this session has what a new session finds.
    async fn agrees(user: &mut User<S>, selected: &mut Selected<S::Mailbox>) -> Verdict {
        selected.noop().await?;
        let (messages, _) = user.look(&MailboxName::inbox()).await?;
        let stored: Vec<_> = messages.iter().map(|m| m.uid).collect();
        equal(
            "the client's messages, as a new session finds them",
            &selected.model.uids(),
            &stored,
        )?;
        for message in &messages {
            let (uid, told) = (message.uid, selected.model.flags_of(message.uid));
            equal(
                &format!("the client's flags of UID {uid}, as a new session finds them"),
                &told,
                &Some(&message.flags),
            )?;
        }
        Ok(())
    }
}

fn add<const N: usize>(flags: [Flag; N]) -> FlagChange {
    FlagChange::new(FlagAction::Add, Flags::from_iter(flags))
}

/// An appended message is told to another session at its next command, once.
pub async fn the_other_sees_arrivals<B: Backend>(stage: &Stage<B>) -> Verdict {
    let mut desk = Desk::set_up(stage).await?;
    let uid = desk.append("four").await?;
    equal("arrived at a FETCH", &desk.a.hold().await?.arrived, &vec![uid])?;
    ensure!(desk.a.noop().await?.is_silent(), "nothing more at a NOOP", "news");
    desk.a.fetch_one(uid, Need::BODY).await?;
    Desk::agrees(&mut desk.user, &mut desk.a).await
}

/// Copies and moved messages arrive for those who have the target selected.
pub async fn the_other_sees_copies_and_moves<B: Backend>(stage: &Stage<B>) -> Verdict {
    let mut user = stage.login().await?;
    user.needs(Ability::Move, "MOVE")?;
    let (inbox, source) = (MailboxName::inbox(), user.second_mailbox().await?);
    let uid = user.append(&source, Mail::new("travels")).await?.uid();
    let mut target = stage.login().await?.select(&inbox, Access::ReadWrite).await?;
    let mut selected = user.select(&source, Access::ReadWrite).await?;
    let mut watching = stage.login().await?.select(&source, Access::ReadOnly).await?;
    let set = UidSet::from_iter([uid]);
    let copied = selected.mailbox.copy(&set, &inbox).await.optional("COPY")?;
    equal(
        "arrived by COPY",
        &target.noop().await?.arrived,
        &copied.to().iter().collect(),
    )?;
    let moved = selected.mailbox.move_to(&set, &inbox).await.optional("MOVE")?;
    equal(
        "arrived by MOVE",
        &target.noop().await?.arrived,
        &moved.to().iter().collect(),
    )?;
    equal(
        "expunged by MOVE, for others",
        &watching.noop().await?.expunged,
        &vec![uid],
    )
}

/// An expunged message is told to another session, by the number that it has there.
pub async fn the_other_sees_expunges<B: Backend>(stage: &Stage<B>) -> Verdict {
    let mut desk = Desk::set_up(stage).await?;
    let middle = desk.uids[1];
    desk.b.remove(&[middle]).await?;
    equal("expunged", &desk.a.noop().await?.expunged, &vec![middle])?;
    ensure!(
        desk.a.noop().await?.is_silent(),
        "nothing more at the next NOOP",
        "news"
    );
    Desk::agrees(&mut desk.user, &mut desk.a).await
}

/// The last flags of a message are told to another session, once.
pub async fn the_other_sees_flags<B: Backend>(stage: &Stage<B>) -> Verdict {
    let mut desk = Desk::set_up(stage).await?;
    let uid = desk.uids[1];
    desk.b.store(&[uid], &add([Flag::Seen])).await?;
    desk.b.store(&[uid], &add([Flag::Flagged])).await?;
    let flags = Flags::from_iter([Flag::Seen, Flag::Flagged]);
    equal(
        "flags told at a FETCH",
        &desk.a.hold().await?.flags,
        &vec![(uid, flags)],
    )?;
    ensure!(desk.a.noop().await?.is_silent(), "nothing more at a NOOP", "news");
    Desk::agrees(&mut desk.user, &mut desk.a).await
}

/// The session that changes flags is not told of them a second time: the server answered its STORE.
pub async fn own_flag_changes_are_not_echoed<B: Backend>(stage: &Stage<B>) -> Verdict {
    let mut desk = Desk::set_up(stage).await?;
    let uids = desk.uids.clone();
    let news = desk.b.store(&uids, &add([Flag::Seen])).await?;
    ensure!(news.is_silent(), "no echo of the own STORE", news.to_string());
    let news = desk.b.noop().await?;
    ensure!(news.is_silent(), "no echo at the next NOOP", news.to_string());
    Desk::agrees(&mut desk.user, &mut desk.b).await
}

/// A session that appends to the mailbox it has selected is told of the message.
pub async fn own_appends_are_told<B: Backend>(stage: &Stage<B>) -> Verdict {
    let mut desk = Desk::set_up(stage).await?;
    let command = desk.b.updates.begin(kind::Append);
    let uid = desk.append("mine").await?;
    equal(
        "arrived by the own APPEND",
        &desk.b.passing(&command).await?.arrived,
        &vec![uid],
    )
}

/// The session that expunges is told so itself, at the end of this very command and not again.
pub async fn own_expunges_are_told_once<B: Backend>(stage: &Stage<B>) -> Verdict {
    let mut desk = Desk::set_up(stage).await?;
    let gone = vec![desk.uids[2], desk.uids[0]];
    let news = desk.b.remove(&gone).await?;
    equal(
        "expunged by the own EXPUNGE",
        &sorted(news.expunged),
        &sorted(gone),
    )?;
    ensure!(desk.b.noop().await?.is_silent(), "nothing more at a NOOP", "news");
    Desk::agrees(&mut desk.user, &mut desk.b).await
}

/// A moved message is one EXPUNGE for the session that moves it, among those that were pending.
pub async fn own_moves_are_told_once<B: Backend>(stage: &Stage<B>) -> Verdict {
    let mut desk = Desk::set_up(stage).await?;
    desk.user.needs(Ability::Move, "MOVE")?;
    let target = desk.user.second_mailbox().await?;
    let (pending, moved) = (desk.uids[0], desk.uids[2]);
    desk.b.remove(&[pending]).await?;
    let command = desk.a.updates.begin(kind::UidMove);
    desk.a
        .mailbox
        .move_to(&UidSet::from_iter([moved]), &target)
        .await
        .optional("MOVE")?;
    let news = desk.a.passing(&command).await?;
    equal(
        "expunged by the own MOVE",
        &sorted(news.expunged),
        &vec![pending, moved],
    )?;
    ensure!(desk.a.noop().await?.is_silent(), "nothing more at a NOOP", "news");
    Desk::agrees(&mut desk.user, &mut desk.a).await
}

/// While EXPUNGE is held, message 2 stays message 2, and the next NOOP tells it.
pub async fn numbering_stays_until_expunge_is_told<B: Backend>(stage: &Stage<B>) -> Verdict {
    let mut desk = Desk::set_up(stage).await?;
    desk.b.remove(&[desk.uids[0]]).await?;
    desk.b.store(&[desk.uids[1]], &add([Flag::Flagged])).await?;
    let news = desk.a.hold().await?;
    equal("expunged during a FETCH", &news.expunged, &Vec::new())?;
    let flagged = Flags::from_iter([Flag::Flagged]);
    ensure!(
        news.flags.contains(&(desk.uids[1], flagged)),
        "flags of a message that stays to pass a held EXPUNGE",
        news.to_string(),
    );
    equal("messages while EXPUNGE is held", &desk.a.model.exists(), &3)?;
    equal(
        "the number of the second message",
        &desk.a.seq_of(desk.uids[1]),
        &SeqNum::new(2),
    )?;
    equal(
        "expunged at the NOOP",
        &desk.a.noop().await?.expunged,
        &vec![desk.uids[0]],
    )?;
    equal(
        "the number of the second message",
        &desk.a.seq_of(desk.uids[1]),
        &SeqNum::new(1),
    )
}

/// A new message is told while an EXPUNGE is held, with a count that includes the expunged one.
pub async fn arrivals_pass_a_held_expunge<B: Backend>(stage: &Stage<B>) -> Verdict {
    let mut desk = Desk::set_up(stage).await?;
    desk.b.remove(&[desk.uids[0]]).await?;
    let uid = desk.append("four").await?;
    equal(
        "arrived during a FETCH",
        &desk.a.hold().await?.arrived,
        &vec![uid],
    )?;
    equal("messages while EXPUNGE is held", &desk.a.model.exists(), &4)?;
    let news = desk.a.noop().await?;
    equal("expunged at the NOOP", &news.expunged, &vec![desk.uids[0]])?;
    equal("arrived at the NOOP", &news.arrived, &Vec::new())?;
    Desk::agrees(&mut desk.user, &mut desk.a).await
}

/// A message that came and went between two commands of a session was never there for it.
pub async fn what_came_and_went_is_not_told<B: Backend>(stage: &Stage<B>) -> Verdict {
    let mut desk = Desk::set_up(stage).await?;
    let uid = desk.append("short").await?;
    desk.b.noop().await?;
    desk.b.remove(&[uid]).await?;
    let news = desk.a.noop().await?;
    ensure!(news.is_silent(), "nothing to tell", news.to_string());
    let next = desk.append("long").await?;
    equal("arrived", &desk.a.noop().await?.arrived, &vec![next])
}

/// An idle session has something to drain after another's change: at once, or when it polls.
pub async fn an_idle_session_is_woken<B: Backend>(stage: &Stage<B>) -> Verdict {
    let mut desk = Desk::set_up(stage).await?;
    let idle = desk.a.updates.begin(kind::Idle);
    desk.a.passing(&idle).await?;
    let mut context = Context::from_waker(Waker::noop());
    for step in ["APPEND", "STORE", "EXPUNGE"] {
        match step {
            "APPEND" => drop(desk.append("four").await?),
            "STORE" => drop(desk.b.store(&[desk.uids[1]], &add([Flag::Seen])).await?),
            _ => drop(desk.b.remove(&[desk.uids[0]]).await?),
        }
        if desk.a.updates.poll_changed(&mut context) == Poll::Pending {
            desk.a.mailbox.poll(PollReason::Asked).await.must("poll")?;
        }
        let woken = desk.a.updates.poll_changed(&mut context);
        ensure!(
            woken.is_ready(),
            format!("an idle session to be woken by {step}"),
            "it sleeps"
        );
        let news = desk.a.passing(&idle).await?;
        ensure!(!news.is_silent(), format!("news of {step}"), news.to_string());
    }
    Ok(())
}

/// A connection that is lost (dropped, not closed) takes nothing with it.
pub async fn a_lost_session_leaves_the_others_alone<B: Backend>(stage: &Stage<B>) -> Verdict {
    let Desk {
        a,
        mut b,
        mut user,
        _other,
        uids,
    } = Desk::set_up(stage).await?;
    drop(a);
    drop(_other);
    b.store(&[uids[0]], &add([Flag::Seen])).await?;
    let uid = user.append(&MailboxName::inbox(), Mail::new("four")).await?.uid();
    equal("arrived", &b.noop().await?.arrived, &vec![uid])?;
    equal("expunged", &b.remove(&[uids[1]]).await?.expunged, &vec![uids[1]])?;
    Desk::agrees(&mut user, &mut b).await
}

/// Three sessions append, change flags, expunge and poll in turns; in the end all have the same mailbox.
pub async fn all_agree_after_a_storm<B: Backend>(stage: &Stage<B>) -> Verdict {
    let Desk {
        a,
        b,
        mut user,
        _other,
        ..
    } = Desk::set_up(stage).await?;
    let third = stage
        .login()
        .await?
        .select(&MailboxName::inbox(), Access::ReadWrite)
        .await?;
    let mut sessions = [a, b, third];
    // The same storm every time: a failure can be run again.
    let mut state = 0x2545_f491_u32;
    let mut random = move |below: usize| {
        state ^= state << 13;
        state ^= state >> 17;
        state ^= state << 5;
        state as usize % below
    };
    for round in 0..120 {
        let session = &mut sessions[random(3)];
        let uids = session.model.uids();
        match (random(6), uids.as_slice()) {
            (0, _) | (_, []) => {
                user.append(&MailboxName::inbox(), Mail::new(&format!("storm {round}")))
                    .await?;
            }
            (1, uids) => {
                session.remove(&[uids[random(uids.len())]]).await?;
            }
            (2 | 3, uids) => {
                let action = [FlagAction::Add, FlagAction::Remove, FlagAction::Replace][random(3)];
                let flags = Flags::from_iter([[Flag::Seen, Flag::Flagged, Flag::Draft][random(3)].clone()]);
                session
                    .store(&[uids[random(uids.len())]], &FlagChange::new(action, flags))
                    .await?;
            }
            (4, _) => drop(session.hold().await?),
            _ => drop(session.noop().await?),
        }
    }
    for session in &mut sessions {
        Desk::agrees(&mut user, session).await?;
    }
    Ok(())
}

fn sorted(mut uids: Vec<Uid>) -> Vec<Uid> {
    uids.sort_unstable();
    uids
}
