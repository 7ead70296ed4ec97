//! One Maildir that has no user, for tools.

use std::io;
use std::path::Path;

use imap_backend::{Error, Nobody};

use crate::backend::{MailRoot, MaildirBackend};
use crate::disk::tree::Place;
use crate::mailbox::error::from_io;
use crate::session::MaildirSession;

/// Who has the session of such a Maildir.
pub const ANYBODY: &str = "anybody";

/// A session on a Maildir that is there.
///
/// # Errors
/// It is not there, or no Maildir.
pub async fn open(maildir: &Path) -> Result<MaildirSession, Error> {
    match ["cur", "new"].iter().all(|part| maildir.join(part).is_dir()) {
        true => session(maildir).await,
        false => {
            let why = format!(
                "{} is not a Maildir: it has no folders cur and new",
                maildir.display()
            );
            Err(from_io(io::Error::other(why)))
        }
    }
}

/// A session on a Maildir, which is made if it is not there.
///
/// # Errors
/// It cannot be made or opened.
pub async fn make(maildir: &Path) -> Result<MaildirSession, Error> {
    session(maildir).await
}

async fn session(maildir: &Path) -> Result<MaildirSession, Error> {
    // The template says nothing: the place does, so that a path may have `%u` in it.
    let backend = MaildirBackend::new(MailRoot::new(maildir), Nobody).map_err(from_io)?;
    let place = Place {
        operators: maildir.to_owned(),
        users: Path::new("").to_owned(),
    };
    backend.session_at(place, ANYBODY).await
}
