//! Digests of content: the text `algorithm:hex`, parsed once, and hashing while bytes pass.
//!
//! Start at [`Digest`]. It knows the two algorithms that the OCI image specification registers, sha256 and sha512. A text
//! that parses is safe in a path and in a URL: it has lowercase hexadecimal digits, of the algorithm's length, and nothing
//! else. Nothing here reads a file. Source: OCI image-spec descriptor.md, "Digests".
#![forbid(unsafe_code)]
#![cfg_attr(test, allow(clippy::unwrap_used, reason = "a test that cannot go on fails"))]

use sha2::{Digest as _, Sha256, Sha512};
use std::fmt;
use std::str::FromStr;

/// How content is hashed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Algorithm {
    /// SHA-256, which nearly everything uses.
    Sha256,
    /// SHA-512.
    Sha512,
}

impl Algorithm {
    const ALL: [Self; 2] = [Self::Sha256, Self::Sha512];

    /// The word before the colon.
    pub fn name(self) -> &'static str {
        match self {
            Self::Sha256 => "sha256",
            Self::Sha512 => "sha512",
        }
    }

    /// Bytes of a digest; its text has twice as many digits.
    pub fn length(self) -> usize {
        match self {
            Self::Sha256 => 32,
            Self::Sha512 => 64,
        }
    }
}

/// The longest digest.
const LONGEST: usize = 64;

/// Why a text is no digest.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Malformed {
    /// An algorithm that this crate does not know, or none at all.
    #[error("`{}` is not a digest of sha256 or sha512", shown(.0))]
    Algorithm(String),
    /// Not as many lowercase hexadecimal digits as the algorithm has.
    #[error("`{}` does not have the {} lowercase hexadecimal digits of {}", shown(.text), 2 * .algorithm.length(), .algorithm.name())]
    Digits {
        /// The whole text.
        text: String,
        /// What it begins with.
        algorithm: Algorithm,
    },
}

/// The bytes are not those that were named.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the digest is {got}, not {wanted}")]
pub struct Mismatch {
    /// What was asked for.
    pub wanted: Digest,
    /// What the bytes hash to.
    pub got: Digest,
}

/// The beginning of a text from outside, with control characters escaped.
fn shown(text: &str) -> String {
    text.chars().take(150).flat_map(char::escape_debug).collect()
}

/// A digest; its text is the algorithm, a colon and lowercase hexadecimal digits.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Digest {
    algorithm: Algorithm,
    bytes: [u8; LONGEST],
}

impl Digest {
    fn new(algorithm: Algorithm, digest: &[u8]) -> Self {
        let mut bytes = [0; LONGEST];
        bytes[..digest.len()].copy_from_slice(digest);
        Self { algorithm, bytes }
    }

    /// The sha256 of bytes in memory.
    pub fn of(bytes: &[u8]) -> Self {
        Self::new(Algorithm::Sha256, &Sha256::digest(bytes))
    }

    /// Are these the bytes that were digested?
    pub fn check(&self, bytes: &[u8]) -> Result<(), Box<Mismatch>> {
        let mut hasher = Hasher::new(self.algorithm);
        hasher.update(bytes);
        self.compare(hasher.finish().0)
    }

    /// Is `got` this digest?
    pub fn compare(self, got: Self) -> Result<(), Box<Mismatch>> {
        if got == self { Ok(()) } else { Err(Box::new(Mismatch { wanted: self, got })) }
    }

    /// The algorithm.
    pub fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    /// The raw bytes, as many as the algorithm has.
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes[..self.algorithm.length()]
    }

    /// The digits without the algorithm.
    pub fn hex(&self) -> String {
        const DIGITS: &[u8; 16] = b"0123456789abcdef";
        let pairs = self.as_bytes().iter().flat_map(|byte| [byte >> 4, byte & 15]);
        pairs.map(|digit| char::from(DIGITS[usize::from(digit)])).collect()
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.algorithm.name(), self.hex())
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for Digest {
    type Err = Malformed;

    fn from_str(text: &str) -> Result<Self, Malformed> {
        let unknown = || Malformed::Algorithm(text.to_owned());
        let (name, digits) = text.split_once(':').ok_or_else(unknown)?;
        let algorithm = Algorithm::ALL.into_iter().find(|known| known.name() == name).ok_or_else(unknown)?;
        let bad = || Malformed::Digits { text: text.to_owned(), algorithm };
        if digits.len() != 2 * algorithm.length() {
            return Err(bad());
        }
        let mut bytes = [0; LONGEST];
        for (byte, pair) in bytes.iter_mut().zip(digits.as_bytes().chunks_exact(2)) {
            *byte = (digit(pair[0]).ok_or_else(bad)? << 4) | digit(pair[1]).ok_or_else(bad)?;
        }
        Ok(Self { algorithm, bytes })
    }
}

fn digit(character: u8) -> Option<u8> {
    match character {
        b'0'..=b'9' => Some(character - b'0'),
        b'a'..=b'f' => Some(character - b'a' + 10),
        _ => None,
    }
}

/// A digest in the making, with the count of bytes. The default is sha256.
#[derive(Debug, Clone)]
pub struct Hasher {
    state: State,
    size: u64,
}

#[derive(Debug, Clone)]
enum State {
    Sha256(Sha256),
    Sha512(Sha512),
}

impl Default for Hasher {
    fn default() -> Self {
        Self::new(Algorithm::Sha256)
    }
}

impl Hasher {
    /// An empty hasher.
    pub fn new(algorithm: Algorithm) -> Self {
        let state = match algorithm {
            Algorithm::Sha256 => State::Sha256(Sha256::new()),
            Algorithm::Sha512 => State::Sha512(Sha512::new()),
        };
        Self { state, size: 0 }
    }

    /// Take in the next bytes.
    pub fn update(&mut self, bytes: &[u8]) {
        match &mut self.state {
            State::Sha256(state) => state.update(bytes),
            State::Sha512(state) => state.update(bytes),
        }
        self.size += bytes.len() as u64;
    }

    /// The digest and the number of bytes.
    pub fn finish(self) -> (Digest, u64) {
        let digest = match self.state {
            State::Sha256(state) => Digest::new(Algorithm::Sha256, &state.finalize()),
            State::Sha512(state) => Digest::new(Algorithm::Sha512, &state.finalize()),
        };
        (digest, self.size)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ABC: &str = "sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
    const ABC_512: &str = "sha512:ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a\
                           2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f";

    #[test]
    fn text_and_bytes_are_each_other() {
        assert_eq!(Digest::of(b"abc").to_string(), ABC);
        for text in [ABC, ABC_512] {
            let digest: Digest = text.parse().unwrap();
            assert_eq!(digest.to_string(), text);
            assert_eq!(digest.check(b"abc"), Ok(()));
            let other = digest.check(b"abd").unwrap_err();
            assert_eq!((other.got.algorithm(), other.wanted), (digest.algorithm(), digest));
            assert_eq!(digest.hex().len(), 2 * digest.as_bytes().len());
        }
    }

    #[test]
    fn a_hasher_counts_and_does_not_mind_the_cuts() {
        for text in [ABC, ABC_512] {
            let digest: Digest = text.parse().unwrap();
            let mut hasher = Hasher::new(digest.algorithm());
            hasher.update(b"a");
            hasher.update(b"");
            hasher.update(b"bc");
            assert_eq!(hasher.finish(), (digest, 3));
        }
    }

    #[test]
    fn other_texts_are_refused_and_shown_tamely() {
        let upper = ABC.to_uppercase();
        let long = format!("{ABC}0");
        let wide = format!("sha256:{}é", &ABC[7..69]);
        let crossed = ABC.replace("sha256", "sha512");
        for text in ["", "sha256", "sha256:", &ABC[..70], &long, &upper, &wide, &crossed, "sha256:../../../etc/passwd"]
        {
            assert!(text.parse::<Digest>().is_err(), "{text}");
        }
        let md5 = "md5:d41d8cd98f00b204e9800998ecf8427e".parse::<Digest>().unwrap_err();
        assert!(matches!(md5, Malformed::Algorithm(_)));
        let wild = format!("\x1b[2J\n{}", "x".repeat(1000)).parse::<Digest>().unwrap_err().to_string();
        assert!(wild.starts_with("`\\u{1b}[2J\\nxxx") && wild.len() < 300, "{wild}");
    }
}
