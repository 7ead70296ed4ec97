//! The users: accounts of the database that have a password.

use std::collections::HashSet;
use std::io;
use std::sync::{Mutex, PoisonError};

use imap_backend::{Authenticator, Claim, LoginKind, Logins, PasswordCheck, ScramKeys};
use imap_daemon::passwords::{HashError, Hashers, Password, Phc, scram_sha_256};
use imap_daemon::{Failure, certificates};
use imap_sql::Store;
use imap_sql::admin::{Admin, Secrets};

/// Checks passwords against the database, which may change while the server runs.
#[derive(Debug)]
pub(crate) struct Accounts {
    admin: Admin,
    hashers: Hashers,
    /// Those whose column holds no hash and was complained of.
    complained: Mutex<HashSet<String>>,
}

impl Accounts {
    /// The accounts of a database.
    ///
    /// # Errors
    /// The system has no more threads.
    pub(crate) fn new(store: &Store) -> io::Result<Self> {
        Ok(Self {
            admin: Admin::new(store),
            hashers: Hashers::start()?,
            complained: Mutex::default(),
        })
    }

    /// The hash in the column, unless somebody has written something else there by hand.
    fn hash(&self, user: &str, column: &str) -> Option<Phc> {
        let parsed = column.parse();
        if let Err(why) = &parsed {
            let mut complained = self.complained.lock().unwrap_or_else(PoisonError::into_inner);
            // Once: strangers can cause it at will.
            if complained.insert(user.to_owned()) {
                tracing::error!(
                    user,
                    why,
                    "what the account has for a password shuts its user out"
                );
            }
        }
        parsed.ok()
    }
}

impl Authenticator for Accounts {
    fn logins(&self) -> Logins {
        Logins::default()
            .with(LoginKind::Scram)
            .with(LoginKind::Certificate)
    }

    async fn scram_keys(&self, user: &str) -> Result<Option<ScramKeys>, Failure> {
        let column = self.admin.scram_sha_256(user).await?;
        Ok(column.and_then(|column| column.parse().ok()))
    }

    async fn identify(&self, claim: &Claim) -> Result<Option<String>, Failure> {
        for name in certificates::names_for(claim) {
            if self.admin.password(&name).await?.is_some() {
                return Ok(Some(name));
            }
        }
        Ok(None)
    }

    async fn verify(&self, user: &str, password: &str) -> Result<PasswordCheck, Failure> {
        let column = self.admin.password(user).await?;
        let known = column.and_then(|column| self.hash(user, &column));
        let is_known = known.is_some();
        let found = self.hashers.check(known, password.into()).await?;
        if is_known && found == PasswordCheck::Refused {
            // Only of a user whom there is: other names may be passwords that went into the wrong field.
            tracing::debug!(user, "wrong password");
        }
        Ok(found)
    }
}

/// What an account keeps of a password. Takes some 100 ms.
///
/// # Errors
/// The system has no random numbers.
pub(crate) fn secrets(password: &Password) -> Result<Secrets, HashError> {
    Ok(Secrets {
        password: Phc::of(password)?.as_str().to_owned(),
        scram_sha_256: scram_sha_256(password)?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn only_an_account_with_a_hash_lets_its_user_in() {
        let store = Store::in_memory().unwrap();
        let admin = Admin::new(&store);
        let right = secrets(&"secret".parse().unwrap()).unwrap();
        let by_hand = Secrets {
            password: "secret".to_owned(),
            ..right.clone()
        };
        admin.create_account("ada", Some(right)).await.unwrap();
        admin.create_account("bob", Some(by_hand)).await.unwrap();
        admin.create_account("cy", None).await.unwrap();
        let accounts = Accounts::new(&store).unwrap();
        for (user, password, expected) in [
            ("ada", "secret", PasswordCheck::Accepted),
            ("ada", "Secret", PasswordCheck::Refused),
            ("bob", "secret", PasswordCheck::Refused),
            ("bob", "secret", PasswordCheck::Refused),
            ("cy", "", PasswordCheck::Refused),
            ("eve", "secret", PasswordCheck::Refused),
        ] {
            let check = accounts.verify(user, password).await.unwrap();
            assert_eq!(check, expected, "{user} {password}");
        }
        for (user, has_keys) in [("ada", true), ("bob", true), ("cy", false), ("eve", false)] {
            let keys = accounts.scram_keys(user).await.unwrap();
            assert_eq!(keys.is_some(), has_keys, "{user}");
        }
        assert_eq!(accounts.complained.lock().unwrap().len(), 1);
    }
}
