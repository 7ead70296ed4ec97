//! The store is opened again after the backend was dropped: what was answered is there, and what was not is whole or absent.

use crate::mail::{Mail, Source};
use crate::read::Message;
use crate::stage::{Stage, User, name};
use crate::verdict::{Answer, Stop, Verdict, ensure, equal};
use imap_backend::{Ability, Backend, Create, FlagAction, FlagChange, Mailbox, MailboxName, Session};
use imap_seq::UidValidity;
use imap_updates::{Access, Flag, Flags};
use std::collections::BTreeSet;
use std::future::{Future, poll_fn};
use std::pin::pin;
use std::task::Poll;

use super::coming_back::{come_back, remember};

/// Everything that a client knows of a mailbox.
async fn known<S: Session>(
    user: &mut User<S>,
    mailbox: &MailboxName,
) -> Result<(Vec<Known>, UidValidity), Stop> {
    let (messages, validity) = user.look(mailbox).await?;
    Ok((messages.into_iter().map(Known::from).collect(), validity))
}

/// What a client knows of a message.
#[derive(Debug, PartialEq)]
struct Known {
    uid: imap_seq::Uid,
    flags: Flags,
    internal_date: Option<chrono::DateTime<chrono::FixedOffset>>,
    octets: crate::read::Octets,
}

impl From<Message> for Known {
    fn from(message: Message) -> Self {
        Self {
            uid: message.uid,
            flags: message.flags,
            internal_date: message.internal_date,
            octets: message.octets,
        }
    }
}

/// Messages, flags, dates, UIDs, UIDVALIDITY, names and subscriptions are those from before; UIDs go on above all that were
/// ever told.
pub async fn what_was_answered_is_there<B: Backend>(stage: &Stage<B>) -> Verdict {
    stage.needs_restart()?;
    let inbox = MailboxName::inbox();
    let mut user = stage.login().await?;
    let dated = Mail::new("one").dated("2020-02-03T04:05:06+01:00");
    let first = user.append(&inbox, dated.flagged([Flag::Seen])).await?.uid();
    user.append(&inbox, Mail::new("two")).await?;
    let last = user.append(&inbox, Mail::new("three")).await?.uid();
    let mut selected = user.select(&inbox, Access::ReadWrite).await?;
    let flagged = FlagChange::new(FlagAction::Add, Flags::from_iter([Flag::Flagged]));
    selected.store(&[first], &flagged).await?;
    selected.remove(&[last]).await?;
    selected.mailbox.close().await.must("close")?;
    let made = made(&mut user, "kit made").await?;
    let before = (known(&mut user, &inbox).await?, names(&mut user).await?);
    drop(user);
    stage.restart().await?;
    let mut user = stage.login().await?;
    equal(
        "messages and names after a restart",
        &(known(&mut user, &inbox).await?, names(&mut user).await?),
        &before,
    )?;
    let next = user.append(&inbox, Mail::new("four")).await?.uid();
    ensure!(
        next > last,
        format!("a UID above {last}, which was used"),
        next.to_string()
    );
    if let Some(made) = made {
        equal(
            "messages in a mailbox that was made",
            &user.look(&made).await?.0.len(),
            &0,
        )?;
    }
    Ok(())
}

/// A mailbox of this name, subscribed, where there can be one.
async fn made<S: Session>(user: &mut User<S>, text: &str) -> Result<Option<MailboxName>, Stop> {
    let mailbox = name(text)?;
    match user
        .session
        .create(&mailbox, &Create::default())
        .await
        .optional("CREATE")
    {
        Err(Stop::Skipped(_)) => return Ok(None),
        done => done?,
    };
    match user.session.subscribe(&mailbox).await.optional("SUBSCRIBE") {
        Err(Stop::Skipped(_)) => {}
        done => done?,
    }
    Ok(Some(mailbox))
}

/// The names of mailboxes, and those that are subscribed.
async fn names<S: Session>(user: &mut User<S>) -> Result<[BTreeSet<String>; 2], Stop> {
    let text = |entry: imap_backend::ListEntry| entry.name().to_string();
    let subscribed = user.subscriptions().await?.into_iter().map(text).collect();
    Ok([user.list().await?.into_iter().map(text).collect(), subscribed])
}

/// A client from before a restart asks for what changed, and has the mailbox afterwards.
pub async fn a_client_from_before_misses_nothing<B: Backend>(stage: &Stage<B>) -> Verdict {
    stage.needs_restart()?;
    let inbox = MailboxName::inbox();
    let mut user = stage.login().await?;
    user.needs(Ability::ModSequences, "mod-sequences that are kept")?;
    let mut uids = Vec::new();
    for subject in ["one", "two", "three"] {
        uids.push(user.append(&inbox, Mail::new(subject)).await?.uid());
    }
    let memory = remember(&mut user).await?;
    let mut selected = user.select(&inbox, Access::ReadWrite).await?;
    let seen = FlagChange::new(FlagAction::Add, Flags::from_iter([Flag::Seen]));
    selected.store(&uids[..1], &seen).await?;
    selected.remove(&uids[1..2]).await?;
    let later = remember(&mut user).await?;
    drop((selected, user));
    stage.restart().await?;
    let mut user = stage.login().await?;
    come_back(&mut user, &memory, "a restart").await?;
    come_back(&mut user, &later, "a restart").await?;
    let mut selected = user.select(&inbox, Access::ReadWrite).await?;
    selected.store(&uids[2..], &seen).await?;
    drop(selected);
    come_back(&mut user, &later, "STORE after a restart").await
}

/// A command that is dropped at any point, as when a client goes away or the process is stopped, has happened whole or not at
/// all.
pub async fn a_dropped_append_is_whole_or_absent<B: Backend>(stage: &Stage<B>) -> Verdict {
    stage.needs_restart()?;
    let inbox = MailboxName::inbox();
    let mut answered = BTreeSet::new();
    for polls in 1..=12 {
        let mut user = stage.login().await?;
        let subject = format!("dropped after {polls}");
        let mail = Mail::new(&subject);
        let (append, source) = (mail.append(), Source::halting(mail.octets().clone()));
        let done = give_up(polls, user.session.append(&inbox, &append, source)).await;
        if let Some(done) = done {
            done.must("append")?;
            answered.insert(subject);
        }
        drop(user);
        stage.restart().await?;
        let (messages, _) = stage.login().await?.look(&inbox).await?;
        let mut found = BTreeSet::new();
        for message in &messages {
            let subject = message.subject();
            crate::read::same_octets("a message, whole", &message.octets, Mail::new(&subject).octets())?;
            ensure!(
                found.insert(subject.clone()),
                "each message once",
                format!("{subject} twice")
            );
        }
        ensure!(
            answered.is_subset(&found),
            format!("what was answered: {answered:?}"),
            format!("{found:?}")
        );
    }
    Ok(())
}

/// Polls a future so often, and drops it if it has not ended by then.
async fn give_up<T>(polls: u32, future: impl Future<Output = T>) -> Option<T> {
    let mut future = pin!(future);
    let mut left = polls;
    poll_fn(move |context| {
        let polled = future.as_mut().poll(context).map(Some);
        left -= 1;
        match polled {
            Poll::Pending if left == 0 => Poll::Ready(None),
            polled => polled,
        }
    })
    .await
}
