//! A proxy between any client and any server, which says at once what the server does wrong.
//!
//! Octets pass unchanged, and are judged behind that: few at once and where they passed, because to wake a thread takes longer than
//! to judge them; many on the judge's own thread, for which no client waits unless it is far behind. An answer is never seen before
//! its question (`pass`).

use std::convert::Infallible;
use std::fmt;
use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::Poll;
use std::thread;
use std::time::Duration;

use parking_lot::Mutex;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _, split};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, SemaphorePermit, mpsc, oneshot};
use tokio::time::sleep;
use tokio_rustls::TlsAcceptor;

use crate::finding::Finding;
use crate::follower::Follower;
use crate::net::{Stream, Target};
use crate::record::Sender;

/// Octets that are read at a time.
const PIECE: usize = 64 << 10;

/// So many octets at most are judged by who passed them on.
const FEW: usize = 1 << 10;

/// Octets that the judge may be behind, in each connection.
const BEHIND: usize = 8 << 20;

/// What a judge's thread gives way by to the client and the server, if they are on the same machine.
const NICENESS: i32 = 10;

/// How long accepting pauses after it failed.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Told of what happens, at once, on the threads of the connections' judges.
pub trait Listener: Send + Sync {
    /// A rule was broken.
    fn found(&self, finding: &Finding);

    /// A connection cannot be followed any more.
    fn lost(&self, connection: u64, why: &str);

    /// A connection was not possible.
    fn failed(&self, connection: u64, why: &str);

    /// No client can be accepted now, mostly because the process has no descriptor left: they wait. Told once until one is accepted.
    fn waits(&self, _why: &str) {}

    /// Whether [`Self::passed`] does something, which costs every command the time that it takes to wake a thread.
    fn hears_octets(&self) -> bool {
        false
    }

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

/// A connection's judge.
struct Judge {
    follower: Follower,
    is_lost: bool,
}

/// What the listener has to be told of.
struct News {
    findings: Vec<Finding>,
    lost: Option<&'static str>,
}

impl Judge {
    fn new(number: u64) -> Self {
        Self {
            follower: Follower::new(number.to_string()),
            is_lost: false,
        }
    }

    /// What was passed on; no octets at the end of a direction.
    fn hear(&mut self, sender: Sender, octets: &[u8]) {
        match (sender, octets) {
            (Sender::Client, []) => self.follower.client_closed(),
            (Sender::Server, []) => self.follower.server_closed(),
            (Sender::Client, octets) => self.follower.client(octets),
            (Sender::Server, octets) => self.follower.server(octets),
        }
    }

    fn has_news(&self) -> bool {
        self.follower.has_found() || (self.follower.lost().is_some() && !self.is_lost)
    }

    fn take_news(&mut self) -> News {
        let lost = self.follower.lost().filter(|_| !self.is_lost);
        self.is_lost |= lost.is_some();
        News {
            findings: self.follower.take_findings(),
            lost,
        }
    }
}

/// What the judge's thread is woken for.
enum Task {
    /// To judge these octets; none at the end of a direction.
    Judge(Sender, Vec<u8>),
    /// To tell what was found without it.
    Tell,
}

/// The judge, as those see it who pass octets on.
struct Told {
    judge: Arc<Mutex<Judge>>,
    /// For its thread.
    tasks: mpsc::UnboundedSender<Task>,
    /// The octets that may be passed on before the thread has judged those that were.
    room: Arc<Semaphore>,
    /// All octets are the thread's.
    is_recorded: bool,
}

impl Told {
    /// Waits where the judge is far behind; `None` where it is gone.
    async fn room(&self, octets: &[u8]) -> Option<SemaphorePermit<'_>> {
        let size = u32::try_from(room_for(octets)).unwrap_or(u32::MAX);
        self.room.acquire_many(size).await.ok()
    }

    /// Has them judged: here where they are few and none before them wait, because to wake a thread takes longer.
    fn tell(&self, sender: Sender, octets: &[u8], room: SemaphorePermit<'_>) {
        let none_wait = self.room.available_permits() + room_for(octets) == BEHIND;
        if self.is_recorded || !none_wait || octets.len() > FEW {
            room.forget();
            return self.wake(Task::Judge(sender, octets.to_vec()));
        }
        let mut judge = self.judge.lock();
        judge.hear(sender, octets);
        if judge.has_news() {
            self.wake(Task::Tell);
        }
    }

    fn wake(&self, task: Task) {
        // Where the thread is gone, so is the room for the next octets, and the connection ends.
        let _ = self.tasks.send(task);
    }
}

/// The end of a direction takes room too: while it waits, nobody overtakes it.
fn room_for(octets: &[u8]) -> usize {
    octets.len().max(1)
}

/// The judge's thread: it judges what takes long, and it alone tells the listener, who may take long.
struct Thread {
    number: u64,
    judge: Arc<Mutex<Judge>>,
    room: Room,
    listener: Arc<dyn Listener>,
}

impl Thread {
    fn run(self, mut waiting: mpsc::UnboundedReceiver<Task>) {
        while let Some(task) = waiting.blocking_recv() {
            if let Task::Judge(sender, octets) = &task {
                let octets_or_end = Some(&octets[..]).filter(|octets| !octets.is_empty());
                self.listener.passed(self.number, *sender, octets_or_end);
                self.judge.lock().hear(*sender, octets);
            }
            self.tell();
            if let Task::Judge(_, octets) = task {
                self.room.0.add_permits(room_for(&octets));
            }
        }
    }

    fn tell(&self) {
        let News { findings, lost } = self.judge.lock().take_news();
        for finding in findings {
            self.listener.found(&finding);
        }
        if let Some(why) = lost {
            self.listener.lost(self.number, why);
        }
    }
}

/// The thread's side of the room. Where it is gone, nobody waits for it.
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

    /// Takes connections until it is dropped. Each needs two descriptors.
    pub async fn serve(self: Arc<Self>, sockets: TcpListener) -> Infallible {
        let mut waits = false;
        loop {
            let client = match sockets.accept().await {
                Ok((client, _)) => client,
                Err(error) => {
                    if !std::mem::replace(&mut waits, true) {
                        self.listener.waits(&error.to_string());
                    }
                    sleep(ACCEPT_PAUSE).await;
                    continue;
                }
            };
            waits = false;
            let number = self.connections.fetch_add(1, Ordering::Relaxed) + 1;
            let watch = Arc::clone(&self);
            tokio::spawn(async move {
                if let Err(error) = watch.connection(number, client).await {
                    watch.listener.failed(number, &error.to_string());
                }
            });
        }
    }

    async fn connection(&self, number: u64, client: TcpStream) -> io::Result<()> {
        client.set_nodelay(true)?;
        let client: Box<dyn Stream> = match &self.tls {
            None => Box::new(client),
            Some(tls) => {
                let client = tls.accept(client).await;
                Box::new(client.map_err(|error| of("the client's TLS", &error))?)
            }
        };
        let (mut from_client, mut to_client) = split(client);
        let server = self.upstream.connect().await;
        let (mut from_server, mut to_server) =
            split(server.map_err(|error| of(self.upstream.address(), &error))?);
        let judge = Arc::new(Mutex::new(Judge::new(number)));
        let room = Arc::new(Semaphore::new(BEHIND));
        let (tasks, waiting) = mpsc::unbounded_channel();
        let (done, is_judged) = oneshot::channel();
        let thread = Thread {
            number,
            judge: Arc::clone(&judge),
            room: Room(Arc::clone(&room)),
            listener: Arc::clone(&self.listener),
        };
        thread::Builder::new().name("judge".to_owned()).spawn(move || {
            // Where the processor is short, the client comes first. A system that does not permit it has its reasons.
            let _ = rustix::process::nice(NICENESS);
            thread.run(waiting);
            // The connection may be given up already.
            let _ = done.send(());
        })?;
        let told = Told {
            judge,
            tasks,
            room,
            is_recorded: self.listener.hears_octets(),
        };
        {
            let questions = pass(&mut from_client, &mut to_server, Sender::Client, &told);
            let answers = pass(&mut from_server, &mut to_client, Sender::Server, &told);
            tokio::pin!(questions, answers);
            // A client that has closed its side may still hear; behind a server that has closed its own there is nothing.
            tokio::select! {
                () = &mut answers => {}
                () = &mut questions => answers.await,
            }
        }
        drop(told);
        is_judged.await.map_err(io::Error::other)
    }
}

/// An error with what it is about.
fn of(what: &str, error: &io::Error) -> io::Error {
    io::Error::new(error.kind(), format!("{what}: {error}"))
}

/// One direction, to its end. Both are of one task, and nothing is waited for between the first octets that go and the judge: so
/// no answer is read before its question was judged.
async fn pass(
    from: &mut (impl AsyncRead + Unpin),
    to: &mut (impl AsyncWrite + Unpin),
    sender: Sender,
    judge: &Told,
) {
    let mut octets = vec![0; PIECE];
    loop {
        let read = from.read(&mut octets).await.unwrap_or(0);
        let piece = &octets[..read];
        let Some(room) = judge.room(piece).await else {
            break;
        };
        let written = write_at_once(to, piece).await;
        judge.tell(sender, piece, room);
        let is_passed = match written {
            Ok(written) => to.write_all(&piece[written..]).await.is_ok() && to.flush().await.is_ok(),
            Err(_) => false,
        };
        if read == 0 || !is_passed {
            break;
        }
    }
    // The other side may be gone already.
    let _ = to.shutdown().await;
}

/// Writes what can be written without waiting, and says how many octets that was.
async fn write_at_once(to: &mut (impl AsyncWrite + Unpin), octets: &[u8]) -> io::Result<usize> {
    let mut to = Pin::new(to);
    poll_fn(|context| match to.as_mut().poll_write(context, octets) {
        Poll::Pending => Poll::Ready(Ok(0)),
        written => written,
    })
    .await
}
