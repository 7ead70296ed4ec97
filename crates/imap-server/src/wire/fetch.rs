//! The items of a FETCH row that are neither strings nor structures.

use chrono::{DateTime, Datelike, FixedOffset, NaiveDate, Timelike};
use imap_updates::{Flag, Flags, Recency};

use super::text::number;

/// `(\Seen \Recent $Forwarded)`.
pub(crate) fn flags(out: &mut Vec<u8>, flags: &Flags, recent: Recency) {
    out.push(b'(');
    let from = out.len();
    for flag in flags.iter() {
        flag_name(out, &flag);
        out.push(b' ');
    }
    if recent == Recency::Recent {
        out.extend_from_slice(b"\\Recent ");
    }
    if out.len() > from {
        out.pop();
    }
    out.push(b')');
}

pub(crate) fn flag_name(out: &mut Vec<u8>, flag: &Flag) {
    out.extend_from_slice(match flag {
        Flag::Answered => b"\\Answered",
        Flag::Flagged => b"\\Flagged",
        Flag::Deleted => b"\\Deleted",
        Flag::Seen => b"\\Seen",
        Flag::Draft => b"\\Draft",
        Flag::Keyword(keyword) => keyword.as_str().as_bytes(),
    });
}

/// `"17-Jul-1996 02:44:25 -0700"` (RFC 9051, section 9: date-time). Of years outside 0 to 9999 it is
/// the first or the last second within.
pub(crate) fn internal_date(out: &mut Vec<u8>, date: &DateTime<FixedOffset>) {
    const MONTHS: &[u8; 36] = b"JanFebMarAprMayJunJulAugSepOctNovDec";
    let date = &within_four_digits(*date);
    let month = date.month0() as usize * 3;
    out.push(b'"');
    two(out, date.day());
    out.push(b'-');
    out.extend_from_slice(&MONTHS[month..month + 3]);
    out.push(b'-');
    let year = date.year().unsigned_abs();
    two(out, year / 100);
    two(out, year % 100);
    out.push(b' ');
    two(out, date.hour());
    out.push(b':');
    two(out, date.minute());
    out.push(b':');
    two(out, date.second());
    out.push(b' ');
    let offset = date.offset().local_minus_utc();
    out.push(if offset < 0 { b'-' } else { b'+' });
    let minutes = offset.unsigned_abs() / 60;
    two(out, minutes / 60);
    two(out, minutes % 60);
    out.push(b'"');
}

/// The date, or the next one whose year can be written: another zone may put the last hours of 9999 into a year with five digits.
fn within_four_digits(date: DateTime<FixedOffset>) -> DateTime<FixedOffset> {
    let edge = match date.year() {
        ..0 => NaiveDate::from_ymd_opt(0, 1, 1).and_then(|day| day.and_hms_opt(0, 0, 0)),
        10_000.. => NaiveDate::from_ymd_opt(9999, 12, 31).and_then(|day| day.and_hms_opt(23, 59, 59)),
        _ => None,
    };
    edge.and_then(|edge| edge.and_local_timezone(*date.offset()).single())
        .unwrap_or(date)
}

fn two(out: &mut Vec<u8>, value: u32) {
    if value < 10 {
        out.push(b'0');
    }
    number(out, value);
}
