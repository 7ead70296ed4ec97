//! What IMAP says about one message: ENVELOPE, BODYSTRUCTURE, sections and text search over its octets.
//!
//! These types answer:
//!
//! * A [`Summary`] is small and owned. It says what FETCH, SORT, THREAD and SENTON ask without the text: ENVELOPE,
//!   BODYSTRUCTURE, RFC822.SIZE, the sent date, the References, and where the octets of every section lie, so that a server
//!   streams `BODY[1.2]` from the store without looking for it. A [`Summarizer`] makes one in bounded memory while the
//!   message arrives or is read; a store keeps it in a column or a cache file ([`Summary::to_bytes`]).
//! * A [`TextSearch`] looks for the strings of SEARCH BODY, TEXT and HEADER while a message is read piece by piece. It says
//!   which octets it wants, attachments not among them.
//! * A [`BaseSubject`], [`MessageIds`] and [`casemap`] are what SORT and THREAD compare: subjects without `Re:`, IDs without
//!   quoting, text by the one collation `i;unicode-casemap`. A [`Summary`] has the rest of it.
//! * A [`Message`] borrows all octets. It answers the same questions for a message that is in memory.
//!
//! The crate does no I/O, knows no flags, UIDs or mailboxes, and uses no type of an IMAP codec: writing the answers on the
//! wire is left to the server, reading the octets to the store.
//!
//! ```
//! use std::num::NonZeroU32;
//!
//! use imap_message::{
//!     BodyStructure, Located, Message, Needle, Section, SectionText, Summarizer, Summary, to_crlf,
//! };
//!
//! let stored = b"From: Joe <joe@example.org>\nSubject: =?utf-8?Q?Gr=C3=BC=C3=9Fe?=\n\
//!     Content-Type: multipart/mixed; boundary=x\n\n--x\n\nHello\n--x--\n";
//! let octets = to_crlf(stored); // a Maildir has LF line ends, IMAP has CRLF
//!
//! let mut summarizer = Summarizer::new();
//! for chunk in octets.chunks(16) {
//!     summarizer.push(chunk); // as they arrive, cut anywhere
//! }
//! let summary = summarizer.finish();
//! assert_eq!(Summary::from_bytes(&summary.to_bytes()).as_ref(), Ok(&summary));
//!
//! let envelope = summary.envelope();
//! assert_eq!(envelope.from[0].host.as_deref(), Some(&b"example.org"[..]));
//! assert_eq!(envelope.subject.as_deref(), Some(&b"=?utf-8?Q?Gr=C3=BC=C3=9Fe?="[..])); // as sent
//!
//! let Some(BodyStructure::Multipart(multipart)) = summary.structure() else { panic!() };
//! assert_eq!(multipart.parts.len(), 1);
//!
//! let first = Section { part: vec![NonZeroU32::MIN], text: SectionText::All }; // BODY[1]
//! let Some(Located::Range(range)) = summary.locate(&first) else { panic!() };
//! assert_eq!(&octets[range.start as usize..range.end as usize], b"Hello");
//!
//! let message = Message::parse(&octets);
//! assert!(!message.contains_header("subject", &Needle::new("GRÜSSE"))); // ß is not ss
//! assert!(message.contains_header("subject", &Needle::new("grüße"))); // decoded, any case
//! ```
//!
//! # Any octets are a message
//!
//! Nothing here fails or panics, whatever the octets. Mail that breaks the rules gets the answer that shows most of it:
//! a `Content-Type:` that is none counts as text, a multipart without parts too, an address without a domain has an empty
//! one. On mail that keeps the rules the answers are those of Dovecot and of Python's `email` package.
//!
//! Strings of [`Envelope`] and [`BodyStructure`] are the message's octets, 8-bit ones included, but never hold NUL, CR or
//! LF: folds are undone, NUL and a lone CR become a space. A server can therefore send them as quoted strings (or
//! literals where 8-bit octets are not agreed on). Sections are exact: what to do about a NUL in a body, which no literal
//! may carry, is the server's decision. A `message/global` part is a message here; for an IMAP4rev1 session the server
//! writes it as a basic body ([`SinglePart::is_global_message`]).
//!
//! Offsets and sizes count the octets given, which should be the CRLF form. A lone LF ends a line too and counts as one
//! octet.
//!
//! # Limits
//!
//! What is beyond a limit is cut, never refused: mail comes from strangers.
//!
//! | limit | what happens beyond |
//! | --- | --- |
//! | [`MAX_DEPTH`]: 100 levels | a deeper multipart or message is one `application/octet-stream` part |
//! | [`MAX_PARTS`]: 1,000 parts, messages inside counted twice | the rest of the message is one `application/octet-stream` part |
//! | boundary of 996 octets | a longer one is none, so the multipart is text |
//! | [`MAX_FIELD`]: 65,535 octets of one field in a summary | the value ends with the last address, parameter or word that fits |
//! | [`MAX_FIELDS`]: 262,144 octets of fields in a summary | later fields are left out; of type and encoding each part keeps up to 64 octets all the same, so that clients can read it |
//! | [`MAX_ADDRESSES`]: 10,000 in an ENVELOPE, and in all envelopes of a BODYSTRUCTURE | later addresses are not listed (a group that is open is closed) |
//! | [`MAX_SEARCHED_FIELD`]: 262,144 octets of one field in a text search | the search looks at whole words up to there |
//! | 1,000 words in a display name, 256 parameters in a field | later ones are left out |
//!
//! So a summary takes less than 320 KiB, a [`Summarizer`] less than 1 MiB, and what a server writes as ENVELOPE or
//! BODYSTRUCTURE of one message stays below 3 MiB: every kept octet is written at most three times (From stands for Sender
//! and Reply-To where they are absent), and an address costs at most 19 octets besides.
//! `From` is not copied for that: [`Envelope::sender`] and [`Envelope::reply_to`] borrow it.
//!
//! # Costs
//!
//! Time is linear in the size of the message for every method, hostile messages included. [`Message::parse`] looks for the
//! end of the header only; the first [`Message::structure`], numbered section or body search makes one pass over the
//! boundaries. A text search takes some tens of KiB and the header field that it looks at, whatever the message and its
//! parts; all strings of a SEARCH are looked for in the same pass.
//!
//! Generated mail of lists, newsletters and attachments, 5,000 messages of 4.5 kB on average, some of them broken;
//! `cargo run --release -p imap-backendutil-benches --bin message-table -- MAILDIR` on two cores that others used too, the
//! least of nine rounds:
//!
//! | work | a message |
//! | --- | --- |
//! | [`Summary::of`] | 4.8 us |
//! | [`Summary::envelope`], [`Message::envelope`] | 0.55, 1.8 us |
//! | [`Summary::structure`], [`Message::structure`] | 0.47, 5.4 us |
//! | [`Summary::from_bytes`] | 0.20 us |
//! | `mail-parser`, which decodes all bodies | 20 us |
//! | memory of a summary, stored | 358, 291 octets |
//!
//! A digest of 82 messages with 10,000 addresses in each of six fields (25 MB) makes a summary of 205 kB; its ENVELOPE
//! and BODYSTRUCTURE are made in 0.5 ms.
//!
//! # What is our own, and why
//!
//! `mail-parser` 0.11 (1.0 wants a newer Rust), `mailparse` 0.18, `data-encoding`, `quoted_printable`, `rfc2047-decoder` and
//! `chrono` were measured on the same mail.
//!
//! * **Splitting and fields**: IMAP wants exact offsets and undecoded strings. `mail-parser` decodes while it splits, copies
//!   all bodies, and joins RFC 2231 parameters into decoded text, which BODYSTRUCTURE may not show; a million parts take it
//!   0.2 to 0.5 s, here 0.3 ms. `mailparse` scans a multipart once per level and does not descend into `message/rfc822`.
//! * **Base64 and quoted-printable**: SEARCH wants what can be read of damaged text. `data-encoding` refuses 49 of 772 base64
//!   bodies whole, because they are cut off or have something else between the digits; `mail-parser` ends at an 8-bit octet
//!   and gives up at a `*`, and at `=ZZ` in quoted-printable; `quoted_printable` drops 8-bit octets. A body search is no
//!   faster with any of them, because it spends its time on case and charset.
//! * **Encoded words**: `mail-parser` and `rfc2047-decoder` lose a character that is split over two words, and raw 8-bit
//!   text that is not UTF-8: 130 and 135 of 4,889 subjects read otherwise. The first takes twice as long, the second
//!   ten times, and 30 ms for 90 kB of encoded words (here 0.5 ms).
//! * **Dates**: SEARCH wants the day of whatever people send. Ours reads 4,832 of 4,889, `mail-parser` 4,811 (no year of two
//!   digits, but a 29 February 2005), `chrono` 4,748, each in 0.2 to 0.3 us.
//! * **Charsets** are `encoding_rs`'s; only the guess where a message names none is ours.
//!
//! # Trade-offs
//!
//! * A text search reads each message anew: an index of words is the business of a store that has one.
//! * There are two splitters, one over chunks and one over whole octets. The tests hold them against each other. There is
//!   one search: that over pieces.
//! * Text without a known charset is UTF-8 if all of it is, else Windows-1252, which only its end tells. It is searched as
//!   both from its first octet that is not ASCII on, which takes twice the time there, and read once.
//! * SEARCH, SORT and THREAD compare by one collation, [`casemap`], which knows no language; see [`Needle`].
//!   HTML is searched as source.

mod address;
mod build;
mod charset;
mod collation;
mod cursor;
mod date;
mod encoded_word;
mod envelope;
mod field_name;
mod header;
mod html;
mod lines;
mod message;
mod message_id;
mod mime_fields;
mod octets;
mod parameter;
mod part;
mod rfc2231;
mod search;
mod section;
mod structure;
mod subject;
mod summarizer;
mod summary;
mod transfer;

pub use address::{Address, MAX_ADDRESSES};
pub use collation::casemap;
pub use envelope::Envelope;
pub use header::{Field, Fields};
pub use message::Message;
pub use message_id::MessageIds;
pub use octets::{Octets, crlf_len, to_crlf};
pub use parameter::Parameter;
pub use part::{MAX_DEPTH, MAX_PARTS};
pub use search::{MAX_SEARCHED_FIELD, Needle, SearchedText, TextKey, TextSearch, trigrams};
pub use section::{Section, SectionText, select_fields};
pub use structure::{BodyStructure, Disposition, Extension, Multipart, SinglePart, Specific};
pub use subject::BaseSubject;
pub use summarizer::Summarizer;
pub use summary::{
    AddressField, InvalidSummary, KeptHeader, Located, MAX_FIELD, MAX_FIELDS, PartDecoder, Preview, Summary,
};
