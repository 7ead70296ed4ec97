//! `maildird serve`.

use std::process::ExitCode;

use crate::cli::Failure;
use crate::config::Settings;

/// Serves until it is stopped.
///
/// # Errors
/// Whatever keeps it from starting.
pub fn run(settings: &Settings) -> Result<ExitCode, Failure> {
    Err(format!("{settings:?}").into())
}
