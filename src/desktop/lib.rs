//! The native window of Leeward. It draws from the read model and sends commands; it cannot name the engine.
//!
//! | folder or file | what |
//! |---|---|
//! | `app`, `options`, `shot` | the window, how it is opened and steered, its pictures |
//! | `route`, `action`, `cx`, `outbox` | where one is, what blades ask for, what they see, what became of commands |
//! | `places` | where items and jobs stand in their lists |
//! | `theme`, `kit` | tokens, fonts, icons; widgets |
//! | `shell` | what surrounds the blades: top bar, hub menu, breadcrumb, palette, toasts, notifications |
//! | `blades` | one per noun |
//! | `address` | addresses as a person types them |
//! | `dialogs`, `first_run` | verbs that ask before they act; the page before there is a vault |
//! | `sample` | made-up worlds for tests and the gallery |

pub mod action;
mod address;
mod app;
pub mod ask;
pub mod blades;
pub mod cx;
mod dialogs;
mod first_run;
mod idle;
pub mod kit;
mod options;
pub mod outbox;
pub mod places;
pub mod route;
#[cfg(any(test, feature = "sample"))]
pub mod sample;
mod shell;
mod shot;
#[cfg(test)]
mod tests;
pub mod theme;
mod window;
pub use action::{Action, Dialog};
pub use app::{RunError, run};
pub use cx::Cx;
pub use options::{Connected, Director, Driver, RunOptions, Start, StartProgress, StartWish, Startup};
pub use route::{ItemsWith, JobsWith, Route};
