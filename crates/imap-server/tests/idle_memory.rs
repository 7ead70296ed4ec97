//! What a connection costs while it waits. Alone in its file: it counts every allocation of the process.

#![allow(clippy::unwrap_used, reason = "helpers of tests are tests")]

mod common;

use std::alloc::System;
use std::time::Duration;

use common::World;
use common::compressed::Compressed;
use stats_alloc::{INSTRUMENTED_SYSTEM, Region, StatsAlloc};
use tokio::time::sleep;

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

/// Connections that are there first: after so many there are as many compressors for all of them as are kept.
const FIRST: usize = 10;
/// Connections that are measured.
const CONNECTIONS: usize = 10;

/// What the connection holds after it has searched and fetched, and waited. What the client itself holds does not count: it is
/// given back but for its stream.
macro_rules! held_while_waiting {
    ($client:ident) => {{
        // More than a client may refer back to.
        for number in 0..40 {
            $client
                .command(&format!("SEARCH SUBJECT {}", noise(number)))
                .await;
        }
        $client.command("FETCH 1:* ALL").await;
        let stream = $client.into_stream();
        sleep(Duration::from_secs(30)).await;
        stream
    }};
}

/// Two thousand letters that are like no others before them: what a server keeps of them can hardly be compressed.
fn noise(seed: u64) -> String {
    let mut state = seed + 1;
    let mut letter = || {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        char::from(b'a' + u8::try_from((state >> 33) % 26).unwrap())
    };
    std::iter::repeat_with(&mut letter).take(2000).collect()
}

/// What the server keeps for all of them, and not for each, is there when the first ones wait.
#[tokio::test(start_paused = true)]
async fn compression_costs_a_connection_that_waits_less_than_40_kib() {
    let world = World::new();
    world.deliver(3).await;
    let held = |region: &Region<'_, System>| {
        let change = region.change();
        isize::try_from(change.bytes_allocated).unwrap() - isize::try_from(change.bytes_deallocated).unwrap()
    };
    let region = Region::new(ALLOCATOR);
    let mut plain = world.selected().await;
    let plain = held_while_waiting!(plain);
    let without = held(&region);
    let mut compressed = Vec::new();
    let mut region = Region::new(ALLOCATOR);
    for _ in 0..FIRST + CONNECTIONS {
        let mut client = world.selected().await;
        client.ok("COMPRESS DEFLATE").await;
        let mut client = Compressed::new(client.into_stream());
        compressed.push(held_while_waiting!(client));
        if compressed.len() == FIRST {
            region = Region::new(ALLOCATOR);
        }
    }
    let with = held(&region) / isize::try_from(CONNECTIONS).unwrap();
    assert!(
        (16 << 10..40 << 10).contains(&(with - without)),
        "{without} {with}"
    );
    drop((plain, compressed));
}
