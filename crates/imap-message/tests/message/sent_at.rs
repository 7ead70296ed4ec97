//! The sent date (RFC 5256 section 2.2), and the other values that SORT reads of a summary.

use imap_message::{AddressField, Summary};

fn sent(value: &str) -> Option<String> {
    let summary = Summary::of(format!("Date: {value}\r\n\r\n").as_bytes());
    summary
        .header()
        .sent_at()
        .map(|at| at.format("%Y-%m-%dT%H:%M:%S").to_string())
}

#[test]
fn rfc5256_2_2_the_sent_date_is_the_moment_in_utc() {
    for (value, moment) in [
        ("31 Dec 2000 16:01:33 -0800", "2001-01-01T00:01:33"),
        ("Mon, 1 Jan 2001 00:01:33 +0000", "2001-01-01T00:01:33"),
        ("Mon, 1 Jan 2001 02:31 +0230", "2001-01-01T00:01:00"),
        ("1 Jan 2001 10:00:00 EST", "2001-01-01T15:00:00"),
        ("1 Jan 2001 10:00:00 pdt (comment 11:00)", "2001-01-01T17:00:00"),
        ("1 Jan 2001 (at 9:00) 10 : 00 : 01 +0100", "2001-01-01T09:00:01"),
        ("Mon Jan  1 10:00:00 2001", "2001-01-01T10:00:00"),
        ("Mon Jan 1 10:00:00 PST 2001", "2001-01-01T18:00:00"),
        ("2003-07-01T10:00:00.25+02:00", "2003-07-01T08:00:00"),
        ("2003-07-01T10:00:00Z", "2003-07-01T10:00:00"),
        ("31 Dec 2016 23:59:60 +0000", "2016-12-31T23:59:59"),
    ] {
        assert_eq!(sent(value).as_deref(), Some(moment), "{value}");
    }
}

#[test]
fn rfc5256_2_2_a_zone_that_is_invalid_is_utc_and_a_time_that_is_invalid_is_midnight() {
    for (value, moment) in [
        ("1 Jan 2001 10:00:00 +9", "2001-01-01T10:00:00"),
        ("1 Jan 2001 10:00:00 +01000", "2001-01-01T10:00:00"),
        ("1 Jan 2001 10:00:00 Q", "2001-01-01T10:00:00"),
        ("1 Jan 2001 10:00:00", "2001-01-01T10:00:00"),
        ("1 Jan 2001 25:00:00 +0000", "2001-01-01T00:00:00"),
        ("1 Jan 2001 010:00", "2001-01-01T00:00:00"),
        ("1 Jan 2001", "2001-01-01T00:00:00"),
    ] {
        assert_eq!(sent(value).as_deref(), Some(moment), "{value}");
    }
    assert_eq!(sent("yesterday"), None);
}

fn summary(header: &str) -> Summary {
    Summary::of(format!("{header}\r\n\r\n").as_bytes())
}

#[test]
fn rfc5256_3_sort_the_first_address_counts_by_its_mailbox() {
    let summary = summary("From: Joe <joe@b>, ann@a\r\nTo: =?x\r\nTo: friends: x@y;\r\nCc:\r\nCc: \"c d\"@e");
    assert_eq!(summary.header().first_mailbox(AddressField::From), "joe");
    assert_eq!(summary.header().first_mailbox(AddressField::To), "=?x");
    assert_eq!(summary.header().first_mailbox(AddressField::Cc), "c d");
    assert_eq!(
        self::summary("To: friends: x@y;")
            .header()
            .first_mailbox(AddressField::To),
        "friends"
    );
    assert_eq!(self::summary("X: y").header().first_mailbox(AddressField::To), "");
}

#[test]
fn rfc5957_3_the_display_name_counts_or_the_address() {
    for (from, display) in [
        ("=?utf-8?q?J=C3=B6?= <joe@example.org>, x@y", "J\u{f6}"),
        ("\"\" <joe@example.org>", "joe@example.org"),
        ("=?utf-8?q??= <joe@example.org>", "joe@example.org"),
        ("joe@example.org (Joe)", "Joe"),
        ("joe@example.org", "joe@example.org"),
        ("friends: joe@example.org;", "friends"),
        ("", ""),
    ] {
        let summary = summary(&format!("From: {from}"));
        assert_eq!(
            summary.header().first_display(AddressField::From),
            display,
            "{from}"
        );
    }
}

#[test]
fn rfc5256_3_references_come_from_references_or_else_the_first_of_in_reply_to() {
    let ids = |header: &str| -> Vec<String> {
        let summary = summary(header);
        let text = |id: std::borrow::Cow<'_, [u8]>| String::from_utf8_lossy(&id).into_owned();
        summary.header().ancestors().map(text).collect()
    };
    assert_eq!(
        ids("References: <a@x>\r\n <b@x>\r\nIn-Reply-To: <c@x>"),
        ["a@x", "b@x"]
    );
    assert_eq!(
        ids("References: none\r\nIn-Reply-To: your mail <c@x> <joe@x>"),
        ["c@x"]
    );
    assert_eq!(ids("In-Reply-To: your mail"), [""; 0]);
}
