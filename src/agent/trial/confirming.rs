//! A host that returns: whether it may run its machine, and what it says of what it cannot read.

use super::Stage;
use crate::facts;
use crate::host::Host;
use crate::requests::perform;
use crate::startup::may_run;
use leeward_link::KnownTrust;
use leeward_link::messages::{Request, Role};
use leeward_model::{Epoch, EvidenceMint};

fn protected() -> Stage {
    let stage = Stage::new();
    stage.run();
    stage.write(1, 0, 1);
    stage.protect();
    stage
}

/// As after a restart of the agent, with the machine off.
fn returned(stage: &Stage) {
    stage.power_off();
    stage.source_item().live().confirmed = false;
}

#[test]
fn a_returned_source_does_not_run_what_the_other_side_has_taken_over() {
    let stage = protected();
    returned(&stage);
    let target = stage.target.host.item(stage.item).expect("known");
    target.change(|r| (r.role, r.epoch) = (Role::FailedOver, Epoch(2))).expect("written");
    assert!(!may_run(&stage.source.host, &stage.source_item()), "the other side runs it");
    // Taken back: the other side confirms.
    target.change(|r| r.role = Role::Target).expect("written");
    target.change(|r| r.epoch = Epoch(1)).expect("written");
    assert!(may_run(&stage.source.host, &stage.source_item()));
}

#[test]
fn without_the_other_side_only_the_word_of_the_engine_lets_a_machine_start() {
    let stage = protected();
    returned(&stage);
    stage.line(false);
    let host = &stage.source.host;
    assert!(!may_run(host, &stage.source_item()), "silence is no word");
    assert_eq!(facts::report(host).waiting, [stage.item]);
    let say = |epoch: u64| perform(host, Request::MayRun { item: stage.item, epoch: Epoch(epoch) });
    say(0).expect_err("an older right to write");
    assert!(!may_run(host, &stage.source_item()));
    say(1).expect("taken");
    assert!(may_run(host, &stage.source_item()));
    assert!(facts::report(host).waiting.is_empty());
    stage.source_item().live().confirmed = false;
    stage.run();
    assert!(may_run(host, &stage.source_item()), "it runs: it was confirmed when it was started");
}

#[test]
fn a_replica_that_cannot_be_opened_is_told_by_its_own_host() {
    let stage = protected();
    let item = stage.target.host.item(stage.item).expect("known");
    let said = || facts::item(&stage.target.host, &item, Vec::new());
    assert_eq!(said().fault, None);
    let folder = item.record().store.expect("a store");
    item.use_store(None);
    std::fs::write(folder.join("store.json"), b"damaged").expect("written");
    let fault = said().fault.expect("told");
    assert_eq!(fault.code, "replication-damaged");
    assert!(said().points.is_empty());
}

#[test]
fn an_agent_whose_items_cannot_be_read_does_not_begin() {
    let stage = protected();
    let host = &stage.source.host;
    let config = host.config.clone();
    let items = config.items_folder();
    std::fs::rename(&items, items.with_extension("away")).expect("moved");
    std::fs::write(&items, b"not a folder").expect("written");
    let again = Host::new(
        config,
        stage.source.fake.clone(),
        host.agent,
        EvidenceMint::grant(),
        host.trust.clone(),
        &[],
    );
    assert_eq!(again.expect_err("refused").code, "agent-items-unreadable");
    std::fs::remove_file(&items).expect("removed");
    std::fs::rename(items.with_extension("away"), &items).expect("back");
}

#[test]
fn the_list_of_the_revoked_is_kept_when_an_empty_one_comes() {
    let stage = protected();
    let folder = stage.source.host.config.identity_folder();
    let known = KnownTrust { crl_pem: stage.crl_pem.clone(), peers: Vec::new() };
    let told = |crl_pem: &str| {
        let peers = vec![stage.target.agent];
        perform(
            &stage.source.host,
            Request::Trust { crl_pem: crl_pem.to_owned(), peers, engine_addresses: Vec::new() },
        )
        .expect("taken");
        KnownTrust::load(&folder).expect("read").crl_pem
    };
    assert_eq!(told(&known.crl_pem), known.crl_pem);
    assert_eq!(told(""), known.crl_pem);
}
