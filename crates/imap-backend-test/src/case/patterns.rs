//! LIST with patterns: a store may narrow its answer, and must not narrow it too far.

use crate::stage::{Stage, name};
use crate::verdict::{Answer, Verdict, ensure};
use imap_backend::{Backend, Create, ErrorKind, ListQuery, MailboxName, Session};
use std::collections::BTreeSet;

/// Questions, with `/` for the delimiter.
const QUESTIONS: [&[&str]; 15] = [
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
    &["inbox/%"],
    &["i%/kit"],
    &["iNbOx/k*t"],
    &["nothing"],
];

/// An answer to patterns has every name that matches one of them, INBOX in any case, also as the first part of a name, and
/// for a name with inferiors at least one of them. More is allowed.
pub async fn nothing_that_matches_is_hidden<B: Backend>(stage: &Stage<B>) -> Verdict {
    let mut user = stage.login().await?;
    let delimiter = user.session.delimiter();
    let local = |text: &str| text.replace('/', &delimiter.to_string());
    for text in ["kit", "kit/a", "kit/a/b", "kit/b/c/d", "kitten", "kit other"] {
        user.create(&local(text)).await?;
    }
    let below_inbox = name(&local("INBOX/kit"))?;
    match user.session.create(&below_inbox, &Create::default()).await {
        // A store may have nothing below INBOX.
        Err(error) if error.kind() == ErrorKind::Cannot => {}
        answer => answer.optional("CREATE").map(drop)?,
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
    let inbox = MailboxName::inbox();
    let in_any_case = match name.is_inbox() || name.is_inferior_of(&inbox, delimiter) {
        true => inbox.as_str().len(),
        false => 0,
    };
    matches_rest(
        &characters(pattern),
        &characters(name.as_str()),
        in_any_case,
        delimiter,
    )
}

/// The first `in_any_case` characters of the text are compared without regard to case.
fn matches_rest(pattern: &[char], text: &[char], in_any_case: usize, delimiter: char) -> bool {
    let after = |taken: usize| (&text[taken..], in_any_case.saturating_sub(taken));
    match (pattern, text) {
        ([], _) => text.is_empty(),
        ([wildcard @ ('*' | '%'), rest @ ..], _) => {
            let stops = |c: &char| *wildcard == '%' && *c == delimiter;
            let most = text.iter().position(stops).unwrap_or(text.len());
            (0..=most).any(|taken| {
                let (text, in_any_case) = after(taken);
                matches_rest(rest, text, in_any_case, delimiter)
            })
        }
        ([wanted, pattern @ ..], [seen, ..]) => {
            let same = wanted == seen || in_any_case > 0 && wanted.eq_ignore_ascii_case(seen);
            let (text, in_any_case) = after(1);
            same && matches_rest(pattern, text, in_any_case, delimiter)
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
        assert!(matches("inbox/A", "INBOX/A") && matches("i%/A", "INBOX/A"));
        assert!(!matches("inbox/a", "INBOX/A") && !matches("a/inbox", "a/INBOX"));
    }
}
