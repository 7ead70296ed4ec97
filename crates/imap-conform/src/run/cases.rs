//! All cases, by area.

mod changes;
mod expunges;
mod extensions;
mod mailboxes;
mod messages;
mod modseqs;
mod searches;
mod sessions;

use super::case::Case;

/// In the order in which they are run: the simple before what needs it.
pub(super) fn all() -> Vec<Case> {
    [
        sessions::cases(),
        mailboxes::cases(),
        messages::cases(),
        changes::cases(),
        searches::cases(),
        expunges::cases(),
        modseqs::cases(),
        extensions::cases(),
    ]
    .into_iter()
    .flatten()
    .collect()
}
