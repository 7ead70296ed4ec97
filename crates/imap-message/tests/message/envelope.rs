use imap_message::{Address, Envelope, Message};

use crate::support::crlf;

/// `name|route|mailbox|host` of each, absent members as `-`.
fn show(addresses: &[Address<'_>]) -> Vec<String> {
    let member = |octets: &Option<imap_message::Octets<'_>>| {
        octets.as_ref().map_or("-".to_owned(), |octets| {
            String::from_utf8_lossy(octets).into_owned()
        })
    };
    let show = |address: &Address<'_>| {
        [&address.name, &address.route, &address.mailbox, &address.host]
            .map(member)
            .join("|")
    };
    addresses.iter().map(show).collect()
}

fn to(value: &str) -> Vec<String> {
    let message = crlf(&format!("To: {value}\n\n"));
    show(&Message::parse(&message).envelope().to)
}

fn with_envelope(text: &str, check: impl FnOnce(Envelope<'_>)) {
    let message = crlf(text);
    check(Message::parse(&message).envelope());
}

#[test]
fn rfc3501_7_4_2_an_absent_field_is_nil_and_an_empty_one_the_empty_string() {
    with_envelope("Subject:\nDate: \n\n", |envelope| {
        assert_eq!(envelope.subject.as_deref(), Some(&b""[..]));
        assert_eq!(envelope.date.as_deref(), Some(&b""[..]));
        assert_eq!(envelope.message_id, None);
        assert_eq!(envelope.in_reply_to, None);
        assert!(envelope.from.is_empty() && envelope.to.is_empty());
    });
}

#[test]
fn rfc3501_7_4_2_sender_and_reply_to_default_to_from_if_absent_or_empty() {
    with_envelope("From: a@x\nReply-To:\n\n", |envelope| {
        assert_eq!(show(envelope.sender()), ["-|-|a|x"]);
        assert_eq!(show(envelope.reply_to()), ["-|-|a|x"]);
    });
    with_envelope("Sender: s@x\nFrom: a@x\nReply-To: r@x\n\n", |envelope| {
        assert_eq!(show(envelope.sender()), ["-|-|s|x"]);
        assert_eq!(show(envelope.reply_to()), ["-|-|r|x"]);
    });
}

#[test]
fn rfc5322_2_2_3_values_are_unfolded_and_trimmed() {
    with_envelope(
        "Subject:  one\n two\n\tthree \nIn-Reply-To:\n <a@x>\n\n",
        |envelope| {
            assert_eq!(envelope.subject.as_deref(), Some(&b"one two\tthree"[..]));
            assert_eq!(envelope.in_reply_to.as_deref(), Some(&b"<a@x>"[..]));
        },
    );
}

#[test]
fn encoded_words_stay_as_they_are() {
    with_envelope(
        "Subject: =?utf-8?B?w7w=?=\nFrom: =?utf-8?Q?Zo=C3=AB_M?= =?utf-8?Q?x?= <z@x>\n\n",
        |envelope| {
            assert_eq!(envelope.subject.as_deref(), Some(&b"=?utf-8?B?w7w=?="[..]));
            assert_eq!(envelope.subject_text().as_deref(), Some("\u{fc}"));
            assert_eq!(
                show(&envelope.from),
                ["=?utf-8?Q?Zo=C3=AB_M?= =?utf-8?Q?x?=|-|z|x"]
            );
        },
    );
}

#[test]
fn the_first_of_two_fields_counts_but_recipients_of_all_fields_are_listed() {
    with_envelope(
        "Subject: 1\nSubject: 2\nFrom: a@x\nFrom: b@x\nTo: c@x\nTo: d@x\n\n",
        |envelope| {
            assert_eq!(envelope.subject.as_deref(), Some(&b"1"[..]));
            assert_eq!(show(&envelope.from), ["-|-|a|x"]);
            assert_eq!(show(&envelope.to), ["-|-|c|x", "-|-|d|x"]);
        },
    );
}

#[test]
fn nul_and_lone_carriage_return_become_spaces() {
    with_envelope(
        "Subject: a\0b\rc\nTo: \"x\0y\\\0\" <\"l\rp\"@h\0>\n\n",
        |envelope| {
            assert_eq!(envelope.subject.as_deref(), Some(&b"a b c"[..]));
            assert_eq!(show(&envelope.to), ["x y |-|l p|h"]);
        },
    );
}

#[test]
fn rfc5322_3_4_names_are_phrases_or_quoted_strings_unescaped() {
    assert_eq!(to("John Q. Public <j@x>"), ["John Q. Public|-|j|x"]);
    assert_eq!(
        to(r#""Doe, \"Jane\"" <j@x>, b@y"#),
        [r#"Doe, "Jane"|-|j|x"#, "-|-|b|y"]
    );
    assert_eq!(to("\"\" <j@x>"), ["-|-|j|x"]);
    assert_eq!(to("joe@work <j@x>"), ["joe@work|-|j|x"]);
    assert_eq!(to("A\n  B <j@x>"), ["A B|-|j|x"]);
}

#[test]
fn rfc9051_7_5_2_local_parts_lose_their_quoting_and_domain_literals_keep_their_brackets() {
    assert_eq!(
        to(r#""odd local"@x, "a\"b".c@[192.0.2.1]"#),
        ["-|-|odd local|x", r#"-|-|a"b.c|[192.0.2.1]"#]
    );
}

#[test]
fn rfc5322_3_4_a_comment_after_an_address_is_its_name() {
    assert_eq!(to("joe@x (Joe (the) Doe)"), ["Joe (the) Doe|-|joe|x"]);
    assert_eq!(to("<joe@x> (Joe)"), ["Joe|-|joe|x"]);
    assert_eq!(to("Joe (not this) <joe@x> (nor this)"), ["Joe|-|joe|x"]);
}

#[test]
fn rfc3501_7_4_2_groups_open_with_their_name_and_close_with_nil() {
    assert_eq!(
        to("Friends: a@x, \"B, C\" <b@x>;, d@x"),
        ["-|-|Friends|-", "-|-|a|x", "B, C|-|b|x", "-|-|-|-", "-|-|d|x"]
    );
    assert_eq!(
        to("undisclosed-recipients:;"),
        ["-|-|undisclosed-recipients|-", "-|-|-|-"]
    );
    assert_eq!(
        to("\"Big group\": a@x"),
        ["-|-|Big group|-", "-|-|a|x", "-|-|-|-"]
    );
}

#[test]
fn rfc3501_7_4_2_a_source_route_is_the_at_domain_list() {
    assert_eq!(
        to("<@one.example,@two.example:u@x>"),
        ["-|@one.example,@two.example|u|x"]
    );
}

#[test]
fn rfc5322_4_4_white_space_and_comments_around_dots_and_at_signs_go_away() {
    assert_eq!(to("joe . smith @ example . org"), ["-|-|joe.smith|example.org"]);
    assert_eq!(
        to("<joe(c).smith @(c) example.org>"),
        ["-|-|joe.smith|example.org"]
    );
}

#[test]
fn what_is_no_address_still_shows_and_never_opens_a_group() {
    assert_eq!(to("not an address"), ["-|-|not an address|"]);
    assert_eq!(to("root"), ["-|-|root|"]);
    assert_eq!(to("<>"), ["-|-||"]);
    assert_eq!(to("Bob bob@x"), ["Bob|-|bob|x"]);
    assert_eq!(to("a@b@c, ;;, <x@y"), ["-|-|a@b|c", "-|-|x|y"]);
    assert_eq!(to("unclosed <u@x, v@y"), ["unclosed|-|u|x", "-|-|v|y"]);
    assert_eq!(to(" , ,"), Vec::<String>::new());
    assert_eq!(to("a@[1.2 , b@x"), ["-|-|a|[1.2", "-|-|b|x"]);
}

#[test]
fn an_encoded_word_with_specials_is_one_word() {
    assert_eq!(
        to("=?utf-8?Q?Doe,_(Jane)?= <j@x>"),
        ["=?utf-8?Q?Doe,_(Jane)?=|-|j|x"]
    );
}
