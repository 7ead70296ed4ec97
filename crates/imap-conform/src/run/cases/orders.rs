//! Messages in an order: SORT, THREAD, and the comparison that both go by.

use crate::run::case::cases;
use crate::run::client::{Client, Done, Stop, must, same};
use crate::run::stage::{Stage, message};

cases! { "orders":
    "SORT RETURN gives what is asked for, in the order", "RFC 5267 3.1", ["ESORT"] => returned;
    "DISPLAYFROM goes by the name that is shown", "RFC 5957 3, 4", ["SORT=DISPLAY"] => display;
    "THREAD ORDEREDSUBJECT puts a subject together", "RFC 5256 3", ["THREAD=ORDEREDSUBJECT"] => by_subject;
    "THREAD REFERENCES follows References, then subjects", "RFC 5256 3", ["THREAD=REFERENCES"] => by_references;
    "THREAD REFS follows References alone", "draft-ietf-morg-inthread", ["THREAD=REFS"] => by_refs;
    "a sorted result is kept up to date, with positions", "RFC 5267 4.3.3", ["CONTEXT=SORT"] => context;
    "letters above ASCII are found and sorted in any case", "RFC 5255 4.2", ["I18NLEVEL=1", "SORT"] => casemap;
}

/// A client with messages of these fields, a day after each other.
async fn with(stage: &mut Stage, fields: &[&str]) -> Done<Client> {
    let (mut client, name) = stage.selected(0).await?;
    for (day, fields) in (1..).zip(fields) {
        let message = format!(
            "Date: {day} Jan 2024 10:00:00 +0000\r\nMessage-ID: <{day}@example.org>\r\n{fields}\r\n\r\nx\r\n"
        );
        client.append(&name, "", message.as_bytes()).await?;
    }
    client.ok("NOOP").await?;
    Ok(client)
}

async fn returned(stage: &mut Stage) -> Done {
    let (mut client, _) = stage.selected(4).await?;
    let answer = client
        .ok("SORT RETURN (MIN MAX COUNT ALL) (REVERSE DATE) UTF-8 2:4")
        .await?;
    for pair in ["MIN 4", "MAX 2", "COUNT 3"] {
        must(answer.says(pair), format!("no {pair}, which the order makes it"))?;
    }
    same("ALL", answer.found(), vec![4, 3, 2])?;
    must(answer.texts("SORT").is_empty(), "SORT beside ESEARCH")
}

async fn display(stage: &mut Stage) -> Done {
    let fields = [
        "From: Zoe <a@example.org>",
        "From: z@example.org",
        "From: Ann <m@example.org>",
    ];
    let mut client = with(stage, &fields).await?;
    for (key, order) in [("DISPLAYFROM", [3, 2, 1]), ("FROM", [1, 3, 2])] {
        let answer = client.ok(&format!("SORT ({key}) UTF-8 ALL")).await?;
        // "z@example.org" is shown as it is, and stands before "Zoe".
        same(key, answer.found(), order.to_vec())?;
    }
    Ok(())
}

/// Three messages that refer to each other, the second with a subject of its own; an answer by its subject alone; and another.
async fn thread(stage: &mut Stage, algorithm: &str, threads: &str) -> Done {
    let fields = [
        "Subject: plan",
        "Subject: other\r\nReferences: <1@example.org>",
        "Subject: Re: other\r\nReferences: <1@example.org> <2@example.org>",
        "Subject: Re: plan",
        "Subject: lunch",
    ];
    let mut client = with(stage, &fields).await?;
    let answer = client.ok(&format!("THREAD {algorithm} UTF-8 ALL")).await?;
    same("THREAD", answer.texts("THREAD").concat().as_str(), threads)
}

async fn by_subject(stage: &mut Stage) -> Done {
    thread(stage, "ORDEREDSUBJECT", "(1 4)(2 3)(5)").await
}

async fn by_references(stage: &mut Stage) -> Done {
    thread(stage, "REFERENCES", "(1 (2 3)(4))(5)").await
}

async fn by_refs(stage: &mut Stage) -> Done {
    thread(stage, "REFS", "(1 2 3)(4)(5)").await
}

async fn context(stage: &mut Stage) -> Done {
    let (mut client, name) = stage.selected(2).await?;
    let asked = client.ok("SORT RETURN (UPDATE) (REVERSE DATE) UTF-8 ALL").await?;
    if asked.code("NOUPDATE").is_some() {
        return Err(Stop::Skipped("NOUPDATE, which a server may say".to_owned()));
    }
    let appended = client.append(&name, "", &message(3)).await?;
    let told = client.ok("NOOP").await?;
    must(
        appended.says("ADDTO (1 3)") || told.says("ADDTO (1 3)"),
        "a message that comes first in the order, and no ADDTO (1 3)",
    )
}

async fn casemap(stage: &mut Stage) -> Done {
    // Both in UTF-8: a-umlaut, and A-umlaut with another letter.
    let mut client = with(
        stage,
        &["Subject: =?utf-8?q?=C3=84z?=", "Subject: =?utf-8?q?=C3=A4a?="],
    )
    .await?;
    let pieces: [(&str, &[u8]); 1] = [("SEARCH CHARSET UTF-8 SUBJECT ", "\u{e4}Z".as_bytes())];
    let answer = client.literals(&pieces, "").await?;
    same("SEARCH of the other case", answer.found(), vec![1])?;
    let answer = client.ok("SORT (SUBJECT) UTF-8 ALL").await?;
    same("SORT", answer.found(), vec![2, 1])
}
