//! `maildird demo`: a mail store to look at, in a folder of its own.

pub mod corpus;
mod files;
pub mod greeting;
mod message;
mod specimens;
pub mod store;
mod texts;

use std::process::ExitCode;

use crate::cli::{DemoArgs, Failure};

/// Serves the demo until it is stopped.
///
/// # Errors
/// The folder cannot be made, or no port is free.
pub fn run(args: &DemoArgs) -> Result<ExitCode, Failure> {
    let store = store::Store::open(&args.dir)?;
    print!(
        "{}",
        greeting::greeting(&store, ([127, 0, 0, 1], args.port).into(), 200, 10)
    );
    Ok(ExitCode::SUCCESS)
}
