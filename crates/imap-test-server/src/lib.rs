//! An IMAP server for the tests of an IMAP client: in the test's process, over a socket or in memory.
//!
//! ```
//! use imap_test_server::TestServer;
//! use std::io::{Read, Write};
//!
//! let server = TestServer::builder().mailbox("INBOX", ["Subject: hello\n\nText\n"]).start();
//! let mut stream = std::net::TcpStream::connect(server.address())?;
//! stream.write_all(b"a LOGIN joe secret\r\nb SELECT INBOX\r\nc LOGOUT\r\n")?;
//! let mut answers = String::new();
//! stream.read_to_string(&mut answers)?;
//! assert!(answers.contains("\r\n* 1 EXISTS\r\n"));
//! # Ok::<(), std::io::Error>(())
//! ```
//!
//! A server is up in 0.1 ms, and has greeted a client in 0.25 ms, in a debug build (example `start`). It has a port of its own,
//! writes no files, and ends when its value is dropped. It has a thread and a runtime of its own: a blocking test needs none. It
//! speaks all of the toolkit's IMAP: IMAP4rev1 and IMAP4rev2, CONDSTORE and QRESYNC, NOTIFY, SORT, and what else
//! `docs/capabilities.md` lists.
//!
//! # A client on tokio, in memory
//!
//! ```
//! use imap_test_server::TestServer;
//! use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
//!
//! # tokio::runtime::Builder::new_current_thread().build()?.block_on(async {
//! let server = TestServer::builder().mailbox("INBOX", ["Subject: one\n\n"]).start();
//! let mut stream = BufReader::new(server.connect());
//! stream.write_all(b"a LOGIN joe secret\r\nb SELECT INBOX\r\nc IDLE\r\n").await?;
//!
//! server.said(" IDLE").await;
//! server.account("joe").deliver("INBOX", "Subject: two\n\n");
//! let mut line = String::new();
//! while !line.contains("* 2 EXISTS") {
//!     line.clear();
//!     stream.read_line(&mut line).await?;
//! }
//! # Ok::<(), std::io::Error>(())
//! # })?;
//! # Ok::<(), std::io::Error>(())
//! ```
//!
//! # A blocking client
//!
//! With the crate `imap`; this and a test of `async-imap` are in the crate's folder `clients`. What `imap` (2.4.1 and 3.0 alpha),
//! `io-imap`, `imap-next` and Python's `imapclient` have of tests and examples themselves runs against this server, too:
//! `docs/testing-a-client.md` says what, and what is left out and why.
//!
//! ```ignore
#![doc = include_str!("../clients/tests/blocking.rs")]
//! ```
//!
//! # Other languages
//!
//! The program `imap-test-server` is the same in a process of its own, and takes commands by its standard input. In Python:
//!
//! ```python
#![doc = include_str!("../examples/with_imaplib.py")]
//! ```
//!
//! # What a test can do
//!
//! * **Seed**: [`Builder::mailbox`] from a few lines, [`Builder::folder`] from `.eml` files; flags, dates and UIDs by [`Message`];
//!   several accounts.
//! * **Switch** each capability off: [`Builder::without`], [`Builder::only`]; TLS on: [`Builder::tls`], [`Builder::starttls`].
//! * **Change mailboxes behind the client's back**: [`Account`]; and wait for what was said: [`TestServer::said`],
//!   [`TestServer::told`].
//! * **Have things go wrong**: a [`Fault`] refuses, delays, cuts, loses or rewrites; [`TestServer::disconnect_all`] and
//!   [`TestServer::bye_all`] end connections at any time, in IDLE too.
//! * **Take a [`Persona`]**: a server, or a message, of a public report that broke a client. [`personas`] has them all.
//! * **Look**: [`TestServer::transcript`], [`Account::messages`].
//!
//! # How it works
//!
//! The server proper is `imap-server` on `imap-memory`, and gets nothing wrong. Each connection passes through a relay that takes
//! the server's words apart into responses, and the client's into commands; all faults and personas happen there. What a client
//! says is given on as it comes, so that continuations and pipelines are those of the server.
//!
//! # Trade-offs
//!
//! * A wrong test panics: a mailbox that is not there, a flag that is none. A wait panics after [`Builder::patience`], and shows the
//!   transcript.
//! * A response is held whole in the relay, with its literals: a message of a gibibyte takes as much memory twice.
//! * Of what was said the last 64 MiB are kept, for transcripts and waits, and of one response, or one piece of a command, the first
//!   64 KiB. A wait that begins after that sees no more.
//! * SCRAM and EXTERNAL are not offered: the relay ends TLS, and knows no certificates of clients.
//! * Once a client compresses, which is off unless it is [switched on](Builder::with), faults and transcript end for its connection.

mod account;
mod accounts;
mod builder;
mod fault;
mod folder;
mod log;
mod message;
mod persona;
mod relay;
mod response;
mod server;
mod switches;
mod tls;
mod world;

pub use account::{Account, Stored};
pub use builder::Builder;
pub use fault::{BadFault, Command, Fault, On, Place, Step};
pub use log::Waiting;
pub use message::Message;
pub use persona::{Persona, personas};
pub use response::Response;
pub use server::TestServer;
