use super::*;
use crate::disk::storage::{Call, faults};
use std::fs::File;
use std::path::PathBuf;

fn none() -> io::Result<Vec<UidRecord>> {
    Ok(Vec::new())
}

const GUID: &str = "0123456789abcdef0123456789abcdef";

struct Fixture {
    home: tempfile::TempDir,
    directory: Directory,
}

impl Fixture {
    fn new() -> Self {
        let home = tempfile::tempdir().unwrap();
        let directory = Directory::open(home.path()).unwrap();
        Self { home, directory }
    }

    fn path(&self) -> PathBuf {
        self.home.path().join(FILE_NAME)
    }

    fn write(&self, lines: &str) {
        std::fs::write(self.path(), format!("3 V17 N1 G{GUID}\n{lines}")).unwrap();
    }

    fn add(&self, octets: &str) {
        let mut file = File::options().append(true).open(self.path()).unwrap();
        file.write_all(octets.as_bytes()).unwrap();
    }

    fn text(&self) -> String {
        std::fs::read_to_string(self.path()).unwrap()
    }

    fn open(&self) -> UidListFile {
        UidListFile::open(&self.directory, || Ok(99)).unwrap()
    }

    fn lock(&self) -> Dotlock {
        Dotlock::take(self.directory.root(), FILE_NAME, self.directory.sharing()).unwrap()
    }

    fn assign(&self, list: &mut UidListFile, names: &[&str]) -> Vec<u32> {
        let lock = self.lock();
        list.refresh(&self.directory, Reading::Locked(&lock)).unwrap();
        let names = names.iter().map(|name| name.as_bytes().into()).collect();
        list.assign(&self.directory, &lock, names, None, &none).unwrap()
    }
}

#[test]
fn a_new_mailbox_gets_the_uidvalidity_it_is_given_and_an_identifier() {
    let fixture = Fixture::new();
    let list = fixture.open();
    assert_eq!((list.uid_validity(), list.next_uid()), (99, 1));
    let text = fixture.text();
    assert!(
        text.starts_with("3 V99 N1 G") && text.len() == "3 V99 N1 G\n".len() + 32,
        "{text}"
    );
}

#[test]
fn uids_go_on_after_a_restart_and_appending_leaves_the_header() {
    let fixture = Fixture::new();
    assert_eq!(fixture.assign(&mut fixture.open(), &["a", "b"]), [1, 2]);
    let mut again = fixture.open();
    assert_eq!(again.next_uid(), 3);
    assert_eq!(fixture.assign(&mut again, &["c"]), [3]);
    assert!(fixture.text().starts_with("3 V99 N1 G"));
    assert!(fixture.text().ends_with("1 :a\n2 :b\n3 :c\n"));
}

#[test]
fn couriers_list_is_taken_over_with_its_uids() {
    let fixture = Fixture::new();
    std::fs::write(
        fixture.home.path().join(COURIER_FILE_NAME),
        "1 1234 10\n4 a\n9 b\n",
    )
    .unwrap();
    let mut list = fixture.open();
    assert_eq!(
        (list.uid_validity(), list.next_uid(), list.uid_of(b"b")),
        (1234, 10, Some(9))
    );
    assert_eq!(fixture.assign(&mut list, &["c"]), [10]);
    assert!(fixture.text().starts_with("3 V1234 N10 G"));
}

#[test]
fn a_torn_tail_is_cut_off_by_a_rewrite_and_its_uid_is_not_given_again() {
    let fixture = Fixture::new();
    fixture.write("16 :a\n17 :17000000");
    let mut list = fixture.open();
    assert_eq!(fixture.assign(&mut list, &["b"]), [18]);
    assert!(fixture.text().ends_with("\n16 :a\n18 :b\n"), "{}", fixture.text());
    assert_eq!(fixture.open().next_uid(), 19);
}

#[test]
fn a_line_on_its_way_is_waited_for_by_a_reader_without_the_lock() {
    let fixture = Fixture::new();
    fixture.write("1 :a\n");
    let mut list = fixture.open();
    fixture.add("2 :lo");
    assert_eq!(
        list.refresh(&fixture.directory, Reading::Unlocked).unwrap(),
        Change::None
    );
    fixture.add("ng\n");
    assert_eq!(
        list.refresh(&fixture.directory, Reading::Unlocked).unwrap(),
        Change::Appended
    );
    assert_eq!(list.uid_of(b"long"), Some(2));
    assert_eq!(fixture.assign(&mut list, &["b"]), [3]);
}

#[test]
fn a_torn_tail_that_is_found_after_reading_it_unlocked_is_rewritten_too() {
    let fixture = Fixture::new();
    fixture.write("1 :a\n");
    let mut list = fixture.open();
    fixture.add("2 :lo");
    list.refresh(&fixture.directory, Reading::Unlocked).unwrap();
    assert_eq!(fixture.assign(&mut list, &["b"]), [3]);
    assert!(fixture.text().ends_with("\n1 :a\n3 :b\n"), "{}", fixture.text());
}

#[test]
fn another_programs_records_are_seen_and_their_uids_kept() {
    let fixture = Fixture::new();
    fixture.write("1 :a\n");
    let mut list = fixture.open();
    assert_eq!(
        list.refresh(&fixture.directory, Reading::Unlocked).unwrap(),
        Change::None
    );
    fixture.add("777 S5 :x\n");
    assert_eq!(
        list.refresh(&fixture.directory, Reading::Unlocked).unwrap(),
        Change::Appended
    );
    assert_eq!((list.uid_of(b"x"), list.next_uid()), (Some(777), 778));
    std::fs::remove_file(fixture.path()).unwrap();
    fixture.write("1 :a\n780 :y\n");
    assert_eq!(
        list.refresh(&fixture.directory, Reading::Unlocked).unwrap(),
        Change::Replaced
    );
    assert_eq!(
        (list.uid_of(b"x"), list.uid_of(b"y"), list.next_uid()),
        (None, Some(780), 781)
    );
}

#[test]
fn a_rewritten_list_never_lowers_the_next_uid() {
    let fixture = Fixture::new();
    fixture.write("1 :a\n50 :b\n");
    let mut list = fixture.open();
    std::fs::remove_file(fixture.path()).unwrap();
    fixture.write("1 :a\n");
    list.refresh(&fixture.directory, Reading::Unlocked).unwrap();
    assert_eq!(list.next_uid(), 51);
}

#[test]
fn another_uidvalidity_is_told_apart_from_a_rewrite() {
    let fixture = Fixture::new();
    fixture.write("1 :a\n");
    let mut list = fixture.open();
    std::fs::write(fixture.path(), format!("3 V18 N1 G{GUID}\n1 :b\n")).unwrap();
    assert_eq!(
        list.refresh(&fixture.directory, Reading::Unlocked).unwrap(),
        Change::UidValidity
    );
}

#[test]
fn a_list_that_vanished_is_written_again_from_memory_with_its_uidvalidity() {
    let fixture = Fixture::new();
    fixture.write("1 :a\n7 :b\n");
    let mut list = fixture.open();
    std::fs::remove_file(fixture.path()).unwrap();
    assert_eq!(
        list.refresh(&fixture.directory, Reading::Unlocked).unwrap(),
        Change::Missing
    );
    assert_eq!(list.wants_rewrite(2), Rewrite::Due);
    assert_eq!(fixture.assign(&mut list, &["c"]), [8]);
    assert_eq!(fixture.text(), format!("3 V17 N9 G{GUID}\n1 :a\n7 :b\n8 :c\n"));
}

#[test]
fn compaction_drops_gone_files_and_keeps_the_next_uid() {
    let fixture = Fixture::new();
    let lines: String = (1..=40).map(|uid| format!("{uid} :m{uid}\n")).collect();
    fixture.write(&lines);
    let mut list = fixture.open();
    assert_eq!(list.wants_rewrite(30), Rewrite::NotDue);
    assert_eq!(list.wants_rewrite(2), Rewrite::Due);
    let keep = |record: &UidRecord| if record.uid <= 2 { Keep::Yes } else { Keep::No };
    list.rewrite(&fixture.directory, &fixture.lock(), &none, keep)
        .unwrap();
    assert_eq!(fixture.text(), format!("3 V17 N41 G{GUID}\n1 :m1\n2 :m2\n"));
    assert_eq!(fixture.open().next_uid(), 41);
}

#[test]
fn the_last_uid_is_refused() {
    let fixture = Fixture::new();
    fixture.write("4294967292 :a\n");
    let mut list = fixture.open();
    assert_eq!(
        fixture.assign(&mut list, &["b", "c"]),
        [4_294_967_293, 4_294_967_294]
    );
    let lock = fixture.lock();
    let error = list
        .assign(&fixture.directory, &lock, vec![b"d"[..].into()], None, &none)
        .unwrap_err();
    assert!(error.get_ref().is_some_and(|inner| inner.is::<UidsExhausted>()));
    assert_eq!(list.uid_of(b"d"), None);
}

#[test]
fn nothing_is_appended_when_the_lock_was_taken_away() {
    let fixture = Fixture::new();
    fixture.write("1 :a\n");
    let mut list = fixture.open();
    let lock = fixture.lock();
    std::fs::remove_file(fixture.home.path().join("dovecot-uidlist.lock")).unwrap();
    assert!(
        list.assign(&fixture.directory, &lock, vec![b"b"[..].into()], None, &none)
            .is_err()
    );
    assert!(fixture.text().ends_with("1 :a\n"));
}

#[test]
fn a_list_that_cannot_be_written_uses_up_no_uids() {
    let fixture = Fixture::new();
    fixture.write("1 :a\nrubbish\n");
    std::fs::create_dir(fixture.home.path().join("dovecot-uidlist.tmp")).unwrap();
    let mut list = fixture.open();
    for _ in 0..3 {
        let lock = fixture.lock();
        list.refresh(&fixture.directory, Reading::Locked(&lock)).unwrap();
        assert!(
            list.assign(&fixture.directory, &lock, vec![b"b"[..].into()], None, &none)
                .is_err()
        );
    }
    std::fs::remove_dir(fixture.home.path().join("dovecot-uidlist.tmp")).unwrap();
    assert_eq!(fixture.assign(&mut list, &["b"]), [2]);
}

#[test]
fn a_list_that_may_not_be_written_uses_up_no_uids() {
    let fixture = Fixture::new();
    fixture.write("1 :a\n");
    let mut list = fixture.open();
    for _ in 0..3 {
        let lock = fixture.lock();
        list.refresh(&fixture.directory, Reading::Locked(&lock)).unwrap();
        let refused = faults::with(Call::Open, io::ErrorKind::PermissionDenied, || {
            list.assign(&fixture.directory, &lock, vec![b"b"[..].into()], None, &none)
        });
        assert_eq!(refused.unwrap_err().kind(), io::ErrorKind::PermissionDenied);
    }
    assert_eq!(list.next_uid(), 2);
    assert_eq!(fixture.assign(&mut list, &["b"]), [2]);
}
