//! What an operator is told, and how often.

use super::*;
use crate::disk::directory::Directory;
use crate::disk::scan::{self, Scope};
use imap_backend::ErrorKind;
use parking_lot::Mutex;
use std::fmt::Write as _;
use tracing::field::{Field, Visit};
use tracing::{Event, Level, Metadata, Subscriber, span, subscriber};

/// What was logged at WARN or above, a line for each event.
#[derive(Clone, Default)]
struct Lines(Arc<Mutex<Vec<String>>>);

impl Lines {
    /// Collects what this thread logs until the guard is dropped.
    fn collect(&self) -> subscriber::DefaultGuard {
        subscriber::set_default(self.clone())
    }

    fn get(&self) -> Vec<String> {
        self.0.lock().clone()
    }
}

impl Subscriber for Lines {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        *metadata.level() <= Level::WARN
    }

    fn event(&self, event: &Event<'_>) {
        let mut line = Line(String::new());
        event.record(&mut line);
        self.0.lock().push(line.0);
    }

    fn new_span(&self, _: &span::Attributes<'_>) -> span::Id {
        span::Id::from_u64(1)
    }

    fn record(&self, _: &span::Id, _: &span::Record<'_>) {}
    fn record_follows_from(&self, _: &span::Id, _: &span::Id) {}
    fn enter(&self, _: &span::Id) {}
    fn exit(&self, _: &span::Id) {}
}

/// The fields of one event.
struct Line(String);

impl Visit for Line {
    fn record_debug(&mut self, field: &Field, value: &dyn std::fmt::Debug) {
        let _ = write!(self.0, "{field}={value:?} ");
    }
}

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
    fn size(&self) -> u64 {
        1
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
