//! Registration keys, servers and policies. Apart from `items`: nothing here touches a machine; what a policy may say
//! stands in `policy`.

use super::{State, Turn, allowed, refuse};
use crate::core::Effect;
use crate::records::{AuditPhase, KeyRecord, Record, RecordKey};
use leeward_model::availability::Stand;
use leeward_model::{
    Accepted, AgentId, CommandOutcome, Fault, JobState, KeyId, KeyState, Message, Moment, PolicyId,
    ReceiptId, Refusal, ReplicationPolicy, Verb,
};

/// Seconds a registration key is good for: 5 days.
pub(crate) const KEY_SECS: i64 = 5 * 24 * 3_600;
/// The longest name.
const NAME_CHARS_MAX: usize = 64;

pub(super) fn check_site(site: &str) -> Result<(), Refusal> {
    check_name(site, "refusal-site-name")
}

pub(super) fn check_name(name: &str, key: &'static str) -> Result<(), Refusal> {
    let bad = name.trim().is_empty()
        || name.trim() != name
        || name.chars().count() > NAME_CHARS_MAX
        || name.chars().any(char::is_control);
    if bad { Err(refuse(Message::new(key).with("max", NAME_CHARS_MAX))) } else { Ok(()) }
}

pub(super) fn check_revoke(state: &State, key: KeyId, now: Moment) -> Result<(), Refusal> {
    let Some(key) = state.keys.get(&key) else { return Err(refuse(Message::new("refusal-key-unknown"))) };
    let shown = key_state(key, now);
    allowed(Verb::RevokeRegistrationKey, &Stand::Key { state: &shown })
}

/// What has become of a key by now.
pub(crate) fn key_state(key: &KeyRecord, now: Moment) -> KeyState {
    match &key.state {
        KeyState::Ready if key.expires <= now => KeyState::Expired,
        other => other.clone(),
    }
}

pub(super) fn check_remove(state: &State, agent: AgentId) -> Result<(), Refusal> {
    let Some(server) = state.servers.get(&agent) else {
        return Err(refuse(Message::new("refusal-no-such-server")));
    };
    let items = state.items_of.get(&agent).map_or(0, std::collections::BTreeSet::len);
    allowed(Verb::RemoveServer, &Stand::Server { name: &server.record.name, items })
}

pub(super) fn check_delete_policy(state: &State, policy: PolicyId) -> Result<(), Refusal> {
    let Some(found) = state.policies.get(&policy) else {
        return Err(refuse(Message::new("refusal-no-such-policy")));
    };
    let items = state.items.values().filter(|i| i.record.policy == policy).count();
    allowed(Verb::DeletePolicy, &Stand::Policy { name: &found.name, items })
}

impl Turn<'_> {
    pub(super) fn make_key(&mut self, receipt: ReceiptId, by: &str, site: &str) {
        self.site_named(site);
        let key = KeyRecord {
            id: KeyId(self.ids.new_id()),
            site: site.to_owned(),
            by: by.to_owned(),
            made: self.now,
            expires: self.now.plus_secs(KEY_SECS),
            state: KeyState::Ready,
            agent: None,
        };
        self.put(Record::Key(key.clone()));
        self.effect(Effect::MakeKey { receipt, key: key.id, site: key.site.clone(), expires: key.expires });
        self.state.keys.insert(key.id, key);
        self.state.changed.keys = true;
    }

    /// The file of a key has been made.
    pub(in crate::core) fn key_made(&mut self, receipt: ReceiptId, key: KeyId, file_text: String) {
        self.answer(receipt, CommandOutcome::Accepted(Accepted::RegistrationKey { key, file_text }));
    }

    /// The file of a key could not be made: nobody has it, and it is not there.
    pub(in crate::core) fn key_not_made(&mut self, receipt: ReceiptId, key: KeyId, fault: Box<Fault>) {
        if let Some(gone) = self.state.keys.remove(&key) {
            self.delete(RecordKey::Key(key));
            self.state.changed.keys = true;
            let ended = AuditPhase::Ended { state: JobState::Failed };
            self.audit(&gone.by, Verb::MakeRegistrationKey, &gone.site, Some(receipt), None, ended);
        }
        self.answer(receipt, CommandOutcome::Failed(fault));
    }

    pub(super) fn revoke_key(&mut self, key: KeyId) -> Accepted {
        if let Some(found) = self.state.keys.get_mut(&key) {
            found.state = KeyState::Revoked;
            let record = found.clone();
            self.put(Record::Key(record));
            self.state.changed.keys = true;
        }
        Accepted::Done
    }

    /// A policy is new or has changed; hosts of the items that use it are told.
    pub(super) fn keep_policy(&mut self, policy: ReplicationPolicy) -> Accepted {
        let id = policy.id;
        let changed = self.state.policies.get(&id) != Some(&policy);
        self.put(Record::Policy(policy.clone()));
        self.state.policies.insert(id, policy);
        self.state.changed.policies = true;
        if changed {
            let users: Vec<_> =
                self.state.items.iter().filter(|(_, i)| i.record.policy == id).map(|(i, _)| *i).collect();
            for item in users {
                self.told_again(item, |_| {});
            }
        }
        Accepted::Done
    }

    pub(super) fn delete_policy(&mut self, policy: PolicyId) -> Accepted {
        self.state.policies.remove(&policy);
        self.delete(RecordKey::Policy(policy));
        self.state.changed.policies = true;
        Accepted::Done
    }

    /// Changes an item in what its hosts must know, and has them told.
    pub(super) fn told_again(
        &mut self,
        item: leeward_model::ItemId,
        change: impl FnOnce(&mut crate::records::ItemRecord),
    ) {
        let Some(mut record) = self.item(item).map(|i| i.record.clone()) else { return };
        change(&mut record);
        record.revision += 1;
        self.put_item(record);
        self.correct_item(item);
    }
}
