//! The Maildir backend passes the conformance kit.

use std::error::Error;
use std::sync::Mutex;

use imap_backend_test::{Subject, run_all};
use imap_maildir::{Authenticator, MailRoot, MaildirBackend, PasswordCheck};

/// One user, "ann", with the password "secret".
struct Secret;

impl Authenticator for Secret {
    async fn verify(
        &self,
        user: &str,
        password: &str,
    ) -> Result<PasswordCheck, Box<dyn Error + Send + Sync>> {
        Ok(if user == "ann" && password == "secret" {
            PasswordCheck::Accepted
        } else {
            PasswordCheck::Refused
        })
    }
}

#[tokio::test]
async fn the_maildir_backend_passes_every_case_but_those_of_object_ids_which_it_does_not_keep() {
    let homes = Mutex::new(Vec::new());
    let report = run_all(async || {
        let home = tempfile::tempdir().unwrap();
        let backend = MaildirBackend::new(MailRoot::new(home.path().join("%u")), Secret).unwrap();
        homes.lock().unwrap().push(home);
        Subject::new(backend, "ann", "secret")
    })
    .await;
    report.assert_passed();
    let not_kept = ["object ids", "quota"];
    assert!(
        report
            .skipped()
            .all(|(_, what)| not_kept.iter().any(|kept| what.starts_with(kept))),
        "{report}"
    );
}
