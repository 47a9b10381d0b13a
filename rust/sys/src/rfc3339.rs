//! Points in time as Go's `time.Time` reads them from JSON, and as it writes them back.
//!
//! Go's reading of RFC 3339 is its own: an hour of one digit, a comma before the fraction and a minute 60 of an offset are
//! taken, a lower-case `t` or `z` is not. What it could read and not write again (an offset of a day or more) is refused
//! here. Source: Go, time/format.go (Parse, parseStrictRFC3339), time/time.go (MarshalJSON).

/// The text that Go writes for the time it reads in `text` (RFC 3339, as many digits of the fraction as are needed, the
/// offset as it was); None where Go reads no time.
pub fn canonical(text: &str) -> Option<String> {
    let mut rest = Rest(text.as_bytes());
    let year = rest.digits(4)?;
    rest.expect(b'-')?;
    let month = rest.digits(2)?;
    rest.expect(b'-')?;
    let day = rest.digits(2)?;
    rest.expect(b'T')?;
    let hour = rest.digits(2).or_else(|| rest.digits(1))?;
    rest.expect(b':')?;
    let minute = rest.digits(2)?;
    rest.expect(b':')?;
    let second = rest.digits(2)?;
    let fraction = rest.fraction();
    let zone = rest.zone()?;
    let valid = (1..=12).contains(&month) && (1..=days(year, month)).contains(&day);
    if !rest.0.is_empty() || !valid || hour > 23 || minute > 59 || second > 59 {
        return None;
    }
    Some(format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}{fraction}{zone}"))
}

fn days(year: u32, month: u32) -> u32 {
    match month {
        2 if year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// What is left of the text.
struct Rest<'a>(&'a [u8]);

impl Rest<'_> {
    /// A number of exactly so many digits; nothing is taken where it is none.
    fn digits(&mut self, count: usize) -> Option<u32> {
        let (start, rest) = self.0.split_at_checked(count)?;
        if !start.iter().all(u8::is_ascii_digit) {
            return None;
        }
        self.0 = rest;
        Some(start.iter().fold(0, |number, digit| number * 10 + u32::from(digit - b'0')))
    }

    fn expect(&mut self, wanted: u8) -> Option<()> {
        let (first, rest) = self.0.split_first()?;
        self.0 = rest;
        (*first == wanted).then_some(())
    }

    /// Nanoseconds as they are written: a point and the digits that count, or nothing. More than nine are cut.
    fn fraction(&mut self) -> String {
        let [b'.' | b',', rest @ ..] = self.0 else { return String::new() };
        let length = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
        if length == 0 {
            return String::new();
        }
        let digits: String = rest[..length.min(9)].iter().map(|digit| char::from(*digit)).collect();
        self.0 = &rest[length..];
        let digits = digits.trim_end_matches('0');
        if digits.is_empty() { String::new() } else { format!(".{digits}") }
    }

    /// The offset from UTC, as it is written.
    fn zone(&mut self) -> Option<String> {
        if let [b'Z', rest @ ..] = self.0 {
            self.0 = rest;
            return Some("Z".to_owned());
        }
        let (sign, rest) = self.0.split_first().filter(|(sign, _)| matches!(sign, b'+' | b'-'))?;
        self.0 = rest;
        let hours = self.digits(2)?;
        self.expect(b':')?;
        let minutes = self.digits(2).filter(|minutes| *minutes <= 60)?;
        let offset = hours * 60 + minutes;
        match offset {
            0 => Some("Z".to_owned()),
            1..1440 => Some(format!("{}{:02}:{:02}", char::from(*sign), offset / 60, offset % 60)),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::canonical;

    #[test]
    fn times_are_written_as_go_writes_them() {
        // Each pair was seen in the records that Podman 4.3.1 and 5.4 write of an image with this date.
        for (text, wanted) in [
            ("2024-01-02T03:04:05Z", "2024-01-02T03:04:05Z"),
            ("2024-01-02T00:00:00+02:00", "2024-01-02T00:00:00+02:00"),
            ("2024-01-02T00:00:00.500Z", "2024-01-02T00:00:00.5Z"),
            ("2024-01-02T0:00:00,5Z", "2024-01-02T00:00:00.5Z"),
            ("9999-12-31T23:59:59.999999999-01:00", "9999-12-31T23:59:59.999999999-01:00"),
            ("2024-01-02T00:00:00+02:60", "2024-01-02T00:00:00+03:00"),
            ("2024-01-02T00:00:00.1234567890123Z", "2024-01-02T00:00:00.123456789Z"),
            ("2024-01-02T00:00:00+00:00", "2024-01-02T00:00:00Z"),
            ("2024-01-02T00:00:00-00:00", "2024-01-02T00:00:00Z"),
            ("0000-01-01T00:00:00.000Z", "0000-01-01T00:00:00Z"),
            ("2024-02-29T23:59:59+23:59", "2024-02-29T23:59:59+23:59"),
        ] {
            assert_eq!(canonical(text).as_deref(), Some(wanted), "{text}");
            assert_eq!(canonical(wanted).as_deref(), Some(wanted), "{wanted}");
        }
    }

    #[test]
    fn what_go_reads_no_time_in_is_none() {
        for text in [
            "",
            "yesterday",
            "2024-02-30T00:00:00Z",
            "2023-02-29T00:00:00Z",
            "1900-02-29T00:00:00Z",
            "2024-04-31T00:00:00Z",
            "2024-00-01T00:00:00Z",
            "2024-13-01T00:00:00Z",
            "2024-01-00T00:00:00Z",
            "2024-01-02T24:00:00Z",
            "2024-01-02T00:60:00Z",
            "2024-01-02T00:00:60Z",
            "2024-01-02t00:00:00Z",
            "2024-01-02T00:00:00z",
            "2024-01-02T00:00:00",
            "2024-01-02 00:00:00Z",
            "12024-01-02T00:00:00Z",
            "2024-1-2T00:00:00Z",
            "2024-01-02T00:0:00Z",
            "2024-01-02T00:00:00.Z",
            "2024-01-02T00:00:00+0200",
            "2024-01-02T00:00:00+02",
            "2024-01-02T00:00:00+02:61",
            "2024-01-02T00:00:00+24:00",
            "2024-01-02T00:00:00+23:60",
            "2024-01-02T00:00:00*02:00",
            "2024-01-02T00:00:00Z ",
            " 2024-01-02T00:00:00Z",
            "2024-01-02T00:00:00Zx",
            "２024-01-02T00:00:00Z",
            "-024-01-02T00:00:00Z",
        ] {
            assert_eq!(canonical(text), None, "{text}");
        }
    }
}
