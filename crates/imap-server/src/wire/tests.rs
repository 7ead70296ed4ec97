//! The hand-written writer against the codec: where the codec has the type the octets are equal, and everything that
//! we write, the codec reads.

use std::borrow::Cow;
use std::num::{NonZeroU32, NonZeroU64};

use chrono::{DateTime, FixedOffset, TimeZone};
use imap_codec::ResponseCodec;
use imap_codec::decode::Decoder;
use imap_codec::encode::Encoder;
use imap_codec::imap_types::core::{Atom, NString, QuotedChar};
use imap_codec::imap_types::envelope::{Address, Envelope};
use imap_codec::imap_types::fetch::MessageDataItem;
use imap_codec::imap_types::flag::{Flag as CodecFlag, FlagFetch, FlagNameAttribute};
use imap_codec::imap_types::mailbox::Mailbox;
use imap_codec::imap_types::response::{Data, Response};
use imap_codec::imap_types::sequence::{Sequence, SequenceSet};
use imap_codec::imap_types::status::StatusDataItem;
use imap_message::Message;
use imap_seq::{ModSeq, SeqNum, Uid, UidSet};
use imap_updates::{Flag, Flags, Keyword, Recency};
use proptest::prelude::*;

use super::text::string;
use super::*;
use crate::convert::Naming;

fn codec(data: Data<'_>) -> Vec<u8> {
    ResponseCodec::default().encode(&Response::Data(data)).dump()
}

fn written(write: impl FnOnce(&mut Vec<u8>)) -> Vec<u8> {
    let mut out = Vec::new();
    write(&mut out);
    out
}

fn nz(number: u32) -> NonZeroU32 {
    NonZeroU32::new(number).unwrap()
}

fn flag() -> impl Strategy<Value = Flag> {
    prop_oneof![
        Just(Flag::Answered),
        Just(Flag::Flagged),
        Just(Flag::Deleted),
        Just(Flag::Seen),
        Just(Flag::Draft),
        "[$A-Za-z][A-Za-z0-9_-]{0,20}".prop_map(|text| Flag::Keyword(Keyword::new(&text).unwrap())),
    ]
}

fn codec_flag(flag: &Flag) -> CodecFlag<'static> {
    match flag {
        Flag::Answered => CodecFlag::Answered,
        Flag::Flagged => CodecFlag::Flagged,
        Flag::Deleted => CodecFlag::Deleted,
        Flag::Seen => CodecFlag::Seen,
        Flag::Draft => CodecFlag::Draft,
        Flag::Keyword(keyword) => CodecFlag::Keyword(Atom::try_from(keyword.as_str().to_owned()).unwrap()),
    }
}

/// RFC 9051, section 9: a year has four digits. `31-Dec-9999 23:59:59 -1200` is in the year 10000 where a store keeps UTC.
#[test]
fn rfc9051_9_a_date_beyond_the_years_with_four_digits_is_the_last_before_it() {
    let hours = |hours: i32| FixedOffset::east_opt(hours * 3600).unwrap();
    let date = hours(-12).with_ymd_and_hms(9999, 12, 31, 23, 59, 59).unwrap();
    let shown = |zone| written(|out| internal_date(out, &date.with_timezone(&zone)));
    assert_eq!(shown(hours(-12)), b"\"31-Dec-9999 23:59:59 -1200\"");
    assert_eq!(shown(hours(0)), b"\"31-Dec-9999 23:59:59 +0000\"");
    let date = hours(2).with_ymd_and_hms(0, 1, 1, 0, 30, 0).unwrap();
    let shown = written(|out| internal_date(out, &date.with_timezone(&hours(0))));
    assert_eq!(shown, b"\"01-Jan-0000 00:00:00 +0000\"");
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_flags_row_is_the_codecs(seq in 1_u32.., uid in 1_u32.., flags in prop::collection::vec(flag(), 0..6), recent: bool, modseq in prop::option::of(1_u64..1 << 63)) {
        let flags: Flags = flags.into_iter().collect();
        let mut items: Vec<_> = flags.iter().map(|flag| FlagFetch::Flag(codec_flag(&flag))).collect();
        if recent {
            items.push(FlagFetch::Recent);
        }
        let mut items = vec![MessageDataItem::Uid(nz(uid)), MessageDataItem::Flags(items)];
        items.extend(modseq.and_then(NonZeroU64::new).map(MessageDataItem::ModSeq));
        let wanted = codec(Data::Fetch { seq: nz(seq), items: items.try_into().unwrap() });
        let recency = if recent { Recency::Recent } else { Recency::NotRecent };
        let row = FlagsRow {
            of: RowOf::Seq(SeqNum::new(seq).unwrap()),
            uid: Uid::new(uid),
            flags: Some((&flags, recency)),
            modseq: modseq.and_then(ModSeq::new),
        };
        let ours = written(|out| row.write(out));
        prop_assert_eq!(ours, wanted);
    }

    #[test]
    fn counts_are_the_codecs(number in 1_u32..) {
        prop_assert_eq!(written(|out| exists(out, number)), codec(Data::Exists(number)));
        prop_assert_eq!(written(|out| recent(out, number)), codec(Data::Recent(number)));
        prop_assert_eq!(written(|out| expunge(out, SeqNum::new(number).unwrap())), codec(Data::Expunge(nz(number))));
    }

    #[test]
    fn search_results_are_the_codecs(numbers in prop::collection::vec(1_u32.., 0..50)) {
        let listing = |name| written(|out| {
            listed_begin(out, name);
            listed(out, numbers.iter().copied());
            listed_end(out, None);
        });
        let found: Vec<_> = numbers.iter().map(|&number| nz(number)).collect();
        prop_assert_eq!(listing("SEARCH"), codec(Data::Search(found.clone(), None::<NonZeroU64>)));
        prop_assert_eq!(listing("SORT"), codec(Data::Sort(found, None)));
    }

    #[test]
    fn vanished_is_the_codecs(uids in prop::collection::btree_set(1_u32..200, 1..40)) {
        let uids: UidSet = uids.into_iter().filter_map(Uid::new).collect();
        let runs: Vec<Sequence> = uids.ranges().map(|(first, last)| {
            let (first, last) = (nz(first.get()), nz(last.get()));
            if first == last { Sequence::Single(first.into()) } else { Sequence::Range(first.into(), last.into()) }
        }).collect();
        let known_uids = SequenceSet::try_from(runs).unwrap();
        let wanted = codec(Data::Vanished { earlier: false, known_uids });
        prop_assert_eq!(written(|out| vanished(out, &uids)), wanted);
    }

    #[test]
    fn an_internal_date_is_the_codecs(seconds in -62_000_000_000_i64..250_000_000_000, minutes in -14 * 60..14 * 60) {
        let offset = FixedOffset::east_opt(minutes * 60).unwrap();
        let date: DateTime<FixedOffset> = offset.timestamp_opt(seconds, 0).unwrap();
        let item = MessageDataItem::InternalDate(date.try_into().unwrap());
        let wanted = codec(Data::Fetch { seq: nz(1), items: vec![item].try_into().unwrap() });
        let ours = written(|out| {
            fetch_begin(out, RowOf::Seq(SeqNum::MIN));
            out.extend_from_slice(b"INTERNALDATE ");
            internal_date(out, &date);
            fetch_end(out);
        });
        prop_assert_eq!(ours, wanted);
    }

    #[test]
    fn a_list_row_is_the_codecs(name in "[a-zA-Z0-9 ./\"\\\\_-]{1,30}") {
        prop_assume!(!name.eq_ignore_ascii_case("NIL")); // the codec writes that one as if there were no name
        let wanted = codec(Data::List {
            items: vec![FlagNameAttribute::from(Atom::try_from("HasChildren").unwrap())],
            delimiter: Some(QuotedChar::try_from('/').unwrap()),
            mailbox: Mailbox::try_from(name.clone()).unwrap(),
        });
        let name = imap_backend::MailboxName::new(&name).unwrap();
        let naming = Naming { delimiter: '/', form: NameForm::ModifiedUtf7 };
        prop_assert_eq!(written(|out| list(out, "LIST", &["\\HasChildren"], naming, &name)), wanted);
    }

    #[test]
    fn a_status_row_is_the_codecs(messages: u32, validity in 1_u32..) {
        let items = vec![StatusDataItem::Messages(messages), StatusDataItem::UidValidity(nz(validity))];
        let wanted = codec(Data::Status { mailbox: Mailbox::Inbox, items: Cow::Owned(items) });
        let ours = written(|out| {
            let items = [("MESSAGES", messages), ("UIDVALIDITY", validity)];
            let items = items.into_iter().map(|(item, value)| (item, Figure::Number(value.into())));
            mailbox_status(out, &imap_backend::MailboxName::inbox(), NameForm::ModifiedUtf7, items);
        });
        prop_assert_eq!(ours, wanted);
    }

    #[test]
    fn an_envelope_is_the_codecs(octets in mail()) {
        let message = Message::parse(&octets);
        let ours = message.envelope();
        let text = |octets: &Option<Cow<'_, [u8]>>| NString::try_from_option(octets);
        let list = |list: &[imap_message::Address<'_>]| list.iter().map(|address| Address {
            name: text(&address.name),
            adl: text(&address.route),
            mailbox: text(&address.mailbox),
            host: text(&address.host),
        }).collect::<Vec<_>>();
        let envelope_of_codec = Envelope {
            date: text(&ours.date),
            subject: text(&ours.subject),
            from: list(&ours.from),
            sender: list(ours.sender()),
            reply_to: list(ours.reply_to()),
            to: list(&ours.to),
            cc: list(&ours.cc),
            bcc: list(&ours.bcc),
            in_reply_to: text(&ours.in_reply_to),
            message_id: text(&ours.message_id),
        };
        let item = MessageDataItem::Envelope(envelope_of_codec);
        let wanted = codec(Data::Fetch { seq: nz(1), items: vec![item].try_into().unwrap() });
        prop_assert_eq!(row("ENVELOPE ", |out| envelope(out, &ours)), wanted);
    }

    #[test]
    fn the_codec_reads_every_body_structure(octets in mail()) {
        let structure = Message::parse(&octets).structure();
        for (name, extensions) in [("BODY ", Extensions::LeftOut), ("BODYSTRUCTURE ", Extensions::Written)] {
            let row = row(name, |out| body_structure(out, &structure, extensions));
            let read = ResponseCodec::default().decode(&row);
            prop_assert!(matches!(&read, Ok((b"", _))), "{:?}: {}", read.map(drop), String::from_utf8_lossy(&row));
        }
    }

    #[test]
    fn any_string_comes_back_from_the_codec(octets in prop::collection::vec(any::<u8>(), 0..2000)) {
        let row = row("RFC822.TEXT ", |out| string(out, &octets));
        let (rest, response) = ResponseCodec::default().decode(&row).unwrap();
        prop_assert!(rest.is_empty());
        let Response::Data(Data::Fetch { items, .. }) = response else { panic!("no FETCH") };
        let MessageDataItem::Rfc822Text(text) = &items.as_ref()[0] else { panic!("no RFC822.TEXT") };
        let without_nul: Vec<u8> = octets.iter().map(|&octet| if octet == 0 { 0x80 } else { octet }).collect();
        prop_assert_eq!(text.clone().into_option().unwrap().into_owned(), without_nul);
    }
}

fn row(name: &str, write: impl FnOnce(&mut Vec<u8>)) -> Vec<u8> {
    written(|out| {
        fetch_begin(out, RowOf::Seq(SeqNum::MIN));
        out.extend_from_slice(name.as_bytes());
        write(out);
        fetch_end(out);
    })
}

trait OrNil<'a>: Sized {
    fn try_from_option(octets: &Option<Cow<'_, [u8]>>) -> Self;
}

impl OrNil<'_> for NString<'_> {
    fn try_from_option(octets: &Option<Cow<'_, [u8]>>) -> Self {
        match octets {
            None => Self::NIL,
            Some(octets) => Self::try_from(octets.to_vec()).unwrap(),
        }
    }
}

/// Messages made of the lines that matter to ENVELOPE and BODYSTRUCTURE, in any order and nested by chance.
fn mail() -> impl Strategy<Value = Vec<u8>> {
    let lines: Vec<&'static [u8]> = vec![
        b"From: \"A \\\"B\\\" C\" <a@example.org>",
        b"To: x@y, group: p@q, r@s;, z",
        b"Cc: =?utf-8?q?=C3=A4?= <u@v>",
        b"Subject: a \"quoted\" \\ subject",
        b"Subject: \xc3\xa4\xff",
        b"Date: Mon, 1 Jan 2024 00:00:00 +0000",
        b"In-Reply-To: <1@x>",
        b"Message-ID: <2@x>",
        b"Sender: s@t",
        b"Reply-To: <@r1,@r2:r@t>",
        b"Bcc:",
        b"Content-Type: text/plain; charset=utf-8; format=flowed",
        b"Content-Type: multipart/mixed; boundary=b",
        b"Content-Type: multipart/alternative; boundary=\"c\"",
        b"Content-Type: message/rfc822",
        b"Content-Type: application/octet-stream; name=\"a\\\"b\"",
        b"Content-Transfer-Encoding: base64",
        b"Content-Disposition: attachment; filename=\"x y\"",
        b"Content-Language: de, en",
        b"Content-Location: u",
        b"Content-ID: <id>",
        b"Content-Description: d",
        b"Content-MD5: Q2hlY2s=",
        b"",
        b"--b",
        b"--b--",
        b"--c",
        b"--c--",
        b"body line",
        b" folded",
    ];
    prop::collection::vec(prop::sample::select(lines), 0..30).prop_map(|lines| {
        lines
            .into_iter()
            .flat_map(|line| [line, b"\r\n".as_slice()].concat())
            .collect()
    })
}

#[test]
fn c6_message_global_is_a_basic_body_for_imap4rev1() {
    let octets = b"Content-Type: message/global\r\n\r\nSubject: inner\r\n\r\ntext that is 37 long.\r\n";
    let structure = Message::parse(octets);
    let line = written(|out| body_structure(out, &structure.structure(), Extensions::Written));
    assert_eq!(
        String::from_utf8(line).unwrap(),
        "(\"message\" \"global\" NIL NIL NIL \"7BIT\" 41 NIL NIL NIL NIL)"
    );
}
