//! What IMAP says about one message: ENVELOPE, BODYSTRUCTURE, sections and text search over its octets.
