//! CRC-64/GO-ISO, the checksum of tar-split: reflected, polynomial x⁶⁴+x⁴+x³+x+1, initial value and final xor all ones.
//!
//! The polynomial is so sparse that no table and no carry-less multiplication is needed: x⁶⁴ ≡ x⁴+x³+x+1, and squaring in
//! GF(2) squares each term, so x⁵¹² ≡ x³²+x²⁴+x⁸+1. Eight words advance independently by 512 bits with a few shifts each,
//! which the compiler turns into vector code. In the reflected form a shift to the right multiplies by x.

/// Words of 64 bits that are folded side by side.
const LANES: usize = 8;

/// Bytes that one round of folding takes in.
const BLOCK: usize = LANES * 8;

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
        let mut state = self.state;
        let mut rest = bytes;
        if rest.len() >= 2 * BLOCK {
            let whole = rest.len() - rest.len() % BLOCK;
            state = fold_blocks(state, &rest[..whole]);
            rest = &rest[whole..];
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

/// Multiply by x⁵¹².
fn fold_block(value: u64) -> u64 {
    let out = (value << 56) ^ (value << 40) ^ (value << 32);
    value ^ (value >> 8) ^ (value >> 24) ^ (value >> 32) ^ reduce(out)
}

fn fold_byte(state: u64, byte: u8) -> u64 {
    let low = (state ^ u64::from(byte)) << 56;
    (state >> 8) ^ reduce(low)
}

/// Take in whole blocks, at least two.
fn fold_blocks(state: u64, bytes: &[u8]) -> u64 {
    let (first, rest) = bytes.split_at(BLOCK);
    let mut lanes: [u64; LANES] = std::array::from_fn(|index| word_of(&first[index * 8..index * 8 + 8]));
    lanes[0] ^= state;
    for block in rest.chunks_exact(BLOCK) {
        for (lane, word) in lanes.iter_mut().zip(block.chunks_exact(8)) {
            *lane = fold_block(*lane) ^ word_of(word);
        }
    }
    lanes.into_iter().fold(0, |state, lane| fold_word(state ^ lane))
}

/// The 64-bit word that eight bytes are.
fn word_of(bytes: &[u8]) -> u64 {
    bytes.iter().rev().fold(0, |word, byte| (word << 8) | u64::from(*byte))
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
        .take(1500)
        .collect();
        for length in 0..bytes.len() {
            assert_eq!(crc(&bytes[..length]), slow(&bytes[..length]), "{length}");
        }
        for split in 0..bytes.len() {
            let mut crc = Crc64::default();
            crc.update(&bytes[..split]);
            crc.update(&bytes[split..]);
            assert_eq!(crc.finish(), slow(&bytes), "{split}");
        }
    }
}
