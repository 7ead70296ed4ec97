//! Extensions that are about mailboxes and lists of them.

use crate::response::Condition;
use crate::run::case::cases;
use crate::run::client::{Done, Stop, must, same};
use crate::run::stage::{Stage, message};

cases! { "extensions":
    "LIST with RETURN (STATUS) has STATUS", "RFC 5819 2", ["LIST-STATUS|IMAP4REV2"] => list_status;
    "LIST (SUBSCRIBED) lists what is subscribed", "RFC 5258 3.1", ["LIST-EXTENDED|IMAP4REV2"] => list_subscribed;
    "LIST with several patterns", "RFC 5258 3", ["LIST-EXTENDED|IMAP4REV2"] => several_patterns;
    "LIST RETURN (SPECIAL-USE) is answered", "RFC 6154 5.1", ["SPECIAL-USE"] => special_use;
    "CREATE with a use", "RFC 6154 3", ["CREATE-SPECIAL-USE"] => create_special_use;
    "STATUS SIZE is the size of all messages", "RFC 8438 3", ["STATUS=SIZE|IMAP4REV2"] => status_size;
    "MAILBOXID stays when the mailbox is renamed", "RFC 8474 4", ["OBJECTID"] => mailbox_id;
    "CREATE, SELECT and STATUS tell one MAILBOXID", "RFC 8474 4.1, 4.2, 4.3", ["OBJECTID"] => one_mailbox_id;
    "LIST (SPECIAL-USE) lists nothing without a use", "RFC 6154 2", ["SPECIAL-USE"] => special_use_alone;
    "LIST tells which mailbox has others inside", "RFC 3348 3", ["CHILDREN"] => children;
    "after ENABLE IMAP4rev2, SELECT tells LIST and no RECENT", "RFC 9051 6.3.2", ["IMAP4REV2"] => rev2;
    "text in UTF-8 is searched after UTF8=ACCEPT", "RFC 6855 3", ["UTF8=ACCEPT"] => utf8;
}

async fn list_status(stage: &mut Stage) -> Done {
    let mut client = stage.client().await?;
    let name = stage.mailbox(&mut client, 2).await?;
    let answer = client
        .ok(&format!("LIST \"\" {name} RETURN (STATUS (MESSAGES))"))
        .await?;
    same("LIST", answer.texts("LIST").len(), 1)?;
    must(
        answer.texts("STATUS").concat().contains("MESSAGES 2"),
        "no STATUS with two messages",
    )
}

async fn list_subscribed(stage: &mut Stage) -> Done {
    let mut client = stage.client().await?;
    let (one, two) = (
        stage.mailbox(&mut client, 0).await?,
        stage.mailbox(&mut client, 0).await?,
    );
    client.ok(&format!("SUBSCRIBE {two}")).await?;
    let answer = client.ok("LIST (SUBSCRIBED) \"\" *").await?;
    must(answer.says(&two), "what is subscribed is not listed")?;
    let is_listed = answer
        .texts("LIST")
        .iter()
        .any(|text| text.ends_with(&one) || text.ends_with(&format!("{one}\"")));
    must(!is_listed, "what is not subscribed is listed")
}

async fn several_patterns(stage: &mut Stage) -> Done {
    let mut client = stage.client().await?;
    let (one, two) = (
        stage.mailbox(&mut client, 0).await?,
        stage.mailbox(&mut client, 0).await?,
    );
    let answer = client.ok(&format!("LIST \"\" ({one} {two})")).await?;
    same("LIST", answer.texts("LIST").len(), 2)
}

async fn special_use(stage: &mut Stage) -> Done {
    let mut client = stage.client().await?;
    client.ok("LIST \"\" * RETURN (SPECIAL-USE)").await.map(drop)
}

async fn create_special_use(stage: &mut Stage) -> Done {
    let mut client = stage.client().await?;
    let name = stage.name();
    let answer = client
        .command(&format!("CREATE {name} (USE (\\Archive))"))
        .await?;
    if answer.condition != Condition::Ok {
        // It may refuse a second mailbox for this use, and says so.
        return must(answer.code("USEATTR").is_some(), "refused without USEATTR");
    }
    let answer = client
        .ok(&format!("LIST \"\" {name} RETURN (SPECIAL-USE)"))
        .await?;
    must(answer.says("\\Archive"), "the use is not listed")
}

async fn status_size(stage: &mut Stage) -> Done {
    let mut client = stage.client().await?;
    let name = stage.mailbox(&mut client, 2).await?;
    let size = message(1).len() + message(2).len();
    let answer = client.ok(&format!("STATUS {name} (SIZE)")).await?;
    // At least the size of all messages; not less.
    let text = answer.texts("STATUS").concat();
    let told = text
        .split("SIZE ")
        .nth(1)
        .and_then(|rest| rest.trim_end_matches(')').parse::<usize>().ok());
    must(
        told.is_some_and(|told| told >= size),
        format!("SIZE {told:?}, and the messages have {size}"),
    )
}

async fn mailbox_id(stage: &mut Stage) -> Done {
    let mut client = stage.client().await?;
    let (old, new) = (stage.mailbox(&mut client, 0).await?, stage.name());
    let before = client.ok(&format!("SELECT {old}")).await?.code("MAILBOXID");
    must(before.is_some(), "no MAILBOXID in SELECT")?;
    client.ok("CLOSE").await?;
    client.ok(&format!("RENAME {old} {new}")).await?;
    same(
        "MAILBOXID",
        client.ok(&format!("SELECT {new}")).await?.code("MAILBOXID"),
        before,
    )
}

async fn rev2(stage: &mut Stage) -> Done {
    let mut client = stage.client().await?;
    let name = stage.mailbox(&mut client, 1).await?;
    client.ok("ENABLE IMAP4rev2").await?;
    let answer = client.ok(&format!("SELECT {name}")).await?;
    must(answer.numbers("RECENT").is_empty(), "RECENT under IMAP4rev2")
}

async fn utf8(stage: &mut Stage) -> Done {
    let mut client = stage.client().await?;
    client.ok("ENABLE UTF8=ACCEPT").await?;
    let name = stage.mailbox(&mut client, 1).await?;
    client.ok(&format!("SELECT {name}")).await?;
    client.ok("SEARCH SUBJECT \"gr\u{fc}n\"").await.map(drop)
}

async fn one_mailbox_id(stage: &mut Stage) -> Done {
    let mut client = stage.client().await?;
    let name = stage.name();
    let created = client.ok(&format!("CREATE {name}")).await?.code("MAILBOXID");
    must(created.is_some(), "no MAILBOXID in the answer to CREATE")?;
    let selected = client.ok(&format!("SELECT {name}")).await?.code("MAILBOXID");
    same("MAILBOXID of SELECT", selected, created.clone())?;
    let status = client.ok(&format!("STATUS {name} (MAILBOXID)")).await?;
    let id = created.unwrap_or_default();
    must(
        status.says(&format!("MAILBOXID {id}")),
        format!("STATUS has another MAILBOXID than {id}"),
    )
}

async fn special_use_alone(stage: &mut Stage) -> Done {
    let mut client = stage.client().await?;
    let name = stage.mailbox(&mut client, 0).await?;
    let answer = client.ok("LIST (SPECIAL-USE) \"\" *").await?;
    must(!answer.says(&name), "a mailbox without a use is listed")
}

async fn children(stage: &mut Stage) -> Done {
    let mut client = stage.client().await?;
    let parent = stage.mailbox(&mut client, 0).await?;
    let root = client.ok("LIST \"\" \"\"").await?.words("LIST").concat();
    let delimiter = root.len().checked_sub(2).map(|at| root[at].clone());
    let child = format!("{parent}{}child", delimiter.unwrap_or_default());
    if client.command(&format!("CREATE {child}")).await?.condition != Condition::Ok {
        return Err(Stop::Skipped(
            "a mailbox of the run can have none inside".to_owned(),
        ));
    }
    stage.made(&child);
    for (name, wrong) in [(&parent, "\\HasNoChildren"), (&child, "\\HasChildren")] {
        let listed = client.ok(&format!("LIST \"\" {name}")).await?;
        same("LIST", listed.texts("LIST").len(), 1)?;
        must(!listed.says(wrong), format!("{name} is listed with {wrong}"))?;
    }
    Ok(())
}
