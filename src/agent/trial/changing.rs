//! A source that becomes the target, wherever that was cut off.

use super::Stage;
use leeward_link::messages::{Request, Role};
use leeward_model::Epoch;

#[test]
fn a_machine_that_is_a_replica_now_is_put_aside_even_when_that_was_cut_off() {
    let stage = Stage::new();
    stage.run();
    stage.protect();
    stage.power_off();
    let fence = Request::Fence { op: stage.op("fence"), item: stage.item, epoch: Epoch(2) };
    stage.ask(&stage.source, fence).expect("fenced");
    let become_target = || {
        let request = Request::BecomeTarget {
            op: stage.op("become-target"),
            assignment: stage.assignment(Role::Target, 2),
        };
        stage.ask(&stage.source, request).expect("a target");
    };
    become_target();
    let (definition, aside) =
        (stage.folder().file("machine.json"), stage.folder().file("machine.replica.json"));
    assert!(!definition.exists() && aside.exists());
    // As it is when the agent ends between its record and the folder.
    std::fs::rename(&aside, &definition).expect("back");
    std::fs::write(stage.folder().file("tracking.json"), b"{}").expect("written");
    become_target();
    assert!(!definition.exists() && aside.exists(), "the folder still looks like a machine's");
    assert!(!stage.folder().file("tracking.json").exists());
}
