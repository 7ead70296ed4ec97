use super::{DemoMailbox, DemoMessage, Welcome};
use imap_message::{BodyStructure, Message, Specific};
use std::collections::HashSet;

const WELCOME: Welcome = Welcome {
    program: "kitd",
    place: "This message is in memory, and goes with it.",
};

fn corpus() -> Vec<DemoMailbox> {
    super::corpus(WELCOME)
}

fn inbox() -> DemoMailbox {
    super::inbox(WELCOME)
}

fn all() -> Vec<DemoMessage> {
    corpus()
        .into_iter()
        .flat_map(|mailbox| mailbox.messages)
        .collect()
}

#[test]
fn the_corpus_is_the_same_every_time() {
    assert_eq!(corpus(), corpus());
    // A change of the corpus is a change of what people see: mean it, then put the new number here.
    let hash = |sum: u64, octet: &u8| (sum ^ u64::from(*octet)).wrapping_mul(0x100_0000_01b3);
    let sum = all()
        .iter()
        .flat_map(|message| &message.octets)
        .fold(0xcbf2_9ce4_8422_2325, hash);
    assert_eq!(sum, 0x68b7_c559_12de_0419, "{sum:#x}");
}

#[test]
fn two_hundred_messages_lie_in_ten_mailboxes_and_some_are_unread() {
    let counts: Vec<_> = corpus()
        .iter()
        .map(|mailbox| (mailbox.name, mailbox.messages.len()))
        .collect();
    assert_eq!(
        counts.iter().map(|(_, count)| count).sum::<usize>(),
        200,
        "{counts:?}"
    );
    assert_eq!(counts.len(), 10);
    assert_eq!(counts[0], ("INBOX", 60));
    let unread = inbox()
        .messages
        .iter()
        .filter(|message| message.flags.is_none())
        .count();
    assert!((8..=20).contains(&unread), "{unread}");
}

#[test]
fn message_ids_are_unique_and_every_answer_has_what_it_refers_to() {
    let field = |message: &DemoMessage, name: &str| {
        let text = String::from_utf8_lossy(&message.octets)
            .replace("\r\n", "\n")
            .replace("\n ", " ");
        let head = text.split("\n\n").next().unwrap_or_default().to_owned();
        head.lines()
            .find_map(|line| line.strip_prefix(&format!("{name}: ")).map(str::to_owned))
    };
    let messages = all();
    let ids: HashSet<_> = messages
        .iter()
        .map(|message| field(message, "Message-ID").unwrap())
        .collect();
    assert_eq!(ids.len(), messages.len());
    let mut answers = 0;
    for message in &messages {
        let references = field(message, "References").unwrap_or_default();
        answers += usize::from(!references.is_empty());
        assert!(
            references.split_whitespace().all(|id| ids.contains(id)),
            "{references}"
        );
    }
    assert!(answers > 30);
}

#[test]
fn arrivals_ascend_and_flags_are_sorted_letters() {
    for mailbox in corpus() {
        assert!(
            mailbox.messages.is_sorted_by_key(|message| message.arrived),
            "{}",
            mailbox.name
        );
        for flags in mailbox.messages.iter().filter_map(|message| message.flags) {
            assert!(
                flags.bytes().is_sorted() && flags.bytes().all(|flag| b"DFPRSTab".contains(&flag)),
                "{flags}"
            );
        }
    }
}

/// The media types of a message, nested as it is.
fn shape(structure: &BodyStructure<'_>) -> String {
    let text = |octets: &[u8]| String::from_utf8_lossy(octets).to_lowercase();
    match structure {
        BodyStructure::Multipart(multipart) => {
            let parts: Vec<_> = multipart.parts.iter().map(shape).collect();
            format!("{}({})", text(&multipart.subtype), parts.join(" "))
        }
        BodyStructure::Single(part) => match &part.specific {
            Specific::Message { body, .. } => format!("message({})", shape(body)),
            _ => format!("{}/{}", text(&part.media_type), text(&part.subtype)),
        },
    }
}

#[test]
fn the_messages_have_the_shapes_that_they_are_there_for() {
    let shapes: Vec<_> = inbox()
        .messages
        .iter()
        .map(|message| shape(&Message::parse(&message.octets).structure()))
        .collect();
    for wanted in [
        "text/plain",
        "alternative(text/plain text/html)",
        "related(text/html image/png)",
        "mixed(text/plain application/pdf)",
        "mixed(alternative(text/plain related(text/html image/png)) application/pdf text/csv)",
        "mixed(text/plain text/csv application/pdf image/png)",
        "mixed(text/plain message(alternative(text/plain text/html)))",
        "message(mixed(text/plain message(alternative(text/plain text/html))))",
        "digest(message(text/plain) message(text/plain) message(text/plain))",
        "alternative(text/plain text/calendar)",
        "report(text/plain message/delivery-status text/rfc822-headers)",
        "signed(text/plain application/pgp-signature)",
        "mixed(text/plain text/x-patch)",
        "application/pdf",
    ] {
        assert!(
            shapes.iter().any(|shape| shape == wanted),
            "{wanted} is not in {shapes:#?}"
        );
    }
}

#[test]
fn every_message_has_a_sender_a_date_and_a_message_id() {
    for message in all() {
        let parsed = Message::parse(&message.octets);
        let envelope = parsed.envelope();
        assert!(!envelope.from.is_empty() && envelope.date.is_some() && envelope.message_id.is_some());
        assert!(parsed.sent_date().is_some());
    }
}

/// `mail-builder` writes what is correct. These are not, or rare, and must not be mended on the way.
#[test]
fn the_odd_messages_stay_odd() {
    let messages: Vec<_> = inbox()
        .messages
        .into_iter()
        .map(|message| message.octets)
        .collect();
    let long_line = format!("\n{}no.\n", "and then the gull said ".repeat(400));
    let odd: &[&[u8]] = &[
        "Subject: Größe: roh, ohne Kodierung – 生のまま\nCc: Jürgen Fähre <fähre@hafen.example>\n".as_bytes(),
        b"\nSubject: =?ISO-8859-1?Q?Gr=FC=DFe_aus_K=F6ln?=\n",
        b"\nSubject: =?KOI8-R?B?8NLJ18XU?=\n",
        b"charset=\"koi8-r\"\n",
        b"\x1b$B$3$s$K$A$O\x1b(B!\n",
        b"\nSubject: =?x-semaphore?Q?flags_up?=\n",
        b"filename=\"=?UTF-8?B?R3LDvMOfZS5wbmc=?=\"\n",
        b"filename*=UTF-8''%E6%B8%AF%E3%81%AE%E5%9C%B0%E5%9B%B3.pdf\n",
        b"format=flowed; delsp=no\n\n> Shall we paint the lighthouse \n",
        b"undisclosed-recipients:;\n",
        b"Reply-To: \"The \\\"real\\\" harbourmaster\" <harbourmaster@harbour.example>\n",
        b"\n\nFrom: list@harbour.example\nSubject: Notice 1\n\nNotice number 1.\n",
        b"network line ends\r\non the disk.\r\n",
        long_line.as_bytes(),
    ];
    for octets in odd {
        let has = |message: &Vec<u8>| message.windows(octets.len()).any(|window| window == *octets);
        assert!(messages.iter().any(has), "{}", String::from_utf8_lossy(octets));
    }
    let field = |message: &Vec<u8>, name: &str| String::from_utf8_lossy(message).contains(name);
    let without = |name| messages.iter().filter(|message| !field(message, name)).count();
    assert_eq!((without("Subject: "), without("MIME-Version: ")), (1, 1));
}
