//! Who gets in.

use crate::stage::Stage;
use crate::verdict::{Stop, Verdict};
use imap_backend::{Backend, LoginError};

/// A wrong password and an unknown user are refused, in the same way.
pub async fn wrong_credentials_are_refused<B: Backend>(stage: &Stage<B>) -> Verdict {
    let wrong = format!("not {}", stage.password());
    let nobody = format!("not {}", stage.user());
    for (user, password) in [
        (stage.user(), wrong.as_str()),
        (&nobody, stage.password()),
        (stage.user(), ""),
    ] {
        match stage.login_as(user, password).await {
            Err(LoginError::Refused) => {}
            Err(error) => return Err(Stop::failed("wrong credentials to be refused", error.to_string())),
            Ok(_) => return Err(Stop::failed("wrong credentials to be refused", "a session")),
        }
    }
    stage.login().await.map(drop)
}
