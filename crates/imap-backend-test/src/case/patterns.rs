//! LIST with patterns: a store may narrow its answer, and must not narrow it too far.

use crate::stage::Stage;
use crate::verdict::{Answer, Verdict, ensure};
use imap_backend::{Backend, ListQuery, MailboxName, Session};
use std::collections::BTreeSet;

/// Questions, with `/` for the delimiter.
const QUESTIONS: [&[&str]; 12] = [
    &["*"],
    &["%"],
    &["kit"],
    &["kit*"],
    &["kit/%"],
    &["kit/%/%"],
    &["*b"],
    &["%ten", "kit o*"],
    &["k%t", "k*o*r"],
    &["inbox"],
    &["InB*"],
    &["nothing"],
];

/// An answer to patterns has every name that matches one of them, INBOX in any case, and for a name with inferiors at
/// least one of them. More is allowed.
pub async fn nothing_that_matches_is_hidden<B: Backend>(stage: &Stage<B>) -> Verdict {
    let mut user = stage.login().await?;
    let delimiter = user.session.delimiter();
    let local = |text: &str| text.replace('/', &delimiter.to_string());
    for text in ["kit", "kit/a", "kit/a/b", "kit/b/c/d", "kitten", "kit other"] {
        user.create(&local(text)).await?;
    }
    let all: BTreeSet<_> = user
        .list()
        .await?
        .iter()
        .map(|entry| entry.name().clone())
        .collect();
    for question in QUESTIONS {
        let patterns: Vec<_> = question.iter().map(|pattern| local(pattern)).collect();
        let query = patterns
            .iter()
            .fold(ListQuery::default(), ListQuery::with_pattern);
        let answer = user.session.list(&query).await.must("list with a pattern")?;
        let listed: BTreeSet<_> = answer.iter().map(|entry| entry.name().clone()).collect();
        for name in all
            .iter()
            .filter(|name| patterns.iter().any(|p| matches(p, name, delimiter)))
        {
            let seen = format!("{listed:?} in answer to {patterns:?}");
            ensure!(listed.contains(name), format!("{name:?} to be listed"), seen);
            let has_inferior = |names: &BTreeSet<MailboxName>| {
                names.iter().any(|other| other.is_inferior_of(name, delimiter))
            };
            ensure!(
                !has_inferior(&all) || has_inferior(&listed),
                format!("an inferior of {name:?} to be listed"),
                seen
            );
        }
    }
    Ok(())
}

/// Whether a LIST pattern matches a name (RFC 9051, section 6.3.9).
fn matches(pattern: &str, name: &MailboxName, delimiter: char) -> bool {
    let characters = |text: &str| text.chars().collect::<Vec<_>>();
    let (pattern, text) = match name.is_inbox() {
        true => (pattern.to_uppercase(), "INBOX"),
        false => (pattern.to_owned(), name.as_str()),
    };
    matches_rest(&characters(&pattern), &characters(text), delimiter)
}

fn matches_rest(pattern: &[char], text: &[char], delimiter: char) -> bool {
    match (pattern, text) {
        ([], _) => text.is_empty(),
        ([wildcard @ ('*' | '%'), rest @ ..], _) => {
            let stops = |c: &char| *wildcard == '%' && *c == delimiter;
            let most = text.iter().position(stops).unwrap_or(text.len());
            (0..=most).any(|taken| matches_rest(rest, &text[taken..], delimiter))
        }
        ([wanted, pattern @ ..], [seen, text @ ..]) => {
            wanted == seen && matches_rest(pattern, text, delimiter)
        }
        (_, []) => false,
    }
}

#[cfg(test)]
mod tests {
    use super::matches;
    use imap_backend::MailboxName;

    #[test]
    fn a_percent_sign_stops_at_the_delimiter_and_a_star_does_not() {
        let matches = |pattern, name| matches(pattern, &MailboxName::new(name).unwrap(), '/');
        assert!(matches("a*", "a/b") && matches("*", "a/b") && matches("a/%", "a/b") && matches("a%", "a"));
        assert!(!matches("a%", "a/b") && !matches("%", "a/b") && !matches("a", "ab") && !matches("ab", "a"));
        assert!(matches("inb%", "INBOX") && !matches("INB%", "inbound"));
    }
}
