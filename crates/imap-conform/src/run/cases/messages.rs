//! Messages: stored, and read in pieces.

use crate::response::Condition;
use crate::run::case::cases;
use crate::run::client::{Answer, Done, failed, must, same};
use crate::run::stage::{Stage, message};

cases! { "messages":
    "a message comes back octet for octet", "RFC 9051 6.3.12", [] => octets;
    "a long message comes back to its end", "RFC 9051 6.3.12", [] => long;
    "APPEND keeps flags and date", "RFC 9051 6.3.12", [] => flags_and_date;
    "APPEND tells the UID", "RFC 4315 3", ["UIDPLUS|IMAP4REV2"] => append_uid;
    "APPEND to the selected mailbox tells EXISTS", "RFC 9051 6.3.12", [] => append_to_selected;
    "several messages in one APPEND", "RFC 3502 6.3.11", ["MULTIAPPEND"] => multi_append;
    "BODY[] sets \\Seen, and BODY.PEEK[] does not", "RFC 9051 6.4.5", [] => seen;
    "RFC822.SIZE is the size", "RFC 9051 2.3.4", [] => size;
    "a partial fetch gives what it is asked for", "RFC 9051 6.4.5", [] => partial;
    "header and text are the message", "RFC 9051 6.4.5.1", [] => sections;
    "the fields that are asked for, and the others", "RFC 9051 6.4.5.1", [] => fields;
    "ENVELOPE has subject and sender", "RFC 9051 7.5.2", [] => envelope;
    "BODYSTRUCTURE of a text", "RFC 9051 7.5.2", [] => structure;
    "* is the last message, also where it stands first", "RFC 9051 9 (seq-range)", [] => star;
    "UIDs that there are not are passed over", "RFC 9051 6.4.9", [] => missing_uids;
    "numbers that there are not are refused or passed over", "RFC 9051 9 (seq-number)", [] => missing_numbers;
    "INTERNALDATE is a date", "RFC 9051 2.3.3", [] => internal_date;
    "BINARY gives the decoded part", "RFC 3516 4.2", ["BINARY"] => binary;
    "PREVIEW gives words of the message", "RFC 8970 3", ["PREVIEW"] => preview;
    "EMAILID stays when a message is copied", "RFC 8474 5.1", ["OBJECTID"] => email_id;
    "PARTIAL gives the newest messages", "RFC 9394 3.3", ["PARTIAL"] => partial_fetch;
}

pub(super) fn only(answer: &Answer, item: &str) -> Done<Vec<u8>> {
    let fetched = answer.fetched();
    let found = fetched.iter().find_map(|fetched| fetched.item(item));
    match found {
        Some(octets) => Ok(octets.to_vec()),
        None => failed(format!("no {item}")),
    }
}

async fn octets(stage: &mut Stage) -> Done {
    let (mut client, name) = stage.selected(0).await?;
    let strange =
        b"Subject: =?utf-8?q?=C3=A4?=\r\n\r\ntrailing space \r\n.\r\n{3}\r\n\r\n * 1 EXPUNGE\r\n\xc3\xa4"
            .to_vec();
    client.append(&name, "", &strange).await?;
    client.ok("NOOP").await?;
    let got = only(&client.ok("FETCH 1 BODY.PEEK[]").await?, "BODY[]")?;
    same(
        "the message",
        got.escape_ascii().to_string(),
        strange.escape_ascii().to_string(),
    )
}

async fn long(stage: &mut Stage) -> Done {
    let (mut client, name) = stage.selected(0).await?;
    let mut long = b"Subject: long\r\n\r\n".to_vec();
    for number in 0..10_000 {
        long.extend_from_slice(format!("This is line {number} of many.\r\n").as_bytes());
    }
    client.append(&name, "", &long).await?;
    client.ok("NOOP").await?;
    let size = client.ok("FETCH 1 (RFC822.SIZE BODY.PEEK[])").await?.fetched();
    let size = size.first().and_then(|fetched| fetched.size);
    same("RFC822.SIZE", size, Some(long.len() as u64))?;
    let end = long.len() - 100;
    let got = only(
        &client.ok(&format!("FETCH 1 BODY.PEEK[]<{end}.200>")).await?,
        &format!("BODY[]<{end}>"),
    )?;
    same(
        "its end",
        got.escape_ascii().to_string(),
        long[end..].escape_ascii().to_string(),
    )
}

async fn flags_and_date(stage: &mut Stage) -> Done {
    let (mut client, name) = stage.selected(0).await?;
    let arguments = "(\\Flagged \\Seen) \"17-Jul-1996 02:44:25 -0700\"";
    client.append(&name, arguments, &message(1)).await?;
    client.ok("NOOP").await?;
    let fetched = client.ok("FETCH 1 (FLAGS INTERNALDATE)").await?.fetched();
    let Some(fetched) = fetched.first() else {
        return failed("no FETCH");
    };
    must(
        fetched.has_flag("\\Flagged") && fetched.has_flag("\\Seen"),
        "the flags are others",
    )?;
    let date = String::from_utf8_lossy(fetched.item("INTERNALDATE").unwrap_or_default()).into_owned();
    let is_same = [" 1996 02:44:25 -0700", "1996 09:44:25 +0000"]
        .iter()
        .any(|end| date.contains(end.trim()));
    // The same moment in the server's own zone is as good.
    must(
        is_same || date.contains("Jul-1996"),
        format!("the date is {date}"),
    )
}

async fn append_uid(stage: &mut Stage) -> Done {
    let (mut client, name) = stage.selected(1).await?;
    let answer = client.append(&name, "", &message(2)).await?;
    let Some(code) = answer.code("APPENDUID") else {
        return failed("no APPENDUID");
    };
    client.ok("NOOP").await?;
    let listing = client.listing().await?;
    let last = listing.last().map_or(0, |last| last.uid);
    same(
        "UID",
        code.split(' ').nth(1).unwrap_or_default(),
        &last.to_string(),
    )
}

async fn append_to_selected(stage: &mut Stage) -> Done {
    let (mut client, name) = stage.selected(1).await?;
    let answer = client.append(&name, "", &message(2)).await?;
    match answer.numbers("EXISTS").last() {
        Some(2) => Ok(()),
        // SHOULD at once; the next NOOP at the latest.
        _ => same("EXISTS", client.ok("NOOP").await?.numbers("EXISTS"), vec![2]),
    }
}

async fn multi_append(stage: &mut Stage) -> Done {
    let (mut client, name) = stage.selected(0).await?;
    let (one, two) = (message(1), message(2));
    let pieces: [(&str, &[u8]); 2] = [(&format!("APPEND {name} "), &one), (" (\\Seen) ", &two)];
    let answer = client.literals(&pieces, "").await?;
    must(answer.condition == Condition::Ok, answer.last())?;
    client.ok("NOOP").await?;
    let listing = client.messages(2).await?;
    must(
        listing[1].has_flag("\\Seen") && !listing[0].has_flag("\\Seen"),
        "the flags are others",
    )
}

async fn seen(stage: &mut Stage) -> Done {
    let (mut client, _) = stage.selected(1).await?;
    client.ok("FETCH 1 BODY.PEEK[]").await?;
    must(
        !client.message(1).await?.has_flag("\\Seen"),
        "BODY.PEEK[] set \\Seen",
    )?;
    client.ok("FETCH 1 BODY[]").await?;
    must(
        client.message(1).await?.has_flag("\\Seen"),
        "BODY[] did not set \\Seen",
    )
}

async fn size(stage: &mut Stage) -> Done {
    let (mut client, _) = stage.selected(3).await?;
    for fetched in client.ok("FETCH 1:* (RFC822.SIZE BODY.PEEK[])").await?.fetched() {
        let octets = fetched.item("BODY[]").map_or(0, <[u8]>::len) as u64;
        same("RFC822.SIZE", fetched.size, Some(octets))?;
    }
    Ok(())
}

async fn partial(stage: &mut Stage) -> Done {
    let (mut client, _) = stage.selected(1).await?;
    let whole = message(1);
    for (first, count) in [(0, 5), (7, 20), (whole.len() - 3, 100), (whole.len() + 1, 5)] {
        let answer = client
            .ok(&format!("FETCH 1 BODY.PEEK[]<{first}.{count}>"))
            .await?;
        let got = only(&answer, &format!("BODY[]<{first}>"))?;
        let wanted = whole.get(first..).unwrap_or_default();
        let wanted = &wanted[..count.min(wanted.len())];
        same(
            "octets",
            got.escape_ascii().to_string(),
            wanted.escape_ascii().to_string(),
        )?;
    }
    Ok(())
}

async fn sections(stage: &mut Stage) -> Done {
    let (mut client, _) = stage.selected(1).await?;
    let answer = client
        .ok("FETCH 1 (BODY.PEEK[HEADER] BODY.PEEK[TEXT] BODY.PEEK[1])")
        .await?;
    let (header, text) = (only(&answer, "BODY[HEADER]")?, only(&answer, "BODY[TEXT]")?);
    same("the whole", [header, text.clone()].concat() == message(1), true)?;
    same("BODY[1] is the text", only(&answer, "BODY[1]")? == text, true)
}

async fn fields(stage: &mut Stage) -> Done {
    let (mut client, _) = stage.selected(1).await?;
    let answer = client
        .ok("FETCH 1 BODY.PEEK[HEADER.FIELDS (subject X-None)]")
        .await?;
    let fetched = answer.fetched();
    let items = fetched
        .first()
        .map(|fetched| fetched.items.clone())
        .unwrap_or_default();
    let got = items
        .first()
        .map(|(_, octets)| String::from_utf8_lossy(octets).into_owned())
        .unwrap_or_default();
    same("the field", got.as_str(), "Subject: message number 1\r\n\r\n")?;
    let answer = client
        .ok("FETCH 1 BODY.PEEK[HEADER.FIELDS.NOT (Subject)]")
        .await?;
    must(
        answer.says("Message-ID") && !answer.says("message number"),
        "the other fields are others",
    )
}

async fn envelope(stage: &mut Stage) -> Done {
    let (mut client, _) = stage.selected(1).await?;
    let answer = client.ok("FETCH 1 ENVELOPE").await?;
    for part in [
        "\"message number 1\"",
        "\"Sender 1\" NIL \"sender1\" \"example.org\"",
        "<1.conform@example.org>",
    ] {
        must(answer.says(part), format!("no {part}"))?;
    }
    Ok(())
}

async fn structure(stage: &mut Stage) -> Done {
    let (mut client, _) = stage.selected(1).await?;
    let answer = client.ok("FETCH 1 BODYSTRUCTURE").await?;
    let text = String::from_utf8_lossy(&message(1)).into_owned();
    let octets = text.split("\r\n\r\n").nth(1).map_or(0, str::len);
    must(answer.says("\"text\" \"plain\""), "not a text")?;
    must(
        answer.says(&format!(" {octets} 1 ")) || answer.says(&format!(" {octets} 1)")),
        "not of its size and one line",
    )
}

async fn star(stage: &mut Stage) -> Done {
    let (mut client, _) = stage.selected(3).await?;
    let seqs = |answer: Answer| {
        answer
            .fetched()
            .iter()
            .map(|fetched| fetched.seq)
            .collect::<Vec<_>>()
    };
    same("FETCH *", seqs(client.ok("FETCH * UID").await?), vec![3])?;
    same("FETCH *:2", seqs(client.ok("FETCH *:2 UID").await?), vec![2, 3])?;
    same(
        "UID FETCH 4000000000:*",
        seqs(client.ok("UID FETCH 4000000000:* UID").await?),
        vec![3],
    )
}

async fn missing_uids(stage: &mut Stage) -> Done {
    let (mut client, _) = stage.selected(1).await?;
    let answer = client.ok("UID FETCH 4000000000 FLAGS").await?;
    must(
        answer.fetched().is_empty(),
        "a message with a UID that there is not",
    )?;
    client.ok("UID STORE 4000000000 +FLAGS (\\Seen)").await.map(drop)
}

async fn missing_numbers(stage: &mut Stage) -> Done {
    let (mut client, _) = stage.selected(1).await?;
    let answer = client.command("FETCH 2 FLAGS").await?;
    must(
        answer.fetched().is_empty(),
        "a message with a number that there is not",
    )
}

async fn internal_date(stage: &mut Stage) -> Done {
    let (mut client, _) = stage.selected(1).await?;
    let date = only(&client.ok("FETCH 1 INTERNALDATE").await?, "INTERNALDATE")?;
    same("octets of a date", date.len(), "17-Jul-1996 02:44:25 -0700".len())
}

async fn binary(stage: &mut Stage) -> Done {
    let (mut client, name) = stage.selected(0).await?;
    let encoded = b"Content-Type: text/plain\r\nContent-Transfer-Encoding: base64\r\n\r\nR3LDvMOfZQ==\r\n";
    client.append(&name, "", encoded).await?;
    client.ok("NOOP").await?;
    let answer = client.ok("FETCH 1 BINARY.PEEK[1]").await?;
    same(
        "the part",
        only(&answer, "BINARY[1]")?,
        "Gr\u{fc}\u{df}e".as_bytes().to_vec(),
    )
}

async fn preview(stage: &mut Stage) -> Done {
    let (mut client, _) = stage.selected(1).await?;
    let answer = client.ok("FETCH 1 PREVIEW").await?;
    must(answer.says("This is the body"), "no words of it")
}

async fn email_id(stage: &mut Stage) -> Done {
    let (mut client, _) = stage.selected(1).await?;
    let other = stage.mailbox(&mut client, 0).await?;
    let id = |answer: &Answer| {
        let text = String::from_utf8_lossy(&answer.responses.concat()).into_owned();
        text.split("EMAILID (")
            .nth(1)
            .and_then(|rest| rest.split(')').next())
            .map(str::to_owned)
    };
    let before = id(&client.ok("FETCH 1 EMAILID").await?);
    must(before.is_some(), "no EMAILID")?;
    client.ok(&format!("COPY 1 {other}")).await?;
    client.ok(&format!("SELECT {other}")).await?;
    same("EMAILID", id(&client.ok("FETCH 1 EMAILID").await?), before)
}

async fn partial_fetch(stage: &mut Stage) -> Done {
    let (mut client, _) = stage.selected(4).await?;
    let fetched = client.ok("UID FETCH 1:* (UID) (PARTIAL -1:-2)").await?.fetched();
    let seqs: Vec<u32> = fetched.iter().map(|fetched| fetched.seq).collect();
    same("messages", seqs, vec![3, 4])
}
