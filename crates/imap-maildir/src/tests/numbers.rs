//! Mod-sequences that last: a client that asks only for what changed and vanished has the mailbox afterwards.

mod model;

use super::crash::copy_tree;
use super::*;
use crate::disk::interference::Moment;
use imap_seq::ModSeq;
use std::collections::BTreeMap;

const FILE: &str = "imap-modseqs";

impl Fixture {
    /// A process after the system was started again.
    fn rebooted(self) -> Self {
        let mut fixture = self.restarted();
        fixture.backend.shared.boot = "another boot".into();
        fixture
    }
}

/// What a client knows of INBOX while it is away.
#[derive(Debug, Default)]
struct Memory {
    highest: Option<ModSeq>,
    flags: BTreeMap<u32, String>,
}

impl Memory {
    /// Synchronises as RFC 7162 says, and makes sure that nothing was missed.
    async fn resynchronise(&mut self, fixture: &Fixture) {
        let mut client = fixture.select("INBOX").await;
        let highest = client.updates().highest_modseq();
        let all = client.all().await;
        if let Some(since) = self.highest {
            assert!(
                highest >= since,
                "HIGHESTMODSEQ went back from {since} to {highest}"
            );
            let view = client.updates().view().clone();
            let changed = client.mailbox().changed_since(since, &view).await.unwrap();
            let vanished = client.mailbox().vanished_since(since).await.unwrap();
            match vanished {
                Some(vanished) => {
                    let there = vanished.iter().find(|uid| all.contains_key(&uid.get()));
                    assert_eq!(there, None, "vanished, and there");
                    vanished
                        .iter()
                        .for_each(|uid| drop(self.flags.remove(&uid.get())));
                }
                None => self.flags.retain(|uid, _| all.contains_key(uid)),
            }
            for uid in changed.iter().map(Uid::get) {
                self.flags.insert(uid, all[&uid].clone());
            }
            assert_eq!(self.flags, all, "since {since}, HIGHESTMODSEQ {highest}");
        }
        (self.highest, self.flags) = (Some(highest), all);
    }
}

impl Client {
    async fn all(&mut self) -> BTreeMap<u32, String> {
        let mut all = BTreeMap::new();
        for uid in self.uids() {
            let flags = self.flags(uid).await;
            if flags != "gone" {
                all.insert(uid, flags);
            }
        }
        all
    }

    async fn modseq(&mut self, uid: u32) -> u64 {
        let record = self.record(uid, Need::MODSEQ).await.unwrap();
        record.modseq().unwrap().get()
    }

    async fn modseqs(&mut self) -> Vec<u64> {
        let mut modseqs = Vec::new();
        for uid in self.uids() {
            modseqs.push(self.modseq(uid).await);
        }
        modseqs
    }

    fn highest(&mut self) -> u64 {
        self.updates().highest_modseq().get()
    }
}

/// Three messages, one of them seen.
async fn three(fixture: &Fixture) {
    let mut session = fixture.session().await;
    for with in ["", "\\Seen", ""] {
        append(&mut session, "INBOX", "x", with).await.unwrap();
    }
}

#[tokio::test]
async fn a_restart_changes_no_number_and_writes_nothing() {
    let fixture = Fixture::new();
    three(&fixture).await;
    let mut client = fixture.select("INBOX").await;
    client.store(&[2], FlagAction::Add, "\\Flagged").await.unwrap();
    client.noop().await;
    let (modseqs, highest) = (client.modseqs().await, client.highest());
    drop(client);
    let restarted = fixture.restarted();
    let file = restarted.root().join(FILE);
    let before = std::fs::read(&file).unwrap();
    let mut client = restarted.select("INBOX").await;
    assert_eq!(
        (client.modseqs().await, client.highest()),
        (modseqs.clone(), highest)
    );
    drop(client);
    let rebooted = restarted.rebooted();
    let mut client = rebooted.select("INBOX").await;
    assert_eq!(
        (client.modseqs().await, client.highest()),
        (modseqs, highest),
        "it was left in peace"
    );
    assert_eq!(std::fs::read(&file).unwrap(), before);
}

#[tokio::test]
async fn what_other_programs_did_meanwhile_has_higher_numbers_and_the_rest_keeps_its_own() {
    let fixture = Fixture::new();
    three(&fixture).await;
    let mut memory = Memory::default();
    memory.resynchronise(&fixture).await;
    let mut client = fixture.select("INBOX").await;
    let (before, highest) = (client.modseqs().await, client.highest());
    drop(client);
    let restarted = fixture.restarted();
    let seen = files(&restarted.root())
        .into_iter()
        .find(|file| file.ends_with('S'))
        .unwrap();
    std::fs::rename(
        restarted.root().join(&seen),
        restarted.root().join(format!("{seen}T")),
    )
    .unwrap();
    let mut client = restarted.select("INBOX").await;
    let after = client.modseqs().await;
    assert!(after[1] > highest, "{after:?}");
    assert_eq!((after[0], after[2]), (before[0], before[2]));
    memory.resynchronise(&restarted).await;
}

#[tokio::test]
async fn a_message_that_was_removed_while_nobody_looked_is_named_as_vanished() {
    let fixture = Fixture::new();
    three(&fixture).await;
    let highest = fixture.select("INBOX").await.updates().highest_modseq();
    let restarted = fixture.restarted();
    let seen = files(&restarted.root())
        .into_iter()
        .find(|file| file.ends_with('S'))
        .unwrap();
    std::fs::remove_file(restarted.root().join(seen)).unwrap();
    for fixture in [&restarted, &Fixture::on(Arc::clone(&restarted.home))] {
        let mut client = fixture.select("INBOX").await;
        assert!(client.updates().highest_modseq() > highest);
        let vanished = client.mailbox().vanished_since(highest).await.unwrap();
        assert_eq!(vanished, Some(set(&[2])));
    }
}

/// Both processes find at the same time that a file is gone. One writes it down; the other has nothing to say any more, and
/// must not tell a number that nobody wrote.
#[tokio::test]
async fn an_expunge_that_another_process_wrote_down_first_takes_no_number() {
    let fixture = Fixture::new();
    three(&fixture).await;
    let other = Fixture::on(Arc::clone(&fixture.home));
    let (mut client, beside) = (fixture.select("INBOX").await, other.select("INBOX").await);
    let files = files(&fixture.root());
    let seen = files.iter().find(|file| file.ends_with('S')).unwrap();
    std::fs::remove_file(fixture.root().join(seen)).unwrap();
    let there = beside.open();
    client.open().directory.moments().set(move |moment| {
        if moment == Moment::Listed {
            let mut writer = there.writer_if_free().unwrap();
            there.observe(&mut writer).unwrap();
        }
    });
    assert_eq!(client.noop().await, ["EXPUNGE 2"]);
    client.open().directory.moments().clear();
    let told = client.highest();
    drop((client, beside, other));
    let highest = fixture.restarted().select("INBOX").await.highest();
    assert_eq!(highest, told, "HIGHESTMODSEQ after a restart");
}

/// The file of the message that is seen.
fn seen_file(fixture: &Fixture) -> PathBuf {
    let files = files(&fixture.root());
    fixture
        .root()
        .join(files.iter().find(|file| file.ends_with('S')).unwrap())
}

/// Another process stores a message while this one looks: after the UID list was read, before the mod-sequences are. And the
/// file is on its way from `cur/` to `new/` while the two are listed, so that neither has it.
#[tokio::test(flavor = "multi_thread")]
async fn a_message_that_another_process_stores_during_a_look_is_not_gone() {
    let fixture = Fixture::new();
    three(&fixture).await;
    let other = Fixture::on(Arc::clone(&fixture.home));
    let (mut client, mut beside) = (fixture.select("INBOX").await, other.select("INBOX").await);
    let (root, handle) = (fixture.root(), tokio::runtime::Handle::current());
    let session = parking_lot::Mutex::new(Some(other.session().await));
    let stored = parking_lot::Mutex::new(None);
    client.open().directory.moments().set(move |moment| match moment {
        Moment::ReadList => {
            if let Some(mut session) = session.lock().take() {
                let before = files(&root);
                handle
                    .block_on(append(&mut session, "INBOX", "x", "\\Flagged"))
                    .unwrap();
                let new = files(&root).into_iter().find(|file| !before.contains(file));
                *stored.lock() = new;
            }
        }
        Moment::ListedNew => {
            if let Some(file) = stored.lock().take() {
                std::fs::rename(root.join(&file), root.join(file.replace("cur/", "new/"))).unwrap();
            }
        }
        _ => {}
    });
    let renamed = seen_file(&fixture);
    std::fs::rename(&renamed, format!("{}T", renamed.display())).unwrap();
    client.noop().await;
    client.open().directory.moments().clear();
    for _ in 0..2 {
        for client in [&mut client, &mut beside] {
            let told = client.noop().await;
            assert!(!told.iter().any(|line| line.starts_with("EXPUNGE")), "{told:?}");
        }
    }
    assert_eq!(
        (client.uids(), beside.uids()),
        (vec![1, 2, 3, 4], vec![1, 2, 3, 4])
    );
}

#[tokio::test]
async fn a_letter_that_means_another_keyword_now_is_a_change() {
    let fixture = Fixture::new();
    three(&fixture).await;
    let mut client = fixture.select("INBOX").await;
    client.store(&[1], FlagAction::Add, "one").await.unwrap();
    drop(client);
    let mut memory = Memory::default();
    memory.resynchronise(&fixture).await;
    let restarted = fixture.restarted();
    std::fs::write(restarted.root().join("dovecot-keywords"), "0 another\n").unwrap();
    memory.resynchronise(&restarted).await;
    assert_eq!(memory.flags[&1], "(another)");
}

#[tokio::test]
async fn after_a_reboot_without_a_quiet_end_everything_counts_as_changed() {
    let fixture = Fixture::new();
    three(&fixture).await;
    let mut client = fixture.select("INBOX").await;
    client.store(&[1], FlagAction::Add, "\\Flagged").await.unwrap();
    client.noop().await;
    let highest = client.highest();
    let home = Arc::new(tempfile::tempdir().unwrap());
    copy_tree(&fixture.root(), &home.path().join("u"));
    let killed = Fixture::on(Arc::clone(&home));
    assert_eq!(
        killed.select("INBOX").await.highest(),
        highest,
        "a killed process takes nothing along"
    );
    let home = Arc::new(tempfile::tempdir().unwrap());
    copy_tree(&fixture.root(), &home.path().join("u"));
    let mut after = Fixture::on(home).rebooted().select("INBOX").await;
    assert!(after.modseqs().await.into_iter().all(|modseq| modseq > highest));
    let since = ModSeq::new(highest).unwrap();
    assert_eq!(after.mailbox().vanished_since(since).await.unwrap(), None);
}

/// What an administrator or a disk does to the file.
fn spoil(root: &Path, how: usize) {
    let file = root.join(FILE);
    let mut octets = std::fs::read(&file).unwrap();
    match how {
        0 => std::fs::remove_file(&file).unwrap(),
        1 => std::fs::write(&file, "").unwrap(),
        2 => {
            let middle = octets.len() / 2;
            octets[middle] ^= 4;
            std::fs::write(&file, octets).unwrap();
        }
        3 => {
            let lines: Vec<_> = octets.split_inclusive(|&octet| octet == b'\n').collect();
            std::fs::write(&file, [&lines[..1], &lines[2..]].concat().concat()).unwrap();
        }
        4 => std::fs::write(&file, [&octets[..], b"c 1"].concat()).unwrap(),
        _ => std::fs::write(&file, [&octets[..], b"rubbish\n"].concat()).unwrap(),
    }
}

#[tokio::test]
async fn a_file_that_is_gone_or_damaged_costs_time_and_hides_no_change() {
    for how in 0..6 {
        for is_restarted in [false, true] {
            let mut fixture = Fixture::new();
            three(&fixture).await;
            let mut memory = Memory::default();
            memory.resynchronise(&fixture).await;
            spoil(&fixture.root(), how);
            if is_restarted {
                fixture = fixture.restarted();
                spoil_like_a_user(&fixture.root());
            }
            memory.resynchronise(&fixture).await;
            let mut client = fixture.select("INBOX").await;
            client.store(&[3], FlagAction::Add, "\\Answered").await.unwrap();
            client.noop().await;
            drop(client);
            memory.resynchronise(&fixture).await;
            let (numbers, flags) = (memory.highest, memory.flags.clone());
            let fixture = fixture.restarted();
            memory.resynchronise(&fixture).await;
            assert_eq!(
                (memory.highest, memory.flags),
                (numbers, flags),
                "whole again after {how}"
            );
        }
    }
}

/// Another program changes flags.
fn spoil_like_a_user(root: &Path) {
    let seen = files(root).into_iter().find(|file| file.ends_with('S')).unwrap();
    std::fs::rename(root.join(&seen), root.join(seen.replace(":2,S", ":2,FS"))).unwrap();
}

#[tokio::test]
async fn a_file_of_another_uidvalidity_counts_for_nothing() {
    let fixture = Fixture::new();
    three(&fixture).await;
    let mut session = fixture.session().await;
    create(&mut session, "other").await.unwrap();
    append(&mut session, "other", "x", "").await.unwrap();
    let highest = fixture.select("INBOX").await.highest();
    drop(session);
    let restarted = fixture.restarted();
    std::fs::copy(
        restarted.root().join(FILE),
        restarted.root().join(".other").join(FILE),
    )
    .unwrap();
    let mut client = restarted.select("other").await;
    assert_ne!(client.modseqs().await, [highest]);
    let text = std::fs::read_to_string(restarted.root().join(".other").join(FILE)).unwrap();
    assert!(text.contains(&format!(" V{} ", client.uid_validity)), "{text}");
}

#[tokio::test]
async fn a_full_disk_stops_no_store_and_hides_no_change() {
    use crate::disk::storage::{Call, faults};
    let fixture = Fixture::new();
    three(&fixture).await;
    let mut memory = Memory::default();
    memory.resynchronise(&fixture).await;
    let mut client = fixture.select("INBOX").await;
    let open = client.open();
    let writer = open.lock_writer().await;
    let storing = tokio::spawn(async move { client.store(&[1], FlagAction::Add, "\\Flagged").await });
    while open.changes.len() == 0 {
        tokio::task::yield_now().await;
    }
    let work = |open: &OpenMailbox, writer: &mut _| {
        faults::with(Call::Write, std::io::ErrorKind::StorageFull, || {
            open.change_waiting(writer, None);
        });
        Ok(())
    };
    open.write_as(writer, work).await.unwrap();
    storing.await.unwrap().unwrap();
    drop(open);
    memory.resynchronise(&fixture).await;
    assert_eq!(memory.flags[&1], "(\\Flagged)");
    memory.resynchronise(&fixture.restarted()).await;
}

#[tokio::test]
async fn two_processes_share_one_order_of_numbers() {
    let here = Fixture::new();
    let there = Fixture::on(Arc::clone(&here.home));
    three(&here).await;
    let (mut one, mut two) = (here.select("INBOX").await, there.select("INBOX").await);
    for round in 0..4 {
        let (maker, other) = if round % 2 == 0 {
            (&mut one, &mut two)
        } else {
            (&mut two, &mut one)
        };
        let before = maker.highest().max(other.highest());
        let flag = ["\\Seen", "\\Flagged", "\\Answered", "\\Draft"][round];
        maker.store(&[1], FlagAction::Add, flag).await.unwrap();
        maker.noop().await;
        other.noop().await;
        assert!(maker.modseq(1).await > before);
        assert_eq!(maker.modseqs().await, other.modseqs().await, "round {round}");
        assert_eq!(maker.highest(), other.highest());
    }
}

#[tokio::test]
async fn unchanged_since_leaves_a_message_alone_that_another_program_changed_a_moment_ago() {
    use crate::disk::interference::Moment;
    let fixture = Fixture::new();
    three(&fixture).await;
    let mut client = fixture.select("INBOX").await;
    let highest = client.updates().highest_modseq();
    let root = fixture.root();
    let first = files(&root)[0].clone();
    client.open().directory.moments().set(move |moment| {
        let (from, to) = (root.join(&first), root.join(format!("{first}F")));
        if moment == Moment::BeforeRename && from.exists() {
            std::fs::rename(from, to).unwrap();
        }
    });
    let change = FlagChange::new(FlagAction::Add, flags("\\Answered")).with_unchanged_since(highest);
    let stored = client.mailbox().store(&set(&[1, 2, 3]), &change).await.unwrap();
    client.open().directory.moments().clear();
    assert_eq!(
        stored.modified().iter().count(),
        1,
        "{:?}",
        infos(&fixture.root())
    );
    assert_eq!(infos(&fixture.root()), ["2,F", "2,R", "2,RS"]);
}

/// Another process told of a message that came and went, and of that nothing is left.
#[tokio::test]
async fn a_file_that_is_lost_takes_along_what_is_known_of_expunged_messages() {
    let here = Fixture::new();
    three(&here).await;
    let _client = here.select("INBOX").await;
    let there = Fixture::on(Arc::clone(&here.home));
    deliver(&here.root(), "new/9.1", "x");
    let mut memory = Memory::default();
    memory.resynchronise(&there).await;
    assert_eq!(memory.flags.len(), 4);
    drop(there);
    let came = std::fs::read_dir(here.root().join("cur")).unwrap();
    let came = came
        .map(|file| file.unwrap().path())
        .find(|path| path.to_string_lossy().contains("/9.1"));
    std::fs::remove_file(came.unwrap()).unwrap();
    std::fs::remove_file(here.root().join(FILE)).unwrap();
    memory.resynchronise(&here).await;
    assert_eq!(memory.flags.len(), 3);
}

#[tokio::test]
async fn a_file_that_has_grown_is_written_anew_and_says_the_same() {
    let fixture = Fixture::new();
    three(&fixture).await;
    let mut client = fixture.select("INBOX").await;
    let mut largest = 0;
    for _ in 0..1200 {
        client.store(&[1], FlagAction::Add, "\\Flagged").await.unwrap();
        client.store(&[1], FlagAction::Remove, "\\Flagged").await.unwrap();
        largest = std::fs::metadata(fixture.root().join(FILE))
            .unwrap()
            .len()
            .max(largest);
    }
    client.noop().await;
    assert!((60_000..80_000).contains(&largest), "{largest}");
    assert!(std::fs::metadata(fixture.root().join(FILE)).unwrap().len() < 60_000);
    let (modseqs, highest) = (client.modseqs().await, client.highest());
    drop(client);
    let mut client = fixture.restarted().select("INBOX").await;
    assert_eq!((client.modseqs().await, client.highest()), (modseqs, highest));
}
