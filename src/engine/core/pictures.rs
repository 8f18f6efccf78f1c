//! Console pictures: asked of a host while somebody waits, answered at once, kept nowhere. No job: nothing changes.

use super::alarms::Alarm;
use super::state::Pending;
use super::turn::Turn;
use leeward_link::messages::{Reply, Request, Response};
use leeward_model::{Accepted, AgentId, CommandOutcome, Fault, ItemId, ReceiptId, Recovery, TestId};

/// Seconds a host has to answer.
const PICTURE_SECS: i64 = 30;
/// The largest picture that is taken, decoded.
const PICTURE_BYTES_MAX: usize = 8 << 20;

impl Turn<'_> {
    pub(super) fn ask_picture(
        &mut self,
        receipt: ReceiptId,
        agent: AgentId,
        item: ItemId,
        test: Option<TestId>,
    ) {
        let by = self.now.plus_secs(PICTURE_SECS);
        self.call(Pending::Picture { agent, receipt, by }, Request::ConsolePicture { item, test });
        self.alarm(by, Alarm::Pictures);
    }

    pub(super) fn picture_answered(&mut self, agent: AgentId, receipt: ReceiptId, reply: Reply) {
        let outcome = match reply {
            Ok(Response::Picture { png_base64, at }) => match decode(&png_base64) {
                Some(png) => CommandOutcome::Accepted(Accepted::Picture { png, at }),
                None => self.no_picture(agent),
            },
            Ok(_) => self.no_picture(agent),
            Err(fault) => CommandOutcome::Failed(Box::new(fault)),
        };
        self.answer(receipt, outcome);
    }

    pub(super) fn picture_failed(&mut self, receipt: ReceiptId, agent: AgentId) {
        let outcome = self.no_picture(agent);
        self.answer(receipt, outcome);
    }

    pub(super) fn pictures_overdue(&mut self) {
        let overdue: Vec<_> = self
            .state
            .calls
            .iter()
            .filter_map(|(call, p)| match p {
                Pending::Picture { agent, receipt, by } if *by <= self.now => Some((*call, *agent, *receipt)),
                _ => None,
            })
            .collect();
        for (call, agent, receipt) in overdue {
            self.state.calls.remove(&call);
            self.picture_failed(receipt, agent);
        }
    }

    fn no_picture(&self, agent: AgentId) -> CommandOutcome {
        let host = self.state.server_name(agent);
        CommandOutcome::Failed(Box::new(Fault::new(
            "picture-none",
            host,
            String::new(),
            Recovery::NeedsPerson,
        )))
    }
}

/// Plain base64 with padding, bounded.
fn decode(text: &str) -> Option<Vec<u8>> {
    let text = text.as_bytes();
    if text.is_empty() || !text.len().is_multiple_of(4) || text.len() / 4 * 3 > PICTURE_BYTES_MAX {
        return None;
    }
    let mut out = Vec::with_capacity(text.len() / 4 * 3);
    let groups = text.len() / 4;
    for (index, group) in text.chunks_exact(4).enumerate() {
        let padding = group.iter().rev().take_while(|b| **b == b'=').count();
        if padding > 2 || (padding > 0 && index + 1 != groups) {
            return None;
        }
        let mut bits = 0_u32;
        for byte in group.iter().take(4 - padding) {
            bits = bits << 6 | sextet(*byte)?;
        }
        bits <<= 6 * u32::try_from(padding).ok()?;
        let bytes = bits.to_be_bytes();
        out.extend_from_slice(bytes.get(1..4 - padding)?);
    }
    Some(out)
}

fn sextet(byte: u8) -> Option<u32> {
    let value = match byte {
        b'A'..=b'Z' => byte - b'A',
        b'a'..=b'z' => byte - b'a' + 26,
        b'0'..=b'9' => byte - b'0' + 52,
        b'+' => 62,
        b'/' => 63,
        _ => return None,
    };
    Some(u32::from(value))
}

#[cfg(test)]
mod tests {
    use super::decode;

    #[test]
    fn base64_is_read_and_rubbish_is_not() {
        assert_eq!(decode("TGVld2FyZA==").as_deref(), Some(&b"Leeward"[..]));
        assert_eq!(decode("TGVld2FyZCE=").as_deref(), Some(&b"Leeward!"[..]));
        assert_eq!(decode("AAAA").as_deref(), Some(&[0, 0, 0][..]));
        for bad in ["", "A", "AA=A", "====", "AA==AAAA", "AA A", "ÄÄ"] {
            assert_eq!(decode(bad), None, "{bad}");
        }
    }
}
