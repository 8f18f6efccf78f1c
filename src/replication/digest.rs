//! The fingerprint of a block. Blocks of zeros are a fact of their own: they are neither hashed nor sent.

use serde::{Deserialize, Serialize};
use std::fmt;

/// The size of a block: what is tracked, hashed and sent as one.
pub const BLOCK_BYTES: u64 = 65_536;

/// The same as a length in memory.
pub(crate) const BLOCK: usize = 65_536;

/// 128 bits of blake3, or all zeros for a block of zeros.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Digest(pub [u8; 16]);

impl Digest {
    /// A block of zeros.
    pub const ZERO: Self = Self([0; 16]);

    /// The fingerprint of a block's bytes.
    #[must_use]
    pub fn of(bytes: &[u8]) -> Self {
        if is_zero(bytes) {
            return Self::ZERO;
        }
        let hash = blake3::hash(bytes);
        let mut short = [0; 16];
        short.copy_from_slice(&hash.as_bytes()[..16]);
        // One in 2^128 would be taken for zeros; it is given another name.
        if short == [0; 16] {
            short[0] = 1;
        }
        Self(short)
    }

    /// Whether it stands for zeros.
    #[must_use]
    pub fn is_zero(&self) -> bool {
        *self == Self::ZERO
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for byte in &self.0[..4] {
            write!(f, "{byte:02x}")?;
        }
        Ok(())
    }
}

/// Whether all bytes are zero.
#[must_use]
pub fn is_zero(bytes: &[u8]) -> bool {
    // Sixteen words at a time is what the compiler turns into vectors.
    let mut chunks = bytes.chunks_exact(128);
    let blank = chunks.by_ref().all(|c| {
        c.chunks_exact(8).fold(0_u64, |all, w| all | u64::from_le_bytes(w.try_into().unwrap_or([1; 8]))) == 0
    });
    blank && chunks.remainder().iter().all(|b| *b == 0)
}

/// How many blocks a disk has.
#[must_use]
pub const fn blocks_of(size_bytes: u64) -> u64 {
    size_bytes.div_ceil(BLOCK_BYTES)
}

/// How many bytes of a block lie within its disk.
#[must_use]
pub fn block_len(index: u64, size_bytes: u64) -> usize {
    let left = size_bytes.saturating_sub(index.saturating_mul(BLOCK_BYTES));
    usize::try_from(left.min(BLOCK_BYTES)).unwrap_or(BLOCK)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn zeros_are_told_from_everything_else() {
        assert!(is_zero(&[0; 65_536]));
        for at in [0, 1, 127, 128, 65_535] {
            let mut bytes = vec![0; 65_536];
            bytes[at] = 1;
            assert!(!is_zero(&bytes), "byte {at}");
            assert_ne!(Digest::of(&bytes), Digest::ZERO);
        }
        assert_eq!(Digest::of(&[0; 10]), Digest::ZERO);
    }
}
