//! What NOTIFY asks to be told (RFC 5465).

use std::time::Duration;

use crate::response::Condition;
use crate::run::case::cases;
use crate::run::client::{Done, must, same};
use crate::run::stage::{Stage, message};

cases! { "notices":
    "NOTIFY tells of other mailboxes", "RFC 5465 5", ["NOTIFY"] => notify;
    "NOTIFY SET STATUS tells how other mailboxes are", "RFC 5465 3.1", ["NOTIFY"] => status;
    "NOTIFY of the selected mailbox tells what is asked for of a new message", "RFC 5465 5.2", ["NOTIFY"] => items;
    "an event that is not supported is refused by NO, and BADEVENT lists the others", "RFC 5465 5", ["NOTIFY"] => bad_event;
}

async fn notify(stage: &mut Stage) -> Done {
    let mut client = stage.client().await?;
    let name = stage.mailbox(&mut client, 0).await?;
    client
        .ok(&format!(
            "NOTIFY SET (MAILBOXES ({name}) (MessageNew MessageExpunge))"
        ))
        .await?;
    let mut other = stage.client().await?;
    other.append(&name, "", &message(1)).await?;
    let told = client.response_within(Duration::from_secs(90)).await?;
    must(
        told.is_some_and(|told| told.starts_with(b"* STATUS")),
        "no STATUS in 90 s",
    )
}

async fn status(stage: &mut Stage) -> Done {
    let mut client = stage.client().await?;
    let name = stage.mailbox(&mut client, 2).await?;
    let answer = client
        .ok(&format!(
            "NOTIFY SET STATUS (MAILBOXES ({name}) (MessageNew MessageExpunge))"
        ))
        .await?;
    same("STATUS", answer.texts("STATUS").len(), 1)?;
    for item in ["MESSAGES 2", "UIDNEXT ", "UIDVALIDITY "] {
        must(answer.says(item), format!("STATUS without {item}"))?;
    }
    Ok(())
}

async fn items(stage: &mut Stage) -> Done {
    let (mut client, name) = stage.selected(1).await?;
    client
        .ok("NOTIFY SET (SELECTED (MessageNew (UID BODY.PEEK[HEADER.FIELDS (SUBJECT)]) MessageExpunge))")
        .await?;
    stage.client().await?.append(&name, "", &message(2)).await?;
    for _ in 0..10 {
        let told = client
            .response_within(Duration::from_secs(90))
            .await?
            .unwrap_or_default();
        if told.starts_with(b"* 2 FETCH") {
            let told = String::from_utf8_lossy(&told).into_owned();
            return must(
                told.contains("message number 2"),
                format!("without its subject: {told}"),
            );
        }
        must(
            !told.is_empty(),
            "without a command, no FETCH of a new message in 90 s",
        )?;
    }
    must(false, "no FETCH of a new message")
}

async fn bad_event(stage: &mut Stage) -> Done {
    let mut client = stage.client().await?;
    // Of ANNOTATE (RFC 5257), which hardly any server has.
    let answer = client
        .command("NOTIFY SET (PERSONAL (MessageNew MessageExpunge AnnotationChange))")
        .await?;
    must(
        answer.condition != Condition::Bad,
        format!("AnnotationChange is answered {}", answer.last()),
    )?;
    // It need not be said; where it is, it lists what is supported.
    let listed = answer.code("BADEVENT");
    let is_list = |listed: &String| listed.starts_with('(') && !listed.contains("AnnotationChange");
    must(
        listed.as_ref().is_none_or(is_list),
        format!("BADEVENT lists other events than those that are supported: {listed:?}"),
    )
}
