//! Access control lists (RFC 4314), by commands of their own and with LIST (RFC 8440).

use crate::response::Condition;
use crate::run::case::cases;
use crate::run::client::{Answer, Client, Done, Stop, failed, must, same};
use crate::run::stage::{Stage, message, quoted};

cases! { "rights":
    "SETACL gives rights, adds some and takes some away", "RFC 4314 3.1", ["ACL"] => set;
    "DELETEACL leaves nothing of an identifier", "RFC 4314 3.2", ["ACL"] => delete;
    "a right that there is not is answered BAD", "RFC 4314 3.1", ["ACL"] => unknown;
    "the rights that RIGHTS= names can be given", "RFC 4314 2", ["ACL", "RIGHTS="] => named;
    "LISTRIGHTS names the identifier, and no right twice", "RFC 4314 3.7", ["ACL"] => grantable;
    "MYRIGHTS tells c and d beside the rights that they stand for", "RFC 4314 2.1.1", ["ACL"] => virtual_rights;
    "what the user has no right to is refused", "RFC 4314 4", ["ACL"] => refused;
    "LIST RETURN (MYRIGHTS) tells what MYRIGHTS tells, behind LIST", "RFC 8440 3", ["LIST-MYRIGHTS"] => listed;
}

/// Gives the rights to somebody whom the server lets be named, and says whom: by its policy it may refuse any identifier.
async fn give_somebody(client: &mut Client, name: &str, rights: &str) -> Done<&'static str> {
    for identifier in ["anyone", "imap-conform-nobody"] {
        let command = format!("SETACL {name} {identifier} {rights}");
        if client.command(&command).await?.condition == Condition::Ok {
            return Ok(identifier);
        }
    }
    Err(Stop::Skipped(
        "SETACL is refused for anyone, and for a user that there is not".to_owned(),
    ))
}

/// What the list gives to the identifier; nothing where it has no entry.
async fn given(client: &mut Client, name: &str, identifier: &str) -> Done<String> {
    let answer = client.ok(&format!("GETACL {name}")).await?;
    let lists = answer.words("ACL");
    same("ACL responses", lists.len(), 1)?;
    let mut entries = lists[0].get(1..).unwrap_or_default().chunks_exact(2);
    let rights = entries
        .find(|entry| entry[0] == identifier)
        .map(|entry| entry[1].clone());
    Ok(rights.unwrap_or_default())
}

fn has(rights: &str, all: &str) -> bool {
    all.chars().all(|right| rights.contains(right))
}

async fn set(stage: &mut Stage) -> Done {
    let mut client = stage.client().await?;
    let name = stage.mailbox(&mut client, 0).await?;
    let whom = give_somebody(&mut client, &name, "lrs").await?;
    let rights = given(&mut client, &name, whom).await?;
    must(
        has(&rights, "lrs") && !rights.contains('a'),
        format!("SETACL of lrs, and the list has \"{rights}\""),
    )?;
    client.ok(&format!("SETACL {name} {whom} +i")).await?;
    let rights = given(&mut client, &name, whom).await?;
    must(
        has(&rights, "lrsi"),
        format!("SETACL of +i to lrs, and the list has \"{rights}\""),
    )?;
    client.ok(&format!("SETACL {name} {whom} -i")).await?;
    let rights = given(&mut client, &name, whom).await?;
    must(
        !rights.contains('i'),
        format!("SETACL of -i, and the list has \"{rights}\""),
    )
}

async fn delete(stage: &mut Stage) -> Done {
    let mut client = stage.client().await?;
    let name = stage.mailbox(&mut client, 0).await?;
    let whom = give_somebody(&mut client, &name, "lr").await?;
    client.ok(&format!("DELETEACL {name} {whom}")).await?;
    let rights = given(&mut client, &name, whom).await?;
    same("rights after DELETEACL", rights.as_str(), "")
}

async fn unknown(stage: &mut Stage) -> Done {
    let mut client = stage.client().await?;
    let name = stage.mailbox(&mut client, 0).await?;
    let whom = give_somebody(&mut client, &name, "l").await?;
    let answer = client.command(&format!("SETACL {name} {whom} lrQ")).await?;
    must(
        answer.condition == Condition::Bad,
        format!("SETACL of lrQ is answered {}", answer.last()),
    )?;
    let rights = given(&mut client, &name, whom).await?;
    must(!rights.contains('r'), "it is answered BAD, and r was given")
}

async fn named(stage: &mut Stage) -> Done {
    let offered = stage.capabilities().iter();
    let rights = offered
        .filter_map(|name| name.strip_prefix("RIGHTS="))
        .collect::<String>();
    let rights = rights.to_ascii_lowercase();
    let mut client = stage.client().await?;
    let name = stage.mailbox(&mut client, 0).await?;
    let whom = give_somebody(&mut client, &name, "l").await?;
    client.ok(&format!("SETACL {name} {whom} +{rights}")).await?;
    let given = given(&mut client, &name, whom).await?;
    must(
        has(&given, &rights),
        format!("RIGHTS={rights}, and the list has \"{given}\""),
    )
}

async fn grantable(stage: &mut Stage) -> Done {
    let mut client = stage.client().await?;
    let name = stage.mailbox(&mut client, 0).await?;
    let answer = client.ok(&format!("LISTRIGHTS {name} anyone")).await?;
    let lists = answer.words("LISTRIGHTS");
    same("LISTRIGHTS responses", lists.len(), 1)?;
    let identifier = lists[0].get(1).map(String::as_str);
    same("the identifier", identifier, Some("anyone"))?;
    let rights = lists[0].get(2..).unwrap_or_default().concat();
    let twice = rights.chars().find(|&right| rights.matches(right).count() > 1);
    same("a right that is listed twice", twice, None)
}

/// The user's rights as the response of this word tells them.
fn own(answer: &Answer) -> Done<String> {
    match &answer.words("MYRIGHTS")[..] {
        [words] if words.len() == 2 => Ok(words[1].clone()),
        other => failed(format!(
            "MYRIGHTS with a mailbox and rights is due, and there is {other:?}"
        )),
    }
}

async fn virtual_rights(stage: &mut Stage) -> Done {
    let mut client = stage.client().await?;
    let name = stage.mailbox(&mut client, 0).await?;
    let rights = own(&client.ok(&format!("MYRIGHTS {name}")).await?)?;
    for (member, stands_for) in [('k', 'c'), ('e', 'd'), ('t', 'd')] {
        must(
            !rights.contains(member) || rights.contains(stands_for),
            format!(
                "MYRIGHTS tells \"{rights}\": {member} without {stands_for}, which older clients look for"
            ),
        )?;
    }
    Ok(())
}

async fn refused(stage: &mut Stage) -> Done {
    let mut client = stage.client().await?;
    let name = stage.mailbox(&mut client, 0).await?;
    // A server may refuse it: the user's own mailboxes are the user's.
    client
        .command(&format!("SETACL {name} {} -i", quoted(stage.user())))
        .await?;
    if own(&client.ok(&format!("MYRIGHTS {name}")).await?)?.contains('i') {
        return Err(Stop::Skipped(
            "a user keeps all rights to the user's own mailboxes".to_owned(),
        ));
    }
    let answer = client.literal(&format!("APPEND {name}"), &message(1)).await?;
    must(
        answer.condition == Condition::No,
        format!("APPEND without the right i is answered {}", answer.last()),
    )
}

async fn listed(stage: &mut Stage) -> Done {
    let mut client = stage.client().await?;
    let name = stage.mailbox(&mut client, 0).await?;
    let answer = client.ok(&format!("LIST \"\" {name} RETURN (MYRIGHTS)")).await?;
    let rights = answer.place("* MYRIGHTS");
    must(rights.is_some(), "LIST RETURN (MYRIGHTS) tells no MYRIGHTS")?;
    must(answer.place("* LIST") < rights, "MYRIGHTS comes before LIST")?;
    let alone = client.ok(&format!("MYRIGHTS {name}")).await?;
    same("rights", own(&answer)?, own(&alone)?)
}
