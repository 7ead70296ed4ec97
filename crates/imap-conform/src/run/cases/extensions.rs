//! Extensions that are about mailboxes and lists of them.

use crate::response::Condition;
use crate::run::case::cases;
use crate::run::client::{Done, must, same};
use crate::run::stage::{Stage, message};

cases! { "extensions":
    "LIST with RETURN (STATUS) has STATUS", "RFC 5819 2", ["LIST-STATUS|IMAP4REV2"] => list_status;
    "LIST (SUBSCRIBED) lists what is subscribed", "RFC 5258 3.1", ["LIST-EXTENDED|IMAP4REV2"] => list_subscribed;
    "LIST with several patterns", "RFC 5258 3", ["LIST-EXTENDED|IMAP4REV2"] => several_patterns;
    "LIST RETURN (SPECIAL-USE) is answered", "RFC 6154 5.1", ["SPECIAL-USE"] => special_use;
    "CREATE with a use", "RFC 6154 3", ["CREATE-SPECIAL-USE"] => create_special_use;
    "STATUS SIZE is the size of all messages", "RFC 8438 3", ["STATUS=SIZE|IMAP4REV2"] => status_size;
    "MAILBOXID stays when the mailbox is renamed", "RFC 8474 4", ["OBJECTID"] => mailbox_id;
    "GETQUOTAROOT is answered", "RFC 9208 4.1.3", ["QUOTA"] => quota;
    "an annotation comes back, and goes away", "RFC 5464 4", ["METADATA"] => metadata;
    "after ENABLE IMAP4rev2, SELECT tells LIST and no RECENT", "RFC 9051 6.3.2", ["IMAP4REV2"] => rev2;
    "after ENABLE UIDONLY numbers are refused", "RFC 9586 3", ["UIDONLY"] => uid_only;
    "results are kept up to date", "RFC 5267 4.3", ["CONTEXT=SEARCH"] => context;
    "text in UTF-8 is searched after UTF8=ACCEPT", "RFC 6855 3", ["UTF8=ACCEPT"] => utf8;
    "COMPRESS is followed", "RFC 4978 3", ["COMPRESS=DEFLATE"] => compress;
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

async fn quota(stage: &mut Stage) -> Done {
    let mut client = stage.client().await?;
    let answer = client.ok("GETQUOTAROOT INBOX").await?;
    same("QUOTAROOT", answer.texts("QUOTAROOT").len(), 1)
}

async fn metadata(stage: &mut Stage) -> Done {
    let mut client = stage.client().await?;
    let name = stage.mailbox(&mut client, 0).await?;
    client
        .ok(&format!("SETMETADATA {name} (/private/comment \"of conform\")"))
        .await?;
    let answer = client.ok(&format!("GETMETADATA {name} /private/comment")).await?;
    must(answer.says("of conform"), "it does not come back")?;
    client
        .ok(&format!("SETMETADATA {name} (/private/comment NIL)"))
        .await?;
    let answer = client.ok(&format!("GETMETADATA {name} /private/comment")).await?;
    must(!answer.says("of conform"), "it does not go away")
}

async fn rev2(stage: &mut Stage) -> Done {
    let mut client = stage.client().await?;
    let name = stage.mailbox(&mut client, 1).await?;
    client.ok("ENABLE IMAP4rev2").await?;
    let answer = client.ok(&format!("SELECT {name}")).await?;
    must(answer.numbers("RECENT").is_empty(), "RECENT under IMAP4rev2")
}

async fn uid_only(stage: &mut Stage) -> Done {
    let mut client = stage.client().await?;
    let name = stage.mailbox(&mut client, 2).await?;
    client.ok("ENABLE UIDONLY").await?;
    client.ok(&format!("SELECT {name}")).await?;
    let answer = client.refused("FETCH 1 FLAGS").await?;
    must(answer.code("UIDREQUIRED").is_some(), "no UIDREQUIRED")?;
    same(
        "UIDFETCH",
        client.ok("UID FETCH 1:* FLAGS").await?.numbers("UIDFETCH").len(),
        2,
    )
}

async fn context(stage: &mut Stage) -> Done {
    let (mut client, name) = stage.selected(2).await?;
    client.ok("UID SEARCH RETURN (UPDATE COUNT) ALL").await?;
    let appended = client.append(&name, "", &message(3)).await?;
    let answer = client.ok("NOOP").await?;
    must(appended.says("ADDTO") || answer.says("ADDTO"), "no ADDTO")
}

async fn utf8(stage: &mut Stage) -> Done {
    let mut client = stage.client().await?;
    client.ok("ENABLE UTF8=ACCEPT").await?;
    let name = stage.mailbox(&mut client, 1).await?;
    client.ok(&format!("SELECT {name}")).await?;
    client.ok("SEARCH SUBJECT \"gr\u{fc}n\"").await.map(drop)
}

/// Only that it is agreed to: what follows is compressed.
async fn compress(stage: &mut Stage) -> Done {
    let mut client = stage.client().await?;
    client.ok("COMPRESS DEFLATE").await.map(drop)
}
