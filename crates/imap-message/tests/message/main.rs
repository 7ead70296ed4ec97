//! What the crate says about messages, rule by rule of the RFCs. Test names carry the section.

// Helpers of tests are tests too; Clippy's own exemption only knows functions with #[test].
#![allow(clippy::unwrap_used)]

mod any_checks;
mod clean;
mod envelope;
mod hostile;
mod message_ids;
mod octets;
mod properties;
mod search;
mod search_oracle;
mod section;
mod sent_at;
mod sent_date;
mod structure;
mod subject;
mod summary;
mod summary_checks;
mod support;
mod text_search;
