//! A program that renames, moves, delivers and removes at full speed while sessions watch.
//!
//! The laws: a message that the program did not remove is never expunged; a UID never names two messages, and no message has
//! two; at rest every session has what is on disk. `HOSTILE_SECONDS=3600` for a long run.

use super::*;
use std::collections::{HashMap, HashSet};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use parking_lot::Mutex;

/// How many messages the program keeps in the mailbox, about.
const MESSAGES: usize = 200;

/// Xorshift: a sequence that is the same each time.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 >> 33).unwrap() % sides
    }
}

/// The program, and where it left its messages. The server moves them out of `new/`.
struct Program {
    root: PathBuf,
    dice: Dice,
    files: HashMap<String, String>,
    delivered: usize,
    acts: usize,
    removed: Arc<Mutex<HashSet<String>>>,
}

impl Program {
    fn act(&mut self) {
        self.acts += 1;
        let (act, flags) = (self.dice.roll(20), ["", "F", "S", "FS", "R"][self.dice.roll(5)]);
        if self.files.len() < MESSAGES && act < 10 || self.files.is_empty() {
            return self.deliver(act % 2 == 0);
        }
        let which = self.dice.roll(self.files.len());
        let (base, at) = self.files.iter().nth(which).unwrap();
        let (base, at) = (base.clone(), at.clone());
        let done = match act {
            0 => {
                self.removed.lock().insert(base.clone());
                let removed = std::fs::remove_file(self.root.join(&at));
                if removed.is_ok() {
                    self.files.remove(&base);
                } else {
                    self.removed.lock().remove(&base);
                }
                removed
            }
            1..4 => self.rename(&base, &at, &format!("new/{base}:2,{flags}")),
            4 => self.link_and_unlink(&base, &at, &format!("cur/{base}:2,{flags}")),
            _ => self.rename(&base, &at, &format!("cur/{base}:2,{flags}")),
        };
        if done.is_err() {
            self.find(&base);
        }
    }

    fn deliver(&mut self, into_new: bool) {
        self.delivered += 1;
        let base = format!("{}.M1P1.h", 1000 + self.delivered);
        let at = match into_new {
            true => format!("new/{base}"),
            false => format!("cur/{base}:2,"),
        };
        let temporary = self.root.join("tmp").join(&base);
        std::fs::write(&temporary, &base).unwrap();
        std::fs::rename(temporary, self.root.join(&at)).unwrap();
        self.files.insert(base, at);
    }

    fn rename(&mut self, base: &str, from: &str, to: &str) -> std::io::Result<()> {
        std::fs::rename(self.root.join(from), self.root.join(to))?;
        self.files.insert(base.to_owned(), to.to_owned());
        Ok(())
    }

    fn link_and_unlink(&mut self, base: &str, from: &str, to: &str) -> std::io::Result<()> {
        std::fs::hard_link(self.root.join(from), self.root.join(to))?;
        self.files.insert(base.to_owned(), to.to_owned());
        // The server may have been quicker with the first name; then this message has two files for a while.
        std::fs::remove_file(self.root.join(from))
    }

    /// The server has moved it.
    fn find(&mut self, base: &str) {
        for file in files(&self.root) {
            if file.split(['/', ':']).nth(1) == Some(base) {
                self.files.insert(base.to_owned(), file);
            }
        }
    }
}

/// Which message each UID named, as all sessions saw it.
#[derive(Default)]
struct Seen {
    base_of: HashMap<u32, String>,
    uid_of: HashMap<String, u32>,
}

impl Seen {
    fn see(&mut self, uid: u32, base: String) {
        let first = self.base_of.entry(uid).or_insert_with(|| base.clone());
        assert_eq!(*first, base, "UID {uid} names another message now");
        let first = *self.uid_of.entry(base.clone()).or_insert(uid);
        assert_eq!(first, uid, "{base} has a second UID");
    }
}

fn base_of(client: &Client, uid: u32) -> Option<String> {
    let open = client.open();
    let mut hub = open.hub.lock();
    let entry = hub.get(Uid::new(uid)?)?;
    Some(String::from_utf8(entry.base().to_vec()).unwrap())
}

/// One look, and what it says against the laws.
async fn watch_once(client: &mut Client, seen: &mut Seen, removed: &Mutex<HashSet<String>>) {
    let before: HashSet<u32> = client.uids().into_iter().collect();
    client.noop().await;
    let now: HashSet<u32> = client.uids().into_iter().collect();
    for &uid in &now {
        if let Some(base) = base_of(client, uid) {
            seen.see(uid, base);
        }
    }
    for gone in before.difference(&now) {
        if let Some(base) = seen.base_of.get(gone) {
            assert!(
                removed.lock().contains(base),
                "{base}, UID {gone}, was not removed"
            );
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hostile_program_makes_no_false_expunge_and_no_uid_name_two_messages() {
    let seconds = std::env::var("HOSTILE_SECONDS").map_or(5, |seconds| seconds.parse().unwrap());
    let fixture = Fixture::watching(home());
    let mut clients = [fixture.select("INBOX").await, fixture.select("INBOX").await];
    let (stop, removed) = (Arc::new(AtomicBool::new(false)), Arc::default());
    let mut program = Program {
        root: fixture.root(),
        dice: Dice(0x9E37_79B9_7F4A_7C15),
        files: HashMap::new(),
        delivered: 0,
        acts: 0,
        removed: Arc::clone(&removed),
    };
    let stopped = Arc::clone(&stop);
    let outside = std::thread::spawn(move || {
        while !stopped.load(Ordering::SeqCst) {
            program.act();
        }
        program
    });
    let (mut seen, until) = (Seen::default(), Instant::now() + Duration::from_secs(seconds));
    let mut looks = 0;
    while Instant::now() < until {
        for client in &mut clients {
            watch_once(client, &mut seen, &removed).await;
        }
        looks += 1;
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    stop.store(true, Ordering::SeqCst);
    let program = outside.join().unwrap();
    println!(
        "{} acts, {} deliveries, {looks} looks",
        program.acts, program.delivered
    );
    at_rest(&fixture, &mut clients, &mut seen, &removed).await;
    drop(clients);
    let mut again = [fixture.restarted().select("INBOX").await];
    watch_once(&mut again[0], &mut seen, &removed).await;
}

/// All sessions have what is on disk, each message under one UID.
async fn at_rest(
    fixture: &Fixture,
    clients: &mut [Client],
    seen: &mut Seen,
    removed: &Mutex<HashSet<String>>,
) {
    for _ in 0..20 {
        for client in &mut *clients {
            watch_once(client, seen, removed).await;
        }
    }
    let mut disk: Vec<String> = files(&fixture.root())
        .iter()
        .map(|file| file.split(['/', ':']).nth(1).unwrap().to_owned())
        .collect();
    disk.sort();
    disk.dedup();
    for client in clients {
        let mut bases: Vec<String> = client
            .uids()
            .into_iter()
            .map(|uid| base_of(client, uid).unwrap())
            .collect();
        bases.sort();
        assert_eq!(bases, disk);
        for uid in client.uids().into_iter().take(20) {
            let base = base_of(client, uid).unwrap();
            assert_eq!(client.body(uid).await.unwrap(), base.as_bytes());
        }
    }
    let list = std::fs::read_to_string(fixture.root().join("dovecot-uidlist")).unwrap();
    let uids: Vec<&str> = list
        .lines()
        .skip(1)
        .filter_map(|line| line.split(' ').next())
        .collect();
    assert_eq!(
        uids.iter().collect::<HashSet<_>>().len(),
        uids.len(),
        "a UID twice in the list"
    );
}
