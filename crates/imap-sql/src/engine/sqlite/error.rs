//! What the driver says, in the terms of the traits.

use imap_backend::{Error, ErrorKind};
use rusqlite::ErrorCode;

/// An error of the driver. What a user can do something about has its own kind; the rest is the operator's.
pub(crate) fn failed(error: rusqlite::Error) -> Error {
    let kind = match &error {
        rusqlite::Error::FromSqlConversionFailure(..)
        | rusqlite::Error::InvalidColumnType(..)
        | rusqlite::Error::IntegralValueOutOfRange(..)
        | rusqlite::Error::Utf8Error(..) => ErrorKind::Corruption,
        error => match error.sqlite_error_code() {
            Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => ErrorKind::InUse,
            Some(ErrorCode::DiskFull) => ErrorKind::OverQuota,
            Some(ErrorCode::PermissionDenied | ErrorCode::ReadOnly) => ErrorKind::NoPermission,
            Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => ErrorKind::Corruption,
            Some(ErrorCode::TooBig) => ErrorKind::TooBig,
            _ => ErrorKind::Unavailable,
        },
    };
    Error::new(kind).with_source(error)
}
