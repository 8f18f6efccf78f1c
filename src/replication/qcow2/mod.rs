//! The image format of QEMU, as far as replicas need it: any image without compression, encryption or an external
//! data file is read; new images are written append-only, with the header last. Nothing here changes an image that
//! is there: a crash can only leave a file without a header.

mod reader;
mod writer;

pub use reader::{Cluster, Header, Reader};
pub use writer::Writer;

pub(crate) const MAGIC: u32 = 0x5146_49fb;
