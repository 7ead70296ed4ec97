//! Two clients and one expunge: what each of them is told, and when.
//!
//! `cargo run -p imap-backendutil-examples --example two_clients`
//!
//! Ann removes message 1. Bob is told of it only by a command that allows it; until then his message 2 is the one it
//! was, and a new message passes the EXPUNGE that is held. Then Bob idles, and is told at once.
//! ```text
//! -- Ann expunges message 1.
//!  Ann says  STORE 1 +FLAGS.SILENT (\Deleted)
//!  Ann hears a7 OK STORE completed
//!  Ann says  EXPUNGE
//!  Ann hears * 1 EXPUNGE
//!  Ann hears * 2 RECENT
//!  Ann hears a8 OK EXPUNGE completed
//! -- Bob's FETCH holds the EXPUNGE: message 2 is still UID 2 for him.
//!  Bob says  FETCH 2 (UID)
//!  Bob hears * 2 FETCH (UID 2)
//!  Bob hears a3 OK FETCH completed
//! -- Ann stores a message and flags another: both pass the EXPUNGE, in Bob's numbers.
//!  Bob says  FETCH 2 (UID)
//!  Bob hears * 2 FETCH (UID 2)
//!  Bob hears * 3 FETCH (UID 3 FLAGS (\Flagged))
//!  Bob hears * 4 EXISTS
//!  Bob hears a4 OK FETCH completed
//! -- Bob says NOOP, and is told.
//!  Bob says  NOOP
//!  Bob hears * 1 EXPUNGE
//!  Bob hears a5 OK NOOP completed
//!  Bob says  FETCH 2 (UID)
//!  Bob hears * 2 FETCH (UID 3)
//!  Bob hears a6 OK FETCH completed
//! -- Bob idles while Ann expunges another.
//!  Bob says  IDLE
//!  Bob hears + idling
//!  Bob hears * 1 EXPUNGE
//! ```

use imap_backend_test::MemoryBackend;
use imap_backendutil_examples::Client;
use imap_server::Server;

#[tokio::main(flavor = "current_thread")]
async fn main() -> std::io::Result<()> {
    let server = Server::builder(MemoryBackend::new("demo", "demo")).build();
    let mut ann = Client::connect(&server, "Ann").await?;
    for subject in ["one", "two", "three"] {
        ann.append(subject).await?;
    }
    ann.quietly("NOOP").await?;
    let mut bob = Client::connect(&server, "Bob").await?;

    println!("-- Ann expunges message 1.");
    ann.say("STORE 1 +FLAGS.SILENT (\\Deleted)").await?;
    ann.say("EXPUNGE").await?;

    println!("-- Bob's FETCH holds the EXPUNGE: message 2 is still UID 2 for him.");
    bob.say("FETCH 2 (UID)").await?;
    println!("-- Ann stores a message and flags another: both pass the EXPUNGE, in Bob's numbers.");
    ann.append("four").await?;
    ann.quietly("UID STORE 3 +FLAGS.SILENT (\\Flagged)").await?;
    bob.say("FETCH 2 (UID)").await?;
    println!("-- Bob says NOOP, and is told.");
    bob.say("NOOP").await?;
    bob.say("FETCH 2 (UID)").await?;

    println!("-- Bob idles while Ann expunges another.");
    bob.begin("IDLE").await?;
    ann.quietly("UID STORE 2 +FLAGS.SILENT (\\Deleted)").await?;
    ann.quietly("EXPUNGE").await?;
    while !bob.hear().await?.ends_with("EXPUNGE") {}
    Ok(())
}
