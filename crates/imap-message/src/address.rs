//! Addresses as ENVELOPE lists them.

use std::borrow::Cow;

use memchr::memmem;

use crate::Octets;
use crate::cursor::Cursor;
use crate::header::is_space;

/// More addresses than this are not listed in an [`Envelope`](crate::Envelope), nor in all envelopes of a
/// [`BodyStructure`](crate::BodyStructure) together: an address can be two octets in the message, but takes about a
/// hundred in memory and at least fifteen on the wire.
pub const MAX_ADDRESSES: usize = 10_000;

/// How many more addresses may be listed.
#[derive(Debug)]
pub(crate) struct Room(usize);

impl Room {
    /// Room for what one answer may list.
    pub(crate) fn new() -> Self {
        Self(MAX_ADDRESSES)
    }

    /// Room for so many.
    pub(crate) const fn of(addresses: usize) -> Self {
        Self(addresses)
    }
}

/// Words of one display name beyond this are dropped.
const MAX_WORDS: usize = 1_000;

/// An encoded word is read as a whole, whatever is in it, if it is not longer than this (RFC 2047 section 2 allows 75).
const MAX_ENCODED_WORD: usize = 256;

/// One address structure of an ENVELOPE (RFC 9051 section 7.5.2, RFC 3501 section 7.4.2).
///
/// The four members are those of the RFC, in its order. Group syntax is told by absent members, as on the wire:
/// `host` absent and `mailbox` present opens a group of that name, both absent closes it.
///
/// An address without a domain (`From: root`) has an *empty* `host`, because an absent one would open a group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Address<'a> {
    /// The display name, quoted strings unescaped, encoded words left as they are. The comment of the old form
    /// `joe@example.org (Joe)` counts as one (RFC 5322 section 3.4).
    pub name: Option<Octets<'a>>,
    /// The source route (`addr-adl`), for example `@one.example,@two.example`. Obsolete since RFC 1123.
    pub route: Option<Octets<'a>>,
    /// The local part with RFC 5322 quoting removed, or the name of a group that opens here.
    pub mailbox: Option<Octets<'a>>,
    /// The domain; a domain literal keeps its brackets.
    pub host: Option<Octets<'a>>,
}

impl<'a> Address<'a> {
    fn group_start(name: Octets<'a>) -> Self {
        Self {
            name: None,
            route: None,
            mailbox: Some(name),
            host: None,
        }
    }

    fn group_end() -> Self {
        Self {
            name: None,
            route: None,
            mailbox: None,
            host: None,
        }
    }
}

/// Reads an address list (RFC 5322 section 3.4, with the obsolete forms of 4.4) and adds what it finds to `list`.
///
/// What is no address by the grammar still gives one if there is any word in it, so that a reader of the envelope
/// sees something.
///
/// It stops when the room is used up. A group that is open then is closed all the same, outside the room.
pub(crate) fn parse_addresses<'a>(value: &'a [u8], list: &mut Vec<Address<'a>>, room: &mut Room) {
    let before = list.len();
    let mut reader = Reader {
        cursor: Cursor::new(value),
        list,
        group: Group::Outside,
        entry: Entry::default(),
    };
    let enough = before + room.0;
    while reader.list.len() < enough && reader.step().is_some() {}
    if reader.list.len() < enough {
        reader.finish_entry();
    }
    reader.close_group();
    room.0 = room.0.saturating_sub(list.len() - before);
}

struct Reader<'a, 'l> {
    cursor: Cursor<'a>,
    list: &'l mut Vec<Address<'a>>,
    group: Group,
    entry: Entry<'a>,
}

#[derive(PartialEq)]
enum Group {
    Outside,
    Inside,
}

/// What has been read since the last comma. Its vectors serve all entries of a list.
#[derive(Default)]
struct Entry<'a> {
    words: Vec<Word<'a>>,
    comment: Option<Octets<'a>>,
    angle: Option<Angle<'a>>,
    /// The words between the angle brackets.
    inside: Vec<Word<'a>>,
}

/// What stood between angle brackets, except for the words.
struct Angle<'a> {
    route: Option<Octets<'a>>,
}

#[derive(Clone)]
struct Word<'a> {
    text: Octets<'a>,
    kind: Kind,
    gap: Gap,
}

#[derive(Clone, Copy, PartialEq)]
enum Kind {
    Text,
    At,
}

/// What separates a word from the one before it.
#[derive(Clone, Copy, PartialEq)]
enum Gap {
    None,
    Space,
}

enum Token<'a> {
    Word(Word<'a>),
    Comment(Octets<'a>),
    Special(u8),
}

impl<'a> Reader<'a, '_> {
    fn step(&mut self) -> Option<()> {
        match next_token(&mut self.cursor)? {
            Token::Word(word) => self.push_word(word),
            Token::Comment(text) => drop(self.entry.comment.get_or_insert(text)),
            Token::Special(b'<') if self.entry.angle.is_none() => {
                self.entry.angle = Some(read_angle(&mut self.cursor, &mut self.entry.inside))
            }
            Token::Special(b',') => self.finish_entry(),
            Token::Special(b';') => {
                self.finish_entry();
                self.close_group();
            }
            Token::Special(b':') => self.open_group(),
            Token::Special(_) => {}
        }
        Some(())
    }

    fn push_word(&mut self, word: Word<'a>) {
        if self.entry.angle.is_none() && self.entry.words.len() < MAX_WORDS {
            self.entry.words.push(word);
        }
    }

    fn open_group(&mut self) {
        if self.group == Group::Outside && self.entry.angle.is_none() && !self.entry.words.is_empty() {
            let name = join_phrase(&self.entry.words);
            self.list.push(Address::group_start(name));
            self.group = Group::Inside;
            self.entry.words.clear();
            self.entry.comment = None;
        }
    }

    fn close_group(&mut self) {
        if self.group == Group::Inside {
            self.list.push(Address::group_end());
            self.group = Group::Outside;
        }
    }

    fn finish_entry(&mut self) {
        let comment = self.entry.comment.take();
        let angle = self.entry.angle.take();
        let words = &self.entry.words;
        if angle.is_none() && words.is_empty() {
            return;
        }
        let (route, (phrase, mailbox, host)) = match angle {
            Some(Angle { route }) => {
                let (_, mailbox, host) = split_addr_spec(&self.entry.inside);
                (route, (&words[..], mailbox, host))
            }
            None => (None, split_addr_spec(words)),
        };
        let name = if phrase.is_empty() {
            comment
        } else {
            Some(join_phrase(phrase))
        };
        self.list.push(Address {
            name: name.filter(|name| !name.is_empty()),
            route,
            mailbox: Some(mailbox),
            host: Some(host),
        });
        self.entry.words.clear();
        self.entry.inside.clear();
    }
}

/// Reads from behind `<` to behind `>`, into `words` what is no route. Without `>` it ends before the next comma or
/// semicolon.
fn read_angle<'a>(cursor: &mut Cursor<'a>, words: &mut Vec<Word<'a>>) -> Angle<'a> {
    let mut route = None;
    loop {
        let before = cursor.clone();
        match next_token(cursor) {
            Some(Token::Word(word)) if words.len() < MAX_WORDS => words.push(word),
            Some(Token::Special(b':')) if starts_with_at(words) => {
                route = Some(join_tight(words));
                words.clear();
            }
            Some(Token::Special(b',')) if starts_with_at(words) && words.len() < MAX_WORDS => {
                words.push(Word {
                    text: Cow::Borrowed(b","),
                    kind: Kind::Text,
                    gap: Gap::None,
                });
            }
            Some(Token::Special(b',' | b';')) => {
                *cursor = before;
                break;
            }
            Some(Token::Special(b'>')) | None => break,
            Some(_) => {}
        }
    }
    Angle { route }
}

fn starts_with_at(words: &[Word<'_>]) -> bool {
    words.first().is_some_and(|word| word.kind == Kind::At)
}

fn next_token<'a>(cursor: &mut Cursor<'a>) -> Option<Token<'a>> {
    let before = cursor.rest.len();
    cursor.skip_space();
    let gap = if cursor.rest.len() < before {
        Gap::Space
    } else {
        Gap::None
    };
    let word = |text, kind| Token::Word(Word { text, kind, gap });
    Some(match cursor.peek()? {
        b'(' => Token::Comment(cursor.comment()),
        b'"' => word(cursor.quoted(), Kind::Text),
        b'@' => word(Cow::Borrowed(cursor.take(1)), Kind::At),
        b'[' => word(Cow::Borrowed(domain_literal(cursor)), Kind::Text),
        special @ (b'<' | b'>' | b')' | b',' | b';' | b':') => {
            cursor.take(1);
            Token::Special(special)
        }
        _ => word(Cow::Borrowed(atom(cursor)), Kind::Text),
    })
}

/// An atom with its dots. An encoded word is one atom even if it has commas or parentheses in it, as some mailers
/// write them; RFC 2047 section 5 forbids that in a phrase.
fn atom<'a>(cursor: &mut Cursor<'a>) -> &'a [u8] {
    let is_atom = |octet: u8| !is_space(octet) && !b"()<>[@,;:\"".contains(&octet);
    if cursor.rest.starts_with(b"=?") {
        let window = &cursor.rest[..cursor.rest.len().min(MAX_ENCODED_WORD)];
        let word = window.split(|&octet| is_space(octet)).next().unwrap_or(window);
        let marks: Option<usize> = word
            .iter()
            .enumerate()
            .filter(|(_, octet)| **octet == b'?')
            .nth(2)
            .map(|(at, _)| at);
        let end = marks.and_then(|text| memmem::find(&word[text + 1..], b"?=").map(|len| text + 1 + len + 2));
        if let Some(end) = end {
            return cursor.take(end);
        }
    }
    cursor.take_while(is_atom)
}

/// `[192.0.2.1]` with its brackets; unclosed it is as long as an atom would be.
fn domain_literal<'a>(cursor: &mut Cursor<'a>) -> &'a [u8] {
    let inside = |octet: u8| !is_space(octet) && !b"]<>,;".contains(&octet);
    let len = 1 + cursor.rest[1..]
        .iter()
        .position(|&octet| !inside(octet))
        .unwrap_or(cursor.rest.len() - 1);
    let closed = usize::from(cursor.rest.get(len) == Some(&b']'));
    cursor.take(len + closed)
}

/// Splits words at their last `@` into what stands before the local part, the local part, and the domain.
fn split_addr_spec<'w, 'a>(words: &'w [Word<'a>]) -> (&'w [Word<'a>], Octets<'a>, Octets<'a>) {
    let Some(at) = words.iter().rposition(|word| word.kind == Kind::At) else {
        return (&[], join_phrase(words), Cow::Borrowed(b""));
    };
    let (before, domain) = (&words[..at], &words[at + 1..]);
    // White space inside an addr-spec is only allowed around dots (obs-local-part, obs-domain).
    let mut start = before.len().saturating_sub(1);
    while start > 0 && joined(&before[start - 1], &before[start]) {
        start -= 1;
    }
    let mut end = domain.len().min(1);
    while end < domain.len() && joined(&domain[end - 1], &domain[end]) {
        end += 1;
    }
    (
        &before[..start],
        join_tight(&before[start..]),
        join_tight(&domain[..end]),
    )
}

fn joined(left: &Word<'_>, right: &Word<'_>) -> bool {
    right.gap == Gap::None || left.text.ends_with(b".") || right.text.starts_with(b".")
}

/// The words of a phrase, one space where there was any.
fn join_phrase<'a>(words: &[Word<'a>]) -> Octets<'a> {
    join(words, b" ")
}

/// The words of an address, without white space.
fn join_tight<'a>(words: &[Word<'a>]) -> Octets<'a> {
    join(words, b"")
}

fn join<'a>(words: &[Word<'a>], space: &[u8]) -> Octets<'a> {
    match words {
        [] => Cow::Borrowed(b""),
        [one] => one.text.clone(),
        [first, rest @ ..] => {
            let mut out = first.text.to_vec();
            for word in rest {
                if word.gap == Gap::Space {
                    out.extend_from_slice(space);
                }
                out.extend_from_slice(&word.text);
            }
            Cow::Owned(out)
        }
    }
}
