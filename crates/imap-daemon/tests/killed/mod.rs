//! A server that is killed at any moment, and clients that synchronise with the next one by QRESYNC, or by CONDSTORE alone:
//! they always end with exactly the mailbox (RFC 7162, section 6), whatever other clients and other programs did meanwhile.
//! Shared by the tests of the programs.
//!
//! `KILLS=1000 cargo test -p maildird --test killed` is the long run; `KILLS_SEED` begins elsewhere.

use std::collections::BTreeMap;
use std::fs::{self, File, OpenOptions};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::thread::sleep;
use std::time::Duration;

use crate::cache::{Cache, flags_by_uid};
use crate::common::{Client, Running};
use crate::deeds;
use crate::random::{self, Random};
use rustix::process::Signal;

/// One mailbox's life.
const KILLS: u32 = 5;
/// The hash of `secret` that costs least: there are many logins.
pub const HASH: &str =
    "$argon2id$v=19$m=8,t=1,p=1$pJZ0GBjxPR9cbuMI2IFNLg$/5TI07SC1HQp6eNsz5Jz2Vq/zBveClvuB2SW8mALAKo";

/// Where the mail of ada is, password `secret`.
pub trait Mail {
    /// Starts a server that writes its log there.
    fn serve(&self, log: File) -> Running;

    /// A folder that goes with the mailbox.
    fn folder(&self) -> &Path;

    /// Another program does something to INBOX, whether or not a server runs.
    fn change(&self, random: &mut Random);

    /// That another program sees these messages in INBOX, and no others.
    fn assert_is(&self, flags: &BTreeMap<u32, String>, at: &str);
}

/// How a client finds out what has changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Method {
    QResync,
    CondStore,
}

/// As many lives as are asked for, each with a new mailbox.
pub fn run<M: Mail>(lives: u32, mail: impl Fn() -> M) {
    let (kills, first) = (
        random::number_in("KILLS", lives * KILLS),
        random::number_in("KILLS_SEED", 1),
    );
    for seed in first..first + kills.div_ceil(KILLS) {
        life(&mail(), seed);
        if seed.is_multiple_of(20) {
            println!("{} kills", (seed - first + 1) * KILLS);
        }
    }
}

fn life(mail: &impl Mail, seed: u32) {
    let mut random = Random::new(seed.into());
    let mut followers = [Method::QResync, Method::CondStore].map(Follower::new);
    for kill in 0..KILLS {
        let at = format!("seed {seed}, kill {kill}");
        until_killed(mail, &mut followers, &mut random, &at);
        for _ in 0..random.below(3) {
            mail.change(&mut random);
        }
        let server = serve(mail);
        let mut steady = random.uninterrupted();
        let mut plain = server.login("ada", "secret");
        for follower in &mut followers {
            let at = format!("{at}, {:?}", follower.method);
            let client = follower.connect(&server, &mut steady, &at);
            assert!(client.is_some(), "{at}: nothing interrupts it");
            plain.ok("EXAMINE INBOX");
            let lines: Vec<String> = plain
                .ok("UID FETCH 1:* (FLAGS)")
                .lines()
                .map(str::to_owned)
                .collect();
            let truth = flags_by_uid(&lines);
            assert_eq!(follower.cache.flags(), &truth, "{at}");
            mail.assert_is(&truth, &at);
        }
        server.signal(Signal::KILL);
    }
    let log = fs::read_to_string(log(mail)).unwrap();
    assert!(!log.contains("panicked at"), "seed {seed}: {log}");
}

fn log(mail: &impl Mail) -> PathBuf {
    mail.folder().join("log")
}

fn serve(mail: &impl Mail) -> Running {
    let log = OpenOptions::new().create(true).append(true).open(log(mail));
    mail.serve(log.unwrap())
}

/// A server's life: followers synchronise, others change the mailbox, and in the middle of several commands it is killed.
fn until_killed(mail: &impl Mail, followers: &mut [Follower], random: &mut Random, at: &str) {
    let server = serve(mail);
    let mut writers: Vec<Client<TcpStream>> = (0..2).map(|_| server.login("ada", "secret")).collect();
    writers
        .iter_mut()
        .for_each(|writer| drop(writer.ok("SELECT INBOX")));
    let mut clients: Vec<Option<Client<TcpStream>>> = followers
        .iter_mut()
        .map(|follower| follower.connect(&server, random, at))
        .collect();
    for _ in 0..random.below(12) {
        match random.below(3) {
            0 => mail.change(random),
            1 => {
                let writer = &mut writers[random.below(2) as usize];
                deeds::change(random)
                    .iter()
                    .for_each(|command| drop(writer.command(command)));
            }
            _ => {
                let one = random.below(2) as usize;
                if let Some(client) = clients[one].take() {
                    let command = deeds::command(&followers[one].cache, random);
                    clients[one] = followers[one].speak(client, &command, None, at);
                }
            }
        }
    }
    for writer in &mut writers {
        let commands = deeds::change(random).into_iter().chain(deeds::change(random));
        let commands: String = commands
            .map(|command| format!("{} {command}\r\n", writer.next_tag()))
            .collect();
        writer.send(&commands);
    }
    if let Some(client) = clients[0].take() {
        let lines = random.below(12);
        followers[0].speak(client, "UID FETCH 1:* (FLAGS BODY.PEEK[])", Some(lines), at);
    }
    if random.below(2) == 0 {
        mail.change(random);
    }
    // Somewhere in the middle of what was sent.
    sleep(Duration::from_micros(random.below(4000).into()));
    server.signal(Signal::KILL);
}

/// A client that keeps a copy of INBOX.
struct Follower {
    method: Method,
    cache: Cache,
}

impl Follower {
    fn new(method: Method) -> Self {
        Self {
            method,
            cache: Cache::default(),
        }
    }

    /// Sends a command and takes in what comes, or only so many lines of it: then the connection is gone.
    fn speak(
        &mut self,
        mut client: Client<TcpStream>,
        command: &str,
        lines: Option<u32>,
        at: &str,
    ) -> Option<Client<TcpStream>> {
        let tag = client.next_tag();
        client.send(&format!("{tag} {command}\r\n"));
        self.cache.begin(command);
        for read in 0.. {
            if lines == Some(read) {
                return None;
            }
            let line = client.line_or_end();
            let line = line.unwrap_or_else(|| panic!("{at}: {command}: the connection ended"));
            if let Some(tagged) = line.strip_prefix(&format!("{tag} ")) {
                assert!(
                    deeds::may_be_answered(command, tagged),
                    "{at}: {command}: {tagged}"
                );
                self.cache.complete(tagged);
                break;
            }
            self.cache.take(&line, at);
        }
        Some(client)
    }

    /// Connects and synchronises; `None` where the connection was lost on the way.
    fn connect(&mut self, server: &Running, random: &mut Random, at: &str) -> Option<Client<TcpStream>> {
        let mut client = server.login("ada", "secret");
        client.ok("ENABLE QRESYNC");
        let mut commands = match self.method {
            Method::QResync => vec![self.cache.select_with_qresync(random)],
            Method::CondStore => vec!["SELECT INBOX (CONDSTORE)".to_owned()],
        };
        if self.method == Method::CondStore && self.cache.knows_something() {
            commands.push(self.cache.ask_for_changes());
            commands.push("UID SEARCH ALL".to_owned());
        }
        for command in &commands {
            let lines = random.one_in(8).then(|| random.below(12));
            client = self.speak(client, command, lines, at)?;
        }
        let lines = random.one_in(8).then(|| random.below(12));
        let command = self.cache.ask_for_new();
        let client = self.speak(client, &command, lines, at)?;
        self.cache.synchronised(at);
        Some(client)
    }
}
