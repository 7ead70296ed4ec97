//! How much an account may hold: `maildirsize`, as this and other programs leave it.

use super::*;
use std::time::{Duration, SystemTime};

use imap_backend::{ErrorKind, Messages, Quota, Usage};

impl Fixture {
    /// A process with a setting.
    fn limited(home: &Arc<tempfile::TempDir>, octets: Option<u64>, messages: Option<u64>) -> Self {
        let mut fixture = Self::on(Arc::clone(home));
        fixture.backend = fixture.backend.with_quota(octets, messages);
        fixture
    }

    fn write_size(&self, text: &str) {
        std::fs::create_dir_all(self.root()).unwrap();
        std::fs::write(self.root().join("maildirsize"), text).unwrap();
    }

    fn size_file(&self) -> String {
        std::fs::read_to_string(self.root().join("maildirsize")).unwrap()
    }
}

/// Messages and octets that are used, and limited.
async fn told(session: &mut MaildirSession) -> Vec<(Option<Usage>, Option<Usage>)> {
    let quotas = session.quotas(None).await.unwrap();
    quotas
        .iter()
        .map(|quota| (quota.messages(), quota.storage()))
        .collect()
}

async fn messages(session: &mut MaildirSession) -> u64 {
    told(session).await[0].0.unwrap().used()
}

fn is_refused<T: std::fmt::Debug>(result: Result<T, Error>) -> bool {
    result.is_err_and(|error| error.kind() == ErrorKind::OverQuota)
}

fn mail(octets: usize) -> String {
    "x".repeat(octets)
}

/// A message of which not one octet may be asked for.
struct Unread(Option<u64>);

impl MessageSource for Unread {
    fn size(&self) -> Option<u64> {
        self.0
    }

    async fn chunk(&mut self) -> Result<Option<Bytes>, Error> {
        panic!("it was read");
    }
}

/// Messages of one APPEND, whose size nobody announces.
struct Several(Vec<&'static str>, Option<Bytes>);

impl MessageSource for Several {
    fn size(&self) -> Option<u64> {
        None
    }

    async fn chunk(&mut self) -> Result<Option<Bytes>, Error> {
        Ok(self.1.take())
    }
}

impl Messages for Several {
    async fn next(&mut self) -> Result<Option<Append>, Error> {
        self.1 = self.0.pop().map(|text| Bytes::from_static(text.as_bytes()));
        Ok(self.1.is_some().then(Append::default))
    }
}

#[tokio::test]
async fn what_comes_and_goes_is_one_line_for_each_command() {
    let fixture = Fixture::limited(&home(), Some(1000), Some(10));
    let mut session = fixture.session().await;
    create(&mut session, "other").await.unwrap();
    append(&mut session, "INBOX", &mail(10), "").await.unwrap();
    append(&mut session, "INBOX", &mail(20), "\\Deleted")
        .await
        .unwrap();
    assert_eq!(fixture.size_file(), "1000S,10C\n0 0\n10 1\n20 1\n");
    let mut client = fixture.select("INBOX").await;
    client
        .mailbox()
        .copy(&set(&[1, 2]), &name("other"))
        .await
        .unwrap();
    client.expunge().await;
    assert_eq!(fixture.size_file(), "1000S,10C\n0 0\n10 1\n20 1\n30 2\n-20 -1\n");
    let quota = Quota::new("")
        .with_storage(Usage::new(40, 1000))
        .with_messages(Usage::new(3, 10));
    assert_eq!(session.quotas(Some(&name("other"))).await.unwrap(), [quota]);
    session.delete(&name("other")).await.unwrap();
    assert!(
        fixture.size_file().ends_with("-20 -1\n-30 -2\n"),
        "{}",
        fixture.size_file()
    );
}

#[tokio::test]
async fn without_a_limit_there_is_no_quota_and_no_file_is_made() {
    let fixture = Fixture::new();
    let mut session = fixture.session().await;
    append(&mut session, "INBOX", "one", "").await.unwrap();
    assert_eq!(told(&mut session).await, []);
    assert!(!fixture.root().join("maildirsize").exists());
    // A file without limits is kept right for the program whose it is.
    fixture.write_size("0S\n3 1\n");
    append(&mut session, "INBOX", "two", "").await.unwrap();
    assert_eq!(fixture.size_file(), "0S\n3 1\n3 1\n");
    assert_eq!(told(&mut session).await, []);
}

/// Sizes are those in the names; where there is none, those of the files.
#[tokio::test]
async fn counting_takes_every_mailbox_but_trash() {
    let fixture = Fixture::limited(&home(), Some(1_000_000), Some(100));
    let root = fixture.root();
    deliver(&root, "new/1.a", "four");
    deliver(&root, "cur/2.b,S=700:2,T", "claimed");
    deliver(&root, "cur/.hidden", "hidden");
    for (folder, file) in [
        (".sub", "cur/3.c,S=20:2,"),
        (".sub.sub", "new/4.d,S=x"),
        (".Trash.old", "new/5.e,S=1"),
    ] {
        deliver(&root.join(folder), file, "12345");
    }
    deliver(&root.join(".Trash"), "cur/6.f,S=5000:2,", "gone");
    let mut session = fixture.session().await;
    assert_eq!(
        told(&mut session).await,
        [(
            Some(Usage::new(5, 100)),
            Some(Usage::new(4 + 700 + 20 + 5 + 1, 1_000_000))
        )]
    );
    assert_eq!(fixture.size_file(), "1000000S,100C\n730 5\n");
    assert_eq!(session.quotas(Some(&name("Trash"))).await.unwrap(), []);
}

#[tokio::test]
async fn a_limit_that_another_program_wrote_stays_and_that_of_a_setting_follows_the_setting() {
    let home = home();
    let first = Fixture::limited(&home, Some(1000), None);
    append(&mut first.session().await, "INBOX", "one", "")
        .await
        .unwrap();
    assert!(first.size_file().starts_with("1000S\n"));
    let changed = Fixture::limited(&home, Some(2000), Some(5));
    assert_eq!(
        told(&mut changed.session().await).await[0].1,
        Some(Usage::new(3, 2000))
    );
    assert!(changed.size_file().starts_with("2000S,5C\n"));
    changed.write_size("500S\n3 1\n");
    assert_eq!(
        told(&mut changed.session().await).await,
        [(None, Some(Usage::new(3, 500)))]
    );
    assert_eq!(changed.size_file(), "500S\n3 1\n");
    let without = Fixture::limited(&home, None, None);
    assert_eq!(
        told(&mut without.session().await).await,
        [(None, Some(Usage::new(3, 500)))]
    );
    // Ours again, of a setting that is gone; or was on its way there when the process died.
    for ours in ["2000S,5C\n3 1\n", "1000S\n3 1\n"] {
        let setting = without.root().join("maildirsize-setting");
        std::fs::write(setting, "2000S,5C\n1000S\n").unwrap();
        without.write_size(ours);
        assert_eq!(told(&mut without.session().await).await, [], "{ours}");
        assert_eq!(without.size_file(), "0S\n3 1\n");
        let again = Fixture::limited(&home, Some(2000), Some(5));
        assert!(!told(&mut again.session().await).await.is_empty());
    }
}

#[tokio::test]
async fn a_message_that_does_not_fit_is_refused_before_an_octet_of_it_is_read() {
    let fixture = Fixture::limited(&home(), Some(100), Some(2));
    let mut session = fixture.session().await;
    let append_unread = async |session: &mut MaildirSession, size| {
        session
            .append(&name("INBOX"), &Append::default(), Unread(size))
            .await
    };
    assert!(is_refused(append_unread(&mut session, Some(101)).await));
    append(&mut session, "INBOX", &mail(60), "").await.unwrap();
    assert!(is_refused(append_unread(&mut session, Some(41)).await));
    append(&mut session, "INBOX", &mail(40), "").await.unwrap();
    assert!(
        is_refused(append_unread(&mut session, None).await),
        "there are two"
    );
    assert_eq!(files(&fixture.root()).len(), 2);
    assert_eq!(fixture.size_file(), "100S,2C\n0 0\n60 1\n40 1\n");
}

#[tokio::test]
async fn what_turns_out_too_large_leaves_nothing_and_no_line() {
    let fixture = Fixture::limited(&home(), Some(10), None);
    let mut session = fixture.session().await;
    let inbox = name("INBOX");
    let several = Several(vec!["12345", "1234", "12"], None);
    assert!(is_refused(session.append_all(&inbox, several).await));
    let large = Several(Vec::new(), Some(Bytes::from_static(b"12345678901")));
    assert!(is_refused(
        session.append(&inbox, &Append::default(), large).await
    ));
    assert_eq!(files(&fixture.root()), [""; 0]);
    assert_eq!(std::fs::read_dir(fixture.root().join("tmp")).unwrap().count(), 0);
    assert_eq!(fixture.size_file(), "10S\n0 0\n");
    session
        .append_all(&inbox, Several(vec!["1234", "123456"], None))
        .await
        .unwrap();
    assert_eq!(fixture.size_file(), "10S\n0 0\n10 2\n");
}

#[tokio::test]
async fn a_copy_that_does_not_fit_copies_nothing_and_a_move_takes_no_room() {
    let fixture = Fixture::limited(&home(), None, Some(3));
    let mut session = fixture.session().await;
    create(&mut session, "other").await.unwrap();
    for _ in 0..2 {
        append(&mut session, "INBOX", "one", "").await.unwrap();
    }
    let mut client = fixture.select("INBOX").await;
    assert!(is_refused(
        client.mailbox().copy(&set(&[1, 2]), &name("other")).await
    ));
    let other = fixture.root().join(".other");
    assert_eq!(files(&other), [""; 0]);
    assert_eq!(std::fs::read_dir(other.join("tmp")).unwrap().count(), 0);
    client.mailbox().copy(&set(&[1]), &name("other")).await.unwrap();
    client
        .mailbox()
        .move_to(&set(&[1, 2]), &name("other"))
        .await
        .unwrap();
    assert_eq!(fixture.size_file(), "3C\n0 0\n3 1\n3 1\n3 1\n");
}

#[tokio::test]
async fn trash_takes_no_room_and_what_comes_back_from_it_does() {
    let fixture = Fixture::limited(&home(), None, Some(2));
    let mut session = fixture.session().await;
    create(&mut session, "Trash").await.unwrap();
    for _ in 0..2 {
        append(&mut session, "INBOX", "one", "").await.unwrap();
        append(&mut session, "Trash", "two", "").await.unwrap();
    }
    let (mut inbox, mut trash) = (fixture.select("INBOX").await, fixture.select("Trash").await);
    assert!(is_refused(
        trash.mailbox().move_to(&set(&[1]), &name("INBOX")).await
    ));
    assert!(is_refused(trash.mailbox().copy(&set(&[1]), &name("INBOX")).await));
    inbox.mailbox().move_to(&set(&[1]), &name("Trash")).await.unwrap();
    assert_eq!(messages(&mut session).await, 1);
    trash.mailbox().move_to(&set(&[1]), &name("INBOX")).await.unwrap();
    assert_eq!(messages(&mut session).await, 2);
    session.rename(&name("Trash"), &name("kept")).await.unwrap();
    assert_eq!(messages(&mut session).await, 4);
    session.rename(&name("kept"), &name("Trash")).await.unwrap();
    assert_eq!(messages(&mut session).await, 2);
    session.delete(&name("Trash")).await.unwrap();
    assert_eq!(messages(&mut session).await, 2);
}

/// RFC 8508, section 3.4.
#[tokio::test]
async fn what_is_replaced_makes_room_for_what_replaces_it() {
    let fixture = Fixture::limited(&home(), Some(100), Some(1));
    let mut session = fixture.session().await;
    append(&mut session, "INBOX", &mail(90), "").await.unwrap();
    let mut client = fixture.select("INBOX").await;
    let mut replace = async |uid, octets| {
        let source = Pieces::of(&mail(octets));
        let (inbox, append) = (name("INBOX"), Append::default());
        session
            .replace(client.mailbox(), Uid::new(uid).unwrap(), &inbox, &append, source)
            .await
    };
    assert!(is_refused(replace(1, 101).await));
    replace(1, 100).await.unwrap();
    assert_eq!(files(&fixture.root()).len(), 1);
    assert_eq!(fixture.size_file(), "100S,1C\n0 0\n90 1\n100 1\n-90 -1\n");
}

#[tokio::test]
async fn a_damaged_file_stops_no_mail_and_is_counted_anew() {
    let long = format!("100S\n3 1\n{}", "1000 1\n".repeat(800));
    let glued = "100S\n3 1\n500 11000 1\n";
    for damaged in [
        "100S\n3 1\n9999",
        "100S\n",
        "100S\n99 x\n",
        "100S\n-99 0\n",
        "100S\n\0\0\n",
        glued,
        &long,
    ] {
        let fixture = Fixture::new();
        deliver(&fixture.root(), "cur/1.a:2,", "one");
        fixture.write_size(damaged);
        let mut session = fixture.session().await;
        append(&mut session, "INBOX", "two", "").await.unwrap();
        assert_eq!(fixture.size_file(), "100S\n3 1\n3 1\n", "{damaged:?}");
    }
    // Where not even a limit can be read, there is none; the file is a directory, or may not be read.
    let fixture = Fixture::new();
    std::fs::create_dir_all(fixture.root().join("maildirsize")).unwrap();
    append(&mut fixture.session().await, "INBOX", "one", "")
        .await
        .unwrap();
}

#[tokio::test]
async fn while_another_process_counts_mail_goes_on() {
    let fixture = Fixture::limited(&home(), Some(100), None);
    let mut session = fixture.session().await;
    let lock = fixture.root().join("maildirsize.lock");
    std::fs::write(&lock, "1234:elsewhere").unwrap();
    append(&mut session, "INBOX", "one", "").await.unwrap();
    assert!(!fixture.root().join("maildirsize").exists());
    std::fs::remove_file(lock).unwrap();
    append(&mut session, "INBOX", "two", "").await.unwrap();
    assert_eq!(fixture.size_file(), "100S\n3 1\n3 1\n");
}

/// The rules of Maildir++ for a sum that says that there is no room.
#[tokio::test]
async fn a_sum_that_leaves_no_room_is_believed_only_if_it_is_one_line_and_young() {
    let fixture = Fixture::new();
    fixture.write_size("100S\n99 1\n");
    let mut session = fixture.session().await;
    assert!(is_refused(append(&mut session, "INBOX", "two", "").await));
    fixture.write_size("100S\n90 1\n9 1\n");
    append(&mut session, "INBOX", "two", "").await.unwrap();
    assert_eq!(fixture.size_file(), "100S\n0 0\n3 1\n");

    let fixture = Fixture::new();
    fixture.write_size("100S\n99 1\n");
    let file = std::fs::File::options()
        .write(true)
        .open(fixture.root().join("maildirsize"))
        .unwrap();
    file.set_modified(SystemTime::now() - Duration::from_secs(15 * 60))
        .unwrap();
    append(&mut fixture.session().await, "INBOX", "two", "")
        .await
        .unwrap();
    assert_eq!(fixture.size_file(), "100S\n0 0\n3 1\n");
}

/// A client that makes room for one message after the other at its limit.
#[tokio::test]
async fn at_the_limit_not_every_message_is_a_listing() {
    let fixture = Fixture::limited(&home(), None, Some(2));
    let mut session = fixture.session().await;
    for _ in 0..2 {
        append(&mut session, "INBOX", "one", "\\Deleted").await.unwrap();
    }
    assert!(is_refused(append(&mut session, "INBOX", "one", "").await));
    // Nobody says so in the file: a listing would find it.
    deliver(&fixture.root(), "cur/1.a:2,", "another program's");
    for _ in 0..20 {
        let mut client = fixture.select("INBOX").await;
        client.mailbox().expunge(&set(&[1])).await.unwrap();
        let several = Several(vec!["a"; 3], None);
        assert!(is_refused(session.append_all(&name("INBOX"), several).await));
    }
    assert_eq!(fixture.size_file(), "2C\n0 0\n3 1\n3 1\n-3 -1\n");
}

#[tokio::test]
async fn messages_that_fit_cost_no_listing() {
    let fixture = Fixture::limited(&home(), Some(1_000_000), None);
    let mut session = fixture.session().await;
    append(&mut session, "INBOX", "one", "").await.unwrap();
    deliver(&fixture.root(), "cur/1.a:2,", "another program's");
    for _ in 0..20 {
        append(&mut session, "INBOX", "one", "").await.unwrap();
    }
    assert_eq!(
        fixture.size_file(),
        format!("1000000S\n0 0\n{}", "3 1\n".repeat(21))
    );
}

#[tokio::test]
async fn a_file_that_only_ever_grows_is_counted_anew() {
    let fixture = Fixture::limited(&home(), Some(1_000_000), None);
    append(&mut fixture.session().await, "INBOX", "one", "\\Deleted")
        .await
        .unwrap();
    fixture.write_size(&format!("1000000S\n{}", "10000 1\n".repeat(639)));
    let mut client = fixture.select("INBOX").await;
    client.expunge().await;
    assert_eq!(fixture.size_file(), "1000000S\n0 0\n");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn two_processes_at_once_lose_no_line() {
    let home = home();
    let processes: Vec<_> = (0..2)
        .map(|_| Fixture::limited(&home, Some(1_000_000), None))
        .collect();
    // So that no one counts while the others write.
    told(&mut processes[0].session().await).await;
    let mut tasks = tokio::task::JoinSet::new();
    for process in &processes {
        for _ in 0..2 {
            let mut session = process.session().await;
            tasks.spawn(async move {
                for _ in 0..20 {
                    append(&mut session, "INBOX", "one", "").await.unwrap();
                }
            });
        }
    }
    tasks.join_all().await;
    let usage = told(&mut processes[1].session().await).await[0].1.unwrap();
    assert_eq!(usage, Usage::new(3 * 80, 1_000_000));
    assert_eq!(files(&processes[0].root()).len(), 80);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn one_process_that_is_at_its_limit_stores_as_many_messages_as_fit() {
    let fixture = Fixture::limited(&home(), None, Some(10));
    told(&mut fixture.session().await).await;
    let mut tasks = tokio::task::JoinSet::new();
    for _ in 0..4 {
        let mut session = fixture.session().await;
        tasks.spawn(async move {
            let mut stored = 0;
            for _ in 0..5 {
                stored += usize::from(append(&mut session, "INBOX", "one", "").await.is_ok());
            }
            stored
        });
    }
    let stored: usize = tasks.join_all().await.into_iter().sum();
    assert_eq!(stored, 10);
    assert_eq!(files(&fixture.root()).len(), 10);
}
