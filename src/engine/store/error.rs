//! What can be wrong with a vault database, in the words of its owner. Apart from `database`, which runs into it.

use leeward_model::{Fault, Recovery};
use sea_orm::{DbErr, RuntimeErr, sqlx};
use std::path::{Path, PathBuf};

/// A failure of the vault database. Its text says what failed, on what, likely causes and what to do.
#[derive(Debug, thiserror::Error)]
#[error("{}", self.fault())]
pub enum StoreError {
    /// The file is a database, but not one of a vault.
    NotAVault {
        /// The file.
        path: PathBuf,
    },
    /// A newer version of the program has worked on it.
    Newer {
        /// The file.
        path: PathBuf,
        /// The schema number it has.
        has: i32,
        /// The newest schema number this program knows.
        knows: i32,
    },
    /// It cannot be read as a whole any more.
    Damaged {
        /// The file.
        path: PathBuf,
        /// What the database said.
        detail: String,
    },
    /// The operating system refuses the file to this user.
    NoPermission {
        /// The file.
        path: PathBuf,
        /// What the operating system said.
        detail: String,
    },
    /// The file system is full.
    Full {
        /// The file.
        path: PathBuf,
        /// What the database said.
        detail: String,
    },
    /// Anything else, an I/O error most likely.
    Failed {
        /// The file.
        path: PathBuf,
        /// What the database said.
        detail: String,
    },
}

impl StoreError {
    /// Sorts what the database library said.
    pub(super) fn of(path: &Path, error: &DbErr) -> Self {
        let path = path.to_owned();
        let detail = error.to_string();
        // The low byte is the primary result code; the rest refines it.
        match sqlite_code(error).map(|code| code & 0xff) {
            Some(11 | 26) => Self::Damaged { path, detail },
            Some(3 | 8 | 14 | 23) => Self::NoPermission { path, detail },
            Some(13) => Self::Full { path, detail },
            _ => Self::Failed { path, detail },
        }
    }

    /// Sorts what the operating system said about the file itself.
    pub(super) fn of_io(path: &Path, error: &std::io::Error) -> Self {
        let (path, detail) = (path.to_owned(), error.to_string());
        match error.kind() {
            std::io::ErrorKind::PermissionDenied | std::io::ErrorKind::ReadOnlyFilesystem => {
                Self::NoPermission { path, detail }
            }
            std::io::ErrorKind::StorageFull | std::io::ErrorKind::QuotaExceeded => {
                Self::Full { path, detail }
            }
            _ => Self::Failed { path, detail },
        }
    }

    /// As a fault with causes and an action.
    #[must_use]
    pub fn fault(&self) -> Fault {
        let (code, path, detail, recovery) = match self {
            Self::NotAVault { path } => ("vault-db-foreign", path, String::new(), Recovery::NeedsPerson),
            Self::Newer { path, has, knows } => {
                ("vault-db-newer", path, format!("schema {has}, known up to {knows}"), Recovery::NeedsPerson)
            }
            Self::Damaged { path, detail } => {
                ("vault-db-damaged", path, detail.clone(), Recovery::NeedsPerson)
            }
            Self::NoPermission { path, detail } => {
                ("vault-db-no-permission", path, detail.clone(), Recovery::NeedsPerson)
            }
            Self::Full { path, detail } => ("vault-db-full", path, detail.clone(), Recovery::NeedsPerson),
            Self::Failed { path, detail } => ("vault-db-failed", path, detail.clone(), Recovery::NeedsPerson),
        };
        Fault::new(code, &path.display().to_string(), detail, recovery)
    }
}

fn sqlite_code(error: &DbErr) -> Option<u32> {
    let (DbErr::Conn(RuntimeErr::SqlxError(inner))
    | DbErr::Exec(RuntimeErr::SqlxError(inner))
    | DbErr::Query(RuntimeErr::SqlxError(inner))) = error
    else {
        return None;
    };
    match inner.as_ref() {
        sqlx::Error::Database(database) => database.code()?.parse().ok(),
        _ => None,
    }
}
