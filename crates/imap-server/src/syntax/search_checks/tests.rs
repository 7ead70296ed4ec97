//! Programs for [`check`]: right ones, right ones with an octet changed, and anything.

use proptest::prelude::*;
use proptest::sample::select;

use super::*;

/// Keys without others in them, with arguments in every form.
fn leaf() -> impl Strategy<Value = String> {
    let string = prop_oneof![
        Just("word]".to_owned()),
        Just("\"\"".to_owned()),
        "\"[ -!#-\\[^-~äλ\u{1f600}]{0,12}\"",
        Just(r#""a \"b\" \\ c""#.to_owned()),
        "[ -~\r\näλ]{0,12}".prop_map(|text| format!("{{{}}}\r\n{text}", text.len())),
        "[ -~\r\n]{1,4}".prop_map(|text| format!("{{{}+}}\r\n{text}", text.len())),
    ];
    let set = prop_oneof![
        select(vec!["1", "*", "1:*", "*:4", "7:3,2,2", "4294967295"]).prop_map(str::to_owned),
        prop::collection::vec(1..u32::MAX, 1..4).prop_map(|all| all
            .iter()
            .map(u32::to_string)
            .collect::<Vec<_>>()
            .join(",")),
    ];
    let date = (1..31u32, 0..12usize, 1000..9999u32, any::<bool>()).prop_map(|(day, month, year, quoted)| {
        let months = [
            "Jan", "fEb", "MAR", "apr", "May", "jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
        ];
        let date = format!("{}-{}-{year}", day.min(28), months[month]);
        if quoted { format!("\"{date}\"") } else { date }
    });
    let plain = select(vec![
        "ALL",
        "answered",
        "DELETED",
        "DRAFT",
        "Flagged",
        "NEW",
        "OLD",
        "RECENT",
        "SEEN",
        "UNANSWERED",
        "UNDELETED",
        "UNDRAFT",
        "UNFLAGGED",
        "unSeen",
        "KEYWORD $Junk",
        "UNKEYWORD a+b",
        "LARGER 0",
        "SMALLER 4294967295",
        "HEADER X-Y \"\"",
        "header {2}\r\nTo x",
    ]);
    let with_date = select(vec!["BEFORE", "ON", "since", "SENTBEFORE", "SENTON", "SENTSINCE"]);
    let with_string = select(vec![
        "BCC",
        "BODY",
        "CC",
        "from",
        "SUBJECT",
        "TEXT",
        "TO",
        "HEADER Date",
        "HEADER \"A B\"",
    ]);
    prop_oneof![
        plain.prop_map(str::to_owned),
        set.clone(),
        set.prop_map(|set| format!("UID {set}")),
        (with_date, date).prop_map(|(key, date)| format!("{key} {date}")),
        (with_string, string).prop_map(|(key, string)| format!("{key} {string}")),
    ]
}

/// Programs that nest at most six deep, which the codec takes as well.
fn program() -> impl Strategy<Value = String> {
    let key = leaf().prop_recursive(6, 40, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 1..4).prop_map(|keys| format!("({})", keys.join(" "))),
            (inner.clone(), inner.clone()).prop_map(|(one, other)| format!("OR {one} {other}")),
            inner.prop_map(|key| format!("NOT {key}")),
        ]
    });
    let charset = select(vec!["", "CHARSET UTF-8 ", "charset \"us-ascii\" "]);
    (charset, prop::collection::vec(key, 1..4))
        .prop_map(|(charset, keys)| charset.to_owned() + &keys.join(" "))
}

/// Pieces of programs in any order.
fn pieces() -> impl Strategy<Value = Vec<u8>> {
    let pieces: Vec<&[u8]> = vec![
        b" ",
        b" ",
        b" ",
        b"(",
        b")",
        b"NOT ",
        b"OR ",
        b"ALL",
        b"SEEN",
        b"1:*",
        b"$",
        b"0",
        b"*,",
        b"UID ",
        b"FROM ",
        b"HEADER ",
        b"KEYWORD ",
        b"\"",
        b"\\",
        b"{1}\r\nx",
        b"{1+}\r\n",
        b"{99}\r\n",
        b"~",
        b"CHARSET ",
        b"UTF-8 ",
        b"KOI8-R ",
        b"RETURN ",
        b"ON ",
        b"1-Feb-1994",
        b"LARGER ",
        b"18446744073709551616",
        b"MODSEQ ",
        b"OLDER ",
        b"\0",
        b"\r",
        b"\n",
        b"\xff",
        b"\xc3\xa4",
        b"]",
    ];
    prop::collection::vec(select(pieces), 0..24).prop_map(|pieces| pieces.concat())
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn what_the_codec_reads_is_read_in_the_same_way(program in program()) {
        prop_assert_eq!(check(program.as_bytes()), Codec::Agrees, "{}", program);
    }

    #[test]
    fn a_program_with_one_octet_changed_is_read_as_the_codec_reads_it_or_refused(
        program in program(),
        place: prop::sample::Index,
        octet: u8,
    ) {
        let mut octets = program.into_bytes();
        let at = place.index(octets.len());
        octets[at] = octet;
        check(&octets);
        check(&octets[..at]);
    }

    #[test]
    fn no_octets_are_too_odd(pieces in pieces(), octets in prop::collection::vec(any::<u8>(), 0..60)) {
        check(&pieces);
        check(&octets);
    }
}
