//! The archive that a kernel unpacks as its first file system (cpio, "newc"). Written by ourselves, because its
//! files must belong to root and it must hold device nodes, and neither can be made by an ordinary user.

const FOLDER: u32 = 0o040_000;
const FILE: u32 = 0o100_000;
const LINK: u32 = 0o120_000;
const CHARACTER_DEVICE: u32 = 0o020_000;

/// An archive being written.
#[derive(Default)]
pub(crate) struct Archive {
    bytes: Vec<u8>,
    inode: u32,
}

impl Archive {
    pub(crate) fn folder(&mut self, path: &str) {
        self.entry(path, FOLDER | 0o755, (0, 0), &[]);
    }

    pub(crate) fn file(&mut self, path: &str, mode: u32, content: &[u8]) {
        self.entry(path, FILE | mode, (0, 0), content);
    }

    pub(crate) fn link(&mut self, path: &str, to: &str) {
        self.entry(path, LINK | 0o777, (0, 0), to.as_bytes());
    }

    /// A character device with its major and minor number.
    pub(crate) fn device(&mut self, path: &str, major: u32, minor: u32) {
        self.entry(path, CHARACTER_DEVICE | 0o600, (major, minor), &[]);
    }

    /// The whole archive.
    pub(crate) fn finish(mut self) -> Vec<u8> {
        self.entry("TRAILER!!!", 0, (0, 0), &[]);
        self.bytes
    }

    fn entry(&mut self, path: &str, mode: u32, device: (u32, u32), content: &[u8]) {
        self.inode += 1;
        let links = if mode & FOLDER == FOLDER { 2 } else { 1 };
        // 4 GiB is far beyond what a guest's memory could take.
        let size = u32::try_from(content.len()).unwrap_or(u32::MAX);
        let name_bytes = u32::try_from(path.len() + 1).unwrap_or(u32::MAX);
        let fields = [self.inode, mode, 0, 0, links, 0, size, 0, 0, device.0, device.1, name_bytes, 0];
        self.bytes.extend_from_slice(b"070701");
        for field in fields {
            self.bytes.extend_from_slice(format!("{field:08x}").as_bytes());
        }
        self.bytes.extend_from_slice(path.as_bytes());
        self.bytes.push(0);
        self.pad();
        self.bytes.extend_from_slice(content);
        self.pad();
    }

    fn pad(&mut self) {
        self.bytes.resize(self.bytes.len().next_multiple_of(4), 0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_entry_lies_as_the_kernel_reads_it() {
        let mut archive = Archive::default();
        archive.file("init", 0o755, b"#!");
        let bytes = archive.finish();
        let head = std::str::from_utf8(&bytes[..110]).expect("text");
        assert_eq!(&head[..6], "070701");
        assert_eq!(&head[14..22], "000081ed", "mode");
        assert_eq!(&head[54..62], "00000002", "size");
        assert_eq!(&head[94..102], "00000005", "name with its end");
        assert_eq!(&bytes[110..115], b"init\0");
        assert_eq!(&bytes[116..118], b"#!");
        assert_eq!(&bytes[120..126], b"070701", "the next entry begins aligned");
        assert!(bytes.windows(10).any(|w| w == b"TRAILER!!!"));
    }
}
