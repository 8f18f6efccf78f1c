//! One numbered, checksummed record. Apart from `log`, which says where records lie: this is only bytes.

/// A record fills one page of the guest, so that one write is one block on every layer below.
pub(crate) const RECORD_BYTES: usize = 4096;

const MAGIC: u64 = u64::from_le_bytes(*b"LWRECRD1");
const HEADER_WORDS: usize = 4;
const WORDS: usize = RECORD_BYTES / 8;

/// What a record says besides its payload, which follows from the number.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Record {
    /// Counts from 1, without a gap.
    pub(crate) number: u64,
    /// Checksum of the record before; 0 for the first.
    pub(crate) previous: u64,
    /// When it was written, milliseconds since 1970 by the guest's clock.
    pub(crate) written_millis: u64,
    /// Checksum over everything else.
    pub(crate) checksum: u64,
}

/// What a slot of a log file holds.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Slot {
    /// Nothing was ever written here.
    Empty,
    /// A whole record.
    Whole(Record),
    /// Something else: a record that was being written when the machine died, or damage.
    Torn,
}

/// The bytes of a record, and its checksum.
pub(crate) fn encode(number: u64, previous: u64, written_millis: u64) -> (Vec<u8>, u64) {
    let mut bytes = Vec::with_capacity(RECORD_BYTES);
    for word in [MAGIC, number, previous, written_millis] {
        bytes.extend_from_slice(&word.to_le_bytes());
    }
    let mut stream = Payload::of(number);
    for _ in HEADER_WORDS..WORDS - 1 {
        bytes.extend_from_slice(&stream.next().to_le_bytes());
    }
    let sum = checksum(&bytes);
    bytes.extend_from_slice(&sum.to_le_bytes());
    (bytes, sum)
}

/// Reads a slot. The payload is compared as well, so a checksum that fits by chance is not enough.
pub(crate) fn decode(bytes: &[u8]) -> Slot {
    if bytes.iter().all(|b| *b == 0) {
        return Slot::Empty;
    }
    let words: Vec<u64> =
        bytes.chunks_exact(8).filter_map(|c| c.try_into().ok().map(u64::from_le_bytes)).collect();
    let ([MAGIC, number, previous, written_millis, payload @ ..], Some((sum, _))) =
        (words.as_slice(), words.split_last())
    else {
        return Slot::Torn;
    };
    if words.len() != WORDS || *sum != checksum(&bytes[..RECORD_BYTES - 8]) {
        return Slot::Torn;
    }
    let mut stream = Payload::of(*number);
    if payload[..payload.len() - 1].iter().any(|word| *word != stream.next()) {
        return Slot::Torn;
    }
    Slot::Whole(Record {
        number: *number,
        previous: *previous,
        written_millis: *written_millis,
        checksum: *sum,
    })
}

/// Random-looking words that follow from a number (splitmix64).
struct Payload(u64);

impl Payload {
    const fn of(number: u64) -> Self {
        Self(number.wrapping_mul(0xd134_2543_de82_ef95))
    }

    const fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }
}

/// A checksum against accidents, a word at a time: the guest runs without hardware help.
pub(crate) fn checksum(bytes: &[u8]) -> u64 {
    let mut sum: u64 = 0x6c65_6577_6172_6421;
    for chunk in bytes.chunks(8) {
        let mut word = [0_u8; 8];
        word[..chunk.len()].copy_from_slice(chunk);
        sum = (sum ^ u64::from_le_bytes(word)).wrapping_mul(0x9fb2_1c65_1e98_df25).rotate_left(29);
    }
    sum ^= sum >> 32;
    // Zero stands for "no record before".
    if sum == 0 { 1 } else { sum }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_reads_back_and_any_changed_byte_is_seen() {
        let (bytes, sum) = encode(42, 7, 1_000);
        assert_eq!(bytes.len(), RECORD_BYTES);
        let want = Record { number: 42, previous: 7, written_millis: 1_000, checksum: sum };
        assert_eq!(decode(&bytes), Slot::Whole(want));
        for at in 0..RECORD_BYTES {
            let mut damaged = bytes.clone();
            damaged[at] ^= 0x10;
            assert_eq!(decode(&damaged), Slot::Torn, "byte {at}");
        }
    }

    #[test]
    fn an_empty_slot_and_a_half_written_one_are_told_apart() {
        assert_eq!(decode(&[0; RECORD_BYTES]), Slot::Empty);
        let (mut bytes, _) = encode(42, 7, 1_000);
        bytes[2048..].fill(0);
        assert_eq!(decode(&bytes), Slot::Torn);
    }
}
