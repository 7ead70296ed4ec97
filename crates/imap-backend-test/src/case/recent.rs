//! `\Recent`: one session is the first to be told (IMAP4rev1).

use crate::mail::Mail;
use crate::stage::Stage;
use crate::verdict::{Verdict, equal};
use imap_backend::{Backend, MailboxName};
use imap_updates::Access;

/// Of two sessions that select, one gets `\Recent`; so too for what arrives later.
pub async fn one_session_gets_recent<B: Backend>(stage: &Stage<B>) -> Verdict {
    let (mut user, mut other) = (stage.login().await?, stage.login().await?);
    let inbox = MailboxName::inbox();
    user.append(&inbox, Mail::new("one")).await?;
    user.append(&inbox, Mail::new("two")).await?;
    let mut first = user.select(&inbox, Access::ReadWrite).await?;
    let mut second = other.select(&inbox, Access::ReadWrite).await?;
    equal(
        "RECENT of both sessions",
        &(first.figures.recent, second.figures.recent),
        &(2, 0),
    )?;
    let late = user.append(&inbox, Mail::new("three")).await?.uid();
    second.noop().await?;
    first.noop().await?;
    let claimed = [&first, &second].map(|s| s.updates.recent_uids().contains(late));
    equal(
        "the session that was told first, of (first, second)",
        &claimed,
        &[false, true],
    )
}

/// EXAMINE and STATUS show `\Recent` and leave it to the next SELECT.
pub async fn examine_and_status_take_no_recent<B: Backend>(stage: &Stage<B>) -> Verdict {
    let mut user = stage.login().await?;
    let inbox = MailboxName::inbox();
    user.append(&inbox, Mail::new("one")).await?;
    for _ in 0..2 {
        equal("RECENT of STATUS", &user.status(&inbox).await?.recent(), &1)?;
        equal(
            "RECENT of EXAMINE",
            &user.select(&inbox, Access::ReadOnly).await?.figures.recent,
            &1,
        )?;
    }
    let selected = user.select(&inbox, Access::ReadWrite).await?;
    equal("RECENT of SELECT", &selected.figures.recent, &1)?;
    equal(
        "RECENT of STATUS after SELECT",
        &user.status(&inbox).await?.recent(),
        &0,
    )
}
