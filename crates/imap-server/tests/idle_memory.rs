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

/// What the connection holds after it has searched and fetched, and waited. What the client itself holds does not count: it is
/// given back but for its stream.
macro_rules! held_while_waiting {
    ($client:ident) => {{
        // More than a client may refer back to.
        for _ in 0..40 {
            $client
                .command(&format!("SEARCH SUBJECT {}", "x".repeat(2000)))
                .await;
        }
        $client.command("FETCH 1:* ALL").await;
        let stream = $client.into_stream();
        sleep(Duration::from_secs(30)).await;
        stream
    }};
}

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
    let region = Region::new(ALLOCATOR);
    let mut client = world.selected().await;
    client.ok("COMPRESS DEFLATE").await;
    let mut client = Compressed::new(client.into_stream());
    let compressed = held_while_waiting!(client);
    let with = held(&region);
    assert!(
        (16 << 10..40 << 10).contains(&(with - without)),
        "{without} {with}"
    );
    drop((plain, compressed));
}
