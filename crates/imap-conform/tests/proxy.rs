//! `watch`, between a client and a server that follow a script.
#![cfg(feature = "program")]
#![allow(clippy::unwrap_used, reason = "helpers of tests are tests")]

use std::sync::{Arc, Mutex};

use imap_conform::record::Sender;
use imap_conform::watch::{Listener, Watch};
use imap_conform::{Finding, Rule, Target};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;

type Passed = Mutex<Vec<(Sender, Vec<u8>)>>;

/// Sends what it is told on.
struct Told {
    findings: mpsc::UnboundedSender<Finding>,
    lost: mpsc::UnboundedSender<String>,
    /// Where all octets are heard.
    passed: Option<Passed>,
}

impl Listener for Told {
    fn found(&self, finding: &Finding) {
        self.findings.send(finding.clone()).unwrap();
    }

    fn lost(&self, _: u64, why: &str) {
        self.lost.send(why.to_owned()).unwrap();
    }

    fn failed(&self, _: u64, why: &str) {
        self.lost.send(why.to_owned()).unwrap();
    }

    fn hears_octets(&self) -> bool {
        self.passed.is_some()
    }

    fn passed(&self, _: u64, sender: Sender, octets: Option<&[u8]>) {
        if let Some(passed) = &self.passed {
            let octets = octets.unwrap_or_default().to_vec();
            passed.lock().unwrap().push((sender, octets));
        }
    }
}

struct World {
    client: TcpStream,
    server: TcpStream,
    told: Arc<Told>,
    findings: mpsc::UnboundedReceiver<Finding>,
    lost: mpsc::UnboundedReceiver<String>,
}

impl World {
    async fn new() -> Self {
        Self::with(None).await
    }

    async fn with(passed: Option<Passed>) -> Self {
        let upstream = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let proxy = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = proxy.local_addr().unwrap();
        let (found, findings) = mpsc::unbounded_channel();
        let (gone, lost) = mpsc::unbounded_channel();
        let told = Arc::new(Told {
            findings: found,
            lost: gone,
            passed,
        });
        let target = Target::plain(upstream.local_addr().unwrap().to_string());
        let watch = Arc::new(Watch::new(target, None, told.clone()));
        tokio::spawn(watch.serve(proxy));
        let client = TcpStream::connect(address).await.unwrap();
        let (server, _) = upstream.accept().await.unwrap();
        Self {
            client,
            server,
            told,
            findings,
            lost,
        }
    }

    /// The server says this, and the client hears it.
    async fn hear(&mut self, octets: &[u8]) {
        self.server.write_all(octets).await.unwrap();
        let mut heard = vec![0; octets.len()];
        self.client.read_exact(&mut heard).await.unwrap();
        assert_eq!(
            heard.escape_ascii().to_string(),
            octets.escape_ascii().to_string()
        );
    }

    /// The client says this, and the server hears it.
    async fn say(&mut self, octets: &[u8]) {
        self.client.write_all(octets).await.unwrap();
        let mut heard = vec![0; octets.len()];
        self.server.read_exact(&mut heard).await.unwrap();
        assert_eq!(
            heard.escape_ascii().to_string(),
            octets.escape_ascii().to_string()
        );
    }
}

#[tokio::test]
async fn a_broken_rule_is_told_while_the_connection_goes_on() {
    let mut world = World::new().await;
    world.hear(b"* PREAUTH ready\r\n").await;
    world.say(b"a SELECT INBOX\r\n").await;
    world
        .hear(b"* FLAGS ()\r\n* 2 EXISTS\r\n* 0 RECENT\r\na OK done\r\n")
        .await;
    world.say(b"b NOOP\r\n").await;
    world.hear(b"* 1 EXISTS\r\n").await;
    let finding = world.findings.recv().await.unwrap();
    assert_eq!(finding.rule(), Rule::ExistsShrinks);
    assert_eq!(
        finding.transcript().lines().last().as_deref(),
        Some("S: * 1 EXISTS")
    );
    world.hear(b"b OK done\r\n").await;
}

#[tokio::test]
async fn octets_that_are_no_imap_pass_as_they_are() {
    let mut world = World::new().await;
    let strange: Vec<u8> = (0..=255).cycle().take(300_000).collect();
    world.hear(b"* OK ready\r\n").await;
    world.say(b"a STARTTLS\r\n").await;
    world.hear(b"a OK begin\r\n").await;
    world.hear(&strange[..30_000]).await;
    world.say(&strange[..30_000]).await;
    let lost = world.lost.recv().await.unwrap();
    assert!(lost.starts_with("the connection goes on in TLS"), "{lost}");
    assert!(world.findings.is_empty());
}

#[tokio::test]
async fn the_end_of_each_side_passes_too() {
    let mut world = World::new().await;
    world.hear(b"* OK ready\r\n").await;
    world.client.shutdown().await.unwrap();
    let mut nothing = Vec::new();
    world.server.read_to_end(&mut nothing).await.unwrap();
    world.hear(b"* BYE then go\r\n").await;
    drop(world.server);
    world.client.read_to_end(&mut nothing).await.unwrap();
    assert!(nothing.is_empty() && world.findings.is_empty());
}

#[tokio::test]
async fn a_server_that_closes_without_bye_is_found() {
    for passed in [None, Some(Mutex::default())] {
        let mut world = World::with(passed).await;
        world.hear(b"* OK ready\r\n").await;
        drop(world.server);
        let finding = world.findings.recv().await.unwrap();
        assert_eq!(finding.rule(), Rule::CloseBye);
        let Some(passed) = &world.told.passed else {
            continue;
        };
        assert_eq!(
            *passed.lock().unwrap(),
            [
                (Sender::Server, b"* OK ready\r\n".to_vec()),
                (Sender::Server, Vec::new())
            ]
        );
    }
}

/// Octets that are many wait for a thread; few that come behind them may not be judged before them, nor the end of a direction.
#[tokio::test]
async fn what_is_short_does_not_overtake_what_is_long() {
    for _ in 0..20 {
        let mut world = World::new().await;
        world.hear(b"* PREAUTH ready\r\n").await;
        world.say(b"a SELECT INBOX\r\n").await;
        world
            .hear(b"* FLAGS ()\r\n* 100000 EXISTS\r\n* 0 RECENT\r\na OK done\r\n")
            .await;
        let (long, result) = ("x".repeat(40_000), " 100000".repeat(20_000));
        for tag in 0..4 {
            world
                .say(format!("b{tag} SEARCH SUBJECT {long}\r\n").as_bytes())
                .await;
            world.hear(format!("* SEARCH{result}\r\n").as_bytes()).await;
            world.hear(format!("b{tag} OK done\r\n").as_bytes()).await;
        }
        drop(world.server);
        let finding = world.findings.recv().await.unwrap();
        assert_eq!(finding.rule(), Rule::CloseBye, "{finding}");
    }
}
