//! The day and the moment of a `Date:` field.

use chrono::{DateTime, NaiveDate, NaiveTime, TimeDelta, Utc};

use crate::cursor::Cursor;
use crate::header::{is_space, trim_end};

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

/// The moment: the day with the time and the zone that are written there (RFC 5256 section 2.2). A time that cannot be read
/// is midnight, a zone that cannot be read is UTC.
pub(crate) fn parse_moment(value: &[u8]) -> Option<DateTime<Utc>> {
    let day = parse_day(value)?;
    let (time, zone) = time_and_zone(value).unwrap_or_default();
    let moment = day.and_time(time);
    Some(moment.checked_sub_signed(zone).unwrap_or(moment).and_utc())
}

/// The first time of day outside comments, and how far the zone behind it is ahead of UTC.
fn time_and_zone(value: &[u8]) -> Option<(NaiveTime, TimeDelta)> {
    let mut cursor = Cursor::new(value);
    loop {
        let before = cursor.take_while(|octet| !b"(:".contains(&octet));
        match cursor.peek()? {
            b'(' => drop(cursor.comment()),
            _ => {
                let before = trim_end(before);
                let digits = before
                    .iter()
                    .rev()
                    .take_while(|octet| octet.is_ascii_digit())
                    .count();
                let hour = &before[before.len() - digits..];
                return time_and_zone_from(hour, &mut cursor);
            }
        }
    }
}

/// From the first colon on.
fn time_and_zone_from(hour: &[u8], cursor: &mut Cursor<'_>) -> Option<(NaiveTime, TimeDelta)> {
    let minute = behind_colon(cursor)?;
    let second = behind_colon(cursor).unwrap_or(0);
    let time = two_digits(hour).and_then(|hour| NaiveTime::from_hms_opt(hour, minute, second.min(59)));
    if cursor.eat(b'.').is_some() {
        cursor.take_while(|octet| octet.is_ascii_digit());
    }
    cursor.skip_comments();
    let ends = |octet: u8| is_space(octet) || octet == b'(';
    let zone = zone(cursor.take_while(|octet| !ends(octet)));
    Some((time?, zone.unwrap_or_default()))
}

fn behind_colon(cursor: &mut Cursor<'_>) -> Option<u32> {
    cursor.skip_comments();
    cursor.eat(b':')?;
    cursor.skip_comments();
    let number = two_digits(cursor.take_while(|octet| octet.is_ascii_digit()));
    let mut ahead = cursor.clone();
    ahead.skip_comments();
    if ahead.peek() == Some(b':') {
        *cursor = ahead;
    }
    number
}

fn two_digits(digits: &[u8]) -> Option<u32> {
    number(digits).filter(|_| digits.len() <= 2)
}

/// `+hhmm`, also with a colon, or a name of RFC 5322 section 4.3. The other letters and names say nothing.
fn zone(word: &[u8]) -> Option<TimeDelta> {
    let (sign, digits) = match word.split_first()? {
        (b'+', digits) => (1, digits),
        (b'-', digits) => (-1, digits),
        _ => {
            let hours = match word.to_ascii_uppercase().as_slice() {
                b"EDT" => -4,
                b"EST" | b"CDT" => -5,
                b"CST" | b"MDT" => -6,
                b"MST" | b"PDT" => -7,
                b"PST" => -8,
                _ => 0,
            };
            return Some(TimeDelta::hours(hours));
        }
    };
    let digits: Vec<u8> = digits
        .iter()
        .copied()
        .filter(|&octet| octet != b':')
        .take(5)
        .collect();
    let (hours, minutes) = digits.split_at_checked(2).filter(|_| digits.len() == 4)?;
    let (hours, minutes) = (
        two_digits(hours)?,
        two_digits(minutes).filter(|&minutes| minutes < 60)?,
    );
    Some(TimeDelta::minutes(
        sign * (i64::from(hours) * 60 + i64::from(minutes)),
    ))
}
