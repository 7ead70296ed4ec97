//! What one IMAP session has yet to be told, released only when the RFCs allow it.
