//! The text in HTML, as far as a preview needs it: without tags, comments, styles and scripts, with the entities that mail
//! has. No HTML is refused, and it is read once from its beginning to its end.

use std::collections::VecDeque;

/// The characters of the text. White space stands where elements begin that begin a line.
pub(crate) fn text(html: &str) -> impl Iterator<Item = char> {
    Text {
        rest: html,
        ready: VecDeque::new(),
    }
}

/// Elements whose content is no text.
const HIDDEN: [&str; 5] = ["head", "style", "script", "title", "template"];

/// Elements that stand inside a line.
const INLINE: [&str; 22] = [
    "a", "abbr", "b", "big", "cite", "code", "del", "em", "font", "i", "ins", "kbd", "label", "mark", "q",
    "s", "small", "span", "strong", "sub", "sup", "u",
];

struct Text<'h> {
    rest: &'h str,
    /// What comes before the rest.
    ready: VecDeque<char>,
}

impl Iterator for Text<'_> {
    type Item = char;

    fn next(&mut self) -> Option<char> {
        loop {
            if let Some(ready) = self.ready.pop_front() {
                return Some(ready);
            }
            match self.rest.chars().next()? {
                '<' => self.tag(),
                '&' => self.entity(),
                character => {
                    self.rest = &self.rest[character.len_utf8()..];
                    return Some(character);
                }
            }
        }
    }
}

impl Text<'_> {
    /// Passes over a tag, or what is like one.
    fn tag(&mut self) {
        if let Some(comment) = self.rest.strip_prefix("<!--") {
            self.rest = comment.split_once("-->").map_or("", |(_, rest)| rest);
            return;
        }
        let inside = &self.rest[1..];
        if !inside.starts_with(|first: char| first.is_ascii_alphabetic() || "/!?".contains(first)) {
            self.rest = inside;
            self.ready.push_back('<');
            return;
        }
        let name = inside.strip_prefix('/').unwrap_or(inside);
        let end = name.find(|character: char| !character.is_ascii_alphanumeric());
        let (closes, name) = (inside.starts_with('/'), &name[..end.unwrap_or(name.len())]);
        self.rest = behind_tag(inside);
        if !closes && let Some(hidden) = HIDDEN.iter().find(|known| known.eq_ignore_ascii_case(name)) {
            self.rest = behind_element(self.rest, hidden);
        } else if !INLINE.iter().any(|known| known.eq_ignore_ascii_case(name)) {
            self.ready.push_back(' ');
        }
    }

    fn entity(&mut self) {
        const LONGEST: usize = 10;
        let inside = &self.rest[1..];
        let end = inside.bytes().take(LONGEST).position(|octet| octet == b';');
        match end.and_then(|end| Some((named(&inside[..end])?, end))) {
            Some((character, end)) => {
                self.rest = &inside[end + 1..];
                self.ready.push_back(character);
            }
            None => {
                self.rest = inside;
                self.ready.push_back('&');
            }
        }
    }
}

/// What follows a tag; a `>` in quotes does not end it.
fn behind_tag(inside: &str) -> &str {
    let mut quote = None;
    for (at, octet) in inside.bytes().enumerate() {
        match (quote, octet) {
            (None, b'>') => return &inside[at + 1..],
            (None, b'"' | b'\'') => quote = Some(octet),
            (Some(begun), _) if begun == octet => quote = None,
            _ => {}
        }
    }
    ""
}

/// What follows the end tag of an element whose content is no text.
fn behind_element<'h>(content: &'h str, name: &str) -> &'h str {
    let mut rest = content;
    while let Some((_, inside)) = rest.split_once("</") {
        let is_it = inside
            .get(..name.len())
            .is_some_and(|begin| begin.eq_ignore_ascii_case(name));
        if is_it {
            return behind_tag(inside);
        }
        rest = inside;
    }
    ""
}

/// The entities that mail programs write, besides those by number.
fn named(name: &str) -> Option<char> {
    if let Some(number) = name.strip_prefix('#') {
        let number = match number.strip_prefix(['x', 'X']) {
            Some(hex) => u32::from_str_radix(hex, 16),
            None => number.parse(),
        };
        return char::from_u32(number.ok()?);
    }
    Some(match name {
        "amp" => '&',
        "lt" => '<',
        "gt" => '>',
        "quot" => '"',
        "apos" => '\'',
        "nbsp" | "ensp" | "emsp" | "thinsp" => ' ',
        "zwnj" | "zwj" | "shy" => '\u{200c}',
        "ndash" => '–',
        "mdash" => '—',
        "hellip" => '…',
        "lsquo" => '‘',
        "rsquo" => '’',
        "ldquo" => '“',
        "rdquo" => '”',
        "bull" => '•',
        "middot" => '·',
        "copy" => '©',
        "reg" => '®',
        "trade" => '™',
        "euro" => '€',
        "pound" => '£',
        "auml" => 'ä',
        "ouml" => 'ö',
        "uuml" => 'ü',
        "Auml" => 'Ä',
        "Ouml" => 'Ö',
        "Uuml" => 'Ü',
        "szlig" => 'ß',
        "agrave" => 'à',
        "aacute" => 'á',
        "acirc" => 'â',
        "ccedil" => 'ç',
        "egrave" => 'è',
        "eacute" => 'é',
        "ecirc" => 'ê',
        "iacute" => 'í',
        "ntilde" => 'ñ',
        "oacute" => 'ó',
        "ocirc" => 'ô',
        "uacute" => 'ú',
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    fn text(html: &str) -> String {
        super::text(html).collect()
    }

    #[test]
    fn tags_go_and_words_stay_apart() {
        for (html, expected) in [
            ("a<b>b</b>c", "abc"),
            ("a<br>b<p>c", "a b c"),
            ("<a title=\"x>y\">z</a>", "z"),
            ("1 < 2 & 3", "1 < 2 & 3"),
            (
                "&lt;b&gt; &amp;amp; &#8364;&#x20ac; &nosuch; &",
                "<b> &amp; €€ &nosuch; &",
            ),
            ("a<!-- <p> -->b", "ab"),
            (
                "<style>p > a { x: y }</STYLE>c<script>if (a</b) {}</script>d",
                "cd",
            ),
            ("<head><title>t</title></head>x", "x"),
            ("x<style>never closed", "x"),
            ("x<never closed", "x "),
        ] {
            assert_eq!(text(html), expected, "{html}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_read_to_its_end(html in "[<>&;!/\"'a-zé# -]{0,60}") {
            prop_assert!(text(&html).chars().count() <= html.chars().count() + 1);
        }
    }
}
