//! A disk as a chain of files, bottom first, read block by block: what holds a block, and its bytes. Apart from
//! `qcow2`, which knows one file, and from `store`, which decides what the chain is.

use crate::digest::{BLOCK_BYTES, blocks_of};
use crate::error::{ReplicationError, Result};
use crate::files::{Mode, open_direct, read_fully};
use crate::qcow2::{Cluster, Reader};
use leeward_model::DiskFormat;
use rustix::fs::SeekFrom;
use serde::{Deserialize, Serialize};
use std::fs::File;
use std::path::{Path, PathBuf};

/// One file of a chain.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Layer {
    /// Absolute path.
    pub path: PathBuf,
    /// Its format.
    pub format: DiskFormat,
}

/// What a chain holds of a block.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Held {
    /// Nothing was ever written there, or zeros: reads as zeros.
    Zeros,
    /// Bytes, which may be zeros all the same.
    Bytes,
}

/// An open chain.
pub struct Chain {
    layers: Vec<Open>,
    size_bytes: u64,
}

enum Open {
    Raw { file: File, path: PathBuf, extents: Vec<(u64, u64)> },
    Image(Reader),
}

impl Chain {
    /// Opens a chain, bottom first.
    ///
    /// # Errors
    /// When a file cannot be opened or makes no sense.
    pub fn open(layers: &[Layer], size_bytes: u64) -> Result<Self> {
        let mut open = Vec::with_capacity(layers.len());
        for layer in layers {
            open.push(match layer.format {
                DiskFormat::Raw => raw(&layer.path)?,
                DiskFormat::Qcow2 => Open::Image(Reader::open(&layer.path)?),
            });
        }
        Ok(Self { layers: open, size_bytes })
    }

    /// How many blocks the disk has.
    #[must_use]
    pub fn blocks(&self) -> u64 {
        blocks_of(self.size_bytes)
    }

    /// What is held of a block.
    #[must_use]
    pub fn held(&self, block: u64) -> Held {
        let (begin, end) = (block * BLOCK_BYTES, ((block + 1) * BLOCK_BYTES).min(self.size_bytes));
        let mut at = begin;
        while at < end {
            let (bytes, step) = self.piece(at, end);
            if bytes {
                return Held::Bytes;
            }
            at += step;
        }
        Held::Zeros
    }

    /// Whether there are bytes at an offset, and how far that goes at least.
    fn piece(&self, at: u64, end: u64) -> (bool, u64) {
        let mut step = end - at;
        for layer in self.layers.iter().rev() {
            match layer {
                Open::Raw { extents, .. } => {
                    let next = extents.partition_point(|(_, to)| *to <= at);
                    return match extents.get(next) {
                        Some((from, _)) if *from <= at => (true, step),
                        Some((from, _)) => (false, step.min(from - at)),
                        None => (false, step),
                    };
                }
                Open::Image(reader) => {
                    let size = reader.header().cluster_bytes();
                    step = step.min(size - at % size);
                    match reader.cluster(at / size) {
                        Cluster::At(_) => return (true, step),
                        Cluster::Zero => return (false, step),
                        Cluster::Below => {}
                    }
                }
            }
        }
        (false, step)
    }

    /// Runs of blocks that may hold something else than zeros, each at most `most` blocks long, from `from` on.
    pub fn runs(&self, from: u64, most: u64) -> impl Iterator<Item = (u64, u64)> + '_ {
        let mut at = from;
        let all = self.blocks();
        std::iter::from_fn(move || {
            at = self.next_held(at)?;
            let begin = at;
            while at < all && at - begin < most && self.held(at) == Held::Bytes {
                at += 1;
            }
            Some((begin, at - begin))
        })
    }

    /// The first block from `at` on that holds bytes.
    fn next_held(&self, mut at: u64) -> Option<u64> {
        let all = self.blocks();
        while at < all {
            if self.held(at) == Held::Bytes {
                return Some(at);
            }
            // A single raw file knows where its next extent is; walking a terabyte of holes block by block does not.
            at = match self.layers.as_slice() {
                [Open::Raw { extents, .. }] => {
                    let next = extents.partition_point(|(_, to)| *to <= at * BLOCK_BYTES);
                    let from = extents.get(next)?.0;
                    (from / BLOCK_BYTES).max(at + 1)
                }
                _ => at + 1,
            };
        }
        None
    }

    /// Reads consecutive blocks. The buffer is a whole number of blocks; what lies behind the disk's end reads as
    /// zeros.
    ///
    /// # Errors
    /// When a file cannot be read.
    pub fn read(&self, first: u64, buffer: &mut [u8]) -> Result<()> {
        let mut at = first * BLOCK_BYTES;
        let mut room = buffer;
        while !room.is_empty() {
            let end = at + room.len() as u64;
            let step = self.read_piece(at, end, room)?;
            let step_len = usize::try_from(step).unwrap_or(room.len()).min(room.len());
            room = room.get_mut(step_len..).unwrap_or(&mut []);
            at += step;
        }
        Ok(())
    }

    /// Reads what one layer holds at an offset; how far that went.
    fn read_piece(&self, at: u64, end: u64, room: &mut [u8]) -> Result<u64> {
        let mut step = end - at;
        let part = |room: &mut [u8], step: u64, fill: &mut dyn FnMut(&mut [u8]) -> Result<()>| {
            let len = usize::try_from(step).unwrap_or(0).min(room.len());
            fill(room.get_mut(..len).unwrap_or(&mut []))?;
            Ok(step)
        };
        let mut zero = |part: &mut [u8]| {
            part.fill(0);
            Ok(())
        };
        for layer in self.layers.iter().rev() {
            match layer {
                Open::Raw { file, path, .. } => {
                    return part(room, step, &mut |part| {
                        read_fully(file, part, at).map_err(ReplicationError::file("read", path.as_path()))
                    });
                }
                Open::Image(reader) => {
                    let size = reader.header().cluster_bytes();
                    step = step.min(size - at % size);
                    match reader.cluster(at / size) {
                        Cluster::At(place) => {
                            return part(room, step, &mut |part| reader.read(place + at % size, part));
                        }
                        Cluster::Zero => return part(room, step, &mut zero),
                        Cluster::Below => {}
                    }
                }
            }
        }
        part(room, step, &mut zero)
    }
}

/// A raw file and where it has bytes.
fn raw(path: &Path) -> Result<Open> {
    let failed = |e: rustix::io::Errno| ReplicationError::file("read", path)(e.into());
    let file = open_direct(path, Mode::Read).map_err(ReplicationError::file("open", path))?;
    let length = file.metadata().map_err(ReplicationError::file("read", path))?.len();
    let mut extents = Vec::new();
    let mut at = 0;
    while at < length {
        let from = match rustix::fs::seek(&file, SeekFrom::Data(at)) {
            Ok(from) => from,
            // Nothing but holes from here on.
            Err(rustix::io::Errno::NXIO) => break,
            // A file system that knows no holes has bytes everywhere.
            Err(rustix::io::Errno::INVAL) => at,
            Err(e) => return Err(failed(e)),
        };
        let to = rustix::fs::seek(&file, SeekFrom::Hole(from)).unwrap_or(length);
        extents.push((from, to.max(from + 1)));
        at = to.max(from + 1);
    }
    Ok(Open::Raw { file, path: path.to_owned(), extents })
}
