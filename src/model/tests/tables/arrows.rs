//! Whatever arrows are asked for, with whatever evidence, in whatever order: what must never be, never is. Apart from
//! the tables, which say what may be asked for; here is what can be at all.

use crate::states::ITEM;
use leeward_model::{
    AgentId, Epoch, EvidenceMint, FailoverEvidence, FailoverKind, ItemId, Message, Moment, PointId,
    Protection, Side, SourceFence,
};
use uuid::Uuid;

const STRANGER: ItemId = ItemId(Uuid::from_u128(99));

/// A stream of choices from one seed.
struct Chance(u64);

impl Chance {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % bound
    }

    fn mostly(&mut self) -> bool {
        self.below(8) != 0
    }
}

/// An item as the engine keeps it: the state, and beside it who is active and the epoch.
struct Kept {
    protection: Protection,
    epoch: Epoch,
    active: Side,
    /// The failover under way began on the way back.
    reversing: bool,
}

fn fence_of(protection: &Protection) -> Option<&SourceFence> {
    match protection {
        Protection::FailedOver { source, .. } | Protection::Committed { source } => Some(source),
        _ => None,
    }
}

/// One arrow with evidence that is mostly good. What became of it, and whether it was an end of a failover.
fn step(kept: &Kept, chance: &mut Chance) -> (Option<Protection>, bool) {
    let mint = EvidenceMint::grant();
    let (from, now, next) = (kept.protection.clone(), kept.epoch, kept.epoch.next());
    let item = if chance.mostly() { ITEM } else { STRANGER };
    let (old, new) = if chance.mostly() { (now, next) } else { (Epoch(now.0.saturating_sub(1)), now) };
    let point = PointId(Uuid::from_u128(u128::from(chance.below(100))));
    let fence = mint.fence(item, AgentId(Uuid::from_u128(3)), new, Moment(0));
    let kind = if chance.below(2) == 0 { FailoverKind::Planned } else { FailoverKind::Unplanned };
    let in_sync = mint.in_sync(item, old, point);
    let result = match chance.below(15) {
        0 => from.enabled(ITEM),
        1 => from.initial_done(ITEM, now, &in_sync),
        2 => from.begin_failover(ITEM, kind, kept.active),
        3 => from.failover_undone(ITEM, kept.reversing),
        4 => {
            let quiesced = mint.source_quiesced(item, old, Moment(0), true);
            let synced = mint.final_sync(item, old, point);
            let evidence = FailoverEvidence::Planned { quiesced, synced, fence };
            return (from.failed_over(ITEM, now, evidence).ok(), true);
        }
        5 => {
            let source = if chance.below(2) == 0 { SourceFence::Unknown } else { SourceFence::Fenced(fence) };
            let evidence = FailoverEvidence::Unplanned { point, source };
            return (from.failed_over(ITEM, now, evidence).ok(), true);
        }
        6 => from.point_changed(ITEM, point),
        7 | 8 => from.committed(ITEM),
        9 => {
            let proof = mint.fence(item, AgentId(Uuid::from_u128(3)), old, Moment(0));
            from.source_fenced(ITEM, now, proof)
        }
        10 | 11 => from.begin_reverse(ITEM),
        12 => from.reversed(ITEM, now, kept.active, &in_sync),
        13 => {
            let proof = mint.fence(item, AgentId(Uuid::from_u128(3)), old, Moment(0));
            from.reverse_undone(ITEM, now, proof)
        }
        _ => from.lost_track(ITEM, Message::new("health-needs-operator")),
    };
    (result.ok(), false)
}

fn must_hold(before: &Kept, after: &Kept, ended: bool) {
    let (was, is) = (&before.protection, &after.protection);
    if let Some(SourceFence::Fenced(proof)) = fence_of(is) {
        assert!(proof.proves(ITEM, after.epoch), "a fence that proves nothing: {was:?} -> {is:?}");
    }
    if matches!(is, Protection::Reversing) && !matches!(was, Protection::Reversing) {
        let fenced = matches!(was, Protection::Committed { source: SourceFence::Fenced(_) })
            || (matches!(was, Protection::FailingOver { .. }) && before.reversing);
        assert!(fenced, "reversing without a fence: {was:?}");
    }
    let arrived =
        matches!(is, Protection::FailedOver { .. }) && !matches!(was, Protection::FailedOver { .. });
    assert_eq!(arrived, ended, "only a failover that ends with evidence leads there: {was:?} -> {is:?}");
    assert_eq!(after.epoch > before.epoch, arrived, "the epoch rises at failovers and nowhere else");
    if arrived {
        assert!(matches!(was, Protection::FailingOver { .. }), "{was:?}");
        let FailedOverAs { kind, source } = as_failed_over(is);
        if kind == FailoverKind::Planned {
            assert!(matches!(source, SourceFence::Fenced(_)), "planned and not fenced: {is:?}");
        }
    }
    let protected = matches!(is, Protection::Protected | Protection::ProtectedReversed);
    let begins = matches!(was, Protection::InitialReplication | Protection::Reversing);
    if protected && begins {
        assert_eq!(matches!(is, Protection::Protected), after.active == Side::Primary, "{was:?} -> {is:?}");
    }
}

struct FailedOverAs<'a> {
    kind: FailoverKind,
    source: &'a SourceFence,
}

fn as_failed_over(protection: &Protection) -> FailedOverAs<'_> {
    match protection {
        Protection::FailedOver { kind, source, .. } => FailedOverAs { kind: *kind, source },
        other => panic!("{other:?}"),
    }
}

#[test]
fn no_order_of_arrows_breaks_the_promise() {
    let (mut failovers, mut reversals) = (0_u32, 0_u32);
    for seed in 0..2_000 {
        let mut chance = Chance(seed);
        let mut kept = Kept {
            protection: Protection::Enabling,
            epoch: Epoch::FIRST,
            active: Side::Primary,
            reversing: false,
        };
        for _ in 0..200 {
            let (next, failover) = step(&kept, &mut chance);
            let Some(protection) = next else { continue };
            let (mut epoch, mut active) = (kept.epoch, kept.active);
            if failover {
                (epoch, active) = (epoch.next(), active.other());
                failovers += 1;
            }
            reversals += u32::from(matches!(protection, Protection::Reversing));
            let reversing = match (&kept.protection, &protection) {
                (Protection::Reversing, Protection::FailingOver { .. }) => true,
                (_, Protection::FailingOver { .. }) => kept.reversing,
                _ => false,
            };
            let after = Kept { protection, epoch, active, reversing };
            must_hold(&kept, &after, failover);
            kept = after;
        }
    }
    assert!(failovers > 1_000 && reversals > 300, "the walk gets about: {failovers} and {reversals}");
}

/// What is refused leaves the state as it was, and says which.
#[test]
fn an_arrow_that_is_not_there_gives_the_state_back() {
    for (name, protection) in crate::states::all() {
        for illegal in [
            protection.clone().enabled(STRANGER).err(),
            protection.clone().begin_reverse(ITEM).err(),
            protection.clone().committed(ITEM).err(),
        ]
        .into_iter()
        .flatten()
        {
            assert_eq!(*illegal.from, protection, "{name}");
        }
    }
}
