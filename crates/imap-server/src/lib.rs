//! A tokio IMAP server that runs any backend.
