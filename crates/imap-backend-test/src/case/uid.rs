//! UIDs: ascending, never used twice, as long-lived as UIDVALIDITY says.

use crate::mail::Mail;
use crate::stage::{Stage, User};
use crate::verdict::{Answer, Stop, Verdict, ensure, equal};
use imap_backend::{Backend, Create, Mailbox, MailboxName, Session};
use imap_seq::{Uid, UidSet, UidValidity};
use imap_updates::Access;

/// A new message has a UID above all others, and not below the UIDNEXT that was told before.
pub async fn uids_ascend<B: Backend>(stage: &Stage<B>) -> Verdict {
    let mut user = stage.login().await?;
    let inbox = MailboxName::inbox();
    let mut last = None;
    for subject in ["one", "two", "three"] {
        let foretold = user.status(&inbox).await?.uid_next();
        let selected = user.select(&inbox, Access::ReadOnly).await?.figures.uid_next;
        let uid = user.append(&inbox, Mail::new(subject)).await?.uid();
        for uid_next in [foretold, selected] {
            ensure!(
                uid_next.is_some_and(|next| uid >= next),
                format!("a UID from UIDNEXT ({uid_next:?}) on"),
                format!("UID {uid}"),
            );
        }
        ensure!(
            Some(uid) > last,
            format!("a UID above {last:?}"),
            format!("UID {uid}")
        );
        last = Some(uid);
    }
    let after = user.status(&inbox).await?.uid_next();
    ensure!(
        after.is_none_or(|next| Some(next) > last),
        format!("UIDNEXT above {last:?}"),
        format!("{after:?}"),
    );
    Ok(())
}

/// The UID of a message that was expunged is not given to the next one, also when it was the highest and nobody has
/// the mailbox open.
pub async fn uids_of_expunged_messages_are_not_used_again<B: Backend>(stage: &Stage<B>) -> Verdict {
    let mut user = stage.login().await?;
    let inbox = MailboxName::inbox();
    user.append(&inbox, Mail::new("one")).await?;
    let gone = user.append(&inbox, Mail::new("two")).await?.uid();
    let mut selected = user.select(&inbox, Access::ReadWrite).await?;
    selected.remove(&[gone]).await?;
    selected.mailbox.close().await.must("close")?;
    drop(selected.updates);
    let next = user.append(&inbox, Mail::new("three")).await?.uid();
    ensure!(
        next > gone,
        format!("a UID above the expunged {gone}"),
        format!("UID {next}")
    );
    Ok(())
}

/// Selecting again, from another session too, finds the same UIDs under the same UIDVALIDITY.
pub async fn uids_outlive_the_selection<B: Backend>(stage: &Stage<B>) -> Verdict {
    let mut user = stage.login().await?;
    let inbox = MailboxName::inbox();
    for subject in ["one", "two", "three"] {
        user.append(&inbox, Mail::new(subject)).await?;
    }
    let before = uids(&mut user, &inbox).await?;
    equal(
        "UIDs in the same session",
        &uids(&mut user, &inbox).await?,
        &before,
    )?;
    let mut other = stage.login().await?;
    equal(
        "UIDs in another session",
        &uids(&mut other, &inbox).await?,
        &before,
    )
}

/// A mailbox that is deleted and created again has another UIDVALIDITY, or goes on above its old UIDs.
pub async fn uids_of_a_deleted_mailbox_are_not_used_again<B: Backend>(stage: &Stage<B>) -> Verdict {
    let mut user = stage.login().await?;
    let mailbox = user.create("kit").await?;
    let old = user.append(&mailbox, Mail::new("old")).await?;
    user.session.delete(&mailbox).await.optional("DELETE")?;
    user.session
        .create(&mailbox, &Create::default())
        .await
        .must("create after delete")?;
    let new = user.append(&mailbox, Mail::new("new")).await?;
    is_another((old.uid_validity(), old.uid()), (new.uid_validity(), new.uid()))?;
    let (messages, _) = user.look(&mailbox).await?;
    equal("messages in the new mailbox", &messages.len(), &1)
}

/// RENAME keeps messages, UIDs and UIDVALIDITY.
pub async fn rename_keeps_uids<B: Backend>(stage: &Stage<B>) -> Verdict {
    let mut user = stage.login().await?;
    let (from, to) = (user.create("kit from").await?, crate::stage::name("kit to")?);
    let first = user.append(&from, Mail::new("one")).await?.uid();
    for subject in ["two", "three"] {
        user.append(&from, Mail::new(subject)).await?;
    }
    // A gap: who numbers the messages anew is found out.
    let mut selected = user.select(&from, Access::ReadWrite).await?;
    selected.remove(&[first]).await?;
    drop(selected);
    let before = uids(&mut user, &from).await?;
    user.session.rename(&from, &to).await.optional("RENAME")?;
    equal(
        "UIDs and UIDVALIDITY after RENAME",
        &uids(&mut user, &to).await?,
        &before,
    )?;
    ensure!(!user.has(&from).await?, "the old name to be gone", "it is listed");
    Ok(())
}

/// A mailbox that is created where another was renamed away does not take its UIDs up.
pub async fn a_name_that_was_renamed_away_starts_afresh<B: Backend>(stage: &Stage<B>) -> Verdict {
    let mut user = stage.login().await?;
    let (from, to) = (user.create("kit from").await?, crate::stage::name("kit to")?);
    let old = user.append(&from, Mail::new("old")).await?;
    user.session.rename(&from, &to).await.optional("RENAME")?;
    user.session
        .create(&from, &Create::default())
        .await
        .must("create where a mailbox was renamed away")?;
    let new = user.append(&from, Mail::new("new")).await?;
    is_another((old.uid_validity(), old.uid()), (new.uid_validity(), new.uid()))?;
    let (messages, _) = user.look(&to).await?;
    equal(
        "UIDs under the new name",
        &messages.iter().map(|m| m.uid).collect(),
        &vec![old.uid()],
    )
}

/// SELECT, STATUS, APPEND and COPY speak of one UIDVALIDITY.
pub async fn everyone_says_the_same_uidvalidity<B: Backend>(stage: &Stage<B>) -> Verdict {
    let mut user = stage.login().await?;
    let inbox = MailboxName::inbox();
    let appended = user.append(&inbox, Mail::new("one")).await?;
    let mut selected = user.select(&inbox, Access::ReadWrite).await?;
    let validity = selected.figures.uid_validity;
    equal("UIDVALIDITY of APPEND", &appended.uid_validity(), &validity)?;
    equal(
        "UIDVALIDITY of STATUS",
        &user.status(&inbox).await?.uid_validity(),
        &validity,
    )?;
    let set = UidSet::from_iter([appended.uid()]);
    let copied = selected.mailbox.copy(&set, &inbox).await.optional("COPY")?;
    equal("UIDVALIDITY of COPY", &copied.uid_validity(), &validity)
}

async fn uids<S: Session>(
    user: &mut User<S>,
    mailbox: &MailboxName,
) -> Result<(Vec<Uid>, UidValidity), Stop> {
    let (messages, validity) = user.look(mailbox).await?;
    Ok((messages.iter().map(|message| message.uid).collect(), validity))
}

/// A UID is never given twice under one name and UIDVALIDITY.
fn is_another(old: (UidValidity, Uid), new: (UidValidity, Uid)) -> Verdict {
    ensure!(
        new.0 != old.0 || new.1 > old.1,
        format!("a new UIDVALIDITY, or a UID above {}", old.1),
        format!("UIDVALIDITY {} again, with UID {}", new.0, new.1),
    );
    Ok(())
}
