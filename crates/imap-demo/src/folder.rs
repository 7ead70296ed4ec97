//! A demo's folder: a note of what it is, a certificate, and a lock that one demo at a time holds.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use imap_daemon::tls::TlsFiles;

use crate::{certificate, private};

/// The file that says what the folder is; by it a folder is known to be a demo's.
const README: &str = "README.txt";

/// Whose folder it is.
#[derive(Debug, Clone, Copy)]
pub struct Owner {
    /// The server's name.
    pub program: &'static str,
    /// The text of `README.txt`.
    pub readme: &'static str,
}

/// A demo's folder. Dropping it removes the file with the process number and lets another demo in.
#[derive(Debug)]
pub struct Folder {
    path: PathBuf,
    pid_file: PathBuf,
    _lock: File,
}

/// Why there is no demo.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FolderError {
    /// The operating system refused.
    #[error("cannot make the demo's folder {}: {source}", folder.display())]
    Io {
        /// The demo's folder.
        folder: PathBuf,
        /// What the operating system said.
        source: io::Error,
    },
    /// The folder holds something else.
    #[error("{} is not empty and no such demo made it; choose another folder with --dir", .0.display())]
    NotOurs(PathBuf),
    /// Another demo serves the folder.
    #[error("a demo is running in {} already; stop it, or choose another folder with --dir", .0.display())]
    Running(PathBuf),
}

impl Folder {
    /// Opens the folder, and makes it and its certificate where they are missing.
    ///
    /// # Errors
    /// See [`FolderError`]. What was made so far stays, and the next try goes on from there.
    pub fn open(path: &Path, owner: Owner) -> Result<Self, FolderError> {
        let failed = |source| FolderError::Io {
            folder: path.to_owned(),
            source,
        };
        private::directory(path).map_err(failed)?;
        let path = fs::canonicalize(path).map_err(failed)?;
        if !is_ours(&path, owner).map_err(failed)? {
            return Err(FolderError::NotOurs(path));
        }
        private::file(&path.join(README), owner.readme.as_bytes()).map_err(failed)?;
        let pid_file = path.join(format!("{}.pid", owner.program));
        let lock = lock(&pid_file)
            .map_err(failed)?
            .ok_or_else(|| FolderError::Running(path.clone()))?;
        let folder = Self {
            path,
            pid_file,
            _lock: lock,
        };
        private::directory(&folder.path.join("tls")).map_err(failed)?;
        certificate::make(&folder.tls(), owner.program).map_err(failed)?;
        Ok(folder)
    }

    /// The folder, absolute.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Certificate and key.
    pub fn tls(&self) -> TlsFiles {
        let tls = self.path.join("tls");
        TlsFiles {
            certificate: tls.join("certificate.pem"),
            key: tls.join("key.pem"),
        }
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        // Left over it only misleads a reader: the lock, not the file, keeps others out.
        let _ = fs::remove_file(&self.pid_file);
    }
}

/// Whether a demo of this server made the folder, or nothing is in it.
fn is_ours(folder: &Path, owner: Owner) -> io::Result<bool> {
    match fs::read(folder.join(README)) {
        Ok(text) => Ok(text == owner.readme.as_bytes()),
        Err(_) => Ok(fs::read_dir(folder)?.next().is_none()),
    }
}

/// Locks the file with our process number in it; none when another process has it.
fn lock(pid_file: &Path) -> io::Result<Option<File>> {
    let mut options = OpenOptions::new();
    let mut file = options
        .write(true)
        .create(true)
        .truncate(false)
        .mode(0o600)
        .open(pid_file)?;
    match file.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => return Ok(None),
        Err(TryLockError::Error(error)) => return Err(error),
    }
    file.set_len(0)?;
    writeln!(file, "{}", std::process::id())?;
    Ok(Some(file))
}

#[cfg(test)]
mod tests {
    use super::*;

    const OWNER: Owner = Owner {
        program: "kitd",
        readme: "The mail store of kitd.\n",
    };

    #[test]
    fn a_second_demo_in_the_same_folder_is_refused_until_the_first_is_gone() {
        let parent = tempfile::tempdir().unwrap();
        let first = Folder::open(parent.path(), OWNER).unwrap();
        assert!(matches!(
            Folder::open(parent.path(), OWNER),
            Err(FolderError::Running(_))
        ));
        let pid = fs::read_to_string(parent.path().join("kitd.pid")).unwrap();
        assert_eq!(pid.trim(), std::process::id().to_string());
        drop(first);
        assert!(!parent.path().join("kitd.pid").exists());
        Folder::open(parent.path(), OWNER).unwrap();
    }

    #[test]
    fn somebody_elses_folder_is_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("thesis.txt"), "mine").unwrap();
        let refused = || matches!(Folder::open(folder.path(), OWNER), Err(FolderError::NotOurs(_)));
        assert!(refused());
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
        fs::write(folder.path().join(README), "The mail store of another server.\n").unwrap();
        assert!(refused());
    }
}
