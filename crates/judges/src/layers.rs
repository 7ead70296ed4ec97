//! The layers between store and wire can be wrong in the same way as many a store, or as many a relay: then the exhaustive run is
//! asked as well.

use crate::exhaustive::fault::Fault;
use crate::exhaustive::search::Search;
use crate::judge::Said;
use crate::seeds::{Place, Seed};

/// What the exhaustive run says of a fault.
pub(crate) fn ask(seed: &Seed) -> Said {
    let Some(fault) = same_fault(seed.name) else {
        return Said::ElsewhereIn(match seed.place {
            Place::Store(_) => "store",
            Place::Wire(_) => "wire",
        });
    };
    // With one thread it is the same trace each time.
    let found = Search::for_fault(fault, 1).run(|_, _| ());
    found
        .broken
        .map_or(Said::Nothing, |broken| Said::Found(broken.law))
}

/// The same fault in the layers, where they can have it.
fn same_fault(seed: &str) -> Option<Fault> {
    Some(match seed {
        "uid-next-too-high" => Fault::UidNextTooHigh,
        "uid-next-goes-back" | "uid-next-of-the-last" => Fault::UidNextOfTheLast,
        "expunges-untold" | "expunge-lost" => Fault::ExpungeUntold,
        "arrivals-untold" | "exists-lost" => Fault::ExistsUntold,
        "flags-untold" | "flags-of-others-lost" => Fault::FlagsUntold,
        "history-of-each-session" => Fault::NotPublished,
        "outside-unseen" => Fault::RowsAreMissed,
        "tells-before-commit" => Fault::BeforeCommit,
        "search-finds-gone" => Fault::GapIsHit,
        "mod-sequences-stand-still" => Fault::ModSeqOfBefore,
        "highest-of-what-is-there" => Fault::HighestModseqFalls,
        "other-mod-sequences" => Fault::ModSeqOfAnother,
        "expunge-of-the-next" => Fault::ExpungeOfTheNext,
        "expunge-in-fetch" => Fault::ExpungeDuringFetch,
        "exists-one-less" => Fault::ExistsOneLess,
        "fetch-of-the-next" => Fault::FetchOfTheNext,
        "uid-of-the-next" => Fault::UidOfTheNext,
        "status-counts-one-more" => Fault::StatusCountsOneMore,
        "highest-early" => Fault::HighestModseqAhead,
        "expunge-for-vanished" => Fault::ExpungeForVanished,
        _ => return None,
    })
}
