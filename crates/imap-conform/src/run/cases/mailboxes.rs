//! Mailboxes: made, listed, renamed, removed, looked at.

use crate::response::Condition;
use crate::run::case::cases;
use crate::run::client::{Done, Stop, must, same};
use crate::run::stage::Stage;

cases! { "mailboxes":
    "what was made is listed, and what was removed is not", "RFC 9051 6.3.4, 6.3.5", [] => create_delete;
    "what there is cannot be made, and what there is not cannot be removed", "RFC 9051 6.3.4, 6.3.5", [] => twice;
    "INBOX has its name in any case, and cannot be removed", "RFC 9051 5.1", [] => inbox;
    "a renamed mailbox keeps its messages", "RFC 9051 6.3.6", [] => rename;
    "a mailbox that is made again has another UIDVALIDITY or higher UIDs", "RFC 9051 2.3.1.1", [] => made_again;
    "LIST with an empty pattern tells the delimiter", "RFC 9051 6.3.9", [] => delimiter;
    "a pattern matches as it should", "RFC 9051 6.3.9", [] => patterns;
    "subscriptions are listed, and outlive their mailbox", "RFC 9051 6.3.7, RFC 3501 6.3.9", [] => subscriptions;
    "STATUS counts", "RFC 9051 6.3.11", [] => status;
    "SELECT tells what is REQUIRED, with UIDVALIDITY and UIDNEXT", "RFC 9051 6.3.2", [] => select;
    "after a SELECT that fails no mailbox is selected", "RFC 9051 6.3.2", [] => failed_select;
    "EXAMINE changes nothing", "RFC 9051 6.3.3", [] => examine;
    "UNSELECT removes nothing", "RFC 3691 2", ["UNSELECT|IMAP4REV2"] => unselect;
    "CLOSE removes what is deleted, and says nothing of it", "RFC 9051 6.4.1", [] => close;
    "a name with spaces and quotes is a name", "RFC 9051 9", [] => strange_name;
}

async fn create_delete(stage: &mut Stage) -> Done {
    let mut client = stage.client().await?;
    let name = stage.mailbox(&mut client, 0).await?;
    same(
        "listed",
        client.ok(&format!("LIST \"\" {name}")).await?.texts("LIST").len(),
        1,
    )?;
    client.ok(&format!("DELETE {name}")).await?;
    let listed = client.ok(&format!("LIST \"\" {name}")).await?;
    must(
        listed.texts("LIST").iter().all(|text| text.contains("\\N")),
        "it is still listed",
    )
}

async fn twice(stage: &mut Stage) -> Done {
    let mut client = stage.client().await?;
    let name = stage.mailbox(&mut client, 0).await?;
    client.refused(&format!("CREATE {name}")).await?;
    let missing = stage.name();
    client.refused(&format!("DELETE {missing}")).await?;
    client.refused(&format!("SELECT {missing}")).await?;
    client
        .refused(&format!("RENAME {missing} {name}-x"))
        .await
        .map(drop)
}

async fn inbox(stage: &mut Stage) -> Done {
    let mut client = stage.client().await?;
    client.ok("STATUS inBox (UIDVALIDITY)").await?;
    client.refused("CREATE inbox").await?;
    client.refused("DELETE INBOX").await.map(drop)
}

async fn rename(stage: &mut Stage) -> Done {
    let mut client = stage.client().await?;
    let (old, new) = (stage.mailbox(&mut client, 2).await?, stage.name());
    client.ok(&format!("RENAME {old} {new}")).await?;
    client.refused(&format!("SELECT {old}")).await?;
    let selected = client.ok(&format!("SELECT {new}")).await?;
    same("EXISTS", selected.numbers("EXISTS"), vec![2])
}

async fn made_again(stage: &mut Stage) -> Done {
    let mut client = stage.client().await?;
    let name = stage.mailbox(&mut client, 2).await?;
    let items = "(UIDVALIDITY UIDNEXT)";
    let number = |texts: Vec<String>, item: &str| {
        let text = texts.concat().replace(['(', ')'], " ");
        let mut words = text
            .split_whitespace()
            .skip_while(|word| !word.eq_ignore_ascii_case(item));
        words
            .nth(1)
            .and_then(|number| number.parse::<u32>().ok())
            .unwrap_or(0)
    };
    let before = client
        .ok(&format!("STATUS {name} {items}"))
        .await?
        .texts("STATUS");
    client.ok(&format!("DELETE {name}")).await?;
    client.ok(&format!("CREATE {name}")).await?;
    let after = client
        .ok(&format!("STATUS {name} {items}"))
        .await?
        .texts("STATUS");
    let is_other = number(before.clone(), "UIDVALIDITY") != number(after.clone(), "UIDVALIDITY");
    let is_higher = number(after, "UIDNEXT") >= number(before, "UIDNEXT");
    must(
        is_other || is_higher,
        "the same UIDVALIDITY, and UIDs that had other messages",
    )
}

async fn delimiter(stage: &mut Stage) -> Done {
    let mut client = stage.client().await?;
    same(
        "responses",
        client.ok("LIST \"\" \"\"").await?.texts("LIST").len(),
        1,
    )
}

async fn patterns(stage: &mut Stage) -> Done {
    let mut client = stage.client().await?;
    let name = stage.mailbox(&mut client, 0).await?;
    let (but_last, last) = name.split_at(name.len() - 1);
    for (pattern, matches) in [
        (format!("{name}%"), 1),
        (format!("*{}", &name[name.len() - 5..]), 1),
        (format!("{but_last}*{last}"), 1),
        (format!("{name}%x"), 0),
    ] {
        let listed = client
            .ok(&format!("LIST \"\" \"{pattern}\""))
            .await?
            .texts("LIST");
        let count = listed.iter().filter(|text| text.contains(&name)).count();
        same(&format!("matches of {pattern}"), count, matches)?;
    }
    Ok(())
}

async fn subscriptions(stage: &mut Stage) -> Done {
    let mut client = stage.client().await?;
    let name = stage.mailbox(&mut client, 0).await?;
    let lsub = format!("LSUB \"\" {name}");
    client.ok(&format!("SUBSCRIBE {name}")).await?;
    same("subscribed", client.ok(&lsub).await?.texts("LSUB").len(), 1)?;
    client.ok(&format!("DELETE {name}")).await?;
    same(
        "subscribed after DELETE",
        client.ok(&lsub).await?.texts("LSUB").len(),
        1,
    )?;
    client.ok(&format!("UNSUBSCRIBE {name}")).await?;
    same(
        "subscribed in the end",
        client.ok(&lsub).await?.texts("LSUB").len(),
        0,
    )
}

async fn status(stage: &mut Stage) -> Done {
    let (mut client, name) = stage.selected(3).await?;
    client.ok("STORE 1 +FLAGS (\\Seen)").await?;
    client.ok("CLOSE").await?;
    let answer = client.ok(&format!("STATUS {name} (MESSAGES UNSEEN)")).await?;
    must(answer.says("MESSAGES 3"), "not three messages")?;
    must(answer.says("UNSEEN 2"), "not two of them unseen")
}

async fn select(stage: &mut Stage) -> Done {
    let mut client = stage.client().await?;
    let name = stage.mailbox(&mut client, 2).await?;
    let answer = client.ok(&format!("SELECT {name}")).await?;
    same("EXISTS", answer.numbers("EXISTS"), vec![2])?;
    must(answer.number("UIDVALIDITY").is_some(), "no UIDVALIDITY")?;
    must(answer.number("UIDNEXT").is_some(), "no UIDNEXT")?;
    must(answer.code("READ-WRITE").is_some(), "not READ-WRITE")?;
    let again = client.ok(&format!("SELECT {name}")).await?;
    same(
        "UIDVALIDITY",
        again.number("UIDVALIDITY"),
        answer.number("UIDVALIDITY"),
    )
}

async fn failed_select(stage: &mut Stage) -> Done {
    let (mut client, _) = stage.selected(1).await?;
    let missing = stage.name();
    let answer = client.refused(&format!("SELECT {missing}")).await?;
    same("condition", answer.condition, Condition::No)?;
    client.refused("FETCH 1 FLAGS").await.map(drop)
}

async fn examine(stage: &mut Stage) -> Done {
    let (mut client, name) = stage.selected(1).await?;
    client.ok(&format!("EXAMINE {name}")).await?;
    // Refused or passed over.
    client.command("STORE 1 +FLAGS (\\Deleted)").await?;
    client.ok("FETCH 1 BODY[]").await?;
    client.ok("CLOSE").await?;
    client.ok(&format!("SELECT {name}")).await?;
    same("flags", client.message(1).await?.flags, Some(Vec::new()))
}

async fn unselect(stage: &mut Stage) -> Done {
    let (mut client, name) = stage.selected(2).await?;
    client.ok("STORE 1 +FLAGS (\\Deleted)").await?;
    client.ok("UNSELECT").await?;
    client.refused("FETCH 1 FLAGS").await?;
    same(
        "EXISTS",
        client.ok(&format!("SELECT {name}")).await?.numbers("EXISTS"),
        vec![2],
    )
}

async fn close(stage: &mut Stage) -> Done {
    let (mut client, name) = stage.selected(2).await?;
    client.ok("STORE 1 +FLAGS (\\Deleted)").await?;
    let closed = client.ok("CLOSE").await?;
    must(
        closed.numbers("EXPUNGE").is_empty() && closed.texts("VANISHED").is_empty(),
        "CLOSE tells of expunges",
    )?;
    same(
        "EXISTS",
        client.ok(&format!("SELECT {name}")).await?.numbers("EXISTS"),
        vec![1],
    )
}

async fn strange_name(stage: &mut Stage) -> Done {
    let mut client = stage.client().await?;
    let name = stage.name();
    let name = format!("{name} with (spaces) 'and' {{3}}");
    stage.made(&format!("\"{name}\""));
    let answer = client.command(&format!("CREATE \"{name}\"")).await?;
    if answer.condition == Condition::No {
        // Which names it takes is its own affair (RFC 9051, section 5.1).
        return Err(Stop::Skipped("it does not take such names".to_owned()));
    }
    must(answer.condition == Condition::Ok, answer.last())?;
    client.ok(&format!("SELECT \"{name}\"")).await?;
    client.ok("CLOSE").await?;
    client.ok(&format!("DELETE \"{name}\"")).await.map(drop)
}
