//! Finding one's way in the text of a FETCH.

use std::ops::Range;

/// Where the value of an item of that name stands: an atom, a string or a list. `None` where the text ends inside it, as it does
/// before a literal.
pub(super) fn value_of(text: &str, name: &str) -> Option<Range<usize>> {
    let name = format!("{name} ");
    let start = text.find(&name)? + name.len();
    Some(start..value_end(text, start)?)
}

/// Where the elements of a list stand, which begins at this place with its parenthesis.
pub(super) fn elements(text: &str, list: Range<usize>) -> Option<Vec<Range<usize>>> {
    let (mut at, end) = (list.start + 1, list.end - 1);
    let mut found = Vec::new();
    while at < end {
        let element = at..value_end(text, at)?;
        at = element.end;
        at += usize::from(text[at..].starts_with(' '));
        found.push(element);
    }
    Some(found)
}

/// The end of a value that begins here.
fn value_end(text: &str, start: usize) -> Option<usize> {
    let (mut depth, mut quoted, mut escaped) = (0u32, false, false);
    for (at, octet) in text.bytes().enumerate().skip(start) {
        if quoted {
            match octet {
                _ if escaped => escaped = false,
                b'\\' => escaped = true,
                b'"' => quoted = false,
                _ => continue,
            }
            if !quoted && depth == 0 {
                return Some(at + 1);
            }
            continue;
        }
        match octet {
            b'"' => quoted = true,
            b'(' => depth += 1,
            b')' if depth == 0 => return Some(at),
            b')' => {
                depth -= 1;
                if depth == 0 {
                    return Some(at + 1);
                }
            }
            b' ' if depth == 0 => return Some(at),
            _ => {}
        }
    }
    (depth == 0 && !quoted).then_some(text.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_found_whatever_is_quoted_in_them() {
        let text = "* 1 FETCH (ENVELOPE (NIL \"a \\\") b\" ((\"x\" NIL \"y\" \"z\")) NIL) UID 7)";
        let envelope = value_of(text, "ENVELOPE").unwrap();
        let fields = elements(text, envelope).unwrap();
        let fields: Vec<&str> = fields.into_iter().map(|field| &text[field]).collect();
        assert_eq!(
            fields,
            ["NIL", "\"a \\\") b\"", "((\"x\" NIL \"y\" \"z\"))", "NIL"]
        );
        assert_eq!(&text[value_of(text, "UID").unwrap()], "7");
        assert_eq!(value_of("* 1 FETCH (ENVELOPE (NIL ", "ENVELOPE"), None);
    }
}
