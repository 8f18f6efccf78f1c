//! Builds the guest's program as one static file and hands it to the library, so that a lab can be made from any
//! program of ours, wherever it was installed. Apart from the `lab-guest` target, which is the same source for
//! the tests.

use std::path::PathBuf;
use std::process::Command;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    println!("cargo::rerun-if-changed=guest");
    println!("cargo::rerun-if-changed=build.rs");
    let out = PathBuf::from(std::env::var("OUT_DIR")?).join("lab-guest");
    let linux = std::env::var("CARGO_CFG_TARGET_OS")? == "linux";
    let x86 = std::env::var("CARGO_CFG_TARGET_ARCH")? == "x86_64";
    if !(linux && x86) {
        // The lab needs QEMU and Debian's packages; elsewhere it says that it cannot be made.
        std::fs::write(out, b"")?;
        return Ok(());
    }
    let manifest = PathBuf::from(std::env::var("CARGO_MANIFEST_DIR")?);
    let status = Command::new(std::env::var("RUSTC")?)
        .args(["--edition", "2024", "--crate-name", "lab_guest", "--crate-type", "bin"])
        .args(["-C", "opt-level=2", "-C", "panic=abort", "-C", "strip=symbols"])
        .args(["-C", "target-feature=+crt-static", "--target", "x86_64-unknown-linux-gnu"])
        .arg("-o")
        .arg(&out)
        .arg(manifest.join("guest/main.rs"))
        .status()?;
    if !status.success() {
        return Err(
            "the guest's program does not build; a static C library is needed (package libc6-dev)".into()
        );
    }
    Ok(())
}
