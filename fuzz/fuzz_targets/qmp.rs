//! Throws bytes at the reader of QEMU's control protocol: it must refuse or understand them, never panic, and
//! never hold more than its limit.
#![no_main]

use leeward_fabric::qmp::{LineReader, parse};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|pieces: Vec<Vec<u8>>| {
    let mut lines = LineReader::new(4096);
    for piece in &pieces {
        if lines.feed(piece).is_err() {
            return;
        }
        loop {
            match lines.next_line() {
                Ok(Some(line)) => {
                    assert!(line.len() <= 4096, "a line past the limit");
                    parse(&line).ok();
                }
                Ok(None) => break,
                Err(_) => return,
            }
        }
    }
});
