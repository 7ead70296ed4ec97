//! Keys within keys, without recursion: what is open is a stack of its own.

use imap_backend::{Ability, SearchKey};

use super::super::reader::Reader;
use super::super::shown::shown;
use super::build::{Built, Keys};
use super::filter::{DEEPEST_FILTERS, Filters, MOST_FILTER_OCTETS, is_name};
use super::leaf::{Cost, cost, leaf, needs};
use super::request::{Front, front};
use super::{Fault, Key, Kind, MOST_KEYS, MOST_READING, Needed, Numbering, Program, Reading};

/// The most parentheses, ORs and NOTs that are open at a time: bounds the stack of a program that nests only in writing.
/// A chain of [`MOST_KEYS`] alternatives, each in its own parentheses, has a quarter of that.
const MOST_OPEN: usize = 8 * MOST_KEYS;

/// Parses the arguments that begin at this place of a command, which is complete and without its line end.
///
/// O(octets), plus the keys of a program times how deep its ORs nest in writing: at most half a million moves of a key.
pub(crate) fn parse(command: &[u8], at: usize, kind: Kind) -> Result<Program, Fault> {
    parse_as(command, at, kind, None)
}

/// The same, with the criteria of filters in the place of their names.
///
/// O(octets), those that are inserted included, of which there is a bound.
pub(crate) fn parse_with(
    command: &[u8],
    at: usize,
    kind: Kind,
    filters: Filters<'_>,
) -> Result<Program, Fault> {
    parse_as(command, at, kind, Some(filters))
}

fn parse_as(command: &[u8], at: usize, kind: Kind, filters: Option<Filters<'_>>) -> Result<Program, Fault> {
    let mut reader = Reader::new(command, at);
    let front = front(&mut reader, kind)?;
    let is_foreign = front.foreign_charset;
    match Parser::new(reader, filters).run(front) {
        Ok(program) if is_foreign && program.names_filters => Err(Fault::CharsetOfFilters),
        _ if is_foreign => Err(Fault::Charset),
        parsed => parsed,
    }
}

/// Parses what a filter keeps, without those that it names.
pub(super) fn parse_criterion(criterion: &[u8]) -> Result<(), Fault> {
    let reader = Reader::new(criterion, 0);
    Parser::new(reader, None).run(Front::of_a_criterion()).map(drop)
}

/// Whether a command asks to save what it finds, so that its failure leaves an empty result (RFC 5182, section 2.1).
pub(crate) fn asks_to_save(command: &[u8], at: usize, kind: Kind) -> bool {
    let front = front(&mut Reader::new(command, at), kind);
    front.is_ok_and(|front| front.options.is_some_and(|options| options.save))
}

/// Whether a command can go on after this beginning, which ends in the announcement of a literal.
///
/// # Errors
/// What is wrong with it already.
pub(crate) fn could_go_on(beginning: &[u8], at: usize, kind: Kind) -> Result<(), Fault> {
    match parse(beginning, at, kind) {
        // An announced literal of no octets ends the beginning, and may end the program.
        Ok(_) | Err(Fault::Ends { .. }) => Ok(()),
        Err(fault) => Err(fault),
    }
}

/// What waits for keys.
enum Open {
    /// The program, or a parenthesis: keys that all have to match.
    List(Keys),
    /// The criterion of a filter.
    Filter(Keys),
    /// OR, or a chain of them: so many alternatives are still due.
    Or(Keys, usize),
    Not,
}

/// A filter whose criterion is being read.
struct Within<'c> {
    name: &'c str,
    /// Where it was named, and reading goes on.
    outside: Reader<'c>,
}

struct Parser<'c> {
    reader: Reader<'c>,
    /// What FILTER means; `None` where that is not known yet.
    filters: Option<Filters<'c>>,
    /// Innermost last.
    within: Vec<Within<'c>>,
    /// Octets of criteria.
    inserted: usize,
    names_filters: bool,
    /// Innermost last. The first is the program itself.
    open: Vec<Open>,
    keys: usize,
    /// Those that read messages.
    readers: usize,
    numbering: Numbering,
    reading: Reading,
    asks_mod_sequences: bool,
    needs: Vec<Needed>,
    is_fuzzy: bool,
    /// Whether `$` is among the keys.
    uses_saved: bool,
}

impl<'c> Parser<'c> {
    fn new(reader: Reader<'c>, filters: Option<Filters<'c>>) -> Self {
        Self {
            reader,
            filters,
            within: Vec::new(),
            inserted: 0,
            names_filters: false,
            open: vec![Open::List(Keys::default())],
            keys: 0,
            readers: 0,
            numbering: Numbering::Free,
            reading: Reading::Attributes,
            asks_mod_sequences: false,
            needs: Vec::new(),
            is_fuzzy: false,
            uses_saved: false,
        }
    }

    fn run(mut self, front: Front) -> Result<Program, Fault> {
        self.read(front)
            .map_err(|fault| match (fault, self.within.last()) {
                (Fault::Syntax { at, why }, Some(filter)) => Fault::Filter(format!(
                    "filter {}: {why} at octet {}",
                    shown(filter.name.as_bytes()),
                    at + 1
                )),
                (Fault::Ends { .. }, Some(filter)) => Fault::Filter(format!(
                    "filter {}: ends where more is due",
                    shown(filter.name.as_bytes())
                )),
                (fault, _) => fault,
            })
    }

    fn read(&mut self, front: Front) -> Result<Program, Fault> {
        let looks_elsewhere = front.looks_elsewhere();
        let Front {
            request,
            sources,
            options,
            new_rows,
            by_relevancy,
            ..
        } = front;
        let asks_relevancy = by_relevancy || options.is_some_and(|options| options.relevancy);
        loop {
            let Some(built) = self.open_or_leaf()? else {
                continue;
            };
            if let Some(whole) = self.close(built)? {
                // RFC 6203, sections 4 and 6.
                if asks_relevancy && !self.is_fuzzy {
                    return Err(Fault::syntax(self.reader.at(), "RELEVANCY without FUZZY"));
                }
                if self.uses_saved && looks_elsewhere {
                    return Err(Fault::syntax(
                        self.reader.at(),
                        "$ goes with the selected mailbox only",
                    ));
                }
                return Ok(Program {
                    request,
                    sources,
                    options,
                    new_rows,
                    key: whole,
                    numbering: self.numbering,
                    reading: self.reading,
                    asks_mod_sequences: self.asks_mod_sequences,
                    needs: std::mem::take(&mut self.needs),
                    names_filters: self.names_filters,
                });
            }
        }
    }

    /// Reads what opens a key, or a key that contains no others.
    fn open_or_leaf(&mut self) -> Result<Option<Built>, Fault> {
        let key = match self.reader.peek() {
            Some(b'(') => {
                self.reader.due(b'(')?;
                return self.push(Open::List(Keys::default()));
            }
            Some(b'$') => {
                self.reader.due(b'$')?;
                self.uses_saved = true;
                Key::Saved
            }
            Some(b'0'..=b'9' | b'*') => {
                let set = self.reader.set()?;
                self.numbering = Numbering::UsesSequenceNumbers;
                Key::Seqs(set)
            }
            _ => {
                let name = self.reader.next_atom();
                if name.eq_ignore_ascii_case(b"NOT") {
                    return self.open_not();
                }
                if name.eq_ignore_ascii_case(b"OR") {
                    return self.open_or();
                }
                // Every key is matched exactly, which FUZZY permits (RFC 6203, section 5).
                if name.eq_ignore_ascii_case(b"FUZZY") {
                    self.reader.atom()?;
                    self.is_fuzzy = true;
                    return self.reader.due(b' ').map(|()| None);
                }
                if name.eq_ignore_ascii_case(b"FILTER") {
                    return self.open_filter();
                }
                leaf(&mut self.reader)?
            }
        };
        self.asks_mod_sequences |= matches!(&key, Key::ModSeq(_));
        if let Some(needed) = needs(&key) {
            self.need(needed);
        }
        self.count(&key)?;
        Ok(Some(Built::leaf(key)))
    }

    /// NOT NOT is nothing.
    fn open_not(&mut self) -> Result<Option<Built>, Fault> {
        self.reader.atom()?;
        self.reader.due(b' ')?;
        if let Some(Open::Not) = self.open.last() {
            self.open.pop();
            return Ok(None);
        }
        self.push(Open::Not)
    }

    /// An alternative that is an OR itself is two alternatives.
    fn open_or(&mut self) -> Result<Option<Built>, Fault> {
        self.reader.atom()?;
        self.reader.due(b' ')?;
        if let Some(Open::Or(_, due)) = self.open.last_mut() {
            *due += 1;
            return Ok(None);
        }
        self.push(Open::Or(Keys::default(), 2))
    }

    /// What a filter stands for is read next, from where it is kept. One that is named within itself does not exist (RFC
    /// 5466, section 3.1).
    fn open_filter(&mut self) -> Result<Option<Built>, Fault> {
        self.reader.atom()?;
        self.reader.due(b' ')?;
        let at = self.reader.at();
        let name = self.reader.atom()?;
        if !is_name(name) {
            return Err(Fault::syntax(at, "no name of a filter"));
        }
        self.names_filters = true;
        self.need(Needed::Ability(Ability::Metadata));
        let Some(filters) = self.filters else {
            let unknown = Key::Plain(Box::new(SearchKey::All));
            self.count(&unknown)?;
            return Ok(Some(Built::leaf(unknown)));
        };
        let is_within = |filter: &Within<'_>| filter.name.eq_ignore_ascii_case(name);
        let criterion = filters
            .find(name)
            .filter(|_| self.within.len() < DEEPEST_FILTERS && !self.within.iter().any(is_within))
            .ok_or_else(|| Fault::UndefinedFilter(name.to_owned()))?;
        self.inserted += criterion.len();
        if self.inserted > MOST_FILTER_OCTETS {
            return Err(Fault::Limit(format!(
                "SEARCH takes at most {MOST_FILTER_OCTETS} octets of filters"
            )));
        }
        let outside = std::mem::replace(&mut self.reader, Reader::new(criterion, 0));
        self.within.push(Within { name, outside });
        self.push(Open::Filter(Keys::default()))
    }

    fn need(&mut self, needed: Needed) {
        if !self.needs.contains(&needed) {
            self.needs.push(needed);
        }
    }

    fn push(&mut self, open: Open) -> Result<Option<Built>, Fault> {
        if self.open.len() > MOST_OPEN {
            let why = format!("SEARCH takes at most {MOST_OPEN} open parentheses, ORs and NOTs");
            return Err(Fault::Limit(why));
        }
        self.open.push(open);
        Ok(None)
    }

    fn count(&mut self, key: &Key) -> Result<(), Fault> {
        self.keys += 1;
        if self.keys > MOST_KEYS {
            return Err(Fault::Limit(format!("SEARCH takes at most {MOST_KEYS} keys")));
        }
        match cost(key) {
            Cost::Attributes => return Ok(()),
            Cost::Summary => {}
            Cost::Message => self.readers += 1,
        }
        self.reading = Reading::Contents;
        if self.readers > MOST_READING {
            return Err(Fault::Limit(format!(
                "SEARCH takes at most {MOST_READING} keys that read messages: BODY, TEXT, and HEADER with a field that is not in ENVELOPE"
            )));
        }
        Ok(())
    }

    /// Gives a key to what waits for it, and closes what it completes. The whole program at its end; `None` where the
    /// next key is due.
    fn close(&mut self, mut built: Built) -> Result<Option<Key>, Fault> {
        loop {
            match self.open.pop() {
                Some(Open::Not) => {
                    built = built.negated()?;
                }
                Some(Open::Or(mut keys, due)) => {
                    match built.key {
                        Key::Or(more) => keys.append(more, built.levels),
                        key => keys.push(Built { key, ..built }),
                    }
                    if due > 1 {
                        self.open.push(Open::Or(keys, due - 1));
                        self.reader.due(b' ')?;
                        return Ok(None);
                    }
                    built = keys.into_one(Key::Or)?;
                }
                Some(Open::List(mut keys)) => {
                    match built.key {
                        Key::And(more) => keys.append(more, built.levels),
                        key => keys.push(Built { key, ..built }),
                    }
                    if self.reader.eat(b' ').is_some() {
                        self.open.push(Open::List(keys));
                        return Ok(None);
                    }
                    // The program ends with the command, a parenthesis with its other half.
                    if self.open.is_empty() {
                        return match self.reader.peek() {
                            None => keys.into_one(Key::And).map(|built| Some(built.key)),
                            Some(_) => Err(self.reader.unexpected()),
                        };
                    }
                    self.reader.due(b')')?;
                    built = keys.into_one(Key::And)?;
                }
                Some(Open::Filter(mut keys)) => {
                    match built.key {
                        Key::And(more) => keys.append(more, built.levels),
                        key => keys.push(Built { key, ..built }),
                    }
                    if self.reader.eat(b' ').is_some() {
                        self.open.push(Open::Filter(keys));
                        return Ok(None);
                    }
                    if self.reader.peek().is_some() {
                        return Err(self.reader.unexpected());
                    }
                    built = keys.into_one(Key::And)?;
                    if let Some(filter) = self.within.pop() {
                        self.reader = filter.outside;
                    }
                }
                // The program is never closed before its end.
                None => return Err(self.reader.unexpected()),
            }
        }
    }
}
