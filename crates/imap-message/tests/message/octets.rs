use std::borrow::Cow;

use imap_message::{crlf_len, to_crlf};
use proptest::prelude::*;

#[test]
fn a_line_feed_without_carriage_return_becomes_crlf_and_a_lone_carriage_return_stays() {
    assert_eq!(
        to_crlf(b"\na\nb\r\nc\rd\r\r\n\n").as_ref(),
        b"\r\na\r\nb\r\nc\rd\r\r\n\r\n"
    );
}

#[test]
fn a_message_in_crlf_form_is_borrowed() {
    assert!(matches!(to_crlf(b"a\r\nb\r\n"), Cow::Borrowed(_)));
    assert!(matches!(to_crlf(b""), Cow::Borrowed(_)));
}

proptest! {
    #[test]
    fn the_crlf_form_is_what_octet_by_octet_insertion_gives(octets in prop::collection::vec(prop::sample::select(b"ab\r\n\0".to_vec()), 0..200)) {
        let mut expected = Vec::new();
        for (at, &octet) in octets.iter().enumerate() {
            if octet == b'\n' && (at == 0 || octets[at - 1] != b'\r') {
                expected.push(b'\r');
            }
            expected.push(octet);
        }
        prop_assert_eq!(to_crlf(&octets).into_owned(), expected.clone());
        prop_assert_eq!(crlf_len(&octets), expected.len() as u64);
        prop_assert!(matches!(to_crlf(&expected), Cow::Borrowed(_)));
    }
}
