//! How a command ends: the exit codes a script reads, and the failures behind them. Documented to users by
//! `reference`, which prints the same table.

use leeward_model::{Fault, Message, Refusal};

/// Exit codes, stable for scripts.
#[derive(Clone, Copy, PartialEq, Eq, Debug, strum::EnumIter)]
pub(crate) enum Exit {
    /// Done.
    Done = 0,
    /// The program itself failed (a file could not be written, for example).
    Trouble = 1,
    /// The command line is wrong.
    Usage = 2,
    /// Refused: nothing happened.
    Refused = 3,
    /// Accepted, and failed.
    Failed = 4,
    /// No engine can be reached, or the vault cannot be opened.
    Unreachable = 5,
    /// Not over when the time was.
    TimedOut = 6,
    /// No such item, machine, server, policy, job or point; or more than one.
    NotFound = 7,
}

impl Exit {
    /// The code as the operating system takes it.
    pub(crate) const fn code(self) -> u8 {
        self as u8
    }

    /// What it means, as a key.
    pub(crate) const fn key(self) -> &'static str {
        match self {
            Self::Done => "cli-exit-done",
            Self::Trouble => "cli-exit-trouble",
            Self::Usage => "cli-exit-usage",
            Self::Refused => "cli-exit-refused",
            Self::Failed => "cli-exit-failed",
            Self::Unreachable => "cli-exit-unreachable",
            Self::TimedOut => "cli-exit-timed-out",
            Self::NotFound => "cli-exit-not-found",
        }
    }
}

/// Why a command did not do what was asked.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{}", self.sentence())]
pub(crate) enum Stop {
    /// A sentence and its exit code.
    Said(Exit, Message),
    /// Refused by the engine.
    Refused(Box<Refusal>),
    /// A failure with causes and an action.
    Fault(Exit, Box<Fault>),
}

impl Stop {
    pub(crate) fn usage(message: Message) -> Self {
        Self::Said(Exit::Usage, message)
    }

    pub(crate) fn not_found(message: Message) -> Self {
        Self::Said(Exit::NotFound, message)
    }

    /// A file that could not be read or written.
    pub(crate) fn file(path: &std::path::Path, error: &std::io::Error) -> Self {
        let message = Message::new("cli-file-failed")
            .with("path", path.display().to_string())
            .with("why", error.to_string());
        Self::Said(Exit::Trouble, message)
    }

    pub(crate) const fn exit(&self) -> Exit {
        match self {
            Self::Said(exit, _) | Self::Fault(exit, _) => *exit,
            Self::Refused(_) => Exit::Refused,
        }
    }

    /// What a person reads.
    pub(crate) fn sentence(&self) -> String {
        match self {
            Self::Said(_, message) => message.render(),
            Self::Refused(refusal) => {
                let mut text = refusal.why.render();
                if let Some(verb) = refusal.helps
                    && !verb.decl().cli.is_empty()
                {
                    let helps = Message::new("cli-refused-helps").with("command", verb.decl().cli);
                    text.push('\n');
                    text.push_str(&helps.render());
                }
                text
            }
            Self::Fault(_, fault) => fault.to_string(),
        }
    }

    /// What a program reads.
    pub(crate) fn json(&self) -> serde_json::Value {
        let kind = format!("{:?}", self.exit());
        match self {
            Self::Fault(_, fault) => {
                serde_json::json!({ "error": { "exit": kind, "text": self.sentence(), "fault": fault } })
            }
            Self::Refused(refusal) => serde_json::json!({ "error": {
                "exit": kind,
                "key": refusal.why.key,
                "helps": refusal.helps.map(|verb| verb.decl().id),
                "text": self.sentence(),
            } }),
            Self::Said(_, message) => {
                serde_json::json!({ "error": { "exit": kind, "key": message.key, "text": self.sentence() } })
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_reads_the_key_of_a_refusal_and_not_its_words() {
        let why = Message::new("refusal-paused").with("item", "web01");
        let refusal = Refusal { why, helps: Some(leeward_model::Verb::ResumeReplication) };
        let error = Stop::Refused(Box::new(refusal)).json();
        assert_eq!(error["error"]["key"], "refusal-paused");
        assert_eq!(error["error"]["helps"], "resume-replication");
        let error = Stop::usage(Message::new("cli-not-confirmed")).json();
        assert_eq!(error["error"]["key"], "cli-not-confirmed");
    }
}
