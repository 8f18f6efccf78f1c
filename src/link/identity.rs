//! Who a certificate says somebody is. The issuer writes it into the one URI among the alternative names; the
//! common name beside it is for people only. Apart from `certificate`, which reads everything else.

use leeward_model::{AgentId, KeyId, VaultId};
use std::fmt;
use std::str::FromStr;
use uuid::Uuid;

/// The scheme of identities among a certificate's names.
const SCHEME: &str = "leeward";

/// A party of a vault.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Party {
    /// The engine.
    Engine,
    /// The agent of a host.
    Agent(AgentId),
    /// A person's program: a window or a command line.
    Operator(Uuid),
    /// A host that holds a registration key and is not enrolled yet.
    Enrolment(KeyId),
}

/// A party and its vault: `leeward:<vault>:agent:<id>`.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Identity {
    /// The vault that vouches.
    pub vault: VaultId,
    /// Who it vouches for.
    pub party: Party,
}

/// Which parties are wanted at the other end.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Wanted {
    /// The engine.
    Engine,
    /// This agent.
    Agent(AgentId),
    /// Any agent.
    AnyAgent,
    /// An operator.
    Operator,
    /// Whoever may ask for a certificate: a host with a registration key, or an agent that renews its own.
    Enrolling,
}

/// A text that is no identity.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("`{text}` is not an identity of the form leeward:<vault>:<role>[:<id>]")]
pub struct NotAnIdentity {
    /// The text, cut to a length that can be shown.
    pub text: String,
}

impl Wanted {
    /// Whether `party` is one of them.
    #[must_use]
    pub fn accepts(self, party: Party) -> bool {
        match (self, party) {
            (Self::Engine, Party::Engine)
            | (Self::AnyAgent, Party::Agent(_))
            | (Self::Operator, Party::Operator(_))
            | (Self::Enrolling, Party::Agent(_) | Party::Enrolment(_)) => true,
            (Self::Agent(wanted), Party::Agent(found)) => wanted == found,
            _ => false,
        }
    }
}

impl fmt::Display for Wanted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Engine => f.write_str("engine"),
            Self::Agent(id) => write!(f, "agent:{id}"),
            Self::AnyAgent => f.write_str("agent"),
            Self::Operator => f.write_str("operator"),
            Self::Enrolling => f.write_str("enrolment or agent"),
        }
    }
}

impl fmt::Display for Party {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Engine => f.write_str("engine"),
            Self::Agent(id) => write!(f, "agent:{id}"),
            Self::Operator(id) => write!(f, "operator:{id}"),
            Self::Enrolment(id) => write!(f, "enrolment:{id}"),
        }
    }
}

impl fmt::Display for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{SCHEME}:{}:{}", self.vault, self.party)
    }
}

impl FromStr for Identity {
    type Err = NotAnIdentity;

    fn from_str(text: &str) -> Result<Self, NotAnIdentity> {
        let parsed = || {
            let mut parts = text.split(':');
            if parts.next()? != SCHEME {
                return None;
            }
            let vault = VaultId(uuid(parts.next()?)?);
            let role = parts.next()?;
            let id = match parts.next() {
                Some(id) => Some(uuid(id)?),
                None => None,
            };
            let party = match (role, id) {
                ("engine", None) => Party::Engine,
                ("agent", Some(id)) => Party::Agent(AgentId(id)),
                ("operator", Some(id)) => Party::Operator(id),
                ("enrolment", Some(id)) => Party::Enrolment(KeyId(id)),
                _ => return None,
            };
            parts.next().is_none().then_some(Self { vault, party })
        };
        parsed().ok_or_else(|| NotAnIdentity { text: text.chars().take(120).collect() })
    }
}

/// Only the one way of writing that we use, so that two texts never name the same party.
fn uuid(text: &str) -> Option<Uuid> {
    let id = Uuid::parse_str(text).ok()?;
    (id.to_string() == text).then_some(id)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn identities_read_back_as_they_were_written() {
        let vault = VaultId(Uuid::from_u128(7));
        let id = Uuid::from_u128(9);
        for party in
            [Party::Engine, Party::Agent(AgentId(id)), Party::Operator(id), Party::Enrolment(KeyId(id))]
        {
            let identity = Identity { vault, party };
            assert_eq!(identity.to_string().parse(), Ok(identity));
        }
    }

    #[test]
    fn near_misses_are_refused() {
        let id = Uuid::from_u128(0xabcd_ef01);
        for text in [
            String::new(),
            "leeward".to_owned(),
            format!("leeward:{id}"),
            format!("leeward:{id}:agent"),
            format!("leeward:{id}:engine:{id}"),
            format!("leeward:{id}:agent:{id}:more"),
            format!("leeward:{id}:agent:{}", id.simple()),
            format!("leeward:{}:engine", id.to_string().to_uppercase()),
            format!("http:{id}:engine"),
        ] {
            assert!(text.parse::<Identity>().is_err(), "{text}");
        }
    }

    #[test]
    fn only_the_wanted_party_is_accepted() {
        let (a, b) = (AgentId(Uuid::from_u128(1)), AgentId(Uuid::from_u128(2)));
        assert!(Wanted::Agent(a).accepts(Party::Agent(a)));
        assert!(!Wanted::Agent(a).accepts(Party::Agent(b)));
        assert!(!Wanted::Agent(a).accepts(Party::Engine));
        assert!(!Wanted::AnyAgent.accepts(Party::Operator(a.0)));
        assert!(!Wanted::Engine.accepts(Party::Agent(a)));
        assert!(!Wanted::Operator.accepts(Party::Enrolment(KeyId(a.0))));
        assert!(Wanted::Enrolling.accepts(Party::Enrolment(KeyId(a.0))));
        assert!(!Wanted::Enrolling.accepts(Party::Engine));
    }

    proptest! {
        #[test]
        fn any_text_is_refused_or_reads_back(text in "(leeward:)?.{0,120}") {
            if let Ok(identity) = text.parse::<Identity>() {
                prop_assert_eq!(identity.to_string(), text);
            }
        }
    }
}
