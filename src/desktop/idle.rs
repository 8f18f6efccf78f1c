//! An engine that is not there: what the window holds before it is connected. Apart from `sample`, which makes worlds up.

use crate::options::Connected;
use leeward_model::{
    Command, CommandOutcome, CommandSink, Message, Moment, Overview, Preview, ReceiptId, Refusal, Snapshot,
    SnapshotFeed, VaultId, VaultView,
};
use std::sync::Arc;
use uuid::Uuid;

/// Takes nothing and shows nothing.
pub(crate) struct Idle;

impl Idle {
    pub(crate) fn connected() -> Connected {
        Connected { sink: Arc::new(Self), feed: Arc::new(Self), title: String::new() }
    }

    fn refusal() -> Refusal {
        Refusal { why: Message::new("not-connected"), helps: None }
    }
}

impl CommandSink for Idle {
    fn submit(&self, _command: Command) -> ReceiptId {
        ReceiptId(Uuid::nil())
    }

    fn take_outcome(&self, _receipt: ReceiptId) -> Option<CommandOutcome> {
        Some(CommandOutcome::Refused(Self::refusal()))
    }

    fn preview(&self, _command: &Command) -> Preview {
        Preview { refused: Some(Self::refusal()), ..Preview::default() }
    }

    fn ask_previews(&self, _commands: Vec<Command>) -> ReceiptId {
        ReceiptId(Uuid::nil())
    }

    fn take_previews(&self, _receipt: ReceiptId) -> Option<Vec<Preview>> {
        None
    }
}

impl SnapshotFeed for Idle {
    fn latest(&self) -> Arc<Snapshot> {
        Arc::new(blank())
    }

    fn on_change(&self, _wake: Arc<dyn Fn() + Send + Sync>) {}

    fn lost(&self) -> Option<Message> {
        None
    }
}

/// A vault with nothing in it.
pub(crate) fn blank() -> Snapshot {
    Snapshot {
        revision: 0,
        made_at: Moment::default(),
        vault: VaultView {
            id: VaultId(Uuid::nil()),
            name: String::new(),
            created: Moment::default(),
            engine_addr: String::new(),
            engine_version: String::new(),
        },
        sites: Arc::default(),
        servers: Arc::default(),
        keys: Arc::default(),
        machines: Arc::default(),
        policies: Arc::default(),
        items: Arc::default(),
        jobs: Arc::default(),
        events: Arc::default(),
        overview: Overview::default(),
    }
}
