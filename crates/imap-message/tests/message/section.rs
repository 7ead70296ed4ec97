use crate::support::{crlf, fetch};

/// The message that RFC 3501 section 6.4.5 numbers the parts of.
fn rfc_example() -> Vec<u8> {
    crlf(concat!(
        "Subject: example\nContent-Type: multipart/mixed; boundary=a\n\npreamble\n",
        "--a\nContent-Type: text/plain\n\none\n",
        "--a\nContent-Type: application/octet-stream\n\ntwo\n",
        "--a\nContent-Type: message/rfc822\n\n",
        "Subject: three\nContent-Type: multipart/mixed; boundary=b\n\n",
        "--b\nContent-Type: text/plain\n\nthree.one\n",
        "--b\nContent-Type: application/octet-stream\n\nthree.two\n",
        "--b--\n",
        "--a\nContent-Type: multipart/mixed; boundary=c\n\n",
        "--c\nContent-Type: image/gif\n\nfour.one\n",
        "--c\nContent-Type: message/rfc822\n\n",
        "Subject: four.two\nContent-Type: multipart/mixed; boundary=d\n\n",
        "--d\n\nfour.two.one\n",
        "--d\nContent-Type: multipart/alternative; boundary=e\n\n",
        "--e\n\nfour.two.two.one\n",
        "--e\nContent-Type: text/richtext\n\nfour.two.two.two\n",
        "--e--\n--d--\n--c--\n--a--\nepilogue\n"
    ))
}

#[test]
fn rfc3501_6_4_5_every_part_of_the_example_has_its_number() {
    let message = rfc_example();
    let body = |section: &str| fetch(&message, section);
    assert_eq!(body("1").as_deref(), Some("one"));
    assert_eq!(body("2").as_deref(), Some("two"));
    assert_eq!(body("3.1").as_deref(), Some("three.one"));
    assert_eq!(body("3.2").as_deref(), Some("three.two"));
    assert_eq!(body("4.1").as_deref(), Some("four.one"));
    assert_eq!(
        body("4.1.MIME").as_deref(),
        Some("Content-Type: image/gif\r\n\r\n")
    );
    assert_eq!(body("4.2.1").as_deref(), Some("four.two.one"));
    assert_eq!(body("4.2.2.1").as_deref(), Some("four.two.two.one"));
    assert_eq!(body("4.2.2.2").as_deref(), Some("four.two.two.two"));
    assert_eq!(
        body("3.HEADER").as_deref(),
        Some("Subject: three\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n")
    );
    assert_eq!(
        body("4.2.HEADER.FIELDS subject").as_deref(),
        Some("Subject: four.two\r\n\r\n")
    );
    assert!(body("4").unwrap().starts_with("--c\r\n") && body("4").unwrap().ends_with("--c--"));
    assert!(body("3.TEXT").unwrap().starts_with("--b\r\n") && body("3.TEXT").unwrap().ends_with("--b--"));
    assert_eq!(
        body("3").unwrap(),
        body("3.HEADER").unwrap() + &body("3.TEXT").unwrap()
    );
    assert!(
        body("TEXT").unwrap().starts_with("preamble\r\n") && body("TEXT").unwrap().ends_with("epilogue\r\n")
    );
}

#[test]
fn a_part_that_does_not_exist_is_none() {
    let message = rfc_example();
    for section in [
        "5",
        "1.1",
        "1.2",
        "3.3",
        "4.1.1",
        "4.2.3",
        "4.2.2.2.1",
        "1.HEADER",
        "1.TEXT",
        "4.HEADER",
        "4.TEXT",
        "5.MIME",
        "MIME",
    ] {
        assert_eq!(fetch(&message, section), None, "{section}");
    }
}

#[test]
fn rfc3501_6_4_5_every_message_has_at_least_one_part() {
    let message = crlf("Subject: x\n\nbody\n");
    assert_eq!(fetch(&message, "1").as_deref(), Some("body\r\n"));
    assert_eq!(fetch(&message, "1.MIME").as_deref(), Some("Subject: x\r\n\r\n"));
    for section in ["2", "1.1", "1.HEADER", "1.TEXT"] {
        assert_eq!(fetch(&message, section), None, "{section}");
    }
}

#[test]
fn rfc3501_6_4_5_a_message_inside_a_message_that_is_no_multipart_has_part_one() {
    let message = crlf("Content-Type: message/rfc822\n\nSubject: in\n\nbody\n");
    assert_eq!(
        fetch(&message, "1").as_deref(),
        Some("Subject: in\r\n\r\nbody\r\n")
    );
    assert_eq!(
        fetch(&message, "1.HEADER").as_deref(),
        Some("Subject: in\r\n\r\n")
    );
    assert_eq!(fetch(&message, "1.TEXT").as_deref(), Some("body\r\n"));
    assert_eq!(fetch(&message, "1.1").as_deref(), Some("body\r\n"));
    assert_eq!(
        fetch(&message, "1.1.MIME").as_deref(),
        Some("Subject: in\r\n\r\n")
    );
    assert_eq!(fetch(&message, "1.1.1"), None);
    assert_eq!(fetch(&message, "1.2"), None);
}

#[test]
fn rfc3501_6_4_5_header_fields_keep_the_message_order_and_end_with_the_blank_line() {
    let message = crlf("Date: d\nSubject: one\n two\nX-A: a\nsubject: again\nTo : t\n\nbody");
    let fields = |section: &str| fetch(&message, section).unwrap();
    assert_eq!(
        fields("HEADER.FIELDS SUBJECT to nosuch"),
        "Subject: one\r\n two\r\nsubject: again\r\nTo : t\r\n\r\n"
    );
    assert_eq!(
        fields("HEADER.FIELDS.NOT SUBJECT to"),
        "Date: d\r\nX-A: a\r\n\r\n"
    );
    assert_eq!(fields("HEADER.FIELDS nosuch"), "\r\n");
    assert_eq!(fields("HEADER.FIELDS.NOT nosuch"), fields("HEADER"));
}

#[test]
fn rfc3501_6_4_5_a_message_without_body_and_blank_line_gets_no_blank_line() {
    let message = crlf("Date: d\nSubject: s\n");
    assert_eq!(
        fetch(&message, "HEADER").as_deref(),
        Some("Date: d\r\nSubject: s\r\n")
    );
    assert_eq!(
        fetch(&message, "HEADER.FIELDS date").as_deref(),
        Some("Date: d\r\n")
    );
    assert_eq!(fetch(&message, "TEXT").as_deref(), Some(""));
    assert_eq!(fetch(&message, "1").as_deref(), Some(""));
}

#[test]
fn lines_that_are_no_field_belong_to_the_header_and_to_no_name() {
    let message = crlf("From joe Mon Jan 1 10:00:00 2001\nno colon\n: no name\nSubject: s\n\nbody");
    assert_eq!(
        fetch(&message, "HEADER.FIELDS Subject From").as_deref(),
        Some("Subject: s\r\n\r\n")
    );
    assert_eq!(
        fetch(&message, "HEADER.FIELDS.NOT Subject From").as_deref(),
        Some("From joe Mon Jan 1 10:00:00 2001\r\nno colon\r\n: no name\r\n\r\n")
    );
}

#[test]
fn a_line_of_white_space_continues_the_header() {
    let message = crlf("X-A: a\n \nSubject: s\n\nbody");
    assert_eq!(fetch(&message, "TEXT").as_deref(), Some("body"));
    assert_eq!(
        fetch(&message, "HEADER.FIELDS x-a").as_deref(),
        Some("X-A: a\r\n \r\n\r\n")
    );
}

#[test]
fn rfc2046_5_1_1_the_line_end_before_a_boundary_belongs_to_the_boundary() {
    let message = crlf("Content-Type: multipart/mixed; boundary=x\n\n--x\n\n\n--x\n\na\n\n--x\n\n--x\n--x--");
    assert_eq!(fetch(&message, "1").as_deref(), Some(""));
    assert_eq!(fetch(&message, "2").as_deref(), Some("a\r\n"));
    assert_eq!(fetch(&message, "3").as_deref(), Some(""));
    assert_eq!(fetch(&message, "3.MIME").as_deref(), Some("\r\n"));
    assert_eq!(fetch(&message, "4").as_deref(), Some(""));
    assert_eq!(fetch(&message, "4.MIME").as_deref(), Some(""));
    assert_eq!(fetch(&message, "5"), None);
}

#[test]
fn a_message_part_whose_header_a_boundary_cuts_off_is_header_and_text_together() {
    for cut in [
        "--x\nContent-Type: message/rfc822\n--x--",
        "--x\nContent-Type: message/rfc822\n\n--x--",
        "--x\nContent-Type: message/rfc822\n\nSubject: s\n--x--",
        "--x\nContent-Type: message/rfc822\n\nSubject: s\n\n--x--",
    ] {
        let message = crlf(&format!("Content-Type: multipart/mixed; boundary=x\n\n{cut}"));
        let body = fetch(&message, "1").unwrap();
        assert_eq!(
            fetch(&message, "1.HEADER").unwrap() + &fetch(&message, "1.TEXT").unwrap(),
            body,
            "{cut}"
        );
    }
}

#[test]
fn rfc2046_5_1_1_only_the_whole_line_is_a_boundary() {
    let message = crlf(
        "Content-Type: multipart/mixed; boundary=abc\n\n--abc \t\n\n--abcd\n--ab\n --abc\nx--abc\n--abc-\n--abc--  \n--abc\n\nno part\n",
    );
    assert_eq!(
        fetch(&message, "1").as_deref(),
        Some("--abcd\r\n--ab\r\n --abc\r\nx--abc\r\n--abc-")
    );
    assert_eq!(fetch(&message, "2"), None);
}

#[test]
fn rfc2046_5_1_2_an_outer_boundary_ends_inner_parts() {
    let message = crlf(concat!(
        "Content-Type: multipart/mixed; boundary=o\n\n",
        "--o\nContent-Type: multipart/mixed; boundary=i\n\n--i\n\nfirst\n",
        "--o\n\nsecond\n--i\n--o--\n"
    ));
    assert_eq!(fetch(&message, "1.1").as_deref(), Some("first"));
    assert_eq!(fetch(&message, "2").as_deref(), Some("second\r\n--i"));
}

#[test]
fn an_unterminated_multipart_ends_with_the_message() {
    let message = crlf("Content-Type: multipart/mixed; boundary=x\n\n--x\n\na\n--x\n\nb\n");
    assert_eq!(fetch(&message, "2").as_deref(), Some("b\r\n"));
}

#[test]
fn an_empty_message_has_empty_sections() {
    for section in [
        "",
        "HEADER",
        "TEXT",
        "1",
        "1.MIME",
        "HEADER.FIELDS a",
        "HEADER.FIELDS.NOT a",
    ] {
        assert_eq!(fetch(b"", section).as_deref(), Some(""), "{section}");
    }
}
