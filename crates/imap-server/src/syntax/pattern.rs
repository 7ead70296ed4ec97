//! LIST patterns (RFC 9051, section 6.3.9).

/// Whether `pattern` matches all of `name`. `*` matches anything, `%` anything without the delimiter.
///
/// Takes O(name²) time at worst and no recursion, however long a pattern a client writes.
pub(crate) fn matches(pattern: &str, name: &str, delimiter: char) -> bool {
    let name: Vec<char> = name.chars().collect();
    let pattern = without_repetitions(pattern);
    let literals = pattern.iter().filter(|wanted| !is_wildcard(**wanted)).count();
    if literals > name.len() {
        return false;
    }
    // reached[i]: the pattern so far can match the first i characters.
    let mut reached = vec![false; name.len() + 1];
    reached[0] = true;
    for wanted in pattern {
        match wanted {
            '*' | '%' => {
                for at in 1..reached.len() {
                    reached[at] |= reached[at - 1] && (wanted == '*' || name[at - 1] != delimiter);
                }
            }
            literal => {
                for at in (1..reached.len()).rev() {
                    reached[at] = reached[at - 1] && name[at - 1] == literal;
                }
                reached[0] = false;
            }
        }
    }
    reached[name.len()]
}

fn is_wildcard(wanted: char) -> bool {
    matches!(wanted, '*' | '%')
}

/// The pattern with one wildcard for each run of them: `*` where one of them is that.
fn without_repetitions(pattern: &str) -> Vec<char> {
    let mut shorter: Vec<char> = Vec::new();
    for wanted in pattern.chars() {
        match shorter.last_mut() {
            Some(last) if is_wildcard(*last) && is_wildcard(wanted) => {
                if wanted == '*' {
                    *last = wanted;
                }
            }
            _ => shorter.push(wanted),
        }
    }
    shorter
}

/// As [`matches`] for `INBOX`, which is the same name in any case.
pub(crate) fn matches_inbox(pattern: &str, delimiter: char) -> bool {
    matches(&pattern.to_ascii_uppercase(), "INBOX", delimiter)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percent_stops_at_the_delimiter_and_star_does_not() {
        for (pattern, name, wanted) in [
            ("*", "a/b", true),
            ("%", "a/b", false),
            ("%", "a", true),
            ("a/%", "a/b", true),
            ("a/%", "a/b/c", false),
            ("a/*", "a/b/c", true),
            ("a/%", "a", false),
            ("%/b", "a/b", true),
            ("*b", "a/bb", true),
            ("", "a", false),
            ("", "", true),
            ("%%", "abc", true),
            ("*%*", "a/b/c", true),
            ("ab", "a", false),
            ("a%%b", "a/b", false),
            ("a%*b", "a/b", true),
            ("a*%*b", "ab", true),
            ("台*", "台北", true),
        ] {
            assert_eq!(matches(pattern, name, '/'), wanted, "{pattern} {name}");
        }
    }

    #[test]
    fn inbox_matches_in_any_case() {
        assert!(matches_inbox("inbox", '/'));
        assert!(matches_inbox("InB%", '/'));
        assert!(!matches_inbox("inboxes", '/'));
    }

    /// One that went back and forth between the stars would not end.
    #[test]
    fn a_pattern_of_thousands_of_stars_comes_to_an_end() {
        assert!(!matches(&"*a".repeat(10_000), &"a".repeat(500), '/'));
        assert!(matches(&"*%a%".repeat(500), &"a".repeat(500), '/'));
        assert!(matches(&"%*".repeat(30_000), "a/b", '/'));
        assert!(!matches(&"%".repeat(60_000), "a/b", '/'));
    }
}
