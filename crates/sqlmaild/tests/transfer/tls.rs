//! Another IMAP server over TLS, to and from databases.

use std::path::Path;
use std::process::{Command, Output};

use super::common::{Running, SQLMAILD, Site};
use super::{listed, maildir, string};

#[path = "../../../imap-transfer/tests/tls/mod.rs"]
mod tests;

/// What the tests run with.
type Here = Accounts;

struct Accounts(Site);

impl tests::Mail for Accounts {
    fn new(messages: u64) -> Self {
        let site = Site::new();
        let root = maildir(&site, messages);
        site.admin(&["import", "maildir", "ada", string(&root)], "");
        Self(site)
    }

    fn folder(&self) -> &Path {
        self.0.path()
    }

    fn add_user(&self, name: &str) {
        self.0.admin(&["account", "create", name, "--no-password"], "");
    }

    fn serve(&self, more: &[&str]) -> Running {
        let mut command = Command::new(SQLMAILD.0);
        command
            .args(["serve", "--database", &self.0.database()])
            .args(more);
        Running::start(command)
    }

    fn import(&self, variables: &[(&str, &str)], more: &[&str]) -> Output {
        let database = self.0.database();
        let import = ["admin", "--database", &database, "import", "imap"];
        SQLMAILD.run_with(variables, &[&import, more].concat(), "")
    }

    fn inbox(&self, user: &str) -> Vec<String> {
        listed(&self.0, user, "INBOX")
    }
}
