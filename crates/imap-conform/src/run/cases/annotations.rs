//! Annotations of mailboxes and of the server, and quotas.

use crate::response::Condition;
use crate::run::case::cases;
use crate::run::client::{Client, Done, Stop, must, same};
use crate::run::stage::{Stage, message};

cases! { "annotations":
    "an annotation comes back, and goes away", "RFC 5464 4", ["METADATA"] => metadata;
    "an annotation that is longer than MAXSIZE is left out, and its size is told", "RFC 5464 4.2.1", ["METADATA"] => max_size;
    "DEPTH says how far below entries are wanted", "RFC 5464 4.2.2", ["METADATA"] => depth;
    "an entry with a wildcard is answered BAD", "RFC 5464 3.2", ["METADATA"] => wildcard;
    "the server can be annotated", "RFC 5464 4.3", ["METADATA|METADATA-SERVER"] => of_the_server;
    "LIST RETURN (METADATA) tells annotations, behind LIST", "RFC 9590 3", ["LIST-METADATA"] => listed;
    "GETQUOTAROOT is answered", "RFC 9208 4.1.3", ["QUOTA"] => quota;
    "GETQUOTAROOT tells the quota of each root", "RFC 9208 4.1.3", ["QUOTA"] => roots;
    "resources are those that are offered", "RFC 9208 3.1", ["QUOTA", "QUOTA="] => resources;
    "a message more is one more in MESSAGE", "RFC 9208 5.2", ["QUOTA=RES-MESSAGE"] => counted;
}

/// A mailbox of the run with a comment.
async fn annotated(stage: &mut Stage) -> Done<(Client, String)> {
    let mut client = stage.client().await?;
    let name = stage.mailbox(&mut client, 0).await?;
    client
        .ok(&format!("SETMETADATA {name} (/private/comment \"of conform\")"))
        .await?;
    Ok((client, name))
}

async fn metadata(stage: &mut Stage) -> Done {
    let (mut client, name) = annotated(stage).await?;
    let answer = client.ok(&format!("GETMETADATA {name} /private/comment")).await?;
    must(answer.says("of conform"), "it does not come back")?;
    client
        .ok(&format!("SETMETADATA {name} (/private/comment NIL)"))
        .await?;
    let answer = client.ok(&format!("GETMETADATA {name} /private/comment")).await?;
    must(!answer.says("of conform"), "it does not go away")
}

async fn max_size(stage: &mut Stage) -> Done {
    let (mut client, name) = annotated(stage).await?;
    let answer = client
        .ok(&format!("GETMETADATA (MAXSIZE 9) {name} /private/comment"))
        .await?;
    must(
        !answer.says("of conform"),
        "a value of 10 octets, where 9 are wanted",
    )?;
    same(
        "METADATA LONGENTRIES",
        answer.code("METADATA").as_deref(),
        Some("LONGENTRIES 10"),
    )
}

async fn depth(stage: &mut Stage) -> Done {
    let mut client = stage.client().await?;
    let name = stage.mailbox(&mut client, 0).await?;
    let entry = "/private/vendor/imap-conform/a";
    let values = format!("{entry} \"upper\" {entry}/b \"lower\"");
    client.ok(&format!("SETMETADATA {name} ({values})")).await?;
    for (depth, lower) in [("0", false), ("1", true), ("infinity", true)] {
        let answer = client
            .ok(&format!("GETMETADATA (DEPTH {depth}) {name} {entry}"))
            .await?;
        must(answer.says("upper"), format!("DEPTH {depth} gives no {entry}"))?;
        same(
            &format!("{entry}/b by DEPTH {depth}"),
            answer.says("lower"),
            lower,
        )?;
    }
    Ok(())
}

async fn wildcard(stage: &mut Stage) -> Done {
    let mut client = stage.client().await?;
    let name = stage.mailbox(&mut client, 0).await?;
    let answer = client
        .command(&format!("SETMETADATA {name} (\"/private/com*ent\" \"x\")"))
        .await?;
    must(
        answer.condition == Condition::Bad,
        format!("an entry with * is answered {}", answer.last()),
    )
}

async fn of_the_server(stage: &mut Stage) -> Done {
    let mut client = stage.client().await?;
    let entry = "/private/vendor/imap-conform/test";
    let set = client
        .command(&format!("SETMETADATA \"\" ({entry} \"of conform\")"))
        .await?;
    if set.condition == Condition::No {
        return Err(Stop::Skipped(format!(
            "SETMETADATA \"\" is answered {}",
            set.last()
        )));
    }
    let answer = client.ok(&format!("GETMETADATA \"\" {entry}")).await?;
    client.ok(&format!("SETMETADATA \"\" ({entry} NIL)")).await?;
    must(answer.says("of conform"), "it does not come back")?;
    let answer = client.ok(&format!("GETMETADATA \"\" {entry}")).await?;
    must(!answer.says("of conform"), "it does not go away")
}

async fn listed(stage: &mut Stage) -> Done {
    let (mut client, name) = annotated(stage).await?;
    let answer = client
        .ok(&format!("LIST \"\" {name} RETURN (METADATA (/private/comment))"))
        .await?;
    must(
        answer.says("of conform"),
        "LIST RETURN (METADATA) tells no annotation",
    )?;
    must(
        answer.place("* LIST") < answer.place("* METADATA"),
        "METADATA comes before LIST",
    )
}

async fn quota(stage: &mut Stage) -> Done {
    let mut client = stage.client().await?;
    let answer = client.ok("GETQUOTAROOT INBOX").await?;
    same("QUOTAROOT", answer.texts("QUOTAROOT").len(), 1)
}

/// The quotas of a mailbox of the run: root, then resource, usage and limit, as often as there are resources.
async fn quotas(client: &mut Client, name: &str) -> Done<Vec<Vec<String>>> {
    let answer = client.ok(&format!("GETQUOTAROOT {name}")).await?;
    let roots = answer.words("QUOTAROOT").concat().split_off(1);
    if roots.is_empty() {
        return Err(Stop::Skipped("the user's mailboxes have no quota".to_owned()));
    }
    let quotas = answer.words("QUOTA");
    for root in roots {
        must(
            quotas.iter().any(|quota| quota.first() == Some(&root)),
            format!("no QUOTA of the root \"{root}\""),
        )?;
    }
    Ok(quotas)
}

async fn roots(stage: &mut Stage) -> Done {
    let mut client = stage.client().await?;
    let name = stage.mailbox(&mut client, 0).await?;
    quotas(&mut client, &name).await.map(drop)
}

async fn resources(stage: &mut Stage) -> Done {
    let mut client = stage.client().await?;
    let name = stage.mailbox(&mut client, 0).await?;
    for quota in quotas(&mut client, &name).await? {
        for resource in quota[1..].chunks(3) {
            let capability = format!("QUOTA=RES-{}", resource[0].to_ascii_uppercase());
            must(
                stage.offers(&capability),
                format!("{} has a quota, and no {capability}", resource[0]),
            )?;
        }
    }
    Ok(())
}

/// The messages that the quotas of a mailbox count.
async fn messages(client: &mut Client, name: &str) -> Done<u64> {
    let quotas = quotas(client, name).await?.concat();
    let at = quotas
        .iter()
        .position(|word| word.eq_ignore_ascii_case("MESSAGE"));
    let usage = at.and_then(|at| quotas.get(at + 1)?.parse().ok());
    usage.ok_or_else(|| Stop::Skipped("the user has no quota of messages".to_owned()))
}

async fn counted(stage: &mut Stage) -> Done {
    let mut client = stage.client().await?;
    let name = stage.mailbox(&mut client, 1).await?;
    let before = messages(&mut client, &name).await?;
    client.append(&name, "", &message(2)).await?;
    same("MESSAGE", messages(&mut client, &name).await?, before + 1)
}
