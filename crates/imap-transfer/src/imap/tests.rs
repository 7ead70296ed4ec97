//! Names and flags as servers say them.

use super::connection::{quoted, without_escapes};
use super::*;

#[test]
fn a_name_is_said_to_the_server_as_it_was_said_by_it() {
    for (given, between_quotes, text) in [
        ("Sent", "Sent", "Sent"),
        ("a \\\"b\\\"", "a \\\"b\\\"", "a \"b\""),
        ("a\\\\b", "a\\\\b", "a\\b"),
        // From a literal.
        ("a \"b\"", "a \\\"b\\\"", "a \"b\""),
        ("a\\b", "a\\\\b", "a\\b"),
    ] {
        assert_eq!(quoted(given), between_quotes);
        assert_eq!(without_escapes(between_quotes), text);
    }
}

#[test]
fn only_flags_that_can_be_stored_are_taken_and_dates_may_have_one_digit() {
    assert_eq!(flag("\\seen"), Some(Flag::Seen));
    assert_eq!(flag("\\Recent"), None);
    assert_eq!(
        flag("$Forwarded"),
        Keyword::new("$Forwarded").ok().map(Flag::Keyword)
    );
    let date = internal_date(" 1-Feb-2025 10:00:00 +0100").unwrap();
    assert_eq!(date.to_rfc3339(), "2025-02-01T10:00:00+01:00");
}

#[test]
fn messages_are_asked_for_together_up_to_a_size_and_a_large_one_alone() {
    let known = |size| Known {
        uid: 1,
        size,
        append: Append::default(),
        item: Item {
            name: String::new(),
            shown: String::new(),
            date: None,
            size: None,
            amount: 1,
        },
    };
    let of = |sizes: &[u64]| fitting(&sizes.iter().map(|size| known(*size)).collect::<Vec<_>>());
    assert_eq!(of(&[AT_ONCE + 1, 1]), 1);
    assert_eq!(of(&[AT_ONCE - 1, 1, 1]), 2);
    assert_eq!(of(&vec![1; MESSAGES_AT_ONCE + 1]), MESSAGES_AT_ONCE);
}
