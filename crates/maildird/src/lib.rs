//! `maildird`, an IMAP server for Maildir: command line, settings, users, TLS, logs and a demo around
//! `imap-server` and `imap-maildir`.
//!
//! This is a program that is laid out as a library for its tests; it promises no API.

pub mod auth;
pub mod check;
pub mod cli;
pub mod config;
pub mod demo;
mod hashers;
pub mod logging;
pub mod serve;
pub mod tls;
pub mod users;
