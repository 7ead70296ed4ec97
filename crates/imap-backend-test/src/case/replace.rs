//! REPLACE: a message in the place of another.

use super::quota::{Silent, Then};
use crate::mail::{Mail, Source};
use crate::read::same_octets;
use crate::stage::{Stage, User};
use crate::verdict::{Answer, Stop, Verdict, ensure, equal};
use imap_backend::{Ability, Append, Backend, ErrorKind, MailboxName, Session};
use imap_updates::{Access, Flag};

/// The old message is gone and the new one is there, for this session and for others.
pub async fn a_message_takes_the_place_of_another<B: Backend>(stage: &Stage<B>) -> Verdict {
    let mut user = ready(stage).await?;
    let inbox = MailboxName::inbox();
    let old = user.append(&inbox, Mail::new("old")).await?.uid();
    let other = user.append(&inbox, Mail::new("other")).await?.uid();
    let mut selected = user.select(&inbox, Access::ReadWrite).await?;
    let mut watching = user.select(&inbox, Access::ReadWrite).await?;
    let mail = Mail::new("new").flagged([Flag::Draft]);
    let replaced = user
        .session
        .replace(&mut selected.mailbox, old, &inbox, &mail.append(), mail.source())
        .await
        .must("replace")?;
    for session in [&mut selected, &mut watching] {
        let news = session.noop().await?;
        equal("messages that went", &news.expunged, &vec![old])?;
        equal("messages that came", &news.arrived, &vec![replaced.uid()])?;
    }
    let (messages, validity) = user.look(&inbox).await?;
    equal("UIDVALIDITY", &replaced.uid_validity(), &validity)?;
    let uids: Vec<_> = messages.iter().map(|message| message.uid).collect();
    equal("messages", &uids, &vec![other, replaced.uid()])?;
    same_octets("octets", &messages[1].octets, mail.octets())?;
    equal("flags", &messages[1].flags, mail.append().flags())
}

/// A message goes here, and another one comes there.
pub async fn the_two_mailboxes_may_differ<B: Backend>(stage: &Stage<B>) -> Verdict {
    let mut user = ready(stage).await?;
    let (inbox, target) = (MailboxName::inbox(), user.second_mailbox().await?);
    let old = user.append(&inbox, Mail::new("old")).await?.uid();
    let mut selected = user.select(&inbox, Access::ReadWrite).await?;
    let mail = Mail::new("new");
    let replaced = user
        .session
        .replace(&mut selected.mailbox, old, &target, &mail.append(), mail.source())
        .await
        .must("replace")?;
    equal("messages that went", &selected.noop().await?.expunged, &vec![old])?;
    equal("messages here", &user.look(&inbox).await?.0.len(), &0)?;
    let there = user.look(&target).await?.0;
    equal(
        "messages there",
        &there.iter().map(|m| m.uid).collect(),
        &vec![replaced.uid()],
    )
}

/// Others that are marked `\\Deleted` stay.
pub async fn only_the_message_named_goes<B: Backend>(stage: &Stage<B>) -> Verdict {
    let mut user = ready(stage).await?;
    let inbox = MailboxName::inbox();
    let deleted = || Mail::new("deleted").flagged([Flag::Deleted]);
    let before = user.append(&inbox, deleted()).await?.uid();
    let old = user.append(&inbox, Mail::new("old")).await?.uid();
    let behind = user.append(&inbox, deleted()).await?.uid();
    let mut selected = user.select(&inbox, Access::ReadWrite).await?;
    let mail = Mail::new("new");
    let replaced = user
        .session
        .replace(&mut selected.mailbox, old, &inbox, &mail.append(), mail.source())
        .await
        .must("replace")?;
    equal("messages that went", &selected.noop().await?.expunged, &vec![old])?;
    let uids: Vec<_> = user.look(&inbox).await?.0.iter().map(|m| m.uid).collect();
    equal("messages", &uids, &vec![before, behind, replaced.uid()])
}

/// A client that goes away in the middle of the new message leaves the old one, with the flags that it had.
pub async fn without_a_new_message_the_old_one_stays_as_it_is<B: Backend>(stage: &Stage<B>) -> Verdict {
    let mut user = ready(stage).await?;
    let inbox = MailboxName::inbox();
    let old = user.append(&inbox, Mail::new("old")).await?.uid();
    let mut selected = user.select(&inbox, Access::ReadWrite).await?;
    let mail = Mail::new(&"half ".repeat(100));
    let half = Source::broken_off(mail.octets().clone());
    let answer = user
        .session
        .replace(&mut selected.mailbox, old, &inbox, &mail.append(), half)
        .await;
    answer.refused("replacing by half a message", &[ErrorKind::ClientGone])?;
    let news = selected.noop().await?;
    ensure!(news.is_silent(), "nothing to tell", news.to_string());
    let messages = user.look(&inbox).await?.0;
    equal("messages", &messages.iter().map(|m| m.uid).collect(), &vec![old])?;
    ensure!(
        messages[0].flags.is_empty(),
        "no flags",
        messages[0].flags.to_string()
    );
    Ok(())
}

/// Where the message is gone already, no new one comes.
pub async fn a_message_that_is_gone_is_not_replaced<B: Backend>(stage: &Stage<B>) -> Verdict {
    let mut user = ready(stage).await?;
    let inbox = MailboxName::inbox();
    let old = user.append(&inbox, Mail::new("old")).await?.uid();
    let mut selected = user.select(&inbox, Access::ReadWrite).await?;
    let mut other = user.select(&inbox, Access::ReadWrite).await?;
    other.remove(&[old]).await?;
    let mail = Mail::new("new");
    let answer = user
        .session
        .replace(&mut selected.mailbox, old, &inbox, &mail.append(), mail.source())
        .await;
    answer.refused("replacing a message that is gone", &[ErrorKind::ExpungeIssued])?;
    equal("messages", &user.look(&inbox).await?.0.len(), &0)
}

/// For a user's quota the difference counts: at the limit, a message that takes no more room may take the place of another, and
/// one that takes too much is refused before it is read, or afterwards where nobody knew its size. The old one stays then.
pub async fn what_goes_makes_room_for_what_comes<B: Backend>(stage: &Stage<B>) -> Verdict {
    let mut user = ready(stage).await?;
    user.needs(Ability::Quota, "quotas")?;
    let (inbox, other) = (MailboxName::inbox(), user.second_mailbox().await?);
    stage.limit(1, 4096)?;
    let mut uid = user.append(&inbox, mail_of(3000)).await?.uid();
    let mut selected = user.select(&inbox, Access::ReadWrite).await?;
    for (announced, then) in [(Some(5000), Then::Error), (None, Then::Octets(5000))] {
        let source = Silent { announced, then };
        let append = Append::default();
        let answer = user
            .session
            .replace(&mut selected.mailbox, uid, &inbox, &append, source)
            .await;
        answer.refused("replacing by 5000 octets where 4096 fit", &[ErrorKind::OverQuota])?;
    }
    // The last time the user holds more than is allowed already.
    for (limit, octets, to) in [(4096, 3500, &inbox), (1024, 3500, &inbox), (1024, 3400, &other)] {
        stage.limit(1, limit)?;
        let mail = mail_of(octets);
        let replaced = user
            .session
            .replace(&mut selected.mailbox, uid, to, &mail.append(), mail.source())
            .await;
        uid = replaced.must("replace at the limit")?.uid();
    }
    equal("messages here", &user.look(&inbox).await?.0.len(), &0)?;
    equal("messages there", &user.look(&other).await?.0.len(), &1)
}

/// A message of so many octets.
fn mail_of(octets: usize) -> Mail {
    let mut all = b"Subject: replaced\r\n\r\n".to_vec();
    all.resize(octets, b'x');
    Mail::raw(all)
}

async fn ready<B: Backend>(stage: &Stage<B>) -> Result<User<B::Session>, Stop> {
    let user = stage.login().await?;
    user.needs(Ability::Replace, "REPLACE")?;
    Ok(user)
}
