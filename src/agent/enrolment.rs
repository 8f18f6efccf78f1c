//! Becoming part of a vault with a registration key, and reading who this host is afterwards. Apart from `session`,
//! which needs that.

use crate::Result;
use crate::config::AgentConfig;
use crate::host::refuse;
use leeward_link::enrol::HostDescription;
use leeward_link::{Clock, Enrolment, HostIdentity, KnownTrust, RegistrationKey, Trust};
use std::path::Path;

/// Enrols this host with the key in a file.
///
/// # Errors
/// When the key is of no use, the engine refuses or cannot be reached.
pub async fn enrol(config: &AgentConfig, key_file: &Path, clock: Clock) -> Result<HostIdentity> {
    let subject = key_file.display().to_string();
    let key = RegistrationKey::read(key_file).map_err(|e| Box::new(e.fault()))?;
    let key = key.map_err(|e| Box::new(e.fault(&subject)))?;
    let host = HostDescription {
        name: config.name.clone(),
        site: config.site.clone(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        replication_addr: config.replication_addr().to_owned(),
    };
    let enrolment = Enrolment { key, host, proxy: config.proxy.clone(), clock };
    let enrolled = enrolment.run(&config.identity_folder()).await;
    enrolled.map_err(|e| Box::new(e.fault(&subject)))
}

/// Who this host is, and what it believes.
///
/// # Errors
/// When it has not been enrolled, or its files are damaged.
pub fn identity(config: &AgentConfig, clock: Clock) -> Result<(HostIdentity, KnownTrust, Trust)> {
    let folder = config.identity_folder();
    let said = |e: leeward_link::LinkError| Box::new(e.fault());
    let identity = HostIdentity::load(&folder).map_err(said)?;
    let identity = identity.ok_or_else(|| refuse("agent-not-enrolled", &config.name))?;
    let known = KnownTrust::load(&folder).map_err(said)?;
    let trust = identity.trust(&known, clock).map_err(said)?;
    Ok((identity, known, trust))
}
