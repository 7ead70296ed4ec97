//! A conformance kit for IMAP backends: a strict client model and an in-memory reference backend.
