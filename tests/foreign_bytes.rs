//! Foreign bytes on every change: each parser gets good examples, cut and bent in thousands of seeded ways. The fuzz
//! targets in `fuzz/` do the same without end.

#[path = "parsers/parsers.rs"]
mod parsers;

/// Bends per example and parser.
const BENDS: u64 = 3_000;

/// Numbers from a seed.
struct Chance(u64);

impl Chance {
    fn number(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    fn below(&mut self, bound: usize) -> usize {
        usize::try_from(self.number() % bound.max(1) as u64).expect("below a length")
    }
}

/// Good examples, and shapes that are nearly good.
fn examples() -> Vec<Vec<u8>> {
    let mut qcow2 = vec![0; 4096];
    qcow2[..8].copy_from_slice(&[0x51, 0x46, 0x49, 0xfb, 0, 0, 0, 3]);
    qcow2[23] = 16;
    qcow2[31] = 1;
    let fact = br#"{"Event":{"at":1,"item":null,"subject":"web01","what":{"key":"agent-start-waits"},"fault":null}}"#;
    let qmp = br#"{"event": "BLOCK_JOB_COMPLETED", "data": {"device": "b0"}, "timestamp": {"seconds": 1, "microseconds": 2}}"#;
    let mut catalogue = Vec::new();
    let body = br#"{"Closed":{"closed":true}}"#;
    catalogue.extend(u32::try_from(body.len()).expect("short").to_le_bytes());
    catalogue.extend(&blake3::hash(body).as_bytes()[..8]);
    catalogue.extend(body);
    let mut frame = vec![1, 9, 0, 0, 0];
    frame.extend(br#""Bye"    "#);
    vec![
        qcow2,
        fact.to_vec(),
        qmp.to_vec(),
        catalogue,
        frame,
        manifest(),
        br#""Report""#.to_vec(),
        b"LEEWARDB\0\x01\0\x01\0\0\0\0".to_vec(),
        b"-----BEGIN LEEWARD REGISTRATION KEY-----\nAAAA\n-----END LEEWARD REGISTRATION KEY-----\n".to_vec(),
        Vec::new(),
    ]
}

fn manifest() -> Vec<u8> {
    use leeward_model::{Consistency, DiskId, Epoch, ItemId, Moment, PointKind, Sequence};
    let disk = DiskId(uuid::Uuid::nil());
    let head = leeward_replication::CycleHead {
        item: ItemId(uuid::Uuid::nil()),
        epoch: Epoch(1),
        sequence: Sequence(2),
        previous: Sequence(1),
        previous_epoch: Epoch(1),
        instant: Moment(3),
        consistency: Consistency::Crash,
        kind: PointKind::Delta,
    };
    let blocks = vec![(0, leeward_replication::Digest::ZERO), (7, leeward_replication::Digest([3; 16]))];
    leeward_replication::log::Manifest { head, disk, size_bytes: 1 << 20, disks: vec![disk], blocks }.bytes()
}

/// One bend: a byte changed, a piece cut out, doubled, or a length written over it.
fn bend(bytes: &mut Vec<u8>, chance: &mut Chance) {
    let at = chance.below(bytes.len() + 1);
    match chance.number() % 5 {
        0 => bytes.truncate(at),
        1 => {
            if let Some(byte) = bytes.get_mut(at) {
                *byte ^= 1 << (chance.number() % 8);
            }
        }
        2 => bytes.insert(at, u8::try_from(chance.number() % 256).expect("a byte")),
        3 => {
            let piece: Vec<u8> = bytes.iter().skip(at).take(16).copied().collect();
            bytes.extend(piece);
        }
        _ => {
            let word = [0xff, 0xff, 0xff, 0x7f];
            for (n, byte) in word.into_iter().enumerate() {
                if let Some(place) = bytes.get_mut(at + n) {
                    *place = byte;
                }
            }
        }
    }
}

#[test]
fn no_bytes_break_a_parser() {
    for (name, parse) in parsers::ALL {
        for (number, example) in examples().into_iter().enumerate() {
            parse(&example);
            for seed in 1..=BENDS {
                let mut chance = Chance(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1);
                let mut bytes = example.clone();
                for _ in 0..=chance.below(6) {
                    bend(&mut bytes, &mut chance);
                }
                let kept = bytes.clone();
                let parsed = std::panic::catch_unwind(move || parse(&bytes));
                assert!(parsed.is_ok(), "{name}: example {number}, seed {seed}: {kept:02x?}");
            }
        }
    }
}

#[test]
fn a_manifest_that_was_bent_is_refused() {
    let whole = manifest();
    assert!(leeward_replication::parse_manifest(&whole).is_ok());
    for at in 0..whole.len() {
        let mut bent = whole.clone();
        bent[at] ^= 1;
        assert!(leeward_replication::parse_manifest(&bent).is_err(), "byte {at}");
        assert!(leeward_replication::parse_manifest(&whole[..at]).is_err(), "cut at {at}");
    }
}
