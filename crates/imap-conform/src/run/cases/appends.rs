//! APPEND beyond one message, and REPLACE.

use super::messages::only;
use crate::response::Condition;
use crate::run::case::cases;
use crate::run::client::{Done, Stop, must, same};
use crate::run::stage::{Stage, message};

cases! { "appends":
    "where one of several messages is refused, none is stored", "RFC 3502 6.3.11", ["MULTIAPPEND"] => none_of_several;
    "a message that is longer than APPENDLIMIT is refused", "RFC 7889 4", ["APPENDLIMIT="] => too_long;
    "STATUS tells APPENDLIMIT", "RFC 7889 3.1", ["APPENDLIMIT=|APPENDLIMIT"] => status;
    "a message is stored as a literal8, and comes back", "RFC 3516 4.4", ["BINARY"] => literal8;
    "BINARY.SIZE is the size of the decoded part", "RFC 3516 4.3", ["BINARY"] => binary_size;
    "REPLACE that fails leaves the old message", "RFC 8508 3.4", ["REPLACE"] => failed_replace;
    "a message that replaces another has no flags of it", "RFC 8508 1", ["REPLACE"] => own_flags;
}

async fn none_of_several(stage: &mut Stage) -> Done {
    let mut client = stage.client().await?;
    let name = stage.mailbox(&mut client, 0).await?;
    let (one, two) = (message(1), message(2));
    let pieces: [(&str, &[u8]); 2] = [
        (&format!("APPEND {name} "), &one),
        (" \"99-Foo-2024 10:00:00 +0000\" ", &two),
    ];
    // It may close the connection as well.
    if let Ok(answer) = client.literals(&pieces, "").await {
        must(
            answer.condition != Condition::Ok,
            "APPEND with a date that is none is answered OK",
        )?;
    }
    stage.also(&name).await?.messages(0).await.map(drop)
}

/// More than this is not sent to be refused.
const MOST: usize = 16 << 20;

async fn too_long(stage: &mut Stage) -> Done {
    let limit = stage.limit("APPENDLIMIT").unwrap_or(0);
    let mut client = stage.client().await?;
    let name = stage.mailbox(&mut client, 0).await?;
    let tag = client.next_tag();
    let command = format!("{tag} APPEND {name} {{{}}}\r\n", limit + 1);
    client.send(command.as_bytes()).await?;
    let answer = client.response().await?;
    if !answer.starts_with(b"+") {
        return must(
            String::from_utf8_lossy(&answer).contains("[TOOBIG]"),
            format!("no TOOBIG: {}", String::from_utf8_lossy(&answer)),
        );
    }
    // It may read the message first.
    if limit > MOST {
        return Err(Stop::Skipped(format!("{limit} octets would have to be sent")));
    }
    client
        .send(&[vec![b'x'; limit + 1], b"\r\n".to_vec()].concat())
        .await?;
    let answer = client.answer(&tag).await?;
    must(
        answer.condition == Condition::No && answer.code("TOOBIG").is_some(),
        format!("{} octets are answered {}", limit + 1, answer.last()),
    )
}

async fn status(stage: &mut Stage) -> Done {
    let mut client = stage.client().await?;
    let name = stage.mailbox(&mut client, 0).await?;
    let answer = client.ok(&format!("STATUS {name} (APPENDLIMIT)")).await?;
    must(answer.says("APPENDLIMIT "), "no APPENDLIMIT in STATUS")
}

async fn literal8(stage: &mut Stage) -> Done {
    let (mut client, name) = stage.selected(0).await?;
    let message =
        b"Content-Type: application/octet-stream\r\nContent-Transfer-Encoding: binary\r\n\r\na\xfe\xff\r\n";
    let answer = client
        .literals(&[(&format!("APPEND {name} ~"), message)], "")
        .await?;
    if answer.code("UNKNOWN-CTE").is_some() {
        return Err(Stop::Skipped("UNKNOWN-CTE, which a server may say".to_owned()));
    }
    must(answer.condition == Condition::Ok, answer.last())?;
    client.ok("NOOP").await?;
    let got = only(&client.ok("FETCH 1 BINARY.PEEK[1]").await?, "BINARY[1]")?;
    same("the part", got.as_slice(), b"a\xfe\xff\r\n")
}

async fn binary_size(stage: &mut Stage) -> Done {
    let (mut client, name) = stage.selected(0).await?;
    let encoded = b"Content-Type: text/plain\r\nContent-Transfer-Encoding: base64\r\n\r\nZGVjb2RlZA==\r\n";
    client.append(&name, "", encoded).await?;
    client.ok("NOOP").await?;
    let size = only(&client.ok("FETCH 1 BINARY.SIZE[1]").await?, "BINARY.SIZE[1]")?;
    same("BINARY.SIZE", size.as_slice(), b"7")
}

async fn failed_replace(stage: &mut Stage) -> Done {
    let (mut client, _) = stage.selected(2).await?;
    let nowhere = stage.name();
    let answer = client
        .literal(&format!("REPLACE 1 {nowhere}"), &message(3))
        .await?;
    must(
        answer.condition != Condition::Ok,
        "REPLACE into no mailbox is answered OK",
    )?;
    client.ok("NOOP").await?;
    client.messages(2).await.map(drop)
}

async fn own_flags(stage: &mut Stage) -> Done {
    let (mut client, name) = stage.selected(1).await?;
    client.ok("STORE 1 +FLAGS (\\Flagged)").await?;
    let uid = client.message(1).await?.uid;
    let answer = client
        .literal(&format!("UID REPLACE {uid} {name} (\\Seen)"), &message(2))
        .await?;
    must(answer.condition == Condition::Ok, answer.last())?;
    client.ok("NOOP").await?;
    let listing = client.messages(1).await?;
    same("flags", listing[0].flags.clone(), Some(vec!["\\seen".to_owned()]))
}
