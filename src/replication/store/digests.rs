//! The fingerprints of a file's blocks, kept beside it so that a point can be verified. A file without them is an
//! adopted one.

use crate::digest::Digest;
use crate::durable;
use crate::error::Result;
use crate::files;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

const MAGIC: &[u8; 8] = b"LWDIG\0\0\x01";

/// The longest file.
const BYTES_MAX: u64 = 1 << 30;

pub(super) fn path_of(file: &Path) -> PathBuf {
    file.with_added_extension("digests")
}

/// Keeps fingerprints durably.
pub(super) fn write(file: &Path, digests: &BTreeMap<u64, Digest>) -> Result<()> {
    let mut bytes = Vec::with_capacity(digests.len() * 24 + 40);
    bytes.extend(MAGIC);
    for (block, digest) in digests {
        bytes.extend(block.to_le_bytes());
        bytes.extend(digest.0);
    }
    let seal = blake3::hash(&bytes);
    bytes.extend(seal.as_bytes());
    durable::replace(&path_of(file), &bytes)
}

/// Reads fingerprints; none when there are none or they are damaged (then there is nothing to compare with).
pub(super) fn read(file: &Path) -> Result<Option<BTreeMap<u64, Digest>>> {
    let Some(bytes) = files::read_bounded(&path_of(file), BYTES_MAX)? else { return Ok(None) };
    let content = bytes.len().checked_sub(32).and_then(|end| bytes.split_at_checked(end));
    let Some((content, seal)) = content else { return Ok(None) };
    let whole = blake3::hash(content).as_bytes().as_slice() == seal;
    let Some(entries) = content.strip_prefix(MAGIC.as_slice()).filter(|_| whole) else { return Ok(None) };
    let mut digests = BTreeMap::new();
    for entry in entries.chunks_exact(24) {
        if let Some((block, digest)) = entry.split_first_chunk::<8>() {
            digests.insert(u64::from_le_bytes(*block), Digest(digest.try_into().unwrap_or_default()));
        }
    }
    Ok(Some(digests))
}
