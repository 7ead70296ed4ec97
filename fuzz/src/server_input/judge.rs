//! A strict client: reads what the server said, response by response, and stops at the first that could not be.

use imap_conform::response::{Condition, Data, Response, Responses, Status, Utf8, Whole};

use super::client::{Heard, Plan, Start};
use crate::response;

/// More is said only for a FETCH.
const MOST_WITHOUT_FETCH: usize = 1 << 20;

/// What is compared between two runs.
pub(super) struct Judged {
    /// The tagged lines, and BAD to what had no tag.
    answers: Vec<String>,
    saw_expunge: bool,
    is_all: bool,
}

pub(super) fn judge(plan: &Plan<'_>, heard: &Heard) -> Judged {
    let said = plan.octets();
    let mut client = Client::new(&said);
    client.may_have_said_more = plan.start == Start::Deflate;
    let (mut responses, mut rest) = (Responses::new(), &heard.octets[..]);
    while let Some(whole) = responses.next(&mut rest) {
        client.hear(&whole);
    }
    if heard.is_all {
        assert!(
            responses.begun().is_empty(),
            "no end: {}",
            responses.begun().escape_ascii()
        );
        client.check_end(plan);
        let may_be_long = said.windows(5).any(|word| word.eq_ignore_ascii_case(b"FETCH"));
        assert!(
            may_be_long || heard.octets.len() < MOST_WITHOUT_FETCH,
            "so much for so little"
        );
    }
    Judged {
        answers: client.answers,
        saw_expunge: client.saw_expunge,
        is_all: heard.is_all,
    }
}

/// Where nothing was expunged: an EXPUNGE is held back by commands that wait in the input, and changes what numbers mean.
pub(super) fn same_answers(one: &Judged, other: &Judged) {
    if one.is_all && other.is_all && !one.saw_expunge && !other.saw_expunge {
        assert_eq!(one.answers, other.answers, "the cuts make a difference");
    }
}

struct Client<'o> {
    /// The lines of what was said that have not been answered.
    unanswered: std::vec::IntoIter<&'o [u8]>,
    said: &'o [u8],
    /// Of damaged DEFLATE one implementation may read further than the other.
    may_have_said_more: bool,
    responses: usize,
    answers: Vec<String>,
    /// EXISTS of the selected mailbox.
    exists: Option<u32>,
    /// What ENABLED has said.
    enabled: Vec<String>,
    expunged_in_this_command: bool,
    saw_expunge: bool,
    bye: Option<String>,
}

impl<'o> Client<'o> {
    fn new(said: &'o [u8]) -> Self {
        let lines: Vec<&[u8]> = said.split(|&octet| octet == b'\n').collect();
        Self {
            unanswered: lines.into_iter(),
            said,
            may_have_said_more: false,
            responses: 0,
            answers: Vec::new(),
            exists: None,
            enabled: Vec::new(),
            expunged_in_this_command: false,
            saw_expunge: false,
            bye: None,
        }
    }

    fn hear(&mut self, whole: &Whole) {
        let response = response::read(whole, self.utf8());
        self.responses += 1;
        match &response {
            Response::Continuation => assert!(self.bye.is_none(), "a request after BYE"),
            Response::Status(status) => match status.tag {
                None => self.untagged(status),
                Some(tag) => self.answer(tag, status),
            },
            Response::Data(data) => match data.number {
                None => self.data(data, whole.octets()),
                Some(number) => self.numbered(number, data.word),
            },
        }
    }

    fn utf8(&self) -> Utf8 {
        match (self.has("IMAP4rev2"), self.has("UTF8=ACCEPT")) {
            (true, _) => Utf8::InBoth,
            (_, true) => Utf8::InQuoted,
            _ => Utf8::Nowhere,
        }
    }

    fn untagged(&mut self, status: &Status<'_>) {
        let text = String::from_utf8_lossy(status.text);
        if self.responses == 1 {
            assert_eq!(status.condition, Condition::Ok, "the greeting");
        }
        match status.condition {
            Condition::Bye => {
                assert!(self.bye.is_none(), "BYE twice");
                assert_ne!(text, "internal error", "the server panicked");
                self.bye = Some(text.into_owned());
            }
            Condition::Bad => self.answers.push(format!("* BAD {text}")),
            _ if text.starts_with("[CLOSED]") => self.exists = None,
            _ => {}
        }
    }

    fn answer(&mut self, tag: &str, status: &Status<'_>) {
        let (condition, text) = (status.condition, String::from_utf8_lossy(status.text));
        let is_logout = text == "LOGOUT completed";
        assert!(self.bye.is_none() || is_logout, "an answer after BYE");
        assert!(
            self.unanswered.any(|line| line.starts_with(tag.as_bytes())) || self.may_have_said_more,
            "{tag} {condition:?} {text} answers nothing"
        );
        let holds = ["FETCH", "STORE", "SEARCH"].map(|name| format!("{name} completed"));
        assert!(
            !self.expunged_in_this_command
                || !holds.iter().any(|name| text.ends_with(name))
                || self.has_said(b"UID ")
                || self.has_said(b"NOTIFY"),
            "EXPUNGE in {text}"
        );
        if condition == Condition::Ok && (text == "CLOSE completed" || text == "UNSELECT completed") {
            self.exists = None;
        }
        if condition == Condition::Ok && text == "UNAUTHENTICATE completed" {
            self.exists = None;
            self.enabled.clear();
        }
        self.expunged_in_this_command = false;
        self.answers.push(format!("{tag} {condition:?} {text}"));
    }

    /// The UID forms may release, and are answered in the same words; with NOTIFY anything may happen between two commands.
    fn has_said(&self, words: &[u8]) -> bool {
        self.said
            .windows(words.len())
            .any(|said| said.eq_ignore_ascii_case(words))
    }

    fn has(&self, enabled: &str) -> bool {
        self.enabled.iter().any(|word| word == enabled)
    }

    fn data(&mut self, data: &Data<'_>, octets: &[u8]) {
        assert!(
            self.responses > 1 && self.bye.is_none(),
            "data outside of a conversation"
        );
        let words = String::from_utf8_lossy(octets);
        let words: Vec<&str> = words.split_ascii_whitespace().skip(2).collect();
        match data.word {
            "ENABLED" => self.enabled.extend(words.into_iter().map(str::to_owned)),
            "SEARCH" => assert!(!self.has("IMAP4rev2"), "SEARCH in IMAP4rev2"),
            "VANISHED" => {
                assert!(self.has("QRESYNC") || self.has("UIDONLY"), "VANISHED");
                if let [uids] = words[..] {
                    self.expunge(size(uids));
                }
            }
            _ => {}
        }
    }

    fn expunge(&mut self, messages: u32) {
        let exists = self.exists.expect("no mailbox is selected");
        self.exists = Some(exists.checked_sub(messages).expect("more gone than there were"));
        self.expunged_in_this_command = true;
        self.saw_expunge = true;
    }

    fn numbered(&mut self, number: u32, word: &str) {
        assert!(
            self.responses > 1 && self.bye.is_none(),
            "data outside of a conversation"
        );
        if word == "EXISTS" {
            assert!(
                self.exists.is_none_or(|exists| exists <= number),
                "EXISTS shrinks"
            );
            self.exists = Some(number);
            return;
        }
        let exists = self.exists.expect("no mailbox is selected");
        match word {
            "RECENT" => {
                assert!(!self.has("IMAP4rev2"), "RECENT in IMAP4rev2");
                assert!(number <= exists, "RECENT above EXISTS");
            }
            "FETCH" => {
                assert!(!self.has("UIDONLY"), "a message number in UIDONLY");
                assert!((1..=exists).contains(&number), "FETCH of no message");
            }
            "UIDFETCH" => assert!(self.has("UIDONLY"), "UIDFETCH"),
            "EXPUNGE" => {
                assert!(
                    !self.has("QRESYNC") && !self.has("UIDONLY"),
                    "EXPUNGE in place of VANISHED"
                );
                assert!((1..=exists).contains(&number), "EXPUNGE of no message");
                self.expunge(1);
            }
            other => panic!("* {number} {other}"),
        }
    }

    /// Lines that announce no literal and start no dialogue are commands, and each has its answer.
    fn check_end(&self, plan: &Plan<'_>) {
        let is_plain = ![Start::Idling, Start::Deflate].contains(&plan.start)
            && ![&b"{"[..], b"IDLE", b"AUTHENTICATE", b"STARTTLS"]
                .into_iter()
                .any(|word| self.has_said(word));
        if self.bye.is_none() && is_plain {
            let lines = self.said.iter().filter(|&&octet| octet == b'\n').count();
            assert_eq!(self.answers.len(), lines, "{:?}", self.answers);
        }
    }
}

/// How many numbers a set has that the server wrote.
fn size(set: &str) -> u32 {
    let sizes = set.split(',').map(|item| {
        let (first, last) = item.split_once(':').unwrap_or((item, item));
        let number = |text: &str| text.parse::<u32>().expect("a number");
        number(last) - number(first) + 1
    });
    sizes.sum()
}
