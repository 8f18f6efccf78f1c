//! The message files against the code: no key in code without a sentence, no sentence that nothing shows. Apart from
//! `tidy`, which reads code alone.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// Functions whose first argument is the key of a sentence.
const SAYING: &[&str] =
    &["Message::new", "Fault::new", "msg", "words", "text::text", "refuse", "passing", "titled", "counted"];

/// Rooms whose texts nobody reads: they stand for others in tests.
const UNREAD: &[&str] = &["src/sim/"];

/// Beginnings and ends of keys that are put together at run time, each with where.
const MADE: &[(&str, &str)] = &[
    ("verb-", ""),        // model/verb.rs: titles and hints of verbs
    ("cli-arg-", ""),     // cli/arguments.rs
    ("cli-group-", ""),   // cli/grammar.rs
    ("month-", ""),       // desktop/kit/wording.rs
    ("blade-", "-also"),  // desktop/shell/palette.rs
    ("health-", "-many"), // engine/projector/overview.rs
];

#[test]
fn every_key_in_code_has_a_sentence() {
    let keys = keys();
    let mut missing = Vec::new();
    for (path, text) in sources() {
        if UNREAD.iter().any(|room| path.starts_with(room)) {
            continue;
        }
        for name in SAYING {
            let call = format!("{name}(");
            for (at, _) in text.match_indices(&call) {
                let before = text[..at].chars().next_back();
                let whole = !before.is_some_and(|c| c.is_alphanumeric() || c == '_');
                let rest = text[at + call.len()..].trim_start();
                let Some(key) = rest.strip_prefix('"').and_then(|r| r.split('"').next()) else { continue };
                if whole && looks_like_a_key(key) && !keys.contains(key) {
                    missing.push(format!("{path}: {key}"));
                }
                let fault = *name == "Fault::new" && looks_like_a_key(key);
                if fault && !keys.contains(&format!("{key}-action")) {
                    missing.push(format!("{path}: {key}-action"));
                }
            }
        }
    }
    assert!(missing.is_empty(), "no sentence for: {missing:#?}");
}

#[test]
fn every_sentence_is_shown_somewhere() {
    let literals: BTreeSet<String> = sources().iter().flat_map(|(_, text)| literals(text)).collect();
    let shown = |key: &str| {
        literals.contains(key)
            || ["-cause", "-action"]
                .iter()
                .any(|end| key.strip_suffix(end).is_some_and(|k| literals.contains(k)))
            || MADE.iter().any(|(begin, end)| key.starts_with(begin) && key.ends_with(end))
    };
    let unused: Vec<String> = keys().into_iter().filter(|key| !shown(key)).collect();
    assert!(unused.is_empty(), "nothing shows: {unused:#?}");
}

/// A translation may lack sentences, never have ones of its own: those would be misspelt.
#[test]
fn further_languages_have_no_key_that_english_lacks() {
    let english = keys();
    for folder in std::fs::read_dir(root().join("assets/messages")).expect("readable") {
        let folder = folder.expect("readable").path();
        let strange: Vec<String> =
            keys_of(&folder).into_iter().filter(|key| !english.contains(key)).collect();
        assert!(strange.is_empty(), "{}: {strange:#?}", folder.display());
    }
}

fn looks_like_a_key(text: &str) -> bool {
    text.contains('-') && text.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-')
}

/// What stands between quotes on one line.
fn literals(text: &str) -> Vec<String> {
    text.lines().flat_map(|line| line.split('"').map(str::to_owned)).collect()
}

fn keys() -> BTreeSet<String> {
    let keys = keys_of(&root().join("assets/messages/en"));
    assert!(keys.len() > 500, "the message files were found");
    keys
}

fn keys_of(folder: &Path) -> BTreeSet<String> {
    let mut keys = BTreeSet::new();
    for entry in std::fs::read_dir(folder).expect("readable folder") {
        let text = std::fs::read_to_string(entry.expect("readable").path()).expect("readable file");
        for line in text.lines().filter(|l| l.starts_with(|c: char| c.is_ascii_lowercase())) {
            keys.extend(line.split_once('=').map(|(key, _)| key.trim().to_owned()));
        }
    }
    keys
}

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// The product's sources by path, without what is only for tests.
fn sources() -> Vec<(String, String)> {
    let mut found = Vec::new();
    let mut folders = vec![root().join("src")];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).expect("readable folder") {
            let path = entry.expect("readable entry").path();
            if path.is_dir() && !path.ends_with("tests") {
                folders.push(path);
            } else if path.extension().is_some_and(|e| e == "rs") {
                let text = std::fs::read_to_string(&path).expect("readable source");
                let shown = path.strip_prefix(root()).expect("inside").to_string_lossy().replace('\\', "/");
                // What follows is a test module.
                let product = text.split("#[cfg(test)]\nmod tests {").next().unwrap_or_default();
                found.push((shown, product.to_owned()));
            }
        }
    }
    found
}
