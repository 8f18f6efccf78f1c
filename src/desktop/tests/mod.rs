//! Tests that draw: every blade over made-up worlds, in both themes, compared with pictures in `tests/snapshots`
//! (`UPDATE_SNAPSHOTS=force` writes them anew), and what a person does with keys and pointer.

mod harness;
mod pictures;
mod steering;

// Tests of jobs, servers, policies, console, wizard and dialogs:
