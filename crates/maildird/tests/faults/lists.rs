//! A UID list or a file of keywords that is torn, or another one, while a session has the mailbox selected: no UID ever means another
//! message, and what sessions see is what is on disk.

use std::fs::{self, File};
use std::io::Write;
use std::net::TcpStream;
use std::path::Path;

use rustix::process::Signal;

use crate::common::Client;
use crate::fixture::{Fixture, site};
use crate::seen::Seen;

/// How another program puts it there.
#[derive(Debug, Clone, Copy)]
enum How {
    /// A new file, by one rename.
    Renamed,
    /// Into the file that is there.
    Written,
}

fn put(path: &Path, octets: &[u8], how: How) {
    match how {
        How::Renamed => {
            let new = path.with_extension("new");
            fs::write(&new, octets).unwrap();
            fs::rename(new, path).unwrap();
        }
        How::Written => File::create(path).unwrap().write_all(octets).unwrap(),
    }
}

fn restarted(fixture: Fixture) -> Fixture {
    let Fixture { server, site, .. } = fixture;
    server.signal(Signal::TERM);
    server.end();
    Fixture::wrapped(site, &[], |served| served)
}

/// The texts that may be there instead of a list, and what they are.
fn lists(list: &str, older: &str) -> Vec<(String, Vec<u8>)> {
    let lines: Vec<&str> = list.lines().collect();
    let records = lines[1..].join("\n");
    let validity: u32 = list
        .split_once(" V")
        .unwrap()
        .1
        .split(' ')
        .next()
        .unwrap()
        .parse()
        .unwrap();
    let doubled = lines[1..].iter().map(|line| {
        let (uid, rest) = line.split_once(' ').unwrap();
        let other = rest.split_once(':').unwrap().0;
        format!("{line}\n{uid} {other}:1.another.{uid}\n{line}\n")
    });
    let swapped: Vec<String> = lines[1..]
        .iter()
        .zip(lines[1..].iter().rev())
        .map(|(one, other)| {
            let (uid, _) = one.split_once(' ').unwrap();
            format!("{uid} {}", other.split_once(' ').unwrap().1)
        })
        .collect();
    let junk: Vec<u8> = (0..4096_u32)
        .map(|at| (at.wrapping_mul(2_654_435_761) >> 13).to_le_bytes()[0])
        .collect();
    let mut all = vec![
        ("empty".to_owned(), Vec::new()),
        ("junk".to_owned(), junk.clone()),
        ("zeros".to_owned(), vec![0; 8192]),
        ("older".to_owned(), older.into()),
        ("junk behind it".to_owned(), [list.as_bytes(), &junk].concat()),
        ("junk before it".to_owned(), [&junk, list.as_bytes()].concat()),
        (
            "the first line alone".to_owned(),
            format!("{}\n", lines[0]).into(),
        ),
        ("no first line".to_owned(), records.into()),
        (
            "another UIDVALIDITY".to_owned(),
            list.replacen(&format!("V{validity}"), &format!("V{}", validity + 77), 1)
                .into(),
        ),
        (
            "doubled UIDs".to_owned(),
            format!("{}\n{}", lines[0], doubled.collect::<String>()).into(),
        ),
        (
            "names of other UIDs".to_owned(),
            format!("{}\n{}\n", lines[0], swapped.join("\n")).into(),
        ),
        (
            "in reverse".to_owned(),
            format!(
                "{}\n{}\n",
                lines[0],
                lines[1..].iter().rev().copied().collect::<Vec<_>>().join("\n")
            )
            .into(),
        ),
    ];
    let cuts = (0..list.len()).filter(|at| *at < 4 || at % 197 == 0 || *at + 40 > list.len() && at % 7 == 0);
    all.extend(cuts.map(|at| (format!("cut at {at}"), list.as_bytes()[..at].to_vec())));
    all
}

#[test]
fn a_uid_list_that_is_torn_or_another_one_never_gives_a_uid_to_another_message() {
    let mut seen = Seen::default();
    let mut fixture = Fixture::wrapped(site(), &[], |served| served);
    let mut ada = fixture.ada();
    for _ in 0..4 {
        assert!(seen.append(&mut ada).contains(" OK "));
    }
    let list = fixture.site.maildir().join("dovecot-uidlist");
    let older = fs::read_to_string(&list).unwrap();
    for _ in 0..4 {
        assert!(seen.append(&mut ada).contains(" OK "));
    }
    drop(ada);
    let count = lists(&fs::read_to_string(&list).unwrap(), &older).len();
    for number in 0..count {
        let how = [How::Renamed, How::Written][number % 2];
        let mut ada = fixture.ada();
        seen.read(&mut ada).unwrap();
        // It has grown since; from the list as it is now.
        let now = fs::read_to_string(&list).unwrap();
        let Some((what, octets)) = lists(&now, &older).into_iter().nth(number) else {
            continue;
        };
        let at = format!("{what}, {how:?}");
        put(&list, &octets, how);
        fixture = round(fixture, &mut seen, ada, &at, number % 3 == 0);
    }
}

fn round(fixture: Fixture, seen: &mut Seen, mut ada: Client<TcpStream>, at: &str, restarts: bool) -> Fixture {
    // It may be told that the mailbox is another one now, and that is the end of the session.
    let tag = ada.next_tag();
    ada.send(&format!("{tag} NOOP\r\n"));
    while let Some(line) = ada.line_or_end() {
        if line.starts_with(&tag) {
            break;
        }
    }
    drop(ada);
    let mut ada = fixture.ada();
    let (name, text) = seen.delivered();
    fixture.site.deliver(&name, &text);
    seen.assert_all(&mut ada, at);
    let appended = seen.append(&mut ada);
    assert!(appended.contains(" OK "), "{at}: {appended}");
    let validity = seen.assert_all(&mut ada, at);
    let mut late = fixture.ada();
    assert_eq!(seen.assert_all(&mut late, at), validity, "{at}");
    drop((ada, late));
    fixture.lines();
    if !restarts {
        return fixture;
    }
    let fixture = restarted(fixture);
    assert_eq!(
        seen.assert_all(&mut fixture.ada(), at),
        validity,
        "{at}: after a restart"
    );
    fixture
}

/// As an administrator would make of a mailbox that was large once: lines without messages.
#[test]
fn a_uid_list_of_a_million_lines_is_taken_while_a_session_goes_on() {
    let fixture = Fixture::wrapped(site(), &[], |served| served);
    let mut seen = Seen::default();
    let mut ada = fixture.ada();
    for _ in 0..3 {
        assert!(seen.append(&mut ada).contains(" OK "));
    }
    seen.assert_all(&mut ada, "before");
    let list = fixture.site.maildir().join("dovecot-uidlist");
    let mut text = fs::read_to_string(&list).unwrap();
    (4..1_000_000).for_each(|uid| text += &format!("{uid} :{uid}.gone\n"));
    put(&list, text.as_bytes(), How::Renamed);
    let answer = seen.append(&mut ada);
    assert!(
        answer.contains("OK [APPENDUID") && answer.contains(" 1000000]"),
        "{answer}"
    );
    let mut late = fixture.ada();
    seen.assert_all(&mut ada, "the one that was there");
    seen.assert_all(&mut late, "another one");
    fixture.lines();
}

/// Which keywords each message has.
fn keywords(client: &mut Client<TcpStream>) -> Vec<(String, bool, bool)> {
    client.ok("SELECT INBOX");
    let answer = client.ok("FETCH 1:* FLAGS");
    let rows = answer.lines().filter(|line| line.contains("FETCH (FLAGS"));
    rows.map(|row| (row.to_owned(), row.contains("work"), row.contains("later")))
        .collect()
}

#[test]
fn a_file_of_keywords_that_is_torn_gives_no_message_a_keyword_that_it_never_had() {
    let texts: [&[u8]; 6] = [
        b"",
        b"0 wo",
        b"junk\0\xff\n",
        b"0",
        b"1 other\n",
        b"0 work\n0 twice\n",
    ];
    for (number, text) in texts.into_iter().enumerate() {
        let how = [How::Renamed, How::Written][number % 2];
        let at = format!("{number} {how:?}");
        let fixture = Fixture::wrapped(site(), &[], |served| served);
        let mut seen = Seen::default();
        let mut ada = fixture.ada();
        for _ in 0..4 {
            assert!(seen.append(&mut ada).contains(" OK "));
        }
        ada.ok("SELECT INBOX");
        ada.ok("STORE 1:2 +FLAGS (work)");
        put(&fixture.site.maildir().join("dovecot-keywords"), text, how);
        ada.ok("NOOP");
        ada.ok("STORE 3 +FLAGS (later)");
        let (mut fixture, mut ada) = (fixture, ada);
        for after in ["at once", "after a restart"] {
            let rows = keywords(&mut ada);
            let later: Vec<bool> = rows.iter().map(|row| row.2).collect();
            assert_eq!(later, [false, false, true, false], "{at}, {after}: {rows:#?}");
            assert!(rows[2..].iter().all(|row| !row.1), "{at}, {after}: {rows:#?}");
            seen.assert_all(&mut ada, &at);
            drop(ada);
            fixture = restarted(fixture);
            ada = fixture.ada();
        }
    }
}
