//! `sqlmaild serve`: from settings to a running server.

use std::process::ExitCode;

use imap_daemon::server::{self, Plan};
use imap_daemon::{Failure, logging};
use imap_sql::SqlBackend;
use imap_sql::admin::Admin;

use crate::accounts::Accounts;
use crate::config::Settings;
use crate::database::{IfMissing, Use};

/// Serves until it is stopped. Prints a `listening on` line for each address once connections are accepted.
///
/// # Errors
/// Whatever keeps it from starting.
pub(crate) fn run(settings: Settings) -> Result<ExitCode, Failure> {
    logging::init(&settings.server.log_level, settings.server.log_format);
    server::block_on(serve(settings))
}

async fn serve(settings: Settings) -> Result<(), Failure> {
    let store = settings
        .database
        .open(IfMissing::Refuse, Use::Serve(settings.database_connections))?;
    let accounts = Admin::new(&store).accounts().await?;
    if !accounts.iter().any(|account| account.may_log_in) {
        tracing::warn!("no account has a password: nobody can log in");
    }
    let plan = Plan::open(settings.server).await?;
    let ready = plan.ready();
    let users = Accounts::new(&store)?;
    plan.serve(SqlBackend::new(store, users).without_new_accounts(), &ready)
        .await
}
