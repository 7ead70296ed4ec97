//! Flags, and messages that are copied and moved.

use crate::run::case::cases;
use crate::run::client::{Client, Done, failed, must, same, set};
use crate::run::stage::Stage;

cases! { "changes":
    "STORE sets, adds and takes away", "RFC 9051 6.4.6", [] => store;
    "STORE with .SILENT says nothing of itself", "RFC 9051 6.4.6", [] => silent;
    "UID STORE answers with the UID", "RFC 9051 6.4.9", [] => uid_store;
    "keywords that are allowed are kept", "RFC 9051 2.3.2", [] => keywords;
    "flags are there after the mailbox was closed", "RFC 9051 2.3.2", [] => kept;
    "COPY keeps flags", "RFC 9051 6.4.7", [] => copy;
    "COPYUID says which UID became which", "RFC 4315 3", ["UIDPLUS|IMAP4REV2"] => copy_uid;
    "COPY to a mailbox that there is not says TRYCREATE", "RFC 9051 6.4.7", [] => try_create;
    "UID COPY of UIDs that there are not is OK", "RFC 9051 6.4.9", [] => copy_nothing;
    "MOVE takes away here and puts there", "RFC 6851 3.1", ["MOVE|IMAP4REV2"] => r#move;
    "MOVE to a mailbox that there is not takes nothing away", "RFC 6851 3.3", ["MOVE|IMAP4REV2"] => failed_move;
    "REPLACE puts one message in the place of another", "RFC 8508 3.1", ["REPLACE"] => replace;
}

async fn store(stage: &mut Stage) -> Done {
    let (mut client, _) = stage.selected(1).await?;
    for (command, flags) in [
        ("STORE 1 FLAGS (\\Seen \\Flagged)", vec!["\\flagged", "\\seen"]),
        (
            "STORE 1 +FLAGS (\\Answered)",
            vec!["\\answered", "\\flagged", "\\seen"],
        ),
        ("STORE 1 -FLAGS (\\Seen \\Draft)", vec!["\\answered", "\\flagged"]),
        ("STORE 1 FLAGS ()", vec![]),
    ] {
        client.ok(command).await?;
        let got = client.message(1).await?.flags.clone().unwrap_or_default();
        same(command, got, flags.into_iter().map(str::to_owned).collect())?;
    }
    Ok(())
}

async fn silent(stage: &mut Stage) -> Done {
    let (mut client, _) = stage.selected(1).await?;
    let answer = client.ok("STORE 1 +FLAGS.SILENT (\\Seen)").await?;
    let told = answer.fetched().iter().any(|fetched| fetched.flags.is_some());
    must(!told, "the flags are told")?;
    must(client.message(1).await?.has_flag("\\Seen"), "and not set")
}

async fn uid_store(stage: &mut Stage) -> Done {
    let (mut client, _) = stage.selected(1).await?;
    let uid = client.message(1).await?.uid;
    let answer = client.ok(&format!("UID STORE {uid} +FLAGS (\\Seen)")).await?;
    let told: Vec<u32> = answer.fetched().iter().map(|fetched| fetched.uid).collect();
    same("UID", told, vec![uid])
}

async fn keywords(stage: &mut Stage) -> Done {
    let (mut client, name) = stage.selected(1).await?;
    let selected = client.ok(&format!("SELECT {name}")).await?;
    if !selected
        .code("PERMANENTFLAGS")
        .is_some_and(|flags| flags.contains("\\*"))
    {
        return Err(crate::run::client::Stop::Skipped(
            "PERMANENTFLAGS without \\*".to_owned(),
        ));
    }
    client.ok("STORE 1 +FLAGS ($Conform)").await?;
    client.ok(&format!("SELECT {name}")).await?;
    must(
        client.message(1).await?.has_flag("$Conform"),
        "the keyword is gone",
    )
}

async fn kept(stage: &mut Stage) -> Done {
    let (mut client, name) = stage.selected(2).await?;
    client.ok("STORE 2 +FLAGS.SILENT (\\Answered \\Seen)").await?;
    client.ok("CLOSE").await?;
    let mut other = stage.also(&name).await?;
    let listing = other.messages(2).await?;
    must(
        listing[1].has_flag("\\Answered") && listing[1].has_flag("\\Seen"),
        "they are gone",
    )?;
    must(!listing[0].has_flag("\\Seen"), "another message has them")
}

async fn copy(stage: &mut Stage) -> Done {
    let (mut client, _) = stage.selected(3).await?;
    let other = stage.mailbox(&mut client, 0).await?;
    client.ok("STORE 2 +FLAGS (\\Flagged)").await?;
    client.ok(&format!("COPY 1:2 {other}")).await?;
    client.ok(&format!("SELECT {other}")).await?;
    let listing = client.listing().await?;
    same("messages", listing.len(), 2)?;
    must(
        listing.iter().any(|copied| copied.has_flag("\\Flagged")),
        "the flag was not copied",
    )
}

async fn copy_uid(stage: &mut Stage) -> Done {
    let (mut client, _) = stage.selected(3).await?;
    let other = stage.mailbox(&mut client, 1).await?;
    let from = client.uids(3).await?;
    let answer = client
        .ok(&format!("UID COPY {},{} {other}", from[0], from[2]))
        .await?;
    let Some(code) = answer.code("COPYUID") else {
        return failed("no COPYUID");
    };
    let words: Vec<&str> = code.split(' ').collect();
    same(
        "originals",
        set(words.get(1).unwrap_or(&"")),
        vec![from[0], from[2]],
    )?;
    let subjects = subjects(&mut client, &[from[0], from[2]]).await?;
    client.ok(&format!("SELECT {other}")).await?;
    let there: Vec<u32> = client
        .listing()
        .await?
        .iter()
        .skip(1)
        .map(|message| message.uid)
        .collect();
    let copies = set(words.get(2).unwrap_or(&""));
    let mut ascending = copies.clone();
    ascending.sort_unstable();
    same("copies", ascending, there)?;
    same(
        "the subjects of the copies",
        self::subjects(&mut client, &copies).await?,
        subjects,
    )
}

/// The subjects of these messages, in their order.
async fn subjects(client: &mut Client, uids: &[u32]) -> Done<Vec<String>> {
    let mut subjects = Vec::new();
    for uid in uids {
        let answer = client
            .ok(&format!("UID FETCH {uid} BODY.PEEK[HEADER.FIELDS (SUBJECT)]"))
            .await?;
        let of_one = answer.fetched().into_iter().flat_map(|fetched| fetched.items);
        subjects.extend(of_one.map(|(_, octets)| String::from_utf8_lossy(&octets).into_owned()));
    }
    Ok(subjects)
}

async fn try_create(stage: &mut Stage) -> Done {
    let (mut client, _) = stage.selected(1).await?;
    let missing = stage.name();
    let answer = client.refused(&format!("COPY 1 {missing}")).await?;
    must(answer.says("[TRYCREATE]"), "no TRYCREATE")
}

async fn copy_nothing(stage: &mut Stage) -> Done {
    let (mut client, _) = stage.selected(1).await?;
    let other = stage.mailbox(&mut client, 0).await?;
    client.ok(&format!("UID COPY 4000000000 {other}")).await?;
    same(
        "EXISTS",
        client.ok(&format!("SELECT {other}")).await?.numbers("EXISTS"),
        vec![0],
    )
}

async fn r#move(stage: &mut Stage) -> Done {
    let (mut client, _) = stage.selected(3).await?;
    let other = stage.mailbox(&mut client, 0).await?;
    let before = client.messages(3).await?;
    client.ok(&format!("MOVE 1:2 {other}")).await?;
    let after = client.listing().await?;
    same(
        "the one that is left",
        after.iter().map(|m| m.uid).collect(),
        vec![before[2].uid],
    )?;
    same(
        "EXISTS there",
        client.ok(&format!("SELECT {other}")).await?.numbers("EXISTS"),
        vec![2],
    )
}

async fn failed_move(stage: &mut Stage) -> Done {
    let (mut client, _) = stage.selected(2).await?;
    let missing = stage.name();
    client.refused(&format!("MOVE 1 {missing}")).await?;
    same("messages", client.listing().await?.len(), 2)
}

async fn replace(stage: &mut Stage) -> Done {
    let (mut client, name) = stage.selected(2).await?;
    let before = client.messages(2).await?;
    let message = b"Subject: in its place\r\n\r\nx\r\n";
    let answer = client.literal(&format!("REPLACE 1 {name}"), message).await?;
    must(answer.condition == crate::response::Condition::Ok, answer.last())?;
    client.ok("NOOP").await?;
    let after = client.listing().await?;
    same("messages", after.len(), 2)?;
    must(
        after.iter().all(|m| m.uid != before[0].uid),
        "the old one is still there",
    )
}
