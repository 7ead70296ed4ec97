//! Clients that lose their connection at any moment and synchronise by QRESYNC, or by CONDSTORE alone, always end with
//! exactly the mailbox (RFC 7162, section 6), whatever others did meanwhile.
//!
//! `RESYNC_STEPS=1000000 cargo test --release -p imap-server --test it resync` is the long run; `RESYNC_SEED` begins elsewhere.

#![allow(clippy::unwrap_used, reason = "helpers of tests are tests")]

mod cache;
mod deeds;
mod random;

use cache::{Cache, flags_by_uid};
use random::Random;

use crate::common::{Client, World};

/// How a client finds out what has changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Method {
    QResync,
    CondStore,
}

/// So many steps are one mailbox's life.
const STEPS: u64 = 120;

#[test]
fn a_client_that_synchronises_by_qresync_ends_with_exactly_the_mailbox() {
    run(Method::QResync);
}

#[test]
fn a_client_that_synchronises_by_condstore_ends_with_exactly_the_mailbox() {
    run(Method::CondStore);
}

/// The rules break one by one: the lines of a server that keeps to it are not heard.
#[test]
fn a_client_that_misses_what_it_should_be_told_is_found_out() {
    let faults = [
        (Method::QResync, "* VANISHED (EARLIER)"),
        (Method::QResync, "* VANISHED "),
        (Method::QResync, "FETCH (UID"),
        (Method::CondStore, "FETCH (UID"),
        (Method::CondStore, "* SEARCH"),
    ];
    for (method, words) in faults {
        let is_found = (1..20).any(|seed| {
            // A thread of its own: its panics are not the server's.
            let client = move || crate::common::run(life(method, seed, Cache::deaf_to(words)));
            std::thread::spawn(client).join().is_err()
        });
        assert!(is_found, "{method:?} without {words}");
    }
}

fn run(method: Method) {
    let (steps, first) = (
        random::number_in("RESYNC_STEPS", 20 * STEPS),
        random::number_in("RESYNC_SEED", 1),
    );
    for seed in first..first + steps.div_ceil(STEPS) {
        crate::common::run(life(method, seed, Cache::default()));
        if seed.is_multiple_of(500) {
            println!("{method:?}: {} steps", (seed - first + 1) * STEPS);
        }
    }
}

/// One mailbox: another client changes it, ours follows with interruptions.
async fn life(method: Method, seed: u64, mut cache: Cache) {
    let mut random = Random::new(seed);
    let world = World::new();
    world.deliver(random.below(12)).await;
    let mut other = world.selected().await;
    let mut connected: Option<Client> = None;
    for step in 0..STEPS {
        let at = format!("{method:?}, seed {seed}, step {step}");
        if random.one_in(2) {
            for command in deeds::change(&mut random) {
                other.ok(&command).await;
            }
        }
        match connected.take() {
            Some(client) => {
                let command = deeds::command(&cache, &mut random);
                connected = speak(client, &command, &mut cache, &mut random, &at).await;
            }
            None => connected = connect(&world, method, &mut cache, &mut random, &at).await,
        }
        if random.one_in(15) {
            drop(connected.take());
            let mut steady = random.uninterrupted();
            let client = connect(&world, method, &mut cache, &mut steady, &at)
                .await
                .unwrap();
            assert_eq!(cache.flags(), &truth(&world).await, "{at}");
            connected = random.one_in(2).then_some(client);
        }
    }
}

/// What a plain client sees.
async fn truth(world: &World) -> std::collections::BTreeMap<u32, String> {
    let mut client = world.user().await;
    client.ok("EXAMINE INBOX").await;
    flags_by_uid(&client.ok("UID FETCH 1:* (FLAGS)").await)
}

/// Sends a command and takes in what comes, or only the first lines of it: then the connection is gone.
async fn speak(
    mut client: Client,
    command: &str,
    cache: &mut Cache,
    random: &mut Random,
    at: &str,
) -> Option<Client> {
    let lines_left = random.one_in(8).then(|| random.below(12));
    let tag = client.next_tag();
    client.send(format!("{tag} {command}\r\n")).await;
    cache.begin(command);
    for read in 0.. {
        if lines_left == Some(read) {
            return None;
        }
        let line = client.line().await;
        assert!(
            !line.is_empty() || command.contains("BODY["),
            "{at}: {command}: the connection ended"
        );
        if let Some(tagged) = line.strip_prefix(&format!("{tag} ")) {
            assert!(
                deeds::may_be_answered(command, tagged),
                "{at}: {command}: {tagged}"
            );
            cache.complete(tagged);
            break;
        }
        cache.take(&line, at);
    }
    Some(client)
}

/// Connects and synchronises; `None` where the connection was lost on the way.
async fn connect(
    world: &World,
    method: Method,
    cache: &mut Cache,
    random: &mut Random,
    at: &str,
) -> Option<Client> {
    let mut client = world.user().await;
    client.ok("ENABLE QRESYNC").await;
    let select = match method {
        Method::QResync => cache.select_with_qresync(random),
        Method::CondStore => "SELECT INBOX (CONDSTORE)".to_owned(),
    };
    let mut client = speak(client, &select, cache, random, at).await?;
    if method == Method::CondStore && cache.knows_something() {
        client = speak(client, &cache.ask_for_changes(), cache, random, at).await?;
        client = speak(client, "UID SEARCH ALL", cache, random, at).await?;
    }
    let client = speak(client, &cache.ask_for_new(), cache, random, at).await?;
    cache.synchronised(at);
    Some(client)
}
