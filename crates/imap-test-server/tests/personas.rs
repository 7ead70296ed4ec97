//! Plays `personas.txt`: what a client says to each persona, and what it is told. The same is played to a server without the
//! persona, which has to answer otherwise: so each of them shows what is peculiar.
//!
//! ```text
//! == name            the persona
//! C: a SELECT INBOX  lines that follow each other are one write
//! until: a           the answer ends with this tag, and not with the last one that was said
//! S: * 3 EXISTS      is told, before the command ends, after what the lines above say; <...> stands for anything
//! S: <end>           the connection is closed
//! not: * 3 EXISTS    is not told
//! ```

#![allow(clippy::unwrap_used, reason = "helpers of tests are tests")]

mod common;

use common::Client;
use imap_test_server::{TestServer, personas};
use std::collections::BTreeSet;
use std::io::Read;
use std::net::TcpStream;
use std::panic::catch_unwind;

/// One write, and what has to come of it.
#[derive(Default)]
struct Exchange {
    said: String,
    /// The tag that ends the answer; otherwise the last one that was said.
    until: Option<String>,
    told: Vec<String>,
    not_told: Vec<String>,
}

fn scripts() -> Vec<(String, Vec<Exchange>)> {
    let mut scripts: Vec<(String, Vec<Exchange>)> = Vec::new();
    let mut saying = false;
    for line in include_str!("personas.txt").lines() {
        let Some((kind, rest)) = line.split_once(' ') else {
            continue;
        };
        if kind == "==" {
            scripts.push((rest.to_owned(), vec![Exchange::default()]));
            continue;
        }
        let exchanges = &mut scripts.last_mut().unwrap().1;
        if kind == "C:" && !saying {
            exchanges.push(Exchange::default());
        }
        saying = kind == "C:";
        let exchange = exchanges.last_mut().unwrap();
        match kind {
            "C:" => exchange.said += &format!("{}\r\n", rest.replace("<long>", &long_set())),
            "until:" => exchange.until = Some(rest.to_owned()),
            "S:" => exchange.told.push(rest.to_owned()),
            "not:" => exchange.not_told.push(rest.to_owned()),
            _ => panic!("{line}"),
        }
    }
    scripts
}

/// A set of UIDs of more than 8,000 octets.
fn long_set() -> String {
    let uids: Vec<String> = (1..=4_000).step_by(2).map(|uid: u32| uid.to_string()).collect();
    uids.join(",")
}

/// What went otherwise than the script has it.
async fn play(server: &TestServer, script: &[Exchange]) -> Result<(), String> {
    let mut client = Client::new(server.connect());
    for exchange in script {
        let told = match exchange.said.lines().last() {
            None => vec![client.line().await.unwrap()],
            Some(last) => {
                client.send(&exchange.said).await;
                let tag = exchange.until.as_deref().or_else(|| last.split(' ').next());
                client.lines_to(tag.unwrap()).await
            }
        };
        let mut lines = told.iter();
        for wanted in &exchange.told {
            if !lines.any(|told| matches(wanted, told)) {
                return Err(format!("wanted {wanted}\ntold {told:#?}"));
            }
        }
        let unwanted = |told: &&String| exchange.not_told.iter().any(|wanted| matches(wanted, told));
        if let Some(line) = told.iter().find(unwanted) {
            return Err(format!("told {line}"));
        }
    }
    Ok(())
}

/// Whether a line is as wanted, `<...>` standing for anything.
fn matches(wanted: &str, line: &str) -> bool {
    match wanted.split_once("<...>") {
        None => wanted == line,
        Some((head, rest)) => line.strip_prefix(head).is_some_and(|line| {
            let ends = line.char_indices().map(|(at, _)| at).chain([line.len()]);
            ends.into_iter().any(|at| matches(rest, &line[at..]))
        }),
    }
}

#[tokio::test]
async fn every_persona_answers_as_its_report_says_and_no_other_server_does() {
    let plain = TestServer::start();
    let mut failed = Vec::new();
    for (name, script) in scripts() {
        let server = TestServer::builder().persona(&name).start();
        if let Err(wrong) = play(&server, &script).await {
            failed.push(format!("{name}: {wrong}"));
        } else if play(&plain, &script).await.is_ok() {
            failed.push(format!("{name}: nothing is peculiar"));
        }
    }
    assert!(failed.is_empty(), "{}", failed.join("\n"));
}

/// "Several go together", also those that bring mail for the same mailbox, in either order: the server starts, and greets.
#[test]
fn personas_go_together_by_twos_and_all_at_once() {
    let names: Vec<&str> = personas().map(|persona| persona.name).collect();
    let twos = names.iter().flat_map(|first| {
        let others = names.iter().filter(move |second| *second != first);
        others.map(|second| vec![*first, *second])
    });
    let mut failed = Vec::new();
    for together in twos.chain([names.clone()]) {
        let greets = catch_unwind(|| {
            let builder = TestServer::builder();
            let server = together
                .iter()
                .fold(builder, |builder, name| builder.persona(name))
                .start();
            let mut greeting = [0; 5];
            let mut stream = TcpStream::connect(server.address()).unwrap();
            stream.set_read_timeout(Some(common::PATIENCE)).unwrap();
            stream.read_exact(&mut greeting).unwrap();
            assert_eq!(&greeting, b"* OK ");
        });
        if greets.is_err() {
            failed.push(together);
        }
    }
    assert!(failed.is_empty(), "{failed:?}");
}

#[test]
fn every_persona_is_played_and_has_a_source_of_its_own() {
    let played: BTreeSet<String> = scripts().into_iter().map(|(name, _)| name).collect();
    // Played in src/persona/connection.rs, where nobody waits.
    let played: BTreeSet<&str> = played
        .iter()
        .map(String::as_str)
        .chain(["silent-select"])
        .collect();
    let names: BTreeSet<&str> = personas().map(|persona| persona.name).collect();
    assert_eq!(played, names);
    let sources: BTreeSet<&str> = personas().map(|persona| persona.source).collect();
    assert!(
        sources.len() == names.len() && sources.len() >= 30,
        "{}",
        sources.len()
    );
    assert!(sources.iter().all(|source| source.starts_with("https://")));
}

#[test]
fn the_page_has_every_persona_with_its_source() {
    let page = include_str!("../../../docs/testing-a-client.md");
    for persona in personas() {
        let row = format!(
            "| `{}` | {} | [report]({}) |",
            persona.name, persona.about, persona.source
        );
        assert!(page.contains(&row), "not in docs/testing-a-client.md:\n{row}");
    }
    assert_eq!(page.matches("| [report](").count(), personas().count());
}

#[test]
fn a_wanted_line_matches_itself_and_what_its_gaps_allow() {
    assert!(matches("a OK", "a OK") && !matches("a OK", "a OKAY"));
    assert!(matches("<...>b<...>", "abc") && matches("a<...>", "a") && !matches("a<...>c", "ab"));
}
