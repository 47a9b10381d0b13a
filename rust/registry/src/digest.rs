//! Digests: the text form `algorithm:hex`, and hashing while bytes stream.

use crate::Error;
use sha2::digest::Digest as _;
use std::fmt;
use std::str::FromStr;

/// A content digest: `sha256:` or `sha512:` and lower-case hexadecimal digits.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Digest(String);

impl FromStr for Digest {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let digits = match text.split_once(':') {
            Some(("sha256", digits)) if digits.len() == 64 => digits,
            Some(("sha512", digits)) if digits.len() == 128 => digits,
            _ => return Err(Error::Invalid { what: "digest", value: text.to_owned() }),
        };
        if !digits.bytes().all(|digit| matches!(digit, b'0'..=b'9' | b'a'..=b'f')) {
            return Err(Error::Invalid { what: "digest", value: text.to_owned() });
        }
        Ok(Self(text.to_owned()))
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.0)
    }
}

impl Digest {
    /// SHA-256 of `bytes`.
    pub fn of(bytes: &[u8]) -> Self {
        let mut hasher = Hasher::sha256();
        hasher.update(bytes);
        hasher.finish()
    }

    /// Whether `bytes` have this digest; the digest they have otherwise.
    pub fn check(&self, bytes: &[u8]) -> Result<(), Digest> {
        let mut hasher = Hasher::like(self);
        hasher.update(bytes);
        let got = hasher.finish();
        if got == *self { Ok(()) } else { Err(got) }
    }

    /// The text form.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// A running digest.
#[derive(Debug, Clone)]
pub enum Hasher {
    /// SHA-256, which nearly everything uses.
    Sha256(sha2::Sha256),
    /// SHA-512, which the OCI specification registers too.
    Sha512(sha2::Sha512),
}

impl Hasher {
    /// An empty SHA-256.
    pub fn sha256() -> Self {
        Self::Sha256(sha2::Sha256::new())
    }

    /// An empty hasher of the algorithm of `digest`.
    pub fn like(digest: &Digest) -> Self {
        if digest.0.starts_with("sha512:") { Self::Sha512(sha2::Sha512::new()) } else { Self::sha256() }
    }

    /// Take `bytes` in.
    pub fn update(&mut self, bytes: &[u8]) {
        match self {
            Self::Sha256(hasher) => hasher.update(bytes),
            Self::Sha512(hasher) => hasher.update(bytes),
        }
    }

    /// The digest of all bytes taken in.
    pub fn finish(self) -> Digest {
        match self {
            Self::Sha256(hasher) => Digest(text("sha256:", &hasher.finalize())),
            Self::Sha512(hasher) => Digest(text("sha512:", &hasher.finalize())),
        }
    }
}

fn text(algorithm: &str, bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let mut out = String::with_capacity(algorithm.len() + 2 * bytes.len());
    out.push_str(algorithm);
    for byte in bytes {
        out.push(char::from(DIGITS[usize::from(byte >> 4)]));
        out.push(char::from(DIGITS[usize::from(byte & 15)]));
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digest_refuses_all_but_lower_case_hex_of_the_right_length() {
        let good = "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
        assert_eq!(good.parse::<Digest>().expect("well formed"), Digest::of(b""));
        let short = &good[..70];
        let upper = good.to_uppercase();
        let md5 = "md5:d41d8cd98f00b204e9800998ecf8427e";
        for bad in ["", "sha256:", short, &upper, md5, "sha256", "sha256:../../etc/passwd"] {
            assert!(bad.parse::<Digest>().is_err(), "{bad}");
        }
    }

    #[test]
    fn sha512_digests_are_proven_too() {
        let mut hasher = Hasher::Sha512(sha2::Sha512::new());
        hasher.update(b"x");
        let digest = hasher.finish();
        assert!(digest.check(b"x").is_ok());
        assert!(digest.check(b"y").is_err());
    }
}
