//! Connections, and commands of any state.

use crate::response::Condition;
use crate::run::case::cases;
use crate::run::client::{Done, failed, must, same};
use crate::run::stage::Stage;

cases! { "sessions":
    "a wrong password is refused", "RFC 9051 6.2.3", [] => wrong_password;
    "commands of a user need a user", "RFC 9051 3", [] => not_authenticated;
    "commands on messages need a mailbox", "RFC 9051 3", [] => not_selected;
    "what is no command is answered BAD, and the connection goes on", "RFC 9051 7.1.3", [] => nonsense;
    "commands may follow each other without waiting", "RFC 9051 5.5", [] => pipelined;
    "a literal that is refused does not have to be sent", "RFC 9051 4.3", [] => literal;
    "a literal may come at once", "RFC 7888 3", ["LITERAL+|LITERAL-"] => literal_at_once;
    "LOGOUT says BYE, answers and closes", "RFC 9051 6.1.3", [] => logout;
    "ID is answered", "RFC 2971 3.1", ["ID"] => id;
    "ENABLE passes over what it does not know", "RFC 5161 3.1", ["ENABLE"] => enable;
    "NAMESPACE has three parts", "RFC 2342 5", ["NAMESPACE"] => namespace;
    "IDLE ends with DONE", "RFC 2177 3", ["IDLE"] => idle;
    "after UNAUTHENTICATE nobody is logged in", "RFC 8437 2", ["UNAUTHENTICATE"] => unauthenticate;
}

async fn wrong_password(stage: &mut Stage) -> Done {
    let mut client = stage.stranger().await?;
    client.refused("LOGIN imap-conform-nobody wrong").await?;
    client.refused("SELECT INBOX").await.map(drop)
}

async fn not_authenticated(stage: &mut Stage) -> Done {
    let mut client = stage.stranger().await?;
    client.refused("SELECT INBOX").await?;
    client.refused("LIST \"\" *").await?;
    client.ok("NOOP").await.map(drop)
}

async fn not_selected(stage: &mut Stage) -> Done {
    let mut client = stage.client().await?;
    for command in ["FETCH 1 FLAGS", "UID SEARCH ALL", "EXPUNGE", "CLOSE"] {
        client.refused(command).await?;
    }
    Ok(())
}

async fn nonsense(stage: &mut Stage) -> Done {
    let mut client = stage.client().await?;
    for command in ["XCONFORM", "SELECT", "LIST", "FETCH 0 FLAGS", "STATUS INBOX ()"] {
        let answer = client.command(command).await?;
        must(
            answer.condition == Condition::Bad,
            format!("{command} is answered {}", answer.last()),
        )?;
    }
    client.ok("NOOP").await.map(drop)
}

async fn pipelined(stage: &mut Stage) -> Done {
    let (mut client, _) = stage.selected(2).await?;
    let (first, second, third) = (client.next_tag(), client.next_tag(), client.next_tag());
    let commands = format!("{first} FETCH 1 (UID)\r\n{second} NOOP\r\n{third} UID SEARCH ALL\r\n");
    client.send(commands.as_bytes()).await?;
    // What can be done in another order may be.
    let answer = client.answers(&[&first, &second, &third]).await?;
    same("messages", answer.fetched().len(), 1)?;
    same("messages", answer.found().len(), 2)
}

async fn literal(stage: &mut Stage) -> Done {
    let mut client = stage.client().await?;
    let name = stage.name();
    let answer = client
        .literal(&format!("APPEND {name}"), b"From: x\r\n\r\nx\r\n")
        .await?;
    must(
        answer.condition != Condition::Ok,
        "APPEND to no mailbox is answered OK",
    )?;
    must(answer.says("[TRYCREATE]"), "no TRYCREATE")?;
    client.ok("NOOP").await.map(drop)
}

async fn literal_at_once(stage: &mut Stage) -> Done {
    let mut client = stage.client().await?;
    let name = stage.mailbox(&mut client, 0).await?;
    let tag = client.next_tag();
    client
        .send(format!("{tag} STATUS {{{}+}}\r\n{name} (MESSAGES)\r\n", name.len()).as_bytes())
        .await?;
    let answer = client.answer(&tag).await?;
    must(answer.condition == Condition::Ok, answer.last())
}

async fn logout(stage: &mut Stage) -> Done {
    let mut client = stage.client().await?;
    client.ok("LOGOUT").await?;
    must(client.is_closed().await, "the connection stays open")
}

async fn id(stage: &mut Stage) -> Done {
    let mut client = stage.client().await?;
    let answer = client.ok("ID NIL").await?;
    same("ID responses", answer.texts("ID").len(), 1)
}

async fn enable(stage: &mut Stage) -> Done {
    let mut client = stage.client().await?;
    client.ok("ENABLE X-IMAP-CONFORM").await.map(drop)
}

async fn namespace(stage: &mut Stage) -> Done {
    let mut client = stage.client().await?;
    let answer = client.ok("NAMESPACE").await?;
    must(answer.texts("NAMESPACE").len() == 1, "no NAMESPACE")
}

async fn idle(stage: &mut Stage) -> Done {
    let (mut client, _) = stage.selected(1).await?;
    let tag = client.idle().await?;
    client.send(b"DONE\r\n").await?;
    let answer = client.answer(&tag).await?;
    if answer.condition != Condition::Ok {
        return failed(answer.last());
    }
    client.ok("NOOP").await.map(drop)
}

async fn unauthenticate(stage: &mut Stage) -> Done {
    let mut client = stage.client().await?;
    client.ok("UNAUTHENTICATE").await?;
    client.refused("SELECT INBOX").await?;
    stage.log_in(&mut client).await?;
    client.ok("STATUS INBOX (MESSAGES)").await.map(drop)
}
