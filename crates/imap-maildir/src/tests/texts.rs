//! The index of texts: SEARCH finds the same with it, whatever is in it, and without it.

use super::*;
use imap_backend::{Query, SearchKey, search};
use imap_message::Needle;
use proptest::prelude::*;
use std::time::Duration;

use crate::mailbox::fill::{Turn, turn};

const FILE: &str = "imap-search";

impl Fixture {
    fn with_full_text(self) -> Self {
        self.backend.shared.cache.filler.switch(true);
        self
    }

    /// As with a new process.
    fn again(self) -> Self {
        self.restarted().with_full_text()
    }

    fn search_file(&self) -> PathBuf {
        self.root().join(FILE)
    }
}

/// The filler's work, until there is none or so many turns were taken.
fn fill(client: &Client, turns: usize) {
    let open = Arc::downgrade(&client.open());
    for _ in 0..turns {
        if turn(&open, |_| true) == Turn::Ends {
            return;
        }
    }
}

/// What SEARCH finds, which has to be what it finds without the index.
async fn find(client: &mut Client, key: SearchKey) -> Vec<u32> {
    let query = Query::new(key, client.updates.view().clone());
    let ours = client.mailbox().search(&query).await.unwrap();
    let exact = search::evaluate(client.mailbox(), &query).await.unwrap();
    assert_eq!(ours, exact, "{:?}", query.key());
    ours.uids().iter().map(Uid::get).collect()
}

/// How many of the mailbox's messages have to be read for it.
async fn read_for(client: &Client, key: &SearchKey) -> u64 {
    let all = client.open().hub.lock().all().clone();
    client.open().may_match(key, all).await.unwrap().len()
}

fn text(needle: &str) -> SearchKey {
    SearchKey::Text(Needle::new(needle))
}

fn number(number: usize) -> String {
    format!("Subject: number {number}\n\nthe body of {number:04}\n")
}

async fn appended(fixture: &Fixture, numbers: std::ops::Range<usize>) {
    let mut session = fixture.session().await;
    for each in numbers {
        append(&mut session, "INBOX", &number(each), "").await.unwrap();
    }
}

#[tokio::test]
async fn only_messages_that_may_have_the_string_are_read() {
    let fixture = Fixture::new().with_full_text();
    appended(&fixture, 0..40).await;
    let mut client = fixture.select("INBOX").await;
    assert_eq!(read_for(&client, &text("of 0017")).await, 40);
    fill(&client, usize::MAX);
    assert_eq!(read_for(&client, &text("of 0017")).await, 1);
    assert_eq!(find(&mut client, text("OF  0017")).await, []);
    assert_eq!(find(&mut client, text("OF 0017")).await, [18]);
    assert_eq!(read_for(&client, &text("absent")).await, 0);
    drop(client);
    let fixture = fixture.again();
    let client = fixture.select("INBOX").await;
    assert_eq!(read_for(&client, &text("of 0017")).await, 1, "it is kept");
    let both = SearchKey::And(vec![text("of 0017"), text("of 0018")]);
    let either = SearchKey::Or(vec![text("of 0017"), text("of 0018")]);
    assert_eq!(read_for(&client, &both).await, 0);
    assert_eq!(read_for(&client, &either).await, 2);
    for all in [
        text("of"),
        SearchKey::Not(Box::new(either)),
        SearchKey::Or(vec![text("of 0017"), SearchKey::All]),
    ] {
        assert_eq!(read_for(&client, &all).await, 40, "{all:?}");
    }
}

#[tokio::test]
async fn what_another_program_delivers_is_found_before_it_is_indexed_and_after() {
    let fixture = Fixture::new().with_full_text();
    appended(&fixture, 0..9).await;
    let mut client = fixture.select("INBOX").await;
    fill(&client, usize::MAX);
    deliver(
        &fixture.root(),
        "new/1.other",
        "Subject: other\n\nsomething else\n",
    );
    client.noop().await;
    for round in 0..2 {
        assert_eq!(find(&mut client, text("something")).await, [10], "round {round}");
        assert_eq!(read_for(&client, &text("something")).await, 1, "round {round}");
        fill(&client, usize::MAX);
    }
    assert_eq!(read_for(&client, &text("no such string")).await, 0);
}

#[tokio::test]
async fn what_was_begun_goes_on_after_a_restart() {
    let fixture = Fixture::new().with_full_text();
    appended(&fixture, 0..40).await;
    let client = fixture.select("INBOX").await;
    fill(&client, 2);
    let left = read_for(&client, &text("absent")).await;
    assert!(left > 0 && left < 40, "{left}");
    drop(client);
    let fixture = fixture.again();
    let mut client = fixture.select("INBOX").await;
    assert_eq!(read_for(&client, &text("absent")).await, left);
    fill(&client, usize::MAX);
    assert_eq!(read_for(&client, &text("absent")).await, 0);
    assert_eq!(find(&mut client, text("of 0039")).await, [40]);
}

#[tokio::test]
async fn what_was_read_of_a_mailbox_that_is_closed_meanwhile_is_kept() {
    let fixture = Fixture::new().with_full_text();
    // More than are read before the filler rests: it has read some when the mailbox is closed.
    appended(&fixture, 0..40).await;
    let client = fixture.select("INBOX").await;
    let mut client = Some(client);
    let open = Arc::downgrade(&client.as_ref().unwrap().open());
    turn(&open, |_| {
        client = None;
        true
    });
    assert!(open.upgrade().is_none(), "the filler does not keep it open");
    let fixture = fixture.again();
    let client = fixture.select("INBOX").await;
    let left = read_for(&client, &text("absent")).await;
    assert!(left > 0 && left < 40, "{left}");
}

#[tokio::test]
async fn many_small_segments_become_few_and_expunged_messages_are_forgotten() {
    let fixture = Fixture::new().with_full_text();
    let mut client = fixture.select("INBOX").await;
    for each in 0..30 {
        appended(&fixture, each..each + 1).await;
        client.noop().await;
        fill(&client, usize::MAX);
        assert_eq!(find(&mut client, text("body of")).await.len(), each + 1);
    }
    let count = |fixture: &Fixture, what: &str| -> u32 {
        let file = rusqlite::Connection::open(fixture.search_file()).unwrap();
        file.query_row(&format!("SELECT count(*) FROM {what}"), [], |row| row.get(0))
            .unwrap()
    };
    let most: Vec<u32> = (1..=28).collect();
    client.store(&most, FlagAction::Add, "\\Deleted").await.unwrap();
    let fixture = {
        drop(client);
        let fixture = fixture.restarted();
        assert!(count(&fixture, "segment") < 12, "{}", count(&fixture, "segment"));
        fixture.with_full_text()
    };
    let mut client = fixture.select("INBOX").await;
    client.mailbox().expunge(&set(&most)).await.unwrap();
    client.noop().await;
    fill(&client, usize::MAX);
    assert_eq!(find(&mut client, text("body of")).await, [29, 30]);
    drop(client);
    let fixture = fixture.restarted();
    assert!(count(&fixture, "segment") <= 2, "{}", count(&fixture, "segment"));
    let blocks_of_none = "block WHERE id >> 20 NOT IN (SELECT number FROM segment)";
    assert_eq!(count(&fixture, blocks_of_none), 0);
}

#[tokio::test]
async fn without_the_setting_nothing_is_written_and_nothing_removed() {
    let fixture = Fixture::new();
    appended(&fixture, 0..9).await;
    let mut client = fixture.select("INBOX").await;
    fill(&client, usize::MAX);
    assert_eq!(find(&mut client, text("of 0003")).await, [4]);
    assert!(!fixture.search_file().exists());
    drop(client);
    let fixture = fixture.again();
    let client = fixture.select("INBOX").await;
    fill(&client, usize::MAX);
    drop(client);
    let fixture = fixture.restarted();
    let before = std::fs::read(fixture.search_file()).unwrap();
    let mut client = fixture.select("INBOX").await;
    fill(&client, usize::MAX);
    assert_eq!(find(&mut client, text("of 0003")).await, [4]);
    assert_eq!(read_for(&client, &text("of 0003")).await, 9);
    drop(client);
    assert_eq!(std::fs::read(fixture.search_file()).unwrap(), before);
}

/// Messages in a new place by a UID list from a backup: other messages have the UIDs that the index knows.
#[tokio::test]
async fn an_index_that_knows_uids_by_other_names_is_made_anew() {
    let fixture = Fixture::new().with_full_text();
    for (file, word) in [("1.a", "first"), ("2.b", "second")] {
        deliver(
            &fixture.root(),
            &format!("cur/{file}:2,"),
            &format!("Subject: {word}\n\nx\n"),
        );
    }
    let list =
        |first, second| format!("3 V17 N3 G0123456789abcdef0123456789abcdef\n1 :{first}\n2 :{second}\n");
    let mut fixture = fixture;
    for (first, second, found) in [("1.a", "2.b", 1), ("2.b", "1.a", 2)] {
        for name in ["imap-index", "imap-index-wal", "imap-modseqs"] {
            let _ = std::fs::remove_file(fixture.root().join(name));
        }
        std::fs::write(fixture.root().join("dovecot-uidlist"), list(first, second)).unwrap();
        let mut client = fixture.select("INBOX").await;
        assert_eq!(
            find(&mut client, text("first")).await,
            [found],
            "before it is made"
        );
        fill(&client, usize::MAX);
        assert_eq!(find(&mut client, text("first")).await, [found], "afterwards");
        assert_eq!(read_for(&client, &text("first")).await, 1);
        drop(client);
        fixture = fixture.again();
    }
}

#[tokio::test]
async fn an_index_of_another_uidvalidity_is_made_anew() {
    let fixture = Fixture::new().with_full_text();
    appended(&fixture, 0..3).await;
    let client = fixture.select("INBOX").await;
    fill(&client, usize::MAX);
    drop(client);
    let fixture = fixture.again();
    for name in ["imap-index", "imap-index-wal", "imap-modseqs", "dovecot-uidlist"] {
        let _ = std::fs::remove_file(fixture.root().join(name));
    }
    let mut client = fixture.select("INBOX").await;
    assert_eq!(read_for(&client, &text("absent")).await, 3);
    fill(&client, usize::MAX);
    assert_eq!(read_for(&client, &text("absent")).await, 0);
    assert_eq!(find(&mut client, text("body")).await.len(), 3);
}

#[tokio::test]
async fn a_symbolic_link_in_its_place_is_not_followed_and_another_process_keeps_it() {
    let fixture = Fixture::new().with_full_text();
    appended(&fixture, 0..3).await;
    let elsewhere = fixture.home.path().join("elsewhere");
    std::os::unix::fs::symlink(&elsewhere, fixture.search_file()).unwrap();
    let mut client = fixture.select("INBOX").await;
    fill(&client, usize::MAX);
    assert_eq!(find(&mut client, text("of 0001")).await, [2]);
    assert!(!elsewhere.exists());
    drop(client);
    std::fs::remove_file(fixture.search_file()).unwrap();
    let other = Fixture::on(Arc::clone(&fixture.home)).with_full_text();
    let keeper = other.select("INBOX").await;
    fill(&keeper, usize::MAX);
    let fixture = Fixture::on(Arc::clone(&fixture.home)).with_full_text();
    let mut client = fixture.select("INBOX").await;
    fill(&client, usize::MAX);
    assert_eq!(find(&mut client, text("of 0001")).await, [2]);
    assert_eq!(read_for(&client, &text("of 0001")).await, 3);
    assert_eq!(read_for(&keeper, &text("of 0001")).await, 1);
}

/// A message with too much text, and one that cannot be read.
#[tokio::test]
async fn a_message_that_is_not_indexed_is_always_read() {
    let fixture = Fixture::new().with_full_text();
    appended(&fixture, 0..3).await;
    let long = format!("Subject: long\n\n{}needle\n", "filling\n".repeat(40_000));
    let mut session = fixture.session().await;
    append(&mut session, "INBOX", &long, "").await.unwrap();
    let mut client = fixture.select("INBOX").await;
    fill(&client, usize::MAX);
    for _ in 0..2 {
        assert_eq!(find(&mut client, text("needle")).await, [4]);
        assert_eq!(read_for(&client, &text("of 0001")).await, 2);
        fill(&client, usize::MAX);
    }
}

/// A mailbox with an index, and the octets of that.
async fn whole() -> (Arc<tempfile::TempDir>, Vec<u8>) {
    let fixture = Fixture::new().with_full_text();
    appended(&fixture, 0..14).await;
    let client = fixture.select("INBOX").await;
    fill(&client, usize::MAX);
    drop(client);
    let home = Arc::clone(&fixture.home);
    drop(fixture);
    let octets = std::fs::read(home.path().join("u").join(FILE)).unwrap();
    (home, octets)
}

#[tokio::test]
async fn an_index_that_is_damaged_anywhere_finds_the_same_and_is_made_anew() {
    let (home, whole) = whole().await;
    let file = home.path().join("u").join(FILE);
    let (mut dropped, mut used) = (0, 0);
    for place in (0..whole.len()).step_by(113) {
        let mut octets = whole.clone();
        octets[place] ^= 0x15;
        let _ = std::fs::remove_file(home.path().join("u/imap-search-wal"));
        std::fs::write(&file, octets).unwrap();
        let fixture = Fixture::on(Arc::clone(&home)).with_full_text();
        let mut client = fixture.select("INBOX").await;
        for each in 0..14 {
            let needle = format!("of {each:04}");
            let found = find(&mut client, SearchKey::Body(Needle::new(&needle))).await;
            assert_eq!(found, [u32::try_from(each).unwrap() + 1], "octet {place}");
        }
        match read_for(&client, &text("of 0003")).await {
            14 => dropped += 1,
            _ => used += 1,
        }
        fill(&client, usize::MAX);
        assert_eq!(read_for(&client, &text("of 0003")).await, 1, "octet {place}");
        assert_eq!(find(&mut client, text("of 0003")).await, [4], "octet {place}");
    }
    assert!(dropped > 3 && used > 3, "{dropped} {used}");
}

/// Damage that SQLite does not see, octet by octet of what says which messages have a trigram, and one block in the place of another:
/// what makes sense is not believed for that.
#[tokio::test]
async fn a_block_that_is_not_what_was_written_hides_no_message() {
    let (home, whole) = whole().await;
    let file = home.path().join("u").join(FILE);
    let blocks: Vec<(i64, Vec<u8>)> = {
        let file = rusqlite::Connection::open(&file).unwrap();
        let mut all = file.prepare("SELECT id, octets FROM block ORDER BY id").unwrap();
        let rows = all.query_map([], |row| Ok((row.get(0)?, row.get(1)?))).unwrap();
        rows.map(Result::unwrap).collect()
    };
    let mut damages: Vec<(i64, Vec<u8>)> = Vec::new();
    for (number, (id, octets)) in blocks.iter().enumerate() {
        let places = (0..octets.len()).skip(number).step_by(octets.len() / 24 + 1);
        damages.extend(places.map(|place| {
            let mut damaged = octets.clone();
            damaged[place] ^= 1 << (place % 3);
            (*id, damaged)
        }));
        let other = &blocks[(number + 1) % blocks.len()].1;
        damages.extend((other != octets).then(|| (*id, other.clone())));
    }
    assert!(damages.len() > 20, "{}", damages.len());
    for (id, octets) in damages {
        for beside in ["imap-search-wal", "imap-search-shm"] {
            let _ = std::fs::remove_file(home.path().join("u").join(beside));
        }
        std::fs::write(&file, &whole).unwrap();
        rusqlite::Connection::open(&file)
            .unwrap()
            .execute(
                "UPDATE block SET octets = ? WHERE id = ?",
                rusqlite::params![octets, id],
            )
            .unwrap();
        let fixture = Fixture::on(Arc::clone(&home)).with_full_text();
        let mut client = fixture.select("INBOX").await;
        for each in 0..14 {
            let needle = format!("of {each:04}");
            let found = find(&mut client, SearchKey::Body(Needle::new(&needle))).await;
            assert_eq!(found, [u32::try_from(each).unwrap() + 1], "block {id}");
        }
    }
}

#[tokio::test]
async fn reindex_fills_it_tells_how_far_it_is_and_keeps_what_is_there() {
    let fixture = Fixture::new().with_full_text();
    appended(&fixture, 0..40).await;
    let client = fixture.select("INBOX").await;
    fill(&client, 1);
    let left = read_for(&client, &text("absent")).await;
    drop(client);
    let fixture = fixture.again();
    let mut told = Vec::new();
    let done = fixture.backend.reindex("u", |mailbox, indexed| {
        told.push((mailbox.to_owned(), indexed));
    });
    done.await.unwrap();
    let filling = told.iter().filter_map(|(_, indexed)| match indexed {
        crate::Indexed::Filling { done, of: 40 } => Some(*done),
        _ => None,
    });
    let filling: Vec<u64> = filling.collect();
    assert_eq!(filling.first(), Some(&(40 - left)), "{told:?}");
    assert_eq!(filling.last(), Some(&40), "{told:?}");
    assert_eq!(told.last(), Some(&("INBOX".to_owned(), crate::Indexed::Made(40))));
    let mut client = fixture.select("INBOX").await;
    assert_eq!(read_for(&client, &text("absent")).await, 0);
    assert_eq!(find(&mut client, text("of 0039")).await, [40]);
}

#[tokio::test(flavor = "multi_thread")]
async fn reindex_ends_when_all_is_in_the_file_though_another_thread_closes_the_mailbox() {
    let fixture = Fixture::new().with_full_text();
    appended(&fixture, 0..40).await;
    let account = Arc::clone(fixture.session().await.account());
    let mut closing = None;
    let done = fixture.backend.reindex("u", |_, indexed| {
        if matches!(indexed, crate::Indexed::Filling { .. }) && closing.is_none() {
            let (account, runtime) = (Arc::clone(&account), tokio::runtime::Handle::current());
            let (holds, held) = std::sync::mpsc::channel();
            closing = Some(std::thread::spawn(move || {
                let name = MailboxName::new("INBOX").unwrap();
                let mailbox = account.mailbox(&name, imap_backend::ErrorKind::NonExistent);
                let mailbox = runtime.block_on(mailbox).unwrap();
                holds.send(()).unwrap();
                std::thread::sleep(Duration::from_millis(500));
                drop(mailbox);
            }));
            held.recv().unwrap();
        }
    });
    done.await.unwrap();
    let log = fixture.root().join(format!("{FILE}-wal"));
    let left = std::fs::metadata(log).unwrap().len();
    assert_eq!(left, 0, "all of the log is in the file");
    closing.unwrap().join().unwrap();
}

#[tokio::test]
async fn reindex_makes_none_without_the_setting_and_says_so_where_it_cannot_be_filled() {
    let fixture = Fixture::new();
    appended(&fixture, 0..9).await;
    fixture.backend.reindex("u", |_, _| {}).await.unwrap();
    assert!(!fixture.search_file().exists());
    std::fs::create_dir(fixture.search_file()).unwrap();
    let fixture = fixture.again();
    let mut last = None;
    let done = fixture.backend.reindex("u", |_, indexed| last = Some(indexed));
    done.await.unwrap();
    assert_eq!(last, Some(crate::Indexed::NotFilled(9)));
}

#[tokio::test]
async fn an_index_that_is_cut_short_or_no_database_is_made_anew() {
    let (home, whole) = whole().await;
    let file = home.path().join("u").join(FILE);
    for length in [0, 1, 100, 4096, whole.len() / 2, whole.len() - 1] {
        for garbage in [false, true] {
            let octets: Vec<u8> = whole[..length]
                .iter()
                .map(|octet| octet ^ u8::from(garbage))
                .collect();
            std::fs::write(&file, octets).unwrap();
            let fixture = Fixture::on(Arc::clone(&home)).with_full_text();
            let mut client = fixture.select("INBOX").await;
            assert_eq!(find(&mut client, text("of 0003")).await, [4], "{length} octets");
            fill(&client, usize::MAX);
            assert_eq!(read_for(&client, &text("of 0003")).await, 1, "{length} octets");
        }
    }
}

#[tokio::test]
async fn the_thread_fills_what_is_open_and_ends_with_its_backend() {
    let fixture = Fixture::watching(home()).with_full_text();
    appended(&fixture, 0..20).await;
    let client = fixture.select("INBOX").await;
    let until = std::time::Instant::now() + Duration::from_secs(60);
    while read_for(&client, &text("of 0003")).await != 1 {
        assert!(std::time::Instant::now() < until, "nobody fills it");
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    let filler = Arc::downgrade(&fixture.backend.shared.cache.filler);
    drop((client, fixture));
    while filler.strong_count() > 0 {
        assert!(std::time::Instant::now() < until, "the thread goes on");
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}

/// What happens to a mailbox.
#[derive(Debug, Clone)]
enum Act {
    Append(Message),
    Deliver(Message),
    Expunge(usize),
    Fill(usize),
    Restart,
    Flip(prop::sample::Index, u8),
    PutBack,
    Search(Box<SearchKey>),
}

#[derive(Debug, Clone)]
struct Message {
    words: Vec<&'static str>,
    form: usize,
}

const WORDS: [&str; 12] = [
    "Grüße",
    "STRASSE",
    "straße",
    "ΟΔΟΣ",
    "οδος",
    "日本語",
    "İstanbul",
    "naïve",
    "invoice",
    "of",
    "a",
    "x@y",
];

fn message() -> impl Strategy<Value = Message> {
    let words = proptest::collection::vec(prop::sample::select(&WORDS[..]), 1..5);
    (words, 0_usize..6).prop_map(|(words, form)| Message { words, form })
}

impl Message {
    fn quoted(text: &[u8], sign: char) -> String {
        text.iter().map(|octet| format!("{sign}{octet:02X}")).collect()
    }

    fn octets(&self) -> Vec<u8> {
        let text = self.words.join(" ");
        let latin: Vec<u8> = text.chars().map(|c| u8::try_from(c).unwrap_or(b'?')).collect();
        let of = |fields: &str, body: &[u8]| [fields.as_bytes(), b"\n\n", body, b"\n"].concat();
        match self.form {
            0 => of("Content-Type: text/plain; charset=utf-8", text.as_bytes()),
            1 => of("Content-Type: text/plain; charset=iso-8859-1", &latin),
            2 => of("X-None: 1", &latin),
            3 => of(
                "Content-Type: text/html; charset=utf-8\nContent-Transfer-Encoding: quoted-printable",
                Self::quoted(text.as_bytes(), '=').as_bytes(),
            ),
            4 => {
                let subject = format!("Subject: =?utf-8?q?{}?=", Self::quoted(text.as_bytes(), '='));
                of(&subject, b"")
            }
            _ => {
                let fields = "Content-Type: text/plain; charset=utf-8\nContent-Transfer-Encoding: base64";
                // "Grüße of invoice"
                of(fields, b"R3LDvMOfZSBvZiBpbnZvaWNl")
            }
        }
    }
}

fn needle() -> impl Strategy<Value = Needle> {
    let from = (prop::sample::select(&WORDS[..]), 0_usize..4, 1_usize..6, 0..3);
    from.prop_map(|(word, skip, take, letters)| {
        let text: String = word.chars().chain(" of".chars()).skip(skip).take(take).collect();
        Needle::new(&match letters {
            0 => text.to_uppercase(),
            1 => text.to_lowercase(),
            _ => text,
        })
    })
}

fn searched() -> impl Strategy<Value = SearchKey> {
    let leaf = prop_oneof![
        needle().prop_map(SearchKey::Body),
        needle().prop_map(SearchKey::Text),
        needle().prop_map(|needle| SearchKey::Header("subject".to_owned(), needle)),
    ];
    leaf.prop_recursive(2, 6, 3, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 1..3).prop_map(SearchKey::And),
            proptest::collection::vec(inner.clone(), 1..3).prop_map(SearchKey::Or),
            inner.prop_map(|key| SearchKey::Not(Box::new(key))),
        ]
    })
}

fn act() -> impl Strategy<Value = Act> {
    prop_oneof![
        4 => message().prop_map(Act::Append),
        3 => message().prop_map(Act::Deliver),
        2 => (0_usize..8).prop_map(Act::Expunge),
        4 => (1_usize..4).prop_map(Act::Fill),
        1 => Just(Act::Restart),
        1 => (any::<prop::sample::Index>(), 1_u8..).prop_map(|(place, bits)| Act::Flip(place, bits)),
        1 => Just(Act::PutBack),
        6 => searched().prop_map(|key| Act::Search(Box::new(key))),
    ]
}

/// A mailbox, and its client.
struct World {
    fixture: Fixture,
    client: Option<Client>,
    delivered: usize,
    /// The index as it was at an earlier restart.
    backup: Option<Vec<u8>>,
}

impl World {
    async fn new() -> Self {
        let fixture = Fixture::new().with_full_text();
        let client = Some(fixture.select("INBOX").await);
        Self {
            fixture,
            client,
            delivered: 0,
            backup: None,
        }
    }

    fn client(&mut self) -> &mut Client {
        self.client.as_mut().unwrap()
    }

    async fn act(&mut self, act: Act) {
        match act {
            Act::Append(message) => {
                let mut session = self.fixture.session().await;
                let source = Pieces(vec![message.octets().into()]);
                let append = Append::new(Flags::default());
                session.append(&name("INBOX"), &append, source).await.unwrap();
                self.client().noop().await;
            }
            Act::Deliver(message) => {
                self.delivered += 1;
                let file = format!("new/{}.other", self.delivered);
                let root = self.fixture.root();
                std::fs::write(root.join("tmp/delivery"), message.octets()).unwrap();
                std::fs::rename(root.join("tmp/delivery"), root.join(file)).unwrap();
                self.client().noop().await;
            }
            Act::Expunge(which) => {
                let uids = self.client().uids();
                let Some(&uid) = uids.get(which) else { return };
                self.client()
                    .store(&[uid], FlagAction::Add, "\\Deleted")
                    .await
                    .unwrap();
                self.client().mailbox().expunge(&set(&[uid])).await.unwrap();
                self.client().noop().await;
            }
            Act::Fill(turns) => fill(self.client(), turns),
            Act::Restart => self.restart(|_, _| {}).await,
            Act::Flip(place, bits) => {
                self.restart(|_, octets| {
                    let place = place.index(octets.len());
                    octets[place] ^= bits;
                })
                .await;
            }
            Act::PutBack => {
                self.restart(|backup, octets| match backup {
                    Some(backup) => *octets = backup.clone(),
                    None => *backup = Some(octets.clone()),
                })
                .await;
            }
            Act::Search(key) => drop(find(self.client(), *key).await),
        }
    }

    /// Another process comes, after something was done to the file.
    async fn restart(&mut self, with: impl FnOnce(&mut Option<Vec<u8>>, &mut Vec<u8>)) {
        self.client = None;
        let mut octets = std::fs::read(self.fixture.search_file()).unwrap_or_default();
        if !octets.is_empty() {
            with(&mut self.backup, &mut octets);
            std::fs::write(self.fixture.search_file(), octets).unwrap();
        }
        self.fixture = Fixture::on(Arc::clone(&self.fixture.home)).with_full_text();
        self.client = Some(self.fixture.select("INBOX").await);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, ..ProptestConfig::default() })]
    #[test]
    fn search_finds_the_same_whatever_is_in_the_index(acts in proptest::collection::vec(act(), 1..40)) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let mut world = World::new().await;
            for act in acts {
                world.act(act).await;
            }
        });
    }
}
