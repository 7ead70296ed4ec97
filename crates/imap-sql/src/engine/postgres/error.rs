//! What the driver and the server say, in the terms of the traits.

use imap_backend::{Error, ErrorKind};
use tokio_postgres::error::SqlState;

use super::wait::TimedOut;
use crate::engine::OpenError;

/// Why a statement failed.
#[derive(Debug, thiserror::Error)]
pub(super) enum Failure {
    #[error(transparent)]
    TimedOut(#[from] TimedOut),
    #[error("{}", told(.0))]
    Driver(#[from] tokio_postgres::Error),
}

/// What the server said of it; the driver itself says `db error`.
fn told(error: &tokio_postgres::Error) -> String {
    match error.as_db_error() {
        Some(error) => error.to_string(),
        None => match std::error::Error::source(error) {
            Some(source) => format!("{error}: {source}"),
            None => error.to_string(),
        },
    }
}

impl Failure {
    fn state(&self) -> Option<&SqlState> {
        match self {
            Self::TimedOut(_) => None,
            Self::Driver(error) => error.code(),
        }
    }

    fn kind(&self) -> ErrorKind {
        let Some(state) = self.state() else {
            return ErrorKind::Unavailable;
        };
        match *state {
            SqlState::LOCK_NOT_AVAILABLE
            | SqlState::T_R_DEADLOCK_DETECTED
            | SqlState::T_R_SERIALIZATION_FAILURE => ErrorKind::InUse,
            SqlState::UNIQUE_VIOLATION => ErrorKind::AlreadyExists,
            SqlState::DISK_FULL => ErrorKind::OverQuota,
            SqlState::INSUFFICIENT_PRIVILEGE => ErrorKind::NoPermission,
            SqlState::DATA_CORRUPTED | SqlState::INDEX_CORRUPTED => ErrorKind::Corruption,
            _ => ErrorKind::Unavailable,
        }
    }
}

/// Whether the server has ended a transaction so that others can go on: nothing of it happened, and it may succeed if it is begun
/// anew. One that has waited for a lock as long as it may is not.
pub(super) fn gave_way(error: &Error) -> bool {
    let source = std::error::Error::source(error);
    let failure = source.and_then(|source| source.downcast_ref::<Failure>());
    failure.and_then(Failure::state).is_some_and(|state| {
        matches!(
            *state,
            SqlState::T_R_DEADLOCK_DETECTED | SqlState::T_R_SERIALIZATION_FAILURE
        )
    })
}

impl From<Failure> for Error {
    fn from(failure: Failure) -> Self {
        Self::new(failure.kind()).with_source(failure)
    }
}

impl From<Failure> for OpenError {
    fn from(failure: Failure) -> Self {
        match failure.kind() {
            ErrorKind::InUse => Self::Held,
            ErrorKind::Corruption => Self::Damaged(failure.to_string()),
            _ => Self::Failed(Box::new(failure)),
        }
    }
}
