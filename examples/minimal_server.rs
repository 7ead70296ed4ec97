//! A server in twenty lines: the reference backend, in memory, on a port.
//!
//! `cargo run -p imap-backendutil-examples --example minimal_server [ADDRESS:PORT]`, user and password `demo`.
//! It prints the following line and serves until it is interrupted:
//! ```text
//! listening on 127.0.0.1:1143
//! ```
//! Then `curl imap://demo:demo@127.0.0.1:1143/INBOX -T message.eml` stores a message.

use imap_backend_test::MemoryBackend;
use imap_server::{Server, Shutdown};

#[tokio::main]
async fn main() -> std::io::Result<()> {
    let address = std::env::args().nth(1).unwrap_or("127.0.0.1:1143".into());
    let listener = tokio::net::TcpListener::bind(address).await?;
    println!("listening on {}", listener.local_addr()?);
    let backend = MemoryBackend::new("demo", "demo");
    Server::builder(backend).build().serve(listener, Shutdown::new()).await
}
