//! Who gets in.

use crate::stage::Stage;
use crate::verdict::{Stop, Verdict, ensure};
use imap_backend::{Backend, LoginError, Session};

/// A wrong password and an unknown user are refused, in the same way.
pub async fn wrong_credentials_are_refused<B: Backend>(stage: &Stage<B>) -> Verdict {
    let wrong = format!("not {}", stage.password());
    let nobody = format!("not {}", stage.user());
    for (user, password) in [
        (stage.user(), wrong.as_str()),
        (&nobody, stage.password()),
        (stage.user(), ""),
    ] {
        match stage.login_as(user, password).await? {
            Err(LoginError::Refused) => {}
            Err(error) => return Err(Stop::failed("wrong credentials to be refused", error.to_string())),
            Ok(_) => return Err(Stop::failed("wrong credentials to be refused", "a session")),
        }
    }
    stage.login().await.map(drop)
}

/// What is listed before login can be done by every user: the abilities of a session hold those of the backend.
pub async fn abilities_before_login_hold_after_it<B: Backend>(stage: &Stage<B>) -> Verdict {
    let (before, after) = (stage.abilities()?, stage.login().await?.session.abilities());
    ensure!(
        after.includes(&before),
        format!("the abilities from before login, {before:?}"),
        format!("{after:?}")
    );
    Ok(())
}
