//! Tests that draw: every blade over made-up worlds, in both themes, compared with pictures in `tests/snapshots`
//! (`UPDATE_SNAPSHOTS=force` writes them anew), and what a person does with keys and pointer.

mod asked;
mod dialogs;
mod first_page;
mod foretold;
mod forms;
mod harness;
mod keyboard;
mod lists;
mod manage;
mod notes;
mod pictures;
mod sizes;
mod slips;
mod steering;
mod wizard;
