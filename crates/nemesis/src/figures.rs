//! How soon others see an APPEND, and how many there are in a second.

use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant};

use test_postgres::Server as Postgres;
use tokio::task::JoinSet;
use tokio::time::sleep;

use crate::cluster::{Clocks, Cluster};
use crate::history::{History, Mailbox};
use crate::proxy::Hints;
use crate::server::POLL_INTERVAL;
use crate::session::Session;
use crate::wire::Stop;

/// APPENDs whose way to IDLE is measured, with hints and without.
const WITH_HINTS: usize = 300;
const WITHOUT_HINTS: usize = 60;

/// Clients that append as fast as they can, and for how long.
const CLIENTS: usize = 12;
const TIME: Duration = Duration::from_secs(5);

/// Prints all figures.
pub(crate) async fn measure(postgres: &Arc<Postgres>) -> io::Result<()> {
    latency(postgres, ("with hints", WITH_HINTS), Hints::Pass).await?;
    let dead = format!("hints dead, looking every {} ms", POLL_INTERVAL.as_millis());
    latency(postgres, (&dead, WITHOUT_HINTS), Hints::Drop).await?;
    for own_mailboxes in [true, false] {
        for servers in 1..=3 {
            throughput(postgres, servers, own_mailboxes).await?;
        }
    }
    Ok(())
}

fn failed(stop: Stop) -> io::Error {
    io::Error::other(format!("{stop:?}"))
}

async fn session(cluster: &Cluster, server: usize, user: &str) -> io::Result<Session> {
    let address = cluster.address(server).ok_or(io::ErrorKind::NotConnected)?;
    let (place, history) = ((address, Mailbox::Inbox), Arc::new(History::default()));
    Session::open_as(user, user, place, &history)
        .await
        .map_err(failed)
}

/// From the first octet of an APPEND on one server to EXISTS in an IDLE on another.
async fn latency(postgres: &Arc<Postgres>, (what, count): (&str, usize), hints: Hints) -> io::Result<()> {
    let folder = tempfile::tempdir()?;
    let cluster = Cluster::start(postgres, (2, Clocks::True), folder.path()).await?;
    let (mut writer, mut reader) = (
        session(&cluster, 0, "ann").await?,
        session(&cluster, 1, "ann").await?,
    );
    let mut rng = fastrand::Rng::with_seed(1);
    let tag = reader.begin_idle().await.map_err(failed)?;
    cluster.nodes[1].proxy.tamper(hints);
    let mut times = Vec::new();
    for number in 0..count {
        // At no fixed distance from when the servers look.
        sleep(Duration::from_millis(rng.u64(80..250))).await;
        let name = format!("latency-{number}");
        let exists = reader.model.exists() + 1;
        let begin = Instant::now();
        let heard = async {
            let heard = reader.idle_until(&tag, exists).await;
            heard.map(|()| begin.elapsed())
        };
        let (appended, heard) = tokio::join!(writer.append(Mailbox::Inbox, &name, ""), heard);
        appended.map_err(failed)?;
        times.push(heard.map_err(failed)?);
    }
    times.sort_unstable();
    let at = |per_cent: usize| times[(times.len() * per_cent / 100).min(times.len() - 1)].as_secs_f64() * 1e3;
    println!(
        "APPEND to IDLE on another server, {what}: median {:.1} ms, p99 {:.1} ms, longest {:.1} ms, of {count}",
        at(50),
        at(99),
        at(100)
    );
    cluster.end().await
}

/// APPENDs of short messages in a second, each client in a mailbox of its own or all in one.
async fn throughput(postgres: &Arc<Postgres>, servers: usize, own_mailboxes: bool) -> io::Result<()> {
    let folder = tempfile::tempdir()?;
    let cluster = Cluster::start(postgres, (servers, Clocks::True), folder.path()).await?;
    let mut clients = JoinSet::new();
    for number in 0..CLIENTS {
        let user = if own_mailboxes {
            format!("user{number}")
        } else {
            "ann".to_owned()
        };
        let mut session = session(&cluster, number % servers, &user).await?;
        clients.spawn(async move {
            let (begin, mut done) = (Instant::now(), 0);
            while begin.elapsed() < TIME {
                // Its name makes it short.
                let answer = session.append(Mailbox::Inbox, "short", "").await?;
                done += u32::from(answer.is_ok);
            }
            Ok::<_, Stop>(f64::from(done) / begin.elapsed().as_secs_f64())
        });
    }
    let mut rate = 0.0;
    while let Some(client) = clients.join_next().await {
        rate += client?.map_err(failed)?;
    }
    let mailboxes = if own_mailboxes {
        "a mailbox each"
    } else {
        "one mailbox"
    };
    println!("{servers} servers, {CLIENTS} clients, {mailboxes}: {rate:.0} APPENDs a second");
    cluster.end().await
}
