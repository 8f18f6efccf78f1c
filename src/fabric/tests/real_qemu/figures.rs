//! What things cost, printed. Not asserted: figures of one run on a shared host prove nothing; the budgets compare
//! ratios. `cargo nextest run -p leeward-fabric --run-ignored only --no-capture figures`

use crate::stage::Stage;
use leeward_fabric::*;
use leeward_model::Sequence;
use std::time::Instant;

#[test]
#[ignore = "prints figures"]
fn figures() {
    let stage = Stage::bare();
    let started = stage.driver.start(&StartSpec { track_from_start: true, ..stage.spec() }).unwrap();
    println!("start: {} ms", started.took_millis);
    let machine = started.machine;
    let rounds = 200;
    let begun = Instant::now();
    for round in 0..rounds {
        assert!(matches!(stage.capture(&machine, round), Capture::Empty { .. }));
    }
    println!("empty cycle: {:?}", begun.elapsed() / u32::try_from(rounds).unwrap());
    for size in ["64k", "1M", "16M"] {
        stage.write("os", &format!("-P 0xab 0 {size}"));
        stage.write("data", &format!("-P 0xab 0 {size}"));
        let begun = Instant::now();
        let captured = stage.taken(&machine, 1);
        let whole = begun.elapsed();
        machine.settle_capture(Sequence(1)).unwrap();
        println!(
            "capture of 2 x {size}: {whole:?}, from transaction to closed spools {} ms",
            captured.took_millis
        );
        for disk in captured.disks {
            std::fs::remove_file(disk.path).unwrap();
        }
    }
    let disks = ["os", "data"].map(|name| FreezeDisk {
        disk: stage.disk(name),
        overlay: stage.file(&format!("{name}.overlay.qcow2")),
    });
    let begun = Instant::now();
    machine.freeze_base(&FreezeAsk { disks: disks.to_vec() }, &|| stage.now()).unwrap();
    println!("freeze of 2 disks: {:?}", begun.elapsed());
    stage.write("os", "-P 0xab 0 16M");
    for disk in stage.disks() {
        let merged = machine.merge_back(disk).unwrap();
        println!("merge: {} ms, guest stopped {} ms", merged.took_millis, merged.stopped_millis);
    }
}

#[test]
#[ignore = "prints figures"]
fn guest_latency() {
    let stage = Stage::new();
    let machine = stage.start_tracked();
    let all = |readings: std::collections::BTreeMap<_, WriteLatency>| {
        let mut sum = WriteLatency::default();
        readings.values().for_each(|one| sum.add(one));
        sum
    };
    for sequence in 0..5 {
        let before = all(machine.write_latency().unwrap());
        stage.let_guest_write(&machine, 200);
        let outside = all(machine.write_latency().unwrap()).since(&before);
        let captured = stage.taken(&machine, sequence);
        machine.settle_capture(Sequence(sequence)).unwrap();
        let within = captured.guest_write_latency.unwrap();
        let show = |l: &WriteLatency| {
            format!(
                "{} writes p50 {:?} p99 {:?} us",
                l.writes(),
                l.percentile_micros(500),
                l.percentile_micros(990)
            )
        };
        println!(
            "outside: {}; in a capture of {} ms: {}",
            show(&outside),
            captured.took_millis,
            show(&within)
        );
    }
}
