//! A proxy between any client and any server, which says at once what the server does wrong.
//!
//! Octets pass unchanged. They are given to the judge before they are passed on, so that an answer is never seen before its
//! question; what the judge does with them is another thread's, and no client waits for it unless it is far behind.

use std::fmt;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;

use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _, split};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, mpsc, oneshot};
use tokio_rustls::TlsAcceptor;

use crate::finding::Finding;
use crate::follower::Follower;
use crate::net::{Stream, Target};
use crate::record::Sender;

/// Octets that are read at a time.
const PIECE: usize = 64 << 10;

/// Octets that the judge may be behind, in each connection.
const BEHIND: usize = 8 << 20;

/// What a judge's thread gives way by to the client and the server, if they are on the same machine.
const NICENESS: i32 = 10;

/// Told of what happens, at once, on the threads of the connections' judges.
pub trait Listener: Send + Sync {
    /// A rule was broken.
    fn found(&self, finding: &Finding);

    /// A connection cannot be followed any more, or was not possible.
    fn lost(&self, connection: u64, why: &str);

    /// Octets passed; `None` at the end of a direction.
    fn passed(&self, _connection: u64, _sender: Sender, _octets: Option<&[u8]>) {}
}

/// The proxy.
pub struct Watch {
    upstream: Target,
    tls: Option<TlsAcceptor>,
    listener: Arc<dyn Listener>,
    connections: AtomicU64,
}

impl fmt::Debug for Watch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Watch")
            .field("upstream", &self.upstream)
            .finish_non_exhaustive()
    }
}

type Passed = (Sender, Option<Vec<u8>>);

/// The judge, as those see it who pass octets on.
#[derive(Clone)]
struct Told {
    passed: mpsc::UnboundedSender<Passed>,
    /// The octets that may be passed on before it has judged those that were.
    room: Arc<Semaphore>,
}

impl Told {
    /// Whether the judge is there to hear it.
    async fn tell(&self, sender: Sender, octets: &[u8]) -> bool {
        let size = u32::try_from(octets.len()).unwrap_or(u32::MAX);
        let Ok(room) = self.room.acquire_many(size).await else {
            return false;
        };
        room.forget();
        let octets = (size > 0).then(|| octets.to_vec());
        self.passed.send((sender, octets)).is_ok()
    }
}

/// The judge's side. Where it is gone, nobody waits for it.
struct Room(Arc<Semaphore>);

impl Drop for Room {
    fn drop(&mut self) {
        self.0.close();
    }
}

impl Watch {
    /// In front of this server. With an acceptor, clients speak TLS to it.
    #[must_use]
    pub fn new(upstream: Target, tls: Option<TlsAcceptor>, listener: Arc<dyn Listener>) -> Self {
        Self {
            upstream,
            tls,
            listener,
            connections: AtomicU64::new(0),
        }
    }

    /// How many connections there were.
    pub fn connections(&self) -> u64 {
        self.connections.load(Ordering::Relaxed)
    }

    /// Takes connections until it is dropped.
    ///
    /// # Errors
    /// No connection can be accepted any more.
    pub async fn serve(self: Arc<Self>, sockets: TcpListener) -> io::Result<()> {
        loop {
            let (client, _) = sockets.accept().await?;
            let number = self.connections.fetch_add(1, Ordering::Relaxed) + 1;
            let watch = Arc::clone(&self);
            tokio::spawn(async move {
                if let Err(error) = watch.connection(number, client).await {
                    watch.listener.lost(number, &error.to_string());
                }
            });
        }
    }

    async fn connection(&self, number: u64, client: TcpStream) -> io::Result<()> {
        client.set_nodelay(true)?;
        let client: Box<dyn Stream> = match &self.tls {
            None => Box::new(client),
            Some(tls) => Box::new(tls.accept(client).await?),
        };
        let (mut from_client, mut to_client) = split(client);
        let (mut from_server, mut to_server) = split(self.upstream.connect().await?);
        let room = Arc::new(Semaphore::new(BEHIND));
        let (passed, judged) = mpsc::unbounded_channel();
        let held = Room(Arc::clone(&room));
        let (done, is_judged) = oneshot::channel();
        let listener = Arc::clone(&self.listener);
        thread::Builder::new().name("judge".to_owned()).spawn(move || {
            // Where the processor is short, the client comes first. A system that does not permit it has its reasons.
            let _ = rustix::process::nice(NICENESS);
            judge(number, judged, held, &*listener);
            // The connection may be given up already.
            let _ = done.send(());
        })?;
        let told = Told { passed, room };
        {
            let questions = pass(&mut from_client, &mut to_server, Sender::Client, told.clone());
            let answers = pass(&mut from_server, &mut to_client, Sender::Server, told);
            tokio::pin!(questions, answers);
            // A client that has closed its side may still hear; behind a server that has closed its own there is nothing.
            tokio::select! {
                () = &mut answers => {}
                () = &mut questions => answers.await,
            }
        }
        is_judged.await.map_err(io::Error::other)
    }
}

/// One direction, to its end.
async fn pass(
    from: &mut (impl AsyncRead + Unpin),
    to: &mut (impl AsyncWrite + Unpin),
    sender: Sender,
    judge: Told,
) {
    let mut octets = vec![0; PIECE];
    loop {
        let read = from.read(&mut octets).await.unwrap_or(0);
        let piece = &octets[..read];
        let is_told = judge.tell(sender, piece).await;
        let is_over =
            read == 0 || !is_told || to.write_all(piece).await.is_err() || to.flush().await.is_err();
        if is_over {
            // The other side may be gone already.
            let _ = to.shutdown().await;
            return;
        }
    }
}

fn judge(number: u64, mut passed: mpsc::UnboundedReceiver<Passed>, room: Room, listener: &dyn Listener) {
    let mut follower = Follower::new(number.to_string());
    let mut is_lost = false;
    while let Some((sender, octets)) = passed.blocking_recv() {
        listener.passed(number, sender, octets.as_deref());
        match (sender, &octets) {
            (Sender::Client, Some(octets)) => follower.client(octets),
            (Sender::Server, Some(octets)) => follower.server(octets),
            (Sender::Client, None) => follower.client_closed(),
            (Sender::Server, None) => follower.server_closed(),
        }
        for finding in follower.take_findings() {
            listener.found(&finding);
        }
        if let Some(why) = follower.lost().filter(|_| !is_lost) {
            is_lost = true;
            listener.lost(number, why);
        }
        room.0.add_permits(octets.map_or(0, |octets| octets.len()));
    }
}
