//! The command line from outside: exit codes, what bad input is told, the vault's folder, one engine per vault.

mod program;

use program::World;
use serde_json::Value;

#[test]
fn mistakes_on_the_command_line_are_told_with_code_2() {
    let world = World::new();
    world.run(&["frobnicate"]).must(2, "frobnicate");
    world.run(&["item"]).must(2, "test-failover");
    world.run(&["item", "commit"]).must(2, "item");
    world.run(&["item", "list"]).must(2, "leeward vault create");
    world.run(&["item", "test-failover", "web01", "--network", "production"]).must(2, "production");
    assert_eq!(world.run(&["--version"]).code, 0);
}

#[test]
fn folders_that_are_no_vault_are_told_apart() {
    let world = World::new();
    world.run(&["item", "list", "--vault", "nowhere"]).must(5, "no such folder");
    std::fs::create_dir(world.path("empty")).expect("folder");
    world.run(&["item", "list", "--vault", "empty"]).must(5, "no vault in this folder");
    std::fs::create_dir(world.path("odd")).expect("folder");
    std::fs::write(world.path("odd/vault.db"), "shopping list: milk, bread, and quite some more text")
        .expect("file");
    world.run(&["item", "list", "--vault", "odd"]).must(5, "damaged");
    world.run(&["vault", "create", "odd", "--name", "X"]).must(5, "not empty");
}

#[test]
fn a_damaged_database_says_what_to_do() {
    let world = World::with_vault();
    let path = world.vault().join("vault.db");
    let mut bytes = std::fs::read(&path).expect("database");
    let size = bytes.len();
    bytes[size / 2..].fill(0x5a);
    std::fs::write(&path, bytes).expect("write");
    let ran = world.run(&["item", "list"]);
    ran.must(5, "damaged");
    ran.must(5, "backup");
}

#[cfg(unix)]
#[test]
fn a_new_vault_is_private() {
    let world = World::with_vault();
    assert_eq!(program::mode(&world.vault()), 0o700);
    for file in ["vault.db", "engine.json", "operator/operator.json"] {
        assert_eq!(program::mode(&world.vault().join(file)), 0o600, "{file}");
    }
    for entry in std::fs::read_dir(world.vault().join("ca")).expect("ca") {
        let path = entry.expect("entry").path();
        assert_eq!(program::mode(&path) & 0o077, 0, "{}", path.display());
    }
}

#[test]
fn one_engine_per_vault_and_a_killed_one_gives_it_back() {
    let world = World::with_vault();
    let vault = world.vault();
    let vault = vault.to_str().expect("plain path");
    let service = world.engine();
    let second = world.run(&["engine", "--vault", vault]);
    second.must(5, &format!("process {}", service.pid()));
    world.run(&["vault", "show"]).must(0, &format!("process {}", service.pid()));
    service.kill();
    let again = world.engine();
    assert_eq!(again.terminate(), 0);
    world.run(&["vault", "show"]).must(0, "not running");
}

#[test]
fn commands_go_to_the_engine_that_runs_and_else_start_one() {
    let world = World::with_vault();
    let alone = world.run(&["policy", "create", "gold", "--frequency", "30s"]);
    alone.must(0, "No engine runs");
    let service = world.engine();
    let attached = world.run(&["policy", "create", "silver"]);
    attached.must(0, "silver");
    assert!(!attached.err.contains("No engine runs"), "{attached:?}");
    let list: Value = serde_json::from_str(&world.ok(&["policy", "list", "--json"])).expect("JSON");
    let names: Vec<&str> =
        list.as_array().expect("list").iter().filter_map(|p| p["policy"]["name"].as_str()).collect();
    assert!(names.contains(&"gold") && names.contains(&"silver"), "{names:?}");
    assert_eq!(service.terminate(), 0);
    let list = world.ok(&["policy", "list"]);
    assert!(list.contains("gold") && list.contains("silver"), "{list}");
}

#[test]
fn what_was_accepted_before_a_kill_is_there_after_it() {
    let world = World::with_vault();
    for round in 0..4 {
        let service = world.engine();
        let name = format!("policy-{round}");
        world.ok(&["policy", "create", &name]);
        service.kill();
        let list = world.ok(&["policy", "list"]);
        for earlier in 0..=round {
            assert!(list.contains(&format!("policy-{earlier}")), "round {round}: {list}");
        }
        world.run(&["vault", "audit"]).must(0, "whole");
    }
}

#[test]
fn a_registration_key_is_a_private_file_and_never_overwritten() {
    let world = World::with_vault();
    let made = world.run(&["server", "make-key", "--site", "Stockholm", "--out", "s.leeward-key"]);
    made.must(0, "s.leeward-key");
    #[cfg(unix)]
    assert_eq!(program::mode(&world.path("s.leeward-key")), 0o600);
    world
        .run(&["server", "make-key", "--site", "Stockholm", "--out", "s.leeward-key"])
        .must(2, "already there");
    let secret = std::fs::read_to_string(world.path("s.leeward-key")).expect("key");
    assert!(secret.len() > 100, "a whole key");
    let keys = world.ok(&["server", "keys"]);
    assert!(keys.contains("Stockholm") && keys.contains("anna@"), "{keys}");
    let audit = world.ok(&["vault", "audit", "--json"]);
    assert!(audit.contains("make-registration-key"), "{audit}");
    assert!(!audit.contains("PRIVATE KEY"), "the audit holds no secret");
}

#[test]
fn an_address_that_nobody_can_reach_is_not_put_into_keys() {
    let world = World::new();
    let create = |more: &[&str]| {
        let args = [&["vault", "create", "v", "--name", "Nordic", "--listen", "0.0.0.0:8443"], more].concat();
        world.run(&args)
    };
    create(&[]).must(5, "--advertise");
    assert!(!world.path("v").exists(), "nothing was made");
    create(&["--advertise", "[::]:8443"]).must(5, "--advertise");
    create(&["--advertise", "engine.example:8443"]).must(0, "Nordic");
}

#[test]
fn a_key_that_only_this_computer_can_use_says_so() {
    let world = World::with_vault();
    let made = world.run(&["server", "make-key", "--site", "Stockholm", "--out", "s.leeward-key"]);
    made.must(0, "--advertise");
}

#[test]
fn the_list_of_commands_is_json_when_that_is_asked_for() {
    let world = World::new();
    let list: Value = serde_json::from_str(&world.ok(&["verbs", "--json"])).expect("JSON");
    assert!(list.as_array().is_some_and(|l| l.len() > 30), "{list}");
}

#[test]
fn destructive_verbs_ask_or_need_yes() {
    let world = World::with_vault();
    world.run(&["item", "failover", "web01"]).must(7, "web01");
    let preview = world.run(&["policy", "delete", "nothing", "--preview"]);
    preview.must(7, "nothing");
}

#[test]
fn without_a_display_the_window_says_how_to_go_on() {
    let world = World::with_vault();
    let ran = world.run(&["--vault", "vault"]);
    ran.must(1, "no display");
    assert_eq!(ran.err.trim().lines().count(), 1, "one line: {ran:?}");
}

#[test]
fn the_reference_page_is_what_the_program_prints() {
    let world = World::new();
    let printed = world.ok(&["verbs", "--markdown"]);
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/verbs.md");
    let kept = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(
        kept == printed,
        "docs/verbs.md differs from the program. Run: target/debug/leeward verbs --markdown > docs/verbs.md"
    );
    assert!(!printed.contains("verb-") || !printed.contains("-hint\n"), "sentences, not keys");
}

#[test]
fn engines_that_are_not_there_are_told_with_code_5() {
    let world = World::with_vault();
    // A port that was free a moment ago: nothing listens on it.
    let free = std::net::TcpListener::bind("127.0.0.1:0").expect("bind").local_addr().expect("address");
    let ran = world.run(&["item", "list", "--engine", &free.to_string()]);
    ran.must(5, "cannot be reached");
    world.run(&["item", "list", "--engine", "not a host"]).must(2, "no address");
}
