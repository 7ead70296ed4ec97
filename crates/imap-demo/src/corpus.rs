//! The demo's mail: the same 200 messages every time, spread over ten mailboxes.

use chrono::{DateTime, FixedOffset};

use crate::message::{Message, Part, html, mailbox, multipart, plain};
use crate::specimens;
use crate::texts::{Dice, GREETINGS, PEOPLE, SENTENCES, SUBJECTS, THREADS, me};

/// A mailbox and its messages, eldest first.
#[derive(Debug, PartialEq, Eq)]
pub struct DemoMailbox {
    /// With `.` between its parts, in Unicode.
    pub name: &'static str,
    /// Eldest first.
    pub messages: Vec<DemoMessage>,
}

/// A message and what its file says about it.
#[derive(Debug, PartialEq, Eq)]
pub struct DemoMessage {
    /// When it arrived (INTERNALDATE): seconds since 1970.
    pub arrived: i64,
    /// Letters after `:2,` of a file in `cur/`; none for a file in `new/`.
    pub flags: Option<&'static str>,
    /// The whole message, with LF.
    pub octets: Vec<u8>,
}

/// The keywords of the letters `a` and `b` in INBOX.
pub const KEYWORDS: &[&str] = &["$label1", "Boats"];

/// 6 January 2025, 8:00 UTC: a Monday.
const EPOCH: i64 = 1_736_150_400;
const DAY: i64 = 86_400;
/// Offsets from UTC that senders live in, minutes.
const OFFSETS: &[i32] = &[0, 60, 120, -300, 330, 540, 765, -210];

/// What the last message of INBOX says of the server that shows it.
#[derive(Debug, Clone, Copy)]
pub struct Welcome {
    /// The server's name.
    pub program: &'static str,
    /// Where this message is, and what happens there when it is read: lines of a sentence or two.
    pub place: &'static str,
}

/// All of the demo's mail.
pub fn corpus(welcome: Welcome) -> Vec<DemoMailbox> {
    vec![
        inbox(welcome),
        letters(
            "Archive",
            30,
            1,
            &[Some("S"), Some("RS"), Some("S"), Some("FS"), Some("PS")],
        ),
        letters("Archive.2024", 20, 2, &[Some("S"), Some("RS")]),
        list("Lists.Harbour"),
        postcards("Grüße"),
        letters("日本語", 5, 3, &[Some("S"), None]),
        sent("Sent"),
        letters("Drafts", 3, 4, &[Some("DS")]),
        junk("Junk"),
        letters("Trash", 6, 5, &[Some("S"), Some("ST")]),
    ]
}

fn date(arrived: i64, offset_minutes: i32) -> DateTime<FixedOffset> {
    let offset = FixedOffset::east_opt(offset_minutes * 60);
    let utc = DateTime::from_timestamp(arrived, 0)
        .unwrap_or_default()
        .fixed_offset();
    offset.map_or(utc, |offset| utc.with_timezone(&offset))
}

/// Sent a little before it arrived, as mail is.
fn sent_date(arrived: i64, dice: &mut Dice) -> DateTime<FixedOffset> {
    let before = i64::try_from(dice.below(600)).unwrap_or(0);
    date(arrived - before, *dice.pick(OFFSETS))
}

/// Sentences between a greeting and a name.
fn letter(dice: &mut Dice, name: &str) -> String {
    let (greeting, farewell) = dice.pick(GREETINGS);
    let count = 1 + dice.below(5);
    let body: String = (0..count)
        .map(|_| format!("{}\n", dice.pick(SENTENCES)))
        .collect();
    format!(
        "{greeting}\n\n{body}\n{farewell}\n{}\n",
        if name.is_empty() {
            "the harbourmaster"
        } else {
            name
        }
    )
}

/// Plain text, or plain text and HTML.
fn body(dice: &mut Dice, text: &str) -> Part {
    if dice.below(3) > 0 {
        return plain(text);
    }
    let paragraphs = format!(
        "<p>{}</p>\n",
        text.trim_end()
            .replace("\n\n", "</p>\n<p>")
            .replace('\n', "<br>\n")
    );
    multipart("multipart/alternative", [plain(text), html(&paragraphs)])
}

/// Ordinary mail from anybody; its flags go round `flags`.
fn letters(name: &'static str, count: usize, seed: u64, flags: &[Option<&'static str>]) -> DemoMailbox {
    let mut dice = Dice::new(seed);
    let mut arrived = EPOCH - if name == "Archive.2024" { 300 * DAY } else { 0 };
    let messages = (0..count).map(|index| {
        arrived += DAY * 2 + i64::try_from(dice.below(20_000)).unwrap_or(0);
        let (who, address) = dice.pick(PEOPLE);
        let id = format!("{seed}-{index}");
        let message = Message::new(&id, sent_date(arrived, &mut dice), mailbox(who, *address), me())
            .subject(SUBJECTS[dice.below(SUBJECTS.len())]);
        let text = letter(&mut dice, who);
        let octets = message.with(body(&mut dice, &text));
        DemoMessage {
            arrived,
            flags: flags[index % flags.len()],
            octets,
        }
    });
    DemoMailbox {
        name,
        messages: messages.collect(),
    }
}

/// Ordinary mail, some of it unread, then one of each shape.
fn inbox(welcome: Welcome) -> DemoMailbox {
    let flags = [Some("S"), None, Some("RS"), Some("S"), Some("F"), Some("S"), None];
    let mut inbox = letters("INBOX", 31, 6, &flags);
    let arrived = |index: usize| EPOCH + 150 * DAY + i64::try_from(index).unwrap_or(0) * 40_000;
    let specimens = specimens::all(
        |index| date(arrived(index) - 90, OFFSETS[index % OFFSETS.len()]),
        welcome,
    );
    let specimens = specimens.into_iter().enumerate();
    inbox
        .messages
        .extend(specimens.map(|(index, specimen)| DemoMessage {
            arrived: arrived(index),
            flags: specimen.flags,
            octets: specimen.octets,
        }));
    inbox
}

/// A mailing list: threads that answer and quote, with the fields that lists add.
fn list(name: &'static str) -> DemoMailbox {
    let mut dice = Dice::new(7);
    let mut messages = Vec::new();
    for (number, (subject, answers)) in THREADS.iter().enumerate() {
        let start = EPOCH + i64::try_from(number).unwrap_or(0) * 11 * DAY;
        let mut references: Vec<String> = Vec::new();
        for index in 0..=*answers {
            let arrived = start + i64::try_from(index * 7_000 + dice.below(5_000)).unwrap_or(0);
            let (who, address) = dice.pick(PEOPLE);
            let id = format!("thread-{number}-{index}");
            let to = mailbox("Harbour users", "users@lists.harbour.example");
            let message = Message::new(&id, sent_date(arrived, &mut dice), mailbox(who, *address), to);
            let (message, text) = answer(message, &mut dice, subject, &references, who);
            let message = message
                .raw("List-Id", "Harbour users <users.lists.harbour.example>")
                .raw("List-Post", "<mailto:users@lists.harbour.example>")
                .raw("Precedence", "list");
            let flags = [Some("S"), Some("RS"), Some(""), None][dice.below(4)];
            messages.push(DemoMessage {
                arrived,
                flags,
                octets: message.with(body(&mut dice, &text)),
            });
            // An answer to the last one, or to some earlier one: threads branch.
            references.truncate(references.len() - dice.below(2).min(references.len().saturating_sub(1)));
            references.push(format!("<{id}@harbour.example>"));
        }
    }
    messages.sort_by_key(|message| message.arrived);
    DemoMailbox { name, messages }
}

/// A message of a thread with its subject and what it refers to, and its text.
fn answer(
    message: Message,
    dice: &mut Dice,
    subject: &str,
    references: &[String],
    who: &str,
) -> (Message, String) {
    let text = letter(dice, who);
    let Some(last) = references.last() else {
        return (message.subject(format!("[harbour] {subject}")), text);
    };
    let message = message
        .subject(format!("Re: [harbour] {subject}"))
        .raw("In-Reply-To", last)
        .raw("References", references.join(" "));
    (message, format!("> {}\n\n{text}", dice.pick(SENTENCES)))
}

/// Short greetings in many scripts.
fn postcards(name: &'static str) -> DemoMailbox {
    let cards = [
        "Viele Grüße aus Lübeck",
        "Bons baisers de Saint-Malo",
        "Pozdrowienia z Gdańska",
        "Χαιρετίσματα από τη Σύρο",
        "Привет из Архангельска",
        "تحيات من الإسكندرية",
        "ברכות מחיפה",
        "長崎からこんにちは",
        "🌊 ahoj z Prahy (no sea here)",
    ];
    let mut dice = Dice::new(8);
    let messages = cards.iter().enumerate().map(|(index, card)| {
        let arrived = EPOCH + i64::try_from(index).unwrap_or(0) * 9 * DAY;
        let (who, address) = PEOPLE[index % PEOPLE.len()];
        let octets = Message::new(
            &format!("card-{index}"),
            sent_date(arrived, &mut dice),
            mailbox(who, address),
            me(),
        )
        .subject(*card)
        .with(plain(format!("{card}!\n\n{who}\n")));
        DemoMessage {
            arrived,
            flags: Some(if index % 2 == 0 { "S" } else { "FS" }),
            octets,
        }
    });
    DemoMailbox {
        name,
        messages: messages.collect(),
    }
}

/// What the demo user wrote.
fn sent(name: &'static str) -> DemoMailbox {
    let mut dice = Dice::new(9);
    let messages = (0..15).map(|index| {
        let arrived = EPOCH + i64::from(index) * 5 * DAY;
        let (who, address) = dice.pick(PEOPLE);
        let message = Message::new(
            &format!("sent-{index}"),
            date(arrived, 60),
            me(),
            mailbox(who, *address),
        )
        .subject(format!("Re: {}", dice.pick(SUBJECTS)));
        let text = letter(&mut dice, "Demo User");
        DemoMessage {
            arrived,
            flags: Some("S"),
            octets: message.with(body(&mut dice, &text)),
        }
    });
    DemoMailbox {
        name,
        messages: messages.collect(),
    }
}

/// What nobody asked for.
fn junk(name: &'static str) -> DemoMailbox {
    let offers = [
        "CHEAP ANCHORS",
        "You have won a ship",
        "Re: Re: your harbour",
        "Barnacles? Never again",
    ];
    let messages = (0..8_usize).map(|index| {
        let arrived = EPOCH + i64::try_from(index).unwrap_or(0) * 3 * DAY;
        let from = mailbox("Best Offers", format!("offer{index}@junk.example"));
        let message = Message::new(&format!("junk-{index}"), date(arrived, 0), from, me())
            .subject(offers[index % offers.len()])
            .raw("X-Spam-Flag", "YES")
            .raw("X-Spam-Score", "17.4");
        let offer = html("<h1>Only today!</h1>\n<p><a href=\"https://junk.example/\">Click here</a></p>\n");
        DemoMessage {
            arrived,
            flags: if index < 4 { None } else { Some("S") },
            octets: message.with(offer),
        }
    });
    DemoMailbox {
        name,
        messages: messages.collect(),
    }
}

#[cfg(test)]
mod tests;
