//! What is done to the servers, to PostgreSQL and to what is between them, while clients work.

use std::collections::BTreeMap;
use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use rustix::process::{Signal, kill_process};
use tokio::time::sleep;

use crate::cluster::{Cluster, Node};
use crate::database::Database;
use crate::history::{Attempt, History, Mailbox};
use crate::proxy::Hints;

/// How often each kind of fault was injected.
#[derive(Debug, Default)]
pub(crate) struct Counts(Mutex<BTreeMap<&'static str, u64>>);

impl Counts {
    fn count(&self, fault: &'static str) {
        *self.0.lock().entry(fault).or_default() += 1;
    }

    pub(crate) fn all(&self) -> BTreeMap<&'static str, u64> {
        self.0.lock().clone()
    }
}

/// One that does harm until a time. Several work side by side, each on things of its own, with its own random numbers.
#[derive(Clone)]
pub(crate) struct Nemesis {
    pub(crate) cluster: Arc<Cluster>,
    pub(crate) history: Arc<History>,
    pub(crate) counts: Arc<Counts>,
    pub(crate) rng: fastrand::Rng,
    pub(crate) until: Instant,
}

impl Nemesis {
    /// All of them.
    pub(crate) async fn rage(&mut self) -> io::Result<()> {
        let mut others = [(); 4].map(|()| Self {
            rng: self.rng.fork(),
            ..self.clone()
        });
        let [servers, postgres, between, by_hand] = &mut others;
        let (one, other, third, fourth, fifth) = tokio::join!(
            servers.servers(),
            postgres.postgres(),
            between.between(),
            by_hand.by_hand(),
            self.administrator()
        );
        one.and(other).and(third).and(fourth).and(fifth)
    }

    /// Waits a while; whether there is time left.
    async fn pause(&mut self, milliseconds: std::ops::Range<u64>) -> bool {
        sleep(Duration::from_millis(self.rng.u64(milliseconds))).await;
        Instant::now() < self.until
    }

    fn node(&mut self) -> usize {
        self.rng.usize(..self.cluster.nodes.len())
    }

    /// Servers are killed and stopped, and their clocks jump.
    async fn servers(&mut self) -> io::Result<()> {
        while self.pause(200..1500).await {
            let cluster = Arc::clone(&self.cluster);
            let number = self.node();
            let node: &Node = &cluster.nodes[number];
            match self.rng.u8(..4) {
                0 | 1 => {
                    self.counts.count("server killed");
                    cluster.kill_server(node);
                    self.pause(0..300).await;
                    cluster.start_missing().await?;
                }
                2 => {
                    self.counts.count("server stopped (SIGSTOP)");
                    cluster.pause_server(node, true);
                    self.pause(50..800).await;
                    cluster.pause_server(node, false);
                }
                _ => {
                    let days = self.rng.i64(-400..400);
                    if crate::cluster::has_clocks() {
                        self.counts.count("clock jumped");
                        cluster.set_clock(number, days * 86_400 + self.rng.i64(..86_400))?;
                    }
                }
            }
        }
        Ok(())
    }

    /// PostgreSQL is stopped, killed, and made to wait; in about every second round, because all else rests meanwhile.
    async fn postgres(&mut self) -> io::Result<()> {
        if self.rng.bool() {
            return Ok(());
        }
        while self.pause(300..2500).await {
            let cluster = Arc::clone(&self.cluster);
            match self.rng.u8(..3) {
                0 => {
                    self.counts.count("PostgreSQL made to wait (SIGSTOP)");
                    cluster.blocking(|postgres| postgres.pause()).await?;
                    self.pause(50..700).await;
                    cluster.blocking(|postgres| postgres.resume()).await?;
                }
                how => {
                    cluster.nodes.iter().for_each(|node| node.proxy.open(false));
                    match how {
                        1 => {
                            self.counts.count("PostgreSQL stopped");
                            cluster.blocking(|postgres| postgres.stop()).await?;
                        }
                        _ => {
                            self.counts.count("PostgreSQL killed");
                            cluster.blocking(|postgres| postgres.kill()).await?;
                        }
                    }
                    self.pause(0..300).await;
                    cluster.blocking(|postgres| postgres.run()).await?;
                    cluster.nodes.iter().for_each(|node| node.proxy.open(true));
                }
            }
        }
        Ok(())
    }

    /// Connections between servers and PostgreSQL are cut and held up, and hints tampered with.
    async fn between(&mut self) -> io::Result<()> {
        while self.pause(50..600).await {
            let cluster = Arc::clone(&self.cluster);
            let proxy = &cluster.nodes[self.node()].proxy;
            match self.rng.u8(..9) {
                0 => {
                    self.counts.count("connections cut");
                    proxy.cut();
                }
                1 | 2 => {
                    self.counts.count("connection cut at a commit");
                    proxy.cut_next_commit();
                }
                3 => {
                    self.counts.count("connections held up");
                    proxy.stall(true);
                    self.pause(20..500).await;
                    proxy.stall(false);
                }
                _ => self.tamper(proxy),
            }
        }
        Ok(())
    }

    fn tamper(&mut self, proxy: &crate::proxy::Proxy) {
        let (what, hints) = match self.rng.u8(..5) {
            0 => ("hints passed on again", Hints::Pass),
            1 => ("hints dropped", Hints::Drop),
            2 => ("hints doubled", Hints::Double),
            3 => (
                "hints delayed",
                Hints::Delay(Duration::from_millis(self.rng.u64(10..600))),
            ),
            _ => ("hints reordered", Hints::Swap),
        };
        self.counts.count(what);
        proxy.tamper(hints);
    }

    /// Somebody with SQL: transactions that are rolled back, and connections that are ended.
    async fn by_hand(&mut self) -> io::Result<()> {
        while self.pause(200..900).await {
            let Ok(database) = Database::connect(&self.cluster.url()).await else {
                continue;
            };
            // PostgreSQL may go away in the middle of it, which rolls back as well.
            let _ = match self.rng.u8(..4) {
                0 => {
                    self.counts.count("connections ended by PostgreSQL");
                    database.end_some().await
                }
                _ => {
                    self.counts.count("transaction rolled back");
                    self.roll_back(&database).await
                }
            };
        }
        Ok(())
    }

    /// Does what would be seen, keeps others waiting for it, and takes it back.
    async fn roll_back(&mut self, database: &Database) -> Result<(), crate::database::NoAnswer> {
        let changes = [
            "UPDATE messages SET keywords = 'never', flags = flags | 16 WHERE mailbox = 1",
            "DELETE FROM messages WHERE mailbox = 1 AND uid % 2 = 0",
            "INSERT INTO messages (mailbox, blob) SELECT 1, blob FROM messages WHERE mailbox = 1 LIMIT 3",
            "DELETE FROM mailboxes WHERE id = 2",
            "UPDATE mailboxes SET uid_validity = uid_validity + 1",
        ];
        let change = changes[self.rng.usize(..changes.len())];
        let milliseconds = self.rng.u64(..80);
        let sql = format!("BEGIN; {change}; SELECT pg_sleep({milliseconds} / 1000.0); ROLLBACK");
        database.run(&sql).await
    }

    /// An administrator delivers, flags and removes, and is sometimes killed at it.
    async fn administrator(&mut self) -> io::Result<()> {
        let mut made = 0;
        let mut delivered: Vec<(Mailbox, u32)> = Vec::new();
        while self.pause(50..400).await {
            let at = Mailbox::ALL[self.rng.usize(..2)];
            let mailbox = at.name();
            let known = match delivered.is_empty() {
                true => None,
                false => Some(self.rng.usize(..delivered.len())),
            };
            let (attempt, deed) = match (self.rng.u8(..4), known) {
                (0 | 1, Some(which)) => {
                    let (at, uid) = delivered[which];
                    let (flag, set) = ("admin".to_owned(), self.rng.bool());
                    let mut deed = vec![at.name().to_owned(), "flag".into(), uid.to_string(), flag.clone()];
                    deed.extend((!set).then(|| "--clear".to_owned()));
                    (
                        Attempt::Store {
                            at,
                            uids: vec![uid],
                            flag,
                            set,
                        },
                        deed,
                    )
                }
                (2, Some(which)) => {
                    let (at, uid) = delivered.swap_remove(which);
                    let deed = vec![at.name().to_owned(), "remove".into(), uid.to_string()];
                    (Attempt::Remove { at, uids: vec![uid] }, deed)
                }
                _ => {
                    made += 1;
                    let (name, flags) = (format!("admin-{made}"), Vec::new());
                    let deed = vec![mailbox.to_owned(), "deliver".into(), name.clone()];
                    (Attempt::Append { to: at, name, flags }, deed)
                }
            };
            let uids = self.administer(attempt.clone(), &deed).await?;
            if let Attempt::Append { to, .. } = attempt {
                delivered.extend(uids.into_iter().map(|uid| (to, uid)));
            }
        }
        Ok(())
    }

    /// One deed in a process of its own; the UIDs of it, if it is acknowledged.
    async fn administer(&mut self, attempt: Attempt, deed: &[String]) -> io::Result<Vec<u32>> {
        let attempt = self.history.begin(attempt);
        let deed: Vec<&str> = deed.iter().map(String::as_str).collect();
        let (id, said) = self.cluster.start_admin(&deed)?;
        let milliseconds = self.rng.u64(..150);
        let killer = async {
            if self.rng.u8(..5) == 0 {
                sleep(Duration::from_millis(milliseconds)).await;
                self.counts.count("administrator killed");
                // It may have ended; nobody else has its number before it was waited for, a moment ago.
                let _ = id.map(|id| kill_process(id, Signal::KILL));
            }
        };
        let said = tokio::select! {
            biased;
            said = said => said??,
            () = async { killer.await; std::future::pending().await } => None,
        };
        let Some(lines) = said else { return Ok(Vec::new()) };
        self.counts.count("administrator did something");
        let uids: Vec<u32> = lines.iter().filter_map(|line| line.parse().ok()).collect();
        self.history
            .done(attempt, uids.iter().map(|uid| (*uid, *uid)).collect());
        Ok(uids)
    }
}
