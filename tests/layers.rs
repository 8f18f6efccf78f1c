//! The layers of the house, held as a test: a crate may name only what ARCHITECTURE.md allows it. Apart from
//! `tidy`, which reads the text of files, not their dependencies.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

/// Crate -> crates of ours that it may depend on (dev-dependencies are free).
const ALLOWED: &[(&str, &[&str])] = &[
    ("model", &[]),
    ("replication", &["model"]),
    ("fabric", &["model", "replication"]),
    ("link", &["model"]),
    ("agent", &["model", "replication", "fabric", "link"]),
    ("engine", &["model", "link"]),
    ("desktop", &["model"]),
    ("lab", &["model", "link"]),
    ("sim", &["model", "engine", "link"]),
];

#[test]
fn crates_depend_only_downwards() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    for (name, allowed) in ALLOWED {
        let manifest = std::fs::read_to_string(root.join("src").join(name).join("Cargo.toml"))
            .unwrap_or_else(|e| panic!("src/{name}/Cargo.toml: {e}"));
        let named = ours_in_dependencies(&manifest);
        let allowed: BTreeSet<String> = allowed.iter().map(|a| (*a).to_owned()).collect();
        let too_much: Vec<_> = named.difference(&allowed).collect();
        assert!(too_much.is_empty(), "src/{name} may not depend on {too_much:?}");
    }
}

#[test]
fn every_room_is_in_the_table() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let known: BTreeMap<_, _> = ALLOWED.iter().copied().collect();
    for entry in std::fs::read_dir(root).expect("src is there") {
        let entry = entry.expect("readable");
        if entry.path().join("Cargo.toml").exists() {
            let name = entry.file_name().to_string_lossy().into_owned();
            assert!(known.contains_key(name.as_str()), "src/{name} is not in the table of layers");
        }
    }
}

#[test]
fn evidence_is_minted_only_where_it_is_earned() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut offenders = Vec::new();
    visit(&root, &mut |path, text| {
        let shown = path.strip_prefix(&root).unwrap_or(path).to_string_lossy().replace('\\', "/");
        let may = shown == "model/evidence.rs"
            || shown == "agent/main.rs"
            || shown.starts_with("sim/")
            || shown.starts_with("agent/trial/")
            || shown.contains("/tests/")
            || shown.ends_with("tests.rs");
        // What follows the first test module is test code.
        let product = text.split("#[cfg(test)]").next().unwrap_or(text);
        if !may && product.contains("EvidenceMint::grant") {
            offenders.push(shown);
        }
    });
    assert!(offenders.is_empty(), "EvidenceMint::grant is named in {offenders:?}");
}

fn ours_in_dependencies(manifest: &str) -> BTreeSet<String> {
    let mut inside = false;
    let mut found = BTreeSet::new();
    for line in manifest.lines() {
        if line.starts_with('[') {
            inside = line.trim() == "[dependencies]" || line.trim() == "[build-dependencies]";
        } else if inside && let Some(rest) = line.strip_prefix("leeward-") {
            found.insert(rest.split(['.', ' ', '=']).next().unwrap_or_default().to_owned());
        }
    }
    found
}

fn visit(folder: &Path, seen: &mut impl FnMut(&Path, &str)) {
    for entry in std::fs::read_dir(folder).expect("readable folder") {
        let path = entry.expect("readable entry").path();
        if path.is_dir() {
            visit(&path, seen);
        } else if path.extension().is_some_and(|e| e == "rs") {
            seen(&path, &std::fs::read_to_string(&path).expect("readable file"));
        }
    }
}
