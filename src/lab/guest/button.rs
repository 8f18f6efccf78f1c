//! The power button: waits for it to be pressed and starts an orderly shutdown. For hosts whose request comes by
//! ACPI; the guest agent takes the other way to the same script.

use std::fs::File;
use std::io::Read as _;
use std::path::Path;
use std::process::Command;

/// Bytes of one input event on a 64-bit kernel: two words of time, type, code, value.
const EVENT_BYTES: usize = 24;
const EVENT_KEY: u16 = 1;
const KEY_POWER: u16 = 116;

/// Watches all input devices, each in a thread of its own that sleeps in its read.
pub(crate) fn watch(folder: &Path) {
    let Ok(entries) = std::fs::read_dir(folder) else { return };
    for entry in entries.flatten().filter(|e| e.file_name().to_string_lossy().starts_with("event")) {
        let Ok(mut device) = File::open(entry.path()) else { continue };
        std::thread::spawn(move || {
            let mut event = [0_u8; EVENT_BYTES];
            while device.read_exact(&mut event).is_ok() {
                if pressed(&event) {
                    crate::say("LEEWARD-BUTTON pressed=true");
                    // It ends with the power; a failure to start it leaves the guest running, as a real one would.
                    drop(Command::new("/sbin/shutdown").arg("-P").spawn());
                }
            }
        });
    }
}

fn pressed(event: &[u8; EVENT_BYTES]) -> bool {
    let half = |at: usize| u16::from_le_bytes([event[at], event[at + 1]]);
    half(16) == EVENT_KEY && half(18) == KEY_POWER && event[20] == 1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_press_of_the_power_key_counts() {
        let mut event = [0_u8; EVENT_BYTES];
        event[16] = 1;
        event[18] = 116;
        assert!(!pressed(&event), "let go");
        event[20] = 1;
        assert!(pressed(&event));
        event[18] = 30;
        assert!(!pressed(&event), "another key");
    }
}
