//! The faults that are seeded.

use crate::fault::Fault;
use crate::wire;
use imap_test_server::Fault as OnTheWire;

/// A fault, and where it is.
#[derive(Debug, Clone, Copy)]
pub struct Seed {
    /// Its name.
    pub name: &'static str,
    /// What it does.
    pub about: &'static str,
    /// The section that it breaks.
    pub rfc: &'static str,
    pub(crate) place: Place,
}

/// Where a fault is.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Place {
    /// The backend gets it wrong; the server above it is right.
    Store(Fault),
    /// Backend and server are right; what is sent is changed.
    Wire(fn() -> Vec<OnTheWire>),
}

/// A line of the table: name, place, section, what it does.
macro_rules! seeds {
    ($($name:literal, $rfc:literal, $place:expr, $about:literal;)*) => {
        &[$(Seed { name: $name, about: $about, rfc: $rfc, place: $place },)*]
    };
}

const fn store(fault: Fault) -> Place {
    Place::Store(fault)
}

const fn wire(faults: fn() -> Vec<OnTheWire>) -> Place {
    Place::Wire(faults)
}

/// All of them: those of the store, then those of the wire.
pub const SEEDS: &[Seed] = seeds! {
    "uid-next-too-high", "RFC 9051 2.3.1.1", store(Fault::UidNextTooHigh),
        "UIDNEXT is ten above the UID that comes";
    "uid-next-goes-back", "RFC 9051 2.3.1.1", store(Fault::UidNextGoesBack),
        "UIDNEXT is one more than the last UID that is there";
    "append-says-count", "RFC 4315 3", store(Fault::AppendSaysCount),
        "APPENDUID is the number of messages";
    "uid-validity-of-each-select", "RFC 9051 2.3.1.1", store(Fault::ValidityChangesAtSelect),
        "each SELECT tells another UIDVALIDITY";
    "uid-validity-always-1", "RFC 9051 2.3.1.1", store(Fault::ValidityNeverChanges),
        "a mailbox that is made again has its old UIDVALIDITY";
    "copy-turned-round", "RFC 4315 3", store(Fault::CopyReversed),
        "copies have their UIDs in the other order";
    "copy-loses-flags", "RFC 9051 6.4.7", store(Fault::CopyLosesFlags),
        "copies have no flags";
    "move-copies", "RFC 6851 3.1", store(Fault::MoveOnlyCopies),
        "MOVE leaves the messages where they were";
    "move-expunges-first", "RFC 6851 3.3", store(Fault::MoveExpungesFirst),
        "MOVE to a mailbox that is not there loses the messages";
    "store-adds", "RFC 9051 6.4.6", store(Fault::ReplaceAdds),
        "STORE FLAGS adds to the flags that are there";
    "expunges-all", "RFC 9051 6.4.3", store(Fault::ExpungesUndeleted),
        "EXPUNGE removes messages without \\Deleted";
    "expunges-outside-the-set", "RFC 4315 2.1", store(Fault::ExpungesOutsideTheSet),
        "UID EXPUNGE removes all that is deleted";
    "expunges-untold", "RFC 9051 7.5.1", store(Fault::SilentExpunges),
        "no session is told of expunged messages";
    "arrivals-untold", "RFC 9051 5.2", store(Fault::SilentArrivals),
        "no session is told of messages that come";
    "flags-untold", "RFC 9051 5.2", store(Fault::SilentFlags),
        "no session is told of flags that another one changed";
    "history-of-each-session", "RFC 9051 5.2", store(Fault::HubPerSession),
        "each session has a history of its own";
    "outside-unseen", "RFC 9051 5.2", store(Fault::OutsideUnseen),
        "what other programs do to the mailbox is never seen";
    "tells-before-commit", "RFC 9051 7.4.1", store(Fault::TellsUncommitted),
        "messages are told that are rolled back";
    "forgets-at-restart", "RFC 9051 6.3.12", store(Fault::ForgetsAtRestart),
        "what was answered OK is gone after a restart";
    "search-finds-gone", "RFC 9051 6.4.4", store(Fault::SearchFindsGone),
        "SEARCH finds messages that the session was not told of";
    "reading-sets-seen", "RFC 9051 6.4.5", store(Fault::ReadingSetsSeen),
        "BODY.PEEK[] sets \\Seen";
    "long-messages-cut", "RFC 9051 4.3", store(Fault::CutsLongMessages),
        "a long message is cut off when it is read";
    "adds-line-end", "RFC 9051 6.3.12", store(Fault::AddsLineEnd),
        "APPEND adds a CRLF to the message";
    "mod-sequences-stand-still", "RFC 7162 3.1", store(Fault::ModSeqsNeverChange),
        "a change leaves the mod-sequence as it is";
    "highest-of-what-is-there", "RFC 7162 3.1.2.1", store(Fault::HighestFromMessages),
        "HIGHESTMODSEQ is the highest of the messages that are there, and falls with them";
    "other-mod-sequences", "RFC 7162 3.1.2", store(Fault::TellsOtherModSeqs),
        "changes are told with other mod-sequences than FETCH tells";
    "ignores-unchanged-since", "RFC 7162 3.1.3", store(Fault::IgnoresUnchangedSince),
        "STORE with UNCHANGEDSINCE stores all the same";
    "vanished-forgets", "RFC 7162 3.2.6", store(Fault::VanishedForgets),
        "a client that comes back is not told of expunged messages";

    "expunge-lost", "RFC 9051 7.5.1", wire(wire::expunge_lost),
        "EXPUNGE is not sent";
    "expunge-of-the-next", "RFC 9051 7.5.1", wire(wire::expunge_of_the_next),
        "EXPUNGE has the number of the message behind it";
    "expunge-misspelt", "RFC 9051 9", wire(wire::expunge_misspelt),
        "EXPUNGED is sent in the place of EXPUNGE";
    "expunge-in-fetch", "RFC 9051 7.5.1", wire(wire::expunge_in_fetch),
        "FETCH by number is answered with an EXPUNGE among its answers";
    "exists-lost", "RFC 9051 5.2", wire(wire::exists_lost),
        "EXISTS is sent by SELECT alone";
    "exists-one-less", "RFC 9051 7.4.1", wire(wire::exists_one_less),
        "EXISTS is one too small, but in SELECT";
    "fetch-of-the-next", "RFC 9051 7.5.2", wire(wire::fetch_of_the_next),
        "FETCH has the number of the message behind it";
    "flags-of-others-lost", "RFC 9051 5.2", wire(wire::flags_of_others_lost),
        "NOOP and IDLE tell no FETCH";
    "uid-of-the-next", "RFC 9051 2.3.1.1", wire(wire::uid_of_the_next),
        "UID STORE answers with the UID behind it";
    "uid-left-out", "RFC 9051 6.4.9", wire(wire::uid_left_out),
        "UID FETCH answers without UID";
    "append-uid-of-the-next", "RFC 4315 3", wire(wire::append_uid_of_the_next),
        "APPENDUID is one too high";
    "copy-uid-turned-round", "RFC 4315 3", wire(wire::copy_uid_turned_round),
        "COPYUID has copies in the place of originals";
    "uid-next-of-the-last", "RFC 9051 2.3.1.1", wire(wire::uid_next_of_the_last),
        "UIDNEXT of SELECT is the last UID that is there";
    "status-counts-one-more", "RFC 9051 6.3.11", wire(wire::status_counts_one_more),
        "STATUS counts a message more than there are";
    "read-only-left-out", "RFC 9051 6.3.3", wire(wire::read_only_left_out),
        "EXAMINE is answered without READ-ONLY";
    "try-create-left-out", "RFC 9051 6.4.7", wire(wire::try_create_left_out),
        "COPY to a mailbox that is not there is refused without TRYCREATE";
    "store-does-nothing", "RFC 9051 6.4.6", wire(wire::store_does_nothing),
        "STORE is answered OK, and not done";
    "size-of-another", "RFC 9051 2.3.4", wire(wire::size_of_another),
        "RFC822.SIZE is not the size";
    "literal-too-long", "RFC 9051 4.3", wire(wire::literal_too_long),
        "a literal announces two octets more than it has";
    "literal-too-short", "RFC 9051 4.3", wire(wire::literal_too_short),
        "a literal announces two octets fewer than it has";
    "literal-cut-off", "RFC 9051 4.3", wire(wire::literal_cut_off),
        "the connection ends in the middle of a literal";
    "line-feed", "RFC 9051 2.2", wire(wire::line_feed),
        "the answers to NOOP end in LF";
    "list-not-closed", "RFC 9051 9", wire(wire::list_not_closed),
        "FLAGS of FETCH has no closing parenthesis";
    "answered-twice", "RFC 9051 2.2.2", wire(wire::answered_twice),
        "the tagged response to NOOP comes twice";
    "bye-left-out", "RFC 9051 6.1.3", wire(wire::bye_left_out),
        "LOGOUT is answered without BYE";
    "capability-without-revision", "RFC 9051 7.2.2", wire(wire::capability_without_revision),
        "CAPABILITY lists no revision of IMAP";
    "search-finds-too-much", "RFC 9051 6.4.4", wire(wire::search_finds_too_much),
        "SEARCH gives the number 999";
    "search-loses-the-last", "RFC 9051 6.4.4", wire(wire::search_loses_the_last),
        "SEARCH loses its last result";
    "other-correlator", "RFC 4731 3.1", wire(wire::other_correlator),
        "ESEARCH has the tag of another command";
    "mod-sequence-left-out", "RFC 7162 3.2.4", wire(wire::mod_sequence_left_out),
        "changes are told without MODSEQ";
    "highest-early", "RFC 7162 3.2", wire(wire::highest_early),
        "HIGHESTMODSEQ of SELECT is a thousand too high";
    "highest-late", "RFC 7162 3.1.2.1", wire(wire::highest_late),
        "HIGHESTMODSEQ of SELECT is 1";
    "vanished-earlier-lost", "RFC 7162 3.2.5", wire(wire::vanished_earlier_lost),
        "VANISHED (EARLIER) is not sent";
    "expunge-for-vanished", "RFC 7162 3.2.10", wire(wire::expunge_for_vanished),
        "after ENABLE QRESYNC, EXPUNGE is sent in the place of VANISHED";
};

/// Those whose names contain the words.
pub fn named(words: &str) -> impl Iterator<Item = &'static Seed> {
    SEEDS.iter().filter(move |seed| seed.name.contains(words))
}

#[cfg(test)]
mod tests {
    use super::SEEDS;
    use std::collections::HashSet;

    #[test]
    fn there_are_forty_at_least_and_none_has_the_name_of_another() {
        let names: HashSet<_> = SEEDS.iter().map(|seed| seed.name).collect();
        assert!(names.len() >= 40);
        assert_eq!(names.len(), SEEDS.len());
    }
}
