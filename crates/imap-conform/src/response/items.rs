//! The items of FETCH that come by the thousands: whether they have their form is seen here, in a tenth of the time that a second
//! opinion takes.

use crate::wire::value::{Value, is_word};

/// Whether name and value, in turns, are right; `None` where an item is among them that is not known here.
pub(super) fn are_right(items: &[Value<'_>]) -> Option<bool> {
    let mut is_right = items.len().is_multiple_of(2);
    for pair in items.chunks_exact(2) {
        is_right &= is_right_item(pair[0].atom()?, &pair[1])?;
    }
    Some(is_right)
}

fn is_right_item(name: &str, value: &Value<'_>) -> Option<bool> {
    let is = |other: &str| is_word(name, other);
    Some(match () {
        () if is("UID") => value.number::<u32>().is_some(),
        () if is("FLAGS") => value
            .list()
            .is_some_and(|flags| flags.iter().all(|flag| flag.atom().is_some())),
        () if is("MODSEQ") => {
            matches!(value.list(), Some([modseq]) if modseq.number::<u64>().is_some())
        }
        () if is("RFC822.SIZE") => value.number::<u64>().is_some(),
        () if is("INTERNALDATE") => match value {
            Value::Quoted(date) if is_date(date) => true,
            _ => return None,
        },
        () if is("ENVELOPE") => is_envelope(value.list()?),
        () if is_body(name) => is_nstring(value),
        () => return None,
    })
}

/// The sections of a body that clients ask for; others have more to be wrong.
fn is_body(name: &str) -> bool {
    const FIELDS: &str = "BODY[HEADER.FIELDS (";
    let name = name.split_once('<').map_or(name, |(name, _)| name);
    let is = |other: &&str| is_word(name, other);
    let has_fields = |name: &str| {
        name.get(..FIELDS.len())
            .is_some_and(|start| start.eq_ignore_ascii_case(FIELDS))
    };
    ["BODY[]", "BODY[HEADER]", "BODY[TEXT]"].iter().any(is) || (has_fields(name) && name.ends_with(")]"))
}

fn is_nstring(value: &Value<'_>) -> bool {
    match value {
        Value::Atom(atom) => is_word(atom, "NIL"),
        Value::Quoted(_) | Value::Literal { .. } => true,
        Value::List(_) => false,
    }
}

/// Date, subject, six lists of addresses, In-Reply-To, Message-ID.
fn is_envelope(fields: &[Value<'_>]) -> bool {
    let [date, subject, addresses @ .., in_reply_to, message_id] = fields else {
        return false;
    };
    addresses.len() == 6
        && [date, subject, in_reply_to, message_id]
            .into_iter()
            .all(is_nstring)
        && addresses.iter().all(are_addresses)
}

fn are_addresses(value: &Value<'_>) -> bool {
    let Some(addresses) = value.list() else {
        return matches!(value, Value::Atom(_)) && is_nstring(value);
    };
    let is_address = |address: &Value<'_>| {
        address
            .list()
            .is_some_and(|parts| parts.len() == 4 && parts.iter().all(is_nstring))
    };
    !addresses.is_empty() && addresses.iter().all(is_address)
}

const MONTHS: [&[u8]; 12] = [
    b"Jan", b"Feb", b"Mar", b"Apr", b"May", b"Jun", b"Jul", b"Aug", b"Sep", b"Oct", b"Nov", b"Dec",
];

/// `17-Jul-1996 02:44:25 -0700`, surely; where it is not sure, others are asked.
fn is_date(date: &[u8]) -> bool {
    const FORM: &[u8] = b"01-Mon-0000 00:00:00 +0000";
    let fits = |(at, (octet, form)): (usize, (&u8, &u8))| match form {
        b'0' | b'1' => octet.is_ascii_digit() || (at == 0 && *octet == b' '),
        b'+' => matches!(octet, b'+' | b'-'),
        b'M' | b'o' | b'n' => octet.is_ascii_alphabetic(),
        _ => octet == form,
    };
    let number = |at: usize| 10 * u32::from(date[at] & 15) + u32::from(date[at + 1] & 15);
    date.len() == FORM.len()
        && date.iter().zip(FORM).enumerate().all(fits)
        && MONTHS.contains(&&date[3..6])
        && (1..=28).contains(&number(0))
        && number(12) < 24
        && number(15) < 60
        && number(18) < 60
        && number(22) < 14
        && number(24) < 60
}

#[cfg(test)]
mod tests {
    use super::are_right;
    use crate::wire::value::Reader;

    /// What the codec says has to be what is said here.
    #[test]
    fn what_is_right_or_wrong_here_is_so_for_the_codec() {
        use imap_codec::decode::Decoder as _;
        let envelope =
            |addresses: &str| format!("ENVELOPE (NIL \"s\" {addresses} NIL NIL NIL NIL NIL \"<a@b>\" nil)");
        for (items, wanted) in [
            ("UID 7 FLAGS (\\Seen a) MODSEQ (9)".to_owned(), true),
            ("UID x".to_owned(), false),
            ("FLAGS \\Seen".to_owned(), false),
            ("MODSEQ 9".to_owned(), false),
            ("MODSEQ (x)".to_owned(), false),
            ("RFC822.SIZE 12".to_owned(), true),
            ("RFC822.SIZE NIL".to_owned(), false),
            ("INTERNALDATE \"17-Jul-1996 02:44:25 -0700\"".to_owned(), true),
            ("INTERNALDATE \" 1-Jan-2024 00:00:00 +0000\"".to_owned(), true),
            (envelope("NIL"), true),
            (envelope("((NIL NIL \"a\" \"b\"))"), true),
            (envelope("((NIL NIL \"a\" \"b\")(\"n\" NIL \"c\" \"d\"))"), true),
            (envelope("()"), false),
            (envelope("((NIL NIL \"a\"))"), false),
            (envelope("\"a@b\""), false),
            (envelope("NIL NIL"), false),
            ("ENVELOPE ()".to_owned(), false),
            ("BODY[] \"x\"".to_owned(), true),
            ("BODY[]<0> {1}\r\nx".to_owned(), true),
            ("BODY[HEADER.FIELDS (From To)] NIL".to_owned(), true),
            ("BODY[TEXT] (x)".to_owned(), false),
        ] {
            let (octets, arena) = (format!("({items})"), bumpalo::Bump::new());
            let values = Reader::new(octets.as_bytes(), u64::MAX, &arena).all().unwrap();
            assert_eq!(are_right(values[0].list().unwrap()), Some(wanted), "{items}");
            let response = format!("* 1 FETCH ({items})\r\n");
            let decoded = imap_codec::ResponseCodec::default().decode(response.as_bytes());
            assert_eq!(matches!(decoded, Ok((b"", _))), wanted, "{items}");
        }
    }

    #[test]
    fn of_what_is_not_known_here_others_are_asked() {
        for items in [
            "BODYSTRUCTURE NIL",
            "BODY[1.MIME] NIL",
            "INTERNALDATE \"32-Jul-1996 02:44:25 -0700\"",
            "X-GM-MSGID 1",
        ] {
            let (octets, arena) = (format!("({items})"), bumpalo::Bump::new());
            let values = Reader::new(octets.as_bytes(), u64::MAX, &arena).all().unwrap();
            assert_eq!(are_right(values[0].list().unwrap()), None, "{items}");
        }
    }
}
