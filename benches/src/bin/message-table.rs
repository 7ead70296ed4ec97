//! The figures of `imap-message`: summaries against whole messages, and its readers against the crates that could replace
//! them. The least of several rounds, which is what the code needs when nobody disturbs it.
//!
//! `cargo run --release -p imap-backendutil-benches --bin message-table -- MAILDIR`, with a Maildir of any mail.

use std::hint::black_box;
use std::time::Instant;

use imap_message::{Message, Needle, Summarizer, Summary, TextKey, TextSearch, to_crlf};
use mail_parser::decoders::base64::base64_decode;
use mail_parser::decoders::quoted_printable::quoted_printable_decode;
use mail_parser::{MessageParser, MimeHeaders};
use stats_alloc::{INSTRUMENTED_SYSTEM, Region, StatsAlloc};

#[global_allocator]
static ALLOCATOR: &StatsAlloc<std::alloc::System> = &INSTRUMENTED_SYSTEM;

const ROUNDS: u32 = 9;

type Texts = Vec<Vec<u8>>;
type Decode = fn(&[u8]) -> Option<Vec<u8>>;

/// Prints the least time that `work` takes for all of `items`.
fn row<I, T>(name: &str, items: &[I], octets: usize, mut work: impl FnMut(&I) -> T) {
    let round = |_| {
        let start = Instant::now();
        for item in items {
            black_box(work(item));
        }
        start.elapsed()
    };
    let time = (0..ROUNDS).map(round).min().unwrap_or_default().as_secs_f64();
    let each = time * 1e9 / items.len().max(1) as f64;
    println!(
        "{name:42} {:9.3} ms {each:12.0} ns each {:8.0} MB/s",
        time * 1e3,
        octets as f64 / time / 1e6
    );
}

fn total(texts: &[Vec<u8>]) -> usize {
    texts.iter().map(Vec::len).sum()
}

fn differing(
    texts: &[Vec<u8>],
    a: impl Fn(&[u8]) -> Option<String>,
    b: impl Fn(&[u8]) -> Option<String>,
) -> usize {
    texts.iter().filter(|text| a(text) != b(text)).count()
}

fn read(maildir: &str) -> std::io::Result<Texts> {
    let mut messages = Vec::new();
    for folder in ["cur", "new"] {
        for entry in std::fs::read_dir(format!("{maildir}/{folder}"))? {
            messages.push(to_crlf(&std::fs::read(entry?.path())?).into_owned());
        }
    }
    Ok(messages)
}

fn summaries(messages: &[Vec<u8>]) {
    let octets = total(messages);
    let made: Vec<Summary> = messages.iter().map(|message| Summary::of(message)).collect();
    let stored: Texts = made.iter().map(Summary::to_bytes).collect();
    let mean = |sum: usize| sum / made.len().max(1);
    let heap = made.iter().map(Summary::heap_size).sum();
    println!(
        "{} messages, {octets} octets; a summary: {} octets in memory, {} stored",
        made.len(),
        mean(heap),
        mean(total(&stored))
    );
    row("Summary::of", messages, octets, |message| Summary::of(message));
    row("Message::envelope", messages, octets, |message| {
        black_box(Message::parse(message).envelope()).to.len()
    });
    row("Message::structure", messages, octets, |message| {
        black_box(Message::parse(message).structure());
    });
    row("Summary::envelope", &made, octets, |summary| {
        black_box(summary.envelope()).to.len()
    });
    row("Summary::structure", &made, octets, |summary| {
        black_box(summary.structure()).is_some()
    });
    row("Summary::from_bytes", &stored, octets, |stored| {
        Summary::from_bytes(stored)
    });
    row("mail-parser parse", messages, octets, |message| {
        MessageParser::default().parse(message).is_some()
    });
    for (message, summary) in messages.iter().zip(&made) {
        let message = Message::parse(message);
        assert_eq!(summary.envelope(), message.envelope());
        assert_eq!(summary.structure(), Some(message.structure()));
    }
}

/// A message of one field or one encoded body, to ask ours about it.
fn message_of(before: &str, text: &[u8]) -> Vec<u8> {
    [before.as_bytes(), text, b"\r\n\r\n"].concat()
}

fn bodies(messages: &[Vec<u8>], encoding: &str, rivals: &[(&str, Decode)]) {
    let mut bodies = Vec::new();
    for octets in messages {
        for part in MessageParser::default()
            .parse(octets)
            .iter()
            .flat_map(|message| &message.parts)
        {
            let is_it = part
                .content_transfer_encoding()
                .is_some_and(|name| name.eq_ignore_ascii_case(encoding));
            let range = part.raw_body_offset() as usize..part.raw_end_offset() as usize;
            bodies.extend(octets.get(range).filter(|_| is_it).map(<[u8]>::to_vec));
        }
    }
    let octets = total(&bodies);
    println!(
        "{} bodies in {encoding}, {octets} octets: decode, lower case, find",
        bodies.len()
    );
    let needle = Needle::new("nowhere to be found");
    let before = format!("Content-Transfer-Encoding: {encoding}\r\n\r\n");
    let whole: Texts = bodies.iter().map(|body| message_of(&before, body)).collect();
    row("  ours", &whole, octets, |message| {
        Message::parse(message).contains_body(&needle)
    });
    for (name, decode) in rivals {
        row(&format!("  {name}"), &bodies, octets, |body| {
            decode(body).is_some_and(|text| needle.is_in(&String::from_utf8_lossy(&text)))
        });
        println!(
            "    refused: {}",
            bodies.iter().filter(|body| decode(body).is_none()).count()
        );
    }
}

fn subject_of_ours(value: &[u8]) -> Option<String> {
    Message::parse(&message_of("Subject: ", value)).decoded_field("subject")
}

fn subject_of_mail_parser(value: &[u8]) -> Option<String> {
    MessageParser::default()
        .parse_headers(&message_of("Subject: ", value))?
        .subject()
        .map(str::to_owned)
}

fn day_of_ours(value: &[u8]) -> Option<String> {
    Some(
        Message::parse(&message_of("Date: ", value))
            .sent_date()?
            .to_string(),
    )
}

fn day_of_mail_parser(value: &[u8]) -> Option<String> {
    let date = mail_parser::DateTime::parse_rfc822(std::str::from_utf8(value).ok()?)?;
    Some(format!("{:04}-{:02}-{:02}", date.year, date.month, date.day))
}

fn day_of_chrono(value: &[u8]) -> Option<String> {
    let date = chrono::DateTime::parse_from_rfc2822(std::str::from_utf8(value).ok()?).ok()?;
    Some(date.date_naive().to_string())
}

/// Every value of that field.
fn values(messages: &[Vec<u8>], name: &str) -> Texts {
    let value = |message: &Vec<u8>| Some(Message::parse(message).field(name)?.value().into_owned());
    messages.iter().filter_map(value).collect()
}

fn fields(messages: &[Vec<u8>]) {
    let rfc2047 = |value: &[u8]| rfc2047_decoder::decode(value).ok();
    let subjects = values(messages, "subject");
    println!("{} subjects", subjects.len());
    row("  ours", &subjects, total(&subjects), |value| {
        subject_of_ours(value)
    });
    row("  mail-parser", &subjects, total(&subjects), |value| {
        subject_of_mail_parser(value)
    });
    row("  rfc2047-decoder", &subjects, total(&subjects), |value| {
        rfc2047(value)
    });
    println!(
        "    differ: mail-parser {}, rfc2047-decoder {}",
        differing(&subjects, subject_of_ours, subject_of_mail_parser),
        differing(&subjects, subject_of_ours, rfc2047)
    );
    let dates = values(messages, "date");
    println!("{} dates", dates.len());
    row("  ours", &dates, total(&dates), |value| day_of_ours(value));
    row("  mail-parser", &dates, total(&dates), |value| {
        day_of_mail_parser(value)
    });
    row("  chrono", &dates, total(&dates), |value| day_of_chrono(value));
    let unread =
        |read: fn(&[u8]) -> Option<String>| dates.iter().filter(|value| read(value).is_none()).count();
    println!(
        "    unread: ours {}, mail-parser {}, chrono {}",
        unread(day_of_ours),
        unread(day_of_mail_parser),
        unread(day_of_chrono)
    );
}

/// What mail-parser makes of the cases that ours answers right in its tests.
fn cases() {
    let show = |name: &str, message: &str, answer: fn(&mail_parser::Message<'_>) -> String| {
        let told = MessageParser::default()
            .parse(message)
            .map(|message| answer(&message));
        println!("  {name}: {}", told.unwrap_or_default());
    };
    println!("mail-parser on the cases");
    let parts = |message: &mail_parser::Message<'_>| format!("{} entities", message.parts.len());
    show(
        "boundary in RFC 2231, three entities",
        "Content-Type: multipart/alternative; boundary*0*=us-ascii''%3Done;\r\n boundary*1*=two%3D\r\n\r\n--=onetwo=\r\n\r\na\r\n--=onetwo=\r\n\r\nb\r\n--=onetwo=--\r\n",
        parts,
    );
    show(
        "boundary in two pieces, three entities",
        "Content-Type: multipart/alternative; boundary*0=abc; boundary*1=def\r\n\r\n--abcdef\r\n\r\na\r\n--abcdef\r\n\r\nb\r\n--abcdef--\r\n",
        parts,
    );
    show(
        "name*0*, name*1*, name*2",
        "Content-Disposition: attachment; name*0*=UTF-8''%D0%A1; name*1*=%D1%87; name*2=\".pdf\"\r\n\r\n",
        |message| {
            format!(
                "{:?}",
                message.content_disposition().and_then(|value| value.attributes())
            )
        },
    );
    show(
        "a fold with a tab",
        "Subject: alpha beta\r\n\tgamma delta\r\n\r\n",
        |message| format!("{:?}", message.subject()),
    );
    show(
        "an address with comments",
        "From: <user-from (comment)@ (comment) domain.org>\r\n\r\n",
        |message| format!("{:?}", message.from().and_then(|from| from.first())),
    );
    show(
        "an encoding in quotes",
        "Content-Transfer-Encoding: \"base64\"\r\n\r\nSGVsbG8=\r\n",
        |message| format!("{:?}", message.body_text(0)),
    );
    show(
        "an unknown charset",
        "Subject: =?nosuch?Q?plain_text?=\r\n\r\n",
        |message| format!("{:?}", message.subject()),
    );
    show(
        "a character split over two words",
        "Subject: =?utf-8?Q?a=C3?= =?utf-8?Q?=BC?=\r\n\r\n",
        |message| format!("{:?}", message.subject()),
    );
}

/// Runs a search over a message that is in memory as if it were read from a store.
fn search(octets: &[u8], search: &mut TextSearch<'_>) {
    let offset = |offset| usize::try_from(offset).unwrap_or(usize::MAX);
    while let Some(range) = search.wanted() {
        search.push(&octets[offset(range.start)..offset(range.end)]);
    }
}

fn searches(messages: &[Vec<u8>]) {
    println!("SEARCH BODY, nothing found");
    let octets = total(messages);
    let needles: Vec<Needle> = (0..64).map(|n| Needle::new(&format!("nowhere {n}"))).collect();
    let with_summary = |message: &Vec<u8>| (message.clone(), Summary::of(message));
    let kept: Vec<(Vec<u8>, Summary)> = messages.iter().map(with_summary).collect();
    for count in [1, 64] {
        let keys: Vec<TextKey<'_>> = needles.iter().take(count).map(TextKey::body).collect();
        row(
            &format!("  {count} strings, summary kept"),
            &kept,
            octets,
            |(message, summary)| {
                search(message, &mut TextSearch::new(&keys, summary));
            },
        );
        row(
            &format!("  {count} strings, in memory"),
            messages,
            octets,
            |message| {
                search(
                    message,
                    &mut TextSearch::in_message(&keys, &Message::parse(message)),
                );
            },
        );
    }
    let line = "SXQgd2FzIGEgZGFyayBhbmQgc3Rvcm15IG5pZ2h0OyB0aGUgcmFpbiBmZWxsIGluIHRvcnJlbnRz\r\n";
    let large = message_of(
        "Content-Transfer-Encoding: base64\r\n\r\n",
        line.repeat((64 << 20) / line.len()).as_bytes(),
    );
    let summary = Summary::of(&large);
    for count in [1, 64] {
        let keys: Vec<TextKey<'_>> = needles.iter().take(count).map(TextKey::body).collect();
        let name = format!("  {count} strings, 64 MiB of base64");
        row(&name, &[&large], large.len(), |message| {
            search(message, &mut TextSearch::new(&keys, &summary));
        });
        println!("    the search holds {} octets", held(&large, &keys, &summary));
    }
}

/// The most that a search holds between two pieces.
fn held(octets: &[u8], keys: &[TextKey<'_>], summary: &Summary) -> usize {
    let region = Region::new(ALLOCATOR);
    let mut search = TextSearch::new(keys, summary);
    let mut most = 0;
    while let Some(range) = search.wanted() {
        let offset = |offset| usize::try_from(offset).unwrap_or(usize::MAX);
        search.push(&octets[offset(range.start)..offset(range.end)]);
        let change = region.change();
        most = most.max(change.bytes_allocated - change.bytes_deallocated);
    }
    most
}

fn nested(levels: usize) -> String {
    let level = |level| format!("Content-Type: multipart/mixed; boundary=b{level}\r\n\r\n--b{level}\r\n");
    (0..levels).map(level).collect()
}

fn hostile() {
    let addresses = format!("{}\r\n", "a,\r\n ".repeat(10_000));
    let fields: String = ["From", "Sender", "Reply-To", "To", "Cc", "Bcc"]
        .map(|name| format!("{name}: {addresses}"))
        .concat();
    let inner = format!("--x\r\n\r\n{fields}\r\nbody\r\n");
    for (name, message) in [
        (
            "95 levels, 10 MB of lines like boundaries",
            nested(95) + "\r\n" + &"--c a line that is no boundary at all, really\r\n".repeat(200_000),
        ),
        ("100,000 levels of multipart", nested(100_000)),
        (
            "a million parts",
            format!(
                "Content-Type: multipart/mixed; boundary=x\r\n\r\n{}",
                "--x\r\n\r\na\r\n".repeat(1_000_000)
            ),
        ),
        (
            "90 kB of encoded words",
            format!("Subject: {}\r\n\r\n", "=?utf-8?Q?a?= ".repeat(6_400)),
        ),
        (
            "90 kB of words that do not end",
            format!("Subject: {}\r\n\r\n", "=?utf-8?Q?".repeat(9_000)),
        ),
        (
            "a digest of 82 with 10,000 addresses a field",
            format!(
                "Content-Type: multipart/digest; boundary=x\r\n\r\n{}",
                inner.repeat(82)
            ),
        ),
    ] {
        println!("{name}");
        let message = [message];
        let octets = message[0].len();
        row("  Summary::of", &message, octets, |message| {
            Summary::of(message.as_bytes())
        });
        let summary = Summary::of(message[0].as_bytes());
        row("  envelope and structure of it", &message, octets, |_| {
            black_box((summary.envelope(), summary.structure()));
        });
        row("  search in the subject", &message, octets, |message| {
            Message::parse(message.as_bytes()).contains_header("subject", &Needle::new("nowhere"))
        });
        row("  mail-parser", &message, octets, |message| {
            black_box(MessageParser::default().parse(message.as_bytes())).is_some()
        });
        let region = Region::new(ALLOCATOR);
        let mut summarizer = Summarizer::new();
        message[0]
            .as_bytes()
            .chunks(4096)
            .for_each(|chunk| summarizer.push(chunk));
        let change = region.change();
        let held = change.bytes_allocated - change.bytes_deallocated;
        println!(
            "    the summarizer holds {held} octets, the summary {}",
            summarizer.finish().heap_size()
        );
    }
}

fn main() -> std::io::Result<()> {
    let Some(maildir) = std::env::args().nth(1) else {
        return Err(std::io::Error::other("message-table MAILDIR"));
    };
    let messages = read(&maildir)?;
    summaries(&messages);
    bodies(
        &messages,
        "base64",
        &[
            ("mail-parser", base64_decode),
            ("data-encoding", |body| {
                data_encoding::BASE64_MIME_PERMISSIVE.decode(body).ok()
            }),
        ],
    );
    bodies(
        &messages,
        "quoted-printable",
        &[
            ("mail-parser", quoted_printable_decode),
            ("quoted_printable", |body| {
                quoted_printable::decode(body, quoted_printable::ParseMode::Robust).ok()
            }),
        ],
    );
    searches(&messages);
    fields(&messages);
    cases();
    // mail-parser recurses: give it room.
    let hostile = std::thread::Builder::new().stack_size(64 << 20).spawn(hostile)?;
    hostile
        .join()
        .map_err(|_| std::io::Error::other("a reader panicked"))
}
