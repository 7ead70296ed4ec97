//! What an operator is told, and how often.

use super::log_lines::Lines;
use super::*;
use crate::disk::directory::Directory;
use crate::disk::scan::{self, Scope};
use imap_backend::ErrorKind;

#[test]
fn t17_a_file_whose_name_no_message_can_have_is_logged_once() {
    let home = tempfile::tempdir().unwrap();
    deliver(home.path(), "cur/1.good:2,", "x");
    deliver(home.path(), "cur/2.line\nbreak:2,S", "x");
    deliver(home.path(), "cur/:2,S", "x");
    deliver(home.path(), "cur/.hidden", "x");
    let lines = Lines::default();
    let guard = lines.collect();
    let directory = Directory::open(home.path()).unwrap();
    for _ in 0..3 {
        assert_eq!(scan::list(&directory, Scope::Both).unwrap().found.len(), 1);
    }
    drop(guard);
    let lines = lines.get();
    assert_eq!(lines.len(), 1, "{lines:?}");
    assert!(lines[0].contains(&home.path().display().to_string()), "{lines:?}");
}

/// A message that does not fit on the disk.
struct TooMuch;

impl MessageSource for TooMuch {
    fn size(&self) -> Option<u64> {
        Some(1)
    }

    async fn chunk(&mut self) -> Result<Option<Bytes>, Error> {
        Err(ErrorKind::OverQuota.into())
    }
}

#[tokio::test]
async fn t16_a_full_disk_is_logged_and_not_for_each_message() {
    let fixture = Fixture::new();
    let mut session = fixture.session().await;
    create(&mut session, "Sent").await.unwrap();
    let lines = Lines::default();
    let guard = lines.collect();
    for _ in 0..20 {
        let append = Append::new(Flags::empty());
        let refused = session.append(&name("Sent"), &append, TooMuch).await;
        assert_eq!(refused.unwrap_err().kind(), ErrorKind::OverQuota);
    }
    drop(guard);
    let lines = lines.get();
    assert_eq!(lines.len(), 1, "{lines:?}");
    assert!(lines[0].contains("Sent"), "{lines:?}");
}
