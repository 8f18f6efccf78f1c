//! Test disks: sparse raw images with data that neither compresses to nothing nor is all random. Apart from the
//! product's own writers, which are what is measured.

use std::fs::File;
use std::io;
use std::os::unix::fs::{FileExt as _, MetadataExt as _};
use std::path::Path;

/// 64 KiB, the product's block.
pub(crate) const BLOCK: u64 = 65_536;

/// Writes `data_bytes` of data in runs over a sparse file of `size_bytes`; the rest are holes.
pub(crate) fn make(path: &Path, size_bytes: u64, data_bytes: u64, seed: u64) -> io::Result<()> {
    let file = File::create(path)?;
    file.set_len(size_bytes)?;
    let run = 4 * 1024 * 1024_u64;
    let stride = (size_bytes / (data_bytes / run).max(1)).max(run) / BLOCK * BLOCK;
    let mut written = 0;
    let mut at = 0;
    let mut state = seed | 1;
    while written < data_bytes && at + run <= size_bytes {
        let mut buffer = vec![0_u8; usize::try_from(run).map_err(io::Error::other)?];
        fill(&mut buffer, &mut state);
        file.write_all_at(&buffer, at)?;
        written += run;
        at += stride;
    }
    file.sync_all()
}

/// Changes `count` distinct blocks spread over the data of the image; returns their indexes.
pub(crate) fn change(path: &Path, count: u64, seed: u64) -> io::Result<Vec<u64>> {
    let file = File::options().write(true).open(path)?;
    let blocks = file.metadata()?.len() / BLOCK;
    let step = (blocks / count.max(1)).max(1);
    let mut state = seed | 1;
    let mut changed = Vec::new();
    for n in 0..count {
        let index = n * step;
        if index >= blocks {
            break;
        }
        let mut buffer = vec![0_u8; usize::try_from(BLOCK).map_err(io::Error::other)?];
        fill(&mut buffer, &mut state);
        file.write_all_at(&buffer, index * BLOCK)?;
        changed.push(index);
    }
    file.sync_all()?;
    Ok(changed)
}

/// Bytes that the files of a folder really take on the disk.
pub(crate) fn allocated(folder: &Path) -> io::Result<u64> {
    let mut bytes = 0;
    for entry in std::fs::read_dir(folder)? {
        let entry = entry?;
        bytes += if entry.file_type()?.is_dir() {
            allocated(&entry.path())?
        } else {
            entry.metadata()?.blocks() * 512
        };
    }
    Ok(bytes)
}

/// Half noise, half text-like repetition: about what file systems hold.
fn fill(buffer: &mut [u8], state: &mut u64) {
    for chunk in buffer.chunks_mut(8) {
        *state ^= *state << 13;
        *state ^= *state >> 7;
        *state ^= *state << 17;
        let word = if *state & 1 == 0 { *state } else { 0x2065_6c69_6620_6120 };
        chunk.copy_from_slice(&word.to_le_bytes()[..chunk.len()]);
    }
}
