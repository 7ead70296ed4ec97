//! Items and modifiers of FETCH that the codec does not know.

use imap_backend::Ability;

use super::super::reader::Reader;
use super::super::reader_fault::Fault;
use super::super::window::Window;

/// What was cut out of a command.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Extras {
    /// The set of the command is `$` (RFC 5182); another one stands in its place.
    pub(crate) set_is_saved: bool,
    /// Items of FETCH.
    pub(crate) items: Vec<ExtraItem>,
    /// The PARTIAL modifier of FETCH (RFC 9394, section 3.3).
    pub(crate) window: Option<Window>,
    /// Pieces of messages with numbers that are larger than the codec's, each with the place of its item among those that are left.
    pub(super) wide_partials: Vec<(usize, WidePartial)>,
    /// `(CHANGEDSINCE 0)`, which the grammar allows (RFC 7162, section 7: mod-sequence-valzer) and the codec does not.
    pub(crate) changed_since_zero: bool,
}

/// Of a command that the codec reads by itself.
pub(crate) static NO_EXTRAS: Extras = Extras {
    set_is_saved: false,
    items: Vec::new(),
    window: None,
    wide_partials: Vec::new(),
    changed_since_zero: false,
};

impl Extras {
    /// The partial of an item that is left, where the codec cannot read it.
    pub(crate) fn wide_partial(&self, item: usize) -> Option<WidePartial> {
        let mut partials = self.wide_partials.iter();
        partials.find(|(at, _)| *at == item).map(|(_, partial)| *partial)
    }
}

/// `<origin.octets>` in 63 bits (RFC 9051, section 9: partial), of which the codec reads 32.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct WidePartial {
    pub(crate) origin: u64,
    pub(crate) octets: u64,
}

impl WidePartial {
    /// An item up to its partial, and that partial; `None` where the codec can read it, or nobody can.
    fn cut(item: &[u8]) -> Option<(&[u8], Self)> {
        let partial = item.strip_suffix(b">")?;
        let begin = memchr::memrchr(b'<', partial)?;
        let (origin, octets) = std::str::from_utf8(&partial[begin + 1..]).ok()?.split_once('.')?;
        let number = |text: &str| {
            let is_number = text.bytes().all(|octet| octet.is_ascii_digit());
            is_number
                .then(|| text.parse::<i64>().ok()?.try_into().ok())
                .flatten()
        };
        let (origin, octets): (u64, u64) = (number(origin)?, number(octets)?);
        let is_wide = origin.max(octets) > u64::from(u32::MAX);
        let item = &item[..begin];
        (is_wide && octets > 0 && item.ends_with(b"]")).then_some((item, Self { origin, octets }))
    }
}

/// An item of FETCH.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ExtraItem {
    /// SAVEDATE (RFC 8514, section 4.2).
    SaveDate,
    /// EMAILID (RFC 8474, section 5.1).
    EmailId,
    /// THREADID (RFC 8474, section 5.2).
    ThreadId,
    /// PREVIEW (RFC 8970, section 3.1).
    Preview,
    /// PREVIEW (LAZY), which permits NIL.
    PreviewLazy,
}

impl ExtraItem {
    /// What the backend has to offer for it.
    pub(crate) const fn needs(self) -> Option<Ability> {
        match self {
            Self::SaveDate => Some(Ability::SaveDate),
            Self::EmailId | Self::ThreadId => Some(Ability::ObjectId),
            Self::Preview | Self::PreviewLazy => None,
        }
    }
}

const ITEMS: [(&[u8], ExtraItem); 4] = [
    (b"SAVEDATE", ExtraItem::SaveDate),
    (b"EMAILID", ExtraItem::EmailId),
    (b"THREADID", ExtraItem::ThreadId),
    (b"PREVIEW", ExtraItem::Preview),
];

/// Cuts items and modifiers out of a FETCH; `None` where there is nothing to cut, and for other commands.
pub(super) fn cut(command: &[u8]) -> Option<Result<(Vec<u8>, Extras), Fault>> {
    let at = arguments(command)?;
    let mut extras = Extras::default();
    let mut rest = command[..at].to_vec();
    let behind_items = cut_items(command, at, &mut rest, &mut extras)?;
    if let Err(fault) = cut_modifiers(command, behind_items, &mut rest, &mut extras) {
        return Some(Err(fault));
    }
    (extras != Extras::default()).then_some(Ok((rest, extras)))
}

/// Where the items of a FETCH begin: behind `tag FETCH set ` or `tag UID FETCH set `.
fn arguments(command: &[u8]) -> Option<usize> {
    let mut at = memchr::memchr(b' ', command)? + 1;
    if super::starts_with_name(&command[at..], "UID") {
        at += 4;
    }
    if !super::starts_with_name(command.get(at..)?, "FETCH") {
        return None;
    }
    at += 6;
    Some(at + memchr::memchr(b' ', command.get(at..)?)? + 1)
}

/// Copies the items that the codec knows; says where they end. `None` for what are no items.
pub(super) fn cut_items(command: &[u8], at: usize, rest: &mut Vec<u8>, extras: &mut Extras) -> Option<usize> {
    if command.get(at) != Some(&b'(') {
        let end = item_end(command, at)?;
        match extra(command, at, end) {
            Some((item, end)) => {
                extras.items.push(item);
                rest.extend_from_slice(b"()");
                return Some(end);
            }
            None => {
                keep(&command[at..end], 0, rest, extras);
                return Some(end);
            }
        }
    }
    rest.push(b'(');
    let mut at = at + 1;
    let mut kept = 0;
    loop {
        let end = item_end(command, at)?;
        let end = match extra(command, at, end) {
            Some((item, end)) => {
                extras.items.push(item);
                end
            }
            None => {
                if kept > 0 {
                    rest.push(b' ');
                }
                keep(&command[at..end], kept, rest, extras);
                kept += 1;
                end
            }
        };
        match command.get(end)? {
            b' ' => at = end + 1,
            b')' => {
                rest.push(b')');
                return Some(end + 1);
            }
            _ => return None,
        }
    }
}

/// Copies an item that the codec knows, with a partial that it can read. So many items are left before it.
fn keep(item: &[u8], before: usize, rest: &mut Vec<u8>, extras: &mut Extras) {
    match WidePartial::cut(item) {
        Some((item, partial)) => {
            extras.wide_partials.push((before, partial));
            rest.extend_from_slice(item);
            rest.extend_from_slice(b"<0.1>");
        }
        None => rest.extend_from_slice(item),
    }
}

/// The item of an extension that stands between these places, and where it ends with its arguments.
fn extra(command: &[u8], at: usize, end: usize) -> Option<(ExtraItem, usize)> {
    let (name, item) = ITEMS
        .iter()
        .find(|(name, _)| name.eq_ignore_ascii_case(&command[at..end]))?;
    const LAZY: &[u8] = b" (LAZY)";
    let lazy = command.get(end..end + LAZY.len());
    let has_lazy = *name == b"PREVIEW" && lazy.is_some_and(|word| word.eq_ignore_ascii_case(LAZY));
    Some(match has_lazy {
        true => (ExtraItem::PreviewLazy, end + LAZY.len()),
        false => (*item, end),
    })
}

/// Where an item ends: at the space or the parenthesis behind it. What is in brackets belongs to it, with strings and
/// literals.
fn item_end(command: &[u8], mut at: usize) -> Option<usize> {
    let mut in_brackets = false;
    loop {
        match command.get(at) {
            None => return (!in_brackets).then_some(at),
            Some(b' ' | b'(' | b')') if !in_brackets => return Some(at),
            Some(b'[') => in_brackets = true,
            Some(b']') => in_brackets = false,
            Some(b'"' | b'{') if in_brackets => {
                let mut reader = Reader::new(command, at);
                reader.astring_octets().ok()?;
                at = reader.at();
                continue;
            }
            Some(_) => {}
        }
        at += 1;
    }
}

/// Copies the modifiers that the codec knows.
fn cut_modifiers(command: &[u8], at: usize, rest: &mut Vec<u8>, extras: &mut Extras) -> Result<(), Fault> {
    let modifiers = &command[at..];
    let Some(inner) = modifiers
        .strip_prefix(b" (")
        .and_then(|inner| inner.strip_suffix(b")"))
    else {
        rest.extend_from_slice(modifiers);
        return Ok(());
    };
    let mut words = inner.split(|&octet| octet == b' ').peekable();
    let mut kept: Vec<&[u8]> = Vec::new();
    let mut at = at + 2;
    while let Some(word) = words.next() {
        at += word.len() + 1;
        if word.eq_ignore_ascii_case(b"PARTIAL") {
            let mut reader = Reader::new(command, at);
            let window = Window::read(&mut reader)?;
            if !matches!(reader.peek(), Some(b' ' | b')')) || extras.window.replace(window).is_some() {
                return Err(reader.unexpected());
            }
            at += words.next().map_or(0, <[u8]>::len) + 1;
        } else if word.eq_ignore_ascii_case(b"CHANGEDSINCE") && words.peek() == Some(&&b"0"[..]) {
            extras.changed_since_zero = true;
            words.next();
            at += 2;
        } else {
            kept.push(word);
        }
    }
    if !kept.is_empty() {
        rest.extend_from_slice(b" (");
        rest.extend_from_slice(&kept.join(&b' '));
        rest.push(b')');
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::super::super::window::End;
    use super::*;
    use std::num::NonZeroU32;

    fn cut_text(command: &str) -> Option<(String, Extras)> {
        let (rest, extras) = cut(command.as_bytes())?.unwrap();
        Some((String::from_utf8(rest).unwrap(), extras))
    }

    #[test]
    fn items_are_cut_wherever_they_stand() {
        use ExtraItem::{EmailId, PreviewLazy, SaveDate, ThreadId};
        for (command, rest, items) in [
            ("a FETCH 1 SAVEDATE", "a FETCH 1 ()", &[SaveDate][..]),
            ("a FETCH 1 PREVIEW (LAZY)", "a FETCH 1 ()", &[PreviewLazy]),
            (
                "a uid fetch 1:* (uid preview (lazy) flags)",
                "a uid fetch 1:* (uid flags)",
                &[PreviewLazy],
            ),
            (
                "a FETCH 1 (EMAILID UID THREADID)",
                "a FETCH 1 (UID)",
                &[EmailId, ThreadId],
            ),
            (
                "a FETCH 1 (BODY[HEADER.FIELDS (\"SAVEDATE )]\" {2}\r\n])] SAVEDATE)",
                "a FETCH 1 (BODY[HEADER.FIELDS (\"SAVEDATE )]\" {2}\r\n])])",
                &[SaveDate],
            ),
            (
                "a FETCH 1 (SAVEDATE) (CHANGEDSINCE 5)",
                "a FETCH 1 () (CHANGEDSINCE 5)",
                &[SaveDate],
            ),
        ] {
            let (cut, extras) = cut_text(command).unwrap_or_else(|| panic!("{command}"));
            assert_eq!((cut.as_str(), &extras.items[..]), (rest, items), "{command}");
        }
    }

    #[test]
    fn modifiers_are_cut_in_any_order() {
        let window = |first, last, from| Window {
            first: NonZeroU32::new(first).unwrap(),
            last: NonZeroU32::new(last).unwrap(),
            from,
        };
        for (command, rest, wanted) in [
            (
                "a UID FETCH 1:9 FLAGS (PARTIAL 1:5)",
                "a UID FETCH 1:9 FLAGS",
                window(1, 5, End::Lowest),
            ),
            (
                "a UID FETCH 1:9 (UID FLAGS) (PARTIAL -1:-30 CHANGEDSINCE 98305)",
                "a UID FETCH 1:9 (UID FLAGS) (CHANGEDSINCE 98305)",
                window(1, 30, End::Highest),
            ),
            (
                "a UID FETCH 1:9 (FLAGS) (CHANGEDSINCE 98305 PARTIAL 9:2 VANISHED)",
                "a UID FETCH 1:9 (FLAGS) (CHANGEDSINCE 98305 VANISHED)",
                window(2, 9, End::Lowest),
            ),
        ] {
            let (cut, extras) = cut_text(command).unwrap_or_else(|| panic!("{command}"));
            assert_eq!((cut.as_str(), extras.window), (rest, Some(wanted)), "{command}");
        }
        let (cut, extras) = cut_text("a FETCH 1:* FLAGS (CHANGEDSINCE 0)").unwrap();
        assert!(cut == "a FETCH 1:* FLAGS" && extras.changed_since_zero);
    }

    #[test]
    fn rfc9051_9_numbers_of_63_bits_are_cut_out_of_partials() {
        let most = u64::try_from(i64::MAX).unwrap();
        for (command, rest, item, origin, octets) in [
            (
                "a FETCH 1 BODY[]<0.4294967296>",
                "a FETCH 1 BODY[]<0.1>",
                0,
                0,
                4_294_967_296,
            ),
            (
                "a UID FETCH 1 (SAVEDATE UID BINARY.PEEK[1]<9223372036854775807.1> FLAGS)",
                "a UID FETCH 1 (UID BINARY.PEEK[1]<0.1> FLAGS)",
                1,
                most,
                1,
            ),
            (
                "a FETCH 1 (BODY[HEADER.FIELDS (\"<5.5>\")]<4294967296.2>)",
                "a FETCH 1 (BODY[HEADER.FIELDS (\"<5.5>\")]<0.1>)",
                0,
                4_294_967_296,
                2,
            ),
        ] {
            let (cut, extras) = cut_text(command).unwrap_or_else(|| panic!("{command}"));
            assert_eq!(cut, rest);
            assert_eq!(extras.wide_partial(item), Some(WidePartial { origin, octets }));
            assert_eq!(extras.wide_partials.len(), 1);
        }
    }

    #[test]
    fn what_is_the_codecs_is_left_alone() {
        for command in [
            "",
            "a",
            "a FETCH",
            "a FETCH 1",
            "a FETCH 1 FLAGS",
            "a FETCH 1 (BODY[HEADER.FIELDS (SAVEDATE)])",
            "a FETCH 1 (FLAGS",
            "a FETCH 1 FLAGS (CHANGEDSINCE 5)",
            "a STORE 1 FLAGS (SAVEDATE)",
            "a FETCH 1 BODY[]<4294967295.4294967295>",
            // These are nobody's.
            "a FETCH 1 BODY[]<9223372036854775808.1>",
            "a FETCH 1 BODY[]<4294967296.0>",
            "a FETCH 1 BODY[]<+4294967296.1>",
            "a FETCH 1 BODY[]<4294967296>",
            "a FETCH 1 BODY<4294967296.1>",
            "a SEARCH FETCH 1 SAVEDATE",
        ] {
            assert_eq!(cut_text(command), None, "{command}");
        }
    }
}
