//! Lists the message files of every language for `text`, so that a further language is a folder of files and no
//! code.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

fn main() -> std::io::Result<()> {
    let messages = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../assets/messages");
    println!("cargo::rerun-if-changed={}", messages.display());
    let mut list = String::from("&[\n");
    for language in sorted(&messages)?.into_iter().filter(|p| p.is_dir()) {
        println!("cargo::rerun-if-changed={}", language.display());
        let tag = language.file_name().unwrap_or_default().to_string_lossy().into_owned();
        writeln!(list, "    ({tag:?}, &[").map_err(std::io::Error::other)?;
        for file in sorted(&language)?.into_iter().filter(|p| p.extension().is_some_and(|e| e == "ftl")) {
            let file = file.canonicalize()?;
            writeln!(list, "        include_str!({:?}),", file.display().to_string())
                .map_err(std::io::Error::other)?;
        }
        list.push_str("    ]),\n");
    }
    list.push_str("]\n");
    let out = std::env::var_os("OUT_DIR").map(PathBuf::from).unwrap_or_default();
    std::fs::write(out.join("languages.rs"), list)
}

fn sorted(folder: &Path) -> std::io::Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder)? {
        found.push(entry?.path());
    }
    found.sort();
    Ok(found)
}
