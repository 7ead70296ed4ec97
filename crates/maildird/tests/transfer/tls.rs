//! Another IMAP server over TLS, to and from Maildirs.

use std::fs;
use std::path::Path;
use std::process::Output;

use super::common::{self, Running, Site};
use super::{MAILDIRD, arguments, files, maildir};

#[path = "../../../imap-transfer/tests/tls/mod.rs"]
mod tests;

/// What the tests run with.
type Here = Maildirs;

struct Maildirs(Site);

impl tests::Mail for Maildirs {
    fn new(messages: u64) -> Self {
        let site = Site::new();
        maildir(&site.maildir(), messages);
        Self(site)
    }

    fn folder(&self) -> &Path {
        self.0.path()
    }

    fn add_user(&self, name: &str) {
        self.0.add_user(name, "secret");
    }

    fn serve(&self, more: &[&str]) -> Running {
        let arguments = arguments(&self.0, &[&["serve"], more].concat());
        common::maildird(&arguments.iter().map(String::as_str).collect::<Vec<_>>())
    }

    fn import(&self, variables: &[(&str, &str)], more: &[&str]) -> Output {
        let arguments = arguments(&self.0, &[&["import", "imap"], more].concat());
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        MAILDIRD.run_with(variables, &arguments, "")
    }

    fn inbox(&self, user: &str) -> Vec<String> {
        let home = self.folder().join(user).join("Maildir");
        if !home.join("cur").is_dir() {
            return Vec::new(); // nothing was ever stored there
        }
        let text = |file| fs::read_to_string(file).unwrap();
        files(&home).iter().map(text).collect()
    }
}
