//! The shapes that clients write, at the size at which a recursive reader would fail.

use imap_backend::SearchKey;

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
