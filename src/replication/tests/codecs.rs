//! What is read from disks and streams may be anything: whatever was written comes back, whatever was damaged is told,
//! nothing is believed and nothing panics.

use leeward_model::{Consistency, DiskId, Epoch, Fault, ItemId, Moment, PointKind, Sequence};
use leeward_replication::log::Manifest;
use leeward_replication::qcow2::Header;
use leeward_replication::{CycleHead, Digest, ReplicationError, parse_catalogue, parse_manifest, wire};
use proptest::prelude::*;
use std::collections::BTreeSet;
use uuid::Uuid;

fn manifest(blocks: &BTreeSet<u64>, seed: u8) -> Manifest {
    let disk = DiskId(Uuid::from_u64_pair(2, u64::from(seed)));
    Manifest {
        head: CycleHead {
            item: ItemId(Uuid::from_u64_pair(1, 1)),
            epoch: Epoch(3),
            sequence: Sequence(9),
            previous: Sequence(8),
            previous_epoch: Epoch(2),
            instant: Moment(1234),
            consistency: Consistency::Application,
            kind: PointKind::Delta,
        },
        disk,
        size_bytes: 1000 * 65_536 + 512,
        disks: vec![disk],
        blocks: blocks.iter().map(|b| (*b, Digest([seed; 16]))).collect(),
    }
}

proptest! {
    #[test]
    fn a_manifest_comes_back_and_no_changed_byte_passes(
        blocks in proptest::collection::btree_set(0_u64..=1000, 0..60),
        seed in any::<u8>(),
        at in any::<prop::sample::Index>(),
        flip in 1_u8..=255,
        cut in any::<prop::sample::Index>(),
    ) {
        let whole = manifest(&blocks, seed);
        let bytes = whole.bytes();
        prop_assert_eq!(parse_manifest(&bytes), Ok(whole));
        let mut damaged = bytes.clone();
        damaged[at.index(bytes.len())] ^= flip;
        prop_assert!(parse_manifest(&damaged).is_err());
        prop_assert!(parse_manifest(&bytes[..cut.index(bytes.len())]).is_err());
    }

    #[test]
    fn anything_may_be_read(bytes in proptest::collection::vec(any::<u8>(), 0..600)) {
        parse_manifest(&bytes).ok();
        if let Ok((_, whole)) = parse_catalogue(&bytes) {
            prop_assert!(whole <= bytes.len());
        }
        Header::parse(&bytes).ok();
        if let Some(head) = bytes.first_chunk::<5>()
            && let Ok((_, length)) = wire::parse_header(head)
        {
            prop_assert!(length <= 16 << 20, "nothing longer is ever allocated");
        }
    }

    #[test]
    fn a_header_of_an_image_may_be_damaged_anywhere(at in 0_usize..112, flip in 1_u8..=255) {
        let mut head = vec![0_u8; 4096];
        head[..4].copy_from_slice(b"QFI\xfb");
        head[7] = 3;
        head[23] = 16;
        head[29] = 1;
        head[39] = 1;
        head[46] = 2;
        prop_assert!(Header::parse(&head).is_ok());
        head[at] ^= flip;
        if let Ok(header) = Header::parse(&head) {
            prop_assert!((9..=21).contains(&header.cluster_bits));
            prop_assert!(header.size_bytes <= 512 << 40 && header.l1_entries <= 1 << 22);
        }
    }
}

#[test]
fn every_failure_has_its_sentences() {
    let path = std::path::PathBuf::from("/replica/file");
    let cut = || std::io::Error::from(std::io::ErrorKind::BrokenPipe);
    let fault =
        || Fault::new("replication-closed", "web01", String::new(), leeward_model::fault::Recovery::Retries);
    let all = [
        ReplicationError::File { action: "read", path: path.clone(), source: cut() },
        ReplicationError::NoSpace { path: path.clone() },
        ReplicationError::Damaged { path: path.clone(), reason: "x".to_owned() },
        ReplicationError::Corrupted { block: 1 },
        ReplicationError::Foreign { what: "x".to_owned() },
        ReplicationError::OlderEpoch { asked: Epoch(1), known: Epoch(2) },
        ReplicationError::Replayed { sequence: Sequence(1) },
        ReplicationError::Gap { have: Sequence(1), got: Sequence(2) },
        ReplicationError::Protocol { reason: "x".to_owned() },
        ReplicationError::Refused { fault: Box::new(fault()) },
        ReplicationError::Closed {},
        ReplicationError::Busy {},
        ReplicationError::NoPoint {},
        ReplicationError::Locked { path },
        ReplicationError::Cancelled {},
        ReplicationError::Cut { source: cut() },
    ];
    for error in all {
        let fault = error.fault("web01");
        assert_ne!(fault.what.render(), fault.what.key, "{error}");
        assert_ne!(fault.action.render(), fault.action.key, "{error}");
        assert_eq!(fault.recovery, error.recovery());
    }
}
