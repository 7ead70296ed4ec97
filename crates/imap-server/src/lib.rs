//! A tokio IMAP server that runs any backend.
//!
//! You bring an [`imap_backend::Backend`]; this crate brings the rest of an IMAP4rev1 server (RFC 3501): octets, lines
//! and literals, states, commands, responses, TLS, limits and a graceful stop. Offered besides: IDLE, UIDPLUS, MOVE,
//! UNSELECT, NAMESPACE, ID, ENABLE, LITERAL+, SASL-IR, CHILDREN, APPENDLIMIT,
//! COMPRESS=DEFLATE, UNAUTHENTICATE, JMAPACCESS, STARTTLS, and AUTHENTICATE: PLAIN, LOGIN, SCRAM-SHA-256 and -PLUS, OAUTHBEARER,
//! XOAUTH2, EXTERNAL, as far as the backend [takes](imap_backend::Backend::logins) what they prove with.
//!
//! # What is left to you
//!
//! Where mail is kept and who may log in (the backend), certificates ([`ServerBuilder::tls`] takes a
//! [`rustls`] configuration), sockets (bind them as you like) and signals (make [`Shutdown::start`] of them).
//!
//! # Example
//!
//! A server in memory, and a client that is served over a pipe; with sockets it is [`Server::serve`].
//!
//! ```
//! use imap_backend::{Peer, Transport};
//! use imap_backend_test::MemoryBackend;
//! use imap_server::{Server, Shutdown};
//! use tokio::io::{AsyncReadExt, AsyncWriteExt};
//!
//! # tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(async {
//! let server = Server::builder(MemoryBackend::new("joe", "secret")).build();
//! let shutdown = Shutdown::new();
//!
//! let (mut client, stream) = tokio::io::duplex(4096);
//! let peer = Peer::new(None, Transport::Plain);
//! tokio::spawn(async move { server.serve_connection(stream, peer, shutdown).await });
//!
//! client.write_all(b"a LOGIN joe secret\r\nb STATUS INBOX (MESSAGES)\r\nc LOGOUT\r\n").await?;
//! let mut answers = String::new();
//! client.read_to_string(&mut answers).await?;
//! assert!(answers.contains("* STATUS INBOX (MESSAGES 0)\r\nb OK STATUS completed\r\n"));
//! assert!(answers.ends_with("* BYE logging out\r\nc OK LOGOUT completed\r\n"));
//! # Ok::<(), std::io::Error>(())
//! # })?;
//! # Ok::<(), std::io::Error>(())
//! ```
//!
//! # What a client can rely on
//!
//! * **One exit.** EXISTS, EXPUNGE, RECENT and unilateral FETCH come from the session's
//!   [`UpdateBuffer`](imap_updates::UpdateBuffer) and are written in one place, at the end of each command, failed ones
//!   included. Which commands release an EXPUNGE is decided by types (`imap-updates`, the release table); commands
//!   that are already waiting in the input and use sequence numbers hold it back.
//! * **Sets are resolved once**, in the numbering that this client was told, before the backend is asked.
//! * **Nothing is accepted unseen.** A literal is announced, weighed, and only then asked for; the message of an APPEND
//!   goes to the backend piece by piece, and a backend that refuses it refuses before it was sent.
//! * **All or none.** What is wrong with one message of a MULTIAPPEND, or with one part of a message that is put together
//!   (CATENATE), leaves no message, and a REPLACE that fails removes none.
//! * A message that somebody else expunged and that still has its number: FETCH and STORE serve the others and answer
//!   NO `[EXPUNGEISSUED]`, COPY and MOVE do nothing and answer the same; the UID forms pass over it (RFC 2180).
//! * A mailbox that is deleted under a session, or gets a new UIDVALIDITY, ends the session with BYE.
//!
//! # Costs
//!
//! One task for each connection, 5 KiB while it waits for its client, at most about 300 KiB of input, command and output.
//! While it fetches, 64 KiB of one message besides, and what the backend hands over with a batch of records
//! ([`imap_backend::Need::HELD_OCTETS`]): a message is written while it is read, whatever its size. A SEARCH in text holds
//! a piece of 64 KiB of one message, and gives way between pieces. All other bounds are in [`Limits`]. Output is sent in
//! batches of 32 KiB; a client that does not read blocks only itself, and not for longer than [`Limits::write_stall`].
//!
//! A compressed connection holds 32 KiB more while it waits: what its client may refer back to, compressed after two seconds.
//! Compressors of 312 KiB and decompressors are shared: there are as many as are at work, and eight at rest. Input is inflated only
//! as far as there is room for it, so that the bounds on input are bounds on what it stands for.
//!
//! SEARCH, and FETCH of what lies in messages, is done in turns: as much of it at the same time as there are cores, each turn
//! from one pause to the next, and by user. So one user's thousand searches delay another user's by one turn each time. A
//! backend's part is to pause: a [`search`](imap_backend::Mailbox::search) that does not keeps its core (on a runtime of
//! several threads nobody else waits for that), and does not end when its client has gone.
//!
//! # Trade-offs
//!
//! * SCRAM is bound to the TLS session by `tls-exporter` (RFC 9266) under TLS 1.3 alone; a server behind a proxy that ends TLS, and
//!   [`Server::serve_connection`], cannot bind, and do not offer -PLUS. Of a user without keys the same salt is shown each time,
//!   made from [`ServerBuilder::scram_secret`].
//! * What shows a secret (LOGIN, PLAIN, OAUTHBEARER, XOAUTH2) is offered where [`PlaintextLogin`] allows it, SCRAM everywhere.
//! * Under compression UNAUTHENTICATE is not offered: compression would have to end with it, on an octet that cannot be told.
//! * A message that turns out shorter than its size, or cannot be read to its end, ends the connection in the middle of the
//!   literal: nothing that could follow would be understood. Everything that can be known before is answered with NO.
//! * HEADER.FIELDS selects from headers of up to 1 MiB and answers NO `[LIMIT]` for longer ones; BODY\[HEADER\] has no bound.
//! * URLs of CATENATE are read through a second session ([`imap_backend::Session::another`]), because the client's own is
//!   storing the message meanwhile. They are of the same user and server; any other is a BADURL.
//! * A header with octets above 127 is stored also for a client that has not enabled UTF8=ACCEPT, although RFC 6855,
//!   section 4 has the server refuse it: programs that copy mail meet such headers, and refusing them loses mail.
//! * BINARY decodes a part twice, to announce its length and to write it. A PREVIEW is made of the first 8 KiB of plain text
//!   or 64 KiB of HTML and not kept; LAZY answers NIL where the backend has not handed the message over.
//! * Commands are decoded by `imap-codec`. The search program of SEARCH has a parser of its own, because the codec reads it
//!   eight levels deep and no deeper. A program may have 1,000 keys, 64 of which may read messages (BODY, TEXT, HEADER with a field that is not in
//!   ENVELOPE), and 64 levels; chains of OR and parentheses around one key are no levels. Beyond: NO `[LIMIT]`.
//! * Of a backend's errors only the kind reaches the client; the words go to the log ([`tracing`]), which never has
//!   contents of messages or passwords.
//! * A panic in a backend costs the client its connection, and nobody else anything.
//!
//! [`rustls`]: tokio_rustls::rustls

mod capabilities;
mod client;
mod command;
mod completion;
mod config;
mod connection;
mod contexts;
mod convert;
mod dispatch;
mod enabled;
mod listener;
mod log_limit;
mod mailbox_flags;
mod notify;
mod numbers;
mod on_the_heap;
mod options;
mod places;
mod renames;
mod rights;
mod sasl;
mod selected;
mod server;
mod shared;
mod shutdown;
mod slots;
mod state;
mod syntax;
mod turns;
mod url_token;
mod wire;

pub use config::{Limits, PlaintextLogin};
pub use options::{BadIdField, Compression, Identification, LoginMechanism, OAuth};
pub use server::{Server, ServerBuilder};
pub use shutdown::Shutdown;
