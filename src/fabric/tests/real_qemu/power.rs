//! Start, adopt, status, shutdown, quit, kill: the life of a process.

use crate::stage::{DEADLINE, Stage, until};
use leeward_fabric::*;
use std::time::Duration;

#[test]
fn a_machine_outlives_its_driver_and_is_adopted() {
    let mut stage = Stage::new();
    let machine = stage.start();
    let record = machine.record();
    let pid = stage.pid();
    drop(machine);
    let machine = stage.adopt_anew();
    assert_eq!(stage.pid(), pid, "the same process");
    assert_eq!(machine.record(), record);
    assert_eq!(machine.status().unwrap(), MachineState::Running);
    stage.let_guest_write(&machine, 8);
    let found = stage.driver.discover(stage.host_folder()).unwrap();
    assert!(found.unreadable.is_empty());
    assert_eq!(found.machines.len(), 1);
    assert!(found.machines[0].alive);
    machine.quit(DEADLINE).unwrap();
    assert!(matches!(stage.driver.adopt(&stage.folder).unwrap(), Adoption::Off));
    assert!(!stage.driver.discover(stage.host_folder()).unwrap().machines[0].alive);
}

#[test]
fn all_who_adopt_share_one_machine() {
    let stage = Stage::bare();
    let machine = stage.start();
    let Adoption::Running(again) = stage.driver.adopt(&stage.folder).unwrap() else { panic!("it runs") };
    let Adoption::Running(clone) = stage.driver.clone().adopt(&stage.folder).unwrap() else {
        panic!("it runs")
    };
    for one in [&again, &clone] {
        assert!(std::sync::Arc::ptr_eq(one, &machine));
    }
}

#[test]
fn an_agent_that_died_before_the_guest_began_is_finished_for() {
    let mut stage = Stage::new();
    let machine = stage.start();
    // As it was between the launch and the order to run: the record has no forwards yet.
    stage.side().run("stop", &serde_json::Value::Null).unwrap();
    stage.side().run("system_reset", &serde_json::Value::Null).unwrap();
    drop(machine);
    let machine = stage.adopt_anew();
    // A reset of a stopped guest is "prelaunch" again.
    assert_eq!(machine.status().unwrap(), MachineState::Running);
}

#[test]
fn a_second_start_is_refused_and_harmless() {
    let stage = Stage::bare();
    let machine = stage.start();
    let pid = u32::try_from(stage.pid()).unwrap();
    let again = stage.driver.start(&stage.spec()).map(|_| ()).unwrap_err();
    assert!(matches!(again, FabricError::AlreadyRunning { pid: p, .. } if p == pid), "{again}");
    assert_eq!(machine.status().unwrap(), MachineState::Running);
}

#[test]
fn a_stale_pid_file_is_nobody() {
    let stage = Stage::bare();
    std::fs::write(stage.folder.pid_file(), format!("{}\n", std::process::id())).unwrap();
    assert!(matches!(stage.driver.adopt(&stage.folder).unwrap(), Adoption::Off));
    let machine = stage.start();
    assert_eq!(machine.status().unwrap(), MachineState::Running);
}

#[test]
fn a_lost_pid_file_does_not_hide_a_machine() {
    let mut stage = Stage::bare();
    let machine = stage.start();
    let pid_file = std::fs::read(stage.folder.pid_file()).unwrap();
    std::fs::remove_file(stage.folder.pid_file()).unwrap();
    drop(machine);
    let machine = stage.adopt_anew();
    assert_eq!(machine.status().unwrap(), MachineState::Running);
    std::fs::write(stage.folder.pid_file(), pid_file).unwrap();
}

#[test]
fn another_path_to_the_folder_is_the_same_machine() {
    let stage = Stage::bare();
    let _machine = stage.start();
    let alias = stage.host_folder().join("alias");
    std::os::unix::fs::symlink(stage.folder.path(), &alias).unwrap();
    assert!(stage.driver.alive(&MachineFolder::new(&alias)));
}

#[test]
fn a_long_path_is_no_obstacle() {
    let mut stage = Stage::bare();
    let long = stage.host_folder().join("a".repeat(150));
    let spec = StartSpec { folder: long.clone(), ..stage.spec() };
    let machine = stage.driver.start(&spec).unwrap().machine;
    assert_eq!(machine.status().unwrap(), MachineState::Running);
    drop(machine);
    let folder = MachineFolder::new(long);
    let Adoption::Running(machine) = stage.adopt_anew_in(&folder) else { panic!("it runs") };
    machine.quit(DEADLINE).unwrap();
}

#[test]
fn a_start_that_fails_says_why_and_leaves_nothing() {
    let stage = Stage::bare();
    std::fs::write(stage.file("data.qcow2"), b"not a disk").unwrap();
    let error = stage.driver.start(&stage.spec()).map(|_| ()).unwrap_err();
    assert!(
        matches!(&error, FabricError::StartFailed { reason, .. } if reason.contains("data.qcow2") || reason.contains("qcow2")),
        "{error}"
    );
    assert!(error.fault("web01").what.render().contains("web01"));
    std::fs::remove_file(stage.file("data.qcow2")).unwrap();
    let error = stage.driver.start(&stage.spec()).map(|_| ()).unwrap_err();
    assert!(matches!(&error, FabricError::File { path, .. } if path.ends_with("data.qcow2")), "{error}");
    assert!(matches!(stage.driver.adopt(&stage.folder).unwrap(), Adoption::Off));
}

#[test]
fn the_power_button_shuts_down_and_the_process_waits() {
    let stage = Stage::new();
    let machine = stage.start_tracked();
    let facts = machine.watch();
    stage.let_guest_write(&machine, 8);
    assert_eq!(machine.shut_down(DEADLINE).unwrap(), ShutDown::Done(Orderly::PowerButton));
    assert_eq!(machine.status().unwrap(), MachineState::ShutDown);
    assert_eq!(machine.shut_down(DEADLINE).unwrap(), ShutDown::Done(Orderly::Already));
    assert!(stage.dirty(&machine, "os") > 0, "what changed is still known");
    until("the fact of the shutdown", || facts.try_iter().any(|f| f == MachineFact::ShutDownByGuest));
    // Reset brings it back.
    machine.reset().unwrap();
    stage.let_guest_write(&machine, 8);
    machine.quit(DEADLINE).unwrap();
    until("the fact of the end", || facts.try_iter().any(|f| f == MachineFact::Gone));
}

#[test]
fn a_guest_that_does_not_go_down_is_told_of_and_left_alone() {
    let stage = Stage::bare();
    let machine = stage.start();
    assert_eq!(machine.shut_down(Duration::from_millis(500)).unwrap(), ShutDown::StillRunning);
    assert_eq!(machine.status().unwrap(), MachineState::Running);
    machine.power_off().unwrap();
    assert_eq!(machine.status().unwrap(), MachineState::Off);
    machine.power_off().unwrap();
}

#[test]
fn console_and_serial_are_shown() {
    let stage = Stage::new();
    let machine = stage.start();
    until("the guest writes to its serial port", || machine.serial_tail(1).unwrap() == b".");
    assert!(machine.serial_tail(1 << 20).unwrap().iter().all(|b| *b == b'.'));
    let picture = machine.console_picture().unwrap();
    assert!(picture.starts_with(b"\x89PNG\r\n"), "a PNG");
    // Several look at once, and each gets a whole picture.
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                for _ in 0..8 {
                    let picture = machine.console_picture().unwrap();
                    assert!(picture.starts_with(b"\x89PNG\r\n") && picture.ends_with(b"IEND\xaeB`\x82"));
                }
            });
        }
    });
    let left = std::fs::read_dir(stage.folder.path()).unwrap().flatten();
    assert!(!left.into_iter().any(|f| f.file_name().to_string_lossy().starts_with("console")));
}

#[test]
fn the_serial_log_of_a_long_run_stays_bounded() {
    let stage = Stage::new();
    let machine = stage.start();
    until("the guest writes to its serial port", || machine.serial_tail(1).unwrap() == b".");
    let log = std::fs::File::options().append(true).open(stage.folder.serial_log()).unwrap();
    std::io::Write::write_all(&mut &log, &vec![b'x'; 9 << 20]).unwrap();
    assert!(matches!(stage.driver.adopt(&stage.folder).unwrap(), Adoption::Running(_)));
    assert!(log.metadata().unwrap().len() < 1 << 20, "shortened at a look");
    // The guest writes on at the new end, and what it said before is not gone.
    until("the guest writes on", || log.metadata().unwrap().len() > 0);
    assert_eq!(machine.serial_tail(1).unwrap(), b".");
    let tail = machine.serial_tail(512 << 10).unwrap();
    assert!(tail.len() == 512 << 10 && tail.starts_with(b"xxxx"));
}

#[test]
fn forwards_get_free_ports_and_are_reported() {
    let stage = Stage::bare();
    let started = stage.driver.start(&stage.spec()).unwrap();
    assert_eq!(started.forwards.len(), 1);
    let forward = &started.forwards[0];
    assert_eq!((forward.nic, forward.guest_port), (0, 80));
    std::net::TcpStream::connect((forward.host_addr.as_str(), forward.host_port)).unwrap();
    assert_eq!(started.machine.record().forwards, started.forwards);
}

#[test]
fn a_test_copy_stays_off_production_networks() {
    let stage = Stage::bare();
    let spec = StartSpec { purpose: Purpose::Test, ..stage.spec() };
    assert!(matches!(stage.driver.start(&spec).map(|_| ()), Err(FabricError::Invalid { .. })));
    let isolated = StartSpec { network: Network::Isolated("test".to_owned()), ..spec.clone() };
    let started = stage.driver.start(&isolated).unwrap();
    assert_eq!(started.forwards.len(), 1, "the host can look in");
    started.machine.quit(DEADLINE).unwrap();
    let unplugged = stage.driver.start(&StartSpec { network: Network::None, ..spec }).unwrap();
    assert!(unplugged.forwards.is_empty());
}

#[test]
fn write_latency_is_counted() {
    let stage = Stage::new();
    let machine = stage.start();
    stage.let_guest_write(&machine, 32);
    for (_, latency) in machine.write_latency().unwrap() {
        let (median, worst) =
            (latency.percentile_micros(500).unwrap(), latency.percentile_micros(1000).unwrap());
        assert!(median > 0 && worst >= median);
    }
}
