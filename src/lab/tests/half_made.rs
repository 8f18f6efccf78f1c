//! A lab whose making was broken off is completed, and what was complete is not touched. No machine is started.

use leeward_lab::{LabSpec, MachineSpec, make};
use leeward_model::{DiskFormat, MachineDefinition};
use std::fs;
use std::path::Path;

fn spec(root: &Path) -> LabSpec {
    let mut spec = LabSpec::default(root);
    spec.hosts[0].machines =
        ["dc01", "web01"].into_iter().map(|name| MachineSpec::new(name, "Anything", 1)).collect();
    spec
}

fn definition(folder: &Path) -> MachineDefinition {
    let text = fs::read(folder.join("machine.json")).expect("a definition");
    serde_json::from_slice(&text).expect("of a machine")
}

#[test]
fn a_half_made_lab_is_completed_and_a_complete_one_is_kept() {
    let root = tempfile::tempdir().expect("a folder");
    let mut said = Vec::new();
    let lab = make(&spec(root.path()), &mut |p| said.push((p.done, p.of))).expect("made");
    let counted: Vec<_> = (0..7).map(|done| (done, 7)).collect();
    assert_eq!(
        said, counted,
        "two hosts, packages, parts, two machines, ready: as many steps as were promised"
    );

    let host = lab.host_folder("stockholm").expect("a host");
    let (dc, web) = (host.join("machines/dc01"), host.join("machines/web01"));
    let (dc_before, web_before) = (definition(&dc), definition(&web));
    for (folder, disk) in [(&dc, "os"), (&dc, "data"), (&web, "os"), (&web, "data")] {
        let disks = definition(folder).disks;
        let found = disks.iter().find(|d| d.name == disk).expect("the disk");
        assert_eq!(found.format, DiskFormat::Qcow2);
        assert!(fs::metadata(folder.join(&found.path)).expect("its file").len() > 64 * 1024);
    }
    assert_eq!(fs::read_dir(host.join("machines")).expect("listed").count(), 2, "nothing but machines");

    // As if the power had gone while web01 was made.
    fs::remove_file(web.join("machine.json")).expect("removed");
    fs::write(web.join("os.qcow2"), b"half").expect("written");
    fs::create_dir(host.join(".making-0123")).expect("made");
    fs::write(dc.join("data.qcow2"), b"in use").expect("written");
    make(&spec(root.path()), &mut |_| {}).expect("made again");
    assert_ne!(definition(&web).id, web_before.id, "a new machine");
    assert!(fs::metadata(web.join("os.qcow2")).expect("its file").len() > 64 * 1024);
    assert_eq!(definition(&dc), dc_before);
    assert_eq!(
        fs::read(dc.join("data.qcow2")).expect("its file"),
        b"in use",
        "a complete machine is not touched"
    );
    assert!(!host.join(".making-0123").exists());

    let mut said = Vec::new();
    make(&spec(root.path()), &mut |p| said.push((p.done, p.of))).expect("nothing to make");
    assert_eq!(said, [(0, 3), (1, 3), (2, 3)]);
}
