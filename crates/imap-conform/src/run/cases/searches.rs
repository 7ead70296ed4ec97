//! SEARCH, SORT and THREAD.

use crate::run::case::cases;
use crate::run::client::{Client, Done, must, same};
use crate::run::stage::Stage;

cases! { "searches":
    "each key finds what it should", "RFC 9051 6.4.4", [] => keys;
    "keys are joined, turned round and put in parentheses", "RFC 9051 6.4.4", [] => joined;
    "a search finds numbers, and UID SEARCH UIDs", "RFC 9051 6.4.9", [] => uids;
    "a charset that is not known is refused", "RFC 9051 6.4.4", [] => charset;
    "RETURN gives what is asked for", "RFC 4731 3.1", ["ESEARCH|IMAP4REV2"] => returned;
    "RETURN of nothing found has no MIN and no ALL", "RFC 4731 3.1", ["ESEARCH|IMAP4REV2"] => nothing;
    "$ is what was saved", "RFC 5182 2", ["SEARCHRES|IMAP4REV2"] => saved;
    "YOUNGER and OLDER", "RFC 5032 3", ["WITHIN"] => within;
    "SORT sorts", "RFC 5256 3", ["SORT"] => sort;
    "THREAD has every message once", "RFC 5256 3", ["THREAD="] => thread;
    "PARTIAL is a window of the results", "RFC 9394 3.1", ["PARTIAL"] => partial;
}

pub(super) async fn expect(client: &mut Client, keys: &str, found: &[u32]) -> Done {
    let answer = client.ok(&format!("SEARCH {keys}")).await?;
    let mut got = answer.found();
    got.sort_unstable();
    same(&format!("SEARCH {keys}"), got.as_slice(), found)
}

async fn keys(stage: &mut Stage) -> Done {
    let (mut client, _) = stage.selected(4).await?;
    client.ok("STORE 2 +FLAGS (\\Seen \\Flagged)").await?;
    client.ok("STORE 3 +FLAGS (\\Answered \\Deleted)").await?;
    let keys: [(&str, &[u32]); 16] = [
        ("ALL", &[1, 2, 3, 4]),
        ("UNSEEN", &[1, 3, 4]),
        ("FLAGGED", &[2]),
        ("ANSWERED", &[3]),
        ("UNDELETED", &[1, 2, 4]),
        ("SUBJECT \"NUMBER 2\"", &[2]),
        ("FROM sender4", &[4]),
        ("TO reader", &[1, 2, 3, 4]),
        ("BODY \"body of number 1\"", &[1]),
        ("TEXT \"message number 3\"", &[3]),
        ("HEADER Message-ID 2.conform", &[2]),
        ("SENTON 3-Jan-2024", &[3]),
        ("SENTBEFORE 3-Jan-2024", &[1, 2]),
        ("SMALLER 1", &[]),
        ("2:3", &[2, 3]),
        ("*", &[4]),
    ];
    for (keys, found) in keys {
        expect(&mut client, keys, found).await?;
    }
    Ok(())
}

async fn joined(stage: &mut Stage) -> Done {
    let (mut client, _) = stage.selected(4).await?;
    client.ok("STORE 1:2 +FLAGS (\\Seen)").await?;
    expect(&mut client, "SEEN NOT SUBJECT \"number 1\"", &[2]).await?;
    expect(&mut client, "OR 1 UNSEEN", &[1, 3, 4]).await?;
    expect(&mut client, "NOT (SEEN SUBJECT \"number 1\")", &[2, 3, 4]).await?;
    expect(&mut client, "(OR (1 SEEN) (4))", &[1, 4]).await
}

async fn uids(stage: &mut Stage) -> Done {
    let (mut client, _) = stage.selected(3).await?;
    client.ok("STORE 1 +FLAGS (\\Deleted)").await?;
    client.ok("EXPUNGE").await?;
    let uids = client.uids(2).await?;
    same(
        "UID SEARCH",
        client.ok("UID SEARCH ALL").await?.found(),
        uids.clone(),
    )?;
    expect(&mut client, &format!("UID {}", uids[1]), &[2]).await
}

async fn charset(stage: &mut Stage) -> Done {
    let (mut client, _) = stage.selected(1).await?;
    client.refused("SEARCH CHARSET X-CONFORM SUBJECT x").await?;
    client.ok("SEARCH CHARSET US-ASCII SUBJECT x").await.map(drop)
}

async fn returned(stage: &mut Stage) -> Done {
    let (mut client, _) = stage.selected(4).await?;
    let answer = client.ok("SEARCH RETURN (MIN MAX COUNT ALL) NOT 2").await?;
    for pair in ["MIN 1", "MAX 4", "COUNT 3", "ALL 1,3:4"] {
        must(answer.says(pair), format!("no {pair}"))?;
    }
    must(answer.texts("SEARCH").is_empty(), "SEARCH beside ESEARCH")
}

async fn nothing(stage: &mut Stage) -> Done {
    let (mut client, _) = stage.selected(2).await?;
    let answer = client
        .ok("SEARCH RETURN (MIN MAX COUNT ALL) SUBJECT nothing")
        .await?;
    must(answer.says("COUNT 0"), "no COUNT 0")?;
    let text = answer.texts("ESEARCH").concat();
    let is_said = [" MIN", " MAX", " ALL"].iter().any(|word| text.contains(word));
    must(!is_said, text)
}

async fn saved(stage: &mut Stage) -> Done {
    let (mut client, _) = stage.selected(3).await?;
    client.ok("SEARCH RETURN (SAVE) 2:3").await?;
    let fetched = client.ok("FETCH $ UID").await?.fetched();
    same(
        "messages",
        fetched.iter().map(|fetched| fetched.seq).collect(),
        vec![2, 3],
    )?;
    client.ok("SEARCH RETURN (SAVE) SUBJECT nothing").await?;
    same("messages", client.ok("FETCH $ UID").await?.fetched().len(), 0)
}

async fn within(stage: &mut Stage) -> Done {
    let (mut client, _) = stage.selected(2).await?;
    expect(&mut client, "YOUNGER 86400", &[1, 2]).await?;
    expect(&mut client, "OLDER 86400", &[]).await
}

async fn sort(stage: &mut Stage) -> Done {
    let (mut client, _) = stage.selected(3).await?;
    for (program, order) in [
        ("(SUBJECT)", [1, 2, 3]),
        ("(REVERSE DATE)", [3, 2, 1]),
        ("(REVERSE FROM)", [3, 2, 1]),
    ] {
        let answer = client.ok(&format!("SORT {program} UTF-8 ALL")).await?;
        same(program, answer.found(), order.to_vec())?;
    }
    Ok(())
}

async fn thread(stage: &mut Stage) -> Done {
    let (mut client, _) = stage.selected(3).await?;
    let offered = stage
        .capabilities()
        .iter()
        .find_map(|name| name.strip_prefix("THREAD="));
    let answer = client
        .ok(&format!("THREAD {} UTF-8 ALL", offered.unwrap_or_default()))
        .await?;
    let text = answer.texts("THREAD").concat().replace(['(', ')'], " ");
    let mut numbers: Vec<u32> = text
        .split_whitespace()
        .filter_map(|word| word.parse().ok())
        .collect();
    numbers.sort_unstable();
    same("messages", numbers, vec![1, 2, 3])
}

async fn partial(stage: &mut Stage) -> Done {
    let (mut client, _) = stage.selected(4).await?;
    let answer = client.ok("UID SEARCH RETURN (PARTIAL 2:3) ALL").await?;
    must(answer.says("PARTIAL (2:3 "), "no PARTIAL")
}
