//! The signals that mean something to a server.
//!
//! They are handled on a thread of their own, with a runtime of its own. The threads that serve may all be busy with
//! something that does not look up, and then a signal is needed most.

use std::io;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use imap_server::Shutdown;
use tokio::runtime::{Builder, Runtime};
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::oneshot;
use tokio::time::sleep;

use crate::tls::Certificate;

/// The exit code after a second signal: what shells give for a program that SIGINT ended.
const FORCED: i32 = 130;
/// The exit code where the stop time ran out: the same as where the server cut its clients off in that time.
const OVERDUE: i32 = 0;
/// How much longer than the server's stop time its end may take: listeners, the backend and the runtime go then.
const GRACE: Duration = Duration::from_secs(1);

/// What signals are to act on.
pub(crate) struct Handled {
    /// Started by the first SIGINT or SIGTERM.
    pub(crate) shutdown: Shutdown,
    /// How long the server gives commands in progress after that.
    pub(crate) stop_time: Duration,
    /// Read again on SIGHUP.
    pub(crate) certificate: Option<Arc<Certificate>>,
}

/// The thread that handles signals; it ends when this is dropped.
pub(crate) struct SignalThread {
    /// The thread waits for it to be dropped.
    _held: oneshot::Sender<()>,
}

impl SignalThread {
    /// Starts the thread; the handlers are in place when this returns.
    ///
    /// # Errors
    /// The system refuses the thread or the handlers.
    pub(crate) async fn start(handled: Handled) -> io::Result<Self> {
        let (held, dropped) = oneshot::channel();
        let (installed, outcome) = oneshot::channel();
        let run = move || {
            let (runtime, signals) = match prepare() {
                Ok(prepared) => prepared,
                Err(error) => return drop(installed.send(Err(error))),
            };
            if installed.send(Ok(())).is_ok() {
                runtime.block_on(async {
                    tokio::select! {
                        () = signals.handle(handled) => {}
                        _ = dropped => {}
                    }
                });
            }
        };
        thread::Builder::new().name("signals".to_owned()).spawn(run)?;
        let ended = |_| Err(io::Error::other("the thread that handles signals has ended"));
        outcome.await.unwrap_or_else(ended)?;
        Ok(Self { _held: held })
    }
}

fn prepare() -> io::Result<(Runtime, Signals)> {
    let runtime = Builder::new_current_thread().enable_all().build()?;
    let inside = runtime.enter();
    let signals = Signals::install()?;
    drop(inside);
    Ok((runtime, signals))
}

/// Handlers for SIGINT, SIGTERM and SIGHUP.
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

    /// The first signal asks clients to finish; the second one, or the end of their time, does not ask. What was
    /// acknowledged is on the disk by then, so that nothing is lost with the process.
    async fn handle(mut self, handled: Handled) {
        self.until_stop(handled.certificate.as_deref()).await;
        tracing::info!("stopping: clients finish their commands; a second signal stops at once");
        handled.shutdown.start();
        tokio::select! {
            () = self.until_stop(handled.certificate.as_deref()) => {
                tracing::warn!("stopped by a second signal, without waiting for commands in progress");
                std::process::exit(FORCED);
            }
            () = sleep(handled.stop_time.saturating_add(GRACE)) => {
                tracing::warn!("stopped in the middle of work that did not end in its time");
                std::process::exit(OVERDUE);
            }
        }
    }

    /// Waits for SIGINT or SIGTERM; SIGHUP reads the certificate again meanwhile.
    async fn until_stop(&mut self, certificate: Option<&Certificate>) {
        loop {
            tokio::select! {
                _ = self.interrupt.recv() => return,
                _ = self.terminate.recv() => return,
                _ = self.hangup.recv() => reload(certificate),
            }
        }
    }
}

fn reload(certificate: Option<&Certificate>) {
    match certificate.map(Certificate::reload) {
        Some(Ok(())) => tracing::info!("new connections use the certificate as it is now"),
        Some(Err(error)) => tracing::error!(%error, "the certificate of before stays in use"),
        None => tracing::info!("there is no certificate to read again"),
    }
}
