use imap_message::MessageIds;

fn ids(value: &str) -> Vec<String> {
    let text = |id: std::borrow::Cow<'_, [u8]>| String::from_utf8_lossy(&id).into_owned();
    MessageIds::new(value.as_bytes()).map(text).collect()
}

#[test]
fn rfc5256_3_an_id_is_the_same_however_it_is_quoted() {
    for value in [
        "<01KF8JCEOCBS0045PS@xxx.yyy.com>",
        "<\"01KF8JCEOCBS0045PS\"@xxx.yyy.com>",
        "< 01KF8JCEOCBS0045PS @ xxx.yyy.com >",
        "<\"01KF8JCEOCBS\\0045PS\"@xxx.yyy.com>",
        "<01KF8JCEOCBS0045PS\r\n @xxx.yyy.com>",
    ] {
        assert_eq!(ids(value), ["01KF8JCEOCBS0045PS@xxx.yyy.com"], "{value}");
    }
    assert_ne!(ids("<a@X>"), ids("<a@x>"));
}

#[test]
fn rfc5322_4_5_4_words_between_ids_and_pieces_of_ids_are_passed_over() {
    assert_eq!(
        ids("Message of 1 May <a@b> \"c\" <c@d> joe@example.org"),
        ["a@b", "c@d"]
    );
    assert_eq!(ids("<a@b><c@[192.0.2.1]>"), ["a@b", "c@[192.0.2.1]"]);
    for value in [
        "", "<>", "<a>", "<a@>", "<@b>", "<a@b", "a@b", "<a@b@c>", "<a(x)@b>", "<\"a@b>",
    ] {
        assert_eq!(ids(value), [""; 0], "{value}");
    }
    assert_eq!(ids("<a <b <c@d>"), ["c@d"]);
}

/// A search that began anew at each `<` and read to the end would not be over.
#[test]
fn many_beginnings_of_ids_are_read_once() {
    for unit in [
        "<", "<a", "<\"", "<\"\\\"", "<(", "<[", "<a@", "<a@b ", "<a.", "< ",
    ] {
        let value = unit.repeat(4_000_000 / unit.len());
        assert!(ids(&value).is_empty(), "{unit}");
    }
}
