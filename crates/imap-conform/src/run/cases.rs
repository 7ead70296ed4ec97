//! All cases, by area.

mod annotations;
mod appends;
mod changes;
mod connections;
mod expunges;
mod extensions;
mod mailboxes;
mod messages;
mod modseqs;
mod notices;
mod orders;
mod rights;
mod searches;
mod sessions;
mod sources;
mod uids;
mod urls;

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
        appends::cases(),
        sources::cases(),
        orders::cases(),
        notices::cases(),
        uids::cases(),
        annotations::cases(),
        rights::cases(),
        urls::cases(),
        connections::cases(),
    ]
    .into_iter()
    .flatten()
    .collect()
}

/// Whether a case is about the capability. About IMAP4rev1 are those that need nothing.
pub(super) fn are_about(capability: &str) -> bool {
    let is_it =
        |needed: &str| needed == capability || (needed.ends_with('=') && capability.starts_with(needed));
    let mut needs = all().into_iter().flat_map(|case| case.needs);
    capability == "IMAP4REV1" || needs.any(|needed| needed.split('|').any(&is_it))
}

#[cfg(test)]
mod tests {
    use super::are_about;

    #[test]
    fn a_capability_has_a_case_by_its_name_one_of_several_or_its_family() {
        for judged in ["IMAP4REV1", "IDLE", "LITERAL-", "THREAD=REFS", "IMAP4REV2"] {
            assert!(are_about(judged), "{judged}");
        }
        for not_judged in ["INPROGRESS", "AUTH=PLAIN", "X-IDLE", "THREAD"] {
            assert!(!are_about(not_judged), "{not_judged}");
        }
    }
}
