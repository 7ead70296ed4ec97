//! Live updates for an IMAP store that can only be asked.
