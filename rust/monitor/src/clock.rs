//! Moments as the log and the records write them, and back.

use std::time::{SystemTime, UNIX_EPOCH};

const NANOS: i128 = 1_000_000_000;

/// A moment of the wall clock: nanoseconds since the epoch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Moment(pub i128);

impl Moment {
    /// Now.
    pub fn now() -> Self {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Self(since.as_nanos() as i128)
    }

    /// Whole seconds since the epoch, and the nanoseconds of the second.
    fn split(self) -> (i64, u32) {
        (self.0.div_euclid(NANOS) as i64, self.0.rem_euclid(NANOS) as u32)
    }

    /// `2026-11-24T13:41:16.123456789+00:00` in the local time zone: what conmon writes.
    pub fn local(self) -> String {
        let (seconds, nanos) = self.split();
        let mut text = String::with_capacity(35);
        write_seconds(&mut text, seconds);
        write_rest(&mut text, seconds, nanos, "+00:00");
        text
    }

    /// The same with `Z` for a zone at Greenwich: what `podman logs -t` prints.
    pub fn local_or_z(self) -> String {
        let (seconds, nanos) = self.split();
        let mut text = String::with_capacity(35);
        write_seconds(&mut text, seconds);
        write_rest(&mut text, seconds, nanos, "Z");
        text
    }

    /// Read RFC 3339 text with any number of fractional digits.
    pub fn parse(text: &str) -> Option<Self> {
        let (date, rest) = text.split_at_checked(10)?;
        let rest = rest.strip_prefix(['T', 't', ' '])?;
        let (time, rest) = rest.split_at_checked(8)?;
        let [year, month, day] = numbers(date, '-')?;
        let [hour, minute, second] = numbers(time, ':')?;
        let (nanos, zone) = fraction(rest)?;
        let seconds = days(year, month, day) * 86_400 + hour * 3_600 + minute * 60 + second - offset(zone)?;
        Some(Self(i128::from(seconds) * NANOS + i128::from(nanos)))
    }
}

fn write_seconds(text: &mut String, seconds: i64) {
    use std::fmt::Write;
    let t = libpod_sys::clock::local(seconds);
    let (year, month, day) = (t.year, t.month, t.day);
    let _ = write!(text, "{year:04}-{month:02}-{day:02}T{:02}:{:02}:{:02}", t.hour, t.minute, t.second);
}

fn write_rest(text: &mut String, seconds: i64, nanos: u32, greenwich: &str) {
    use std::fmt::Write;
    let offset_s = libpod_sys::clock::local(seconds).offset_s;
    let _ = write!(text, ".{nanos:09}");
    if offset_s == 0 {
        text.push_str(greenwich);
        return;
    }
    let minutes = offset_s.abs() / 60;
    let sign = if offset_s < 0 { '-' } else { '+' };
    let _ = write!(text, "{sign}{:02}:{:02}", minutes / 60, minutes % 60);
}

fn numbers(text: &str, separator: char) -> Option<[i64; 3]> {
    let mut parts = text.split(separator).map(|part| part.parse::<u32>().ok().map(i64::from));
    let all = [parts.next()??, parts.next()??, parts.next()??];
    parts.next().is_none().then_some(all)
}

fn fraction(text: &str) -> Option<(u32, &str)> {
    let Some(digits) = text.strip_prefix('.') else { return Some((0, text)) };
    let end = digits.find(|c: char| !c.is_ascii_digit())?;
    if end == 0 {
        return None;
    }
    let nanos = format!("{:0<9.9}", &digits[..end]).parse().ok()?;
    Some((nanos, &digits[end..]))
}

fn offset(zone: &str) -> Option<i64> {
    if zone == "Z" || zone == "z" {
        return Some(0);
    }
    let (sign, rest) = match zone.split_at_checked(1)? {
        ("+", rest) => (1, rest),
        ("-", rest) => (-1, rest),
        _ => return None,
    };
    let (hours, minutes) = rest.split_once(':')?;
    Some(sign * (i64::from(hours.parse::<u8>().ok()?) * 3_600 + i64::from(minutes.parse::<u8>().ok()?) * 60))
}

/// Days from the epoch to a date of the Gregorian calendar, counted in years that begin in March.
fn days(year: i64, month: i64, day: i64) -> i64 {
    let (year, month) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
    let era = year.div_euclid(400);
    let year_of_era = year.rem_euclid(400);
    let day_of_year = (153 * month + 2) / 5 + day - 1;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    era * 146_097 + day_of_era - 719_468
}

/// Writes many moments, most of them in the same second, without asking for the time zone each time.
#[derive(Debug, Default)]
pub struct Stamp {
    seconds: Option<i64>,
    prefix: String,
}

impl Stamp {
    /// Append `moment` to `out` as [`Moment::local`] writes it.
    pub fn write(&mut self, moment: Moment, out: &mut String) {
        let (seconds, nanos) = moment.split();
        if self.seconds != Some(seconds) {
            self.prefix.clear();
            write_seconds(&mut self.prefix, seconds);
            self.seconds = Some(seconds);
        }
        out.push_str(&self.prefix);
        write_rest(out, seconds, nanos, "+00:00");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_it_writes() {
        for nanos in [0, 1, 1_795_700_476_123_456_789, 951_782_400_000_000_000, -1] {
            let moment = Moment(nanos);
            assert_eq!(Moment::parse(&moment.local()), Some(moment));
            assert_eq!(Moment::parse(&moment.local_or_z()), Some(moment));
        }
    }

    #[test]
    fn reads_zones_and_fractions() {
        let noon = Moment::parse("2026-11-24T12:00:00Z").expect("plain");
        assert_eq!(noon.0, 1_795_521_600 * NANOS);
        assert_eq!(Moment::parse("2026-11-24T13:30:00+01:30"), Some(noon));
        assert_eq!(Moment::parse("2026-11-24T07:00:00.000-05:00"), Some(noon));
        assert_eq!(Moment::parse("2026-11-24T12:00:00.5Z").map(|moment| moment.0 - noon.0), Some(500_000_000));
        assert_eq!(Moment::parse("2026-11-24T12:00:00.1234567891Z").map(|moment| moment.0 - noon.0), Some(123_456_789));
    }

    #[test]
    fn refuses_what_is_no_moment() {
        for text in [
            "",
            "2026-11-24",
            "2026-11-24T12:00:00",
            "2026-11-24T12:00:00.Z",
            "2026-11-24T12:00Z",
            "x026-11-24T12:00:00Z",
        ] {
            assert_eq!(Moment::parse(text), None, "{text}");
        }
    }

    #[test]
    fn a_stamp_equals_the_moment() {
        let mut stamp = Stamp::default();
        for nanos in [5, 999_999_999, 1_000_000_000, 5] {
            let mut text = String::new();
            stamp.write(Moment(nanos), &mut text);
            assert_eq!(text, Moment(nanos).local());
        }
    }
}
