//! Parameter continuations and the encoding of parameter values (RFC 2231 sections 3 and 4).

use std::borrow::Cow;

use crate::parameter::Parameter;
use crate::transfer::hex_pair;

/// Joins the continuations among the parameters. The joined attribute takes the place of the segment that stands first.
///
/// Segments count from 0 without a gap, in any order. What does not belong to such a row stays as it is written.
pub(crate) fn join(parameters: Vec<Parameter<'_>>) -> Vec<Parameter<'_>> {
    let numbered = |(index, parameter)| Segment::of(index, parameter);
    let mut segments: Vec<Segment> = parameters.iter().enumerate().filter_map(numbered).collect();
    if segments.is_empty() {
        return parameters;
    }
    segments.sort();
    let mut slots: Vec<Option<Parameter<'_>>> = parameters.into_iter().map(Some).collect();
    for group in segments.chunk_by(|a, b| a.base == b.base) {
        let mut row: Vec<&Segment> = Vec::new();
        for segment in group {
            // A number that occurs twice counts where it stands first; a gap ends the row.
            if usize::from(segment.number) == row.len() {
                row.push(segment);
            }
        }
        if let Some(place) = row.iter().map(|segment| segment.index).min() {
            let joined = join_row(&row, &slots);
            row.iter().for_each(|segment| slots[segment.index] = None);
            slots[place] = Some(joined);
        }
    }
    slots.into_iter().flatten().collect()
}

/// One parameter that is a part of another. Ordered by name, then number, then place.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Segment {
    /// The attribute that it is a part of, in lower case.
    base: Vec<u8>,
    number: u16,
    index: usize,
    is_encoded: bool,
}

impl Segment {
    /// Reads `name*7` and `name*7*`.
    fn of(index: usize, parameter: &Parameter<'_>) -> Option<Self> {
        let star = memchr::memchr(b'*', &parameter.name)?;
        let (base, mark) = (&parameter.name[..star], &parameter.name[star + 1..]);
        let (digits, is_encoded) = match mark.strip_suffix(b"*") {
            Some(digits) => (digits, true),
            None => (mark, false),
        };
        let leads_with_zero = digits.len() > 1 && digits[0] == b'0';
        if base.is_empty() || leads_with_zero || !digits.iter().all(u8::is_ascii_digit) {
            return None;
        }
        Some(Self {
            base: base.to_ascii_lowercase(),
            number: std::str::from_utf8(digits).ok()?.parse().ok()?,
            index,
            is_encoded,
        })
    }
}

/// The attribute that the segments of `row` are, in their order.
fn join_row<'a>(row: &[&Segment], slots: &[Option<Parameter<'a>>]) -> Parameter<'a> {
    let segments = row
        .iter()
        .filter_map(|segment| Some((segment, slots[segment.index].as_ref()?)));
    let is_encoded = row.iter().any(|segment| segment.is_encoded);
    let (mut name, mut value) = (Vec::new(), Vec::new());
    for (segment, parameter) in segments {
        if name.is_empty() {
            name.extend_from_slice(&parameter.name[..segment.base.len()]);
            if is_encoded {
                name.push(b'*');
            }
            if is_encoded && !segment.is_encoded {
                // Charset and language, which only the first segment can tell, are not known.
                value.extend_from_slice(b"''");
            }
        }
        if is_encoded && !segment.is_encoded {
            encode(&parameter.value, &mut value);
        } else {
            value.extend_from_slice(&parameter.value);
        }
    }
    Parameter {
        name: Cow::Owned(name),
        value: Cow::Owned(value),
    }
}

/// Writes what is no `attribute-char` of RFC 2231 section 7 as `%` and two hexadecimal digits.
fn encode(text: &[u8], out: &mut Vec<u8>) {
    for &octet in text {
        if octet.is_ascii_graphic() && !br#"()<>@,;:\"/[]?=*'%"#.contains(&octet) {
            out.push(octet);
        } else {
            let digit = |value: u8| b"0123456789ABCDEF"[usize::from(value)];
            out.extend([b'%', digit(octet >> 4), digit(octet & 15)]);
        }
    }
}

/// The octets that a value in the encoding of RFC 2231 section 4 stands for, without charset and language.
pub(crate) fn decode(value: &[u8]) -> Vec<u8> {
    let text = value.splitn(3, |&octet| octet == b'\'').nth(2).unwrap_or(value);
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some((&octet, after)) = rest.split_first() {
        match hex_pair(after) {
            Some(decoded) if octet == b'%' => {
                out.push(decoded);
                rest = &after[2..];
            }
            _ => {
                out.push(octet);
                rest = after;
            }
        }
    }
    out
}
