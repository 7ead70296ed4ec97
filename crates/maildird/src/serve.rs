//! `maildird serve`: from settings to a server that runs until a signal stops it.

use std::fmt;
use std::io::{self, Write};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use imap_maildir::MaildirBackend;
use imap_server::{Limits, Server, Shutdown};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use tokio::net::TcpListener;
use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::auth::Authenticator;
use crate::cli::Failure;
use crate::config::{LimitsLayer, MailRoot, PlaintextLogin, Settings};
use crate::logging;
use crate::tls::Certificate;

/// The exit code after a second signal: what shells give for a program that SIGINT ended.
const FORCED: i32 = 130;

/// How long work on other threads may hold up the exit: it has nobody left to answer to.
const LEFTOVERS: Duration = Duration::from_millis(200);

/// Open files that are plenty for the default limits many times over.
const OPEN_FILES: u64 = 65_536;

/// Why the server does not start.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StartError {
    /// An address cannot be listened on.
    #[error("cannot listen on {address}: {}", reason(*address, source))]
    Listen {
        /// As it was set.
        address: SocketAddr,
        /// What the operating system said.
        source: io::Error,
    },
    /// The folder above the users' Maildirs cannot be used.
    #[error("cannot use {}, the folder of the mail root {root}: {source}", folder.display())]
    MailRoot {
        /// The mail root as it was set.
        root: String,
        /// Its part above `%u`.
        folder: PathBuf,
        /// What the operating system said.
        source: io::Error,
    },
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
    /// With a TLS handshake.
    Tls,
}

/// A socket that listens.
#[derive(Debug)]
pub struct Listening {
    listener: TcpListener,
    start: Start,
    address: SocketAddr,
}

impl Listening {
    /// Listens on an address.
    ///
    /// # Errors
    /// [`StartError::Listen`].
    pub async fn on(address: SocketAddr, start: Start) -> Result<Self, StartError> {
        let failed = |source| StartError::Listen { address, source };
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

/// The line for scripts.
impl fmt::Display for Listening {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let tls = if self.start == Start::Tls { " (TLS)" } else { "" };
        write!(f, "listening on {}{tls}", self.address)
    }
}

/// Everything that a server is made of, opened and checked.
#[derive(Debug)]
pub struct Plan {
    /// At least one.
    pub listening: Vec<Listening>,
    /// Where each user's Maildir is.
    pub mail_root: MailRoot,
    /// Who may log in.
    pub users: Authenticator,
    /// For TLS.
    pub certificate: Option<Arc<Certificate>>,
    /// Who may send a password without TLS.
    pub plaintext_login: PlaintextLogin,
    /// Those that were set.
    pub limits: LimitsLayer,
}

/// Serves until it is stopped. Prints a `listening on` line for each address once connections are accepted.
///
/// # Errors
/// Whatever keeps it from starting.
pub fn run(settings: &Settings) -> Result<ExitCode, Failure> {
    logging::init(&settings.log_level, settings.log_format);
    block_on(async {
        let plan = prepare(settings).await?;
        let lines: String = plan
            .listening
            .iter()
            .map(|listening| format!("{listening}\n"))
            .collect();
        serve(plan, &lines).await
    })
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

async fn prepare(settings: &Settings) -> Result<Plan, Failure> {
    check_mail_root(&settings.mail_root)?;
    let users = Authenticator::open(settings.users.clone())?;
    let certificate = settings.tls.clone().map(Certificate::load).transpose()?;
    let mut listening = Vec::new();
    for address in &settings.listen {
        listening.push(Listening::on(*address, Start::Plain).await?);
    }
    for address in &settings.listen_tls {
        listening.push(Listening::on(*address, Start::Tls).await?);
    }
    let plan = Plan {
        listening,
        mail_root: settings.mail_root.clone(),
        users,
        certificate,
        plaintext_login: settings.plaintext_login,
        limits: settings.limits.clone(),
    };
    warn_of_surprises(&plan);
    Ok(plan)
}

/// The users' Maildirs may be missing, and are then made; the folder that they go into must be there. A mount that
/// is missing must not look like mailboxes that are empty.
fn check_mail_root(root: &MailRoot) -> Result<(), StartError> {
    let folder = root.fixed();
    let usable = |folder: &Path| {
        if !std::fs::metadata(folder)?.is_dir() {
            return Err(io::Error::from(io::ErrorKind::NotADirectory));
        }
        use rustix::fs::{Access, access};
        Ok(access(folder, Access::READ_OK | Access::EXEC_OK)?)
    };
    usable(&folder).map_err(|source| StartError::MailRoot {
        root: root.to_string(),
        folder,
        source,
    })
}

/// What works, but likely not as it was meant.
fn warn_of_surprises(plan: &Plan) {
    if plan.users.users().is_ok_and(|users| users == 0) {
        tracing::warn!("the users file has no users: nobody can log in");
    }
    let public = plan
        .listening
        .iter()
        .find(|listening| !listening.address.ip().is_loopback());
    match (public, plan.plaintext_login, &plan.certificate) {
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
    if plan.certificate.is_none() && plan.plaintext_login == PlaintextLogin::Never {
        tracing::warn!("no certificate and plaintext_login = \"never\": nobody can log in");
    }
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

/// Serves until a signal; `ready` is printed once signals are handled and connections are accepted.
///
/// # Errors
/// The server cannot start.
pub async fn serve(plan: Plan, ready: &str) -> Result<(), Failure> {
    // Before anybody is told that the server is there: a signal in between must not kill it.
    let signals = Signals::install()?;
    raise_open_files();
    let shutdown = Shutdown::new();
    let backend = MaildirBackend::new(imap_maildir::MailRoot::new(plan.mail_root.template()), plan.users)?;
    let mut builder = Server::builder(backend)
        .limits(plan.limits.over_server(Limits::default()))
        .plaintext_login(plan.plaintext_login.into());
    if let Some(certificate) = &plan.certificate {
        builder = builder.tls(certificate.server_config()?);
    }
    let server = builder.build();
    tokio::spawn(signals.handle(shutdown.clone(), plan.certificate));
    let mut running = tokio::task::JoinSet::new();
    for Listening { listener, start, .. } in plan.listening {
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

impl From<PlaintextLogin> for imap_server::PlaintextLogin {
    fn from(login: PlaintextLogin) -> Self {
        match login {
            PlaintextLogin::FromLoopback => Self::FromLoopback,
            PlaintextLogin::FromAnywhere => Self::FromAnywhere,
            PlaintextLogin::Never => Self::Never,
        }
    }
}

/// The signals that mean something to a server.
struct Signals {
    interrupt: Signal,
    terminate: Signal,
    hangup: Signal,
}

impl Signals {
    fn install() -> io::Result<Self> {
        Ok(Self {
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
            hangup: signal(SignalKind::hangup())?,
        })
    }

    async fn handle(mut self, shutdown: Shutdown, certificate: Option<Arc<Certificate>>) {
        loop {
            tokio::select! {
                _ = self.interrupt.recv() => stop(&shutdown),
                _ = self.terminate.recv() => stop(&shutdown),
                _ = self.hangup.recv() => reload(certificate.as_deref()),
            }
        }
    }
}

/// The first signal asks clients to finish, the second one does not ask.
fn stop(shutdown: &Shutdown) {
    if shutdown.is_started() {
        tracing::warn!("stopped by a second signal, without waiting for commands in progress");
        std::process::exit(FORCED);
    }
    tracing::info!("stopping: clients finish their commands; a second signal stops at once");
    shutdown.start();
}

fn reload(certificate: Option<&Certificate>) {
    match certificate.map(Certificate::reload) {
        Some(Ok(())) => tracing::info!("new connections use the certificate as it is now"),
        Some(Err(error)) => tracing::error!(%error, "the certificate of before stays in use"),
        None => tracing::info!("there is no certificate to read again"),
    }
}
