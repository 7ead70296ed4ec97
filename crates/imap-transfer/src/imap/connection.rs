//! Commands, and what is answered to them.
//!
//! The client crate connects, logs in and reads responses. Its streams of responses end in the same way whether the command was
//! done, refused, or the connection lost; here these are told apart, so that no mailbox seems to have fewer messages than it has.

use std::fmt;
use std::time::Duration;

use async_imap::imap_proto::{Capability, Response, Status};
use async_imap::{Authenticator, Session};

use super::stream::{Tls, Wire, connect};
use crate::Failure;

/// So long the server may take for a response.
const PATIENCE: Duration = Duration::from_secs(120);

/// A connection of a user.
pub(super) struct Connection {
    session: Session<Box<dyn Wire>>,
    capabilities: Vec<String>,
}

impl fmt::Debug for Connection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Connection")
    }
}

/// Waits so long and no longer.
pub(super) async fn in_time<F: Future>(future: F) -> Result<F::Output, Failure> {
    let waited = tokio::time::timeout(PATIENCE, future).await;
    Ok(waited.map_err(|_| "the server does not answer")?)
}

/// The password as the SASL mechanism PLAIN has it, which takes other texts than LOGIN does.
struct Plain(String);

impl Authenticator for Plain {
    type Response = String;

    fn process(&mut self, _: &[u8]) -> String {
        self.0.clone()
    }
}

impl Connection {
    /// Connects and logs in.
    pub(super) async fn open(
        host: &str,
        port: u16,
        tls: Tls,
        login: &str,
        password: &str,
    ) -> Result<Self, Failure> {
        let client = connect(host, port, tls).await?;
        let logged_in = match login.is_ascii() && password.is_ascii() {
            true => in_time(client.login(login, password)).await?,
            false => {
                let plain = Plain(format!("\0{login}\0{password}"));
                in_time(client.authenticate("PLAIN", plain)).await?
            }
        };
        let session = logged_in.map_err(|(error, _)| format!("cannot log in as {login}: {error}"))?;
        let mut connection = Self {
            session,
            capabilities: Vec::new(),
        };
        let mut capabilities = Vec::new();
        let answer = connection.command("CAPABILITY", |response| {
            if let Response::Capabilities(all) = response {
                capabilities.extend(all.iter().filter_map(|capability| match capability {
                    Capability::Atom(text) => Some(text.to_ascii_uppercase()),
                    _ => None,
                }));
            }
        });
        answer
            .await?
            .map_err(|why| format!("it has no capabilities: {why}"))?;
        connection.capabilities = capabilities;
        Ok(connection)
    }

    /// Whether the server has a capability.
    pub(super) fn has(&self, capability: &str) -> bool {
        self.capabilities.iter().any(|known| known == capability)
    }

    /// Gives the responses to a command; then whether it was done, or what the server says instead.
    ///
    /// # Errors
    /// The connection is lost.
    pub(super) async fn command(
        &mut self,
        command: &str,
        mut each: impl FnMut(&Response<'_>),
    ) -> Result<Result<(), String>, Failure> {
        let id = in_time(self.session.run_command(command)).await??;
        loop {
            let response = in_time(self.session.read_response()).await??;
            let response = response.ok_or("the server has closed the connection")?;
            match response.parsed() {
                Response::Done { tag, status, outcome } if *tag == id => {
                    let said = outcome.information.as_deref().unwrap_or("no");
                    return Ok(match status {
                        Status::Ok => Ok(()),
                        _ => Err(said.to_owned()),
                    });
                }
                response => each(response),
            }
        }
    }
}

/// What to put between quotes to name a mailbox of which the parser gives this: what the server has put there, or its text.
pub(super) fn quoted(given: &str) -> String {
    let mut rest = given.chars();
    while let Some(character) = rest.next() {
        let is_escaped = character == '\\' && matches!(rest.next(), Some('\\' | '"'));
        if matches!(character, '\\' | '"') && !is_escaped {
            return given.replace('\\', "\\\\").replace('"', "\\\"");
        }
    }
    given.to_owned()
}

/// The text that stands between quotes.
pub(super) fn without_escapes(quoted: &str) -> String {
    let (mut text, mut rest) = (String::new(), quoted.chars());
    while let Some(character) = rest.next() {
        text.extend(match character {
            '\\' => rest.next(),
            other => Some(other),
        });
    }
    text
}
