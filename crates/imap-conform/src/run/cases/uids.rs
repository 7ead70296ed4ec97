//! UIDs alone, parts of results, and limits of how many messages a command is about.

use crate::response::Condition;
use crate::run::case::cases;
use crate::run::client::{Done, Stop, must, same, set};
use crate::run::stage::Stage;

cases! { "uids":
    "after ENABLE UIDONLY numbers are refused", "RFC 9586 3", ["UIDONLY"] => uid_only;
    "after ENABLE UIDONLY an expunge is told by VANISHED", "RFC 9586 3", ["UIDONLY"] => uid_only_expunge;
    "PARTIAL counts from either end", "RFC 9394 3.1", ["PARTIAL", "ESEARCH|IMAP4REV2"] => partial;
    "UIDBATCHES has every message in one batch", "draft-ietf-mailmaint-imap-uidbatches", ["UIDBATCHES"] => batches;
    "FETCH of more than MESSAGELIMIT says where it ended", "RFC 9738 3.1", ["MESSAGELIMIT="] => message_limit;
    "COPY of more than the limit is refused, and copies nothing", "RFC 9738 3", ["MESSAGELIMIT=|SAVELIMIT="] => save_limit;
}

async fn uid_only(stage: &mut Stage) -> Done {
    let mut client = stage.client().await?;
    let name = stage.mailbox(&mut client, 2).await?;
    client.ok("ENABLE UIDONLY").await?;
    client.ok(&format!("SELECT {name}")).await?;
    let answer = client.refused("FETCH 1 FLAGS").await?;
    must(answer.code("UIDREQUIRED").is_some(), "no UIDREQUIRED")?;
    same(
        "UIDFETCH",
        client.ok("UID FETCH 1:* FLAGS").await?.numbers("UIDFETCH").len(),
        2,
    )
}

async fn uid_only_expunge(stage: &mut Stage) -> Done {
    let mut client = stage.client().await?;
    let name = stage.mailbox(&mut client, 2).await?;
    client.ok("ENABLE UIDONLY").await?;
    client.ok(&format!("SELECT {name}")).await?;
    let first = client.ok("UID FETCH 1:* FLAGS").await?.numbers("UIDFETCH")[..]
        .first()
        .copied();
    let uid = first.unwrap_or(0);
    client.ok(&format!("UID STORE {uid} +FLAGS (\\Deleted)")).await?;
    let answer = client.ok("EXPUNGE").await?;
    same("VANISHED", answer.texts("VANISHED"), vec![uid.to_string()])
}

async fn partial(stage: &mut Stage) -> Done {
    let (mut client, _) = stage.selected(4).await?;
    for (window, found) in [("1:2", "1:2"), ("4:9", "4"), ("-1:-2", "3:4"), ("5:9", "NIL")] {
        let answer = client
            .ok(&format!("SEARCH RETURN (PARTIAL {window}) ALL"))
            .await?;
        let words = answer.words("ESEARCH").concat();
        let got = words
            .windows(3)
            .find(|words| words[0] == "PARTIAL")
            .map(|words| words[2].clone());
        let is_it = match found {
            "NIL" => got.as_deref() == Some("NIL"),
            found => got.as_deref().map(set) == Some(set(found)),
        };
        must(
            is_it,
            format!("PARTIAL {window} of four gives {got:?}, where {found} is right"),
        )?;
    }
    Ok(())
}

async fn batches(stage: &mut Stage) -> Done {
    let (mut client, _) = stage.selected(3).await?;
    let answer = client.ok("UIDBATCHES 1000").await?;
    let words = answer.words("UIDBATCHES").concat();
    same("the tag", words.get(1).map(String::as_str), Some(answer.tag()))?;
    let uids = client.uids(3).await?;
    let batches = words.get(2).map(|word| set(word)).unwrap_or_default();
    let times = |uid: &u32| batches.iter().filter(|batched| *batched == uid).count();
    must(
        uids.iter().all(|uid| times(uid) == 1),
        format!("UIDBATCHES gives {batches:?}, where each of {uids:?} is due once"),
    )
}

/// More messages than this are not stored to reach a limit.
const MOST: usize = 20;

fn small(limit: Option<usize>) -> Done<usize> {
    match limit {
        Some(limit) if limit <= MOST => Ok(limit),
        _ => Err(Stop::Skipped(format!(
            "the limit is not reached by {MOST} messages"
        ))),
    }
}

async fn message_limit(stage: &mut Stage) -> Done {
    let limit = small(stage.limit("MESSAGELIMIT"))?;
    let (mut client, _) = stage.selected(u32::try_from(limit + 2).unwrap_or(0)).await?;
    let answer = client.command("UID FETCH 1:* (FLAGS)").await?;
    let uids: Vec<u32> = answer.fetched().iter().map(|fetched| fetched.uid).collect();
    must(
        uids.len() <= limit,
        format!("{} messages, where MESSAGELIMIT={limit}", uids.len()),
    )?;
    let lowest = uids.iter().min().copied().unwrap_or(0);
    same(
        "MESSAGELIMIT",
        answer.code("MESSAGELIMIT"),
        Some(format!("{limit} {lowest}")),
    )
}

async fn save_limit(stage: &mut Stage) -> Done {
    let limits = [stage.limit("MESSAGELIMIT"), stage.limit("SAVELIMIT")];
    let limit = small(limits.into_iter().flatten().min())?;
    let (mut client, _) = stage.selected(u32::try_from(limit + 1).unwrap_or(0)).await?;
    let other = stage.mailbox(&mut client, 0).await?;
    let answer = client.command(&format!("COPY 1:* {other}")).await?;
    must(
        answer.condition == Condition::No && answer.code("MESSAGELIMIT").is_some(),
        format!("COPY of {} messages is answered {}", limit + 1, answer.last()),
    )?;
    let status = client.ok(&format!("STATUS {other} (MESSAGES)")).await?;
    must(status.says("MESSAGES 0"), "it is refused, and some were copied")
}
