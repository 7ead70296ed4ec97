//! A client of the server that is judged. All that it sends and hears goes through the [`Follower`] as well.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use base64ct::{Base64, Encoding as _};
use bumpalo::Bump;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::time::timeout;

use crate::finding::Finding;
use crate::follower::Follower;
use crate::net::{Stream, Target};
use crate::response::{self, Condition, Response, Responses, Value, Whole};
use crate::wire::inflate::Inflater;

/// Why a case ends before its end.
#[derive(Debug)]
pub(super) enum Stop {
    /// The server did what it must not, or not what it has to.
    Failed(String),
    /// It says nothing.
    Silent(String),
    /// It cannot be tried here.
    Skipped(String),
}

pub(super) type Done<T = ()> = Result<T, Stop>;

/// The case fails with these words.
pub(super) fn failed<T>(what: impl Into<String>) -> Done<T> {
    Err(Stop::Failed(what.into()))
}

/// The case fails with these words: the server says nothing.
fn silent<T>(what: String) -> Done<T> {
    Err(Stop::Silent(what))
}

/// The first octets of what was said, in one line.
fn shown(octets: &[u8]) -> String {
    let octets = octets.trim_ascii_end();
    octets[..octets.len().min(100)].escape_ascii().to_string()
}

/// The case fails with these words unless it is so.
pub(super) fn must(is_so: bool, what: impl Into<String>) -> Done {
    match is_so {
        true => Ok(()),
        false => failed(what),
    }
}

/// The case fails unless both are the same.
pub(super) fn same<T: PartialEq + std::fmt::Debug>(what: &str, got: T, wanted: T) -> Done {
    must(
        got == wanted,
        format!("{what}: {got:?}, where {wanted:?} is right"),
    )
}

/// What clients heard until they left: the end of the conversation, and what was found in it.
#[derive(Clone, Debug, Default)]
pub(super) struct Heard(Arc<Mutex<Vec<HeardByOne>>>);

/// The end of one client's conversation, and what was found in it.
type HeardByOne = (String, Vec<Finding>);

impl Heard {
    /// All of it, once.
    pub(super) fn take(&self) -> (String, Vec<Finding>) {
        let taken = self
            .0
            .lock()
            .map(|mut heard| std::mem::take(&mut *heard))
            .unwrap_or_default();
        let (transcripts, findings): (Vec<_>, Vec<_>) = taken.into_iter().unzip();
        (transcripts.join("\n"), findings.concat())
    }
}

impl Drop for Client {
    fn drop(&mut self) {
        let heard = (
            self.follower.transcript().to_string(),
            self.follower.take_findings(),
        );
        if let Ok(mut all) = self.heard.0.lock() {
            all.push(heard);
        }
    }
}

pub(super) struct Client {
    stream: Box<dyn Stream>,
    follower: Follower,
    heard: Heard,
    responses: Responses,
    unread: Vec<u8>,
    /// What the server says after COMPRESS.
    inflater: Option<Inflater>,
    patience: Duration,
    tag: u32,
    name: String,
    /// What the last command asks for.
    asked: String,
    is_preauth: bool,
}

/// What a command was answered.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) condition: Condition,
    /// Whole responses, the tagged one last.
    pub(super) responses: Vec<Vec<u8>>,
}

/// One FETCH.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Fetched {
    pub(super) seq: u32,
    pub(super) uid: u32,
    /// In lower case, sorted, without `\Recent`.
    pub(super) flags: Option<Vec<String>>,
    pub(super) modseq: u64,
    pub(super) size: Option<u64>,
    /// Name and octets of all other items, where they are strings; other values as `()`.
    pub(super) items: Vec<(String, Vec<u8>)>,
}

impl Fetched {
    pub(super) fn item(&self, name: &str) -> Option<&[u8]> {
        let item = self
            .items
            .iter()
            .find(|(item, _)| item.eq_ignore_ascii_case(name));
        item.map(|(_, octets)| octets.as_slice())
    }

    pub(super) fn has_flag(&self, flag: &str) -> bool {
        let flag = flag.to_ascii_lowercase();
        self.flags.as_ref().is_some_and(|flags| flags.contains(&flag))
    }
}

impl Client {
    /// Connects, and hears the greeting.
    pub(super) async fn connect(
        target: &Target,
        name: String,
        patience: Duration,
        heard: &Heard,
    ) -> Done<Self> {
        let stream = timeout(patience, target.connect()).await;
        let stream = match stream {
            Ok(Ok(stream)) => stream,
            Ok(Err(error)) => return failed(format!("no connection to {}: {error}", target.address())),
            Err(_) => return silent(format!("no connection to {} in time", target.address())),
        };
        let mut client = Self {
            stream,
            follower: Follower::new(name.clone()),
            heard: heard.clone(),
            responses: Responses::without_long_literals(),
            unread: Vec::new(),
            inflater: None,
            patience,
            tag: 0,
            name,
            asked: String::new(),
            is_preauth: false,
        };
        client.greeted(target.address()).await?;
        if target.is_starttls() {
            client.start_tls(target).await?;
        }
        Ok(client)
    }

    /// STARTTLS (RFC 9051, section 6.2.1). What was said in the clear behind its OK may be anybody's.
    async fn start_tls(&mut self, target: &Target) -> Done {
        if self.is_preauth {
            return failed("the greeting is PREAUTH, and --starttls is not possible then");
        }
        let answer = self.command("STARTTLS").await?;
        if answer.condition != Condition::Ok {
            return failed(format!("STARTTLS is answered {}", answer.last()));
        }
        if !self.unread.is_empty() {
            let unread = shown(&self.unread);
            return failed(format!(
                "the server says more in the clear behind STARTTLS: {unread}"
            ));
        }
        let stream = std::mem::replace(&mut self.stream, Box::new(tokio::io::empty()));
        self.stream = match timeout(self.patience, target.secure(stream)).await {
            Ok(Ok(stream)) => stream,
            Ok(Err(error)) => return failed(format!("STARTTLS at {}: {error}", target.address())),
            Err(_) => return silent("the server does not begin TLS behind STARTTLS".to_owned()),
        };
        self.follower.secured();
        Ok(())
    }

    /// Hears the greeting. Where it is none, the wrong port may have been named.
    async fn greeted(&mut self, address: &str) -> Done {
        let heard = self.response_within(self.patience).await;
        let begun = match self.responses.begun() {
            [] => String::new(),
            begun => format!(", but \"{}\" without the end of a line", shown(begun)),
        };
        let greeting = match heard {
            Ok(Some(greeting)) => greeting,
            Ok(None) if begun.is_empty() => {
                return silent(format!(
                    "no greeting from {address} in {} s; where TLS begins with the first octet, say --tls",
                    self.patience.as_secs_f32()
                ));
            }
            Ok(None) => {
                let seconds = self.patience.as_secs_f32();
                return silent(format!("no greeting from {address} in {seconds} s{begun}"));
            }
            Err(_) => {
                return failed(format!(
                    "{address} closes the connection without a greeting{begun}; is it the port of an IMAP server, and may this \
                     host connect to it?"
                ));
            }
        };
        if !greeting.starts_with(b"* ") {
            return failed(format!(
                "{address} is no IMAP server, it says \"{}\"; IMAP's ports are 143, and 993 with --tls",
                shown(&greeting)
            ));
        }
        let arena = Bump::new();
        let Ok(Response::Status(status)) = Response::read(&greeting, &arena) else {
            return Ok(());
        };
        self.is_preauth = status.condition == Condition::Preauth;
        match status.condition {
            Condition::Bye => failed(format!("{address} takes no connection: {}", shown(&greeting))),
            _ => Ok(()),
        }
    }

    /// Whether the greeting says that somebody is logged in already.
    pub(super) fn is_preauth(&self) -> bool {
        self.is_preauth
    }

    pub(super) async fn send(&mut self, octets: &[u8]) -> Done {
        self.note_asked(octets);
        let sent = match self.inflater {
            None => octets.to_vec(),
            Some(_) => octets.chunks(usize::from(u16::MAX)).flat_map(stored).collect(),
        };
        self.follower.client(&sent);
        let sent = timeout(self.patience, async {
            self.stream.write_all(&sent).await?;
            self.stream.flush().await
        });
        match sent.await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(_)) => failed(format!("the server closes the connection before {}", self.asked)),
            Err(_) => silent("the server does not read".to_owned()),
        }
    }

    /// The name of the command, where one begins here.
    fn note_asked(&mut self, octets: &[u8]) {
        let mut words = octets.split(|octet| octet.is_ascii_whitespace());
        let (tag, name) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
        let number = tag.strip_prefix(self.name.as_bytes()).unwrap_or_default();
        if !number.is_empty() && number.iter().all(u8::is_ascii_digit) {
            self.asked = String::from_utf8_lossy(name).into_owned();
        }
    }

    /// Whether the follower has found something.
    pub(super) fn has_found(&self) -> bool {
        self.follower.has_found()
    }

    /// How many messages it was told that there are.
    pub(super) fn exists(&self) -> u32 {
        self.follower.exists().unwrap_or(0)
    }

    /// The UID of the message with this number, if it was told.
    pub(super) fn uid_of(&self, seq: u32) -> Option<u32> {
        self.follower.uid_of(seq)
    }

    /// A tag that was not used before.
    pub(super) fn next_tag(&mut self) -> String {
        self.tag += 1;
        format!("{}{}", self.name, self.tag)
    }

    /// The next response of an answer that is due.
    pub(super) async fn response(&mut self) -> Done<Vec<u8>> {
        match self.response_within(self.patience).await? {
            Some(response) => Ok(response),
            None => silent(format!(
                "no answer to {} in {} s",
                self.asked,
                self.patience.as_secs_f32()
            )),
        }
    }

    /// The next response; none where nothing is said for so long.
    pub(super) async fn response_within(&mut self, patience: Duration) -> Done<Option<Vec<u8>>> {
        loop {
            if let Some(response) = self.split() {
                return Ok(Some(response));
            }
            let mut octets = vec![0; 64 << 10];
            match timeout(patience, self.stream.read(&mut octets)).await {
                Err(_) => return Ok(None),
                Ok(Ok(read @ 1..)) => {
                    self.follower.server(&octets[..read]);
                    self.take(&octets[..read])?;
                }
                Ok(_) => {
                    self.follower.server_closed();
                    let asked = &self.asked;
                    return failed(format!(
                        "the server closes the connection, and {asked} is not answered"
                    ));
                }
            }
        }
    }

    fn take(&mut self, octets: &[u8]) -> Done {
        let unread = &mut self.unread;
        match &mut self.inflater {
            None => unread.extend_from_slice(octets),
            Some(inflater) => {
                let inflated = inflater.inflate(octets, |piece| unread.extend_from_slice(piece));
                must(
                    inflated.is_ok(),
                    "what the server says after COMPRESS is not compressed",
                )?;
            }
        }
        Ok(())
    }

    /// COMPRESS DEFLATE (RFC 4978) was agreed to.
    pub(super) fn compress(&mut self) -> Done {
        self.inflater = Some(Inflater::new());
        // What came behind the OK is compressed already.
        let unread = std::mem::take(&mut self.unread);
        self.take(&unread)
    }

    /// Whether the server closes the connection, and says nothing more.
    pub(super) async fn is_closed(&mut self) -> bool {
        let mut octet = [0];
        let read = timeout(self.patience, self.stream.read(&mut octet)).await;
        self.unread.is_empty() && matches!(read, Ok(Ok(0)))
    }

    fn split(&mut self) -> Option<Vec<u8>> {
        let mut rest = &self.unread[..];
        let whole = self.responses.next(&mut rest);
        let taken = self.unread.len() - rest.len();
        self.unread.drain(..taken);
        whole.map(Whole::into_octets)
    }

    /// A command on one line, and its answer whatever it is.
    pub(super) async fn command(&mut self, command: &str) -> Done<Answer> {
        let tag = self.next_tag();
        self.send(format!("{tag} {command}\r\n").as_bytes()).await?;
        self.answer(&tag).await
    }

    /// A command that has to be answered OK.
    pub(super) async fn ok(&mut self, command: &str) -> Done<Answer> {
        let answer = self.command(command).await?;
        must(
            answer.condition == Condition::Ok,
            format!("{command} is answered {}", answer.last()),
        )?;
        Ok(answer)
    }

    /// A command that has to be refused.
    pub(super) async fn refused(&mut self, command: &str) -> Done<Answer> {
        let answer = self.command(command).await?;
        must(
            answer.condition != Condition::Ok,
            format!("{command} is answered OK"),
        )?;
        Ok(answer)
    }

    /// All responses up to the tagged one.
    pub(super) async fn answer(&mut self, tag: &str) -> Done<Answer> {
        self.answers(&[tag]).await
    }

    /// All responses up to the last tagged one, in whatever order they come.
    pub(super) async fn answers(&mut self, tags: &[&str]) -> Done<Answer> {
        let (mut responses, mut left) = (Vec::new(), tags.len());
        loop {
            let octets = self.response().await?;
            let is_answer = response::tag(&octets).is_some_and(|tag| tags.contains(&tag));
            let condition = is_answer.then(|| condition(&octets));
            responses.push(octets);
            left -= usize::from(condition.is_some());
            if let Some(condition) = condition.filter(|_| left == 0) {
                return Ok(Answer { condition, responses });
            }
        }
    }

    /// A command that ends with a synchronizing literal.
    pub(super) async fn literal(&mut self, head: &str, octets: &[u8]) -> Done<Answer> {
        self.literals(&[(&format!("{head} "), octets)], "").await
    }

    /// A command with synchronizing literals, each behind the words before it: waits for leave to send it.
    pub(super) async fn literals(&mut self, pieces: &[(&str, &[u8])], end: &str) -> Done<Answer> {
        let tag = self.next_tag();
        let mut responses = Vec::new();
        let mut due = format!("{tag} ").into_bytes();
        for (words, octets) in pieces {
            due.extend_from_slice(format!("{words}{{{}}}\r\n", octets.len()).as_bytes());
            self.send(&due).await?;
            loop {
                let response = self.response().await?;
                if response.starts_with(b"+") {
                    break;
                }
                let is_tagged = response::tag(&response) == Some(&tag);
                responses.push(response);
                if let (true, Some(last)) = (is_tagged, responses.last()) {
                    let condition = condition(last);
                    return Ok(Answer { condition, responses });
                }
            }
            due = octets.to_vec();
        }
        due.extend_from_slice(end.as_bytes());
        due.extend_from_slice(b"\r\n");
        self.send(&due).await?;
        let mut answer = self.answer(&tag).await?;
        answer.responses.splice(0..0, responses);
        Ok(answer)
    }

    /// APPEND that has to be answered OK.
    pub(super) async fn append(&mut self, mailbox: &str, arguments: &str, message: &[u8]) -> Done<Answer> {
        let head = format!("APPEND {mailbox} {arguments}");
        let answer = self.literal(head.trim_end(), message).await?;
        must(
            answer.condition == Condition::Ok,
            format!("APPEND is answered {}", answer.last()),
        )?;
        Ok(answer)
    }

    /// AUTHENTICATE PLAIN (RFC 4616), without an initial response, which not every server takes.
    pub(super) async fn authenticate(&mut self, user: &str, password: &str) -> Done<Answer> {
        let tag = self.next_tag();
        self.send(format!("{tag} AUTHENTICATE PLAIN\r\n").as_bytes())
            .await?;
        loop {
            let response = self.response().await?;
            if response.starts_with(b"+") {
                break;
            }
            if response::tag(&response) == Some(&tag) {
                return Ok(Answer {
                    condition: condition(&response),
                    responses: vec![response],
                });
            }
        }
        self.send(format!("{}\r\n", plain(user, password)).as_bytes())
            .await?;
        self.answer(&tag).await
    }

    /// AUTHENTICATE PLAIN with an initial response (RFC 4959).
    pub(super) async fn authenticate_at_once(&mut self, user: &str, password: &str) -> Done<Answer> {
        let words = plain(user, password);
        self.command(&format!("AUTHENTICATE PLAIN {words}")).await
    }

    /// Begins IDLE.
    pub(super) async fn idle(&mut self) -> Done<String> {
        let tag = self.next_tag();
        self.send(format!("{tag} IDLE\r\n").as_bytes()).await?;
        loop {
            let response = self.response().await?;
            if response.starts_with(b"+") {
                return Ok(tag);
            }
            if response::tag(&response) == Some(&tag) {
                return failed(format!("IDLE is answered {}", shown(&response)));
            }
        }
    }

    /// The message with this number.
    pub(super) async fn message(&mut self, seq: u32) -> Done<Fetched> {
        let listing = self.listing().await?;
        match listing.into_iter().find(|message| message.seq == seq) {
            Some(message) => Ok(message),
            None => failed(format!("there is no message {seq}")),
        }
    }

    /// So many messages.
    pub(super) async fn messages(&mut self, count: usize) -> Done<Vec<Fetched>> {
        let listing = self.listing().await?;
        same("messages", listing.len(), count)?;
        Ok(listing)
    }

    /// The UIDs of all messages, of which there are so many.
    pub(super) async fn uids(&mut self, count: usize) -> Done<Vec<u32>> {
        let messages = self.messages(count).await?;
        Ok(messages.iter().map(|message| message.uid).collect())
    }

    /// All messages: number, UID, flags.
    pub(super) async fn listing(&mut self) -> Done<Vec<Fetched>> {
        let answer = self.ok("UID FETCH 1:* (UID FLAGS)").await?;
        let mut fetched = answer.fetched();
        fetched.sort_by_key(|fetched| fetched.seq);
        fetched.dedup_by_key(|fetched| fetched.seq);
        Ok(fetched)
    }
}

/// What PLAIN says (RFC 4616).
fn plain(user: &str, password: &str) -> String {
    Base64::encode_string(format!("\0{user}\0{password}").as_bytes())
}

/// These octets, at most 65,535, as a block of DEFLATE that is not compressed (RFC 1951, section 3.2.4).
fn stored(octets: &[u8]) -> Vec<u8> {
    let length = u16::try_from(octets.len()).unwrap_or(u16::MAX);
    let head = [length.to_le_bytes(), (!length).to_le_bytes()].concat();
    [&[0], &head[..], octets].concat()
}

/// What a tagged response says. One that cannot be read is an answer too: the follower says what is wrong with it.
fn condition(octets: &[u8]) -> Condition {
    match Response::read(octets, &Bump::new()) {
        Ok(Response::Status(status)) => status.condition,
        _ => Condition::Bad,
    }
}

impl Answer {
    /// The tagged line.
    pub(super) fn last(&self) -> String {
        let last = self.responses.last().map(Vec::as_slice).unwrap_or_default();
        String::from_utf8_lossy(last).trim_end().to_owned()
    }

    /// Whether some response contains these words, in any case.
    pub(super) fn says(&self, words: &str) -> bool {
        let words = words.to_ascii_lowercase();
        let has = |response: &Vec<u8>| {
            String::from_utf8_lossy(response)
                .to_ascii_lowercase()
                .contains(&words)
        };
        self.responses.iter().any(has)
    }

    /// Which of the responses is the first that begins like this.
    pub(super) fn place(&self, begin: &str) -> Option<usize> {
        let mut responses = self.responses.iter();
        responses.position(|response| response.starts_with(begin.as_bytes()))
    }

    /// The arguments of a response code.
    pub(super) fn code(&self, name: &str) -> Option<String> {
        let open = format!("[{name}").to_ascii_uppercase();
        self.responses.iter().find_map(|response| {
            let text = String::from_utf8_lossy(response).into_owned();
            let at = text.to_ascii_uppercase().find(&open)?;
            let rest = &text[at + open.len()..];
            (rest.starts_with([' ', ']']))
                .then(|| rest.split(']').next().unwrap_or_default().trim().to_owned())
        })
    }

    pub(super) fn number(&self, code: &str) -> Option<u64> {
        self.code(code)?.parse().ok()
    }

    /// The numbers before this word, as in `* 3 EXISTS`.
    pub(super) fn numbers(&self, word: &str) -> Vec<u32> {
        let number = |response: &Vec<u8>| match Response::read(response, &Bump::new()) {
            Ok(Response::Data(data)) if data.word == word => data.number,
            _ => None,
        };
        self.responses.iter().filter_map(number).collect()
    }

    /// The texts of untagged responses of this word, without it.
    pub(super) fn texts(&self, word: &str) -> Vec<String> {
        let begin = format!("* {word}");
        let text = |response: &Vec<u8>| {
            let text = String::from_utf8_lossy(response);
            let is_it = text
                .get(..begin.len())
                .is_some_and(|start| start.eq_ignore_ascii_case(&begin));
            is_it.then(|| text[begin.len()..].trim().to_owned())
        };
        self.responses.iter().filter_map(text).collect()
    }

    /// The arguments of each untagged response of this word: strings without their quotes, lists without their parentheses.
    pub(super) fn words(&self, word: &str) -> Vec<Vec<String>> {
        let words = |response: &Vec<u8>| match Response::read(response, &Bump::new()) {
            Ok(Response::Data(data)) if data.word == word => {
                let mut words = Vec::new();
                flatten(data.values, &mut words);
                Some(words)
            }
            _ => None,
        };
        self.responses.iter().filter_map(words).collect()
    }

    /// The tag of the command.
    pub(super) fn tag(&self) -> &str {
        let last = self.responses.last().map(Vec::as_slice).unwrap_or_default();
        response::tag(last).unwrap_or_default()
    }

    /// The results of SEARCH or SORT, or of ESEARCH's ALL, as a list of numbers.
    pub(super) fn found(&self) -> Vec<u32> {
        let mut found = Vec::new();
        for response in &self.responses {
            let arena = Bump::new();
            let Ok(Response::Data(data)) = Response::read(response, &arena) else {
                continue;
            };
            match data.word {
                "SEARCH" | "SORT" => found.extend(data.values.iter().filter_map(Value::number::<u32>)),
                "ESEARCH" => {
                    let all = data.values.windows(2).find(|pair| {
                        pair[0]
                            .atom()
                            .is_some_and(|atom| atom.eq_ignore_ascii_case("ALL"))
                    });
                    found.extend(all.and_then(|pair| pair[1].atom()).map(set).unwrap_or_default());
                }
                _ => {}
            }
        }
        found
    }

    /// Every FETCH.
    pub(super) fn fetched(&self) -> Vec<Fetched> {
        let fetched = |response: &Vec<u8>| match Response::read(response, &Bump::new()) {
            Ok(Response::Data(data)) if data.word == "FETCH" => {
                let items = data.values.first().and_then(Value::list).unwrap_or_default();
                Some(read_items(data.number.unwrap_or(0), items))
            }
            _ => None,
        };
        self.responses.iter().filter_map(fetched).collect()
    }
}

fn flatten(values: &[Value<'_>], words: &mut Vec<String>) {
    for value in values {
        match (value, value.string()) {
            (Value::List(values), _) => flatten(values, words),
            (_, Some(octets)) => words.push(String::from_utf8_lossy(&octets).into_owned()),
            (value, None) => words.push(value.atom().unwrap_or_default().to_owned()),
        }
    }
}

fn read_items(seq: u32, items: &[Value<'_>]) -> Fetched {
    let mut fetched = Fetched {
        seq,
        ..Fetched::default()
    };
    for pair in items.chunks_exact(2) {
        let name = pair[0].atom().unwrap_or_default().to_ascii_uppercase();
        match name.as_str() {
            "UID" => fetched.uid = pair[1].number().unwrap_or(0),
            "MODSEQ" => {
                let modseq = pair[1].list().and_then(<[_]>::first);
                fetched.modseq = modseq.and_then(Value::number).unwrap_or(0);
            }
            "RFC822.SIZE" => fetched.size = pair[1].number(),
            "FLAGS" => {
                let flags = pair[1].list().unwrap_or_default().iter().filter_map(Value::atom);
                let mut flags: Vec<String> = flags.map(str::to_ascii_lowercase).collect();
                flags.retain(|flag| flag != "\\recent");
                flags.sort();
                fetched.flags = Some(flags);
            }
            _ => fetched
                .items
                .push((name, pair[1].octets().unwrap_or(b"()").to_vec())),
        }
    }
    fetched
}

/// `1:3,7` as numbers; a range of more than a thousand is not of these tests.
pub(super) fn set(text: &str) -> Vec<u32> {
    let mut numbers = Vec::new();
    for range in text.split(',') {
        let (first, last) = range.split_once(':').unwrap_or((range, range));
        if let (Ok(first), Ok(last)) = (first.parse::<u32>(), last.parse::<u32>()) {
            numbers.extend((first.min(last)..=first.max(last)).take(1000));
        }
    }
    numbers
}
