//! The traits that an IMAP backend implements, and the records that cross them.
