//! Transactions of several threads, some of which fail or panic, against what the file has afterwards.

use std::collections::BTreeSet;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::thread;

use super::*;

/// A database that `part` adds tables to, and its writer.
fn made(part: &str, together: usize) -> (tempfile::TempDir, PathBuf, Writer) {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("test.db");
    let connection = Connection::open(&path).unwrap();
    let mode: String = connection
        .pragma_update_and_check(None, "journal_mode", "WAL", |row| row.get(0))
        .unwrap();
    assert_eq!(mode, "wal");
    connection.pragma_update(None, "foreign_keys", true).unwrap();
    let tables = "CREATE TABLE done (id INTEGER PRIMARY KEY);";
    connection.execute_batch(&format!("{tables}{part}")).unwrap();
    (directory, path, Writer::new(connection, together))
}

/// What another program sees.
fn stored(path: &Path) -> BTreeSet<i64> {
    let connection = Connection::open(path).unwrap();
    let mut statement = connection.prepare("SELECT id FROM done").unwrap();
    let rows = statement.query_map([], |row| row.get(0)).unwrap();
    rows.map(Result::unwrap).collect()
}

fn insert(statements: Statements<'_>, id: i64) -> Result<(), Error> {
    let sql = "INSERT INTO done (id) VALUES (?1)";
    statements.execute(sql, &[id.into()]).map(drop)
}

type Work<'w> = &'w (dyn Fn(Statements<'_>) -> Result<(), Error> + Sync);

/// Transactions in this order, each on a thread of its own, and each keeps its turn until the next waits for it. Gives what
/// each was answered.
fn together(writer: &Writer, works: &[Work<'_>]) -> Vec<thread::Result<Result<(), Error>>> {
    thread::scope(|scope| {
        let mut threads = Vec::new();
        for (number, work) in works.iter().enumerate() {
            let (sender, has_begun) = std::sync::mpsc::channel();
            threads.push(scope.spawn(move || {
                writer.write(|statements| {
                    sender.send(()).unwrap();
                    while number + 1 < works.len() && writer.waiting.load(Ordering::SeqCst) == 0 {
                        thread::yield_now();
                    }
                    work(statements)
                })
            }));
            has_begun.recv().unwrap();
        }
        threads.into_iter().map(thread::ScopedJoinHandle::join).collect()
    })
}

/// How many commits the write-ahead log has: frames that say how many pages the database has after them.
fn commits(path: &Path) -> usize {
    let log = std::fs::read(path.with_extension("db-wal")).unwrap();
    let number = |octets: &[u8]| u32::from_be_bytes(octets.try_into().unwrap());
    let page = number(&log[8..12]) as usize;
    let frames = log[32..].chunks_exact(24 + page);
    let of_this_log = frames.filter(|frame| frame[8..16] == log[16..24]);
    of_this_log.filter(|frame| number(&frame[4..8]) > 0).count()
}

#[test]
fn what_was_answered_is_there_and_what_failed_or_panicked_is_not() {
    let (_directory, path, writer) = made("", MOST_TOGETHER);
    let answered: BTreeSet<i64> = thread::scope(|scope| {
        let threads: Vec<_> = (0..8)
            .map(|thread: i64| {
                let (writer, path) = (&writer, &path);
                scope.spawn(move || {
                    let mut answered = Vec::new();
                    let mut dice = 0x9e37_79b9_u64.wrapping_mul(1 + thread.unsigned_abs());
                    for number in 0..60 {
                        dice = dice
                            .wrapping_mul(6_364_136_223_846_793_005)
                            .wrapping_add(1_442_695_040_888_963_407);
                        let ids = [1000 * thread + 2 * number, 1000 * thread + 2 * number + 1];
                        let fate = (dice >> 60) % 8;
                        let done = catch_unwind(AssertUnwindSafe(|| {
                            writer.write(|statements| {
                                insert(statements, ids[0])?;
                                match fate {
                                    0 => return Err(ErrorKind::Cannot.into()),
                                    1 => insert(statements, ids[0])?, // is there
                                    2 => resume_unwind(Box::new("on purpose")),
                                    _ => {}
                                }
                                insert(statements, ids[1])
                            })
                        }));
                        assert_eq!(done.is_err(), fate == 2);
                        if let Ok(done) = done {
                            assert_eq!(done.is_ok(), fate > 2, "{done:?}");
                            if done.is_ok() {
                                assert!(
                                    stored(path).is_superset(&ids.into()),
                                    "answered before the commit"
                                );
                                answered.extend(ids);
                            }
                        }
                    }
                    answered
                })
            })
            .collect();
        threads
            .into_iter()
            .flat_map(|thread| thread.join().unwrap())
            .collect()
    });
    drop(writer);
    assert!(answered.len() > 100);
    assert_eq!(stored(&path), answered);
}

#[test]
fn those_who_wait_share_commits_of_a_bounded_size() {
    let (_directory, path, writer) = made("", 4);
    // Keeps the log from beginning anew.
    let reader = Connection::open(&path).unwrap();
    reader.execute_batch("BEGIN; SELECT count(*) FROM done").unwrap();
    let before = commits(&path);
    let works: Vec<_> = (0..10)
        .map(|id| move |statements: Statements<'_>| insert(statements, id))
        .collect();
    let works: Vec<Work<'_>> = works.iter().map(|work| work as _).collect();
    for answer in together(&writer, &works) {
        answer.unwrap().unwrap();
    }
    assert_eq!(stored(&path), (0..10).collect());
    assert_eq!(commits(&path) - before, 3);
}

#[test]
fn one_that_fails_or_panics_undoes_only_itself_wherever_it_stands() {
    for failing in 0..4 {
        for panics in [false, true] {
            let (_directory, path, writer) = made("", MOST_TOGETHER);
            let works: Vec<_> = (0..4)
                .map(|id| {
                    move |statements: Statements<'_>| {
                        insert(statements, id)?;
                        match id == failing {
                            true if panics => resume_unwind(Box::new("on purpose")),
                            true => Err(ErrorKind::Cannot.into()),
                            false => Ok(()),
                        }
                    }
                })
                .collect();
            let works: Vec<Work<'_>> = works.iter().map(|work| work as _).collect();
            let answers = together(&writer, &works);
            for (id, answer) in (0..).zip(answers) {
                assert_eq!(matches!(answer, Ok(Ok(()))), id != failing);
                assert_eq!(answer.is_err(), panics && id == failing);
            }
            assert_eq!(stored(&path), (0..4).filter(|id| *id != failing).collect());
        }
    }
}

#[test]
fn a_commit_that_fails_fails_all_who_share_it_and_the_next_succeeds() {
    let (_directory, path, writer) = made(
        "CREATE TABLE children (parent INTEGER REFERENCES done (id) DEFERRABLE INITIALLY DEFERRED);",
        MOST_TOGETHER,
    );
    let orphan = |statements: Statements<'_>| {
        statements
            .execute("INSERT INTO children (parent) VALUES (77)", &[])
            .map(drop)
    };
    let answers = together(
        &writer,
        &[&|statements| insert(statements, 1), &orphan, &|statements| {
            insert(statements, 2)
        }],
    );
    for answer in answers {
        assert!(answer.unwrap().is_err());
    }
    assert_eq!(stored(&path), BTreeSet::new());
    writer.write(|statements| insert(statements, 3)).unwrap();
    assert_eq!(stored(&path), [3].into());
}

/// As a full disk does.
fn roll_back_all(statements: Statements<'_>) -> Result<(), Error> {
    let sql = "INSERT OR ROLLBACK INTO done (id) VALUES (1)";
    statements.execute(sql, &[]).map(drop)
}

#[test]
fn what_the_database_rolls_back_by_itself_takes_along_those_before_and_not_those_after() {
    let unnoticed = |statements: Statements<'_>| {
        assert!(roll_back_all(statements).is_err());
        Ok(())
    };
    let works: [(&[Work<'_>], &[bool]); 3] = [
        (
            &[&|s| insert(s, 2), &roll_back_all, &|s| insert(s, 3)],
            &[false, false, true],
        ),
        (&[&roll_back_all, &|s| insert(s, 3)], &[false, true]),
        (&[&unnoticed, &|s| insert(s, 3)], &[false, true]),
    ];
    for (works, expected) in works {
        let (_directory, path, writer) = made("INSERT INTO done (id) VALUES (1);", MOST_TOGETHER);
        let answers = together(&writer, works).into_iter();
        let answers: Vec<bool> = answers.map(|answer| answer.unwrap().is_ok()).collect();
        assert_eq!(answers, expected);
        assert_eq!(stored(&path), [1, 3].into());
    }
}
