//! EXPUNGE: what goes, and what must not.

use crate::mail::Mail;
use crate::stage::{Stage, User};
use crate::verdict::{Stop, Verdict, equal};
use imap_backend::{Backend, MailboxName, Session};
use imap_seq::Uid;
use imap_updates::{Access, Flag};

/// Messages without `\Deleted` stay, whatever the set says.
pub async fn only_deleted_messages_go<B: Backend>(stage: &Stage<B>) -> Verdict {
    let mut user = stage.login().await?;
    let uids = fill(
        &mut user,
        [&[], &[Flag::Deleted, Flag::Seen], &[Flag::Seen], &[Flag::Deleted]],
    )
    .await?;
    let mut selected = user.select(&MailboxName::inbox(), Access::ReadWrite).await?;
    selected.expunge(&uids).await?;
    left(&mut user, &[uids[0], uids[2]]).await
}

/// `\Deleted` messages outside of the set stay: UID EXPUNGE, and what EXPUNGE does not know of yet.
pub async fn only_messages_of_the_set_go<B: Backend>(stage: &Stage<B>) -> Verdict {
    let mut user = stage.login().await?;
    let uids = fill(
        &mut user,
        [&[Flag::Deleted], &[Flag::Deleted], &[Flag::Deleted], &[]],
    )
    .await?;
    let mut selected = user.select(&MailboxName::inbox(), Access::ReadWrite).await?;
    let news = selected.expunge(&[uids[1]]).await?;
    equal("expunged messages", &news.expunged, &vec![uids[1]])?;
    left(&mut user, &[uids[0], uids[2], uids[3]]).await
}

/// EXPUNGE of messages that are gone already, and of none at all.
pub async fn expunging_twice_is_harmless<B: Backend>(stage: &Stage<B>) -> Verdict {
    let mut user = stage.login().await?;
    let uids = fill(&mut user, [&[], &[Flag::Deleted], &[], &[]]).await?;
    let mut selected = user.select(&MailboxName::inbox(), Access::ReadWrite).await?;
    selected.expunge(&uids).await?;
    for again in [&uids[..], &uids[1..2], &[]] {
        let news = selected.expunge(again).await?;
        equal("messages expunged a second time", &news.expunged, &Vec::new())?;
    }
    left(&mut user, &[uids[0], uids[2], uids[3]]).await
}

async fn fill<S: Session>(user: &mut User<S>, flags: [&[Flag]; 4]) -> Result<Vec<Uid>, Stop> {
    let mut uids = Vec::new();
    for flags in flags {
        let mail = Mail::new("to expunge").flagged(flags.iter().cloned());
        uids.push(user.append(&MailboxName::inbox(), mail).await?.uid());
    }
    Ok(uids)
}

async fn left<S: Session>(user: &mut User<S>, expected: &[Uid]) -> Verdict {
    let (messages, _) = user.look(&MailboxName::inbox()).await?;
    equal(
        "messages left",
        &messages.iter().map(|m| m.uid).collect(),
        &expected.to_vec(),
    )
}
