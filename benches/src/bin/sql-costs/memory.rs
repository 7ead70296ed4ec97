//! What a hub takes in memory.

use imap_seq::{ModSeq, Uid};
use imap_updates::{Access, Flags, Limits, LogHub, Page};
use stats_alloc::{INSTRUMENTED_SYSTEM, Region, StatsAlloc};

#[global_allocator]
static ALLOCATOR: &StatsAlloc<std::alloc::System> = &INSTRUMENTED_SYSTEM;

/// A mailbox in which so many of ten UIDs are there.
fn listing(messages: u32, of_ten: u32) -> Page {
    let uids = (0..)
        .filter(|number| number % 10 < of_ten)
        .filter_map(|number| Uid::new(number + 1));
    let mut page = Page::whole(ModSeq::MAX);
    for uid in uids.take(usize::try_from(messages).unwrap_or(usize::MAX)) {
        page = page.present(ModSeq::MIN, uid, Flags::empty());
    }
    page
}

fn held<T>(work: impl FnOnce() -> T) -> (usize, T) {
    let region = Region::new(ALLOCATOR);
    let done = work();
    let change = region.change();
    (
        change.bytes_allocated.saturating_sub(change.bytes_deallocated),
        done,
    )
}

pub(crate) fn print() {
    println!("== memory of a hub");
    for messages in [0, 1_000, 10_000, 100_000, 1_000_000] {
        for of_ten in [10, 7] {
            let page = listing(messages, of_ten);
            let (hub_octets, hub) =
                held(|| LogHub::open(page.clone(), Limits::default()).expect("a whole listing"));
            let (session_octets, session) = held(|| hub.select(Access::ReadWrite));
            println!(
                "{messages} messages, {of_ten} of ten UIDs there: {hub_octets} octets, and {session_octets} for a session"
            );
            drop(session);
        }
    }
}
