//! A server on a Maildir: mail that other programs deliver there, or that Dovecot has numbered, is served as it is.
//!
//! `cargo run -p imap-backendutil-examples --example maildir_server [ADDRESS:PORT] [MAILDIR]`
//!
//! The user `demo` has the password `demo`; the Maildir is `demo-maildir` in the working directory, made if missing.
//! It prints the following line and serves until it is interrupted:
//! ```text
//! listening on 127.0.0.1:1143
//! ```
//! A file dropped into `demo-maildir/new` reaches a client in IDLE. For real users there is `maildird`.

use imap_maildir::{Authenticator, MailRoot, MaildirBackend, PasswordCheck};
use imap_server::{Server, Shutdown};
use std::error::Error;

struct OneUser;

impl Authenticator for OneUser {
    async fn verify(
        &self,
        user: &str,
        password: &str,
    ) -> Result<PasswordCheck, Box<dyn Error + Send + Sync>> {
        Ok(match (user, password) {
            ("demo", "demo") => PasswordCheck::Accepted,
            _ => PasswordCheck::Refused,
        })
    }
}

#[tokio::main]
async fn main() -> std::io::Result<()> {
    let address = std::env::args().nth(1).unwrap_or("127.0.0.1:1143".into());
    let maildir = std::env::args().nth(2).unwrap_or("demo-maildir".into());
    let backend = MaildirBackend::new(MailRoot::new(maildir), OneUser)?;
    let listener = tokio::net::TcpListener::bind(address).await?;
    println!("listening on {}", listener.local_addr()?);
    Server::builder(backend).build().serve(listener, Shutdown::new()).await
}
