//! The key sequence that leaves a container running: parsing it, and finding it in what the user types.

use super::session::Error;

/// Finds a key sequence in a stream of input, holding back what may turn out to be its beginning.
#[derive(Debug, Clone)]
pub struct DetachKeys {
    sequence: Vec<u8>,
    matched: usize,
}

impl DetachKeys {
    /// Parse `ctrl-p,ctrl-q`: keys separated by commas, each one ASCII character or `ctrl-` and one of `a-z@[\]^_`. The empty
    /// text is no sequence: nothing detaches.
    pub fn parse(text: &str) -> Result<Self, Error> {
        let keys = text.split(',').filter(|_| !text.is_empty());
        let sequence =
            keys.map(|key| parse_key(key).map_err(|reason| refused(text, reason))).collect::<Result<_, _>>()?;
        Ok(Self { sequence, matched: 0 })
    }

    /// Append to `out` what of `input` is to be passed on; true where the sequence is complete, and the rest is dropped.
    pub fn filter(&mut self, input: &[u8], out: &mut Vec<u8>) -> bool {
        if self.sequence.is_empty() {
            out.extend_from_slice(input);
            return false;
        }
        for byte in input {
            while self.matched > 0 && self.sequence[self.matched] != *byte {
                self.fall_back(out);
            }
            if self.sequence[self.matched] != *byte {
                out.push(*byte);
                continue;
            }
            self.matched += 1;
            if self.matched == self.sequence.len() {
                self.matched = 0;
                return true;
            }
        }
        false
    }

    /// Give up the first held byte, and as many more as it takes for the rest to be a beginning of the sequence again.
    fn fall_back(&mut self, out: &mut Vec<u8>) {
        let held = &self.sequence[..self.matched];
        let given_up = (1..=held.len()).find(|skip| self.sequence.starts_with(&held[*skip..])).unwrap_or(held.len());
        out.extend_from_slice(&held[..given_up]);
        self.matched -= given_up;
    }
}

fn refused(text: &str, reason: String) -> Error {
    Error::DetachKeys { text: text.to_owned(), reason }
}

fn parse_key(key: &str) -> Result<u8, String> {
    let (control, name) = match key.strip_prefix("ctrl-") {
        Some(name) => (true, name),
        None => (false, key),
    };
    let &[byte] = name.as_bytes() else { return Err(format!("unknown key {key:?}")) };
    match (control, byte) {
        (false, byte) if byte.is_ascii() => Ok(byte),
        (true, b'a'..=b'z') => Ok(byte - b'a' + 1),
        (true, b'@' | b'[' | b'\\' | b']' | b'^' | b'_') => Ok(byte - b'@'),
        _ => Err(format!("unknown key {key:?}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn typed(keys: &str, chunks: &[&[u8]]) -> (Vec<u8>, bool) {
        let mut keys = DetachKeys::parse(keys).expect("valid");
        let mut out = Vec::new();
        let found = chunks.iter().any(|chunk| keys.filter(chunk, &mut out));
        (out, found)
    }

    #[test]
    fn the_sequence_is_found_across_chunks_and_not_passed_on() {
        assert_eq!(typed("ctrl-p,ctrl-q", &[b"ab\x10\x11cd"]), (b"ab".to_vec(), true));
        assert_eq!(typed("ctrl-p,ctrl-q", &[b"ab\x10", b"\x11"]), (b"ab".to_vec(), true));
        assert_eq!(typed("x", &[b"abxc"]), (b"ab".to_vec(), true));
    }

    #[test]
    fn a_broken_sequence_is_passed_on() {
        assert_eq!(typed("ctrl-p,ctrl-q", &[b"\x10a\x10\x10", b"b\x11"]), (b"\x10a\x10\x10b\x11".to_vec(), false));
        assert_eq!(typed("a,a,b", &[b"aaab"]), (b"a".to_vec(), true));
        assert_eq!(typed("a,b,a,c", &[b"ababac"]), (b"ab".to_vec(), true));
    }

    #[test]
    fn no_sequence_detaches_nobody() {
        assert_eq!(typed("", &[b"\x10\x11"]), (b"\x10\x11".to_vec(), false));
    }

    #[test]
    fn unknown_keys_are_refused() {
        for text in ["ctrl-", "ctrl-1", "ctrl-P", "ab", "a,", ",", "é"] {
            assert!(DetachKeys::parse(text).is_err(), "{text}");
        }
        assert_eq!(DetachKeys::parse("ctrl-@,ctrl-_,~").expect("valid").sequence, [0, 31, b'~']);
    }
}
