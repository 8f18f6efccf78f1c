//! What the engine can carry out, one workflow per file, its steps declared once. The same declaration gives the
//! preview before, the journal and the job's blade during, and the estimate for the next time.
//!
//! A step is one idempotent request to one agent, or one change of the engine's own state. `runner` in `core` runs
//! it; nothing here holds state.
//!
//! | file | what it carries out |
//! |---|---|
//! | `enable`, `disable` | protection begins and ends |
//! | `test_failover`, `clean_up` | a copy in isolation, and away with it |
//! | `planned_failover`, `failover`, `change_point`, `commit` | the machine moves |
//! | `reverse` | the copy is built in the other direction |
//! | `resynchronize`, `sync_now`, `verify_point`, `pause` | care for the copy |
//! | `discard_source`, `power` | what is left behind; the machine's power |
//! | `moving` | the steps that several of them share |
//! | `scene` | what a step may see, and what it may change |

mod change_point;
mod clean_up;
mod commit;
mod disable;
mod discard_source;
mod enable;
mod failover;
mod moving;
mod pause;
mod planned_failover;
mod power;
mod resynchronize;
mod reverse;
mod scene;
mod sync_now;
mod test_failover;
mod verify_point;

pub(crate) use disable::source_unknown;
pub(crate) use failover::chosen as chosen_point;
pub(crate) use scene::{Draft, GRACE_SECS, Scene, assignment};

use crate::records::{JobArgs, Workflow};
use leeward_link::messages::{Request, Response};
use leeward_model::{AgentId, Fault, Message, Phase};

/// Whom a step concerns; `From` is the side the item ran on when the job was accepted.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum On {
    /// The machine as such.
    Machine,
    /// The host it runs on when the job begins.
    From,
    /// The other host.
    To,
}

/// What a step wants done.
#[derive(Clone, PartialEq, Debug)]
pub(crate) enum Act {
    /// Ask this agent.
    Call(AgentId, Box<Request>),
    /// Nothing outside: `accept` changes the engine's own state.
    Own,
    /// It is not needed here.
    Skip(Message),
    /// Not yet: a host is expected that has not said everything since the engine started or since it returned.
    Wait,
    /// It cannot be done.
    Fail(Box<Fault>),
}

/// What happens when a step cannot be done.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum OnFail {
    /// Everything done so far is taken back.
    Undo,
    /// The job goes on without it.
    GoOn,
    /// The job stops here; nothing is taken back, and it can be restarted from here.
    Stop,
}

/// How a step is taken back.
#[derive(Clone, Copy)]
pub(crate) enum Undo {
    /// It leaves nothing behind that would have to be: for this reason.
    NotNeeded(
        #[cfg_attr(not(test), expect(dead_code, reason = "read by people and by the step-tree test"))]
        &'static str,
    ),
    /// By this.
    By(UndoDecl),
}

/// The declaration of an undo.
#[derive(Clone, Copy)]
pub(crate) struct UndoDecl {
    /// What is done.
    pub(crate) act: fn(&Scene<'_>) -> Act,
    /// What it changes when it is done, or when its host is away and `lost` lets it be.
    pub(crate) accept: fn(&Scene<'_>, &mut Draft) -> Result<(), Box<Fault>>,
    /// What if its host is not connected.
    pub(crate) lost: Lost,
}

/// What if the host of an undo is not connected.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Lost {
    /// Nothing else is safe: wait for it.
    Wait,
    /// It is made up for when the host returns; this is why that is safe.
    MakeUp(&'static str),
}

/// The declaration of a step.
#[derive(Clone, Copy)]
pub(crate) struct StepDecl {
    /// Unique within the workflow; names the operation at the agent.
    pub(crate) id: &'static str,
    /// Key of its title.
    pub(crate) title: &'static str,
    /// Its part of the workflow.
    pub(crate) phase: Phase,
    /// Whom it concerns.
    pub(crate) on: On,
    /// Whether the arguments leave it out, and why.
    pub(crate) left_out: fn(&JobArgs) -> Option<Message>,
    /// What it wants done.
    pub(crate) act: fn(&Scene<'_>) -> Act,
    /// What its answer changes.
    pub(crate) accept: fn(&Scene<'_>, &mut Draft, &Response) -> Result<(), Box<Fault>>,
    /// What it changes when it has failed for good.
    pub(crate) failed: fn(&Scene<'_>, &mut Draft),
    /// How it is taken back.
    pub(crate) undo: Undo,
    /// What if it fails.
    pub(crate) fail: OnFail,
    /// How often it is tried when the failure may pass.
    pub(crate) tries: u32,
    /// Seconds after which it has failed; 0 when it may take as long as it takes.
    pub(crate) timeout_secs: u32,
    /// Its share of the job, and the estimate in seconds before it has ever been run.
    pub(crate) weight: u32,
    /// It only waits for something long: what is urgent may end the job here.
    pub(crate) gives_way: bool,
    /// Once it is done, the job can no longer be taken back.
    pub(crate) no_return: bool,
}

/// The parts of a declaration that most steps share.
pub(crate) const STEP: StepDecl = StepDecl {
    id: "",
    title: "",
    phase: Phase::Prepare,
    on: On::Machine,
    left_out: |_| None,
    act: |_| Act::Own,
    accept: |_, _, _| Ok(()),
    failed: |_, _| {},
    undo: Undo::NotNeeded("changes nothing"),
    fail: OnFail::Undo,
    tries: 3,
    timeout_secs: 120,
    weight: 1,
    gives_way: false,
    no_return: false,
};

/// The steps of a workflow, in order.
pub(crate) const fn steps(workflow: Workflow) -> &'static [StepDecl] {
    match workflow {
        Workflow::Enable => enable::STEPS,
        Workflow::Disable => disable::STEPS,
        Workflow::TestFailover => test_failover::STEPS,
        Workflow::CleanUpTest => clean_up::STEPS,
        Workflow::PlannedFailover => planned_failover::STEPS,
        Workflow::Failover => failover::STEPS,
        Workflow::ChangePoint => change_point::STEPS,
        Workflow::Commit => commit::STEPS,
        Workflow::Reverse => reverse::STEPS,
        Workflow::Resynchronize => resynchronize::STEPS,
        Workflow::SyncNow => sync_now::STEPS,
        Workflow::VerifyPoint => verify_point::STEPS,
        Workflow::DiscardSource => discard_source::STEPS,
        Workflow::SetPaused => pause::STEPS,
        Workflow::Power => power::STEPS,
    }
}

/// The failure "the answer is not one to this question".
pub(crate) fn wrong_answer(scene: &Scene<'_>) -> Box<Fault> {
    let detail = format!("step {}", scene.step);
    Box::new(Fault::new("step-wrong-answer", scene.name(), detail, leeward_model::Recovery::NeedsPerson))
}

impl std::fmt::Debug for StepDecl {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("StepDecl").field("id", &self.id).field("fail", &self.fail).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fmt::Write as _;
    use std::path::Path;
    use strum::IntoEnumIterator as _;

    fn step(decl: &StepDecl) -> String {
        let mut line = format!(
            "{:<18} {:<8} {:<8} fails: {}, tries {}, ",
            decl.id,
            format!("{:?}", decl.phase),
            format!("{:?}", decl.on),
            format!("{:?}", decl.fail).to_lowercase(),
            decl.tries
        );
        let limit =
            if decl.timeout_secs == 0 { "no limit".to_owned() } else { format!("{} s", decl.timeout_secs) };
        line.push_str(&limit);
        if decl.gives_way {
            line.push_str(", gives way");
        }
        if decl.no_return {
            line.push_str(", no return");
        }
        match decl.undo {
            Undo::NotNeeded(why) => write!(line, "\n    no undo: {why}").expect("text"),
            Undo::By(undo) => {
                let lost = match undo.lost {
                    Lost::Wait => "waits for its host".to_owned(),
                    Lost::MakeUp(why) => format!("made up for later: {why}"),
                };
                write!(line, "\n    undone; {lost}").expect("text");
            }
        }
        line
    }

    /// The declared steps of every workflow, as text to be reviewed. To write it anew:
    /// `LEEWARD_UPDATE_TABLES=1 cargo nextest run -p leeward-engine step_tree`
    #[test]
    fn the_step_tree_is_what_was_reviewed() {
        let mut tree = String::from("The steps of every workflow, in order; see the test of `workflows`.\n");
        for workflow in Workflow::iter() {
            writeln!(tree, "\n== {workflow:?} ==").expect("text");
            let mut ids = std::collections::BTreeSet::new();
            for decl in steps(workflow) {
                assert!(ids.insert(decl.id), "{workflow:?}: {} is there twice", decl.id);
                assert!(leeward_model::text::has(decl.title), "{workflow:?}: {} has no title", decl.id);
                writeln!(tree, "{}", step(decl)).expect("text");
            }
        }
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("workflows/steps.txt");
        if std::env::var_os("LEEWARD_UPDATE_TABLES").is_some() {
            std::fs::write(&path, &tree).expect("written");
        }
        let kept = std::fs::read_to_string(&path).unwrap_or_default();
        let line = kept.lines().zip(tree.lines()).position(|(old, new)| old != new);
        assert!(kept == tree, "steps.txt differs (line {line:?}); it is now:\n{tree}");
    }
}
