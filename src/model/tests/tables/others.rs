//! The verbs of machines, jobs, keys, servers and policies.

use crate::{compare, word};
use leeward_model::availability::{HostStand, JobStand, MachineStand, Stand, Tie, availability};
use leeward_model::{JobState, KeyState, Message, Moment, PowerState, Verb};
use std::fmt::Write as _;

const MACHINE: [Verb; 4] =
    [Verb::StartMachine, Verb::ShutDownMachine, Verb::PowerOffMachine, Verb::EnableReplication];

const TIES: [Tie; 5] = [Tie::Free, Tie::Active, Tie::Replica, Tie::Left, Tie::Moving];

const POWERS: [PowerState; 5] =
    [PowerState::Running, PowerState::Paused, PowerState::ShutDown, PowerState::Off, PowerState::Unknown];

fn line(table: &mut String, of: &str, verbs: &[Verb], stand: &Stand<'_>) {
    let told: Vec<String> =
        verbs.iter().map(|v| format!("{}: {}", v.decl().id, word(availability(*v, stand)))).collect();
    writeln!(table, "{of} -> {}", told.join("; ")).expect("text");
}

fn machines(table: &mut String) {
    let why = Message::new("not-protectable-encrypted");
    for tie in TIES {
        writeln!(table, "\n== Machine, {tie:?} ==").expect("text");
        for power in POWERS {
            for (host, connected) in [("host here", true), ("host away", false)] {
                for (copy, runs_at) in [("", None), (", another copy runs", Some("other"))] {
                    let host_stand = HostStand { name: "host", connected };
                    let not_protectable = None;
                    let machine = MachineStand {
                        name: "web01",
                        host: host_stand,
                        power,
                        tie,
                        runs_at,
                        not_protectable,
                    };
                    line(table, &format!("{power:?}, {host}{copy}"), &MACHINE, &Stand::Machine(&machine));
                }
            }
        }
        let machine = MachineStand {
            name: "web01",
            host: HostStand { name: "host", connected: true },
            power: PowerState::Off,
            tie,
            runs_at: None,
            not_protectable: Some(&why),
        };
        line(table, "cannot be protected", &[Verb::EnableReplication], &Stand::Machine(&machine));
    }
}

fn jobs(table: &mut String) {
    use JobState::{Cancelled, Failed, Running, Stuck, Succeeded, Undoing, Waiting};
    writeln!(table, "\n== Job ==").expect("text");
    for state in [Waiting, Running, Undoing, Succeeded, Failed, Cancelled, Stuck] {
        let rest = JobStand {
            subject: "web01",
            state,
            cancel_asked: false,
            past_return: false,
            overtaken: false,
            subject_exists: true,
        };
        for (name, job) in [
            ("", rest),
            (", asked to cancel", JobStand { cancel_asked: true, ..rest }),
            (", past return", JobStand { past_return: true, ..rest }),
            (", overtaken", JobStand { overtaken: true, ..rest }),
            (", subject gone", JobStand { subject_exists: false, ..rest }),
        ] {
            let verbs = [Verb::CancelJob, Verb::RestartJob];
            line(table, &format!("{state:?}{name}"), &verbs, &Stand::Job(&job));
        }
    }
}

#[test]
fn every_verb_of_what_is_not_an_item() {
    let mut table = String::from("Whether a verb may be used: yes, or the refusal without `refusal-`.\n");
    machines(&mut table);
    jobs(&mut table);
    writeln!(table, "\n== Registration key ==").expect("text");
    let used = KeyState::Used { host: "hv1".to_owned(), at: Moment(0) };
    for state in [KeyState::Ready, used, KeyState::Expired, KeyState::Revoked] {
        let name = format!("{state:?}");
        let name = name.split_whitespace().next().unwrap_or_default();
        line(&mut table, name, &[Verb::RevokeRegistrationKey], &Stand::Key { state: &state });
    }
    writeln!(table, "\n== Server and policy ==").expect("text");
    for items in [0, 3] {
        let server = Stand::Server { name: "hv1", items };
        line(&mut table, &format!("server of {items} items"), &[Verb::RemoveServer], &server);
        let policy = Stand::Policy { name: "gold", items };
        let verbs = [Verb::EditPolicy, Verb::DeletePolicy];
        line(&mut table, &format!("policy of {items} items"), &verbs, &policy);
    }
    compare("others.txt", &table);
}
