//! Messages that URLs name: put together by CATENATE (RFC 4469), and read by who has leave (RFC 4467).

use super::messages::only;
use crate::response::Condition;
use crate::run::case::cases;
use crate::run::client::{Answer, Client, Done, Stop, failed, must, same};
use crate::run::stage::{Stage, message};

cases! { "urls":
    "CATENATE puts texts and parts of messages together", "RFC 4469 3", ["CATENATE"] => catenate;
    "CATENATE of what is not there says BADURL, and stores nothing", "RFC 4469 4.1", ["CATENATE"] => bad_url;
    "a URL with PARTIAL names some octets of a part", "RFC 5092 6", ["CATENATE", "URL-PARTIAL"] => partial;
    "URLFETCH gives what GENURLAUTH has authorized", "RFC 4467 7", ["URLAUTH"] => authorized;
    "URLFETCH of a URL that was changed gives NIL", "RFC 4467 7", ["URLAUTH"] => changed;
    "after RESETKEY the old URLs give NIL", "RFC 4467 7", ["URLAUTH"] => reset;
    "URLFETCH BINARY gives the decoded part", "RFC 5524 4", ["URLAUTH=BINARY"] => binary;
}

/// The selected mailbox's first message, as a URL of this server without the server.
async fn first(client: &mut Client, name: &str) -> Done<String> {
    let validity = client.ok(&format!("SELECT {name}")).await?.number("UIDVALIDITY");
    let Some(validity) = validity else {
        return failed("SELECT without UIDVALIDITY");
    };
    let uid = client.message(1).await?.uid;
    Ok(format!("/{name};UIDVALIDITY={validity}/;UID={uid}"))
}

const HEAD: &[u8] = b"Subject: put together\r\n\r\n";

async fn catenate(stage: &mut Stage) -> Done {
    let (mut client, name) = stage.selected(1).await?;
    let url = first(&mut client, &name).await?;
    let end = b"The end.\r\n";
    let begin = format!("APPEND {name} CATENATE (TEXT ");
    let between = format!(" URL \"{url}/;SECTION=TEXT\" TEXT ");
    let answer = client.literals(&[(&begin, HEAD), (&between, end)], ")").await?;
    must(answer.condition == Condition::Ok, answer.last())?;
    client.ok("NOOP").await?;
    let got = only(&client.ok("FETCH 2 BODY.PEEK[]").await?, "BODY[]")?;
    let wanted = [HEAD, b"This is the body of number 1.\r\n", end].concat();
    same(
        "what was put together",
        got.escape_ascii().to_string(),
        wanted.escape_ascii().to_string(),
    )
}

async fn bad_url(stage: &mut Stage) -> Done {
    let (mut client, name) = stage.selected(1).await?;
    let begin = format!("APPEND {name} CATENATE (TEXT ");
    let url = format!("/{name}/;UID=4000000000");
    let answer = client
        .literals(&[(&begin, HEAD)], &format!(" URL \"{url}\")"))
        .await?;
    must(
        answer.condition == Condition::No,
        format!(
            "CATENATE of a message that is not there is answered {}",
            answer.last()
        ),
    )?;
    must(
        answer.code("BADURL").is_some(),
        format!("no BADURL: {}", answer.last()),
    )?;
    client.ok("NOOP").await?;
    client.messages(1).await.map(drop)
}

async fn partial(stage: &mut Stage) -> Done {
    let (mut client, name) = stage.selected(1).await?;
    let url = first(&mut client, &name).await?;
    let begin = format!("APPEND {name} CATENATE (TEXT ");
    let end = format!(" URL \"{url}/;SECTION=TEXT/;PARTIAL=12.4\")");
    let answer = client.literals(&[(&begin, HEAD)], &end).await?;
    must(answer.condition == Condition::Ok, answer.last())?;
    client.ok("NOOP").await?;
    let got = only(&client.ok("FETCH 2 BODY.PEEK[TEXT]").await?, "BODY[TEXT]")?;
    same("octets 12 to 15 of the text", got.as_slice(), b"body")
}

/// A message, authorized for every user. A server may have another name than the one by which it is reached.
async fn authorize(stage: &Stage, client: &mut Client, name: &str, section: &str) -> Done<String> {
    let path = first(client, name).await?;
    let url = format!("{}{path}{section};URLAUTH=authuser", stage.url());
    let answer = client.command(&format!("GENURLAUTH \"{url}\" INTERNAL")).await?;
    if answer.condition != Condition::Ok {
        return Err(Stop::Skipped(format!(
            "GENURLAUTH of {url} is answered {}",
            answer.last()
        )));
    }
    let words = answer.words("GENURLAUTH").concat();
    let authorized = words.first().cloned().unwrap_or_default();
    let begin = format!("{url}:internal:").to_ascii_lowercase();
    must(
        authorized.to_ascii_lowercase().starts_with(&begin),
        format!("GENURLAUTH of {url} gives {words:?}, which is not this URL with a token"),
    )?;
    Ok(authorized)
}

/// What URLFETCH gives for the URL.
fn fetched(answer: &Answer, url: &str) -> Done<String> {
    match &answer.words("URLFETCH")[..] {
        [words] if words.len() > 1 && words[0] == url => Ok(words[words.len() - 1].clone()),
        other => failed(format!(
            "URLFETCH with the URL and what it names is due, and there is {other:?}"
        )),
    }
}

async fn authorized(stage: &mut Stage) -> Done {
    let (mut client, name) = stage.selected(1).await?;
    let url = authorize(stage, &mut client, &name, "").await?;
    let mut reader = stage.client().await?;
    let got = fetched(&reader.ok(&format!("URLFETCH \"{url}\"")).await?, &url)?;
    same(
        "the message",
        got,
        String::from_utf8_lossy(&message(1)).into_owned(),
    )
}

async fn changed(stage: &mut Stage) -> Done {
    let (mut client, name) = stage.selected(2).await?;
    let url = authorize(stage, &mut client, &name, "").await?;
    let (uid, other) = (client.message(1).await?.uid, client.message(2).await?.uid);
    let url = url.replacen(&format!(";UID={uid};"), &format!(";UID={other};"), 1);
    let got = fetched(&client.ok(&format!("URLFETCH \"{url}\"")).await?, &url)?;
    same("a message that nobody has authorized", got.as_str(), "NIL")
}

async fn reset(stage: &mut Stage) -> Done {
    let (mut client, name) = stage.selected(1).await?;
    let url = authorize(stage, &mut client, &name, "").await?;
    client.ok(&format!("RESETKEY {name}")).await?;
    let got = fetched(&client.ok(&format!("URLFETCH \"{url}\"")).await?, &url)?;
    same("a message whose key was reset", got.as_str(), "NIL")
}

async fn binary(stage: &mut Stage) -> Done {
    let (mut client, name) = stage.selected(0).await?;
    let encoded = b"Content-Type: text/plain\r\nContent-Transfer-Encoding: base64\r\n\r\nZGVjb2RlZA==\r\n";
    client.append(&name, "", encoded).await?;
    let url = authorize(stage, &mut client, &name, "/;SECTION=1").await?;
    let got = fetched(&client.ok(&format!("URLFETCH (\"{url}\" BINARY)")).await?, &url)?;
    same("the part", got.as_str(), "decoded")
}
