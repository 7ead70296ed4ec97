//! How a connection begins, and what it is like afterwards.

use crate::response::Condition;
use crate::run::case::cases;
use crate::run::client::{Done, Stop, must};
use crate::run::stage::Stage;

cases! { "connections":
    "AUTHENTICATE may say all at once", "RFC 4959 3", ["SASL-IR"] => initial_response;
    "after COMPRESS both sides compress", "RFC 4978 3", ["COMPRESS=DEFLATE"] => compress;
    "COMPRESS a second time is refused with COMPRESSIONACTIVE", "RFC 4978 3", ["COMPRESS=DEFLATE"] => compress_twice;
    "GETJMAPACCESS tells where the mail can be had by JMAP", "RFC 9698 4", ["JMAPACCESS"] => jmap;
}

async fn initial_response(stage: &mut Stage) -> Done {
    let mut client = stage.stranger().await?;
    if !client.ok("CAPABILITY").await?.says("AUTH=PLAIN") {
        return Err(Stop::Skipped("AUTH=PLAIN is not offered".to_owned()));
    }
    let answer = client
        .authenticate_at_once(stage.user(), stage.password())
        .await?;
    must(answer.condition == Condition::Ok, answer.last())?;
    client.ok("STATUS INBOX (MESSAGES)").await.map(drop)
}

async fn compress(stage: &mut Stage) -> Done {
    let mut client = stage.client().await?;
    client.ok("COMPRESS DEFLATE").await?;
    client.compress()?;
    let name = stage.mailbox(&mut client, 2).await?;
    client.ok(&format!("SELECT {name}")).await?;
    client.messages(2).await.map(drop)
}

async fn compress_twice(stage: &mut Stage) -> Done {
    let mut client = stage.client().await?;
    client.ok("COMPRESS DEFLATE").await?;
    client.compress()?;
    let answer = client.refused("COMPRESS DEFLATE").await?;
    must(
        answer.code("COMPRESSIONACTIVE").is_some(),
        format!("no COMPRESSIONACTIVE: {}", answer.last()),
    )?;
    client.ok("NOOP").await.map(drop)
}

async fn jmap(stage: &mut Stage) -> Done {
    let mut client = stage.client().await?;
    let answer = client.ok("GETJMAPACCESS").await?;
    let words = answer.words("JMAPACCESS").concat();
    must(
        words.len() == 1 && words[0].starts_with("http"),
        format!("JMAPACCESS with a URL is due, and there is {words:?}"),
    )
}
