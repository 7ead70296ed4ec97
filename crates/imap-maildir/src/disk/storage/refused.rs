//! Errors of permission say which file they are about: the operator has to find it.

use std::ffi::OsStr;
use std::io;
use std::os::fd::AsRawFd as _;
use std::os::unix::ffi::OsStrExt as _;
use std::path::PathBuf;

use rustix::io::Errno;

use super::change::Place;

/// This user may not do what has to be done with a file, or nobody may, because the disk is read-only.
#[derive(Debug, thiserror::Error)]
#[error("{}: {error}", path.display())]
struct Refused {
    path: PathBuf,
    error: io::Error,
}

/// The error of a call, with the path where it is one of permission. Its kind is the same.
pub(super) fn naming(place: &Place<'_>, errno: Errno) -> io::Error {
    let error = io::Error::from(errno);
    match error.kind() {
        kind @ (io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem) => {
            let path = path_of(place);
            io::Error::new(kind, Refused { path, error })
        }
        _ => error,
    }
}

/// Where the system tells what a directory is called now; else the name alone.
fn path_of(place: &Place<'_>) -> PathBuf {
    let handle = format!("/proc/self/fd/{}", place.directory.as_raw_fd());
    let directory = std::fs::read_link(handle).unwrap_or_default();
    directory.join(OsStr::from_bytes(place.name.to_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::disk::storage::{CWD, open_directory};

    #[test]
    fn an_error_of_permission_names_the_file_and_others_are_as_they_were() {
        let home = tempfile::tempdir().unwrap();
        let directory = open_directory(CWD, home.path()).unwrap();
        let path = home.path().join("f");
        let start = format!("{}: ", path.display());
        let denied = naming(&Place::new(&directory, &"f"), Errno::ACCESS);
        assert_eq!(denied.kind(), io::ErrorKind::PermissionDenied);
        assert!(denied.to_string().starts_with(&start), "{denied}");
        let read_only = naming(&Place::new(&CWD, &path), Errno::ROFS);
        assert_eq!(read_only.kind(), io::ErrorKind::ReadOnlyFilesystem);
        assert!(read_only.to_string().starts_with(&start), "{read_only}");
        let other = naming(&Place::new(&directory, &"f"), Errno::MFILE);
        assert_eq!(other.raw_os_error(), Some(Errno::MFILE.raw_os_error()));
    }
}
