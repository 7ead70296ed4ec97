//! A database to serve, `sqlmaild` serving it, and `sqlmaild admin` beside it.

use std::path::{Path, PathBuf};
use std::process::Command;

#[path = "../../../imap-daemon/tests/program/mod.rs"]
mod program;
#[path = "../../../imap-daemon/tests/running/mod.rs"]
mod running;

#[allow(unused_imports, reason = "helpers are shared by files")]
pub use program::{Program, text};
#[allow(unused_imports, reason = "helpers are shared by files")]
pub use running::{Client, Running};

pub const SQLMAILD: Program = Program(env!("CARGO_BIN_EXE_sqlmaild"));

/// A folder with a database, which has the account ada (password `secret`).
pub struct Site {
    folder: tempfile::TempDir,
    /// Of a database that is no file.
    url: Option<String>,
}

impl Site {
    pub fn new() -> Self {
        let site = Self::empty();
        site.admin(&["account", "create", "ada", "--password-stdin"], "secret\n");
        site
    }

    /// Without a database.
    pub fn empty() -> Self {
        Self {
            folder: tempfile::tempdir().unwrap(),
            url: None,
        }
    }

    /// On a PostgreSQL database.
    pub fn at(url: String) -> Self {
        let site = Self {
            url: Some(url),
            ..Self::empty()
        };
        site.admin(&["account", "create", "ada", "--password-stdin"], "secret\n");
        site
    }

    /// A new one on each kind of database; on PostgreSQL where that can be started.
    pub fn on_every_database(test: impl Fn(&Self)) {
        test(&Self::new());
        if let Some(postgres) = test_postgres::shared() {
            test(&Self::at(postgres.create_database()));
        }
    }

    /// Runs statements, past the program; gives what the last one answers, empty where that is nothing.
    pub fn sql(&self, sql: &str) -> String {
        match &self.url {
            Some(url) => test_postgres::shared().unwrap().sql(url, sql).unwrap(),
            None => {
                let connection = rusqlite::Connection::open(self.file()).unwrap();
                connection
                    .busy_timeout(std::time::Duration::from_secs(30))
                    .unwrap();
                match sql.starts_with("SELECT") {
                    true => {
                        let value: i64 = connection.query_row(sql, [], |row| row.get(0)).unwrap();
                        value.to_string()
                    }
                    false => connection.execute_batch(sql).map(|()| String::new()).unwrap(),
                }
            }
        }
    }

    /// Whether the database is a file.
    pub fn is_file(&self) -> bool {
        self.url.is_none()
    }

    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    pub fn file(&self) -> PathBuf {
        self.path().join("mail.db")
    }

    pub fn database(&self) -> String {
        let file = || self.file().to_str().unwrap().to_owned();
        self.url.clone().unwrap_or_else(file)
    }

    /// Runs a command of the administrator that must work; gives what it prints.
    pub fn admin(&self, arguments: &[&str], stdin: &str) -> String {
        let database = self.database();
        SQLMAILD.works(&[&["admin", "--database", &database], arguments].concat(), stdin)
    }

    /// Runs one that must fail with that exit code; gives what it says.
    pub fn refused(&self, code: i32, arguments: &[&str], stdin: &str) -> String {
        let database = self.database();
        SQLMAILD.fails(
            code,
            &[&["admin", "--database", &database], arguments].concat(),
            stdin,
        )
    }

    /// Starts `serve` on a free port, with more arguments.
    pub fn serve(&self, more: &[&str]) -> Running {
        Running::start(self.command(more))
    }

    /// What starts it.
    pub fn command(&self, more: &[&str]) -> Command {
        let mut command = Command::new(SQLMAILD.0);
        command
            .args(["serve", "--listen", "127.0.0.1:0", "--database", &self.database()])
            .args(more);
        command
    }
}

/// Waits until NOOP says so: with PostgreSQL a hint comes when it comes.
pub fn until_told(client: &mut Client<std::net::TcpStream>, what: &str) {
    let told = (0..600).any(|at| {
        std::thread::sleep(std::time::Duration::from_millis(100.min(at)));
        client.ok("NOOP").contains(what)
    });
    assert!(told, "{what}");
}
