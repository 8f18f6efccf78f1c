//! Text that must not be seen: private keys and passwords. It prints as dots wherever it is printed, so that no
//! log, error or audit entry can carry it. Apart from `private_file`, which keeps such text on disk.

use serde::{Deserialize, Serialize};
use std::fmt;

/// A secret text. Serializes as it is: only into files that `private_file` writes.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Secret(String);

impl Secret {
    /// Makes text a secret.
    #[must_use]
    pub const fn new(text: String) -> Self {
        Self(text)
    }

    /// The text, for the one place that needs it.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(...)")
    }
}
