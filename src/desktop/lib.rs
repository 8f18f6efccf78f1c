//! The native window of Leeward. It draws from the read model and sends commands; it cannot name the engine.
//!
//! | folder or file | what |
//! |---|---|
//! | `app`, `options`, `shot` | the window, how it is opened and steered, its pictures |
//! | `route`, `action`, `cx`, `outbox` | where one is, what blades ask for, what they see, what became of commands |
//! | `theme`, `kit` | tokens, fonts, icons; widgets |
//! | `shell` | what surrounds the blades: top bar, hub menu, breadcrumb, palette, toasts, notifications |
//! | `blades` | one per noun |
//! | `dialogs`, `first_run` | verbs that ask before they act; the page before there is a vault |
//! | `sample` | made-up worlds for tests and the gallery |

pub mod action;
mod app;
pub mod ask;
pub mod blades;
pub mod cx;
mod idle;
pub mod kit;
mod options;
pub mod outbox;
pub mod route;
#[cfg(any(test, feature = "sample"))]
pub mod sample;
mod shell;
mod shot;
#[cfg(test)]
mod tests;
pub mod theme;
mod window;
// Dialogs and the first page: their author adds the lines below.

pub use action::{Action, Dialog};
pub use app::{RunError, run};
pub use cx::Cx;
pub use options::{Connected, Director, Driver, RunOptions, Start, StartProgress, StartWish, Startup};
pub use route::Route;

// Stands in until the dialogs are there: replace by `mod dialogs;`.
mod dialogs {
    pub(crate) struct Open;
    impl Open {
        pub(crate) fn new(_dialog: crate::Dialog, _cx: &mut crate::Cx<'_>) -> Self {
            Self
        }
    }
    pub(crate) fn show(_ctx: &egui::Context, cx: &mut crate::Cx<'_>, _open: &mut Open) {
        cx.act(crate::Action::CloseDialog);
    }
}
// Stands in until the first page is there: replace by `mod first_run;`.
mod first_run {
    #[derive(Default)]
    pub(crate) struct State {}
    pub(crate) fn show(
        _ui: &mut egui::Ui,
        _cx: &mut crate::Cx<'_>,
        startup: &mut dyn crate::Startup,
        _state: &mut State,
    ) -> Option<crate::Connected> {
        match startup.poll() {
            crate::StartProgress::Ready(connected) => Some(connected),
            _ => None,
        }
    }
}
