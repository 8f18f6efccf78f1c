//! The whole story on real parts through the public programs: real guests, real TLS between agent processes,
//! kills included. The same tour a person runs, without its window (the window has tests of its own).

use std::process::Command;

#[test]
fn real_tour_keeps_every_promise() {
    let out = tempfile::tempdir().expect("a folder for the report");
    let status = Command::new(env!("CARGO_BIN_EXE_leeward"))
        .args(["tour", "--no-window", "--out"])
        .arg(out.path())
        .status()
        .expect("the leeward program starts");
    let text = std::fs::read_to_string(out.path().join("report.json")).expect("the tour leaves a report");
    let report: serde_json::Value = serde_json::from_str(&text).expect("the report is JSON");
    assert!(status.success(), "the tour ended with {status}; its report: {text}");
    assert_eq!(report["ok"], true, "{text}");
    let steps = report["steps"].as_array().expect("steps");
    assert!(steps.len() >= 16, "all stages ran: {text}");
    let verified: usize = steps.iter().map(|s| s["verified"].as_array().map_or(0, Vec::len)).sum();
    assert!(verified >= 60, "verifications were made, not skipped: {verified}");
}
