//! Real boots of a lab machine from its own disks: what it says, its web server, freezing, a kill in the middle of
//! writing, an orderly stop by the agent in the guest and by the power button. One test, because each boot builds
//! on what the one before left on the disks.

mod machine;

use leeward_lab::{HostSpec, LabSpec, MachineSpec, Said, make};
use machine::Running;
use serde_json::json;
use std::path::{Path, PathBuf};

/// A lab of one machine. The cache is shared with every lab of this user.
fn small_lab(root: &Path) -> LabSpec {
    let standard = LabSpec::default(root);
    let host =
        HostSpec { machines: vec![MachineSpec::new("web01", "Web server", 20)], ..standard.hosts[0].clone() };
    LabSpec { hosts: vec![host], ..standard }
}

fn made() -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().expect("a folder");
    let lab = make(&small_lab(folder.path()), &mut |_| {}).expect("the lab is made");
    let machine = lab.host_folder("stockholm").expect("a host").join("machines/web01");
    (folder, machine)
}

/// What a boot must say: everything holds, and nothing that was ever said is missing.
fn proves(boot: &Said, at_least: u64) {
    assert!(boot.holds("ok") && boot.holds("gap_free") && boot.holds("pair_ok"), "{boot:?}");
    assert!(boot.number("last").expect("a number") >= at_least, "{boot:?} is behind {at_least}");
}

#[test]
fn real_guest_proves_its_records_after_a_kill_and_after_orderly_stops() {
    let (_lab, folder) = made();

    let mut first = Running::start(&folder);
    let boot = first.boot();
    proves(&boot, 0);
    assert_eq!((boot.number("first"), boot.number("last")), (Some(1), Some(0)));
    let before = first.ask_until("a hundred records", |state| state["last"].as_u64() >= Some(100));
    assert_eq!(before["host"], "web01");
    assert_eq!(before["gap_free"], true);
    first.picture(&folder.join("screen.png"));
    let picture = std::fs::read(folder.join("screen.png")).expect("a picture");
    assert!(picture.starts_with(b"\x89PNG") && picture.len() > 2000, "the page is on the screen");

    // Frozen, the writer stands; thawed, it goes on. The web server answers all the time.
    let mut agent = first.guest_agent();
    agent.run("guest-ping", &json!(null));
    assert_eq!(agent.run("guest-fsfreeze-freeze", &json!(null)), json!(2), "both file systems");
    let frozen = first.ask_until("the writer to wait", |state| state["waiting"] == true);
    let still = first.ask();
    assert_eq!(still["last"], frozen["last"], "nothing is written to a frozen disk");
    assert_eq!(agent.run("guest-fsfreeze-thaw", &json!(null)), json!(2));
    first.ask_until("the writer to go on", |state| state["last"].as_u64() > frozen["last"].as_u64());

    // Everything the web server has answered was synced before: a kill cannot take it.
    let seen = first.ask()["last"].as_u64().expect("a number");
    first.kill();

    let mut second = Running::start(&folder);
    let boot = second.boot();
    proves(&boot, seen);
    let found = boot.number("last").expect("a number");
    second.ask_until("new records", |state| state["last"].as_u64() >= Some(found + 10));
    second.guest_agent().send("guest-shutdown", &json!({"mode": "powerdown"}));
    let stopped = second.ended();

    let mut third = Running::start(&folder);
    let boot = third.boot();
    proves(&boot, stopped);
    assert_eq!(boot.number("last"), Some(stopped), "an orderly stop ends with its last record");
    third.ask_until("new records", |state| state["last"].as_u64() >= Some(stopped + 5));
    third.press_power_button();
    let stopped = third.ended();

    let mut fourth = Running::start(&folder);
    let boot = fourth.boot();
    assert_eq!(boot.number("last"), Some(stopped));
    proves(&boot, stopped);
    fourth.kill();
}

#[test]
fn real_guest_sees_disks_of_different_instants() {
    let (_lab, folder) = made();
    let mut early = Running::start(&folder);
    proves(&early.boot(), 0);
    let seen = early.ask_until("records", |state| state["last"].as_u64() >= Some(20));
    early.guest_agent().send("guest-shutdown", &json!({"mode": "powerdown"}));
    assert!(early.ended() >= seen["last"].as_u64().expect("a number"));
    // The OS disk of now, and later the data disk of then.
    std::fs::copy(folder.join("data.qcow2"), folder.join("old.qcow2")).expect("copied");
    let mut later = Running::start(&folder);
    later.boot();
    later.ask_until("more records", |state| state["last"].as_u64() >= Some(60));
    later.guest_agent().send("guest-shutdown", &json!({"mode": "powerdown"}));
    later.ended();
    std::fs::rename(folder.join("old.qcow2"), folder.join("data.qcow2")).expect("renamed");

    let mut torn = Running::start(&folder);
    let boot = torn.boot();
    assert!(boot.holds("gap_free"), "each disk for itself is whole: {boot:?}");
    assert!(!boot.holds("pair_ok") && !boot.holds("ok"), "together they are not: {boot:?}");
    let state = torn.ask();
    assert_eq!((state["pair_ok"].clone(), state["stopped"].clone()), (json!(false), json!(true)));
    torn.kill();
}
