//! What one session does, and when another is told of it.

use std::time::Duration;

use crate::run::case::cases;
use crate::run::client::{Client, Done, must, same, set};
use crate::run::stage::{Stage, message};

cases! { "several sessions":
    "EXPUNGE removes what is deleted, and tells each", "RFC 9051 6.4.3", [] => expunge;
    "UID EXPUNGE removes what it names, if it is deleted", "RFC 4315 2.1", ["UIDPLUS|IMAP4REV2"] => uid_expunge;
    "another session is told of a message that came, by NOOP at the latest", "RFC 9051 5.2, 6.1.2", [] => arrival;
    "another session is told of flags", "RFC 9051 5.2", [] => flags;
    "another session is told of an expunge, by NOOP at the latest", "RFC 9051 6.1.2, 7.5.1", [] => told;
    "numbers mean what they meant while an expunge is held back", "RFC 9051 7.5.1", [] => held;
    "UIDs are not used again after an expunge", "RFC 9051 2.3.1.1", [] => not_again;
    "a session in IDLE is told", "RFC 2177 3", ["IDLE"] => idle;
    "all sessions have the same in the end", "RFC 9051 5.2", [] => agreement;
    "CLOSE of one is told to others", "RFC 9051 6.4.1, 7.5.1", [] => close;
}

/// Says NOOP until it is so, or patience ends: servers may look at other sessions' changes once in a while.
async fn by_noop(
    client: &mut Client,
    what: &str,
    mut is_so: impl FnMut(&crate::run::client::Answer) -> bool,
) -> Done {
    for wait in [0, 100, 400, 1500, 3000] {
        tokio::time::sleep(Duration::from_millis(wait)).await;
        if is_so(&client.ok("NOOP").await?) {
            return Ok(());
        }
    }
    must(false, format!("NOOP does not tell {what} in 5 s"))
}

async fn expunge(stage: &mut Stage) -> Done {
    let (mut client, _) = stage.selected(4).await?;
    client.ok("STORE 1,3 +FLAGS (\\Deleted)").await?;
    let gone = client.ok("EXPUNGE").await?.numbers("EXPUNGE");
    must(
        gone == [3, 1] || gone == [1, 2],
        format!("EXPUNGE {gone:?} for the first and the third"),
    )?;
    same("messages", client.listing().await?.len(), 2)
}

async fn uid_expunge(stage: &mut Stage) -> Done {
    let (mut client, _) = stage.selected(3).await?;
    let uids = client.uids(3).await?;
    client.ok("STORE 1:2 +FLAGS (\\Deleted)").await?;
    client.ok(&format!("UID EXPUNGE {}:{}", uids[1], uids[2])).await?;
    let left: Vec<u32> = client
        .listing()
        .await?
        .iter()
        .map(|message| message.uid)
        .collect();
    same("what is left", left, vec![uids[0], uids[2]])
}

async fn arrival(stage: &mut Stage) -> Done {
    let (mut client, name) = stage.selected(1).await?;
    let mut other = stage.client().await?;
    other.append(&name, "", &message(2)).await?;
    by_noop(&mut client, "of a message", |answer| {
        answer.numbers("EXISTS").contains(&2)
    })
    .await
}

async fn flags(stage: &mut Stage) -> Done {
    let (mut client, name) = stage.selected(1).await?;
    client.listing().await?;
    let mut other = stage.also(&name).await?;
    other.ok("STORE 1 +FLAGS (\\Answered)").await?;
    by_noop(&mut client, "of flags", |answer| {
        answer
            .fetched()
            .iter()
            .any(|fetched| fetched.has_flag("\\Answered"))
    })
    .await
}

async fn told(stage: &mut Stage) -> Done {
    let (mut client, name) = stage.selected(3).await?;
    client.listing().await?;
    let mut other = stage.also(&name).await?;
    other.ok("STORE 2 +FLAGS (\\Deleted)").await?;
    other.ok("EXPUNGE").await?;
    by_noop(&mut client, "of an expunge", |answer| {
        answer.numbers("EXPUNGE") == [2]
    })
    .await
}

async fn held(stage: &mut Stage) -> Done {
    let (mut client, name) = stage.selected(3).await?;
    let uids = client.uids(3).await?;
    let mut other = stage.also(&name).await?;
    other.ok("STORE 1 +FLAGS (\\Deleted)").await?;
    other.ok("EXPUNGE").await?;
    // FETCH, STORE and SEARCH must not tell; the follower sees to it that they do not.
    let fetched = client.command("FETCH 3 (UID)").await?.fetched();
    let third: Vec<u32> = fetched
        .iter()
        .filter(|fetched| fetched.seq == 3)
        .map(|fetched| fetched.uid)
        .collect();
    must(
        third.is_empty() || third == [uids[2]],
        format!("the third has the UID {third:?}, it was {}", uids[2]),
    )?;
    client.command("STORE 3 +FLAGS (\\Flagged)").await?;
    client.command("SEARCH FLAGGED").await?;
    other.ok("NOOP").await?;
    let flagged = other.ok("UID SEARCH FLAGGED").await?.found();
    same("the one with the flag", flagged, vec![uids[2]])
}

async fn not_again(stage: &mut Stage) -> Done {
    let (mut client, name) = stage.selected(2).await?;
    let last = client.message(2).await?.uid;
    client.ok("STORE 2 +FLAGS (\\Deleted)").await?;
    client.ok("EXPUNGE").await?;
    let selected = client.ok(&format!("SELECT {name}")).await?;
    must(
        selected
            .number("UIDNEXT")
            .is_none_or(|next| next > u64::from(last)),
        format!("UIDNEXT is not above UID {last}, which is gone"),
    )?;
    let appended = client.append(&name, "", &message(3)).await?;
    client.ok(&format!("SELECT {name}")).await?;
    let now = client.message(2).await?.uid;
    must(now > last, format!("UID {now} after UID {last}"))?;
    let told = appended
        .code("APPENDUID")
        .map(|code| set(code.rsplit(' ').next().unwrap_or("")));
    must(
        told.as_ref().is_none_or(|told| *told == [now]),
        format!("APPENDUID {told:?} of UID {now}"),
    )
}

async fn idle(stage: &mut Stage) -> Done {
    let (mut client, name) = stage.selected(2).await?;
    let tag = client.idle().await?;
    let mut other = stage.also(&name).await?;
    other.append(&name, "", &message(3)).await?;
    let mut heard = Vec::new();
    // What a server looks for once in a minute is heard as well.
    while !heard.ends_with(b"EXISTS\r\n") {
        match client.response_within(Duration::from_secs(90)).await? {
            Some(response) => heard = response,
            None => return must(false, "nothing is told in IDLE for 90 s"),
        }
    }
    same("told", heard, b"* 3 EXISTS\r\n".to_vec())?;
    client.send(b"DONE\r\n").await?;
    client.answer(&tag).await.map(drop)
}

async fn agreement(stage: &mut Stage) -> Done {
    let (mut one, name) = stage.selected(5).await?;
    let (mut two, mut three) = (stage.also(&name).await?, stage.also(&name).await?);
    one.ok("STORE 2,4 +FLAGS (\\Deleted)").await?;
    two.append(&name, "(\\Flagged)", &message(6)).await?;
    one.ok("EXPUNGE").await?;
    three.ok("UID STORE 1:* +FLAGS ($Three)").await?;
    let mut listings = Vec::new();
    for client in [&mut one, &mut two, &mut three] {
        client.ok("NOOP").await?;
        listings.push(client.listing().await?);
    }
    let fresh = stage.also(&name).await?.listing().await?;
    let ids = |listing: &[crate::run::client::Fetched]| {
        listing
            .iter()
            .map(|message| (message.seq, message.uid))
            .collect::<Vec<_>>()
    };
    for listing in &listings {
        same("messages", ids(listing), ids(&fresh))?;
    }
    Ok(())
}

async fn close(stage: &mut Stage) -> Done {
    let (mut client, name) = stage.selected(2).await?;
    client.listing().await?;
    let mut other = stage.also(&name).await?;
    other.ok("STORE 1 +FLAGS (\\Deleted)").await?;
    other.ok("CLOSE").await?;
    by_noop(&mut client, "of an expunge by CLOSE", |answer| {
        answer.numbers("EXPUNGE") == [1]
    })
    .await
}
