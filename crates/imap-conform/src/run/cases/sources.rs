//! Searches beyond the selected mailbox and the keys of RFC 9051.

use super::searches::expect;
use crate::response::Condition;
use crate::run::case::cases;
use crate::run::client::{Client, Done, Stop, must, same, set};
use crate::run::stage::{Stage, message};

cases! { "sources":
    "ESEARCH answers for each mailbox that has something", "RFC 7377 2.1", ["MULTISEARCH"] => several;
    "ESEARCH leaves the selected mailbox selected", "RFC 7377 2.1", ["MULTISEARCH"] => still_selected;
    "ESEARCH of the selected mailbox needs one", "RFC 7377 2.2", ["MULTISEARCH"] => none_selected;
    "a filter is the search that was stored", "RFC 5466 3.1", ["FILTERS"] => filter;
    "a filter that there is not is named", "RFC 5466 3.1", ["FILTERS"] => no_filter;
    "FUZZY is taken before a key", "RFC 6203 3", ["SEARCH=FUZZY"] => fuzzy;
    "the save date is when a message came, not its internal date", "RFC 8514 3, 4.3", ["SAVEDATE"] => save_date;
    "a copy leaves the save date of its original", "RFC 8514 3", ["SAVEDATE"] => save_date_stays;
    "results are kept up to date", "RFC 5267 4.3.3", ["CONTEXT=SEARCH"] => context;
    "what is no result any more is told, until CANCELUPDATE", "RFC 5267 4.3.4, 4.3.5", ["CONTEXT=SEARCH"] => removed;
}

async fn several(stage: &mut Stage) -> Done {
    let mut client = stage.client().await?;
    let (one, two) = (
        stage.mailbox(&mut client, 3).await?,
        stage.mailbox(&mut client, 2).await?,
    );
    let empty = stage.mailbox(&mut client, 1).await?;
    let search =
        format!("ESEARCH IN (mailboxes ({one} {two} {empty})) RETURN (COUNT ALL) SUBJECT \"number 2\"");
    let answer = client.ok(&search).await?;
    let all = answer.words("ESEARCH");
    same("mailboxes with results", all.len(), 2)?;
    for name in [one, two] {
        let selected = client.ok(&format!("EXAMINE {name}")).await?;
        let validity = selected.number("UIDVALIDITY").unwrap_or(0).to_string();
        let uid = client.message(2).await?.uid.to_string();
        let told = all.iter().find(|words| words.contains(&name));
        for (item, value) in [
            ("TAG", answer.tag()),
            ("MAILBOX", &name),
            ("UIDVALIDITY", &validity),
            ("COUNT", "1"),
            ("ALL", &uid),
        ] {
            let has = |words: &Vec<String>| words.windows(2).any(|pair| pair == [item, value]);
            must(
                told.is_some_and(has),
                format!("of {name}, no {item} {value}: {told:?}"),
            )?;
        }
    }
    Ok(())
}

async fn still_selected(stage: &mut Stage) -> Done {
    let (mut client, _) = stage.selected(3).await?;
    let other = stage.mailbox(&mut client, 1).await?;
    client
        .ok(&format!("ESEARCH IN (mailboxes ({other})) ALL"))
        .await?;
    client.messages(3).await.map(drop)
}

async fn none_selected(stage: &mut Stage) -> Done {
    let mut client = stage.client().await?;
    for search in ["ESEARCH ALL", "ESEARCH IN (selected) RETURN (COUNT) ALL"] {
        let answer = client.command(search).await?;
        must(
            answer.condition == Condition::Bad,
            format!("without a mailbox, {search} is answered {}", answer.last()),
        )?;
    }
    Ok(())
}

/// Sets an annotation of the server, which a server may refuse by its policy.
async fn annotate(client: &mut Client, entry: &str, value: &str) -> Done {
    let answer = client
        .command(&format!("SETMETADATA \"\" ({entry} {value})"))
        .await?;
    match answer.condition {
        Condition::Ok => Ok(()),
        _ => Err(Stop::Skipped(format!(
            "SETMETADATA of {entry} is answered {}",
            answer.last()
        ))),
    }
}

async fn filter(stage: &mut Stage) -> Done {
    let (mut client, name) = stage.selected(4).await?;
    client.ok("STORE 2:3 +FLAGS (\\Flagged)").await?;
    let filter = &name[name.find("imap-conform-").unwrap_or(0)..];
    let entry = format!("/private/filters/values/{filter}");
    annotate(&mut client, &entry, "\"OR FLAGGED 4\"").await?;
    let found = expect(&mut client, &format!("FILTER {filter}"), &[2, 3, 4]).await;
    let without = expect(&mut client, &format!("NOT FILTER {filter}"), &[1]).await;
    annotate(&mut client, &entry, "NIL").await?;
    found.and(without)
}

async fn no_filter(stage: &mut Stage) -> Done {
    let (mut client, _) = stage.selected(1).await?;
    let answer = client.refused("SEARCH FILTER imap-conform-nowhere").await?;
    same(
        "UNDEFINED-FILTER",
        answer.code("UNDEFINED-FILTER").as_deref(),
        Some("imap-conform-nowhere"),
    )
}

async fn fuzzy(stage: &mut Stage) -> Done {
    let (mut client, _) = stage.selected(2).await?;
    client.ok("SEARCH FUZZY SUBJECT \"mesage\"").await?;
    client
        .ok("SEARCH FUZZY (SUBJECT message NOT FROM nobody) 1:2")
        .await
        .map(drop)
}

/// A client with a message of an old internal date, in a mailbox that keeps save dates.
async fn old_message(stage: &mut Stage) -> Done<(Client, String)> {
    let (mut client, name) = stage.selected(0).await?;
    client
        .append(&name, "\"02-Jan-2020 10:00:00 +0000\"", &message(1))
        .await?;
    client.ok("NOOP").await?;
    match client.ok("SEARCH SAVEDATESUPPORTED").await?.found().is_empty() {
        true => Err(Stop::Skipped(
            "the mailbox keeps no save dates (section 4.3)".to_owned(),
        )),
        false => Ok((client, name)),
    }
}

async fn save_date(stage: &mut Stage) -> Done {
    let (mut client, _) = old_message(stage).await?;
    expect(&mut client, "SAVEDSINCE 1-Jan-2024", &[1]).await?;
    expect(&mut client, "SAVEDBEFORE 1-Jan-2024", &[]).await?;
    expect(&mut client, "SAVEDON 2-Jan-2020", &[]).await
}

async fn save_date_stays(stage: &mut Stage) -> Done {
    let (mut client, name) = old_message(stage).await?;
    let before = client.ok("FETCH 1 SAVEDATE").await?.words("FETCH");
    must(
        before.concat().iter().any(|word| word.len() == 26),
        "FETCH SAVEDATE gives no date",
    )?;
    client.ok(&format!("COPY 1 {name}")).await?;
    client.ok("NOOP").await?;
    same(
        "SAVEDATE",
        client.ok("FETCH 1 SAVEDATE").await?.words("FETCH"),
        before,
    )
}

async fn context(stage: &mut Stage) -> Done {
    let (mut client, name) = stage.selected(2).await?;
    client.ok("UID SEARCH RETURN (UPDATE COUNT) ALL").await?;
    let appended = client.append(&name, "", &message(3)).await?;
    let answer = client.ok("NOOP").await?;
    must(appended.says("ADDTO") || answer.says("ADDTO"), "no ADDTO")
}

async fn removed(stage: &mut Stage) -> Done {
    let (mut client, _) = stage.selected(3).await?;
    let search = client.ok("SEARCH RETURN (UPDATE ALL) UNSEEN").await?;
    if search.code("NOUPDATE").is_some() {
        return Err(Stop::Skipped("NOUPDATE, which a server may say".to_owned()));
    }
    let mut told = client.ok("STORE 2 +FLAGS (\\Seen)").await?;
    told.responses.extend(client.ok("NOOP").await?.responses);
    let removed = told.words("ESEARCH").concat();
    let at = removed.iter().position(|word| word == "REMOVEFROM");
    let gone = at.and_then(|at| removed.get(at + 2)).map(|word| set(word));
    same("REMOVEFROM", gone, Some(vec![2]))?;
    client.ok(&format!("CANCELUPDATE \"{}\"", search.tag())).await?;
    let mut told = client.ok("STORE 3 +FLAGS (\\Seen)").await?;
    told.responses.extend(client.ok("NOOP").await?.responses);
    same("ESEARCH after CANCELUPDATE", told.texts("ESEARCH"), Vec::new())
}
