//! LIST patterns (RFC 9051, section 6.3.9).

use imap_backend::MailboxName;

/// Whether `pattern` matches all of `name`. `*` matches anything, `%` anything without the delimiter.
///
/// `INBOX`, also as the first part of a name, matches in any case (RFC 9051, section 5.1); the rest octet by octet. Takes
/// O(name²) time at worst and no recursion, however long a pattern a client writes.
pub(crate) fn matches(pattern: &str, name: &MailboxName, delimiter: char) -> bool {
    let inbox = MailboxName::inbox();
    let in_any_case = match name.is_inbox() || name.is_inferior_of(&inbox, delimiter) {
        true => inbox.as_str().len(),
        false => 0,
    };
    let name: Vec<char> = name.as_str().chars().collect();
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
                    let seen = name[at - 1];
                    let same = seen == literal || at <= in_any_case && seen.eq_ignore_ascii_case(&literal);
                    reached[at] = reached[at - 1] && same;
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
            ("%%", "abc", true),
            ("*%*", "a/b/c", true),
            ("ab", "a", false),
            ("a%%b", "a/b", false),
            ("a%*b", "a/b", true),
            ("a*%*b", "ab", true),
            ("台*", "台北", true),
        ] {
            assert_eq!(matches(pattern, &name_of(name), '/'), wanted, "{pattern} {name}");
        }
    }

    fn name_of(text: &str) -> MailboxName {
        MailboxName::new(text).unwrap()
    }

    #[test]
    fn inbox_matches_in_any_case_and_what_follows_it_does_not() {
        for (pattern, name, wanted) in [
            ("inbox", "INBOX", true),
            ("InB%", "INBOX", true),
            ("inboxes", "INBOX", false),
            ("inbox/A", "INBOX/A", true),
            ("*bOx/%", "INBOX/A", true),
            ("inbox/a", "INBOX/A", false),
            ("INBOXES", "Inboxes", false),
            ("inbox", "a/INBOX", false),
            ("a/inbox", "a/INBOX", false),
        ] {
            assert_eq!(matches(pattern, &name_of(name), '/'), wanted, "{pattern} {name}");
        }
    }

    /// One that went back and forth between the stars would not end.
    #[test]
    fn a_pattern_of_thousands_of_stars_comes_to_an_end() {
        let many = name_of(&"a".repeat(500));
        assert!(!matches(&"*a".repeat(10_000), &many, '/'));
        assert!(matches(&"*%a%".repeat(500), &many, '/'));
        assert!(matches(&"%*".repeat(30_000), &name_of("a/b"), '/'));
        assert!(!matches(&"%".repeat(60_000), &name_of("a/b"), '/'));
    }
}
