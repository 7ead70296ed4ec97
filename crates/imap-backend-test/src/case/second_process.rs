//! Two processes on one store: two values of the backend that share nothing else.

use crate::mail::Mail;
use crate::selected::Selected;
use crate::stage::{Stage, User};
use crate::verdict::{Answer, Stop, Verdict, ensure, equal};
use imap_backend::{Backend, FlagAction, FlagChange, MailboxName, Session};
use imap_updates::{Access, Closed, Flag, Flags};

/// A user of each process, with INBOX selected.
struct Desk<S: Session> {
    inbox: MailboxName,
    here: User<S>,
    there: User<S>,
    a: Selected<S::Mailbox>,
    b: Selected<S::Mailbox>,
}

impl<S: Session> Desk<S> {
    async fn set_up<B: Backend<Session = S>>(stage: &Stage<B>) -> Result<Self, Stop> {
        let inbox = MailboxName::inbox();
        let (mut here, mut there) = (stage.login().await?, stage.login_to_the_second().await?);
        let a = here.select(&inbox, Access::ReadWrite).await?;
        let b = there.select(&inbox, Access::ReadWrite).await?;
        Ok(Self {
            inbox,
            here,
            there,
            a,
            b,
        })
    }

    /// Both clients have what new sessions of both processes find.
    async fn agree(&mut self) -> Verdict {
        self.a.noop().await?;
        self.b.noop().await?;
        equal(
            "the clients' messages",
            &self.a.model.uids(),
            &self.b.model.uids(),
        )?;
        for user in [&mut self.here, &mut self.there] {
            for message in user.look(&self.inbox).await?.0 {
                for client in [&self.a.model, &self.b.model] {
                    let what = format!(
                        "a client's flags of UID {}, as a new session finds them",
                        message.uid
                    );
                    equal(&what, &client.flags_of(message.uid), &Some(&message.flags))?;
                }
            }
        }
        Ok(())
    }
}

/// What is done in one process is told in the other, in both directions: arrivals, flags, expunges.
pub async fn each_is_told_what_the_other_did<B: Backend>(stage: &Stage<B>) -> Verdict {
    let mut desk = Desk::set_up(stage).await?;
    let mut uids = Vec::new();
    for turn in 0..4 {
        let (user, other) = match turn % 2 {
            0 => (&mut desk.here, &mut desk.b),
            _ => (&mut desk.there, &mut desk.a),
        };
        let uid = user
            .append(&desk.inbox, Mail::new(&format!("message {turn}")))
            .await?
            .uid();
        stage.settle().await;
        equal(
            "arrived from the other process",
            &other.noop().await?.arrived.last(),
            &Some(&uid),
        )?;
        uids.push(uid);
    }
    desk.agree().await?;
    let seen = FlagChange::new(FlagAction::Add, Flags::from_iter([Flag::Seen]));
    desk.a.store(&[uids[0]], &seen).await?;
    stage.settle().await;
    let told = desk.b.noop().await?.flags;
    equal(
        "flags from the other process",
        &told,
        &vec![(uids[0], Flags::from_iter([Flag::Seen]))],
    )?;
    desk.b.remove(&[uids[1]]).await?;
    stage.settle().await;
    equal(
        "expunged by the other process",
        &desk.a.noop().await?.expunged,
        &vec![uids[1]],
    )?;
    desk.agree().await
}

/// UIDs that two processes give in turn ascend, and none is given twice.
pub async fn uids_of_both_ascend<B: Backend>(stage: &Stage<B>) -> Verdict {
    let mut desk = Desk::set_up(stage).await?;
    let mut last = None;
    for turn in 0..8 {
        let user = if turn % 3 == 0 {
            &mut desk.here
        } else {
            &mut desk.there
        };
        let uid = user
            .append(&desk.inbox, Mail::new(&format!("message {turn}")))
            .await?
            .uid();
        ensure!(Some(uid) > last, format!("a UID above {last:?}"), uid.to_string());
        last = Some(uid);
        // The highest UID is free in the store again, and must not be used.
        if turn % 2 == 0 {
            desk.a.noop().await?;
            desk.a.remove(&[uid]).await?;
        }
    }
    stage.settle().await;
    desk.agree().await
}

/// A new message is `\Recent` for one session of all processes.
pub async fn one_session_of_both_gets_recent<B: Backend>(stage: &Stage<B>) -> Verdict {
    let (mut here, mut there) = (stage.login().await?, stage.login_to_the_second().await?);
    let inbox = MailboxName::inbox();
    here.append(&inbox, Mail::new("one")).await?;
    stage.settle().await;
    let a = there.select(&inbox, Access::ReadWrite).await?;
    stage.settle().await;
    let b = here.select(&inbox, Access::ReadWrite).await?;
    equal(
        "RECENT of two sessions together",
        &(a.figures.recent + b.figures.recent),
        &1,
    )
}

/// A mailbox that one process deletes ends its selections in the other.
pub async fn a_mailbox_deleted_there_ends_here<B: Backend>(stage: &Stage<B>) -> Verdict {
    let (mut here, mut there) = (stage.login().await?, stage.login_to_the_second().await?);
    let mailbox = here.create("kit").await?;
    here.append(&mailbox, Mail::new("one")).await?;
    stage.settle().await;
    let mut selected = there.select(&mailbox, Access::ReadWrite).await?;
    here.session.delete(&mailbox).await.optional("DELETE")?;
    stage.settle().await;
    equal(
        "why the selection ended",
        &selected.noop().await?.closed,
        &Some(Closed::Deleted),
    )?;
    ensure!(
        !there.has(&mailbox).await?,
        "a deleted mailbox to be gone from LIST",
        "it is listed"
    );
    Ok(())
}
