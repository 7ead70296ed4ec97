//! What events tell, and what they do not.

use super::*;

fn mailbox() -> tempfile::TempDir {
    let home = tempfile::tempdir().unwrap();
    std::fs::create_dir(home.path().join("new")).unwrap();
    std::fs::create_dir(home.path().join("cur")).unwrap();
    home
}

fn events() -> Arc<Events> {
    Arc::new(Events::new(|error| panic!("{error}")))
}

/// Subdirectory, name and what happened, without numbers.
fn versions(home: &tempfile::TempDir) -> DirectoryVersions {
    let directory = crate::disk::directory::Directory::open(home.path()).unwrap();
    directory.versions().unwrap()
}

fn watch(events: &Arc<Events>, home: &tempfile::TempDir, told: Told) -> WatchedDirectories {
    events.watch(home.path(), told, versions(home))
}

fn told(watched: &WatchedDirectories) -> Vec<(Subdirectory, String, &'static str)> {
    let news = watched.take_news();
    assert!(!news.is_incomplete);
    let kind = |happened| match happened {
        Happened::Made => "made",
        Happened::Removed => "removed",
        Happened::MovedHere(_) => "here",
        Happened::MovedAway(_) => "away",
        Happened::ToItself | Happened::Ended => "end",
    };
    let name = |named: &Named| String::from_utf8(named.name.to_vec()).unwrap();
    let names = news.names.iter();
    names
        .map(|named| (named.subdirectory, name(named), kind(named.happened)))
        .collect()
}

#[test]
fn what_another_program_did_is_told_by_name_and_in_order() {
    use Subdirectory::{Cur, New};
    let home = mailbox();
    let (new, cur) = (home.path().join("new"), home.path().join("cur"));
    let events = events();
    let watched = watch(&events, &home, Told::All);
    assert!(watched.works());
    std::fs::write(new.join("1.x"), "x").unwrap();
    std::fs::rename(new.join("1.x"), cur.join("1.x:2,S")).unwrap();
    // Who reads a message fills nothing.
    std::fs::read(cur.join("1.x:2,S")).unwrap();
    std::fs::remove_file(cur.join("1.x:2,S")).unwrap();
    assert!(watched.has_news());
    let expected = [
        (New, "1.x", "made"),
        (New, "1.x", "away"),
        (Cur, "1.x:2,S", "here"),
        (Cur, "1.x:2,S", "removed"),
    ];
    assert_eq!(
        told(&watched),
        expected.map(|(at, name, kind)| (at, name.to_owned(), kind))
    );
    assert!(!watched.has_news());
    assert_eq!(events.take_changed(), HashSet::from([watched.id()]));
}

#[test]
fn of_a_million_events_a_bounded_number_of_names_is_kept() {
    let mut news = News::default();
    let named = Named {
        subdirectory: Subdirectory::Cur,
        name: b"1.x"[..].into(),
        happened: Happened::Removed,
    };
    for _ in 0..1_000_000 {
        news.add(named.clone());
    }
    assert!(news.is_incomplete && news.names.capacity() == 0);
}

#[test]
fn lost_events_may_have_been_of_any_mailbox() {
    let (one, two) = (mailbox(), mailbox());
    let events = events();
    let watched = [&one, &two].map(|home| watch(&events, home, Told::All));
    events.lose_some();
    assert!(watched.iter().all(|watched| watched.take_news().is_incomplete));
    assert_eq!(events.take_changed().len(), 2);
}

#[test]
fn where_events_do_not_tell_of_everything_they_are_but_a_reason_to_look() {
    let home = mailbox();
    let events = events();
    let watched = watch(&events, &home, Told::Some);
    std::fs::write(home.path().join("new/1.x"), "x").unwrap();
    events.lose_some();
    events.read();
    assert_eq!(events.take_changed(), HashSet::from([watched.id()]));
    assert!(watched.take_news().is_empty() && watched.own_changes().is_none());
}

#[test]
fn a_change_of_our_own_is_nobodys_news() {
    let home = mailbox();
    let cur = home.path().join("cur");
    let events = events();
    let watched = watch(&events, &home, Told::All);
    std::fs::write(cur.join("1.x:2,"), "x").unwrap();
    told(&watched);
    events.take_changed();
    let own = watched.own_changes().unwrap();
    let (from, to) = (
        FileAt::new(Subdirectory::Cur, b"1.x:2,"),
        FileAt::new(Subdirectory::Cur, b"1.x:2,S"),
    );
    let rename = |from: FileAt<'_>, to: FileAt<'_>| {
        let path = |at: FileAt<'_>| cur.join(std::str::from_utf8(at.name).unwrap());
        own.make(from, OwnKind::MovedAway, || {
            own.make(to, OwnKind::MovedHere, || std::fs::rename(path(from), path(to)))
        })
    };
    rename(from, to).unwrap();
    own.are_over();
    assert!(!watched.has_news() && events.take_changed().is_empty());
    // It fails: nothing is left of it that would hide what another program does.
    assert!(rename(from, to).is_err());
    std::fs::rename(cur.join("1.x:2,S"), cur.join("1.x:2,")).unwrap();
    std::fs::rename(cur.join("1.x:2,"), cur.join("1.x:2,S")).unwrap();
    assert_eq!(told(&watched).len(), 4);
    // It changes nothing and causes no event: the names are looked at.
    rename(to, to).unwrap();
    assert_eq!(told(&watched).len(), 2);
}

#[test]
fn what_another_program_did_in_the_same_moment_as_we_is_not_hidden() {
    let home = mailbox();
    let cur = home.path().join("cur");
    let events = events();
    let watched = watch(&events, &home, Told::All);
    std::fs::write(cur.join("1.x:2,"), "x").unwrap();
    told(&watched);
    let own = watched.own_changes().unwrap();
    let at = FileAt::new(Subdirectory::Cur, b"1.x:2,");
    // It was quicker, and its event comes while ours is expected.
    let failed = own.make(at, OwnKind::Removed, || {
        std::fs::remove_file(cur.join("1.x:2,")).unwrap();
        events.read();
        std::fs::remove_file(cur.join("1.x:2,"))
    });
    assert!(failed.is_err());
    assert_eq!(
        told(&watched),
        [(Subdirectory::Cur, "1.x:2,".to_owned(), "removed")]
    );
}

#[tokio::test]
async fn a_file_that_comes_is_told_though_nobody_asks() {
    let home = mailbox();
    let events = events();
    events.start();
    let watched = watch(&events, &home, Told::All);
    std::fs::write(home.path().join("new/1.x"), "x").unwrap();
    events.wait().await;
    assert_eq!(events.take_changed(), HashSet::from([watched.id()]));
}

#[test]
fn a_closed_mailbox_is_forgotten_and_its_successor_is_not() {
    let home = mailbox();
    let events = events();
    let earlier = watch(&events, &home, Told::All);
    let later = watch(&events, &home, Told::All);
    drop(earlier);
    std::fs::write(home.path().join("cur/1.x"), "x").unwrap();
    assert!(later.has_news());
    drop(later);
    let board = events.board.lock();
    assert!(board.watches.is_empty() && board.mailboxes.is_empty());
}

#[test]
fn a_directory_that_is_replaced_is_watched_again() {
    let home = mailbox();
    let directory = crate::disk::directory::Directory::open(home.path()).unwrap();
    let events = events();
    let mut watched = watch(&events, &home, Told::All);
    assert!(watched.tells_all_of(directory.versions().unwrap()));
    std::fs::remove_dir(home.path().join("cur")).unwrap();
    std::fs::create_dir(home.path().join("cur")).unwrap();
    let versions = directory.versions().unwrap();
    assert!(!watched.tells_all_of(versions));
    assert!(watched.ensure(home.path(), versions));
    std::fs::write(home.path().join("cur/1.x"), "x").unwrap();
    assert_eq!(told(&watched).len(), 1);
}

/// A symbolic link in the place of a directory leads to another user's mail.
#[test]
fn a_path_that_leads_elsewhere_by_now_takes_no_events_of_the_mailbox_there() {
    let (home, elsewhere) = (mailbox(), mailbox());
    let events = events();
    let theirs = watch(&events, &elsewhere, Told::All);
    let ours = events.watch(elsewhere.path(), Told::All, versions(&home));
    assert!(!ours.works());
    std::fs::write(elsewhere.path().join("new/1.x"), "x").unwrap();
    assert!(theirs.has_news() && !ours.has_news());
}
