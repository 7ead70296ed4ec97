use super::*;
use proptest::prelude::*;

const ONE: &str = "0123456789abcdef0123456789abcdef";
const OTHER: &str = "7888b008e7fa096b8177000083ecc375";

fn guid(digits: &str) -> MailboxGuid {
    MailboxGuid::new(digits).unwrap()
}

fn keys(subject: Subject, digits: &str) -> Keys {
    Keys::new(subject, guid(digits))
}

fn entry(text: &str) -> EntryName {
    EntryName::new(text).unwrap()
}

fn metadata(entries: &[(&str, &[u8])]) -> Metadata {
    let entries = entries.iter();
    entries
        .map(|(name, value)| (entry(name), Bytes::copy_from_slice(value)))
        .collect()
}

/// What Dovecot 2.3.19 wrote after SETMETADATA, where INBOX's identifier is `ONE`.
const OF_DOVECOTS: &[u8] = b"shared/7888b008e7fa096b8177000083ecc375/vendor/kit/x
mixed
priv/0123456789abcdef0123456789abcdef/vendor/vendor.dovecot/pvt/server/comment
server priv
shared/0123456789abcdef0123456789abcdef/comment
two\x01r\x01nlines\x01tt\x011one \xff\xc3\xa9
priv/7888b008e7fa096b8177000083ecc375/b

priv/7888b008e7fa096b8177000083ecc375/odd name \"q
1
priv/0123456789abcdef0123456789abcdef/comment
a \"quoted\" \\ value
";

#[test]
fn what_dovecot_wrote_is_read() {
    let expected = metadata(&[
        ("/private/comment", b"a \"quoted\" \\ value"),
        ("/shared/comment", b"two\r\nlines\tt\x01one \xff\xc3\xa9"),
    ]);
    assert_eq!(keys(Subject::Mailbox, ONE).read(OF_DOVECOTS), expected);
    let expected = metadata(&[("/private/comment", b"server priv")]);
    assert_eq!(keys(Subject::Server, ONE).read(OF_DOVECOTS), expected);
    let expected = metadata(&[
        ("/private/b", b""),
        ("/private/odd name \"q", b"1"),
        ("/shared/vendor/kit/x", b"mixed"),
    ]);
    assert_eq!(keys(Subject::Mailbox, OTHER).read(OF_DOVECOTS), expected);
    assert_eq!(
        keys(Subject::Server, OTHER).read(OF_DOVECOTS),
        Metadata::default()
    );
}

#[test]
fn an_annotation_of_the_server_is_none_of_inbox() {
    let file = keys(Subject::Server, ONE).write(b"", &metadata(&[("/shared/vendor/x", b"1")]));
    let key = format!("shared/{ONE}/vendor/vendor.dovecot/pvt/server/vendor/x\n1\n");
    assert_eq!(file, key.as_bytes());
    assert_eq!(keys(Subject::Mailbox, ONE).read(&file), Metadata::default());
    let of_dovecot = entry("/private/vendor/vendor.dovecot/pvt/server/comment");
    assert!(!Subject::Mailbox.admits(&of_dovecot) && Subject::Server.admits(&of_dovecot));
    assert!(Subject::Mailbox.admits(&entry("/private/vendor/vendor.dovecot/x")));
}

#[test]
fn what_is_not_understood_stays_and_what_is_torn_stays_last() {
    let file = format!(
        "foreign key\n\x01\r\npriv/{ONE}/Mixed/Case\nx\npriv/{ONE}/a\r\n1\r\npriv/{ONE}/a\n2\npriv/{ONE}/torn\nhal"
    );
    let keys = keys(Subject::Mailbox, ONE);
    let read = keys.read(file.as_bytes());
    assert_eq!(read, metadata(&[("/private/a", b"2")]), "the later counts");
    assert_eq!(keys.write(file.as_bytes(), &read), file.as_bytes());
    let written = keys.write(
        file.as_bytes(),
        &metadata(&[("/private/a", b"3"), ("/private/torn", b"")]),
    );
    let expected = format!(
        "foreign key\n\x01\r\npriv/{ONE}/Mixed/Case\nx\npriv/{ONE}/a\n3\npriv/{ONE}/torn\n\npriv/{ONE}/torn\nhal"
    );
    assert_eq!(String::from_utf8(written).unwrap(), expected);
}

#[test]
fn a_mailbox_that_is_gone_takes_along_its_keys_alone() {
    let mut file = OF_DOVECOTS.to_vec();
    file.extend_from_slice(b"lonely\n");
    let left = Keys::forget(guid(ONE), &file).unwrap();
    let expected = b"shared/7888b008e7fa096b8177000083ecc375/vendor/kit/x
mixed
priv/7888b008e7fa096b8177000083ecc375/b

priv/7888b008e7fa096b8177000083ecc375/odd name \"q
1
lonely
";
    assert_eq!(left, expected);
    assert_eq!(Keys::forget(guid(ONE), &left), None);
}

/// As Dovecot reads a file: all lines with an end, unescaped, into a table of keys and values. Written from its description, not
/// from what is tested here.
fn as_dovecot_reads(file: &[u8]) -> BTreeMap<Vec<u8>, Vec<u8>> {
    let mut lines: Vec<Vec<u8>> = file.split(|&octet| octet == b'\n').map(<[u8]>::to_vec).collect();
    lines.pop();
    for line in &mut lines {
        if line.last() == Some(&b'\r') {
            line.pop();
        }
        *line = without_escapes(line);
    }
    let pairs = lines.chunks_exact(2);
    pairs.map(|pair| (pair[0].clone(), pair[1].clone())).collect()
}

fn without_escapes(line: &[u8]) -> Vec<u8> {
    let (mut plain, mut at) = (Vec::new(), 0);
    while at < line.len() {
        let octet = match (line[at], line.get(at + 1)) {
            (1, None) => break,
            (1, Some(letter)) => {
                at += 1;
                match letter {
                    b'0' => 0,
                    b'1' => 1,
                    b't' => 9,
                    b'r' => 13,
                    b'n' => 10,
                    other => *other,
                }
            }
            (octet, _) => octet,
        };
        plain.push(octet);
        at += 1;
    }
    plain
}

/// Keys of two mailboxes and of others, values, and a part of a pair at the end.
fn file() -> impl Strategy<Value = Vec<u8>> {
    let key = prop_oneof![
        "(priv|shared)/(0123456789abcdef0123456789abcdef|7888b008e7fa096b8177000083ecc375)/[abA/]{1,3}",
        "(priv|shared)/0123456789abcdef0123456789abcdef/vendor/vendor.dovecot/pvt/(server/)?[ab]",
        "[a-z/]{0,5}",
    ];
    let value = "[a-c\x01tn\r]{0,5}";
    let tail = prop_oneof![
        Just(String::new()),
        Just("lonely\n".to_owned()),
        Just("k\nv".to_owned())
    ];
    (prop::collection::vec((key, value), 0..8), tail).prop_map(|(pairs, tail)| {
        let lines: String = pairs
            .iter()
            .map(|(key, value)| format!("{key}\n{value}\n"))
            .collect();
        (lines + &tail).into_bytes()
    })
}

fn annotations() -> impl Strategy<Value = Metadata> {
    prop::collection::btree_map("/(private|shared)/[ab]{1,2}", any::<Vec<u8>>(), 0..4).prop_map(|entries| {
        let entries = entries.into_iter();
        entries
            .map(|(name, value)| (entry(&name), value.into()))
            .collect()
    })
}

proptest! {
    #[test]
    fn dovecot_reads_what_was_written_and_of_all_others_what_it_read_before(
        file in file(),
        annotations in annotations(),
        is_server in any::<bool>(),
    ) {
        let (subject, below) = match is_server {
            true => (Subject::Server, "vendor/vendor.dovecot/pvt/server/"),
            false => (Subject::Mailbox, ""),
        };
        let keys = keys(subject, ONE);
        let mut expected = as_dovecot_reads(&file);
        let had = keys.read(&file);
        let dovecots = |name: &EntryName| {
            let text = name.as_str().replacen("/private/", &format!("priv/{ONE}/{below}"), 1);
            text.replacen("/shared/", &format!("shared/{ONE}/{below}"), 1).into_bytes()
        };
        for (name, value) in had.iter() {
            prop_assert_eq!(expected.remove(&dovecots(name)), Some(value.to_vec()));
        }
        for (name, value) in annotations.iter() {
            expected.insert(dovecots(name), value.to_vec());
        }
        let written = keys.write(&file, &annotations);
        prop_assert_eq!(as_dovecot_reads(&written), expected);
        prop_assert_eq!(keys.read(&written), annotations);
        let torn = file.rsplit(|&octet| octet == b'\n').next().unwrap();
        prop_assert!(written.ends_with(torn));
    }
}
