//! What the tests have in common.

use std::error::Error;

use imap_sql::{Authenticator, PasswordCheck, SqlBackend, Store};

/// One user, "ann", with the password "secret".
#[derive(Debug)]
pub(crate) struct Secret;

impl Authenticator for Secret {
    async fn verify(
        &self,
        user: &str,
        password: &str,
    ) -> Result<PasswordCheck, Box<dyn Error + Send + Sync>> {
        Ok(match (user, password) {
            ("ann", "secret") => PasswordCheck::Accepted,
            _ => PasswordCheck::Refused,
        })
    }
}

/// A process that serves this database.
pub(crate) fn backend(store: Store) -> SqlBackend<Secret> {
    SqlBackend::new(store, Secret)
}
