//! STATUS: the figures for which each message counts, and identifiers.

use crate::mail::Mail;
use crate::selected::Selected;
use crate::stage::{Stage, User, name};
use crate::verdict::{Answer, Stop, Verdict, ensure, equal};
use chrono::{DateTime, Datelike as _, Utc};
use imap_backend::{
    Ability, Backend, Create, FlagAction, FlagChange, Mailbox, MailboxName, Need, ObjectId, Record, Select,
    Session, Status, StatusQuery, status,
};
use imap_seq::{Uid, UidSet};
use imap_updates::{Access, Flag, Flags};

const COUNTED: StatusQuery = StatusQuery::SIZE
    .and(StatusQuery::DELETED)
    .and(StatusQuery::DELETED_STORAGE);

/// SIZE, DELETED and DELETED-STORAGE are sums over the messages, while they come, get flags and go. A backend need not answer
/// them: the server counts then.
pub async fn sums_are_those_of_the_messages<B: Backend>(stage: &Stage<B>) -> Verdict {
    let (mut user, mut other) = (stage.login().await?, stage.login().await?);
    let inbox = MailboxName::inbox();
    agree(&mut user, &inbox).await?;
    let mut uids = Vec::new();
    for (subject, flags) in [("one", vec![]), ("two", vec![Flag::Deleted]), ("three", vec![])] {
        let mail = Mail::new(subject).flagged(flags);
        uids.push(user.append(&inbox, mail).await?.uid());
    }
    agree(&mut user, &inbox).await?;
    let mut selected = other.select(&inbox, Access::ReadWrite).await?;
    agree(&mut user, &inbox).await?;
    selected.remove(&uids[2..]).await?;
    agree(&mut user, &inbox).await?;
    drop(selected);
    agree(&mut user, &inbox).await
}

async fn agree<S: Session>(user: &mut User<S>, mailbox: &MailboxName) -> Verdict {
    let told = user.session.status(mailbox, COUNTED).await.must("status")?;
    let counted = status::by_opening(&mut user.session, mailbox, COUNTED)
        .await
        .must("status by opening")?;
    let figure = |what: &str, told: Option<u64>, counted: Option<u64>| match told {
        Some(_) => equal(what, &told, &counted),
        None => Ok(()),
    };
    let deleted = |status: &Status| status.deleted().map(u64::from);
    figure("SIZE of STATUS", told.size(), counted.size())?;
    figure("DELETED of STATUS", deleted(&told), deleted(&counted))?;
    figure(
        "DELETED-STORAGE of STATUS",
        told.deleted_storage(),
        counted.deleted_storage(),
    )
}

/// SELECT, STATUS and CREATE say the same MAILBOXID, which a mailbox keeps under another name and no other mailbox has.
pub async fn a_mailbox_keeps_its_id<B: Backend>(stage: &Stage<B>) -> Verdict {
    let mut user = stage.login().await?;
    user.needs(Ability::ObjectId, "object ids")?;
    let (first, second) = (name("kit first")?, name("kit second")?);
    let created = user
        .session
        .create(&first, &Create::default())
        .await
        .optional("CREATE")?;
    let id = mailbox_id(&mut user, &first).await?;
    equal("MAILBOXID of CREATE", &created.mailbox_id(), &Some(&id))?;
    ensure!(
        mailbox_id(&mut user, &MailboxName::inbox()).await? != id,
        "another MAILBOXID for another mailbox",
        id.to_string()
    );
    user.session.rename(&first, &second).await.optional("RENAME")?;
    equal(
        "MAILBOXID after RENAME",
        &mailbox_id(&mut user, &second).await?,
        &id,
    )?;
    user.session.delete(&second).await.optional("DELETE")?;
    user.create("kit second").await?;
    ensure!(
        mailbox_id(&mut user, &second).await? != id,
        "another MAILBOXID for a new mailbox of an old name",
        id.to_string()
    );
    Ok(())
}

/// What SELECT and STATUS say.
async fn mailbox_id<S: Session>(user: &mut User<S>, mailbox: &MailboxName) -> Result<ObjectId, Stop> {
    let status = user.session.status(mailbox, StatusQuery::MAILBOX_ID).await;
    let status = status.must("status")?;
    let opened = user.session.select(mailbox, &Select::new(Access::ReadOnly)).await;
    let opened = opened.must("select")?;
    equal("MAILBOXID of STATUS", &status.mailbox_id(), &opened.mailbox_id())?;
    let id = opened.mailbox_id().cloned();
    id.ok_or_else(|| Stop::failed("a MAILBOXID", "none"))
}

/// Every message has an EMAILID, its copies have the same, and other messages have others.
pub async fn copies_have_the_same_email_id<B: Backend>(stage: &Stage<B>) -> Verdict {
    let mut user = stage.login().await?;
    user.needs(Ability::ObjectId, "object ids")?;
    let (inbox, target) = (MailboxName::inbox(), user.second_mailbox().await?);
    let one = user.append(&inbox, Mail::new("one")).await?.uid();
    let two = user.append(&inbox, Mail::new("two")).await?.uid();
    let mut selected = user.select(&inbox, Access::ReadWrite).await?;
    let uids: UidSet = [one].into_iter().collect();
    selected.mailbox.copy(&uids, &target).await.must("copy")?;
    let ids = email_ids(&mut selected, &[one, two]).await?;
    ensure!(
        ids[0] != ids[1],
        "an EMAILID for each message",
        format!("{ids:?}")
    );
    drop(selected);
    let mut copies = user.select(&target, Access::ReadOnly).await?;
    let copied = copies.model.uids();
    let copy = email_ids(&mut copies, &copied).await?;
    equal("EMAILID of a copy", &copy, &ids[..1].to_vec())
}

/// Every message that is stored has a save date, whatever its internal date says, and keeps it; copies and moved messages have
/// one too.
pub async fn a_save_date_stays_and_is_no_internal_date<B: Backend>(stage: &Stage<B>) -> Verdict {
    let mut user = stage.login().await?;
    user.needs(Ability::SaveDate, "save dates")?;
    let (inbox, target) = (MailboxName::inbox(), user.second_mailbox().await?);
    let long_ago = "2000-01-01T00:00:00+00:00";
    let mut uids = Vec::new();
    for subject in ["copied", "moved"] {
        let mail = Mail::new(subject).dated(long_ago);
        uids.push(user.append(&inbox, mail).await?.uid());
    }
    let mut selected = user.select(&inbox, Access::ReadWrite).await?;
    let before = save_dates(&mut selected, &uids).await?;
    let flagged = FlagChange::new(FlagAction::Add, Flags::from_iter([Flag::Flagged]));
    selected.store(&uids, &flagged).await?;
    let (copied, moved) = (UidSet::from_iter([uids[0]]), UidSet::from_iter([uids[1]]));
    selected.mailbox.copy(&copied, &target).await.must("copy")?;
    equal(
        "save dates afterwards",
        &save_dates(&mut selected, &uids).await?,
        &before,
    )?;
    selected.mailbox.move_to(&moved, &target).await.optional("MOVE")?;
    drop(selected);
    let mut there = user.select(&target, Access::ReadOnly).await?;
    let copies = there.model.uids();
    for date in save_dates(&mut there, &copies).await?.iter().chain(&before) {
        ensure!(
            date.year() > 2000,
            "a save date that is not the internal date",
            date.to_string()
        );
    }
    Ok(())
}

async fn save_dates<M: Mailbox>(
    selected: &mut Selected<M>,
    uids: &[Uid],
) -> Result<Vec<DateTime<Utc>>, Stop> {
    let mut dates = Vec::new();
    for record in selected.fetch(uids, Need::SAVE_DATE).await?.iter() {
        let date = record.as_ref().and_then(Record::save_date);
        dates.push(date.ok_or_else(|| Stop::failed("a save date", "none"))?);
    }
    Ok(dates)
}

async fn email_ids<M: Mailbox>(selected: &mut Selected<M>, uids: &[Uid]) -> Result<Vec<ObjectId>, Stop> {
    let mut ids = Vec::new();
    for record in selected.fetch(uids, Need::OBJECT_IDS).await?.iter() {
        let id = record.as_ref().and_then(|record| record.email_id().cloned());
        ids.push(id.ok_or_else(|| Stop::failed("an EMAILID", "none"))?);
    }
    Ok(ids)
}
