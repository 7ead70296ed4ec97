use imap_message::Message;

fn sent(value: &str) -> Option<String> {
    let message = format!("Date: {value}\r\n\r\n");
    Message::parse(message.as_bytes())
        .sent_date()
        .map(|day| day.to_string())
}

#[test]
fn rfc3501_6_4_4_the_day_is_the_one_written_whatever_time_and_zone() {
    assert_eq!(
        sent("Mon, 1 Jan 2001 23:59:59 -1200").as_deref(),
        Some("2001-01-01")
    );
    assert_eq!(
        sent("Mon, 1 Jan 2001 00:00:00 +1400").as_deref(),
        Some("2001-01-01")
    );
    assert_eq!(sent("31 Dec 1999 23:59:60 +0000").as_deref(), Some("1999-12-31"));
}

#[test]
fn rfc5322_4_3_obsolete_forms_are_read() {
    assert_eq!(sent("Thu, 13 Feb 69 23:32 EST").as_deref(), Some("1969-02-13"));
    assert_eq!(sent("Mon, 05 May 03 10:00:00 PDT").as_deref(), Some("2003-05-05"));
    assert_eq!(sent("1 Jan 103").as_deref(), Some("2003-01-01"));
    assert_eq!(
        sent("Fri(day), 21 (x(y)) Nov 1997 09(comment):   55  :  06 -0600").as_deref(),
        Some("1997-11-21")
    );
    assert_eq!(sent("Fri,\r\n 21\r\n Nov 1997").as_deref(), Some("1997-11-21"));
}

#[test]
fn forms_that_other_programs_write_are_read() {
    assert_eq!(sent("Mon Jan  1 10:00:00 2001").as_deref(), Some("2001-01-01"));
    assert_eq!(sent("Mon Jan 1 10:00:00 CET 2001").as_deref(), Some("2001-01-01"));
    assert_eq!(sent("01-Jan-2001 10:00").as_deref(), Some("2001-01-01"));
    assert_eq!(sent("2003-07-01T10:00:00Z").as_deref(), Some("2003-07-01"));
    assert_eq!(sent("Mon, 1 January 2001").as_deref(), Some("2001-01-01"));
}

#[test]
fn what_is_no_date_is_none() {
    for value in [
        "",
        "yesterday",
        "Tue, 29 Feb 2005 12:00:00 +0000",
        "0 Jan 2001",
        "1 Foo 2001",
        "1 Jan",
        "1 Jan 12345",
        "é",
    ] {
        assert_eq!(sent(value), None, "{value}");
    }
    assert_eq!(Message::parse(b"Subject: x\r\n\r\n").sent_date(), None);
}
