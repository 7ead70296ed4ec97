//! Checks passwords against a users file that may change while the server runs.
//!
//! Successful checks are not remembered. A cache would have to keep something that is quick to compare with a
//! password, and who can read the server's memory could then try passwords millions of times faster than the hash
//! allows; and a password that was changed or a user that was removed would go on working. A login costs some 20 ms
//! instead, once a connection.

use std::fs::{self, Metadata};
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use imap_backend::{Claim, LoginKind, Logins, PasswordCheck, ScramKeys};

use super::{Users, UsersError};
use crate::Failure;
use crate::certificates;
use crate::passwords::{HashError, Hashers};

/// So many bad lines are logged one by one.
const NAMED: usize = 10;

/// A file that changed this recently may change again within its timestamp's grain: it is read again next time.
const GRAIN: Duration = Duration::from_secs(2);

/// The users of a running server. Cheap to clone; clones share the file's content and the threads that hash.
#[derive(Debug, Clone)]
pub struct Authenticator {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    path: PathBuf,
    /// As last read. The lock is held while the file is read: a few kilobytes, and only after a change.
    content: Mutex<Content>,
    hashers: Hashers,
}

#[derive(Debug)]
struct Content {
    users: Arc<Users>,
    /// What the file looked like; none when that does not prove anything.
    stamp: Option<Stamp>,
}

/// Tells one state of a file from another without reading it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Stamp {
    inode: (u64, u64),
    octets: u64,
    modified: (i64, i64),
    changed: (i64, i64),
}

impl Stamp {
    fn of(file: &Metadata) -> Self {
        Self {
            inode: (file.dev(), file.ino()),
            octets: file.len(),
            modified: (file.mtime(), file.mtime_nsec()),
            changed: (file.ctime(), file.ctime_nsec()),
        }
    }

    /// The stamp, if the file was left alone long enough for it to mean something.
    fn settled(file: &Metadata, now: SystemTime) -> Option<Self> {
        let seconds = now
            .duration_since(SystemTime::UNIX_EPOCH)
            .ok()?
            .checked_sub(GRAIN)?
            .as_secs();
        (i64::try_from(seconds).ok()? >= file.ctime().max(file.mtime())).then(|| Self::of(file))
    }
}

impl Authenticator {
    /// Reads the users file.
    ///
    /// # Errors
    /// What [`Users::read`] says.
    pub fn open(path: PathBuf) -> Result<Self, UsersError> {
        let users = Users::read(&path)?;
        log_bad_lines(&users);
        let content = Content {
            users: Arc::new(users),
            stamp: None,
        };
        let hashers = Hashers::start().map_err(|error| HashError(error.to_string()))?;
        Ok(Self {
            shared: Arc::new(Shared {
                path,
                content: Mutex::new(content),
                hashers,
            }),
        })
    }

    /// How many users can log in now.
    ///
    /// # Errors
    /// See [`Authenticator::check`].
    pub fn users(&self) -> Result<usize, UsersError> {
        Ok(self.current()?.names().count())
    }

    /// Whether `name` may log in with `password`. An unknown name takes as long as a wrong password.
    ///
    /// # Errors
    /// The file is gone or unreadable: then nobody can log in. To go on with the users of before would let in somebody
    /// whom the change was meant to shut out.
    ///
    /// # Cancel safety
    /// A hash that was started runs to its end on its own thread and keeps its place in the queue; its result is lost.
    pub async fn check(&self, name: &str, password: Vec<u8>) -> Result<PasswordCheck, UsersError> {
        let users = self.current()?;
        let known = users.phc(name).cloned();
        let is_known = known.is_some();
        let found = self.shared.hashers.check(known, password).await?;
        if is_known && found == PasswordCheck::Refused {
            // Only of a user whom there is: other names may be passwords that went into the wrong field.
            tracing::debug!(user = name, "wrong password");
        }
        Ok(found)
    }

    /// The users as the file has them now.
    fn current(&self) -> Result<Arc<Users>, UsersError> {
        let shared = &self.shared;
        let mut content = shared.content.lock().unwrap_or_else(PoisonError::into_inner);
        let file = fs::metadata(&shared.path).map_err(|source| match source.kind() {
            io::ErrorKind::NotFound => UsersError::Missing(shared.path.clone()),
            _ => UsersError::Io {
                doing: "read",
                path: shared.path.clone(),
                source,
            },
        })?;
        if content.stamp != Some(Stamp::of(&file)) {
            // Stamped before it is read: a change in between is found the next time.
            let users = Users::read(&shared.path)?;
            if *content.users != users {
                tracing::info!(users = users.names().count(), "the users file changed");
                log_bad_lines(&users);
            }
            *content = Content {
                users: Arc::new(users),
                stamp: Stamp::settled(&file, SystemTime::now()),
            };
        }
        Ok(Arc::clone(&content.users))
    }
}

/// Says whom the file shuts out by mistake; once for each state of the file.
fn log_bad_lines(users: &Users) {
    for line in users.bad_lines().take(NAMED) {
        tracing::error!(
            line = line.number,
            why = line.why,
            "a bad line in the users file shuts its user out"
        );
    }
    let more = users.bad_lines().skip(NAMED).count();
    if more > 0 {
        tracing::error!(
            more,
            "there are more bad lines in the users file: see `user list`"
        );
    }
}

impl imap_backend::Authenticator for Authenticator {
    fn logins(&self) -> Logins {
        Logins::default()
            .with(LoginKind::Scram)
            .with(LoginKind::Certificate)
    }

    async fn scram_keys(&self, user: &str) -> Result<Option<ScramKeys>, Failure> {
        let users = self.current()?;
        Ok(users.scram(user).map(|scram| scram.keys().clone()))
    }

    async fn identify(&self, claim: &Claim) -> Result<Option<String>, Failure> {
        let users = self.current()?;
        let names = certificates::names_for(claim);
        Ok(names.into_iter().find(|name| users.phc(name).is_some()))
    }

    async fn verify(&self, user: &str, password: &str) -> Result<PasswordCheck, Failure> {
        Ok(self.check(user, password.into()).await?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::passwords::Phc;
    use crate::users::{IfMissing, UserName, change};
    use std::path::Path;

    fn add(path: &Path, name: &str, password: &str) {
        let (name, phc) = (
            name.parse::<UserName>().unwrap(),
            Phc::of(&password.parse().unwrap()).unwrap(),
        );
        change(path, IfMissing::Create, |users| users.add(name, phc)).unwrap();
    }

    async fn password_is(users: &Authenticator, name: &str, password: &str) -> PasswordCheck {
        users.check(name, password.into()).await.unwrap()
    }

    #[tokio::test]
    async fn changes_of_the_file_count_from_the_next_login() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("users");
        add(&path, "ada", "one");
        let users = Authenticator::open(path.clone()).unwrap();
        assert_eq!(password_is(&users, "ada", "one").await, PasswordCheck::Accepted);
        assert_eq!(password_is(&users, "ada", "two").await, PasswordCheck::Refused);
        assert_eq!(password_is(&users, "bob", "two").await, PasswordCheck::Refused);
        add(&path, "bob", "two");
        assert_eq!(password_is(&users, "bob", "two").await, PasswordCheck::Accepted);
        change(&path, IfMissing::Fail, |users| {
            users.remove(&"ada".parse().unwrap())
        })
        .unwrap();
        assert_eq!(password_is(&users, "ada", "one").await, PasswordCheck::Refused);
    }

    #[tokio::test]
    async fn a_file_that_cannot_be_read_lets_nobody_in() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("users");
        add(&path, "ada", "one");
        let users = Authenticator::open(path.clone()).unwrap();
        assert_eq!(password_is(&users, "ada", "one").await, PasswordCheck::Accepted);
        fs::remove_file(&path).unwrap();
        assert!(matches!(
            users.check("ada", b"one".into()).await,
            Err(UsersError::Missing(_))
        ));
    }

    #[tokio::test]
    async fn t19_a_line_that_went_bad_shuts_out_its_own_user_only() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("users");
        add(&path, "ada", "one");
        add(&path, "bob", "two");
        let users = Authenticator::open(path.clone()).unwrap();
        assert_eq!(password_is(&users, "ada", "one").await, PasswordCheck::Accepted);
        let text = fs::read_to_string(&path).unwrap();
        fs::write(&path, text.replacen("$argon2id$", "$argon$", 1)).unwrap();
        assert_eq!(password_is(&users, "ada", "one").await, PasswordCheck::Refused);
        assert_eq!(password_is(&users, "bob", "two").await, PasswordCheck::Accepted);
        assert_eq!(users.users().unwrap(), 1);
    }

    #[tokio::test]
    async fn an_unknown_user_is_refused_even_with_the_password_of_nobody_in_the_file() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("users");
        fs::write(&path, "# nobody yet\n").unwrap();
        let users = Authenticator::open(path).unwrap();
        assert_eq!(users.users().unwrap(), 0);
        assert_eq!(password_is(&users, "", "").await, PasswordCheck::Refused);
        assert_eq!(
            password_is(&users, "# nobody yet", "x").await,
            PasswordCheck::Refused
        );
    }

    #[test]
    fn a_stamp_of_a_file_that_has_just_changed_proves_nothing() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let metadata = file.as_file().metadata().unwrap();
        let changed = metadata.modified().unwrap();
        assert_eq!(Stamp::settled(&metadata, changed), None);
        assert!(Stamp::settled(&metadata, changed + GRAIN + Duration::from_secs(1)).is_some());
    }
}
