//! Who judges, and what was said.

use crate::fault::{FAULTS, Fault};
use crate::layers;
use crate::outside;
use crate::seeds::{Place, Seed};
use crate::traffic;
use crate::world::Broken;
use imap_backend::{Peer, Transport};
use imap_backend_test::{RandomRuns, run_all};
use imap_conform::Target;
use imap_conform::run::{Plan, Verdict, run};
use imap_server::{Server, Shutdown};
use imap_test_server::TestServer;
use std::fmt;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::sync::mpsc;

/// An answer that takes longer does not come.
const PATIENCE: Duration = Duration::from_secs(5);

/// One that judges.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Judge {
    /// The cases of `imap-backend-test`.
    KitCases,
    /// Its random runs.
    KitRandom,
    /// Every interleaving of the layers between store and wire.
    Exhaustive,
    /// The cases of `imap-conform`.
    ConformCases,
    /// Its random sessions.
    ConformRandom,
    /// `imap-conform watch`, while clients do what clients do.
    Watch,
}

/// In the order of the table's columns.
pub const JUDGES: [Judge; 6] = [
    Judge::KitCases,
    Judge::KitRandom,
    Judge::Exhaustive,
    Judge::ConformCases,
    Judge::ConformRandom,
    Judge::Watch,
];

/// What a judge says of a fault.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Said {
    /// It sees this.
    Found(String),
    /// It sees nothing.
    Nothing,
    /// It does not look where the fault is.
    ElsewhereIn(&'static str),
}

impl fmt::Display for Said {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Found(what) => f.write_str(what),
            Self::Nothing => f.write_str("nothing"),
            Self::ElsewhereIn(place) => write!(f, "({place})"),
        }
    }
}

/// A server with a fault, on a port of its own.
#[derive(Debug)]
pub struct Bench {
    seed: Seed,
    address: String,
    user: &'static str,
    _wire: Option<TestServer>,
}

impl Bench {
    /// Seeds a fault.
    ///
    /// # Panics
    /// When the system has no port.
    pub async fn new(seed: &Seed) -> Self {
        let (address, user, wire) = match seed.place {
            Place::Store(fault) => (serve(fault).await, "ann", None),
            Place::Wire(faults) => {
                let server = faults()
                    .into_iter()
                    .fold(TestServer::builder(), |builder, fault| builder.fault(fault))
                    .start();
                (server.address().to_string(), "joe", Some(server))
            }
        };
        Self {
            seed: *seed,
            address,
            user,
            _wire: wire,
        }
    }

    /// What this judge says of it.
    ///
    /// # Panics
    /// When the judge does.
    pub async fn ask(&self, judge: Judge) -> Said {
        match (judge, self.seed.place) {
            (Judge::KitCases, Place::Store(fault)) => blocking(move || kit_cases(fault)).await,
            (Judge::KitRandom, Place::Store(fault)) => blocking(move || kit_random(fault)).await,
            (Judge::KitCases | Judge::KitRandom, Place::Wire(_)) => Said::ElsewhereIn("wire"),
            (Judge::Exhaustive, _) => {
                let seed = self.seed;
                blocking(async move || layers::ask(&seed)).await
            }
            (Judge::ConformCases, _) => self.conform(Duration::ZERO, None).await,
            (Judge::ConformRandom, _) => {
                let only = Some("at random".to_owned());
                match self.conform(Duration::from_secs(3), only).await {
                    // What it says depends on what the system did first.
                    Said::Found(_) => Said::Found("found".to_owned()),
                    said => said,
                }
            }
            (Judge::Watch, _) => self.watch().await,
        }
    }

    /// Whether the case of `imap-conform` with this name fails.
    pub async fn fails(&self, case: &str) -> bool {
        self.conform(Duration::ZERO, Some(case.to_owned())).await != Said::Nothing
    }

    async fn conform(&self, random: Duration, only: Option<String>) -> Said {
        let plan = Plan {
            target: Target::plain(self.address.clone()),
            user: self.user.to_owned(),
            password: "secret".to_owned(),
            only,
            seed: 1,
            random,
            patience: PATIENCE,
        };
        let (found, mut founds) = mpsc::unbounded_channel();
        let whole = run(&plan, |outcome| {
            if let Verdict::Failed { .. } = outcome.verdict {
                // Nobody listens behind the first.
                let _ = found.send(outcome.name);
            }
        });
        tokio::select! {
            biased;
            Some(name) = founds.recv() => Said::Found(name.to_owned()),
            judged = whole => match judged {
                Ok(report) if report.failed() == 0 => Said::Nothing,
                Ok(report) => Said::Found(report.to_string()),
                // A server that lets nobody in is judged as well.
                Err(what) => Said::Found(what),
            },
        }
    }

    async fn watch(&self) -> Said {
        let findings = traffic::watched(&self.address, self.user).await;
        first(findings.into_iter().map(|finding| finding.rule().name()))
    }
}

fn first<'n>(mut found: impl Iterator<Item = &'n str>) -> Said {
    found
        .next()
        .map_or(Said::Nothing, |name| Said::Found(name.to_owned()))
}

/// Those of the kit belong to no runtime, and never wait.
async fn blocking(judge: impl AsyncFnOnce() -> Said + Send + 'static) -> Said {
    let runtime = tokio::runtime::Handle::current();
    let asked = tokio::task::spawn_blocking(move || runtime.block_on(judge()));
    asked.await.expect("a judge does not panic")
}

async fn kit_cases(fault: Fault) -> Said {
    let report = run_all(async || outside::subject(fault)).await;
    let names: Vec<String> = report
        .failures()
        .map(|(case, _)| format!("{}::{}", case.area, case.name))
        .collect();
    let is_about_it = |name: &&str| FAULTS.contains(&(fault, *name));
    let mut of_it = names.iter().map(String::as_str).filter(is_about_it);
    first(of_it.next().into_iter().chain(names.iter().map(String::as_str)))
}

async fn kit_random(fault: Fault) -> Said {
    let report = RandomRuns::new(7).run(async || outside::subject(fault)).await;
    match report.failure() {
        None => Said::Nothing,
        Some(failure) => Said::Found(failure.rule.unwrap_or("the traits").replace(", section", "")),
    }
}

/// The address of a server on a store with this fault.
async fn serve(fault: Fault) -> String {
    let sockets = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = sockets.local_addr().expect("a port that is bound").to_string();
    let server = Server::builder(Broken::new(fault)).build();
    tokio::spawn(async move {
        while let Ok((stream, address)) = sockets.accept().await {
            let server = server.clone();
            tokio::spawn(async move {
                let peer = Peer::new(Some(address), Transport::Plain);
                server.serve_connection(stream, peer, Shutdown::new()).await;
            });
        }
    });
    address
}
