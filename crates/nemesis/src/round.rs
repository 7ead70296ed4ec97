//! A round: servers on a new database, clients and faults for a while, then rest, and the judgement.

use std::collections::BTreeMap;
use std::io;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use test_postgres::Server as Postgres;
use tokio::task::JoinSet;
use tokio::time::sleep;

use crate::client::Client;
use crate::cluster::{Clocks, Cluster};
use crate::database::{Database, NoAnswer};
use crate::faults::{Counts, Nemesis};
use crate::history::{Event, History, Mailbox};
use crate::judge::{Finding, Rest, Rule, View, judge};
use crate::mail;
use crate::sabotage::Sabotage;
use crate::session::Session;

const SERVERS: usize = 3;
const CLIENTS: usize = 8;

/// How long clients may take to agree once nothing is done to them any more: what a server waits for, twice over.
const REST: Duration = Duration::from_secs(20);

#[derive(Clone, Debug)]
pub(crate) struct Plan {
    pub(crate) seed: u64,
    pub(crate) time: Duration,
    pub(crate) sabotage: Option<Sabotage>,
}

/// What came of a round.
#[derive(Debug)]
pub(crate) struct Outcome {
    pub(crate) acknowledged: usize,
    pub(crate) unknown: usize,
    pub(crate) messages: usize,
    pub(crate) findings: Vec<Finding>,
}

/// Runs a round. What its servers log is in the folder.
pub(crate) async fn run(
    plan: &Plan,
    postgres: &Arc<Postgres>,
    counts: &Arc<Counts>,
    folder: &Path,
) -> io::Result<Outcome> {
    let mut rng = fastrand::Rng::with_seed(plan.seed);
    let clocks = if rng.bool() { Clocks::Jumping } else { Clocks::True };
    let cluster = Arc::new(Cluster::start(postgres, (SERVERS, clocks), folder).await?);
    let history = Arc::new(History::default());
    let until = Instant::now() + plan.time;
    let mut nemesis = Nemesis {
        cluster: Arc::clone(&cluster),
        history: Arc::clone(&history),
        counts: Arc::clone(counts),
        rng: rng.fork(),
        until,
    };
    let mut clients = JoinSet::new();
    for number in 0..CLIENTS {
        let mut client = Client {
            number,
            cluster: Arc::clone(&cluster),
            history: Arc::clone(&history),
            rng: rng.fork(),
            made: 0,
        };
        clients.spawn(async move {
            let session = client.work(until).await;
            (client, session)
        });
    }
    let samples = tokio::spawn(sample(cluster.url(), Arc::clone(&history), until));
    nemesis.rage().await?;
    drop(nemesis);
    if let Some(sabotage) = plan.sabotage {
        sabotage
            .commit(&cluster.url())
            .await
            .map_err(|error| io::Error::other(error.0))?;
    }
    cluster.heal().await?;
    let mut sessions = clients.join_all().await;
    samples.await?;
    let rest = rest(&cluster, &history, &mut sessions).await;
    drop(sessions);
    for complaint in cluster.complaints() {
        history.broken("a server's log", complaint);
    }
    let mut findings = judge(&history.events(), &rest.rest);
    findings.extend(rest.findings);
    let outcome = outcome(&history, &rest.rest, findings);
    Arc::into_inner(cluster)
        .ok_or_else(|| io::Error::other("somebody still has the servers"))?
        .end()
        .await?;
    Ok(outcome)
}

fn outcome(history: &History, rest: &Rest, findings: Vec<Finding>) -> Outcome {
    let events = history.events();
    let count = |of: fn(&Event) -> bool| events.iter().filter(|event| of(event)).count();
    let acknowledged = count(|event| matches!(event, Event::Done { .. }));
    Outcome {
        acknowledged,
        unknown: count(|event| matches!(event, Event::Began(_))) - acknowledged,
        messages: rest.stored.values().map(BTreeMap::len).sum(),
        findings,
    }
}

/// Looks at the database again and again.
async fn sample(url: String, history: Arc<History>, until: Instant) {
    let mut database = None;
    while Instant::now() < until {
        if database.is_none() {
            database = Database::connect(&url).await.ok();
        }
        if let Some(open) = &database
            && open.sample(&history).await.is_err()
        {
            database = None;
        }
        sleep(Duration::from_millis(120)).await;
    }
}

#[derive(Default)]
struct AtRest {
    rest: Rest,
    findings: Vec<Finding>,
}

/// Waits until all clients have what the database has, and looks at every message.
async fn rest(
    cluster: &Cluster,
    history: &Arc<History>,
    clients: &mut [(Client, Option<Session>)],
) -> AtRest {
    let until = Instant::now() + REST;
    let mut at_rest = AtRest::default();
    loop {
        let settled = settle(cluster, clients, &mut at_rest.rest).await;
        if matches!(settled, Ok(true)) {
            break;
        }
        if Instant::now() > until {
            let what = format!("no rest after {} s: {settled:?}", REST.as_secs());
            at_rest.findings.push(Finding {
                rule: Rule::Disagreement,
                what,
            });
            break;
        }
        sleep(Duration::from_millis(50)).await;
    }
    if let Err(error) = look_closely(cluster, history, &mut at_rest).await {
        let what = format!("the end could not be looked at: {error}");
        at_rest.findings.push(Finding {
            rule: Rule::Disagreement,
            what,
        });
    }
    at_rest
}

/// Whether everybody has what the database has, which does not change.
async fn settle(
    cluster: &Cluster,
    clients: &mut [(Client, Option<Session>)],
    rest: &mut Rest,
) -> Result<bool, NoAnswer> {
    let database = Database::connect(&cluster.url()).await?;
    let before = database.stored().await?;
    let mut views = Vec::new();
    for (client, session) in clients.iter_mut() {
        views.push(view(client, session).await);
    }
    rest.stored = database.stored().await?;
    let is_still = before == rest.stored;
    let is_whole = views.iter().all(Option::is_some);
    rest.views = views.into_iter().flatten().collect();
    let agree = rest
        .views
        .iter()
        .all(|(_, at, view)| rest.stored.get(at) == Some(view));
    Ok(is_still && is_whole && agree)
}

/// What a client has after a NOOP; it connects again if it has to.
async fn view(client: &mut Client, session: &mut Option<Session>) -> Option<(String, Mailbox, View)> {
    if session.is_none() {
        *session = client.connect().await;
    }
    let open = session.as_mut()?;
    if let Err(stop) = open.noop().await {
        client.stopped(stop);
        *session = None;
        return None;
    }
    Some((open.who.clone(), open.at, open.view()?))
}

/// Fetches every message whole, and has the database checked.
async fn look_closely(cluster: &Cluster, history: &Arc<History>, at_rest: &mut AtRest) -> io::Result<()> {
    for (number, at) in Mailbox::ALL.into_iter().enumerate() {
        let address = cluster
            .address(number)
            .ok_or_else(|| io::Error::other("a server is away"))?;
        let broken = |stop| io::Error::other(format!("{stop:?}"));
        let mut session = Session::open("the last look", address, at, history)
            .await
            .map_err(broken)?;
        for (uid, octets) in session.bodies().await.map_err(broken)? {
            let name = mail::name_of(&octets).unwrap_or_default();
            if octets != mail::octets(&name) {
                let what = format!("UID {uid} of {}, {name}, {} octets", at.name(), octets.len());
                at_rest.findings.push(Finding {
                    rule: Rule::OtherOctets,
                    what,
                });
            }
            at_rest.rest.names.insert((at, uid), name);
        }
        let is_there = |uid: &u32| at_rest.rest.names.contains_key(&(at, *uid));
        let stored = at_rest.rest.stored.get(&at).into_iter().flat_map(BTreeMap::keys);
        let missing: Vec<&u32> = stored.filter(|uid| !is_there(uid)).collect();
        if !missing.is_empty() {
            let what = format!(
                "{} of {} cannot be fetched: {missing:?}",
                missing.len(),
                at.name()
            );
            at_rest.findings.push(Finding {
                rule: Rule::MessageLost,
                what,
            });
        }
    }
    let database = Database::connect(&cluster.url())
        .await
        .map_err(|error| io::Error::other(error.0))?;
    let looked = async {
        database.sample(history).await?;
        database.check(history).await
    };
    looked.await.map_err(|error: NoAnswer| io::Error::other(error.0))
}
