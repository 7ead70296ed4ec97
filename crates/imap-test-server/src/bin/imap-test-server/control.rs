//! The commands of the program's input.

use imap_test_server::{Account, Fault, TestServer};
use std::panic::{self, AssertUnwindSafe};

type Failure = Box<dyn std::error::Error>;

/// A wrong line is answered, not reported by a panic: the library panics for it, because in a test it is the test's fault.
pub(crate) fn keep_quiet() {
    let report = panic::take_hook();
    panic::set_hook(Box::new(move |info| {
        if std::thread::current().name() != Some("main") {
            report(info);
        }
    }));
}

/// Does what a line says; gives the answer.
pub(crate) fn obey(server: &TestServer, line: &str) -> String {
    let done = panic::catch_unwind(AssertUnwindSafe(|| run(server, line)));
    let failure = match done {
        Ok(Ok(answer)) if answer.is_empty() => return "ok".to_owned(),
        Ok(Ok(answer)) => return answer,
        Ok(Err(failure)) => failure.to_string(),
        Err(panic) => match (panic.downcast_ref::<String>(), panic.downcast_ref::<&str>()) {
            (Some(text), _) => text.clone(),
            (_, Some(text)) => (*text).to_owned(),
            _ => "it failed".to_owned(),
        },
    };
    format!("error {}", failure.lines().next().unwrap_or_default())
}

fn run(server: &TestServer, line: &str) -> Result<String, Failure> {
    let (command, rest) = line.split_once(' ').unwrap_or((line, ""));
    match command {
        "fault" => server.fault(rest.parse::<Fault>()?),
        "disconnect" if rest.is_empty() => server.disconnect_all(),
        "bye" => server.bye_all(rest),
        "said" => return Ok(format!("ok {}", first_line(&server.said(rest).wait()))),
        "told" => return Ok(format!("ok {}", first_line(&server.told(rest).wait()))),
        "transcript" => return Ok(format!("{}ok", server.transcript())),
        _ => return change(server, command, &words(rest)),
    }
    Ok(String::new())
}

/// A change from outside.
fn change(server: &TestServer, command: &str, words: &[String]) -> Result<String, Failure> {
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let (account, words) = words
        .split_first()
        .ok_or_else(|| format!("unknown command {command:?}"))?;
    let account: Account = server.account(account);
    match (command, words) {
        ("deliver", [mailbox, file]) => {
            let uid = account.deliver(mailbox, std::fs::read(file)?);
            return Ok(format!("ok {uid}"));
        }
        ("remove", [mailbox, uids @ ..]) => {
            let uids: Vec<u32> = uids.iter().map(|uid| uid.parse()).collect::<Result<_, _>>()?;
            account.remove(mailbox, uids);
        }
        ("flags", [mailbox, uid, flags @ ..]) => account.set_flags(mailbox, [uid.parse()?], &flags.join(" ")),
        ("create", [mailbox]) => account.create(mailbox),
        ("delete", [mailbox]) => account.delete(mailbox),
        ("rename", [from, to]) => account.rename(from, to),
        ("reset-uid-validity", [mailbox]) => {
            return Ok(format!("ok {}", account.reset_uid_validity(mailbox)));
        }
        _ => return Err(format!("unknown command {command:?}, or wrong arguments").into()),
    }
    Ok(String::new())
}

fn first_line(text: &str) -> &str {
    text.lines().next().unwrap_or_default()
}

/// Words with spaces between; those of a name with spaces stand in double quotes.
fn words(text: &str) -> Vec<String> {
    let (mut words, mut word, mut quoted) = (Vec::new(), None::<String>, false);
    for character in text.chars() {
        match character {
            '"' => {
                quoted = !quoted;
                word.get_or_insert_default();
            }
            ' ' if !quoted => words.extend(word.take()),
            _ => word.get_or_insert_default().push(character),
        }
    }
    words.extend(word);
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_change_the_mailboxes_and_wrong_ones_are_answered() {
        let server = TestServer::start();
        assert_eq!(obey(&server, "create joe \"Sent Items\""), "ok");
        assert_eq!(obey(&server, "rename joe \"Sent Items\" Sent"), "ok");
        assert!(server.account("joe").has("Sent"));
        server.account("joe").deliver("Sent", "Subject: x\n\n");
        assert_eq!(obey(&server, "flags joe Sent 1 \\Seen \\Flagged"), "ok");
        assert_eq!(
            server.account("joe").messages("Sent")[0].flags,
            ["\\Flagged", "\\Seen"]
        );
        assert!(obey(&server, "reset-uid-validity joe Sent").starts_with("ok "));
        assert_eq!(obey(&server, "remove joe Sent 1 7"), "ok");
        assert!(server.account("joe").messages("Sent").is_empty());
        assert_eq!(obey(&server, "fault NOOP bye over"), "ok");
        assert_eq!(obey(&server, "disconnect"), "ok");
        assert_eq!(obey(&server, "bye the server stops"), "ok");
        for wrong in [
            "",
            "explode",
            "create ann X",
            "delete joe Nowhere",
            "fault X",
            "remove joe Sent x",
            "create joe",
        ] {
            assert!(obey(&server, wrong).starts_with("error "), "{wrong}");
        }
        assert_eq!(obey(&server, "transcript"), "ok");
    }
}
