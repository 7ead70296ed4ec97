//! SEARCH by the index of texts: it finds what is found without it, in mail of every form.

#![allow(
    clippy::unwrap_used,
    reason = "outside of a `#[test]`, clippy does not see that these are tests"
)]

mod common;

use common::{Home, append, on_every_engine, select};
use imap_backend::{Mailbox as _, Query, SearchKey, search};
use imap_backend_test::Selected;
use imap_message::Needle;
use imap_seq::{Uid, UidSet};
use imap_sql::SqlMailbox;

/// Numbers that look random and are always the same.
struct Dice(u64);

impl Dice {
    fn below(&mut self, bound: usize) -> usize {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).unwrap() % bound
    }

    fn one_of<'a, T: ?Sized>(&mut self, all: &[&'a T]) -> &'a T {
        all[self.below(all.len())]
    }
}

const WORDS: [&str; 18] = [
    "Grüße",
    "straße",
    "STRASSE",
    "ΟΔΟΣ",
    "οδος",
    "Привет",
    "日本語テキスト",
    "İstanbul",
    "naïve",
    "invoice",
    "Invoices",
    "a",
    "of",
    "50%_off",
    "back\\slash",
    "\"quoted\"",
    "*-AND-(OR)",
    "x@y.example",
];

/// Words with white space of several kinds between them.
fn words(dice: &mut Dice, between: &[&str]) -> String {
    let mut text = String::new();
    for _ in 0..1 + dice.below(6) {
        text.push_str(dice.one_of(&WORDS));
        text.push_str(dice.one_of(between));
    }
    text + "end"
}

fn base64(octets: &[u8]) -> String {
    let alphabet = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut out = String::new();
    for chunk in octets.chunks(3) {
        let number = (0..3).fold(0_usize, |number, at| {
            number << 8 | usize::from(*chunk.get(at).unwrap_or(&0))
        });
        for at in 0..4 {
            let is_there = at <= chunk.len();
            out.push(if is_there {
                char::from(alphabet[number >> (18 - 6 * at) & 63])
            } else {
                '='
            });
        }
    }
    out
}

fn quoted(octets: &[u8], sign: &str) -> String {
    octets.iter().map(|octet| format!("{sign}{octet:02X}")).collect()
}

/// A field's text, as it is, or in encoded words.
fn field(dice: &mut Dice) -> String {
    let text = words(dice, &[" ", "  "]);
    match dice.below(4) {
        0 => text,
        1 => format!("=?utf-8?B?{}?=", base64(text.as_bytes())),
        2 => format!(
            "=?UTF-8?q?{}?=\r\n\t=?utf-8?q?more?=",
            quoted(text.as_bytes(), "=")
        ),
        _ => text.replace("  ", "\r\n "),
    }
}

/// A part's fields and body.
fn part(dice: &mut Dice) -> Vec<u8> {
    let text = words(dice, &[" ", "  ", "\r\n", "\t"]);
    let latin: Vec<u8> = text.chars().map(|c| u8::try_from(c).unwrap_or(b'?')).collect();
    let with_fields = |fields: &str, body: &[u8]| [fields.as_bytes(), b"\r\n\r\n", body].concat();
    match dice.below(6) {
        0 => with_fields("Content-Type: text/plain; charset=utf-8", text.as_bytes()),
        1 => with_fields("Content-Type: text/plain; charset=iso-8859-1", &latin),
        2 => with_fields("X-None: 1", &[text.as_bytes(), b"\xff"].concat()),
        3 => with_fields(
            "Content-Transfer-Encoding: base64",
            base64(text.as_bytes()).as_bytes(),
        ),
        4 => with_fields(
            "Content-Type: text/html; charset=utf-8\r\nContent-Transfer-Encoding: quoted-printable",
            quoted(text.as_bytes(), "=").as_bytes(),
        ),
        _ => with_fields(
            "Content-Type: application/octet-stream; name=attached.bin",
            text.as_bytes(),
        ),
    }
}

fn message(dice: &mut Dice) -> Vec<u8> {
    let fields = format!(
        "Subject: {}\r\nFrom: \"{}\" (comment) <a . b@c.example>\r\nX-Word:{}\r\n",
        field(dice),
        dice.one_of(&["Ann", "Grüße", "=?utf-8?q?Gr=C3=BC=C3=9Fe?="]),
        field(dice)
    );
    let mut octets = fields.into_bytes();
    match dice.below(3) {
        0 => octets.extend(part(dice)),
        1 => {
            octets.extend_from_slice(b"Content-Type: multipart/mixed; boundary=b\r\n\r\n");
            for _ in 0..1 + dice.below(3) {
                octets.extend([b"--b\r\n".as_slice(), &part(dice), b"\r\n"].concat());
            }
            octets.extend_from_slice(b"--b--\r\n");
        }
        _ => {
            octets.extend_from_slice(b"Content-Type: message/rfc822\r\n\r\nSubject: inner ");
            octets.extend_from_slice(field(dice).as_bytes());
            octets.extend_from_slice(b"\r\n\r\ninside");
        }
    }
    octets
}

/// A piece of something that may be in a message, or not.
fn needle(dice: &mut Dice) -> Needle {
    let text = words(dice, &[" ", "  "]);
    let characters: Vec<char> = text.chars().collect();
    let from = dice.below(characters.len());
    let text: String = characters[from..].iter().take(1 + dice.below(9)).collect();
    Needle::new(&match dice.below(3) {
        0 => text.to_uppercase(),
        1 => text.to_lowercase(),
        _ => text,
    })
}

fn key(dice: &mut Dice) -> SearchKey {
    let name = dice.one_of(&["subject", "from", "x-word", "x-none"]);
    match dice.below(9) {
        0 | 1 => SearchKey::Body(needle(dice)),
        2 | 3 => SearchKey::Text(needle(dice)),
        4 | 5 => SearchKey::Header(name.to_owned(), needle(dice)),
        6 => SearchKey::Not(Box::new(key(dice))),
        7 => SearchKey::Or(vec![key(dice), key(dice)]),
        _ => SearchKey::And(vec![key(dice), key(dice)]),
    }
}

/// Waits until all messages are indexed that will be.
async fn indexed(home: &Home) {
    if let Home::Server(..) = home {
        let index = "SELECT count(*) FROM pg_class WHERE relname = 'texts_by_trigram'";
        assert_eq!(home.number(index), 1, "the server has no pg_trgm");
    }
    // PostgreSQL removes with the message what SQLite removes after it.
    let waiting = match home {
        Home::File(_) => {
            "SELECT (SELECT count(*) FROM blobs WHERE indexed = 1) + (SELECT count(*) FROM released)
                 + (SELECT count(*) FROM texts_gone)"
        }
        Home::Server(..) => "SELECT count(*) FROM blobs WHERE indexed = 1",
    };
    while home.number(waiting) > 0 {
        tokio::task::yield_now().await;
    }
}

async fn find(selected: &mut Selected<SqlMailbox>, key: &SearchKey) -> (UidSet, UidSet) {
    let query = Query::new(key.clone(), selected.updates.view().clone());
    let ours = selected.mailbox.search(&query).await.unwrap();
    let theirs = search::evaluate(&mut selected.mailbox, &query).await.unwrap();
    (ours.uids().clone(), theirs.uids().clone())
}

fn uids(numbers: &[u32]) -> UidSet {
    numbers.iter().filter_map(|number| Uid::new(*number)).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_index_finds_what_is_found_without_it() {
    on_every_engine(async |home| {
        let process = home.process();
        let (mut user, mut selected) = select(&process).await;
        let mut dice = Dice(1);
        for _ in 0..80 {
            append(&mut user.session, vec![message(&mut dice)]).await;
        }
        // One that is too long for the index, and one that is just not.
        for lines in [50_000, 43_000] {
            let long = format!(
                "Subject: long\r\n\r\n{}Invoices of ΟΔΟΣ",
                "line\r\n".repeat(lines)
            );
            append(&mut user.session, vec![long.into_bytes()]).await;
        }
        selected.noop().await.unwrap();
        let mut found = 0;
        for round in 0..2 {
            for _ in 0..120 {
                let key = key(&mut dice);
                let (ours, theirs) = find(&mut selected, &key).await;
                assert_eq!(ours, theirs, "{key:?} in round {round}");
                found += usize::from(!ours.is_empty());
            }
            indexed(&home).await;
        }
        assert!(found > 80, "{found}");
        assert_eq!(home.number("SELECT count(*) FROM blobs WHERE indexed = 2"), 81);
        assert_eq!(
            find(&mut selected, &SearchKey::Body(Needle::new("line\r\ninvoices")))
                .await
                .0,
            uids(&[81, 82])
        );
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_index_is_asked_and_what_it_does_not_know_is_read() {
    on_every_engine(async |home| {
        let process = home.process();
        let (mut user, mut selected) = select(&process).await;
        for _ in 0..3 {
            append(&mut user.session, vec![b"Subject: s\r\n\r\nneedle".to_vec()]).await;
        }
        indexed(&home).await;
        // Behind the back of the index: the second message has another word now, and a fourth one comes.
        let octets = |text: &[u8]| home.octets(&quoted(text, ""));
        let (changed, new) = (octets(b"Subject: s\r\n\r\nthread"), octets(b"\r\nthread"));
        home.by_hand(&format!(
            "UPDATE chunks SET octets = {changed} WHERE blob = 2;
             INSERT INTO blobs (size) VALUES (8);
             INSERT INTO chunks (blob, number, octets) SELECT max(id), 0, {new} FROM blobs;
             INSERT INTO messages (mailbox, blob) SELECT 1, max(id) FROM blobs;"
        ))
        .unwrap();
        selected.noop().await.unwrap();
        let key = |text| SearchKey::Text(Needle::new(text));
        assert_eq!(
            find(&mut selected, &key("thread")).await,
            (uids(&[4]), uids(&[2, 4]))
        );
        assert_eq!(
            find(&mut selected, &key("th")).await.0,
            uids(&[2, 4]),
            "too short to be asked for"
        );
        let both = SearchKey::Or(vec![key("thread"), key("needle")]);
        assert_eq!(
            find(&mut selected, &both).await.0,
            uids(&[1, 2, 3, 4]),
            "verified"
        );
        let not = SearchKey::Not(Box::new(key("needle")));
        assert_eq!(find(&mut selected, &not).await.0, uids(&[2, 4]));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_gone_leaves_the_index() {
    on_every_engine(async |home| {
        let process = home.process();
        let (mut user, mut selected) = select(&process).await;
        let mail = || vec![b"Subject: s\r\n\r\nneedle".to_vec()];
        append(&mut user.session, mail()).await;
        indexed(&home).await;
        selected.noop().await.unwrap();
        selected.remove(&[common::uid(1)]).await.unwrap();
        append(&mut user.session, mail()).await;
        selected.noop().await.unwrap();
        let entries = match home {
            Home::File(_) => "SELECT count(*) FROM texts_docsize",
            Home::Server(..) => "SELECT count(*) FROM texts",
        };
        indexed(&home).await;
        assert_eq!(home.number(entries), 1);
        assert_eq!(
            find(&mut selected, &SearchKey::Text(Needle::new("needle")))
                .await
                .0,
            uids(&[2])
        );
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn without_the_extension_searches_read_the_messages() {
    on_every_engine(async |home| {
        let Home::Server(..) = home else { return };
        home.process();
        home.by_hand("DROP EXTENSION pg_trgm CASCADE").unwrap();
        let process = home.process();
        let (mut user, mut selected) = select(&process).await;
        append(&mut user.session, vec![b"Subject: s\r\n\r\nneedle".to_vec()]).await;
        selected.noop().await.unwrap();
        assert_eq!(
            find(&mut selected, &SearchKey::Text(Needle::new("needle")))
                .await
                .0,
            uids(&[1])
        );
        assert_eq!(home.number("SELECT count(*) FROM texts"), 0);
        // An administrator makes the index; what waits gets into it.
        home.by_hand(
            "CREATE EXTENSION pg_trgm; CREATE INDEX texts_by_trigram ON texts USING gin (text gin_trgm_ops)",
        )
        .unwrap();
        let _process = home.process();
        indexed(&home).await;
        assert_eq!(home.number("SELECT count(*) FROM texts"), 1);
    })
    .await;
}
