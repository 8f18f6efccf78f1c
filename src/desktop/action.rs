//! What a blade asks for. Blades only draw; the app applies these after the frame, in order.

use crate::route::Route;
use leeward_model::{AgentId, Command, ItemId, JobId, KeyId, MachineId, PolicyId, TestId, Verb};

/// A wish of a blade.
#[derive(Clone, PartialEq, Debug)]
pub enum Action {
    /// Go to a blade.
    Go(Route),
    /// Go to the blade before.
    Back,
    /// Send a command; its outcome becomes a toast.
    Send(Command),
    /// Send several commands.
    SendAll(Vec<Command>),
    /// Open a dialog.
    Open(Dialog),
    /// Go to the wizard that protects machines, with this machine chosen already.
    Protect {
        /// The host it runs on.
        agent: AgentId,
        /// The machine.
        machine: MachineId,
    },
    /// Choose another vault on the first page.
    OtherVault,
    /// Close the dialog that is open.
    CloseDialog,
    /// Put text on the clipboard.
    Copy(String),
    /// Choose the theme.
    SetDark(bool),
    /// Open the command palette.
    Palette,
    /// Open or close the notification list.
    Notifications,
    /// Show a note that asks for nothing.
    Note(String),
}

/// A dialog, as a value. The dialogs keep their own input while they are open.
#[derive(Clone, PartialEq, Eq, Debug)]
#[expect(missing_docs, reason = "fields are named by the nouns")]
pub enum Dialog {
    /// A verb on replicated items.
    ItemVerb { verb: Verb, items: Vec<ItemId>, test: Option<TestId> },
    /// Make a registration key.
    RegistrationKey,
    /// Make a registration key unusable.
    RevokeKey(KeyId),
    /// A verb on a management server.
    ServerVerb { verb: Verb, server: AgentId },
    /// A verb on a machine.
    MachineVerb { verb: Verb, machine: MachineId, agent: AgentId },
    /// Edit a policy; none: create one.
    EditPolicy(Option<PolicyId>),
    /// Choose the items of a policy.
    AssociatePolicy(PolicyId),
    /// Delete a policy.
    DeletePolicy(PolicyId),
    /// A verb on a job.
    JobVerb { verb: Verb, job: JobId },
}
