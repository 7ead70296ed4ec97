//! A message from a file, on its way into the database.

use std::io;
use std::os::fd::AsFd;
use std::path::{Path, PathBuf};

use bytes::{Bytes, BytesMut};
use imap_backend::{Error, ErrorKind, MessageSource};
use imap_daemon::Failure;
use imap_sql::admin::AdminError;
use tokio::fs::File;
use tokio::io::AsyncReadExt;

/// So many octets are read at once.
const CHUNK: usize = 64 << 10;

/// A file, or standard input, as a message.
#[derive(Debug)]
pub(crate) struct FileSource {
    from: File,
    path: PathBuf,
    failed: Option<io::Error>,
}

/// The message cannot be read.
#[derive(Debug, thiserror::Error)]
#[error("cannot read {}: {source}", path.display())]
pub(crate) struct ReadError {
    path: PathBuf,
    source: io::Error,
}

impl FileSource {
    /// Opens a file; `-` is standard input.
    ///
    /// # Errors
    /// The system refuses.
    pub(crate) async fn open(path: &Path) -> Result<Self, ReadError> {
        let opened = match path == Path::new("-") {
            true => standard_input(),
            false => File::open(path).await,
        };
        match opened {
            Ok(from) => Ok(Self {
                from,
                path: path.to_owned(),
                failed: None,
            }),
            Err(source) => Err(ReadError {
                path: path.to_owned(),
                source,
            }),
        }
    }

    /// What became of the message: if it could not be read, that is why.
    ///
    /// # Errors
    /// It could not be read, or `of_store`.
    pub(crate) fn result<T>(self, of_store: Result<T, AdminError>) -> Result<T, Failure> {
        match self.failed {
            Some(source) => Err(ReadError {
                path: self.path,
                source,
            }
            .into()),
            None => of_store.map_err(Into::into),
        }
    }
}

fn standard_input() -> io::Result<File> {
    let stdin = io::stdin().as_fd().try_clone_to_owned()?;
    Ok(File::from_std(stdin.into()))
}

impl MessageSource for &mut FileSource {
    /// Nobody knows how long standard input is.
    fn size(&self) -> Option<u64> {
        None
    }

    async fn chunk(&mut self) -> Result<Option<Bytes>, Error> {
        let mut octets = BytesMut::with_capacity(CHUNK);
        match self.from.read_buf(&mut octets).await {
            Ok(0) => Ok(None),
            Ok(_) => Ok(Some(octets.freeze())),
            Err(error) => {
                self.failed = Some(error);
                Err(ErrorKind::ClientGone.into())
            }
        }
    }
}
