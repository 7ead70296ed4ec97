//! The commands, grouped as in RFC 9051, chapter 6. Each handler turns arguments into UIDs in the announced view,
//! calls the backend, writes the rows that are the command's own answer, and returns the completion. What the rest of
//! the world did is written by whoever ends the command, not here.

mod acl;
mod any;
mod append;
mod auth;
mod authorized;
mod catenate;
mod compress;
mod copy;
mod fetch;
mod filters;
mod identify;
mod idle;
mod kept_searches;
mod list;
mod mailbox;
mod message_limit;
mod metadata;
mod multi_search;
mod new_rows;
mod notify;
mod quota;
mod replace;
mod report;
mod resync;
mod sasl;
mod saved;
mod search;
mod select;
mod status;
mod store;
mod uid_batches;
mod unauthenticate;
mod url_auth;

pub(crate) use fetch::FetchWanted;
pub(crate) use kept_searches::LookFor;
pub(crate) use list::has_inferiors;
pub(crate) use message_limit::MessageLimit;
pub(crate) use search::{ExpungesHere, Results, number_of, off_the_runtime};
pub(crate) use store::StoreWanted;

use imap_codec::imap_types::sequence::SequenceSet;
use imap_updates::{Resolved, UpdateBuffer};

use crate::completion::Completion;
use crate::convert;
use crate::enabled::{Enabled, Feature};
use crate::numbers::Numbers;

/// Message numbers mean nothing to a client that has switched them off (RFC 9586, section 3.1).
///
/// # Errors
/// BAD with UIDREQUIRED.
pub(crate) fn permitted(numbers: Numbers, enabled: Enabled) -> Result<(), Completion> {
    match numbers {
        Numbers::Seqs if enabled.has(Feature::UidOnly) => {
            Err(Completion::bad("message numbers are off, use UIDs").with_code("UIDREQUIRED"))
        }
        _ => Ok(()),
    }
}

/// What a set means in the numbering that this client was told.
///
/// # Errors
/// BAD for a sequence number that the client was never told of.
fn resolve<'u>(
    updates: &'u UpdateBuffer,
    set: &SequenceSet,
    numbers: Numbers,
) -> Result<Resolved<'u>, Completion> {
    match numbers {
        Numbers::Seqs => updates
            .resolve_seqs(&convert::sequence_set(set)?)
            .map_err(|error| Completion::bad(error.to_string())),
        Numbers::Uids => Ok(updates.resolve_uids(&convert::sequence_set(set)?)),
    }
}
