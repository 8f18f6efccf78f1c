//! Every reader of what attached programs and engines send each other, as a function that takes any bytes: for the
//! tests that throw bytes at them. Apart from `messages`, which nobody outside needs.

use super::messages::{Ask, Tell, VERSION};
use leeward_model::{Command, ReceiptId};

/// What an operator asks.
#[must_use]
pub fn ask(bytes: &[u8]) -> bool {
    serde_json::from_slice::<Ask>(bytes).is_ok()
}

/// What the engine tells; a change of the world is put onto nothing, as at the start of a session.
#[must_use]
pub fn tell(bytes: &[u8]) -> bool {
    match serde_json::from_slice::<Tell>(bytes) {
        Ok(Tell::Snapshot(delta)) => super::delta::apply(None, *delta).is_ok(),
        other => other.is_ok(),
    }
}

/// Good examples of both.
///
/// # Errors
/// Never: these become JSON.
pub fn examples() -> serde_json::Result<Vec<Vec<u8>>> {
    let receipt = ReceiptId(uuid::Uuid::nil());
    let hello = Ask::Hello { version: VERSION, program: "0.1.0".to_owned(), by: "anna".to_owned() };
    let command = Box::new(Command::MakeRegistrationKey { site: "Stockholm".to_owned() });
    let submit = Ask::Submit { receipt, command };
    let welcome = Tell::Welcome { version: VERSION, program: "0.1.0".to_owned() };
    let preview = Tell::Preview { number: 1, preview: Box::default() };
    Ok(vec![
        serde_json::to_vec(&hello)?,
        serde_json::to_vec(&submit)?,
        serde_json::to_vec(&Ask::Whole)?,
        serde_json::to_vec(&welcome)?,
        serde_json::to_vec(&preview)?,
    ])
}
