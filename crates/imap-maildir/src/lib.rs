//! An IMAP backend on Maildir++ directories, compatible with Dovecot's files.
