//! Design tokens: every colour the window uses, once for light and once for dark. Apart from `style`, which turns
//! them into egui's own settings, and from `icons`, which are drawn with them.

pub mod icons;
pub mod mark;
pub mod ramp;
pub mod style;

use egui::Color32;
use leeward_model::Health;

/// Semantic colours of one theme. Widgets take their colours from here, never literals.
#[derive(Clone, Copy, Debug, PartialEq)]
#[expect(missing_docs, reason = "each token is named by its use")]
pub struct Theme {
    pub dark: bool,
    /// Blade background.
    pub bg: Color32,
    /// Canvas behind cards, sticky footers.
    pub bg_alt: Color32,
    /// Tiles, menus, dialogs.
    pub card: Color32,
    pub header_bg: Color32,
    pub header_fg: Color32,
    pub header_hover: Color32,
    pub header_field: Color32,
    pub text: Color32,
    /// Secondary text.
    pub text2: Color32,
    /// Disabled text only.
    pub text3: Color32,
    pub border: Color32,
    pub divider: Color32,
    pub border_strong: Color32,
    pub control: Color32,
    pub control_hover: Color32,
    pub hover: Color32,
    pub pressed: Color32,
    pub selected: Color32,
    pub accent: Color32,
    pub accent_hover: Color32,
    pub on_accent: Color32,
    pub accent_soft: Color32,
    pub ok: Color32,
    pub ok_soft: Color32,
    pub warn: Color32,
    pub warn_soft: Color32,
    pub err: Color32,
    pub err_soft: Color32,
    /// "Not applicable" slices and marks.
    pub neutral: Color32,
    pub text_selection: Color32,
    /// Behind a dialog.
    pub veil: Color32,
}

const fn c(rgb: u32) -> Color32 {
    let [_, r, g, b] = rgb.to_be_bytes();
    Color32::from_rgb(r, g, b)
}

/// The light theme.
pub const LIGHT: Theme = Theme {
    dark: false,
    bg: c(0x00FF_FFFF),
    bg_alt: c(0x00FA_F9F8),
    card: c(0x00FF_FFFF),
    header_bg: c(0x000F_6CBD),
    header_fg: c(0x00FF_FFFF),
    header_hover: c(0x0011_5EA3),
    header_field: c(0x00EC_F3FA),
    text: c(0x0024_2424),
    text2: c(0x0061_6161),
    text3: c(0x009E_9E9E),
    border: c(0x00E0_E0E0),
    divider: c(0x00ED_EBE9),
    border_strong: c(0x008A_8886),
    control: c(0x00D1_D1D1),
    control_hover: c(0x00B3_B0AD),
    hover: c(0x00F3_F2F1),
    pressed: c(0x00E6_E4E2),
    selected: c(0x00EB_F3FC),
    accent: c(0x000F_6CBD),
    accent_hover: c(0x0011_5EA3),
    on_accent: c(0x00FF_FFFF),
    accent_soft: c(0x00EB_F3FC),
    ok: c(0x0010_7C10),
    ok_soft: c(0x00DF_F6DD),
    warn: c(0x00BC_4B09),
    warn_soft: c(0x00FF_F4CE),
    err: c(0x00C5_0F1F),
    err_soft: c(0x00FD_E7E9),
    neutral: c(0x00BD_BDBD),
    text_selection: c(0x00CC_E4F7),
    veil: Color32::from_black_alpha(70),
};

/// The dark theme.
pub const DARK: Theme = Theme {
    dark: true,
    bg: c(0x001B_1A19),
    bg_alt: c(0x0014_1312),
    card: c(0x0025_2423),
    header_bg: c(0x000B_0B0B),
    header_fg: c(0x00FF_FFFF),
    header_hover: c(0x0029_2827),
    header_field: c(0x0029_2827),
    text: c(0x00F3_F2F1),
    text2: c(0x00C8_C6C4),
    text3: c(0x008A_8886),
    border: c(0x003B_3A39),
    divider: c(0x0032_3130),
    border_strong: c(0x0079_7775),
    control: c(0x0060_5E5C),
    control_hover: c(0x0079_7775),
    hover: c(0x002D_2C2B),
    pressed: c(0x003B_3A39),
    selected: c(0x001F_3347),
    accent: c(0x0062_ABF5),
    accent_hover: c(0x0077_B7F7),
    on_accent: c(0x000B_0B0B),
    accent_soft: c(0x000E_2A42),
    ok: c(0x006C_CB5F),
    ok_soft: c(0x001B_2F17),
    warn: c(0x00FC_AF45),
    warn_soft: c(0x003A_2A0D),
    err: c(0x00F1_707B),
    err_soft: c(0x003F_1D21),
    neutral: c(0x0060_5E5C),
    text_selection: c(0x001F_4E79),
    veil: Color32::from_black_alpha(140),
};

/// The tokens of the theme a `Ui` is drawn in.
#[must_use]
pub fn of(ui: &egui::Ui) -> &'static Theme {
    named(ui.visuals().dark_mode)
}

/// The tokens of the dark or the light theme.
#[must_use]
pub const fn named(dark: bool) -> &'static Theme {
    if dark { &DARK } else { &LIGHT }
}

impl Theme {
    /// The colour of a health.
    #[must_use]
    pub const fn health(&self, health: Health) -> Color32 {
        match health {
            Health::Healthy => self.ok,
            Health::Warning => self.warn,
            Health::Critical => self.err,
            Health::NotApplicable => self.neutral,
        }
    }

    /// The soft background of a health.
    #[must_use]
    pub const fn health_soft(&self, health: Health) -> Color32 {
        match health {
            Health::Healthy => self.ok_soft,
            Health::Warning => self.warn_soft,
            Health::Critical => self.err_soft,
            Health::NotApplicable => self.hover,
        }
    }
}
