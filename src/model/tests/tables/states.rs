//! Every state of protection, with what it can carry.

use leeward_model::{
    AgentId, Epoch, EvidenceMint, FailoverKind, ItemId, Message, Moment, PointId, Protection, Side,
    SourceFence,
};
use uuid::Uuid;

pub(crate) const ITEM: ItemId = ItemId(Uuid::from_u128(1));
pub(crate) const POINT: PointId = PointId(Uuid::from_u128(2));

/// A fence of the other side.
pub(crate) fn fenced() -> SourceFence {
    let mint = EvidenceMint::grant();
    SourceFence::Fenced(mint.fence(ITEM, AgentId(Uuid::from_u128(3)), Epoch(2), Moment(0)))
}

/// All of them by name.
pub(crate) fn all() -> Vec<(&'static str, Protection)> {
    use FailoverKind::{Planned, Unplanned};
    let failed_over = |kind, source| Protection::FailedOver { kind, point: POINT, source };
    vec![
        ("Enabling", Protection::Enabling),
        ("Initial replication", Protection::InitialReplication),
        ("Protected", Protection::Protected),
        ("Failing over, planned", Protection::FailingOver { kind: Planned, to: Side::Recovery }),
        ("Failing over, unplanned", Protection::FailingOver { kind: Unplanned, to: Side::Recovery }),
        ("Failed over, planned", failed_over(Planned, fenced())),
        ("Failed over, unplanned, source fenced", failed_over(Unplanned, fenced())),
        ("Failed over, unplanned, source unknown", failed_over(Unplanned, SourceFence::Unknown)),
        ("Committed, source fenced", Protection::Committed { source: fenced() }),
        ("Committed, source unknown", Protection::Committed { source: SourceFence::Unknown }),
        ("Reversing", Protection::Reversing),
        ("Protected, reversed", Protection::ProtectedReversed),
        ("Disabling", Protection::Disabling),
        ("Needs an operator", Protection::NeedsOperator { why: Message::new("health-needs-operator") }),
    ]
}
