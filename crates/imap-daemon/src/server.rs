//! A server for any backend: addresses, TLS, limits, and a run that a signal ends.

use std::fmt;
use std::io::{self, Write};
use std::net::SocketAddr;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use imap_backend::Backend;
use imap_server::{Compression, Identification, Limits, LoginMechanism, PlaintextLogin, Server, Shutdown};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use tokio::net::TcpListener;

use crate::Failure;
use crate::config::ServerSettings;
use crate::signals::{Handled, SignalThread};
use crate::tls::Certificate;

/// How long work on other threads may hold up the exit. It has nobody left to answer to, but mailboxes that are closed write what
/// makes the next start quick.
const LEFTOVERS: Duration = Duration::from_secs(2);

/// Open files that are plenty for the default limits many times over.
const OPEN_FILES: u64 = 65_536;

/// An address cannot be listened on.
#[derive(Debug, thiserror::Error)]
#[error("cannot listen on {address}: {}", reason(*address, source))]
#[non_exhaustive]
pub struct ListenError {
    /// As it was asked for.
    pub address: SocketAddr,
    /// What the operating system said.
    pub source: io::Error,
}

fn reason(address: SocketAddr, error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::AddrInUse => "another program listens there already".to_owned(),
        io::ErrorKind::AddrNotAvailable => "this machine does not have that address".to_owned(),
        io::ErrorKind::PermissionDenied if address.port() < 1024 => {
            "ports below 1024 need root or the capability CAP_NET_BIND_SERVICE".to_owned()
        }
        _ => error.to_string(),
    }
}

/// How a listener's connections begin.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Start {
    /// In the clear; STARTTLS where there is a certificate.
    Plain,
    /// With a TLS handshake (RFC 8314, section 3.2).
    Tls,
}

/// A socket that listens. Connections wait in it until a [`Plan`] is served.
///
/// It displays as the line for scripts: `listening on IP:PORT`, with ` (TLS)` behind it where connections begin so.
#[derive(Debug)]
pub struct Listening {
    listener: TcpListener,
    start: Start,
    address: SocketAddr,
}

impl Listening {
    /// Listens on an address; port 0 lets the system choose.
    ///
    /// # Errors
    /// The operating system refused.
    pub async fn on(address: SocketAddr, start: Start) -> Result<Self, ListenError> {
        let failed = |source| ListenError { address, source };
        let listener = TcpListener::bind(address).await.map_err(failed)?;
        let address = listener.local_addr().map_err(failed)?;
        Ok(Self {
            listener,
            start,
            address,
        })
    }

    /// The address, with the port that the system chose where it was left to it.
    pub fn address(&self) -> SocketAddr {
        self.address
    }
}

impl fmt::Display for Listening {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let tls = if self.start == Start::Tls { " (TLS)" } else { "" };
        write!(f, "listening on {}{tls}", self.address)
    }
}

/// Everything that a server is made of but its backend, opened and checked.
#[derive(Debug)]
pub struct Plan {
    listening: Vec<Listening>,
    certificate: Option<Arc<Certificate>>,
    plaintext_login: PlaintextLogin,
    said: Said,
    limits: Limits,
}

/// What is offered and said beside the mail.
#[derive(Debug, Default)]
struct Said {
    compression: Compression,
    login_mechanism: LoginMechanism,
    identification: Identification,
    jmap_url: Option<String>,
    submission_users: Vec<String>,
}

impl Plan {
    /// What settings say: reads the certificate, and listens on the addresses.
    ///
    /// # Errors
    /// A [`TlsError`](crate::tls::TlsError) or a [`ListenError`].
    pub async fn open(settings: ServerSettings) -> Result<Self, Failure> {
        let load = |files| match &settings.client_authorities {
            Some(authorities) => Certificate::load_with_clients(files, authorities),
            None => Certificate::load(files),
        };
        let certificate = settings.tls.map(load).transpose()?;
        let mut listening = Vec::new();
        for address in settings.listen {
            listening.push(Listening::on(address, Start::Plain).await?);
        }
        for address in settings.listen_tls {
            listening.push(Listening::on(address, Start::Tls).await?);
        }
        Ok(Self {
            certificate,
            plaintext_login: settings.plaintext_login.into(),
            said: Said {
                compression: settings.compression,
                login_mechanism: settings.login_mechanism,
                identification: settings.identification,
                jmap_url: settings.jmap_url,
                submission_users: settings.submission_users,
            },
            limits: settings.limits.over_server(Limits::default()),
            ..Self::new(listening)
        })
    }

    /// The line for scripts of each address.
    pub fn ready(&self) -> String {
        let lines = self.listening.iter().map(|listening| format!("{listening}\n"));
        lines.collect()
    }

    /// A server on these sockets, without a certificate, with the default limits; passwords may cross in the clear on
    /// this machine only.
    #[must_use]
    pub fn new(listening: Vec<Listening>) -> Self {
        Self {
            listening,
            certificate: None,
            plaintext_login: PlaintextLogin::default(),
            said: Said::default(),
            limits: Limits::default(),
        }
    }

    /// Offers STARTTLS, and makes [`Start::Tls`] possible.
    #[must_use]
    pub fn certificate(mut self, certificate: Arc<Certificate>) -> Self {
        self.certificate = Some(certificate);
        self
    }

    /// Who may send a password without TLS.
    #[must_use]
    pub fn plaintext_login(mut self, plaintext_login: PlaintextLogin) -> Self {
        self.plaintext_login = plaintext_login;
        self
    }

    /// Whether clients may have their connection compressed.
    #[must_use]
    pub fn compression(mut self, compression: Compression) -> Self {
        self.said.compression = compression;
        self
    }

    /// Bounds on what clients cost.
    #[must_use]
    pub fn limits(mut self, limits: Limits) -> Self {
        self.limits = limits;
        self
    }

    /// Serves `backend` until a signal stops it; prints `ready` on standard output once signals are handled and
    /// connections are accepted.
    ///
    /// SIGINT and SIGTERM stop it after the commands in progress; a second one ends the process at once, with exit code
    /// 130. Where the server has not ended a second after its stop time, the process ends as well, with exit code 0: work
    /// that never looks up cannot hold up a stop. SIGHUP reads the certificate again. Signals are handled on a thread of
    /// their own. Raises the process's soft limit of open files.
    ///
    /// # Errors
    /// The server cannot start, or a listener fails.
    ///
    /// # Cancel safety
    /// Dropping it ends all connections at once, without BYE.
    pub async fn serve(self, backend: impl Backend, ready: &str) -> Result<(), Failure> {
        let shutdown = Shutdown::new();
        // Before anybody is told that the server is there: a signal in between must not kill it. Dropped last.
        let _signals = SignalThread::start(Handled {
            shutdown: shutdown.clone(),
            stop_time: self.limits.stop_time,
            certificate: self.certificate.clone(),
        })
        .await?;
        raise_open_files();
        self.warn_of_surprises();
        let mut builder = Server::builder(backend)
            .limits(self.limits)
            .plaintext_login(self.plaintext_login)
            .compression(self.said.compression)
            .login_mechanism(self.said.login_mechanism)
            .identification(self.said.identification)
            .submission_users(self.said.submission_users);
        if let Some(url) = self.said.jmap_url {
            builder = builder.jmap(url);
        }
        if let Some(certificate) = &self.certificate {
            builder = builder
                .tls(certificate.server_config()?)
                .scram_secret(&certificate.secret());
        }
        let server = builder.build();
        let mut running = tokio::task::JoinSet::new();
        for Listening { listener, start, .. } in self.listening {
            let (server, shutdown) = (server.clone(), shutdown.clone());
            running.spawn(async move {
                match start {
                    Start::Plain => server.serve(listener, shutdown).await,
                    Start::Tls => server.serve_tls(listener, shutdown).await,
                }
            });
        }
        // The caller may have closed its end: then nobody waits for the line.
        let _ = io::stdout()
            .write_all(ready.as_bytes())
            .and_then(|()| io::stdout().flush());
        while let Some(ended) = running.join_next().await {
            ended??;
        }
        tracing::info!("stopped");
        Ok(())
    }

    /// Logs what works, but likely not as it was meant.
    fn warn_of_surprises(&self) {
        let public = self
            .listening
            .iter()
            .find(|listening| !listening.address.ip().is_loopback());
        match (public, self.plaintext_login, &self.certificate) {
            (Some(public), PlaintextLogin::FromAnywhere, _) => tracing::warn!(
                address = %public.address,
                "passwords may cross the network unencrypted (plaintext_login = \"from-anywhere\")"
            ),
            (Some(public), _, None) => tracing::warn!(
                address = %public.address,
                "without a certificate, clients on other machines cannot log in (see tls_cert)"
            ),
            _ => {}
        }
        if self.certificate.is_none() && self.plaintext_login == PlaintextLogin::Never {
            tracing::warn!("no certificate and plaintext_login = \"never\": nobody can log in");
        }
    }
}

/// Runs a server's future on a runtime of its own.
///
/// # Errors
/// The future's, or that there is no runtime.
pub fn block_on(server: impl Future<Output = Result<(), Failure>>) -> Result<ExitCode, Failure> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let outcome = runtime.block_on(server);
    runtime.shutdown_timeout(LEFTOVERS);
    outcome.map(|()| ExitCode::SUCCESS)
}

/// As many open files as the system lets us have without asking: each connection is one, each message being read
/// another, and the usual soft limit of 1,024 is there for programs that use `select`.
fn raise_open_files() {
    let limit = getrlimit(Resource::Nofile);
    let wanted = limit.maximum.unwrap_or(OPEN_FILES).min(OPEN_FILES);
    if limit.current.is_some_and(|current| current < wanted) {
        let raised = setrlimit(
            Resource::Nofile,
            Rlimit {
                current: Some(wanted),
                ..limit
            },
        );
        tracing::debug!(wanted, ?raised, "open files");
    }
}
