//! The type ramp: the few sizes and weights the window uses. Apart from `style`, which sets egui's defaults.

use egui::{FontFamily, FontId, RichText};

/// Captions.
pub const CAPTION: f32 = 12.0;
/// Body text.
pub const BODY: f32 = 13.0;
/// Titles of cards and dialogs' sections.
pub const SUBTITLE: f32 = 14.0;
/// Titles of blades.
pub const TITLE: f32 = 20.0;
/// Single figures.
pub const METRIC: f32 = 26.0;

/// The semibold family.
#[must_use]
pub fn semibold() -> FontFamily {
    FontFamily::Name("semibold".into())
}

/// Regular face at a size.
#[must_use]
pub const fn regular_font(size: f32) -> FontId {
    FontId::proportional(size)
}

/// Semibold face at a size.
#[must_use]
pub fn semibold_font(size: f32) -> FontId {
    FontId::new(size, semibold())
}

/// Body text.
pub fn body(text: impl Into<String>) -> RichText {
    RichText::new(text).size(BODY)
}

/// Small text.
pub fn caption(text: impl Into<String>) -> RichText {
    RichText::new(text).size(CAPTION)
}

/// Semibold text.
pub fn strong(text: impl Into<String>, size: f32) -> RichText {
    RichText::new(text).family(semibold()).size(size)
}
