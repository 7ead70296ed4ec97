//! What all connections of a server share.

use std::sync::Arc;

use imap_backend::Backend;
use tokio::sync::Semaphore;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;

use crate::config::{Limits, PlaintextLogin};
use crate::connection::DeflatePools;
use crate::log_limit::LogLimits;
use crate::options::Options;
use crate::renames::Renames;
use crate::slots::Slots;
use crate::turns::Turns;

/// What all connections of a server share.
pub(crate) struct Shared<B> {
    pub(crate) backend: B,
    pub(crate) limits: Arc<Limits>,
    pub(crate) tls: Option<TlsAcceptor>,
    pub(crate) plaintext_login: PlaintextLogin,
    pub(crate) options: Options,
    pub(crate) log: LogLimits,
    /// Logins that may be checked at the same time.
    pub(crate) logins: Semaphore,
    /// For work that reads messages: as many turns at the same time as there are cores.
    pub(crate) turns: Arc<Turns>,
    pub(crate) slots: Slots,
    pub(crate) renames: Renames,
    pub(crate) deflate_pools: DeflatePools,
}

impl<B: Backend> Shared<B> {
    pub(crate) fn new(
        backend: B,
        limits: Limits,
        tls: Option<Arc<ServerConfig>>,
        plaintext_login: PlaintextLogin,
        options: Options,
    ) -> Self {
        Self {
            backend,
            logins: Semaphore::new(limits.logins_at_once.max(1)),
            turns: Turns::new(std::thread::available_parallelism().map_or(1, std::num::NonZero::get)),
            slots: Slots::new(limits.connections, limits.connections_per_address),
            renames: Renames::default(),
            deflate_pools: DeflatePools::default(),
            limits: Arc::new(limits),
            tls: tls.map(TlsAcceptor::from),
            plaintext_login,
            options,
            log: LogLimits::default(),
        }
    }
}
