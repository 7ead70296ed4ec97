//! What stands before the search program: the mailboxes of an ESEARCH, RETURN options, sort criteria, a threading algorithm, the charset.

use imap_backend::{Algorithm, SortBy, SortKey};

use super::super::extension::NewMessageItems;
use super::super::filter::Filter;
use super::super::reader::Reader;
use super::super::shown::shown;
use super::super::window::Window;
use super::{Fault, Kind};

/// The most sort criteria in one command: each of them, forwards and backwards.
const MOST_CRITERIA: usize = 20;

/// What is done with the messages that are found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Request {
    /// They are listed in the order of the mailbox.
    Search,
    /// They are listed in the order of these criteria.
    Sort(Vec<SortKey>),
    /// They are listed in threads.
    Thread(Algorithm),
}

/// The RETURN options (RFC 4731, section 3.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Return {
    pub(crate) min: bool,
    pub(crate) max: bool,
    pub(crate) all: bool,
    pub(crate) count: bool,
    /// RFC 5182, section 2.
    pub(crate) save: bool,
    /// RFC 9394, section 3.1; RFC 5267, section 4.4.
    pub(crate) partial: Option<Window>,
    /// RFC 5267, section 4.3.
    pub(crate) update: bool,
    /// RFC 6203, section 4.
    pub(crate) relevancy: bool,
}

impl Return {
    /// `RETURN (ALL)`.
    pub(crate) const ALL: Self = Self {
        min: false,
        max: false,
        all: true,
        count: false,
        save: false,
        partial: None,
        update: false,
        relevancy: false,
    };

    /// Whether the client wants an answer besides the tagged line: not if it only saves (RFC 5182, section 1).
    pub(crate) const fn wants_answer(self) -> bool {
        self.min || self.max || self.all || self.count || self.partial.is_some() || self.relevancy
    }
}

/// Everything before the keys.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Front {
    pub(crate) request: Request,
    /// `None` but for ESEARCH.
    pub(crate) sources: Option<Vec<Filter>>,
    /// `None` without RETURN.
    pub(crate) options: Option<Return>,
    /// What a row about a new message that matches has, where UPDATE asks for rows.
    pub(crate) new_rows: Option<NewMessageItems>,
    /// Whether a sort criterion is RELEVANCY, by which all messages are equal here.
    pub(crate) by_relevancy: bool,
    /// Whether the keys are in a charset that is not supported.
    pub(crate) foreign_charset: bool,
}

impl Front {
    /// Whether other mailboxes than the selected one are searched.
    pub(super) fn looks_elsewhere(&self) -> bool {
        let sources = self.sources.iter().flatten();
        sources.into_iter().any(|source| *source != Filter::Selected)
    }

    /// Of a criterion that stands alone.
    pub(super) const fn of_a_criterion() -> Self {
        Self {
            request: Request::Search,
            sources: None,
            options: None,
            new_rows: None,
            by_relevancy: false,
            foreign_charset: false,
        }
    }
}

/// Reads up to the keys.
pub(super) fn front(reader: &mut Reader<'_>, kind: Kind) -> Result<Front, Fault> {
    let mut front = Front::of_a_criterion();
    if kind == Kind::ESearch {
        front.sources = Some(sources(reader)?);
        // Without RETURN (RFC 7377, section 2.1).
        front.options = Some(Return::ALL);
    }
    if kind != Kind::Thread && reader.next_atom().eq_ignore_ascii_case(b"RETURN") {
        reader.atom()?;
        reader.due(b' ')?;
        let at = reader.at();
        let options = options(reader, &mut front.new_rows)?;
        if options.save && front.looks_elsewhere() {
            return Err(Fault::syntax(at, "SAVE goes with the selected mailbox only"));
        }
        front.options = Some(options);
        reader.due(b' ')?;
    }
    match kind {
        Kind::Search | Kind::ESearch if reader.next_atom().eq_ignore_ascii_case(b"CHARSET") => {
            reader.atom()?;
            reader.due(b' ')?;
            front.foreign_charset = foreign_charset(reader)?;
        }
        Kind::Search | Kind::ESearch => {}
        Kind::Sort => {
            front.request = Request::Sort(criteria(reader, &mut front.by_relevancy)?);
            reader.due(b' ')?;
            front.foreign_charset = foreign_charset(reader)?;
        }
        Kind::Thread => {
            front.request = Request::Thread(algorithm(reader)?);
            reader.due(b' ')?;
            front.foreign_charset = foreign_charset(reader)?;
        }
    }
    Ok(front)
}

/// `[esearch-source-opts SP]`, which is `"IN" SP "(" source-mbox ")"`; no scope options are defined (RFC 7377, section 4).
fn sources(reader: &mut Reader<'_>) -> Result<Vec<Filter>, Fault> {
    if !reader.next_atom().eq_ignore_ascii_case(b"IN") {
        return Ok(vec![Filter::Selected]);
    }
    reader.atom()?;
    reader.due(b' ')?;
    reader.due(b'(')?;
    let mut sources = Vec::new();
    loop {
        let at = reader.at();
        let source = Filter::read(reader)?;
        if source == Filter::SelectedDelayed {
            return Err(Fault::syntax(at, "SELECTED-DELAYED is for NOTIFY"));
        }
        sources.push(source);
        if reader.eat(b')').is_some() {
            break;
        }
        reader.due(b' ')?;
    }
    reader.due(b' ')?;
    Ok(sources)
}

/// The text of the keys is taken as UTF-8 whichever charset is named of the two that are supported.
fn foreign_charset(reader: &mut Reader<'_>) -> Result<bool, Fault> {
    let charset = reader.astring()?;
    reader.due(b' ')?;
    Ok(!charset.eq_ignore_ascii_case("US-ASCII") && !charset.eq_ignore_ascii_case("UTF-8"))
}

/// `"(" [search-return-opt *(SP search-return-opt)] ")"` (RFC 4466, section 2.6.1).
fn options(reader: &mut Reader<'_>, new_rows: &mut Option<NewMessageItems>) -> Result<Return, Fault> {
    let mut options = Return::default();
    reader.due(b'(')?;
    if reader.eat(b')').is_some() {
        options.all = true;
        return Ok(options);
    }
    loop {
        let at = reader.at();
        let name = reader.atom()?;
        match name.to_ascii_uppercase().as_str() {
            "MIN" => options.min = true,
            "MAX" => options.max = true,
            "ALL" => options.all = true,
            "COUNT" => options.count = true,
            "SAVE" => options.save = true,
            // A hint that the client will come again (RFC 5267, section 4.2).
            "CONTEXT" => {}
            "UPDATE" => {
                options.update = true;
                // The example of RFC 5465, section 7 has a space here, its formal syntax has none.
                let before = usize::from(reader.peek() == Some(b' '));
                if reader.rest().get(before) == Some(&b'(') {
                    let _ = reader.eat(b' ');
                    *new_rows = Some(NewMessageItems::read(reader)?);
                }
            }
            "RELEVANCY" => options.relevancy = true,
            "PARTIAL" => {
                reader.due(b' ')?;
                if options.partial.replace(Window::read(reader)?).is_some() {
                    return Err(Fault::syntax(at, "PARTIAL twice"));
                }
            }
            _ => {
                let name = shown(name.as_bytes());
                return Err(Fault::syntax(at, format!("unknown RETURN option {name}")));
            }
        }
        if options.all && options.partial.is_some() {
            return Err(Fault::syntax(at, "ALL and PARTIAL exclude each other"));
        }
        if reader.eat(b')').is_some() {
            break;
        }
        reader.due(b' ')?;
    }
    // A client that is to be kept up to date has to know where to begin.
    options.all |= !options.wants_answer() && !options.save;
    Ok(options)
}

/// `"(" sort-criterion *(SP sort-criterion) ")"` (RFC 5256, section 5).
fn criteria(reader: &mut Reader<'_>, by_relevancy: &mut bool) -> Result<Vec<SortKey>, Fault> {
    let mut criteria = Vec::new();
    let mut count = 0;
    reader.due(b'(')?;
    loop {
        let mut reversed = false;
        if reader.next_atom().eq_ignore_ascii_case(b"REVERSE") {
            reader.atom()?;
            reader.due(b' ')?;
            reversed = true;
        }
        let at = reader.at();
        let name = reader.atom()?;
        count += 1;
        if count > MOST_CRITERIA {
            return Err(Fault::Limit(format!(
                "SORT takes at most {MOST_CRITERIA} criteria"
            )));
        }
        if name.eq_ignore_ascii_case("RELEVANCY") {
            *by_relevancy = true;
        } else {
            let key = SortKey::new(criterion(name).ok_or_else(|| {
                Fault::syntax(at, format!("unknown sort criterion {}", shown(name.as_bytes())))
            })?);
            criteria.push(if reversed { key.reversed() } else { key });
        }
        if reader.eat(b')').is_some() {
            return Ok(criteria);
        }
        reader.due(b' ')?;
    }
}

/// RFC 5256, section 5; RFC 5957, section 5.
fn criterion(name: &str) -> Option<SortBy> {
    Some(match name.to_ascii_uppercase().as_str() {
        "ARRIVAL" => SortBy::Arrival,
        "CC" => SortBy::Cc,
        "DATE" => SortBy::Date,
        "DISPLAYFROM" => SortBy::DisplayFrom,
        "DISPLAYTO" => SortBy::DisplayTo,
        "FROM" => SortBy::From,
        "SIZE" => SortBy::Size,
        "SUBJECT" => SortBy::Subject,
        "TO" => SortBy::To,
        _ => return None,
    })
}

fn algorithm(reader: &mut Reader<'_>) -> Result<Algorithm, Fault> {
    let at = reader.at();
    let name = reader.atom()?;
    Ok(match name.to_ascii_uppercase().as_str() {
        "ORDEREDSUBJECT" => Algorithm::OrderedSubject,
        "REFERENCES" => Algorithm::References,
        "REFS" => Algorithm::Refs,
        _ => {
            let name = shown(name.as_bytes());
            return Err(Fault::syntax(at, format!("unknown threading algorithm {name}")));
        }
    })
}
