//! Stopping a server.

use std::sync::Arc;

use tokio::sync::watch;

/// Asks a server to stop: clients get BYE at the end of their command, and nobody new is accepted.
///
/// Clones are handles to the same request. Once started it cannot be taken back.
///
/// ```
/// # tokio_test();
/// # fn tokio_test() { tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
/// let shutdown = imap_server::Shutdown::new();
/// let waiting = shutdown.clone();
/// shutdown.start();
/// waiting.started().await;
/// # }); }
/// ```
#[derive(Debug, Clone)]
pub struct Shutdown {
    requested: Arc<watch::Sender<Request>>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Request {
    None,
    Stop,
}

impl Shutdown {
    /// A request that nobody has made yet.
    #[must_use]
    pub fn new() -> Self {
        Self {
            requested: Arc::new(watch::Sender::new(Request::None)),
        }
    }

    /// Makes the request. Doing so again changes nothing.
    pub fn start(&self) {
        self.requested.send_replace(Request::Stop);
    }

    /// Waits until the request was made; returns at once if it was already.
    ///
    /// # Cancel safety
    /// Nothing is lost when this is dropped.
    pub async fn started(&self) {
        let mut watcher = self.requested.subscribe();
        // The sender lives as long as `self`, so the wait cannot fail.
        let _ = watcher.wait_for(|request| *request == Request::Stop).await;
    }

    /// Whether the request was made.
    #[must_use]
    pub fn is_started(&self) -> bool {
        *self.requested.borrow() == Request::Stop
    }
}

impl Default for Shutdown {
    fn default() -> Self {
        Self::new()
    }
}
