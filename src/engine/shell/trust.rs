//! stub
use crate::vault::*; use leeward_model::*;
#[derive(Clone, Debug)] pub(crate) struct Trust;
impl Trust { pub(crate) fn open(_f: &VaultFolder, _l: &Listen, _n: Moment) -> Result<Self, VaultError> { Ok(Self) }
 pub(crate) fn make_key(&self, _k: KeyId, _s: &str, _e: Moment) -> Result<String, Fault> { Ok(String::new()) }
 pub(crate) fn complete(&self, r: leeward_link::messages::Request) -> leeward_link::messages::Request { r } pub(crate) fn revoke(&self, _a: AgentId, _n: Moment) {} }
impl Trust { pub(crate) fn create(_f: &VaultFolder, _v: VaultId, _n: &str, _by: &str, _now: Moment) -> Result<(), VaultError> { Ok(()) } }
