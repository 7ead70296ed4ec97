//! The base subject (RFC 5256 section 2.1).

use imap_message::BaseSubject;
use proptest::prelude::*;
use proptest::sample::select;

fn base(subject: &str) -> (String, bool) {
    let base = BaseSubject::of(subject);
    (base.text.into_owned(), base.is_reply_or_forward)
}

#[test]
fn rfc5256_2_1_what_mailers_put_around_a_subject_is_taken_away() {
    for (subject, text, is_reply_or_forward) in [
        ("", "", false),
        (" ", "", false),
        ("hello", "hello", false),
        ("Re: hello", "hello", true),
        ("RE : hello", "hello", true),
        ("re[2]: hello", "hello", true),
        ("Re [2] : hello", "hello", true),
        ("fw: hello", "hello", true),
        ("Fwd: hello", "hello", true),
        ("fwdx: hello", "fwdx: hello", false),
        ("AW: hello", "AW: hello", false),
        ("Re: Fwd: Re: hello (fwd) (FWD)", "hello", true),
        ("hello (fwd)", "hello", true),
        ("(fwd)", "", true),
        ("Re:", "", true),
        ("[list] hello", "hello", false),
        ("[list] Re: [list] hello", "hello", true),
        ("[a] [b][c] Re: hello", "hello", true),
        ("[a][b]", "[b]", false),
        ("[a] [b] ", "[b]", false),
        ("[a]", "[a]", false),
        ("[a", "[a", false),
        ("[a[b] c", "[a[b] c", false),
        ("Re: [a]", "[a]", true),
        ("Re: [a] Re:", "", true),
        ("[fwd: hello]", "hello", true),
        ("[Fwd: Re: [list] hello (fwd)]", "hello", true),
        ("[fwd: [fwd: hello]]", "hello", true),
        ("[fwd: ]", "", true),
        ("[fwd: a] b", "b", false),
        ("a\t  b", "a b", false),
        ("Re: \u{e4}(fwd)", "\u{e4}", true),
    ] {
        assert_eq!(
            base(subject),
            (text.to_owned(), is_reply_or_forward),
            "{subject:?}"
        );
    }
}

/// The procedure of the RFC, one step after the other, each as often as it says.
fn model(subject: &str) -> (String, bool) {
    let mut text: Vec<char> = Vec::new();
    for character in subject.chars().map(|c| if c == '\t' { ' ' } else { c }) {
        if character != ' ' || text.last() != Some(&' ') {
            text.push(character);
        }
    }
    let mut flag = false;
    loop {
        // (2)
        loop {
            if text.last() == Some(&' ') {
                text.pop();
            } else if ends_with(&text, "(fwd)") {
                text.truncate(text.len() - 5);
                flag = true;
            } else {
                break;
            }
        }
        // (3), (4), (5)
        loop {
            if let Some((length, marker)) = leader(&text) {
                text.drain(..length);
                flag |= marker;
            } else if let Some(length) = blob(&text)
                && length < text.len()
            {
                text.drain(..length);
            } else {
                break;
            }
        }
        // (6)
        if starts_with(&text, "[fwd:") && text.len() > 5 && text.last() == Some(&']') {
            text.pop();
            text.drain(..5);
            flag = true;
        } else {
            return (text.into_iter().collect(), flag);
        }
    }
}

fn starts_with(text: &[char], word: &str) -> bool {
    text.len() >= word.len()
        && text
            .iter()
            .zip(word.chars())
            .all(|(a, b)| a.eq_ignore_ascii_case(&b))
}

fn ends_with(text: &[char], word: &str) -> bool {
    text.len() >= word.len() && starts_with(&text[text.len() - word.len()..], word)
}

fn blob(text: &[char]) -> Option<usize> {
    if text.first() != Some(&'[') {
        return None;
    }
    let end = 1 + text[1..].iter().position(|c| matches!(c, '[' | ']'))?;
    if text[end] != ']' {
        return None;
    }
    let spaces = text[end + 1..].iter().take_while(|c| **c == ' ').count();
    Some(end + 1 + spaces)
}

/// `subj-leader = (*subj-blob subj-refwd) / WSP`
fn leader(text: &[char]) -> Option<(usize, bool)> {
    if text.first() == Some(&' ') {
        return Some((1, false));
    }
    let mut at = 0;
    loop {
        if let Some(length) = refwd(&text[at..]) {
            return Some((at + length, true));
        }
        at += blob(&text[at..])?;
    }
}

fn refwd(text: &[char]) -> Option<usize> {
    for word in ["re", "fwd", "fw"] {
        if !starts_with(text, word) {
            continue;
        }
        let mut at = word.len() + text[word.len()..].iter().take_while(|c| **c == ' ').count();
        for with_blob in [true, false] {
            let blob = if with_blob { blob(&text[at..]) } else { Some(0) };
            let Some(length) = blob else { continue };
            if text.get(at + length) == Some(&':') {
                at += length + 1;
                return Some(at);
            }
        }
    }
    None
}

proptest! {
    #[test]
    fn rfc5256_2_1_the_base_subject_is_what_the_procedure_gives(
        pieces in prop::collection::vec(
            select(vec![" ", "\t", "re", "Re:", "fw", "FWD:", "(fwd)", "[", "]", "[fwd:", "[x]", ":", "a", "\u{e4}"]),
            0..14,
        ),
    ) {
        let subject = pieces.concat();
        prop_assert_eq!(base(&subject), model(&subject), "{:?}", subject);
    }
}
