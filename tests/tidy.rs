//! House rules that a compiler cannot hold: file headers, sizes, words, stray paths. Apart from `layers`, which
//! reads dependencies.

use std::path::{Path, PathBuf};

const LINES_MAX: usize = 700;
const FUNCTION_LINES_MAX: usize = 70;

/// Words DESIGN refuses in names of files and folders: they say nothing about what is inside.
const EMPTY_NAMES: &[&str] = &["utils", "util", "helpers", "helper", "common", "misc", "manager", "handler"];

#[test]
fn every_file_opens_with_what_it_is() {
    let bad: Vec<_> = sources()
        .into_iter()
        .filter(|(_, text)| !text.trim_start().starts_with("//!"))
        .map(|(p, _)| p)
        .collect();
    assert!(bad.is_empty(), "no `//!` at the top of: {bad:#?}");
}

#[test]
fn files_stay_small() {
    let bad: Vec<_> = sources()
        .into_iter()
        .map(|(p, text)| (p, text.lines().count()))
        .filter(|(_, n)| *n > LINES_MAX)
        .collect();
    assert!(bad.is_empty(), "over {LINES_MAX} lines: {bad:#?}");
}

#[test]
fn functions_stay_small() {
    let mut bad = Vec::new();
    for (path, text) in sources() {
        if path.to_string_lossy().contains("/tests/") {
            continue;
        }
        for (name, lines) in functions(&product(&text)) {
            if lines > FUNCTION_LINES_MAX {
                bad.push(format!("{}: {name} has {lines} lines", path.display()));
            }
        }
    }
    assert!(bad.is_empty(), "functions over {FUNCTION_LINES_MAX} lines:\n{}", bad.join("\n"));
}

#[test]
fn names_say_something() {
    let bad: Vec<_> = sources()
        .into_iter()
        .map(|(p, _)| p)
        .filter(|p| {
            p.iter().any(|part| {
                let part = part.to_string_lossy();
                EMPTY_NAMES.contains(&part.trim_end_matches(".rs"))
            })
        })
        .collect();
    assert!(bad.is_empty(), "empty names: {bad:#?}");
}

#[test]
fn nothing_names_a_machine_it_was_built_on() {
    let root = root();
    // Where this very checkout lies: a path that would only be right here. One short folder could stand for anything.
    let here = format!("{}/", root.display());
    let telling = root.components().count() > 2;
    let mut bad = Vec::new();
    for folder in
        ["src", "tests", "packaging", "assets", "docs", ".ci", "README.md", "ARCHITECTURE.md", "CHANGELOG.md"]
    {
        walk(&root.join(folder), &mut |path| {
            let Ok(text) = std::fs::read_to_string(path) else { return };
            for (number, line) in text.lines().enumerate() {
                if telling && line.contains(&here) {
                    bad.push(format!("{}:{}", path.display(), number + 1));
                }
            }
        });
    }
    assert!(bad.is_empty(), "paths of a machine: {bad:#?}");
}

#[test]
fn no_test_is_switched_off_and_nothing_waits_to_be_done() {
    let mut bad = Vec::new();
    for (path, text) in sources() {
        if path.ends_with("tests/tidy.rs") {
            continue;
        }
        for (number, line) in text.lines().enumerate() {
            let bare_todo = line.contains("TODO") && !line.contains("TODO(");
            if line.trim_start().starts_with("#[ignore") || line.contains("FIXME") || bare_todo {
                bad.push(format!("{}:{}: {}", path.display(), number + 1, line.trim()));
            }
        }
    }
    assert!(bad.is_empty(), "{bad:#?}");
}

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn sources() -> Vec<(PathBuf, String)> {
    let root = root();
    let mut found = Vec::new();
    for folder in ["src", "tests", "benches", "fuzz/fuzz_targets"] {
        walk(&root.join(folder), &mut |path| {
            if path.extension().is_some_and(|e| e == "rs") {
                let text = std::fs::read_to_string(path).expect("readable source");
                found.push((path.strip_prefix(&root).expect("inside").to_owned(), text));
            }
        });
    }
    assert!(found.len() > 20, "the walk found the sources");
    found
}

fn walk(path: &Path, seen: &mut impl FnMut(&Path)) {
    if path.is_dir() {
        for entry in std::fs::read_dir(path).expect("readable folder") {
            walk(&entry.expect("readable entry").path(), seen);
        }
    } else if path.exists() {
        seen(path);
    }
}

/// What is no test module: the text without `#[cfg(test)] mod … { … }`, wherever that stands. Other things that are
/// there only for tests stay: they are among the product's own.
fn product(text: &str) -> String {
    let mut kept = String::new();
    let mut lines = text.lines().peekable();
    while let Some(line) = lines.next() {
        let indent = line.len() - line.trim_start().len();
        let opens = |l: &str| {
            l.trim_start().trim_start_matches("pub(crate) ").starts_with("mod ") && l.ends_with('{')
        };
        if line.trim() == "#[cfg(test)]" && lines.peek().is_some_and(|next| opens(next)) {
            let closing = format!("{}}}", " ".repeat(indent));
            for inside in lines.by_ref() {
                if inside == closing {
                    break;
                }
            }
            continue;
        }
        kept.push_str(line);
        kept.push('\n');
    }
    kept
}

#[test]
fn only_test_modules_are_left_out() {
    let text =
        "#[cfg(test)]\nmod tests;\nfn a() {}\n#[cfg(test)]\nmod b {\n    fn c() {\n    }\n}\nfn d() {}\n";
    let product = product(text);
    assert!(product.contains("fn a()") && product.contains("fn d()"), "{product}");
    assert!(!product.contains("fn c()"), "{product}");
}

/// The rooms that must give the same for the same: a clock, chance or the environment would make a test of them say
/// little and a replay of them differ.
#[test]
fn pure_rooms_read_no_clock_no_chance_and_no_environment() {
    const PURE: &[&str] = &[
        "src/model/",
        "src/replication/",
        "src/engine/core/",
        "src/engine/workflows/",
        "src/engine/projector/",
    ];
    const IMPURE: &[&str] = &[
        "SystemTime::now",
        "Instant::now",
        "Uuid::new_v4",
        "Uuid::now_v7",
        "env::var",
        "env::current_dir",
        "env::home_dir",
        "env::temp_dir",
        "env::args",
        "getrandom",
        "rand::",
        "OsRng",
    ];
    let mut bad = Vec::new();
    for (path, text) in sources() {
        let shown = path.to_string_lossy().replace('\\', "/");
        // A build script runs when the program is made, not in it.
        let tests = shown.contains("/tests/") || shown.ends_with("tests.rs") || shown.ends_with("/build.rs");
        if tests || !PURE.iter().any(|room| shown.starts_with(room)) {
            continue;
        }
        for (number, line) in product(&text).lines().enumerate() {
            // Holding a rate down needs to know how long a second is; no byte depends on it.
            let throttle = shown == "src/replication/control.rs" && line.contains("Instant::now");
            if !throttle
                && IMPURE.iter().any(|word| line.contains(word))
                && !line.trim_start().starts_with("//")
            {
                bad.push(format!("{shown}, about line {}: {}", number + 1, line.trim()));
            }
        }
    }
    assert!(bad.is_empty(), "{bad:#?}");
}

/// Functions of rustfmt-formatted text: from a line with `fn ` to the closing brace at the same indent.
fn functions(text: &str) -> Vec<(String, usize)> {
    let lines: Vec<&str> = text.lines().collect();
    let mut found = Vec::new();
    for (start, line) in lines.iter().enumerate() {
        let trimmed = line.trim_start();
        let indent = line.len() - trimmed.len();
        let Some(at) = trimmed.find("fn ") else { continue };
        let before = trimmed.get(..at).unwrap_or_default();
        let is_fn = before
            .split_whitespace()
            .all(|w| matches!(w, "pub" | "async" | "const" | "unsafe" | "extern") || w.starts_with("pub("));
        if !is_fn || trimmed.ends_with(';') || (trimmed.ends_with('}') && trimmed.contains('{')) {
            continue;
        }
        let name = trimmed.get(at + 3..).unwrap_or_default().split(['(', '<']).next().unwrap_or_default();
        let closing = format!("{}}}", " ".repeat(indent));
        if let Some(length) = lines.iter().skip(start).position(|l| *l == closing) {
            found.push((name.to_owned(), length + 1));
        }
    }
    found
}
