//! The bodies of the fuzz targets: what each feeds, and what has to hold. `docs/testing.md` has the table.
//!
//! A library, so that `tests/corpus.rs` runs them over the kept corpora without a fuzzer. Modules that a crate keeps to
//! itself, and the checks that its own tests use, are included by path.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "checks are tests")]

mod input;
mod response;

pub mod maildir_files;
pub mod message_search;
pub mod message_summary;
pub mod search_program;
pub mod seq_mapper_ops;
pub mod server_input;
pub mod uid_journal;
pub mod update_buffer;

/// The names and texts of files, which `imap-maildir` keeps to itself.
#[allow(dead_code, reason = "the backend uses more of it")]
#[path = "../../crates/imap-maildir/src/format"]
mod format {
    pub(crate) mod file_name;
    pub(crate) mod flags;
    pub(crate) mod keywords;
    pub(crate) mod letter_map;
    pub(crate) mod line_ends;
    pub(crate) mod mailbox_names;
    pub(crate) mod subscriptions;
    pub(crate) mod uidlist;
    pub(crate) mod wire_form;
}

/// The journal's octets, which `imap-poller` keeps to itself, and the ids that are read from them.
#[allow(dead_code, reason = "the journal uses more of it")]
#[path = "../../crates/imap-poller/src/journal"]
mod journal {
    pub(crate) mod format;
}
#[allow(dead_code, unreachable_pub, reason = "`imap-poller` offers more of it")]
#[path = "../../crates/imap-poller/src/ids"]
mod ids {
    mod table;
    pub(crate) use table::{Ids, IdsError};
}

/// The writer of ENVELOPE and BODYSTRUCTURE, which `imap-server` keeps to itself.
#[allow(dead_code, reason = "the server uses more of it")]
#[path = "../../crates/imap-server/src/wire"]
mod wire {
    mod sink;
    pub(crate) mod structure;
    mod text;
}

/// The parser of search programs, which `imap-server` keeps to itself, and what its property tests check.
#[allow(dead_code, unused_imports, reason = "the server uses more of it")]
#[path = "../../crates/imap-server/src/syntax"]
mod syntax {
    /// The items of rows about new messages (RFC 5465, section 7), which the targets of other commands read: here nothing is one.
    pub(crate) mod extension {
        use super::reader::Reader;
        use super::reader_fault::Fault;

        #[derive(Debug, Clone, PartialEq, Eq)]
        pub(crate) struct NewMessageItems;

        impl NewMessageItems {
            pub(crate) fn read(reader: &mut Reader<'_>) -> Result<Self, Fault> {
                Err(reader.unexpected())
            }
        }
    }

    pub(crate) mod filter;
    pub(crate) mod reader;
    pub(crate) mod reader_fault;
    pub(crate) mod search;
    pub(crate) mod search_checks;
    pub(crate) mod shown;
    pub(crate) mod window;
}

/// What the tests of `imap-message` check.
#[allow(dead_code, reason = "the tests use more of it")]
#[path = "../../crates/imap-message/tests/message"]
mod message {
    pub(crate) mod any_checks;
    pub(crate) mod clean;
    pub(crate) mod summary_checks;
    pub(crate) mod support;
}

/// The worlds of the tests of `imap-updates`.
#[path = "../../crates/imap-updates/tests/support/mod.rs"]
mod updates;

/// The interpreter of the tests of `imap-seq`.
#[path = "../../crates/imap-seq/tests/support/model.rs"]
mod seq_model;
