//! Between a server and PostgreSQL: connections that can be cut or held up, and hints that can be tampered with.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering::SeqCst};
use std::time::Duration;

use parking_lot::Mutex;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{broadcast, mpsc};
use tokio::task::JoinSet;

mod messages;

use messages::{Kind, Messages};

/// What becomes of hints.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Hints {
    Pass,
    Drop,
    Double,
    /// Each comes this much later, and everything else before it.
    Delay(Duration),
    /// Two at a time, the second before the first; one alone comes late.
    Swap,
}

/// How long a hint waits for another to be swapped with.
const ALONE: Duration = Duration::from_millis(150);

#[derive(Debug)]
struct Shared {
    database: SocketAddr,
    hints: Mutex<Hints>,
    /// Connections that will be cut instead of being told that a transaction was committed.
    cut_commits: AtomicU32,
    /// Nothing is passed on.
    is_stalled: AtomicBool,
    /// PostgreSQL is there to be connected to.
    is_open: AtomicBool,
    cut: broadcast::Sender<()>,
}

/// A proxy. It ends when this is dropped.
#[derive(Debug)]
pub(crate) struct Proxy {
    shared: Arc<Shared>,
    address: SocketAddr,
    listening: tokio::task::JoinHandle<()>,
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.listening.abort();
        self.cut();
    }
}

impl Proxy {
    pub(crate) async fn start(database_port: u16) -> std::io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let shared = Arc::new(Shared {
            database: (Ipv4Addr::LOCALHOST, database_port).into(),
            hints: Mutex::new(Hints::Pass),
            cut_commits: AtomicU32::new(0),
            is_stalled: AtomicBool::new(false),
            is_open: AtomicBool::new(true),
            cut: broadcast::channel(1).0,
        });
        Ok(Self {
            address: listener.local_addr()?,
            listening: tokio::spawn(listen(listener, Arc::clone(&shared))),
            shared,
        })
    }

    pub(crate) fn port(&self) -> u16 {
        self.address.port()
    }

    /// Cuts all connections.
    pub(crate) fn cut(&self) {
        let _ = self.shared.cut.send(());
    }

    /// Cuts a connection at its next commit: PostgreSQL has done it, and the server does not hear so.
    pub(crate) fn cut_next_commit(&self) {
        self.shared.cut_commits.fetch_add(1, SeqCst);
    }

    pub(crate) fn tamper(&self, hints: Hints) {
        *self.shared.hints.lock() = hints;
    }

    /// Passes nothing on, or goes on.
    pub(crate) fn stall(&self, is_stalled: bool) {
        self.shared.is_stalled.store(is_stalled, SeqCst);
    }

    /// Whether connections are taken. While nobody listens behind it, one that is tried could be connected with itself.
    pub(crate) fn open(&self, is_open: bool) {
        self.shared.is_open.store(is_open, SeqCst);
    }

    /// Does no harm any more.
    pub(crate) fn heal(&self) {
        self.shared.cut_commits.store(0, SeqCst);
        self.tamper(Hints::Pass);
        self.stall(false);
        self.open(true);
    }
}

async fn listen(listener: TcpListener, shared: Arc<Shared>) {
    let mut connections = JoinSet::new();
    while let Ok((server, _)) = listener.accept().await {
        if shared.is_open.load(SeqCst) {
            connections.spawn(carry(server, Arc::clone(&shared)));
        }
        while connections.try_join_next().is_some() {}
    }
}

async fn carry(server: TcpStream, shared: Arc<Shared>) {
    let mut cut = shared.cut.subscribe();
    let Ok(database) = TcpStream::connect(shared.database).await else {
        return;
    };
    let _ = (server.set_nodelay(true), database.set_nodelay(true));
    let (from_server, to_server) = server.into_split();
    let (from_database, to_database) = database.into_split();
    let (hints, late) = mpsc::unbounded_channel();
    tokio::select! {
        () = pass(from_server, to_database, &shared) => {}
        () = pass_messages(from_database, (to_server, hints, late), &shared) => {}
        _ = cut.recv() => {}
    }
}

async fn go_on(shared: &Shared) {
    while shared.is_stalled.load(SeqCst) {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

async fn pass(mut from: OwnedReadHalf, mut to: OwnedWriteHalf, shared: &Shared) {
    let mut octets = vec![0; 64 << 10];
    while let Ok(read @ 1..) = from.read(&mut octets).await {
        go_on(shared).await;
        if to.write_all(&octets[..read]).await.is_err() {
            return;
        }
    }
}

/// Takes hints that are to come later.
type Late = mpsc::UnboundedSender<Vec<u8>>;

/// What PostgreSQL says, message by message; hints may come later, when nothing else is in the middle.
async fn pass_messages(
    mut from: OwnedReadHalf,
    (mut to, sender, mut late): (OwnedWriteHalf, Late, mpsc::UnboundedReceiver<Vec<u8>>),
    shared: &Shared,
) {
    let mut messages = Messages::default();
    let mut octets = vec![0; 64 << 10];
    let mut waiting = None;
    loop {
        let alone = tokio::time::sleep(ALONE);
        let read = tokio::select! {
            read = from.read(&mut octets) => read,
            Some(hint) = late.recv() => {
                if to.write_all(&hint).await.is_err() { return }
                continue;
            }
            () = alone, if waiting.is_some() => {
                let hint: Vec<u8> = waiting.take().unwrap_or_default();
                if to.write_all(&hint).await.is_err() { return }
                continue;
            }
        };
        let Ok(read @ 1..) = read else { return };
        go_on(shared).await;
        messages.push(&octets[..read]);
        let mut out = Vec::new();
        while let Some((kind, message)) = messages.next() {
            match kind {
                Kind::Hint => tamper(message, *shared.hints.lock(), (&mut out, &mut waiting, &sender)),
                Kind::Committed if take(&shared.cut_commits) => return,
                _ => out.extend_from_slice(&message),
            }
        }
        if to.write_all(&out).await.is_err() {
            return;
        }
    }
}

fn tamper(hint: Vec<u8>, how: Hints, (out, waiting, late): (&mut Vec<u8>, &mut Option<Vec<u8>>, &Late)) {
    match how {
        Hints::Pass => out.extend_from_slice(&hint),
        Hints::Drop => {}
        Hints::Double => out.extend_from_slice(&hint.repeat(2)),
        Hints::Delay(time) => {
            let late = late.clone();
            tokio::spawn(async move {
                tokio::time::sleep(time).await;
                let _ = late.send(hint);
            });
        }
        Hints::Swap => match waiting.take() {
            None => *waiting = Some(hint),
            Some(first) => {
                out.extend_from_slice(&hint);
                out.extend_from_slice(&first);
            }
        },
    }
}

/// Takes one of so many, if there is one.
fn take(left: &AtomicU32) -> bool {
    left.fetch_update(SeqCst, SeqCst, |left| left.checked_sub(1))
        .is_ok()
}
