//! The fingerprints of a file's blocks, kept beside it so that a point can be verified: what a chain whose topmost file
//! it is reads there. A file without them is an adopted one; a comparison with one keeps those of the blocks that were
//! found equal as well. While a file is still arriving they are only appended to, so that nothing has to be read again when
//! the rest comes.

use crate::digest::Digest;
use crate::durable;
use crate::error::{ReplicationError, Result};
use crate::files;
use std::collections::BTreeMap;
use std::fs::{File, OpenOptions};
use std::path::{Path, PathBuf};

const MAGIC: &[u8; 8] = b"LWDIG\0\0\x01";

/// The same, of all blocks of the disk.
const MAGIC_WHOLE: &[u8; 8] = b"LWDIG\0\0\x02";

/// The longest file.
const BYTES_MAX: u64 = 1 << 30;

pub(super) fn path_of(file: &Path) -> PathBuf {
    file.with_added_extension("digests")
}

/// The fingerprints of a file.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(super) struct Prints {
    pub(super) blocks: BTreeMap<u64, Digest>,
    /// They speak of all blocks, also of those in the files below: what is not named is zeros.
    pub(super) whole: bool,
}

impl Prints {
    /// Takes those of the next file above.
    pub(super) fn lay(&mut self, above: Self) {
        if above.whole {
            *self = above;
        } else {
            self.blocks.extend(above.blocks);
        }
    }

    /// Takes those of the next file below.
    pub(super) fn lie_under(&mut self, below: Self) {
        if self.whole {
            return;
        }
        self.whole = below.whole;
        for (block, digest) in below.blocks {
            self.blocks.entry(block).or_insert(digest);
        }
    }
}

/// Keeps fingerprints durably.
pub(super) fn write(file: &Path, prints: &Prints) -> Result<()> {
    let mut bytes = Vec::with_capacity(prints.blocks.len() * ENTRY + 40);
    bytes.extend(if prints.whole { MAGIC_WHOLE } else { MAGIC });
    for (block, digest) in &prints.blocks {
        bytes.extend(block.to_le_bytes());
        bytes.extend(digest.0);
    }
    let seal = blake3::hash(&bytes);
    bytes.extend(seal.as_bytes());
    durable::replace(&path_of(file), &bytes)
}

/// Reads fingerprints; none when there are none or they are damaged (then there is nothing to compare with).
pub(super) fn read(file: &Path) -> Result<Option<Prints>> {
    let Some(bytes) = files::read_bounded(&path_of(file), BYTES_MAX)? else { return Ok(None) };
    let content = bytes.len().checked_sub(32).and_then(|end| bytes.split_at_checked(end));
    let Some((content, seal)) = content else { return Ok(None) };
    let sound = blake3::hash(content).as_bytes().as_slice() == seal;
    let Some((magic, entries)) = content.split_first_chunk::<8>().filter(|_| sound) else { return Ok(None) };
    if magic != MAGIC && magic != MAGIC_WHOLE {
        return Ok(None);
    }
    let (mut digests, whole) = (BTreeMap::new(), magic == MAGIC_WHOLE);
    for entry in entries.chunks_exact(ENTRY) {
        if let Some((block, digest)) = entry.split_first_chunk::<8>() {
            digests.insert(u64::from_le_bytes(*block), Digest(digest.try_into().unwrap_or_default()));
        }
    }
    Ok(Some(Prints { blocks: digests, whole }))
}

/// A block's number and its fingerprint in a file.
const ENTRY: usize = 24;

/// Fingerprints in the order of their blocks.
pub(super) type Entries = Vec<(u64, Digest)>;

/// Marks the number of a block that has not come: it was found equal in the files below.
pub(super) const LIES_BELOW: u64 = 1 << 63;

/// The fingerprints of a file that is arriving, in the order of its blocks. They have no seal: what holds is how many
/// the record of the exchange names.
pub(super) struct Growing {
    file: File,
    path: PathBuf,
    count: u64,
}

impl Growing {
    /// Goes on behind so many entries, and gives them; begins anew and gives none when they are not all there.
    pub(super) fn open(beside: &Path, count: u64, end: u64) -> Result<(Self, Option<Entries>)> {
        let path = path_of(beside);
        let known = entries(&path, count, end)?;
        let open = || {
            if !path.exists() {
                durable::creating(&path)?;
            }
            OpenOptions::new().read(true).write(true).create(true).truncate(false).open(&path)
        };
        let file = open().map_err(ReplicationError::file("open", path.as_path()))?;
        let count = if known.is_some() { count } else { 0 };
        let length = file.metadata().map_err(ReplicationError::file("read", path.as_path()))?.len();
        if length != count * ENTRY as u64 {
            durable::set_len(&file, &path, count * ENTRY as u64)?;
        }
        Ok((Self { file, path, count }, known))
    }

    /// How many there are.
    pub(super) const fn count(&self) -> u64 {
        self.count
    }

    /// Appends and makes durable.
    pub(super) fn append(&mut self, more: impl Iterator<Item = (u64, Digest)>) -> Result<()> {
        let mut bytes = Vec::new();
        for (block, digest) in more {
            bytes.extend(block.to_le_bytes());
            bytes.extend(digest.0);
        }
        if bytes.is_empty() {
            return Ok(());
        }
        durable::write_at(&self.file, &self.path, &bytes, self.count * ENTRY as u64)?;
        durable::sync(&self.file, &self.path)?;
        self.count += (bytes.len() / ENTRY) as u64;
        Ok(())
    }
}

/// The first entries of a file, if there are so many, in order and below that block.
fn entries(path: &Path, count: u64, end: u64) -> Result<Option<Entries>> {
    let bytes = match files::read_bounded(path, BYTES_MAX) {
        Ok(Some(bytes)) => bytes,
        Ok(None) => return Ok((count == 0).then(Vec::new)),
        Err(ReplicationError::Damaged { .. }) => return Ok(None),
        Err(error) => return Err(error),
    };
    let length = usize::try_from(count).ok().and_then(|n| n.checked_mul(ENTRY));
    let Some(bytes) = length.and_then(|length| bytes.get(..length)) else { return Ok(None) };
    let mut known: Entries = Vec::with_capacity(bytes.len() / ENTRY);
    let number = |entry: &(u64, Digest)| entry.0 & !LIES_BELOW;
    for entry in bytes.chunks_exact(ENTRY) {
        let Some((block, digest)) = entry.split_first_chunk::<8>() else { return Ok(None) };
        let next = (u64::from_le_bytes(*block), Digest(digest.try_into().unwrap_or_default()));
        if number(&next) >= end || known.last().is_some_and(|last| number(last) >= number(&next)) {
            return Ok(None);
        }
        known.push(next);
    }
    Ok(Some(known))
}
