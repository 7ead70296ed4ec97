//! Three servers on one database, each behind a proxy of its own, and what can be done to them.

use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use rustix::process::{Signal, kill_process};
use test_postgres::Server as Postgres;
use tokio::time::{sleep, timeout};

use crate::child::Process;
use crate::proxy::Proxy;

/// How long a server may take to say where it listens, and how often it is started until then.
const START: Duration = Duration::from_secs(20);
const STARTS: usize = 40;

/// Makes a process's clock what a file says (Debian's package libfaketime).
const CLOCK: &str = "/usr/lib/x86_64-linux-gnu/faketime/libfaketime.so.1";

/// The servers' clocks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Clocks {
    /// The system's.
    True,
    /// They jump when they are told to, where the machine has what that needs.
    Jumping,
}

#[derive(Debug)]
pub(crate) struct Node {
    pub(crate) proxy: Proxy,
    number: usize,
    process: Mutex<Option<Process>>,
    address: Mutex<Option<SocketAddr>>,
}

#[derive(Debug)]
pub(crate) struct Cluster {
    pub(crate) postgres: Arc<Postgres>,
    pub(crate) nodes: Vec<Node>,
    database: String,
    folder: PathBuf,
    clocks: Clocks,
}

/// Whether clocks can be made to jump here.
pub(crate) fn has_clocks() -> bool {
    Path::new(CLOCK).exists()
}

impl Cluster {
    /// Starts so many servers on a new database. What they log is in the folder.
    pub(crate) async fn start(
        postgres: &Arc<Postgres>,
        (servers, clocks): (usize, Clocks),
        folder: &Path,
    ) -> io::Result<Self> {
        let mut cluster = Self {
            postgres: Arc::clone(postgres),
            nodes: Vec::new(),
            database: String::new(),
            folder: folder.to_owned(),
            clocks,
        };
        let url = cluster.blocking(|postgres| postgres.create_database()).await?;
        cluster.database = url.rsplit('/').next().unwrap_or_default().to_owned();
        for mailbox in ["INBOX", "Archive"] {
            let prepared = cluster.admin(&[mailbox, "prepare"]).await?;
            prepared.ok_or_else(|| io::Error::other("the database was not prepared"))?;
        }
        for number in 0..servers {
            cluster.nodes.push(Node {
                proxy: Proxy::start(postgres.port()).await?,
                number,
                process: Mutex::default(),
                address: Mutex::default(),
            });
            cluster.set_clock(number, 0)?;
        }
        cluster.start_missing().await?;
        Ok(cluster)
    }

    /// What blocks, with PostgreSQL.
    pub(crate) async fn blocking<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Postgres) -> T + Send + 'static,
    ) -> io::Result<T> {
        let postgres = Arc::clone(&self.postgres);
        Ok(tokio::task::spawn_blocking(move || work(&postgres)).await?)
    }

    /// The URL of the database, not through a proxy.
    pub(crate) fn url(&self) -> String {
        self.url_at(self.postgres.port())
    }

    fn url_at(&self, port: u16) -> String {
        format!(
            "postgres://mail@127.0.0.1:{port}/{}?sslmode=disable",
            self.database
        )
    }

    /// Where a server listens, while it does.
    pub(crate) fn address(&self, number: usize) -> Option<SocketAddr> {
        *self.nodes.get(number)?.address.lock()
    }

    /// Starts those servers that do not run.
    pub(crate) async fn start_missing(&self) -> io::Result<()> {
        for node in &self.nodes {
            if node.process.lock().is_none() {
                self.start_server(node).await?;
            }
        }
        Ok(())
    }

    /// Starts a server, again and again until the database lets it.
    async fn start_server(&self, node: &Node) -> io::Result<()> {
        for _ in 0..STARTS {
            let url = self.url_at(node.proxy.port());
            let arguments = ["server", url.as_str()];
            let mut process =
                Process::start(&arguments, &self.environment(node.number), &self.log(node.number))?;
            let id = process.id();
            let start = tokio::task::spawn_blocking(move || process.line().map(|line| (process, line)));
            let mut start = std::pin::pin!(start);
            let started = match timeout(START, &mut start).await {
                Ok(started) => started,
                Err(_) => {
                    // It is there as long as its first line is waited for.
                    let _ = id.map(|id| kill_process(id, Signal::KILL));
                    start.await
                }
            };
            let (process, line) = started??;
            if let Ok(address) = line.parse() {
                *node.process.lock() = Some(process);
                *node.address.lock() = Some(address);
                return Ok(());
            }
            sleep(Duration::from_millis(100)).await;
        }
        Err(io::Error::other(format!("server {} does not start", node.number)))
    }

    /// kill -9. It is not started again.
    pub(crate) fn kill_server(&self, node: &Node) {
        *node.address.lock() = None;
        let process = node.process.lock().take();
        let id = process.as_ref().and_then(Process::id);
        drop(process);
        // What libfaketime shares with children that there are none of.
        if let (Some(id), Clocks::Jumping) = (id, self.clocks) {
            for name in ["faketime_shm_", "sem.faketime_sem_"] {
                let _ = std::fs::remove_file(format!("/dev/shm/{name}{}", id.as_raw_nonzero()));
            }
        }
    }

    pub(crate) fn pause_server(&self, node: &Node, is_paused: bool) {
        if let Some(process) = &*node.process.lock() {
            match is_paused {
                true => process.pause(),
                false => process.resume(),
            }
        }
    }

    /// Sets a server's clock, in seconds from what it is.
    pub(crate) fn set_clock(&self, number: usize, seconds: i64) -> io::Result<()> {
        let file = self.clock(number);
        let new = file.with_extension("new");
        std::fs::write(&new, format!("{seconds:+}\n"))?;
        std::fs::rename(new, file)
    }

    fn clock(&self, number: usize) -> PathBuf {
        self.folder.join(format!("clock-{number}"))
    }

    fn log(&self, number: usize) -> PathBuf {
        self.folder.join(format!("server-{number}.log"))
    }

    fn environment(&self, number: usize) -> Vec<(&'static str, String)> {
        if self.clocks == Clocks::True || !has_clocks() {
            return Vec::new();
        }
        vec![
            ("LD_PRELOAD", CLOCK.to_owned()),
            (
                "FAKETIME_TIMESTAMP_FILE",
                self.clock(number).display().to_string(),
            ),
            ("FAKETIME_NO_CACHE", "1".to_owned()),
            // Waiting goes on as before: it is the time of day that jumps.
            ("FAKETIME_DONT_FAKE_MONOTONIC", "1".to_owned()),
        ]
    }

    /// Has an administrator do something: the lines that the process printed, if all went well.
    pub(crate) async fn admin(&self, deed: &[&str]) -> io::Result<Option<Vec<String>>> {
        self.start_admin(deed)?.1.await?
    }

    /// Starts an administrator's process; its number, and what it will say.
    #[expect(clippy::type_complexity, reason = "two things that are used at once")]
    pub(crate) fn start_admin(
        &self,
        deed: &[&str],
    ) -> io::Result<(
        Option<rustix::process::Pid>,
        tokio::task::JoinHandle<io::Result<Option<Vec<String>>>>,
    )> {
        let url = self.url();
        let arguments = [&["admin", url.as_str()], deed].concat();
        let process = Process::start(&arguments, &[], &self.folder.join("admin.log"))?;
        let id = process.id();
        Ok((id, tokio::task::spawn_blocking(move || process.finish())))
    }

    /// Undoes all that was done to servers, connections and PostgreSQL.
    pub(crate) async fn heal(&self) -> io::Result<()> {
        for node in &self.nodes {
            node.proxy.heal();
            self.pause_server(node, false);
            self.set_clock(node.number, 0)?;
        }
        self.start_missing().await
    }

    /// What servers have logged that no server should: panics, and errors other than that the database cannot be used now.
    pub(crate) fn complaints(&self) -> Vec<String> {
        let is_complaint = |line: &&str| {
            let is_expected = ["mail store is unavailable", "the mailbox is in use"]
                .iter()
                .any(|why| line.contains(why));
            line.contains("panicked") || (line.contains(" ERROR ") && !is_expected)
        };
        let logs = self
            .nodes
            .iter()
            .map(|node| std::fs::read_to_string(self.log(node.number)));
        let complaints = logs.flatten().flat_map(|log| {
            let lines = log.lines().filter(is_complaint).map(str::to_owned);
            lines.collect::<Vec<_>>()
        });
        complaints.collect()
    }

    /// Ends the servers, and removes the database.
    pub(crate) async fn end(self) -> io::Result<()> {
        let drop_database = format!("DROP DATABASE {} WITH (FORCE)", self.database);
        self.nodes.iter().for_each(|node| self.kill_server(node));
        let dropped = self
            .blocking(move |postgres| postgres.sql("postgres", &drop_database))
            .await?;
        dropped.map(drop).map_err(io::Error::other)
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        self.nodes.iter().for_each(|node| self.kill_server(node));
    }
}
