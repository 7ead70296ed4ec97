//! Mod-sequences that the storage gives out, because several processes number one mailbox.
#![allow(clippy::unwrap_used)]

use imap_updates::{Echo, Origin, kind};

use crate::support::desk::{Desk, SILENCE, flags, release};
use crate::support::{modseq, uid};

#[test]
fn a_number_that_the_storage_gave_is_told_and_counted_on_from() {
    let mut desk = Desk::with(&[1, 2]);
    let mut guard = desk.hub.lock();
    guard.set_modseq(modseq(500));
    let _ = guard.flags_changed(uid(1), flags("\\Seen"), Origin::EXTERNAL, Echo::Tell);
    assert_eq!(guard.modseq(), modseq(500));
    drop(guard);
    assert_eq!(
        desk.hub.lock().remembered_flags(uid(1)),
        Some((flags("\\Seen"), modseq(500)))
    );
    release(&mut desk.a, kind::Noop);
    assert_eq!(desk.a.highest_modseq(), modseq(500));
    assert_eq!(desk.hub.lock().modseq(), modseq(501));
}

#[test]
fn a_number_below_the_last_one_counts_as_the_last() {
    let mut desk = Desk::with(&[1, 2]);
    desk.hub.lock().set_modseq(modseq(500));
    let mut guard = desk.hub.lock();
    guard.set_modseq(modseq(3));
    let _ = guard.flags_changed(uid(1), flags("\\Seen"), Origin::EXTERNAL, Echo::Tell);
    drop(guard);
    release(&mut desk.a, kind::Noop);
    assert_eq!(desk.a.highest_modseq(), modseq(500));
}

#[test]
fn a_number_of_another_process_raises_highestmodseq_and_tells_nothing() {
    let mut desk = Desk::with(&[1, 2]);
    desk.hub.lock().reach_modseq(modseq(500));
    assert_eq!(release(&mut desk.a, kind::Noop), SILENCE);
    assert_eq!(desk.a.highest_modseq(), modseq(500));
    desk.hub.lock().reach_modseq(modseq(3));
    assert_eq!(desk.hub.lock().highest_modseq(), modseq(500));
}
