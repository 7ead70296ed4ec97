//! A store behind HTTP, which has ids and no UIDs, and can only be listed page by page.
//!
//! `cargo run -p imap-backendutil-examples --example rest_backend [ADDRESS:PORT] [JOURNALS]`, user and password `demo`.
//! The backend is `backend.rs`, under 200 lines without comments and empty ones; `rest.rs` is the client of the store, as its
//! maker might hand it out; the store is a server on a port of its own (`server.rs`). UIDs are kept in the directory `JOURNALS`, `rest-journals` in the
//! working directory if nothing else is said; the store's ids are new at each start, so the messages are too. It prints the
//! following lines, with the store's port, and serves until it is interrupted:
//! ```text
//! listening on 127.0.0.1:1143
//! the store is http://127.0.0.1:PORT; try, with mail.txt for a message of yours:
//!   curl imap://demo:demo@127.0.0.1:1143/INBOX -T mail.txt
//!   curl 'http://127.0.0.1:PORT/mailboxes/INBOX/messages?flags=&date=2026-01-01T00:00:00Z' --data-binary @mail.txt
//!   curl imap://demo:demo@127.0.0.1:1143/INBOX -X 'UID FETCH 1:* (FLAGS RFC822.SIZE)'
//!   curl -X PUT http://127.0.0.1:PORT/faults --json '{"slow":500,"repeated":true,"missing":true,"too_many":3,"errors":5}'
//! ```
//! `rest_backend measure [MESSAGES]` lists a mailbox of a million, and says what that and SELECT cost.
//!
//! It passes the conformance kit, with all faults switched on too (`tests/rest_backend.rs`); CREATE and RENAME, which the
//! store does not have, are skipped there.

pub(crate) mod backend;
mod measure;
pub(crate) mod rest;
pub(crate) mod server;

use backend::Account;
use imap_poller::Pace;
use imap_server::{Server, Shutdown};
use rest::Rest;
use server::RestServer;

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let address = arguments.next().unwrap_or("127.0.0.1:1143".into());
    if address == "measure" {
        return measure::measure(arguments.next().map_or(Ok(1_000_000), |number| number.parse())?).await;
    }
    let journals = arguments.next().unwrap_or("rest-journals".into());
    std::fs::create_dir_all(&journals)?;
    let store = RestServer::start().await?;
    let listener = tokio::net::TcpListener::bind(address).await?;
    let (imap, http) = (listener.local_addr()?, store.url());
    println!("listening on {imap}");
    println!("the store is {http}; try, with mail.txt for a message of yours:");
    println!("  curl imap://demo:demo@{imap}/INBOX -T mail.txt");
    println!(
        "  curl '{http}/mailboxes/INBOX/messages?flags=&date=2026-01-01T00:00:00Z' --data-binary @mail.txt"
    );
    println!("  curl imap://demo:demo@{imap}/INBOX -X 'UID FETCH 1:* (FLAGS RFC822.SIZE)'");
    let faults = r#"{"slow":500,"repeated":true,"missing":true,"too_many":3,"errors":5}"#;
    println!("  curl -X PUT {http}/faults --json '{faults}'");
    let account = Account::new(Rest::new(&http), journals.into(), Pace::default());
    Ok(Server::builder(account).build().serve(listener, Shutdown::new()).await?)
}
