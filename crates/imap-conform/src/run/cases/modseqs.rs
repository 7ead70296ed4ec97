//! Mod-sequences: CONDSTORE and QRESYNC.

use std::time::Duration;

use crate::run::case::cases;
use crate::run::client::{Client, Done, Fetched, failed, must, same, set};
use crate::run::stage::{Stage, message};

cases! { "mod-sequences":
    "SELECT tells HIGHESTMODSEQ", "RFC 7162 3.1.2", ["CONDSTORE|QRESYNC"] => highest;
    "a change makes the mod-sequence larger, and is told with it", "RFC 7162 3.1.3", ["CONDSTORE|QRESYNC"] => change;
    "another session is told of a change with the mod-sequence that FETCH gives", "RFC 7162 3.2.4", ["CONDSTORE|QRESYNC"] => told;
    "a change that changes nothing leaves others alone", "RFC 7162 3.1", ["CONDSTORE|QRESYNC"] => others;
    "UNCHANGEDSINCE refuses what was changed since", "RFC 7162 3.1.3", ["CONDSTORE|QRESYNC"] => unchanged_since;
    "CHANGEDSINCE gives what was changed since", "RFC 7162 3.1.4.1", ["CONDSTORE|QRESYNC"] => changed_since;
    "SEARCH MODSEQ finds what was changed since", "RFC 7162 3.1.5", ["CONDSTORE|QRESYNC"] => search;
    "STATUS tells HIGHESTMODSEQ", "RFC 7162 3.1.7", ["CONDSTORE|QRESYNC"] => status;
    "an expunge makes HIGHESTMODSEQ larger", "RFC 7162 3.2.7", ["QRESYNC"] => expunge;
    "VANISHED takes the place of EXPUNGE", "RFC 7162 3.2.10", ["QRESYNC"] => vanished;
    "SELECT with QRESYNC tells what was missed", "RFC 7162 3.2.5", ["QRESYNC"] => resync;
    "SELECT with QRESYNC and another UIDVALIDITY tells nothing", "RFC 7162 3.2.5.1", ["QRESYNC"] => other_validity;
    "UID FETCH with VANISHED tells what is gone", "RFC 7162 3.2.6", ["QRESYNC"] => fetch_vanished;
    "QRESYNC without ENABLE is refused", "RFC 7162 3.2.5", ["QRESYNC"] => not_enabled;
}

/// SELECT with CONDSTORE, and HIGHESTMODSEQ.
async fn select(client: &mut Client, name: &str) -> Done<u64> {
    let answer = client.ok(&format!("SELECT {name} (CONDSTORE)")).await?;
    match answer.number("HIGHESTMODSEQ") {
        Some(highest) => Ok(highest),
        None => failed("no HIGHESTMODSEQ"),
    }
}

async fn stage_with(stage: &mut Stage, messages: u32) -> Done<(Client, String, u64)> {
    let mut client = stage.client().await?;
    let name = stage.mailbox(&mut client, messages).await?;
    let highest = select(&mut client, &name).await?;
    Ok((client, name, highest))
}

/// A client with QRESYNC.
async fn resyncing(stage: &mut Stage) -> Done<Client> {
    let mut client = stage.client().await?;
    client.ok("ENABLE QRESYNC").await?;
    Ok(client)
}

async fn highest(stage: &mut Stage) -> Done {
    let (mut client, _, highest) = stage_with(stage, 2).await?;
    let fetched = client.ok("FETCH 1:* MODSEQ").await?.fetched();
    let largest = fetched.iter().map(|fetched| fetched.modseq).max().unwrap_or(0);
    must(
        fetched.iter().all(|fetched| fetched.modseq > 0),
        "a message without mod-sequence",
    )?;
    must(
        highest >= largest,
        format!("HIGHESTMODSEQ {highest}, and a message has {largest}"),
    )
}

async fn change(stage: &mut Stage) -> Done {
    let (mut client, _, highest) = stage_with(stage, 2).await?;
    for command in ["STORE 1 +FLAGS (\\Seen)", "STORE 1 +FLAGS.SILENT (\\Flagged)"] {
        let told = client.ok(command).await?.fetched();
        let modseq = told.iter().map(|fetched| fetched.modseq).max().unwrap_or(0);
        must(
            modseq > highest,
            format!("{command} is told with MODSEQ {modseq} after HIGHESTMODSEQ {highest}"),
        )?;
    }
    Ok(())
}

async fn told(stage: &mut Stage) -> Done {
    let (mut client, name, _) = stage_with(stage, 2).await?;
    stage.also(&name).await?.ok("STORE 1 +FLAGS (\\Flagged)").await?;
    let mut told = client.ok("NOOP").await?.fetched();
    // Servers may look for changes of other sessions once in a while.
    for _ in 0..10 {
        if !told.is_empty() {
            break;
        }
        tokio::time::sleep(Duration::from_millis(200)).await;
        told = client.ok("NOOP").await?.fetched();
    }
    let given = client.ok("FETCH 1 (FLAGS MODSEQ)").await?.fetched();
    let modseqs = |fetched: &[Fetched]| fetched.iter().map(|fetched| fetched.modseq).max();
    same("MODSEQ", modseqs(&told), modseqs(&given))
}

async fn others(stage: &mut Stage) -> Done {
    let (mut client, _, _) = stage_with(stage, 2).await?;
    let before = client.ok("FETCH 2 MODSEQ").await?.fetched();
    client.ok("STORE 1 +FLAGS (\\Seen)").await?;
    let after = client.ok("FETCH 2 MODSEQ").await?.fetched();
    let modseqs = |fetched: &[Fetched]| fetched.iter().map(|fetched| fetched.modseq).collect::<Vec<_>>();
    same("MODSEQ", modseqs(&after), modseqs(&before))
}

async fn unchanged_since(stage: &mut Stage) -> Done {
    let (mut client, _, highest) = stage_with(stage, 2).await?;
    client.ok("STORE 1 +FLAGS (\\Seen)").await?;
    let answer = client
        .command(&format!(
            "STORE 1:2 (UNCHANGEDSINCE {highest}) +FLAGS (\\Flagged)"
        ))
        .await?;
    same(
        "MODIFIED",
        answer.code("MODIFIED").map(|modified| set(&modified)),
        Some(vec![1]),
    )?;
    let listing = client.messages(2).await?;
    must(!listing[0].has_flag("\\Flagged"), "it was changed nevertheless")?;
    must(listing[1].has_flag("\\Flagged"), "the other was not")
}

async fn changed_since(stage: &mut Stage) -> Done {
    let (mut client, _, highest) = stage_with(stage, 3).await?;
    client.ok("STORE 2 +FLAGS (\\Seen)").await?;
    let fetched = client
        .ok(&format!("FETCH 1:* (FLAGS) (CHANGEDSINCE {highest})"))
        .await?
        .fetched();
    same(
        "changed",
        fetched.iter().map(|fetched| fetched.seq).collect(),
        vec![2],
    )?;
    must(fetched[0].modseq > highest, "without its MODSEQ")
}

async fn search(stage: &mut Stage) -> Done {
    let (mut client, _, highest) = stage_with(stage, 3).await?;
    client.ok("STORE 3 +FLAGS (\\Seen)").await?;
    let answer = client.ok(&format!("SEARCH MODSEQ {}", highest + 1)).await?;
    same("found", answer.found(), vec![3])?;
    must(answer.says("(MODSEQ "), "no MODSEQ behind the result")
}

async fn status(stage: &mut Stage) -> Done {
    let (mut client, name, _) = stage_with(stage, 1).await?;
    client.ok("CLOSE").await?;
    let answer = client.ok(&format!("STATUS {name} (HIGHESTMODSEQ)")).await?;
    must(answer.says("HIGHESTMODSEQ "), "no HIGHESTMODSEQ")
}

async fn expunge(stage: &mut Stage) -> Done {
    let (mut client, name, _) = stage_with(stage, 2).await?;
    client.ok("STORE 1 +FLAGS (\\Deleted)").await?;
    let before = select(&mut client, &name).await?;
    client.ok("EXPUNGE").await?;
    let after = select(&mut client, &name).await?;
    must(after > before, format!("HIGHESTMODSEQ {after} after {before}"))
}

async fn vanished(stage: &mut Stage) -> Done {
    let mut client = resyncing(stage).await?;
    let name = stage.mailbox(&mut client, 3).await?;
    select(&mut client, &name).await?;
    let listing = client.messages(3).await?;
    client.ok("STORE 2 +FLAGS (\\Deleted)").await?;
    let answer = client.ok("EXPUNGE").await?;
    same(
        "VANISHED",
        answer.texts("VANISHED"),
        vec![listing[1].uid.to_string()],
    )?;
    must(
        answer.number("HIGHESTMODSEQ").is_some(),
        "no HIGHESTMODSEQ in the OK",
    )
}

async fn resync(stage: &mut Stage) -> Done {
    let (mut client, name, highest) = stage_with(stage, 4).await?;
    let validity = client
        .ok(&format!("SELECT {name}"))
        .await?
        .number("UIDVALIDITY")
        .unwrap_or(0);
    let before = client.messages(4).await?;
    client.ok("STORE 2 +FLAGS (\\Deleted)").await?;
    client.ok("EXPUNGE").await?;
    client.ok("STORE 3 +FLAGS (\\Flagged)").await?;
    client.append(&name, "", &message(5)).await?;
    let mut back = resyncing(stage).await?;
    let answer = back
        .ok(&format!("SELECT {name} (QRESYNC ({validity} {highest}))"))
        .await?;
    let gone = answer.texts("VANISHED").concat();
    let gone = gone.strip_prefix("(EARLIER) ").map(set).unwrap_or_default();
    must(
        gone.contains(&before[1].uid),
        "VANISHED (EARLIER) does not tell what is gone",
    )?;
    let told: Vec<u32> = answer.fetched().iter().map(|fetched| fetched.uid).collect();
    must(
        told.contains(&before[3].uid),
        "the flags that were changed are not told",
    )?;
    must(!told.contains(&before[0].uid), "what was not changed is told")?;
    must(
        before
            .iter()
            .filter(|m| m.uid != before[1].uid)
            .all(|m| !gone.contains(&m.uid)),
        "what is there is gone",
    )
}

async fn other_validity(stage: &mut Stage) -> Done {
    let (_client, name, _) = stage_with(stage, 2).await?;
    let mut back = resyncing(stage).await?;
    let answer = back.ok(&format!("SELECT {name} (QRESYNC (1 1))")).await?;
    must(
        answer.texts("VANISHED").is_empty() && answer.fetched().is_empty(),
        "it tells what was missed",
    )
}

async fn fetch_vanished(stage: &mut Stage) -> Done {
    let mut client = resyncing(stage).await?;
    let name = stage.mailbox(&mut client, 3).await?;
    let highest = select(&mut client, &name).await?;
    let before = client.messages(3).await?;
    client.ok("STORE 1 +FLAGS (\\Deleted)").await?;
    client.ok("EXPUNGE").await?;
    let answer = client
        .ok(&format!(
            "UID FETCH 1:* (FLAGS) (CHANGEDSINCE {highest} VANISHED)"
        ))
        .await?;
    let gone = answer.texts("VANISHED").concat();
    let gone = gone.strip_prefix("(EARLIER) ").map(set).unwrap_or_default();
    must(
        gone.contains(&before[0].uid),
        "VANISHED (EARLIER) does not tell what is gone",
    )
}

async fn not_enabled(stage: &mut Stage) -> Done {
    let mut client = stage.client().await?;
    let name = stage.mailbox(&mut client, 0).await?;
    client
        .refused(&format!("SELECT {name} (QRESYNC (1 1))"))
        .await
        .map(drop)
}
