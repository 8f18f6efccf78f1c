//! Fonts and egui's own settings, made from the tokens. Apart from `theme`, which holds the colours.

use super::{DARK, LIGHT, Theme, ramp};
use egui::epaint::{FontColorTransferFunction, text::VariationCoords};
use egui::style::{HandleShape, ScrollFadeStyle, ScrollStyle, WidgetVisuals};
use egui::{
    Color32, Context, CornerRadius, FontData, FontDefinitions, FontFamily, FontId, FontTweak, Margin, Shadow,
    Spacing, Stroke, Style, TextStyle, Visuals, vec2,
};
use std::sync::Arc;

/// Inter, variable weight (SIL Open Font License 1.1, text beside the file).
const INTER: &[u8] = include_bytes!("../../../assets/fonts/Inter-roman.var.ttf");

/// Sets fonts and both styles of a context. Once, before the first frame.
pub fn install(ctx: &Context) {
    ctx.set_fonts(fonts());
    ctx.style_mut_of(egui::Theme::Light, |style| apply(style, &LIGHT));
    ctx.style_mut_of(egui::Theme::Dark, |style| apply(style, &DARK));
}

fn fonts() -> FontDefinitions {
    let mut fonts = FontDefinitions::default();
    let mut add = |name: &str, weight: f32| {
        let coords = VariationCoords::new([(b"wght", weight)]);
        let face = FontData::from_static(INTER).tweak(FontTweak { coords, ..FontTweak::default() });
        fonts.font_data.insert(name.to_owned(), Arc::new(face));
    };
    add("inter", 400.0);
    add("inter-semibold", 600.0);
    let fallback = fonts.families.get(&FontFamily::Proportional).cloned().unwrap_or_default();
    for (family, face) in [(FontFamily::Proportional, "inter"), (ramp::semibold(), "inter-semibold")] {
        let mut names = vec![face.to_owned()];
        names.extend(fallback.iter().cloned());
        fonts.families.insert(family, names);
    }
    fonts
}

fn apply(style: &mut Style, theme: &Theme) {
    style.text_styles = [
        (TextStyle::Small, FontId::proportional(ramp::CAPTION)),
        (TextStyle::Body, FontId::proportional(ramp::BODY)),
        (TextStyle::Button, FontId::proportional(ramp::BODY)),
        (TextStyle::Heading, ramp::semibold_font(ramp::TITLE)),
        (TextStyle::Monospace, FontId::monospace(ramp::CAPTION)),
    ]
    .into();
    spacing(&mut style.spacing);
    style.interaction.selectable_labels = false;
    style.interaction.tooltip_delay = 0.4;
    style.animation_time = 0.12;
    #[cfg(debug_assertions)]
    {
        style.debug.show_unaligned = false;
    }
    style.visuals = if theme.dark { Visuals::dark() } else { Visuals::light() };
    visuals(&mut style.visuals, theme);
}

fn spacing(spacing: &mut Spacing) {
    spacing.item_spacing = vec2(8.0, 4.0);
    spacing.button_padding = vec2(12.0, 5.0);
    spacing.interact_size = vec2(32.0, 28.0);
    spacing.window_margin = Margin::same(16);
    spacing.menu_margin = Margin::same(4);
    spacing.icon_width = 16.0;
    spacing.icon_width_inner = 10.0;
    spacing.icon_spacing = 8.0;
    spacing.combo_width = 120.0;
    spacing.text_edit_width = 240.0;
    spacing.indent = 16.0;
    spacing.tooltip_width = 320.0;
    spacing.menu_width = 260.0;
    spacing.scroll = ScrollStyle {
        bar_width: 8.0,
        floating_width: 4.0,
        floating_allocated_width: 0.0,
        dormant_handle_opacity: 0.35,
        fade: ScrollFadeStyle { strength: 0.0, ..Default::default() },
        ..ScrollStyle::floating()
    };
}

fn visuals(visuals: &mut Visuals, theme: &Theme) {
    if theme.dark {
        visuals.text_options.color_transfer_function = FontColorTransferFunction::Gamma(0.7);
    }
    visuals.override_text_color = None;
    visuals.weak_text_color = Some(theme.text2);
    visuals.panel_fill = theme.bg;
    visuals.window_fill = theme.card;
    visuals.extreme_bg_color = theme.bg;
    visuals.faint_bg_color = theme.bg_alt;
    visuals.code_bg_color = theme.bg_alt;
    visuals.text_edit_bg_color = Some(if theme.dark { theme.bg_alt } else { theme.bg });
    visuals.window_stroke = Stroke::new(1.0, theme.border);
    visuals.window_corner_radius = CornerRadius::same(4);
    visuals.menu_corner_radius = CornerRadius::same(4);
    let shadow = |light, dark| Color32::from_black_alpha(if theme.dark { dark } else { light });
    visuals.window_shadow = Shadow { offset: [0, 8], blur: 24, spread: 0, color: shadow(40, 120) };
    visuals.popup_shadow = Shadow { offset: [0, 4], blur: 12, spread: 0, color: shadow(36, 110) };
    visuals.window_highlight_topmost = false;
    visuals.hyperlink_color = theme.accent;
    visuals.warn_fg_color = theme.warn;
    visuals.error_fg_color = theme.err;
    visuals.selection.bg_fill = theme.text_selection;
    visuals.selection.stroke = Stroke::new(1.0, theme.accent);
    visuals.text_cursor.stroke = Stroke::new(1.5, theme.text);
    visuals.striped = false;
    visuals.indent_has_left_vline = false;
    visuals.disabled_alpha = 0.45;
    visuals.handle_shape = HandleShape::Circle;
    visuals.slider_trailing_fill = true;
    let widget = |fill: Color32, stroke: Color32| WidgetVisuals {
        bg_fill: fill,
        weak_bg_fill: fill,
        bg_stroke: Stroke::new(1.0, stroke),
        corner_radius: CornerRadius::same(4),
        fg_stroke: Stroke::new(1.0, theme.text),
        expansion: 0.0,
    };
    visuals.widgets.noninteractive = widget(theme.bg, theme.divider);
    visuals.widgets.inactive = widget(theme.card, theme.control);
    visuals.widgets.hovered = widget(theme.hover, theme.control_hover);
    visuals.widgets.active = widget(theme.pressed, theme.accent);
    visuals.widgets.open = widget(theme.hover, theme.border);
}
