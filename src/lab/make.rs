//! Making a lab: from nothing, or the rest of a half-made one. Apart from `agents`, which is about a lab that is
//! there.

use crate::agents::Lab;
use crate::error::{LabError, Result};
use crate::network::Network;
use crate::progress::{LabProgress, Steps};
use crate::spec::LabSpec;
use crate::{addresses, hosts, machines, network, packages, parts};
use leeward_model::Message;
use std::fs;

/// Makes what is missing of a lab; what is there is kept as it is.
///
/// # Errors
/// When a program or package is missing, or a file cannot be written. Making it again goes on from there.
pub fn make(spec: &LabSpec, report: &mut dyn FnMut(LabProgress)) -> Result<Lab> {
    fs::create_dir_all(&spec.root).map_err(LabError::file("create", &spec.root))?;
    // QEMU and the agents are given absolute paths.
    let root = fs::canonicalize(&spec.root).map_err(LabError::file("find", &spec.root))?;
    let spec = &LabSpec { root, ..spec.clone() };
    keep_network(spec)?;
    let missing = missing(spec);
    let ready = 1;
    let machines = if missing > 0 { missing + 2 } else { 0 };
    let of = u32::try_from(spec.hosts.len() + machines + ready).unwrap_or(u32::MAX);
    let mut steps = Steps { report, done: 0, of };
    for host in &spec.hosts {
        steps.next(Message::new("lab-step-host").with("site", host.site.as_str()));
        hosts::make(&spec.host_folder(host), host)?;
    }
    if missing > 0 {
        steps.next(Message::new("lab-step-packages"));
        let packages = packages::fetch(&spec.cache)?;
        steps.next(Message::new("lab-step-parts"));
        let parts = parts::build(&spec.cache, &packages)?;
        let mut position = 0;
        for host in &spec.hosts {
            let folder = spec.host_folder(host);
            machines::clear_away(&folder)?;
            for machine in &host.machines {
                position += 1;
                if !machines::made(&folder.join("machines"), machine) {
                    steps.next(Message::new("lab-step-machine").with("machine", machine.name.as_str()));
                    machines::make(&folder, host, machine, &parts, position)?;
                }
            }
        }
    }
    steps.next(Message::new("lab-step-done"));
    Ok(Lab::new(spec))
}

/// The network is part of the lab from its beginning: its hosts' addresses are of it.
fn keep_network(spec: &LabSpec) -> Result<()> {
    let Some(network) = &spec.network else { return Ok(()) };
    let other = spec
        .hosts
        .iter()
        .find(|host| addresses::kept(&spec.host_folder(host)).is_some_and(|addr| addr != host.addr));
    if let Some(host) = other {
        let reason = format!("{} was made without a network; make a lab in another folder", host.site);
        return Err(LabError::Network { reason });
    }
    if Network::kept(&spec.root).as_ref() == Some(network) {
        return Ok(());
    }
    machines::write_record(&spec.root, network::RECORD, network)
}

/// Machines that are still to be made.
fn missing(spec: &LabSpec) -> usize {
    spec.hosts
        .iter()
        .map(|host| {
            let folder = spec.host_folder(host).join("machines");
            host.machines.iter().filter(|m| !machines::made(&folder, m)).count()
        })
        .sum()
}
