//! The figures of `docs/scaling.md`: what mail in PostgreSQL costs, measured through the server.
//!
//! `cargo run --release -p imap-backendutil-benches --bin sql-costs [memory|queries|octets|commits]...`, all of them without an
//! argument. It starts a PostgreSQL of this machine's packages, with its default settings, and removes it afterwards.

mod client;
mod database;
mod memory;

use std::error::Error;
use std::time::{Duration, Instant};

use imap_backend::{Authenticator, PasswordCheck};
use imap_server::Server;
use imap_sql::{Options, SqlBackend};

use client::Client;
use database::Database;

type Answer<T> = Result<T, Box<dyn Error>>;

/// Who knows the word may come in: passwords are not what is measured.
#[derive(Debug)]
struct Everybody;

impl Authenticator for Everybody {
    async fn verify(&self, _: &str, _: &str) -> Result<PasswordCheck, Box<dyn Error + Send + Sync>> {
        Ok(PasswordCheck::Accepted)
    }
}

/// A server on the database: what one process is.
fn server(database: &Database, options: &Options) -> Answer<Server<SqlBackend<Everybody>>> {
    let store = options.open_url(database.url())?;
    Ok(Server::builder(SqlBackend::new(store, Everybody)).build())
}

/// So seldom that it is in no measurement.
fn without_polls() -> Options {
    Options::default().poll_interval(Duration::from_secs(3_600))
}

/// A message of so many octets. Its body is what base64 makes of octets at random: nothing compresses it.
fn message(octets: usize) -> String {
    let mut message = String::from(
        "Return-Path: <bounces@lists.example.org>\r\nReceived: from mx.example.org (mx.example.org [192.0.2.1])\r\n\
         \tby mail.example.net with ESMTPS id 4bQx for <ann@example.net>; Mon, 2 Nov 2026 09:12:44 +0000\r\n\
         From: Bob Example <bob@example.org>\r\nTo: Ann Example <ann@example.net>\r\nSubject: The figures of October\r\n\
         Date: Mon, 2 Nov 2026 09:12:41 +0000\r\nMessage-ID: <20261102091241.1234@example.org>\r\nMIME-Version: 1.0\r\n\
         Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: base64\r\n\r\n",
    );
    let mut state = 0x2545_f491_4f6c_dd1d_u64;
    while message.len() + 78 <= octets {
        for _ in 0..76 {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            let at = usize::try_from(state >> 58).unwrap_or_default();
            let digits = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
            message.push(char::from(digits[at]));
        }
        message.push_str("\r\n");
    }
    message
}

/// Statements of each command, when everything is prepared and the mailbox is known.
async fn queries() -> Answer<()> {
    println!("== statements of a command");
    let database = Database::start()?;
    let server = server(&database, &without_polls())?;
    let mut ann = Client::connect(&server, "ann").await?;
    let text = message(4_000);
    ann.say("CREATE Archive").await?;
    for _ in 0..400 {
        ann.append("INBOX", &text).await?;
    }
    ann.append("Archive", &text).await?;
    ann.say("SELECT INBOX").await?;
    let commands = [
        ("NOOP", "NOOP"),
        ("STATUS, not open", "STATUS Archive (MESSAGES UNSEEN UIDNEXT)"),
        ("SELECT, known", "SELECT INBOX"),
        ("FETCH of 50 flags", "FETCH 1:50 (FLAGS)"),
        (
            "FETCH of 50 envelopes",
            "FETCH 1:50 (UID FLAGS INTERNALDATE RFC822.SIZE ENVELOPE)",
        ),
        ("FETCH of a body of 4 kB", "FETCH 60 (BODY.PEEK[])"),
        ("SEARCH UNSEEN", "SEARCH UNSEEN"),
        ("SEARCH TEXT, 400 messages", "SEARCH TEXT figures"),
        ("COPY of 1", "COPY 1 Archive"),
        ("COPY of 100", "COPY 1:100 Archive"),
    ];
    for (name, command) in commands {
        ann.say(command).await?;
        database.forget().await?;
        ann.say(command).await?;
        database.report(name).await?;
    }
    for (name, sign) in [("warm up", '+'), ("STORE of 1", '-'), ("STORE of 1, again", '+')] {
        database.forget().await?;
        ann.say(&format!("STORE 1 {sign}FLAGS (\\Seen)")).await?;
        if name != "warm up" {
            database.report(name).await?;
        }
    }
    database.forget().await?;
    ann.say("STORE 1:100 +FLAGS (\\Flagged)").await?;
    database.report("STORE of 100").await?;
    for (name, mailbox, octets) in [
        ("APPEND of 4 kB, not open", "Archive", 4_000),
        ("APPEND of 4 kB, selected", "INBOX", 4_000),
        ("APPEND of 4 MiB, selected", "INBOX", 4 << 20),
    ] {
        let text = message(octets);
        ann.append(mailbox, &text).await?;
        database.forget().await?;
        ann.append(mailbox, &text).await?;
        database.report(name).await?;
    }
    ann.say("STORE 1:101 +FLAGS (\\Deleted)").await?;
    ann.say("UID EXPUNGE 101").await?;
    database.forget().await?;
    ann.say("EXPUNGE").await?;
    database.report("EXPUNGE of 100").await?;
    ann.say("MOVE 1 Archive").await?;
    database.forget().await?;
    ann.say("MOVE 1 Archive").await?;
    database.report("MOVE of 1").await?;
    database.forget().await?;
    ann.say("SELECT Archive").await?;
    database.report("SELECT, not known").await?;
    let mut bob = Client::connect(&server, "ann").await?;
    bob.say("SELECT INBOX").await?;
    bob.send("IDLE").await?;
    bob.line().await?;
    database.forget().await?;
    database.deliver_by_hand()?;
    bob.line().await?;
    database.report("IDLE, a message comes from elsewhere").await?;
    database.forget().await?;
    let _again = Client::connect(&server, "ann").await?;
    database.report("LOGIN").await?;
    Ok(())
}

/// Octets of tables, indexes and log.
async fn octets() -> Answer<()> {
    println!("== octets");
    let database = Database::start()?;
    let server = server(&database, &without_polls())?;
    let mut ann = Client::connect(&server, "ann").await?;
    let few = message(2_000);
    ann.append("INBOX", &few).await?;
    for (octets, number) in [(2_000, 3_000_u32), (20_000, 300), (200_000, 100)] {
        let text = message(octets);
        let before = database.sizes()?;
        let log = database.log()?;
        for _ in 0..number {
            ann.append("INBOX", &text).await?;
        }
        println!(
            "APPEND of {} octets, {number} times: {}",
            text.len(),
            database.log()?.since(&log, number)
        );
        database.print_growth(&before, number)?;
    }
    ann.say("SELECT INBOX").await?;
    println!("{}", database.updates()?);
    let log = database.log()?;
    for number in 1..=1_000 {
        ann.say(&format!("STORE {number} +FLAGS.SILENT (\\Seen)")).await?;
    }
    println!("STORE of 1, 1,000 times: {}", database.log()?.since(&log, 1_000));
    println!("{}", database.updates()?);
    let log = database.log()?;
    ann.say("STORE 1:1000 +FLAGS.SILENT (\\Deleted)").await?;
    println!("STORE of 1,000 at once: {}", database.log()?.since(&log, 1_000));
    let (log, before) = (database.log()?, database.sizes()?);
    ann.say("EXPUNGE").await?;
    println!("EXPUNGE of 1,000: {}", database.log()?.since(&log, 1_000));
    database.print_growth(&before, 1_000)?;
    Ok(())
}

/// Commits of many mailboxes at once: a transaction that notifies takes a lock that all of them share. The best of some rounds with
/// hints behind the commits, and in them, in turns, because the machine has other work.
async fn commits() -> Answer<()> {
    println!("== commits a second, connections");
    let database = Database::start()?;
    let behind = server(&database, &without_polls())?;
    // Who does not listen leaves it to the trigger.
    let within = server(&database, &without_polls().without_hints())?;
    let mut clients = [Vec::new(), Vec::new()];
    for user in 0..16 {
        for (number, server) in [&behind, &within].into_iter().enumerate() {
            let mut client = Client::connect(server, &format!("user{user}-{number}")).await?;
            client.append("INBOX", &message(1_000)).await?;
            client.say("SELECT INBOX").await?;
            clients[number].push(client);
        }
    }
    for at_once in [1, 4, 16] {
        let mut best = [0.0_f64; 2];
        for round in 0..8 {
            let (clients, best) = (&mut clients[round % 2], &mut best[round % 2]);
            let mut tasks = tokio::task::JoinSet::new();
            for client in clients.drain(..at_once) {
                tasks.spawn(stores(client));
            }
            let done = tasks.join_all().await;
            *best = best.max(done.iter().map(|(rate, _)| rate).sum());
            clients.extend(done.into_iter().map(|(_, client)| client));
        }
        println!(
            "STORE of 1, {at_once} at once: {:.0} a second with hints behind the commits, {:.0} with hints in them",
            best[0], best[1]
        );
    }
    println!("connections of the two processes: {}", database.connections()?);
    Ok(())
}

/// Says STORE for a second; gives how many that were.
async fn stores(mut client: Client) -> (f64, Client) {
    let (begin, mut commits) = (Instant::now(), 0_u32);
    while begin.elapsed() < Duration::from_secs(1) {
        let sign = if commits.is_multiple_of(2) { '+' } else { '-' };
        client
            .say(&format!("STORE 1 {sign}FLAGS.SILENT (\\Seen)"))
            .await
            .expect("a STORE");
        commits += 1;
    }
    (f64::from(commits) / begin.elapsed().as_secs_f64(), client)
}

#[tokio::main]
async fn main() -> Answer<()> {
    let wanted: Vec<String> = std::env::args().skip(1).collect();
    let wants = |part: &str| wanted.is_empty() || wanted.iter().any(|wanted| wanted == part);
    if wants("memory") {
        memory::print();
    }
    if wants("queries") {
        queries().await?;
    }
    if wants("octets") {
        octets().await?;
    }
    if wants("commits") {
        commits().await?;
    }
    Ok(())
}
