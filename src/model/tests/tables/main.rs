//! The rules of the model as text that a person can read and review: every circumstance, every verb, and whether it
//! may be used or why not. Apart from the rules themselves: here stands what they come to.
//!
//! A change of a rule changes a table; the difference is what is reviewed. To write them anew:
//! `LEEWARD_UPDATE_TABLES=1 cargo nextest run -p leeward-model --test tables`
#![allow(clippy::tests_outside_test_module, reason = "an integration test is all tests")]

mod arrows;
mod health;
mod items;
mod others;
mod states;

use std::path::Path;

/// Compares a table with its file, or writes the file.
fn compare(name: &str, table: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/tables").join(name);
    if std::env::var_os("LEEWARD_UPDATE_TABLES").is_some() {
        std::fs::write(&path, table).expect("the table is written");
        return;
    }
    let kept = std::fs::read_to_string(&path).unwrap_or_default();
    let differs = kept.lines().zip(table.lines()).position(|(old, new)| old != new);
    let at = differs.unwrap_or_else(|| kept.lines().count().min(table.lines().count()));
    assert!(
        kept == table,
        "{name} line {}:\n  was: {}\n  now: {}",
        at + 1,
        kept.lines().nth(at).unwrap_or("(the end)"),
        table.lines().nth(at).unwrap_or("(the end)")
    );
}

/// What an answer is called in a table.
fn word(answer: Result<(), leeward_model::Refusal>) -> String {
    match answer {
        Ok(()) => "yes".to_owned(),
        Err(refusal) => refusal.why.key.strip_prefix("refusal-").unwrap_or(&refusal.why.key).to_owned(),
    }
}
