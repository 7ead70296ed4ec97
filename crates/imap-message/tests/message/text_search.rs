//! SEARCH over a message that is read piece by piece, against SEARCH over whole octets.

use encoding_rs::Encoding;
use imap_message::{MAX_SEARCHED_FIELD, Message, Needle, SearchedText, Summary, TextKey, TextSearch};
use proptest::prelude::*;

use crate::properties::mail_like;
use crate::search_oracle::Texts;
use crate::support::crlf;

/// Drives a search with pieces of these sizes in turn, or as large as they are wanted. Returns the answers and how many
/// octets were read.
fn search(
    octets: &[u8],
    mut search: TextSearch<'_>,
    keys: usize,
    cuts: &[usize],
) -> (Vec<Option<bool>>, u64) {
    let (mut cuts, mut read, mut before) = (cuts.iter().cycle(), 0, 0);
    while let Some(wanted) = search.wanted() {
        assert!(wanted.start < wanted.end && wanted.end - wanted.start <= 64 << 10);
        assert!(wanted.start >= before, "nothing is read twice");
        let offset = |offset| usize::try_from(offset).unwrap();
        let piece = &octets[offset(wanted.start)..offset(wanted.end)];
        let piece = &piece[..cuts.next().map_or(piece.len(), |cut| piece.len().min(*cut))];
        search.push(piece);
        read += piece.len() as u64;
        before = wanted.start + piece.len() as u64;
    }
    ((0..keys).map(|key| search.is_found(key)).collect(), read)
}

fn in_body(octets: &[u8], needle: &str) -> bool {
    let needle = Needle::new(needle);
    let (keys, summary) = ([TextKey::body(&needle)], Summary::of(octets));
    search(octets, TextSearch::new(&keys, &summary), 1, &[]).0[0].unwrap()
}

const NEEDLES: [&str; 16] = [
    "",
    "a",
    "grüße",
    "ÜSS",
    "日本",
    "本語",
    "οδοσ",
    "Привет",
    "x  y",
    "e =",
    "\r\n",
    "subject: ",
    "a\u{fffd}",
    "Ã¼",
    "ß al",
    "\u{131}",
];

/// What is looked for in these octets is found as the oracle finds it, whatever pieces they come in.
fn check(octets: &[u8], cuts: &[usize]) {
    let needles: Vec<Needle> = NEEDLES.iter().map(|text| Needle::new(text)).collect();
    let bodies = needles.iter().map(TextKey::body);
    let texts = needles.iter().map(TextKey::text);
    let names = ["subject", "from", "x-word"];
    let headers = names
        .iter()
        .flat_map(|name| needles.iter().map(|needle| TextKey::header(name, needle)));
    let keys: Vec<TextKey<'_>> = bodies.chain(texts).chain(headers).collect();

    let (oracle, message, summary) = (Texts::of(octets), Message::parse(octets), Summary::of(octets));
    let mut expected: Vec<_> = NEEDLES
        .iter()
        .map(|needle| Some(oracle.body_has(needle)))
        .collect();
    expected.extend(NEEDLES.iter().map(|needle| Some(oracle.text_has(needle))));
    for name in names {
        expected.extend(
            needles
                .iter()
                .map(|needle| Some(message.contains_header(name, needle))),
        );
    }
    let by_summary = TextSearch::new(&keys, &summary);
    assert_eq!(search(octets, by_summary, keys.len(), cuts).0, expected);
    let in_message = TextSearch::in_message(&keys, &message);
    assert_eq!(search(octets, in_message, keys.len(), &[]).0, expected);
    for (needle, expected) in needles.iter().zip(&expected) {
        assert_eq!(Some(message.contains_body(needle)), *expected, "{needle:?}");
    }
    let text = searched_text(octets, &summary, cuts);
    for (needle, expected) in needles.iter().cycle().zip(&expected) {
        let is_there = text.contains(&needle.in_searched_text());
        assert!(is_there || *expected == Some(false), "{needle:?} in {text:?}");
    }
    for (known, expected) in summary.contains_headers(&keys).into_iter().zip(&expected) {
        assert!(known.is_none_or(|known| Some(known) == *expected));
    }
}

/// The text for an index, read in pieces.
fn searched_text(octets: &[u8], summary: &Summary, cuts: &[usize]) -> String {
    let mut text = SearchedText::new(summary, u64::MAX).unwrap();
    let mut cuts = cuts.iter().cycle();
    while let Some(wanted) = text.wanted() {
        let place = |offset: u64| usize::try_from(offset).unwrap();
        let wanted = &octets[place(wanted.start)..place(wanted.end)];
        let most = cuts.next().map_or(wanted.len(), |cut| wanted.len().min(*cut));
        text.push(&wanted[..most]);
    }
    text.finish()
}

#[test]
fn the_text_for_an_index_has_every_part_once_and_nothing_of_attachments() {
    let octets = crlf(concat!(
        "Subject: =?utf-8?Q?Gr=C3=BC=C3=9Fe?=\n  AL\nFrom: (c) \"A\\\"B\" <a . b@c.example>\nX:=?utf-8?q?=C3=84?=\n",
        "Content-Type: multipart/mixed; boundary=1\n\n",
        "--1\n\nΟΔΟΣ\t \n\nend\n--1\nContent-Type: image/png\n\nPNG\n--1--\n"
    ));
    let text = searched_text(&octets, &Summary::of(&octets), &[7]);
    for once in [
        "SUBJECT: GRU\u{308}ßE AL",
        "<A.B@C.EXAMPLE>",
        "ΟΔΟΣ END",
        "CONTENT-TYPE: IMAGE/PNG",
        "A\u{308}",
    ] {
        assert_eq!(text.matches(once).count(), 1, "{once} in {text:?}");
    }
    assert!(!text.contains(" PNG ") && !text.contains("  "), "{text:?}");
    let area = |most| SearchedText::new(&Summary::of(&octets), most).is_some();
    assert!(area(octets.len() as u64) && !area(20));
}

#[test]
fn nul_is_white_space_in_the_text_for_an_index() {
    let octets = b"Content-Transfer-Encoding: base64\r\n\r\nYQAAYg==\r\n"; // a, NUL, NUL, b
    let text = searched_text(octets, &Summary::of(octets), &[]);
    assert!(text.contains("A B") && text.contains(&Needle::new("A\0\0b").in_searched_text()));
}

const CHARSETS: [&str; 9] = [
    "utf-8",
    "us-ascii",
    "iso-8859-1",
    "iso-2022-jp",
    "shift_jis",
    "gb18030",
    "utf-16",
    "utf-16be",
    "nosuch",
];

/// The octets of a word in a charset; of UTF-16, which nobody encodes mail in, by hand.
fn encoded(word: &str, charset: &str) -> Vec<u8> {
    match charset {
        "utf-16" => word.encode_utf16().flat_map(u16::to_le_bytes).collect(),
        "utf-16be" => word.encode_utf16().flat_map(u16::to_be_bytes).collect(),
        _ => Encoding::for_label(charset.as_bytes()).map_or(word.as_bytes().to_vec(), |encoding| {
            encoding.encode(word).0.into_owned()
        }),
    }
}

fn base64(octets: &[u8]) -> Vec<u8> {
    let alphabet = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut out = Vec::new();
    for (at, three) in octets.chunks(3).enumerate() {
        let group = three
            .iter()
            .chain([&0; 2])
            .take(3)
            .fold(0, |group, octet| group << 8 | usize::from(*octet));
        out.extend((0..4).map(|digit| match digit > three.len() {
            true => b'=',
            false => alphabet[group >> (18 - 6 * digit) & 63],
        }));
        if at % 5 == 4 {
            out.extend(b"\r\n");
        }
    }
    out
}

fn quoted_printable(octets: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    for (at, octet) in octets.iter().enumerate() {
        match octet {
            b' '..=b'<' | b'>'..=b'~' | b'\r' | b'\n' if at % 7 != 3 => out.push(*octet),
            _ => out.extend(format!("={octet:02X}").bytes()),
        }
        if at % 11 == 10 {
            out.extend(b"= \t\r\n");
        }
    }
    out
}

/// The header and the body of an entity. Boundaries are numbered by `u32`s of the strategy, so that they rarely clash.
fn entity() -> impl Strategy<Value = (Vec<u8>, Vec<u8>)> {
    let words = prop::sample::select(vec![
        "alpha",
        " ",
        "Grüße",
        "GRÜSSE",
        "日本語",
        "ΟΔΟΣ",
        "привет",
        "x  y",
        "a =",
        "\r\n",
        "=",
        "--1",
        "İ",
        "ı",
        "Ã¼ß",
    ]);
    let piece = (words, prop::sample::select(CHARSETS.to_vec()), any::<bool>());
    let pieces = prop::collection::vec(
        prop_oneof![9 => piece.prop_map(Ok), 1 => any::<u8>().prop_map(Err)],
        0..40,
    );
    let kinds = vec![
        "text/plain",
        "text/plain",
        "text/html",
        "message/delivery-status",
        "application/x",
    ];
    let encodings = vec![
        "7bit",
        "8bit",
        "base64",
        "base64",
        "quoted-printable",
        "quoted-printable",
        "x-no",
    ];
    let damage = prop::collection::vec(
        (
            any::<prop::sample::Index>(),
            any::<bool>(),
            prop::sample::select(b"=\r\n A*\xc3".to_vec()),
        ),
        0..3,
    );
    let leaf = (
        prop::sample::select(kinds),
        prop::sample::select(CHARSETS.to_vec()),
        any::<bool>(),
        prop::sample::select(encodings),
        pieces,
        damage,
    );
    let leaf = leaf.prop_map(|(kind, charset, is_named, encoding, pieces, damage)| {
        let octets = pieces.into_iter().flat_map(|piece| match piece {
            Ok((word, _, true)) => encoded(word, charset),
            Ok((word, other, false)) => encoded(word, other),
            Err(octet) => vec![octet],
        });
        let octets: Vec<u8> = octets.collect();
        let mut body = match encoding {
            "base64" => base64(&octets),
            "quoted-printable" => quoted_printable(&octets),
            _ => octets,
        };
        for (at, inserts, octet) in damage
            .into_iter()
            .filter(|_| !body.is_empty())
            .collect::<Vec<_>>()
        {
            let at = at.index(body.len().max(1));
            match inserts || body.is_empty() {
                true => body.insert(at.min(body.len()), octet),
                false => drop(body.remove(at)),
            }
        }
        let charset = if is_named {
            format!("; charset={charset}")
        } else {
            String::new()
        };
        let header = format!("Content-Type: {kind}{charset}\r\nContent-Transfer-Encoding: {encoding}\r\n");
        (header.into_bytes(), body)
    });
    leaf.prop_recursive(4, 24, 4, |inner| {
        let multipart =
            (1..100u32, prop::collection::vec(whole(inner.clone()), 1..4)).prop_map(|(boundary, parts)| {
                let mut body = b"alpha preamble\r\n".to_vec();
                for part in parts {
                    body.extend(format!("--{boundary}\r\n").bytes());
                    body.extend(part);
                    body.extend(b"\r\n");
                }
                body.extend(format!("--{boundary}--\r\nalpha epilogue").bytes());
                (
                    format!("Content-Type: multipart/mixed; boundary={boundary}\r\n").into_bytes(),
                    body,
                )
            });
        let message = whole(inner).prop_map(|octets| (b"Content-Type: message/rfc822\r\n".to_vec(), octets));
        prop_oneof![multipart, message]
    })
}

/// An entity with some fields of its own.
fn whole(entity: impl Strategy<Value = (Vec<u8>, Vec<u8>)>) -> impl Strategy<Value = Vec<u8>> {
    let fields = prop::collection::vec(
        prop::sample::select(vec![
            &b"Subject: =?utf-8?Q?Gr=C3=BC=C3=9Fe?=\r\n al\r\n"[..],
            b"Subject: plain\r\n\t a\r\n",
            "Subject: Привет Grüße\r\n".as_bytes(),
            b"X-Word: =?iso-2022-jp?B?GyRCRnxLXBsoQg==?=\r\n  x\t y\r\n",
            b"From: \"a =\" (x  y) <a@b . c>\r\n",
            b"no field\r\n",
            b"X-Word: \xfc\r\n",
        ]),
        0..4,
    );
    (fields, entity)
        .prop_map(|(fields, (header, body))| [&fields.concat()[..], &header, b"\r\n", &body].concat())
}

proptest! {
    #[test]
    fn the_pieces_have_what_the_whole_message_has(octets in whole(entity()), cuts in prop::collection::vec(1..40usize, 1..8)) {
        check(&octets, &cuts);
    }

    #[test]
    fn any_octets_in_pieces_have_what_the_whole_has(octets in mail_like(), cuts in prop::collection::vec(1..40usize, 1..8)) {
        check(&octets, &cuts);
        check(&imap_message::to_crlf(&octets), &cuts);
    }
}

#[test]
fn a_message_may_be_cut_anywhere() {
    let octets = crlf(concat!(
        "Subject: =?utf-8?Q?Gr=C3=BC=C3=9Fe?=\n\tal\nContent-Type: multipart/mixed; boundary=1\n\n",
        "--1\nContent-Transfer-Encoding: quoted-printable\n\nGr=C3=\n=BC=C3= \t\n=9Fe a==20 =\n\n",
        "--1\nContent-Type: text/plain; charset=iso-2022-jp\nContent-Transfer-Encoding: base64\n\nGyRCRnxL\nXDhsGyhC\n",
        "--1\n\nПривет ΟΔΟΣ\n--1--\n"
    ));
    for size in 1..octets.len() {
        check(&octets, &[size]);
    }
    for at in 1..octets.len() {
        check(&octets, &[at, octets.len()]);
    }
}

/// A part without a charset is read as what its last octet makes of it.
#[test]
fn text_that_turns_out_not_to_be_utf_8_has_nothing_of_utf_8() {
    let text = format!("Subject: s\r\n\r\nhello Grüße {}", "line\r\n".repeat(40_000));
    let (utf_8, mut other) = (text.clone().into_bytes(), text.into_bytes());
    other.push(0xfc);
    for (needle, is_utf_8, is_other) in [
        ("hello", true, true),
        ("grüße", true, false),
        ("GrÃ¼ÃŸe", false, true),
        ("line\r\nü", false, true),
    ] {
        assert_eq!(
            (in_body(&utf_8, needle), in_body(&other, needle)),
            (is_utf_8, is_other),
            "{needle}"
        );
    }
    // An ending in the middle of a character is none in UTF-8 either.
    other.pop();
    other.push(0xc3);
    assert!(!in_body(&other, "grüße") && in_body(&other, "line\r\nÃ"));
}

fn with_attachment() -> Vec<u8> {
    crlf(&format!(
        concat!(
            "Subject: outer\nX-Other: y\nContent-Type: multipart/mixed; boundary=1\n\n--1\n\nfirst\n",
            "--1\nContent-Type: image/png; name=picture.png\nContent-Transfer-Encoding: base64\n\n{}\n",
            "--1\n\nlast\n--1--\n"
        ),
        "AAAA\n".repeat(50_000)
    ))
}

#[test]
fn attachments_are_not_read_and_nothing_is_when_all_is_known() {
    let octets = with_attachment();
    let [first, last, outer, picture, nowhere] =
        ["first", "last", "outer", "picture.png", "nowhere"].map(Needle::new);
    let summary = Summary::of(&octets);
    let read = |keys: &[TextKey<'_>]| search(&octets, TextSearch::new(keys, &summary), keys.len(), &[]);
    let found = |keys: &[TextKey<'_>]| read(keys).0.into_iter().all(|found| found == Some(true));
    for keys in [
        &[TextKey::text(&nowhere)][..],
        &[TextKey::body(&last), TextKey::header("x-other", &nowhere)],
        &[TextKey::text(&picture), TextKey::body(&nowhere)],
    ] {
        assert!(read(keys).1 < 1_000, "{keys:?}");
    }
    assert!(found(&[
        TextKey::text(&picture),
        TextKey::body(&last),
        TextKey::text(&outer)
    ]));
    // The header alone, and nothing at all.
    let header = summary.header_len();
    assert_eq!(
        read(&[TextKey::header("x-other", &nowhere)]),
        (vec![Some(false)], header)
    );
    let empty = Needle::new("");
    assert_eq!(
        read(&[TextKey::text(&empty), TextKey::body(&empty)]),
        (vec![Some(true); 2], 0)
    );
    assert_eq!(read(&[]).1, 0);
    assert!(read(&[TextKey::body(&first)]).1 < header + 200);
}

#[test]
fn where_the_header_alone_is_known_bodies_stay_unknown() {
    let octets = with_attachment();
    let [outer, first] = ["outer", "first"].map(Needle::new);
    let summary = Summary::of_header(&octets);
    let keys = [
        TextKey::text(&outer),
        TextKey::text(&first),
        TextKey::body(&first),
        TextKey::header("x-other", &first),
    ];
    let (found, read) = search(&octets, TextSearch::new(&keys, &summary), keys.len(), &[]);
    assert_eq!(found, [Some(true), None, None, Some(false)]);
    assert_eq!(read, summary.header_len());
}

#[test]
fn a_message_that_has_become_shorter_ends_where_it_ends() {
    let octets = crlf("Subject: s\n\nhello wor");
    let summary = Summary::of(&[&octets[..], b"ld and more"].concat());
    let [hello, world] = ["hello w", "world"].map(Needle::new);
    let keys = [TextKey::body(&hello), TextKey::body(&world)];
    let mut search = TextSearch::new(&keys, &summary);
    search.push(&octets[12..]);
    assert_eq!(search.is_found(1), None);
    search.push(b"");
    assert_eq!(
        (search.is_found(0), search.is_found(1), search.wanted()),
        (Some(true), Some(false), None)
    );
}

#[test]
fn of_a_field_without_end_the_start_is_searched_in_whole_words() {
    let word = "=?utf-8?Q?=C3=BC?= ";
    let octets = format!(
        "X: begin\r\n {}end\r\nY: behind\r\n\r\n",
        word.repeat(MAX_SEARCHED_FIELD / word.len() + 1)
    );
    let needles = ["begin üüü", "end", "y: behind", "ü=", "Ã"].map(Needle::new);
    let keys: Vec<_> = needles.iter().map(TextKey::text).collect();
    let summary = Summary::of(octets.as_bytes());
    for cut in [&[][..], &[1000]] {
        let (found, _) = search(
            octets.as_bytes(),
            TextSearch::new(&keys, &summary),
            keys.len(),
            cut,
        );
        assert_eq!(found, [true, false, true, false, false].map(Some));
    }
}

/// Each piece would otherwise be compared with all that a string of this length may have begun in.
#[test]
fn long_strings_and_small_pieces_do_not_multiply() {
    let (needle, absent) = (
        Needle::new(&"a".repeat(30_000)),
        Needle::new(&("a".repeat(30_000) + "b")),
    );
    let octets = [b"X: y\r\n\r\n".to_vec(), b"a".repeat(1_000_000)].concat();
    let (keys, summary) = (
        [TextKey::body(&needle), TextKey::text(&absent)],
        Summary::of(&octets),
    );
    let (found, _) = search(&octets, TextSearch::new(&keys, &summary), 2, &[1]);
    assert_eq!(found, [Some(true), Some(false)]);
}
