//! The day of a `Date:` field.

use chrono::NaiveDate;

use crate::cursor::Cursor;
use crate::header::is_space;

const MONTHS: [&[u8]; 12] = [
    b"jan", b"feb", b"mar", b"apr", b"may", b"jun", b"jul", b"aug", b"sep", b"oct", b"nov", b"dec",
];

/// The date as written, without regard to time and zone, as SENTBEFORE, SENTON and SENTSINCE want it
/// (RFC 3501 section 6.4.4).
///
/// Reads RFC 5322 with its obsolete forms (comments, years of two or three digits), `ctime` (`Mon Jan  1 10:00:00 2001`)
/// and ISO 8601 dates.
pub(crate) fn parse_day(value: &[u8]) -> Option<NaiveDate> {
    let words = words(value);
    let words = match words.as_slice() {
        [weekday, rest @ ..] if is_name(weekday) && month(weekday).is_none() => rest,
        all => all,
    };
    match words {
        // `1 Jan 2003`
        [day, name, year, ..] if month(name).is_some() => date(year_of(year)?, month(name)?, number(day)?),
        // `Jan 1 10:00:00 2003`, with or without a zone before the year
        [name, day, rest @ ..] if month(name).is_some() => {
            let year = rest
                .iter()
                .find(|word| word.len() == 4 && number(word).is_some())?;
            date(year_of(year)?, month(name)?, number(day)?)
        }
        // `2003-07-01`
        [year, month, day, ..] if year.len() == 4 => {
            let day = day.split(|octet| octet.eq_ignore_ascii_case(&b't')).next()?;
            date(year_of(year)?, number(month)?, number(day)?)
        }
        _ => None,
    }
}

/// The first words of the value. Day, month and year are among them whatever the form.
fn words(value: &[u8]) -> Vec<&[u8]> {
    const ENOUGH: usize = 8;
    let separates = |octet: u8| is_space(octet) || matches!(octet, b',' | b'-');
    let mut cursor = Cursor::new(value);
    let mut words = Vec::with_capacity(ENOUGH);
    while words.len() < ENOUGH {
        cursor.take_while(separates);
        match cursor.peek() {
            None => break,
            Some(b'(') => drop(cursor.comment()),
            Some(_) => words.push(cursor.take_while(|octet| !separates(octet) && octet != b'(')),
        }
    }
    words
}

fn date(year: i32, month: u32, day: u32) -> Option<NaiveDate> {
    NaiveDate::from_ymd_opt(year, month, day)
}

fn is_name(word: &[u8]) -> bool {
    word.iter()
        .all(|octet| octet.is_ascii_alphabetic() || *octet == b'.')
}

fn month(word: &[u8]) -> Option<u32> {
    let start = word.get(..3).filter(|_| is_name(word))?;
    let index = MONTHS.iter().position(|name| name.eq_ignore_ascii_case(start))?;
    u32::try_from(index + 1).ok()
}

fn number(word: &[u8]) -> Option<u32> {
    if word.is_empty() || word.len() > 4 || !word.iter().all(u8::is_ascii_digit) {
        return None;
    }
    std::str::from_utf8(word).ok()?.parse().ok()
}

/// Years of two and three digits as RFC 5322 section 4.3 reads them.
fn year_of(word: &[u8]) -> Option<i32> {
    let year = i32::try_from(number(word)?).ok()?;
    match word.len() {
        2 if year < 50 => Some(year + 2000),
        2 | 3 => Some(year + 1900),
        4 => Some(year),
        _ => None,
    }
}
