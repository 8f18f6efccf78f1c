//! Verbs, each declared once. Menu, command bar, context menu, palette, shortcuts, CLI, confirm dialog, audit
//! entry and the generated reference all read this declaration. Apart from `command`, which carries the
//! arguments of one use of a verb, and from `availability`, which decides whether it may be used now.

use serde::{Deserialize, Serialize};
use strum::IntoEnumIterator;

/// What a verb acts on.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
pub enum Scope {
    /// The window itself.
    App,
    /// The vault.
    Vault,
    /// A management server (a host's agent).
    Server,
    /// A machine on a host.
    Machine,
    /// A replication policy.
    Policy,
    /// A replicated item.
    Item,
    /// A job.
    Job,
}

/// What could go wrong for the user, which decides how much the window asks before it acts.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
pub enum Risk {
    /// Nothing changes, or it is easily taken back: no question.
    Safe,
    /// Something stops or starts: one dialog that says what will happen.
    Disruptive,
    /// Something can be lost: the dialog says what, and the name is typed.
    Destructive,
}

/// The declaration of a verb.
#[derive(Clone, Copy, Debug)]
pub struct VerbDecl {
    /// The verb.
    pub verb: Verb,
    /// Stable id: audit verb and base of the message keys (`verb-<id>`, `verb-<id>-hint`).
    pub id: &'static str,
    /// Icon name in the icon set.
    pub icon: &'static str,
    /// Keyboard shortcut in the window (`Ctrl+Shift+F`), with Cmd for Ctrl on macOS.
    pub shortcut: Option<&'static str>,
    /// What it acts on.
    pub scope: Scope,
    /// How much is asked before.
    pub risk: Risk,
    /// The CLI path, for example `item test-failover`; empty for verbs of the window alone.
    pub cli: &'static str,
}

macro_rules! verbs {
    ($( $(#[$doc:meta])* $name:ident = $id:literal, $icon:literal, $shortcut:expr, $scope:ident, $risk:ident, $cli:literal; )+) => {
        /// Every verb of the product.
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize, strum::EnumIter)]
        pub enum Verb { $( $(#[$doc])* $name, )+ }

        impl Verb {
            /// Its declaration.
            #[must_use]
            pub const fn decl(self) -> VerbDecl {
                match self { $( Self::$name => VerbDecl {
                    verb: Self::$name, id: $id, icon: $icon, shortcut: $shortcut,
                    scope: Scope::$scope, risk: Risk::$risk, cli: $cli,
                }, )+ }
            }
        }
    };
}

verbs! {
    /// Open the command palette.
    OpenPalette = "open-palette", "search", Some("Ctrl+K"), App, Safe, "";
    /// Switch between light and dark.
    ToggleTheme = "toggle-theme", "moon", Some("Ctrl+Shift+L"), App, Safe, "";
    /// Open the notification list.
    OpenNotifications = "open-notifications", "bell", Some("Ctrl+Shift+N"), App, Safe, "";
    /// Choose another vault.
    OpenVault = "open-vault", "folder", None, App, Safe, "";
    /// Make a registration key for a host's agent.
    MakeRegistrationKey = "make-registration-key", "key", None, Vault, Safe, "server make-key";
    /// Make a registration key unusable.
    RevokeRegistrationKey = "revoke-registration-key", "dismiss-circle", None, Vault, Disruptive, "server revoke-key";
    /// Remove a server and revoke its certificate.
    RemoveServer = "remove-server", "delete", None, Server, Destructive, "server remove";
    /// Create a replication policy.
    CreatePolicy = "create-policy", "add", None, Vault, Safe, "policy create";
    /// Edit a replication policy.
    EditPolicy = "edit-policy", "edit", None, Policy, Safe, "policy edit";
    /// Delete a replication policy that no item uses.
    DeletePolicy = "delete-policy", "delete", None, Policy, Disruptive, "policy delete";
    /// Associate items with a policy.
    AssociatePolicy = "associate-policy", "link", None, Item, Safe, "item set-policy";
    /// Start a machine that is not protected or that runs here.
    StartMachine = "start-machine", "play", None, Machine, Disruptive, "machine start";
    /// Shut a machine down in order.
    ShutDownMachine = "shut-down-machine", "stop", None, Machine, Disruptive, "machine shut-down";
    /// Take a machine's power away.
    PowerOffMachine = "power-off-machine", "power", None, Machine, Destructive, "machine power-off";
    /// Protect machines.
    EnableReplication = "enable-replication", "add", Some("Ctrl+N"), Vault, Safe, "item enable";
    /// Take protection away, keeping or deleting the replica.
    DisableReplication = "disable-replication", "delete", None, Item, Destructive, "item disable";
    /// Stop sending changes for now.
    PauseReplication = "pause-replication", "pause", None, Item, Disruptive, "item pause";
    /// Send changes again.
    ResumeReplication = "resume-replication", "play", None, Item, Safe, "item resume";
    /// Run one replication cycle now.
    SyncNow = "sync-now", "sync", Some("Ctrl+R"), Item, Safe, "item sync";
    /// Compare and repair the replica.
    Resynchronize = "resynchronize", "resync", None, Item, Safe, "item resync";
    /// Hash a recovery point again and compare.
    VerifyPoint = "verify-point", "checkmark-circle", None, Item, Safe, "item verify";
    /// Bring a copy up in isolation.
    TestFailover = "test-failover", "beaker", Some("Ctrl+T"), Item, Safe, "item test-failover";
    /// Take a test failover away.
    CleanUpTestFailover = "clean-up-test-failover", "broom", None, Item, Safe, "item clean-up";
    /// Move in order, losing nothing.
    PlannedFailover = "planned-failover", "arrow-swap", None, Item, Disruptive, "item planned-failover";
    /// Bring the machine up at the other side because its own is gone.
    Failover = "failover", "arrow-right", Some("Ctrl+Shift+F"), Item, Destructive, "item failover";
    /// Choose another point before commit.
    ChangeRecoveryPoint = "change-recovery-point", "history", None, Item, Destructive, "item change-point";
    /// Make the choice of point final.
    Commit = "commit", "checkmark", None, Item, Disruptive, "item commit";
    /// Build the copy in the other direction.
    ReverseReplicate = "reverse-replicate", "arrow-undo", None, Item, Disruptive, "item reverse";
    /// Give up the disks of a superseded source.
    DiscardSource = "discard-source", "delete", None, Item, Destructive, "item discard-source";
    /// Fetch the picture of a machine's console.
    ConsolePicture = "console-picture", "camera", None, Item, Safe, "item console";
    /// Cancel a job.
    CancelJob = "cancel-job", "dismiss", None, Job, Disruptive, "job cancel";
    /// Run a failed job again from where it stands.
    RestartJob = "restart-job", "arrow-clockwise", None, Job, Safe, "job restart";
}

impl Verb {
    /// All verbs, in the order they are declared.
    pub fn all() -> impl Iterator<Item = Self> {
        Self::iter()
    }

    /// The key of its title.
    #[must_use]
    pub fn title_key(self) -> String {
        format!("verb-{}", self.decl().id)
    }

    /// The key of its hint.
    #[must_use]
    pub fn hint_key(self) -> String {
        format!("verb-{}-hint", self.decl().id)
    }

    /// Its title in the language of the program.
    #[must_use]
    pub fn title(self) -> String {
        crate::text::render(&crate::Message { key: self.title_key().into(), args: Default::default() })
    }

    /// Its hint in the language of the program.
    #[must_use]
    pub fn hint(self) -> String {
        crate::text::render(&crate::Message { key: self.hint_key().into(), args: Default::default() })
    }
}
