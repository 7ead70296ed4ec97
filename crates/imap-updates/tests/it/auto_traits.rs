//! What may go to another thread: a change of these would break servers.

use imap_updates::{
    Claim, CommandInProgress, Drained, Flags, Hubs, LogHub, MailboxHub, MailboxWatch, Page, UpdateBuffer,
    kind,
};

const fn goes_anywhere<T: Send + Sync + 'static>() {}

#[test]
fn everything_but_the_guard_goes_to_other_threads() {
    // That a guard stays is a compile-fail test (`misuse`): it holds a lock.
    goes_anywhere::<MailboxHub<std::cell::Cell<u8>>>();
    goes_anywhere::<UpdateBuffer>();
    goes_anywhere::<Drained>();
    goes_anywhere::<CommandInProgress<kind::Idle>>();
    goes_anywhere::<LogHub>();
    goes_anywhere::<Claim>();
    goes_anywhere::<Page>();
    goes_anywhere::<Hubs<String, LogHub>>();
    goes_anywhere::<MailboxWatch>();
    goes_anywhere::<Flags>();
}

#[test]
fn a_session_is_small() {
    let place_and_slot = 24 + 8;
    assert!(
        size_of::<UpdateBuffer>() + place_and_slot < 300,
        "{}",
        size_of::<UpdateBuffer>()
    );
}
