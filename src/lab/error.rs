//! What can go wrong with the lab.

use leeward_model::Message;
use leeward_model::fault::{Fault, Recovery};
use std::io;
use std::path::{Path, PathBuf};

/// A failure of making or running the lab.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LabError {
    /// A file operation failed.
    #[error("could not {action} {path}: {source}")]
    File {
        /// What was tried, as a verb.
        action: &'static str,
        /// The file.
        path: PathBuf,
        /// The system's answer.
        source: io::Error,
    },
    /// A program that is needed is not installed.
    #[error("{program} is not installed (Debian package {package})")]
    Missing {
        /// The program.
        program: String,
        /// The package that has it.
        package: &'static str,
    },
    /// A program was run and failed.
    #[error("{program} failed: {reason}")]
    Program {
        /// The program.
        program: String,
        /// The end of what it said.
        reason: String,
    },
    /// Debian's packages could not be had.
    #[error("the guests' packages could not be downloaded: {reason}")]
    Packages {
        /// Why.
        reason: String,
    },
    /// A package does not hold what it should.
    #[error("{what} was not found in the guests' packages")]
    PackageContent {
        /// What was looked for.
        what: String,
    },
    /// The lab cannot be made on this kind of computer.
    #[error("the sample lab needs Linux on x86-64")]
    Unsupported,
    /// A record of the lab cannot be understood.
    #[error("{path} is damaged or of another version: {reason}")]
    Record {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        reason: String,
    },
    /// The lab has no such host.
    #[error("the lab has no host {host}")]
    NoSuchHost {
        /// The folder's name that was asked for.
        host: String,
    },
    /// An agent did not do what it was started for.
    #[error("the agent of {host} {reason}")]
    Agent {
        /// The host's folder name.
        host: String,
        /// What happened, to follow "the agent of X".
        reason: String,
    },
    /// The lab's own network cannot be laid.
    #[error("the lab's network cannot be laid: {reason}")]
    Network {
        /// Why.
        reason: String,
    },
    /// A guest has not said what was looked for.
    #[error("{machine} has not said {what} on its serial line")]
    NotSaid {
        /// The machine.
        machine: String,
        /// What was looked for.
        what: &'static str,
    },
}

/// Result of the lab's verbs.
pub(crate) type Result<T> = std::result::Result<T, LabError>;

impl LabError {
    pub(crate) fn file(action: &'static str, path: impl AsRef<Path>) -> impl FnOnce(io::Error) -> Self {
        let path = path.as_ref().to_owned();
        move |source| Self::File { action, path, source }
    }

    /// As a person needs it.
    #[must_use]
    pub fn fault(&self) -> Fault {
        let (what, cause, action) = self.keys();
        let subject = self.subject();
        let said = |key| Message::new(key).with("subject", subject.as_str());
        Fault {
            code: what.to_owned(),
            what: said(what),
            causes: vec![said(cause)],
            action: match self {
                Self::Missing { package, .. } => said(action).with("package", *package),
                _ => said(action),
            },
            subject: subject.clone(),
            detail: self.to_string(),
            recovery: Recovery::NeedsPerson,
        }
    }

    fn subject(&self) -> String {
        match self {
            Self::File { path, .. } | Self::Record { path, .. } => path.display().to_string(),
            Self::Missing { program, .. } | Self::Program { program, .. } => program.clone(),
            Self::PackageContent { what } => what.clone(),
            Self::NoSuchHost { host } | Self::Agent { host, .. } => host.clone(),
            Self::NotSaid { machine, .. } => machine.clone(),
            Self::Packages { .. } | Self::Unsupported | Self::Network { .. } => "lab".to_owned(),
        }
    }

    /// The three sentences: what failed, the likely cause, what to do.
    const fn keys(&self) -> (&'static str, &'static str, &'static str) {
        macro_rules! stem {
            ($stem:literal) => {
                ($stem, concat!($stem, "-cause"), concat!($stem, "-action"))
            };
        }
        match self {
            Self::File { .. } => stem!("lab-file"),
            Self::Missing { .. } => stem!("lab-program-missing"),
            Self::Program { .. } => stem!("lab-program-failed"),
            Self::Packages { .. } => stem!("lab-packages"),
            Self::PackageContent { .. } => stem!("lab-package-content"),
            Self::Unsupported => stem!("lab-unsupported"),
            Self::Record { .. } => stem!("lab-record"),
            Self::NoSuchHost { .. } => stem!("lab-no-such-host"),
            Self::Agent { .. } => stem!("lab-agent"),
            Self::Network { .. } => stem!("lab-network"),
            Self::NotSaid { .. } => stem!("lab-not-said"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_failure_has_its_sentences() {
        let all = [
            LabError::File { action: "read", path: "a".into(), source: io::ErrorKind::NotFound.into() },
            LabError::Missing { program: "a".into(), package: "b" },
            LabError::Program { program: "a".into(), reason: "b".into() },
            LabError::Packages { reason: "a".into() },
            LabError::PackageContent { what: "a".into() },
            LabError::Unsupported,
            LabError::Record { path: "a".into(), reason: "b".into() },
            LabError::NoSuchHost { host: "a".into() },
            LabError::Agent { host: "a".into(), reason: "b".into() },
            LabError::Network { reason: "a".into() },
            LabError::NotSaid { machine: "a".into(), what: "b" },
        ];
        for error in all {
            let fault = error.fault();
            for message in fault.causes.iter().chain([&fault.what, &fault.action]) {
                assert!(leeward_model::text::has(&message.key), "{}", message.key);
                assert!(!message.render().contains("{$"), "{}", message.render());
            }
        }
    }
}
