//! The one collation of all comparisons: `i;unicode-casemap` (RFC 5051).

use encoding_rs::Encoding;
use unicode_normalization::char::decompose_compatible;

/// Adds the form of a text by which SORT and THREAD compare it: `i;unicode-casemap` (RFC 5051), which I18NLEVEL=1 names as
/// the comparator that is always there (RFC 5255 section 4).
///
/// Each character is replaced by its simple titlecase mapping and then by its full decomposition, canonical and
/// compatible, again and again until nothing changes. Two texts are equal if their forms are, and one comes before
/// another if the octets of its form do. So case, ligatures, width and the order in which an accent was typed make no
/// difference; accents do, and come behind the bare letter; `ß` is not `ss`; the rules of a language are not known.
///
/// ```
/// let form = |text: &str| {
///     let mut form = Vec::new();
///     imap_message::casemap(text, &mut form);
///     form
/// };
/// assert_eq!(form("GRÜN"), form("gru\u{308}n"));
/// assert!(form("GRUPPE") < form("grün") && form("grün") < form("grv"));
/// ```
pub fn casemap(text: &str, out: &mut Vec<u8>) {
    out.reserve(text.len());
    let mut rest = text;
    while !rest.is_empty() {
        let (ascii, other) = rest.split_at(Encoding::ascii_valid_up_to(rest.as_bytes()));
        let start = out.len();
        out.extend_from_slice(ascii.as_bytes());
        out[start..].make_ascii_uppercase();
        let end = other.bytes().position(|octet| octet.is_ascii());
        let (other, behind) = other.split_at(end.unwrap_or(other.len()));
        for character in other.chars() {
            decompose_compatible(titlecase(character), |part| match titlecase(part) {
                title if title == part => push(out, part),
                // What a titlecase letter comes apart into has at most one more titlecase letter in it.
                title => decompose_compatible(title, |part| push(out, part)),
            });
        }
        rest = behind;
    }
}

fn push(out: &mut Vec<u8>, character: char) {
    out.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes());
}

/// The simple titlecase mapping: field 14 of `UnicodeData.txt`. It is the simple uppercase mapping except where noted, and
/// the full uppercase mapping where that is a single character.
fn titlecase(character: char) -> char {
    match character {
        // Letters made of two, of which the first is a capital in a title.
        'Ǆ' | 'ǅ' | 'ǆ' => 'ǅ',
        'Ǉ' | 'ǈ' | 'ǉ' => 'ǈ',
        'Ǌ' | 'ǋ' | 'ǌ' => 'ǋ',
        'Ǳ' | 'ǲ' | 'ǳ' => 'ǲ',
        // Georgian has capitals for whole words alone.
        '\u{10d0}'..='\u{10ff}' => character,
        // Greek letters with an iota below: written as two only where all is in capitals.
        '\u{1f80}'..='\u{1faf}' => char::from_u32(u32::from(character) | 8).unwrap_or(character),
        'ᾳ' => 'ᾼ',
        'ῃ' => 'ῌ',
        'ῳ' => 'ῼ',
        _ => {
            let mut upper = character.to_uppercase();
            match (upper.next(), upper.next()) {
                (Some(upper), None) => upper,
                _ => character,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use unicode_normalization::UnicodeNormalization;

    fn form(text: &str) -> String {
        let mut form = Vec::new();
        casemap(text, &mut form);
        String::from_utf8(form).unwrap()
    }

    #[test]
    fn rfc5051_2_case_is_folded_to_titlecase_and_characters_come_apart() {
        for (text, wanted) in [
            ("abc XYZ 1", "ABC XYZ 1"),
            ("ä", "A\u{308}"),
            ("ﬁ", "FI"),
            ("ß", "ß"),
            ("Ǆǅǆ", "DZ\u{30c}DZ\u{30c}DZ\u{30c}"),
            ("ς", "Σ"),
            ("ა", "ა"),
            ("Ａ①", "A1"),
            ("가", "\u{1100}\u{1161}"),
            ("ı", "I"),
        ] {
            assert_eq!(form(text), wanted, "{text}");
        }
    }

    /// By the rule itself, applied until nothing changes.
    #[test]
    fn nothing_is_left_to_map_in_the_form_of_any_character() {
        for character in '\0'..=char::MAX {
            let form = form(&character.to_string());
            let again: String = form
                .chars()
                .map(titlecase)
                .flat_map(|title| title.to_string().nfkd().collect::<Vec<_>>())
                .collect();
            assert_eq!(form, again, "{character:?}");
        }
    }

    #[test]
    fn the_form_of_a_text_is_those_of_its_characters() {
        let text = "Grüße, Ǆ und ﬁ \u{1f600} aÄaÄÄ";
        let apart: String = text
            .chars()
            .map(|character| form(&character.to_string()))
            .collect();
        assert_eq!(form(text), apart);
    }
}
