//! CRC-64/GO-ISO, the checksum of tar-split: reflected, polynomial x⁶⁴+x⁴+x³+x+1, initial value and final xor all ones.
//!
//! The polynomial is so sparse that no table and no carry-less multiplication is needed. x⁶⁴ ≡ x⁴+x³+x+1, and squaring in GF(2)
//! squares each term; six times squared, x^(64·64) ≡ x^(64·4)+x^(64·3)+x^64+1, where every exponent is a whole number of words.
//! So a word of 64 bits may be replaced by itself at 60, 61, 63 and 64 words further on: long input is folded with `xor` alone,
//! many words side by side, which the compiler turns into vector code. In the reflected form a shift to the right multiplies by x.

/// Words that a word is carried over, and so the words that are open at any moment.
const REACH: usize = 64;

/// Words folded at a time: none of them depends on another.
const STEP: usize = 60;

/// Words for which the open ones lie in one piece of memory.
const WINDOW: usize = REACH + 8 * STEP;

/// A checksum in the making.
#[derive(Debug, Clone, Copy)]
pub struct Crc64 {
    state: u64,
}

impl Default for Crc64 {
    fn default() -> Self {
        Self { state: u64::MAX }
    }
}

impl Crc64 {
    /// Take in the next bytes.
    pub fn update(&mut self, bytes: &[u8]) {
        let (mut state, mut rest) = (self.state, bytes);
        if rest.len() >= 2 * REACH * 8 {
            (state, rest) = fold_long(state, rest);
        }
        let mut words = rest.chunks_exact(8);
        for word in &mut words {
            state = fold_word(state ^ word_of(word));
        }
        for byte in words.remainder() {
            state = fold_byte(state, *byte);
        }
        self.state = state;
    }

    /// The checksum; of no bytes it is 0.
    pub fn finish(self) -> u64 {
        !self.state
    }
}

/// Multiply by x⁶⁴.
fn fold_word(value: u64) -> u64 {
    // x⁴+x³+x+1; what leaves at the right (at most x⁶⁷) comes back once more, and that time nothing leaves.
    let out = (value << 63) ^ (value << 61) ^ (value << 60);
    value ^ (value >> 1) ^ (value >> 3) ^ (value >> 4) ^ reduce(out)
}

/// Multiply by x⁶⁴ a value whose low 32 bits are empty.
fn reduce(value: u64) -> u64 {
    value ^ (value >> 1) ^ (value >> 3) ^ (value >> 4)
}

fn fold_byte(state: u64, byte: u8) -> u64 {
    let low = (state ^ u64::from(byte)) << 56;
    (state >> 8) ^ reduce(low)
}

/// Take in the most of at least two times [`REACH`] words; the rest is given back.
fn fold_long(state: u64, bytes: &[u8]) -> (u64, &[u8]) {
    let mut window = [0_u64; WINDOW];
    let (open, mut rest) = bytes.split_at(REACH * 8);
    for (word, bytes) in window.iter_mut().zip(open.chunks_exact(8)) {
        *word = word_of(bytes);
    }
    window[0] ^= state;
    carry_within(&mut window[..REACH]);
    let mut end = REACH;
    while rest.len() >= STEP * 8 {
        if end == WINDOW {
            window.copy_within(WINDOW - REACH.., 0);
            end = REACH;
        }
        let (block, after) = rest.split_at(STEP * 8);
        let (before, words) = window.split_at_mut(end);
        let open = &before[before.len() - REACH..];
        for (index, (word, bytes)) in words[..STEP].iter_mut().zip(block.chunks_exact(8)).enumerate() {
            *word = word_of(bytes) ^ open[index] ^ open[index + 1] ^ open[index + 3] ^ open[index + 4];
        }
        end += STEP;
        rest = after;
    }
    // What is open now stands for all words before it.
    let open = &mut window[end - REACH..end];
    carry_within(open);
    (open.iter().fold(0, |state, word| fold_word(state ^ word)), rest)
}

/// Carry the first open words to the last ones, which are in their reach already; done again, it is undone.
fn carry_within(open: &mut [u64]) {
    let (first, last) = open.split_at_mut(STEP);
    for (index, word) in last.iter_mut().enumerate() {
        for distance in [0, 1, 3] {
            *word ^= index.checked_sub(distance).map_or(0, |at| first[at]);
        }
    }
}

/// The 64-bit word that eight bytes are.
fn word_of(bytes: &[u8]) -> u64 {
    bytes.first_chunk().map_or(0, |bytes| u64::from_le_bytes(*bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn crc(bytes: &[u8]) -> u64 {
        let mut crc = Crc64::default();
        crc.update(bytes);
        crc.finish()
    }

    /// The definition, bit by bit.
    fn slow(bytes: &[u8]) -> u64 {
        let mut state = u64::MAX;
        for byte in bytes {
            state ^= u64::from(*byte);
            for _ in 0..8 {
                state = if state & 1 == 1 { (state >> 1) ^ 0xD800_0000_0000_0000 } else { state >> 1 };
            }
        }
        !state
    }

    #[test]
    fn check_value_of_the_catalogue() {
        assert_eq!(crc(b"123456789"), 0xB909_56C7_75A4_1001);
        assert_eq!(crc(b""), 0);
    }

    #[test]
    fn agrees_with_the_definition_at_every_length_and_split() {
        let mut seed = 1_u64;
        let bytes: Vec<u8> = std::iter::repeat_with(|| {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (seed >> 56) as u8
        })
        .take(3 * WINDOW * 8)
        .collect();
        for length in (0..2500).chain((2500..bytes.len()).step_by(61)) {
            assert_eq!(crc(&bytes[..length]), slow(&bytes[..length]), "{length}");
        }
        for split in (0..bytes.len()).step_by(7) {
            let mut crc = Crc64::default();
            crc.update(&bytes[..split]);
            crc.update(&bytes[split..]);
            assert_eq!(crc.finish(), slow(&bytes), "{split}");
        }
    }
}
