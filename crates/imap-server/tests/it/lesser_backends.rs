//! Backends that cannot do all: what is offered then, and what clients are told of it.

use imap_backend::{Abilities, Ability, Error, Fetched, Record};
use imap_backend_test::MemoryBackend;
use imap_seq::Uid;
use imap_server::{Server, Shutdown};
use imap_updates::Flags;

use crate::common::stub::{Stub, StubStore};
use crate::common::{Client, connect, local, message};

/// A client of a backend that has every ability but this one, with two messages in INBOX and a mailbox `there`.
async fn without(ability: Ability) -> Client {
    let backend = MemoryBackend::new("joe", "secret").without(ability);
    let server = Server::builder(backend).build();
    let mut client = connect(&server, local(), &Shutdown::new());
    client.line().await;
    client.ok("LOGIN joe secret").await;
    client.ok("CREATE there").await;
    for number in 1..=2 {
        let tag = client.next_tag();
        let text = message(number);
        client
            .send(format!("{tag} APPEND INBOX {{{}+}}\r\n{text}\r\n", text.len()))
            .await;
        client.until_tagged(&tag).await;
    }
    client
}

fn lists(capabilities: &[String], name: &str) -> bool {
    capabilities[0].split(' ').any(|listed| listed == name)
}

/// MOVE is a command of IMAP4rev2, and no extension that may be missing (RFC 9051, appendix E, change 2).
#[tokio::test(start_paused = true)]
async fn rfc9051_6_4_8_where_nothing_is_moved_imap4rev2_is_not_offered() {
    let mut client = without(Ability::Move).await;
    let listed = client.ok("CAPABILITY").await;
    assert!(
        !lists(&listed, "MOVE") && !lists(&listed, "IMAP4rev2"),
        "{listed:?}"
    );
    assert!(lists(&listed, "IMAP4rev1"));
    assert_eq!(
        client.ok("ENABLE IMAP4rev2 CONDSTORE").await,
        ["* ENABLED CONDSTORE", "OK ENABLE completed"]
    );
    client.ok("SELECT INBOX").await;
    assert_eq!(client.command("MOVE 1 there").await, ["BAD MOVE: not supported"]);
    assert_eq!(client.ok("SEARCH ALL").await[0], "* SEARCH 1 2", "rev1 it stays");
}

/// Whatever else IMAP4rev2 takes in is there without an ability, so that a backend of defaults is one (RFC 9051, appendix E,
/// change 2).
#[tokio::test(start_paused = true)]
async fn rfc9051_e_a_backend_of_defaults_is_imap4rev2_with_all_that_it_takes_in() {
    let numberless = Numberless::store(Abilities::default());
    let mut client = numberless.client().await;
    let listed = client.ok("CAPABILITY").await;
    for name in [
        "IMAP4rev2",
        "NAMESPACE",
        "UNSELECT",
        "UIDPLUS",
        "ESEARCH",
        "SEARCHRES",
        "ENABLE",
        "IDLE",
        "SASL-IR",
        "LIST-EXTENDED",
        "LIST-STATUS",
        "MOVE",
        "LITERAL+",
        "BINARY",
        "STATUS=SIZE",
    ] {
        assert!(lists(&listed, name), "{name}: {listed:?}");
    }
}

/// So are APPENDUID, COPYUID and UID EXPUNGE (RFC 9051, sections 6.3.12, 6.4.7 and 6.4.9).
#[tokio::test(start_paused = true)]
async fn rfc4315_2_where_uids_are_not_told_uidplus_and_imap4rev2_are_not_offered() {
    let mut client = without(Ability::UidPlus).await;
    let listed = client.ok("CAPABILITY").await;
    assert!(
        !lists(&listed, "UIDPLUS") && !lists(&listed, "IMAP4rev2"),
        "{listed:?}"
    );
    assert_eq!(client.ok("ENABLE IMAP4rev2").await[0], "* ENABLED");
    client.ok("SELECT INBOX").await;
    assert_eq!(client.ok("COPY 1 there").await, ["OK COPY completed"]);
    assert_eq!(
        client.ok("MOVE 1 there").await,
        ["* 1 EXPUNGE", "* 1 RECENT", "OK MOVE completed"]
    );
    client.ok("STORE 1 +FLAGS.SILENT (\\Deleted)").await;
    assert_eq!(
        client.command("UID EXPUNGE 2").await,
        ["BAD EXPUNGE: not supported"]
    );
    assert_eq!(client.ok("EXPUNGE").await[0], "* 1 EXPUNGE");
}

/// RFC 7162, section 3.1.2.2: what a client may not ask of a mailbox without mod-sequences, and what it is told of it in the forms
/// of before.
#[tokio::test(start_paused = true)]
async fn rfc7162_3_1_2_2_a_mailbox_without_mod_sequences_says_so_and_refuses_questions_about_them() {
    let numberless = Numberless::store(Abilities::default().with(Ability::ModSequences));
    let mut client = numberless.client().await;
    client.ok("ENABLE QRESYNC").await;
    let told = client.ok("SELECT INBOX").await;
    assert!(
        told.iter().any(|line| line.starts_with("* OK [NOMODSEQ] ")),
        "{told:#?}"
    );
    assert!(
        !told.iter().any(|line| line.contains("HIGHESTMODSEQ")),
        "{told:#?}"
    );
    for command in [
        "FETCH 1 (FLAGS) (CHANGEDSINCE 1)",
        "UID FETCH 1:* (FLAGS) (CHANGEDSINCE 1 VANISHED)",
        "FETCH 1 (MODSEQ)",
        "SEARCH MODSEQ 1",
        "UID SEARCH NOT MODSEQ 1",
        "STORE 1 (UNCHANGEDSINCE 1) +FLAGS (\\Seen)",
    ] {
        let answer = client.command(command).await;
        assert_eq!(answer, ["BAD this mailbox keeps no mod-sequences"], "{command}");
    }
    assert_eq!(client.ok("FETCH 1 (FLAGS)").await[0], "* 1 FETCH (FLAGS ())");
    assert_eq!(
        client.ok("ESEARCH IN (selected) MODSEQ 1").await,
        ["OK ESEARCH completed"]
    );
    let gone = [Uid::MIN].into_iter().collect();
    numberless.hub.lock().expunge(&gone);
    assert_eq!(client.ok("NOOP").await, ["* 1 EXPUNGE", "OK NOOP completed"]);
}

/// Messages without a mod-sequence, whatever their store says that it can do.
#[derive(Clone)]
struct Numberless(Abilities);

impl Numberless {
    fn store(abilities: Abilities) -> StubStore<Self> {
        StubStore::new(Self(abilities), 1..=3)
    }
}

impl Stub for Numberless {
    fn abilities(&self) -> Abilities {
        self.0.clone()
    }

    fn fetch(&self, uids: &[Uid]) -> Result<Fetched, Error> {
        let row = |&uid| Some(Record::new(uid, Flags::default()));
        Ok(uids.iter().map(row).collect())
    }
}
