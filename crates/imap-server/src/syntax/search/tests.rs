//! The shapes that clients write, at the size at which a recursive reader would fail.

use bytes::Bytes;
use imap_backend::{EntryName, Metadata, SearchKey};

use super::*;

fn read(program: &str) -> Result<Program, Fault> {
    parse(program.as_bytes(), 0, Kind::Search)
}

/// The texts of the SUBJECT keys of an OR.
fn alternatives(program: &str) -> Vec<String> {
    let Key::Or(keys) = read(program).unwrap().key else {
        panic!("no OR");
    };
    let subject = |key| match key {
        Key::Plain(key) => match *key {
            SearchKey::Header(name, needle) if name == "Subject" => needle.text().to_owned(),
            other => panic!("{other:?}"),
        },
        other => panic!("{other:?}"),
    };
    keys.into_iter().map(subject).collect()
}

/// `SUBJECT 1`, `SUBJECT 2` and so on.
fn subjects(count: usize) -> Vec<String> {
    (1..=count).map(|number| format!("SUBJECT {number}")).collect()
}

fn numbers(count: usize) -> Vec<String> {
    (1..=count).map(|number| number.to_string()).collect()
}

/// Keys joined from the right: `OR a OR b c`.
fn from_the_right(keys: &[String], join: impl Fn(&str, String) -> String) -> String {
    let (last, others) = keys.split_last().unwrap();
    others
        .iter()
        .rev()
        .fold(last.clone(), |right, key| join(key, right))
}

#[test]
fn a_thousand_alternatives_are_one_or_in_each_shape_that_clients_write() {
    let keys = subjects(MOST_KEYS);
    let balanced = {
        let mut level = subjects(MOST_KEYS);
        while level.len() > 1 {
            let pairs = level.chunks(2).map(|pair| match pair {
                [one, other] => format!("OR {one} {other}"),
                single => single.concat(),
            });
            level = pairs.collect();
        }
        level.concat()
    };
    for program in [
        from_the_right(&keys, |key, right| format!("OR {key} {right}")),
        from_the_right(&keys, |key, right| format!("OR ({key}) ({right})")),
        from_the_right(&keys, |key, right| format!("(OR (({key})) {right})")),
        from_the_right(&keys, |key, right| {
            format!("OR NOT NOT {key} NOT (NOT ({right}))")
        }),
        format!("{}{}", "OR ".repeat(keys.len() - 1), keys.join(" ")),
        keys[1..]
            .iter()
            .fold(keys[0].clone(), |left, key| format!("(OR {left} {key})")),
        balanced,
    ] {
        assert_eq!(alternatives(&program), numbers(keys.len()), "{}", &program[..80]);
    }
}

#[test]
fn a_thousand_keys_that_all_have_to_match_are_one_list() {
    let keys = subjects(MOST_KEYS);
    for program in [
        keys.join(" "),
        from_the_right(&keys, |key, right| format!("({key} {right})")),
    ] {
        let Key::And(keys) = read(&program).unwrap().key else {
            panic!("no list");
        };
        assert_eq!(keys.len(), MOST_KEYS);
    }
}

#[test]
fn not_counts_modulo_two_and_parentheses_around_one_key_do_not_count() {
    for (program, negated) in [
        ("NOT ".repeat(1000) + "RECENT", false),
        ("NOT ".repeat(1001) + "RECENT", true),
        ("NOT (".repeat(1001) + "RECENT" + &")".repeat(1001), true),
        ("(".repeat(3000) + "RECENT" + &")".repeat(3000), false),
    ] {
        match read(&program).unwrap().key {
            Key::Recent => assert!(!negated),
            Key::Not(key) => assert!(negated && matches!(*key, Key::Recent)),
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn beyond_the_bounds_a_program_is_refused_as_too_large_and_not_as_wrong() {
    let levels = |pairs: usize| "OR SEEN (DRAFT ".repeat(pairs) + "ALL" + &")".repeat(pairs);
    // Of each pair of lists one is taken into the other, which must not hide what nests in it.
    let taken_in = |unit: &str, pairs: usize| unit.repeat(pairs) + "ALL" + &"))".repeat(pairs);
    let reading = |count: usize| vec!["BODY x", "TEXT x", "HEADER X-Y x"][..].repeat(22)[..count].join(" ");
    for (fits, does_not) in [
        (subjects(1000).join(" "), subjects(1001).join(" ")),
        (levels(DEEPEST / 2), levels(DEEPEST / 2 + 1)),
        (
            taken_in("SEEN (DRAFT NOT (", DEEPEST / 2),
            taken_in("SEEN (DRAFT NOT (", DEEPEST / 2 + 1),
        ),
        (
            taken_in("OR SEEN (OR DRAFT NOT (", DEEPEST / 2),
            taken_in("OR SEEN (OR DRAFT NOT (", DEEPEST / 2 + 1),
        ),
        (reading(64), reading(65)),
        (
            "(".repeat(8000) + "ALL" + &")".repeat(8000),
            "(".repeat(8001) + "ALL" + &")".repeat(8001),
        ),
        (String::from("ALL"), "NOT (SEEN ".repeat(30_000)),
        (String::from("ALL"), "OR (".repeat(30_000)),
    ] {
        assert!(read(&fits).is_ok());
        let refused = read(&does_not);
        assert!(matches!(refused, Err(Fault::Limit(_))), "{refused:?}");
    }
}

#[test]
fn the_fault_is_named_with_its_place() {
    for (program, at, why) in [
        ("NOSUCHKEY", 0, "unknown search key NOSUCHKEY"),
        (
            "MODSEQ \"/flags/\\\\draft\" some 5",
            24,
            "expected priv, shared or all",
        ),
        ("OLDER 0", 6, "0 where a number from 1 is due"),
        ("(SEEN EMAIL x)", 6, "unknown search key EMAIL"),
        ("RETURN (NONE) ALL", 8, "unknown RETURN option NONE"),
        (
            "RETURN (ALL PARTIAL 1:5) ALL",
            12,
            "ALL and PARTIAL exclude each other",
        ),
        ("RETURN (PARTIAL 1:5 PARTIAL 1:5) ALL", 20, "PARTIAL twice"),
        ("RETURN (RELEVANCY) ALL", 22, "RELEVANCY without FUZZY"),
        ("RETURN(MIN) ALL", 6, "cannot go on with (MIN)"),
        ("$5", 1, "cannot go on with 5"),
        ("ALL  SEEN", 4, "unexpected space"),
        ("( ALL)", 1, "unexpected space"),
        ("ALL)", 3, "cannot go on with )"),
        ("()", 1, "cannot go on with )"),
        ("ALL{3}", 3, "cannot go on with {3}"),
        ("1:2:3", 0, "bad sequence set"),
        ("SEEN 0", 5, "0 in a sequence set"),
        ("4294967296", 0, "number too large in a sequence set"),
        ("ON 31-Feb-2020", 3, "expected a date like 1-Feb-1994"),
        ("LARGER 9223372036854775808", 7, "number too large"),
        ("FROM \"\u{e4}\\n\"", 9, "cannot go on with n\""),
        ("KEYWORD \\Seen", 8, "cannot go on with \\Seen"),
    ] {
        let fault = read(program).map(|program| program.key).unwrap_err();
        assert_eq!(fault, Fault::syntax(at, why), "{program}");
    }
    let invalid = parse(b"SUBJECT {3}\r\nab\xff", 0, Kind::Search).map(|program| program.key);
    assert_eq!(invalid.unwrap_err(), Fault::syntax(15, "string is not UTF-8"));
}

#[test]
fn a_program_that_stops_too_early_ends_where_more_is_due() {
    for program in [
        "",
        "NOT",
        "NOT ",
        "OR ALL",
        "OR ALL ",
        "(ALL",
        "(ALL ",
        "FROM",
        "FROM ",
        "FROM \"a",
        "1:",
        "1,",
        "ON ",
        "HEADER a",
        "CHARSET UTF-8",
        "CHARSET UTF-8 ",
        "FROM {3}\r\nab",
    ] {
        let fault = read(program).map(|program| program.key).unwrap_err();
        assert_eq!(fault, Fault::Ends { at: program.len() }, "{program:?}");
    }
}

#[test]
fn a_charset_is_an_astring_and_one_of_two() {
    for program in [
        "CHARSET utf-8 ALL",
        "charset \"US-ASCII\" ALL",
        "CHARSET {5}\r\nUTF-8 ALL",
    ] {
        assert!(matches!(read(program).unwrap().key, Key::Plain(_)), "{program}");
    }
    for program in [
        "CHARSET KOI8-R FROM {1}\r\n\u{e4}",
        "CHARSET {6}\r\nKOI8-R ALL",
        "CHARSET \"\" ALL",
    ] {
        assert_eq!(
            read(program).map(|program| program.key).unwrap_err(),
            Fault::Charset
        );
    }
}

#[test]
fn what_is_wrong_is_said_before_a_literal_is_sent() {
    let beginning = |text: &str| could_go_on(text.as_bytes(), 0, Kind::Search);
    for right in [
        "FROM {5}\r\n",
        "FROM {0}\r\n",
        "NOT (OR FROM {3+}\r\nabc CC {1}\r\n",
    ] {
        assert_eq!(beginning(right), Ok(()), "{right}");
    }
    for wrong in [
        "{5}\r\n",
        "FROM x {5}\r\n",
        "FROM \"x{5}\r\n",
        "LARGER {1}\r\n",
        "KEYWORD {1}\r\n",
    ] {
        assert!(matches!(beginning(wrong), Err(Fault::Syntax { .. })), "{wrong}");
    }
    assert!(matches!(
        beginning(&("ALL ".repeat(1001) + "FROM {1}\r\n")),
        Err(Fault::Limit(_))
    ));
}

#[test]
fn message_sequence_numbers_are_seen_at_any_depth() {
    for (program, numbering) in [
        ("UID 1:5 LARGER 3", Numbering::Free),
        ("1", Numbering::UsesSequenceNumbers),
        ("SEEN NOT (OR SEEN (DRAFT 2:*))", Numbering::UsesSequenceNumbers),
    ] {
        assert_eq!(read(program).unwrap().numbering, numbering, "{program}");
    }
}

/// The program, where these filters are kept.
fn filtered(program: &str, kept: &[(&str, String)]) -> Result<Program, Fault> {
    let entry = |(name, criterion): &(&str, String)| {
        let name = EntryName::new(&format!("/private/filters/values/{name}")).unwrap();
        (name, Bytes::from(criterion.clone()))
    };
    let metadata: Metadata = kept.iter().map(entry).collect();
    parse_with(program.as_bytes(), 0, Kind::Search, Filters::new(&metadata))
}

#[test]
fn a_filter_is_one_key_wherever_it_stands() {
    let kept = [("two", "SEEN RECENT".to_owned()), ("or", "OR NEW OLD".to_owned())];
    let shown = |program: &str| format!("{:?}", filtered(program, &kept).unwrap().key);
    for (program, same) in [
        ("FILTER two", "SEEN RECENT"),
        ("NOT filter two", "NOT (SEEN RECENT)"),
        ("OR FILTER two Filter or", "OR (SEEN RECENT) OR NEW OLD"),
        ("(FILTER or) 1:5", "(OR NEW OLD) 1:5"),
        ("NOT NOT FUZZY FILTER two", "SEEN RECENT"),
    ] {
        assert_eq!(shown(program), shown(same), "{program}");
    }
    let program = filtered("FILTER numbers", &[("numbers", "2:*".to_owned())]).unwrap();
    assert_eq!(program.numbering, Numbering::UsesSequenceNumbers);
}

#[test]
fn what_filters_stand_for_counts_as_if_it_were_written() {
    let half = subjects(MOST_KEYS / 2).join(" ");
    let kept = |text: &str| [("f", text.to_owned())];
    assert!(filtered("FILTER f FILTER f", &kept(&half)).is_ok());
    for (program, text) in [
        ("SEEN FILTER f FILTER f", half),
        ("BODY x FILTER f", vec!["TEXT x"; MOST_READING].join(" ")),
        (
            "FILTER f NOT FILTER f",
            format!("SUBJECT {}", "x".repeat(65 << 10)),
        ),
        (
            "OR SEEN (DRAFT FILTER f)",
            "OR SEEN (DRAFT ".repeat(DEEPEST / 2) + "ALL" + &")".repeat(DEEPEST / 2),
        ),
    ] {
        let fault = filtered(program, &kept(&text)).unwrap_err();
        assert!(matches!(fault, Fault::Limit(_)), "{program}: {fault:?}");
    }
}

#[test]
fn a_circle_of_filters_is_none_and_ends_at_once() {
    // Without a bound, two names in each of twenty filters would be a million.
    let names: Vec<String> = (0..20).map(|number| format!("f{number}")).collect();
    let twice = |next: &str| format!("FILTER {next} FILTER {next}");
    let chain = |depth: usize, last: &str| {
        let mut kept: Vec<(&str, String)> = Vec::new();
        for number in 0..depth - 1 {
            kept.push((&names[number], twice(&names[number + 1])));
        }
        kept.push((&names[depth - 1], last.to_owned()));
        kept
    };
    assert!(filtered("FILTER f0", &chain(8, "SEEN")).is_ok());
    let undefined = |name: &str| Fault::UndefinedFilter(name.to_owned());
    assert_eq!(
        filtered("FILTER f0", &chain(9, "SEEN")).unwrap_err(),
        undefined("f8")
    );
    assert_eq!(
        filtered("FILTER f0", &chain(20, "SEEN")).unwrap_err(),
        undefined("f8")
    );
    assert_eq!(
        filtered("FILTER f0", &chain(3, "SEEN FILTER F0")).unwrap_err(),
        undefined("F0")
    );
    assert_eq!(filtered("FILTER x", &[]).unwrap_err(), undefined("x"));
}

#[test]
fn a_fault_in_a_filter_names_it() {
    for (criterion, why) in [
        ("OR SMALLER", "filter f: ends where more is due"),
        ("SEEN colour", "filter f: unknown search key colour at octet 6"),
        ("SEEN)", "filter f: cannot go on with ) at octet 5"),
        ("(SEEN", "filter f: ends where more is due"),
        ("", "filter f: ends where more is due"),
        ("SEEN {9}\r\nx", "filter f: cannot go on with {9} at octet 6"),
        ("FILTER a/b", "filter f: no name of a filter at octet 8"),
    ] {
        let fault = filtered("SEEN (FILTER f)", &[("f", criterion.to_owned())]).unwrap_err();
        assert_eq!(fault, Fault::Filter(why.to_owned()), "{criterion}");
    }
    let behind = filtered("FILTER f )", &[("f", "SEEN".to_owned())]).unwrap_err();
    assert!(matches!(behind, Fault::Syntax { at: 9, .. }), "{behind:?}");
}
