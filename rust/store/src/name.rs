//! Names of things on disk: ids, link names, file names of big data, time.

use crate::error::{Error, Result};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use libpod_digest::Digest;
use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// Id of an image layer: the hex of its diff id for a base layer, else a hash over the parent's id and the diff id.
///
/// Source: this is how containers/image names layers; it is not the OCI chain id.
pub fn layer_id(parent: Option<&str>, diff_id: &Digest) -> String {
    let hex = diff_id.hex();
    match parent {
        None | Some("") => hex,
        Some(parent) => sha256_hex(format!("{parent}+{hex}").as_bytes()),
    }
}

/// Lowercase hex of the sha256 of `bytes`.
pub(crate) fn sha256_hex(bytes: &[u8]) -> String {
    Digest::of(bytes).hex()
}

/// 64 random hex digits.
pub fn random_id() -> String {
    hex(&random_bytes::<32>())
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// Fresh random bytes, at most 256.
pub(crate) fn random_bytes<const N: usize>() -> [u8; N] {
    libpod_sys::random::bytes().expect("the kernel gives random bytes")
}

/// The id of a layer, an image or a container: 64 lowercase hex digits, and so the name of one directory entry.
///
/// Every path that is made of an id is made of one of these. What tables, links and arguments call an id is a text until it
/// has been parsed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Id(String);

impl Id {
    /// Raises [`Error::Invalid`] for any other text.
    pub(crate) fn parse(text: &str) -> Result<Self> {
        if is_id(text) { Ok(Self(text.to_owned())) } else { Err(Error::Invalid(format!("`{text}` is not an ID"))) }
    }

    /// A fresh one.
    pub(crate) fn random() -> Self {
        Self(random_id())
    }
}

impl std::ops::Deref for Id {
    type Target = str;

    fn deref(&self) -> &str {
        &self.0
    }
}

impl AsRef<Path> for Id {
    fn as_ref(&self) -> &Path {
        Path::new(&self.0)
    }
}

impl std::fmt::Display for Id {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

/// 64 lowercase hex digits?
pub(crate) fn is_id(text: &str) -> bool {
    text.len() == 64 && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

/// Can this text be the name of one directory entry, and of nothing above or below it?
pub(crate) fn is_component(text: &str) -> bool {
    !matches!(text, "" | "." | "..") && !text.contains(['/', '\0'])
}

/// A fresh name for `l/`: 26 characters of base32.
pub(crate) fn random_link() -> String {
    const ALPHABET: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
    random_bytes::<26>().iter().map(|byte| char::from(ALPHABET[usize::from(byte & 31)])).collect()
}

/// File name of an item of big data.
///
/// A key of `a`-`z`, `0`-`9` and `.` is its own name, any other is `=` and its base64. The last character of a key is not
/// looked at: containers/storage does not, and a name must be found where it put it.
pub(crate) fn data_file_name(key: &str) -> String {
    let examined = key.char_indices().last().map_or("", |(last, _)| &key[..last]);
    if examined.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'.') {
        key.to_owned()
    } else {
        format!("={}", STANDARD.encode(key))
    }
}

/// Path of the item `key` of the data of `id`, below the directory of its table.
///
/// A key comes from outside: one that would name another directory's file, or none, is [`Error::Invalid`].
pub(crate) fn data_path(directory: &Path, id: &Id, key: &str) -> Result<PathBuf> {
    let file_name = data_file_name(key);
    if !is_component(&file_name) {
        return Err(Error::Invalid(format!("`{key}` is no key for data of {id}")));
    }
    Ok(directory.join(id).join(file_name))
}

/// The present time as records spell it: RFC 3339, nanoseconds without trailing zeros, UTC.
pub fn now() -> String {
    rfc3339(SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default())
}

fn rfc3339(since_epoch: Duration) -> String {
    let seconds = since_epoch.as_secs();
    let (year, month, day) = civil_from_days((seconds / 86_400) as i64);
    let (hour, minute, second) = (seconds / 3600 % 24, seconds / 60 % 60, seconds % 60);
    let fraction = match since_epoch.subsec_nanos() {
        0 => String::new(),
        nanos => format!(".{nanos:09}").trim_end_matches('0').to_owned(),
    };
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}{fraction}Z")
}

/// Date of a day number since 1970-01-01, by eras of 400 years that start in March.
fn civil_from_days(days: i64) -> (i64, i64, i64) {
    let shifted = days + 719_468;
    let era = shifted.div_euclid(146_097);
    let day_of_era = shifted.rem_euclid(146_097);
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 { month_from_march + 3 } else { month_from_march - 9 };
    (year_of_era + era * 400 + i64::from(month <= 2), month, day)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn layer_ids_are_those_of_other_tools() {
        let base = "70c919a531b2b9a9e5dcfd0bdc022c0e6a20bbdb07ca7dae935168831c902e70";
        let diff_id: Digest = format!("sha256:{base}").parse().expect("a digest");
        assert_eq!(layer_id(None, &diff_id), base);
        assert_eq!(layer_id(Some(""), &diff_id), base);
        let expected = sha256_hex(format!("{base}+{base}").as_bytes());
        assert_eq!(layer_id(Some(base), &diff_id), expected);
        assert_ne!(layer_id(Some(base), &diff_id), sha256_hex(format!("sha256:{base} sha256:{base}").as_bytes()));
    }

    #[test]
    fn keys_are_escaped_but_for_their_last_character() {
        for (key, name) in [
            ("manifest", "manifest"),
            ("instances.json", "instances.json"),
            ("sha256:ab", "=c2hhMjU2OmFi"),
            ("lastQ", "lastQ"),
            ("midQx", "=bWlkUXg="),
            ("", ""),
        ] {
            assert_eq!(data_file_name(key), name, "{key}");
        }
    }

    #[test]
    fn a_key_stays_in_its_directory() {
        let id = Id::random();
        let directory = Path::new("/G/overlay-images");
        assert_eq!(data_path(directory, &id, "manifest").expect("a key"), directory.join(&id).join("manifest"));
        for key in ["", ".", "..", "/", "./", "../", "a/", "a/../../b"] {
            let path = data_path(directory, &id, key);
            assert!(
                path.is_err() || path.as_ref().is_ok_and(|path| path.parent() == Some(&directory.join(&id))),
                "{key}"
            );
            assert!(path.is_ok_and(|path| !path.to_string_lossy().contains("..")) || key != "a/../../b");
        }
        for key in ["", "..", "/", "../"] {
            assert!(data_path(directory, &id, key).is_err(), "{key}");
        }
    }

    #[test]
    fn time_is_spelled_as_go_spells_it() {
        for (seconds, nanos, text) in [
            (0, 0, "1970-01-01T00:00:00Z"),
            (951_782_400, 0, "2000-02-29T00:00:00Z"),
            (1_795_528_879, 775_183_889, "2026-11-24T14:01:19.775183889Z"),
            (1_795_528_879, 500_000_000, "2026-11-24T14:01:19.5Z"),
            (4_102_444_799, 1, "2099-12-31T23:59:59.000000001Z"),
        ] {
            assert_eq!(rfc3339(Duration::new(seconds, nanos)), text);
        }
    }

    #[test]
    fn links_have_26_characters_of_base32() {
        let link = random_link();
        assert_eq!(link.len(), 26);
        assert!(link.bytes().all(|byte| matches!(byte, b'A'..=b'Z' | b'2'..=b'7')));
        assert_ne!(link, random_link());
    }

    #[test]
    fn a_component_leads_neither_up_nor_down() {
        assert!(is_component("a") && is_component(&random_id()));
        for text in ["", ".", "..", "/", "a/b", "/a", "a\0"] {
            assert!(!is_component(text), "{text:?}");
        }
    }

    #[test]
    fn ids_are_64_lowercase_hex_digits() {
        assert_eq!(Id::parse(&Id::random()).expect("an id").len(), 64);
        for text in ["", "abc", &"A".repeat(64), &"a".repeat(63), "../x", "/etc", ".", ".."] {
            assert!(Id::parse(text).is_err(), "{text}");
        }
    }
}
