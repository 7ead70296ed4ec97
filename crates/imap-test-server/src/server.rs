//! A server that runs, and what a test does with it.

use crate::account::Account;
use crate::accounts::Accounts;
use crate::builder::Builder;
use crate::fault::Fault;
use crate::log::{NeverSaid, Side, Waiting};
use crate::relay;
use crate::tls::Certificate;
use crate::world::{PIPE, World};
use std::fmt;
use std::io;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;
use tokio::io::DuplexStream;
use tokio::runtime::{self, Handle};
use tokio::sync::oneshot;

/// An IMAP server on a free port of this machine, with a thread of its own. It ends when it is dropped.
///
/// See the [crate's page](crate) for examples.
pub struct TestServer {
    world: Arc<World>,
    accounts: Accounts,
    certificate: Option<Certificate>,
    address: SocketAddr,
    patience: Duration,
    runtime: Handle,
    /// Dropped, it ends the thread.
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl TestServer {
    /// A server with the account `joe`, whose password is `secret`, and an empty INBOX.
    ///
    /// # Panics
    /// When the system has no port or no thread.
    #[must_use]
    #[track_caller]
    pub fn start() -> Self {
        Self::builder().start()
    }

    /// Begins to put a server together.
    pub fn builder() -> Builder {
        Builder::default()
    }

    pub(crate) fn run(
        world: World,
        accounts: Accounts,
        certificate: Option<Certificate>,
        port: u16,
        patience: Duration,
    ) -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port))?;
        listener.set_nonblocking(true)?;
        let address = listener.local_addr()?;
        let runtime = runtime::Builder::new_current_thread().enable_all().build()?;
        let (stop, stopped) = oneshot::channel();
        let world = Arc::new(world);
        let handle = runtime.handle().clone();
        let accepting = accept(Arc::clone(&world), listener);
        let work = move || {
            runtime.block_on(async {
                tokio::select! {
                    _ = stopped => {}
                    ended = accepting => eprintln!("imap-test-server: nothing can be accepted: {ended:?}"),
                }
            });
        };
        let thread = std::thread::Builder::new()
            .name("imap-test-server".into())
            .spawn(work)?;
        Ok(Self {
            world,
            accounts,
            certificate,
            address,
            patience,
            runtime: handle,
            stop: Some(stop),
            thread: Some(thread),
        })
    }

    /// Where it listens: `127.0.0.1` and a port.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The port.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.address.port()
    }

    /// A connection in memory, for clients that take any stream of tokio's traits.
    #[must_use]
    pub fn connect(&self) -> DuplexStream {
        let (ours, theirs) = tokio::io::duplex(PIPE);
        self.runtime.spawn(relay::serve(Arc::clone(&self.world), theirs));
        ours
    }

    /// The hand in an account.
    ///
    /// # Panics
    /// When there is no account of that name.
    #[must_use]
    #[track_caller]
    pub fn account(&self, name: &str) -> Account {
        match self.accounts.owners.get(name) {
            Some(owner) => Account::new(owner.mail.clone()),
            None => panic!("there is no account {name:?}"),
        }
    }

    /// Has something go wrong from the next command on.
    ///
    /// What goes wrong with a command is settled when it begins: a client in IDLE is in the middle of one, and is not met by a fault that
    /// comes later. [`disconnect_all`](Self::disconnect_all) meets it.
    pub fn fault(&self, fault: Fault) {
        self.world.faults.lock().push(fault);
    }

    /// Closes every connection at once and without a word, whatever its client is doing: in IDLE, in the middle of an answer, or silent.
    /// Clients may connect again, and find the accounts as they were.
    ///
    /// A client that has had its greeting is met. Between the two the server may not have taken its connection yet.
    ///
    /// ```
    /// use imap_test_server::TestServer;
    /// use std::io::{Read, Write};
    /// let server = TestServer::start();
    /// let mut stream = std::net::TcpStream::connect(server.address())?;
    /// stream.write_all(b"a LOGIN joe secret\r\nb SELECT INBOX\r\nc IDLE\r\n")?;
    /// server.told("+ ").wait();
    /// server.disconnect_all();
    /// let mut answers = Vec::new();
    /// stream.read_to_end(&mut answers)?;
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn disconnect_all(&self) {
        // Nobody hears it where nobody is connected.
        let _ = self.world.end.cut.send(());
    }

    /// Says `* BYE` with this text on every connection, behind what waits to be sent there, and closes it. Otherwise as
    /// [`disconnect_all`](Self::disconnect_all).
    pub fn bye_all(&self, text: &str) {
        let _ = self.world.end.bye.send(text.to_owned());
    }

    /// Waits until a client has said a line with this text, such as ` IDLE`.
    ///
    /// A wait looks behind what the last one found, so that waits one after the other follow what happened.
    pub fn said(&self, text: &str) -> Waiting {
        self.waiting(Side::Client, text)
    }

    /// Waits until a client was told a line with this text, such as `* 3 EXISTS`. As [`said`](Self::said).
    pub fn told(&self, text: &str) -> Waiting {
        self.waiting(Side::Server, text)
    }

    fn waiting(&self, side: Side, text: &str) -> Waiting {
        let (find, found) = oneshot::channel();
        let (world, wanted, patience) = (Arc::clone(&self.world), text.to_owned(), self.patience);
        self.runtime.spawn(async move {
            let next = world.log.next_with(side, &wanted);
            let result = tokio::time::timeout(patience, next).await;
            let _ = find.send(result.map_err(|_| NeverSaid {
                transcript: world.log.transcript(),
                wanted,
                patience,
            }));
        });
        Waiting { found }
    }

    /// What was said until now, on all connections: `C1: a NOOP`, `S1: a OK NOOP completed`. Each line begins with who said it, also inside
    /// a literal; control characters are escapes. Of a long response, and of a long time, the end is kept: see the
    /// [crate's page](crate#trade-offs).
    #[must_use]
    pub fn transcript(&self) -> String {
        self.world.log.transcript()
    }

    /// The certificate that a client has to trust, PEM.
    ///
    /// # Panics
    /// When the server has no TLS.
    #[must_use]
    #[track_caller]
    pub fn certificate_pem(&self) -> &str {
        &self.certificate().pem
    }

    /// The certificate that a client has to trust, DER.
    ///
    /// # Panics
    /// When the server has no TLS.
    #[must_use]
    #[track_caller]
    pub fn certificate_der(&self) -> &[u8] {
        &self.certificate().der
    }

    #[track_caller]
    fn certificate(&self) -> &Certificate {
        match &self.certificate {
            Some(certificate) => certificate,
            None => panic!("the server has no TLS: ask the builder for tls() or starttls()"),
        }
    }
}

impl Drop for TestServer {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            // A panic there was shown when it happened.
            let _ = thread.join();
        }
    }
}

impl fmt::Debug for TestServer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TestServer")
            .field("address", &self.address)
            .finish_non_exhaustive()
    }
}

/// How long accepting pauses after it failed, as it does while the process has no file descriptors left.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Takes connections for ever.
async fn accept(world: Arc<World>, listener: TcpListener) -> io::Result<()> {
    let listener = tokio::net::TcpListener::from_std(listener)?;
    let mut has_failed = false;
    loop {
        match listener.accept().await {
            Ok((stream, _)) => {
                has_failed = false;
                // A client that has gone already shows by what is read.
                let _ = stream.set_nodelay(true);
                tokio::spawn(relay::serve(Arc::clone(&world), stream));
            }
            Err(error) => {
                // Once, however long it lasts.
                if !std::mem::replace(&mut has_failed, true) {
                    eprintln!("imap-test-server: a connection cannot be accepted now: {error}");
                }
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
}
