//! The bar at the top: product, vault, search, notifications, theme.

use super::ShellState;
use crate::action::Action;
use crate::cx::Cx;
use crate::kit::{self, msg, words};
use crate::theme::{icons, icons::Icon, ramp};
use egui::accesskit::Role;
use egui::{Align2, Color32, Frame, Label, Margin, Panel, Rect, Sense, Ui, WidgetInfo, pos2, vec2};
use leeward_model::Verb;

const HEIGHT: f32 = 44.0;
const SEARCH: f32 = 460.0;

pub(crate) fn show(ui: &mut Ui, cx: &mut Cx<'_>, shell: &mut ShellState, unread: usize) {
    let t = cx.theme;
    let frame = Frame::new().fill(t.header_bg).inner_margin(Margin::symmetric(8, 0));
    Panel::top("top-bar").exact_size(HEIGHT).frame(frame).show_separator_line(false).resizable(false).show(
        ui,
        |ui| {
            let bar = ui.max_rect();
            let search = search_place(bar);
            ui.horizontal_centered(|ui| {
                ui.spacing_mut().item_spacing.x = 6.0;
                if kit::icon_button(ui, Icon::Menu, &words("hub-fold"), 18.0, t.header_fg, t.header_hover)
                    .clicked()
                {
                    shell.hub_folded = !shell.hub_folded;
                }
                ui.label(ramp::strong(words("product-name"), 15.0).color(t.header_fg));
                let room = search.left() - ui.cursor().left() - 24.0;
                if room > 60.0 {
                    ui.add_space(4.0);
                    let x = ui.painter().round_to_pixel_center(ui.cursor().left());
                    let y = bar.center().y;
                    ui.painter().vline(
                        x,
                        y - 8.0..=y + 8.0,
                        egui::Stroke::new(1.0, t.header_fg.gamma_multiply(0.4)),
                    );
                    ui.add_space(10.0);
                    ui.scope(|ui| {
                        ui.set_max_width(room);
                        vault_menu(ui, cx);
                    });
                }
            });
            let stop = search_field(ui, cx, search);
            shell.regions.put(bar, Some(stop));
            right_side(ui, cx, shell, bar, unread);
        },
    );
}

/// The vault's name, and the way to another one beneath it.
fn vault_menu(ui: &mut Ui, cx: &mut Cx<'_>) {
    let name = ramp::body(&cx.snapshot.vault.name).color(cx.theme.header_fg);
    let opener = ui.add(Label::new(name).truncate().sense(Sense::click()));
    opener.widget_info(|| WidgetInfo::labeled(Role::Button, true, &cx.snapshot.vault.name));
    if opener.has_focus() {
        kit::focus_ring(ui, opener.rect.expand(3.0));
    }
    egui::Popup::menu(&opener).show(|ui| {
        let (icon, title) = (Icon::named(Verb::OpenVault.decl().icon), Verb::OpenVault.title());
        if kit::flat_button(ui, icon, &title, true).on_hover_text(Verb::OpenVault.hint()).clicked() {
            cx.act(Action::OtherVault);
            ui.close();
        }
    });
}

/// The field stands in the middle unless the bar is too narrow for that.
fn search_place(bar: Rect) -> Rect {
    let width = SEARCH.min(bar.width() - 420.0).max(140.0);
    let left = (bar.center().x - width * 0.5).max(bar.left() + 230.0);
    Rect::from_min_size(pos2(left, bar.center().y - 15.0), vec2(width, 30.0))
}

/// Looks like a field and opens the palette, where one types.
fn search_field(ui: &Ui, cx: &mut Cx<'_>, rect: Rect) -> egui::Id {
    let t = cx.theme;
    let text = words("search-everything");
    let response = ui.interact(rect, ui.scope_id().with("search"), Sense::click());
    response.widget_info(|| WidgetInfo::labeled(Role::SearchInput, true, &text));
    let fill = if response.hovered() && !t.dark { Color32::WHITE } else { t.header_field };
    ui.painter().rect_filled(rect, 4.0, fill);
    if t.dark {
        let edge = egui::Stroke::new(1.0, t.border);
        ui.painter().rect_stroke(rect, 4.0, edge, egui::StrokeKind::Inside);
    }
    if response.has_focus() {
        kit::focus_ring(ui, rect);
    }
    let painter = ui.painter().with_clip_rect(rect.shrink(4.0));
    icons::paint(&painter, rect.left_center() + vec2(17.0, 0.0), Icon::Search, 15.0, t.text2);
    let font = ramp::regular_font(ramp::BODY);
    painter.text(rect.left_center() + vec2(32.0, 0.0), Align2::LEFT_CENTER, text, font.clone(), t.text2);
    if rect.width() > 300.0 {
        let font = ramp::regular_font(11.0);
        painter.text(rect.right_center() - vec2(12.0, 0.0), Align2::RIGHT_CENTER, "Ctrl+K", font, t.text2);
    }
    if response.clicked() {
        cx.act(Action::Palette);
    }
    response.id
}

fn right_side(ui: &mut Ui, cx: &mut Cx<'_>, shell: &mut ShellState, bar: Rect, unread: usize) {
    let t = cx.theme;
    let place = Rect::from_min_max(pos2(bar.right() - 68.0, bar.top()), bar.max);
    let layout = egui::Layout::left_to_right(egui::Align::Center);
    let mut ui = ui.new_child(egui::UiBuilder::new().max_rect(place).layout(layout).id_salt("right"));
    ui.spacing_mut().item_spacing.x = 4.0;
    let name = msg("notifications-unread").with("n", unread).render();
    let bell = kit::icon_button(&mut ui, Icon::Bell, &name, 18.0, t.header_fg, t.header_hover);
    if unread > 0 {
        let at = bell.rect.center() + vec2(8.0, -8.0);
        ui.painter().circle_filled(at, 7.5, Color32::from_rgb(0xFF, 0xC8, 0x3D));
        let figure = if unread > 9 { "9+".to_owned() } else { unread.to_string() };
        ui.painter().text(at, Align2::CENTER_CENTER, figure, ramp::semibold_font(10.0), Color32::BLACK);
    }
    if bell.clicked() {
        shell.notifications = !shell.notifications;
    }
    let (icon, name) = if t.dark { (Icon::Sun, "theme-light") } else { (Icon::Moon, "theme-dark") };
    if kit::icon_button(&mut ui, icon, &words(name), 18.0, t.header_fg, t.header_hover).clicked() {
        cx.act(Action::SetDark(!t.dark));
    }
}
