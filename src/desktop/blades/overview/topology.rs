//! Draws the sites, their servers and machines, and the links between: pan by dragging, zoom with Ctrl and the wheel,
//! click to go to a server or an item. Apart from `plan`, which decides what is drawn.

use super::plan::{self, Flow, Link, MachineRow, Plan, ServerBox, SiteBox};
use crate::cx::Cx;
use crate::kit::table::Stamp;
use crate::kit::{self, msg, words};
use crate::route::{ItemsWith, Route};
use crate::theme::{icons, icons::Icon, icons::Status, ramp};
use egui::accesskit::Role;
use egui::emath::{GuiRounding as _, TSTransform};
use egui::epaint::CubicBezierShape;
use egui::{
    Align2, Color32, CursorIcon, FontId, Painter, Pos2, Rect, Sense, Shape, Stroke, StrokeKind, Ui,
    UiBuilder, Vec2, WidgetInfo, pos2, vec2,
};
use leeward_model::AgentId;
use std::collections::BTreeMap;

const SITE_WIDTH: f32 = 316.0;
const SITE_GAP: f32 = 250.0;
const SITE_HEAD: f32 = 36.0;
const PAD: f32 = 12.0;
const SERVER_HEAD: f32 = 38.0;
const ROW: f32 = 30.0;
/// Head, legend and padding of the card.
const FRAME: f32 = 84.0;
const ZOOM_FIT_MAX: f32 = 1.35;
const LABELS_FROM_ZOOM: f32 = 0.5;

/// What a person has done to the picture.
#[derive(Default, Debug)]
pub(super) struct TopologyState {
    plan: Plan,
    of: Option<[Stamp; 3]>,
    /// Pan and zoom; none: all of it fits.
    view: Option<TSTransform>,
}

/// Where things stand, in units of the picture.
#[derive(Default)]
struct Places {
    size: Vec2,
    sites: Vec<Rect>,
    servers: BTreeMap<AgentId, Rect>,
    /// Server and place of the row; the place after the last is "more".
    rows: BTreeMap<(AgentId, usize), Rect>,
}

/// Draws it. `room` is how high the whole card may be without anything else being pushed out of sight.
pub(super) fn show(ui: &mut Ui, cx: &mut Cx<'_>, state: &mut TopologyState, room: f32) {
    let now = [(&cx.snapshot.items).into(), (&cx.snapshot.servers).into(), (&cx.snapshot.sites).into()];
    if state.of.as_ref() != Some(&now) {
        state.plan = plan::plan(cx.snapshot);
        state.of = Some(now);
    }
    let places = arrange(&state.plan);
    // As high as it needs at the zoom that the width allows, so that names can be read.
    let zoom = ((ui.available_width() - 62.0) / places.size.x).clamp(0.6, 1.0);
    let needed = (places.size.y * zoom + 24.0).clamp(190.0, 560.0);
    // Where there is more room, what is in it is drawn larger, as far as that is still a picture and not a poster.
    let most = (places.size.y * ZOOM_FIT_MAX + 24.0).max(needed);
    let height = (room - FRAME).clamp(needed, most).floor();
    kit::card(ui, cx, "", |ui, cx| {
        let head = ui.label(ramp::strong(words("topology"), ramp::SUBTITLE)).rect;
        let right = ui.max_rect().right();
        ui.add_space(6.0);
        let (outer, _) = ui.allocate_exact_size(vec2(ui.available_width(), height), Sense::hover());
        ui.painter().rect_filled(outer, 4.0, cx.theme.bg_alt);
        let fit = fit(outer, places.size);
        let mut view = state.view.unwrap_or(fit);
        if steer(ui, outer, &mut view) {
            state.view = Some(view);
        }
        let mut shown = view;
        shown.translation += outer.min.to_vec2();
        let mut child = ui.new_child(UiBuilder::new().max_rect(outer).id_salt("topology"));
        child.set_clip_rect(outer.intersect(ui.clip_rect()));
        Canvas { ui: &mut child, cx, view: shown, places: &places }.draw(&state.plan);
        tools(ui, cx, pos2(right, head.center().y), outer, (state, fit));
        legend(ui, cx);
    });
}

fn fit(outer: Rect, size: Vec2) -> TSTransform {
    let zoom =
        ((outer.width() - 32.0) / size.x).min((outer.height() - 20.0) / size.y).clamp(0.3, ZOOM_FIT_MAX);
    TSTransform::new((outer.size() - size * zoom) * 0.5, zoom)
}

/// Pans and zooms; true when it did.
fn steer(ui: &Ui, outer: Rect, view: &mut TSTransform) -> bool {
    let background = ui.interact(outer, ui.scope_id().with("topology-background"), Sense::DRAG);
    let mut moved = false;
    if background.dragged() {
        view.translation += background.drag_delta();
        moved = true;
    }
    if let Some(pointer) = background.hover_pos() {
        let by = ui.input(|i| i.zoom_delta());
        if (by - 1.0).abs() > f32::EPSILON {
            zoom(view, pointer - outer.min, by);
            moved = true;
        }
    }
    moved
}

fn zoom(view: &mut TSTransform, around: Vec2, by: f32) {
    let to = (view.scaling * by).clamp(0.3, 2.5);
    let change = to / view.scaling;
    view.translation = around - (around - view.translation) * change;
    view.scaling = to;
}

fn tools(ui: &mut Ui, cx: &Cx<'_>, at: Pos2, outer: Rect, of: (&mut TopologyState, TSTransform)) {
    let (state, fit) = of;
    let place = Rect::from_min_size(at - vec2(82.0, 14.0), vec2(82.0, 28.0));
    let layout = egui::Layout::left_to_right(egui::Align::Center);
    let mut ui = ui.new_child(UiBuilder::new().max_rect(place).layout(layout).id_salt("tools"));
    ui.spacing_mut().item_spacing.x = 2.0;
    let middle = outer.size() * 0.5;
    for (icon, name, by) in
        [(Icon::Add, "zoom-in", 1.25), (Icon::Subtract, "zoom-out", 0.8), (Icon::Fit, "zoom-fit", 0.0)]
    {
        if kit::icon_button(&mut ui, icon, &words(name), 14.0, cx.theme.text2, cx.theme.hover).clicked() {
            if by > 0.0 {
                let mut view = state.view.unwrap_or(fit);
                zoom(&mut view, middle, by);
                state.view = Some(view);
            } else {
                state.view = None;
            }
        }
    }
}

fn legend(ui: &mut Ui, cx: &Cx<'_>) {
    ui.add_space(6.0);
    ui.horizontal(|ui| {
        ui.spacing_mut().item_spacing.x = 6.0;
        ui.spacing_mut().interact_size.y = 16.0;
        let all = [
            (Flow::Replicating, "topology-replicating"),
            (Flow::Copying, "topology-copying"),
            (Flow::Paused, "topology-paused"),
            (Flow::Broken, "topology-broken"),
            (Flow::Resting, "topology-resting"),
        ];
        for (flow, key) in all {
            let (rect, _) = ui.allocate_exact_size(vec2(26.0, 16.0), Sense::hover());
            let y = ui.painter().round_to_pixel_center(rect.center().y);
            stroke_line(
                ui.painter(),
                &[pos2(rect.left(), y), pos2(rect.right() - 2.0, y)],
                color(cx, flow),
                flow,
                1.0,
            );
            kit::caption(ui, words(key));
            ui.add_space(12.0);
        }
    });
}

/// Sites side by side, servers stacked, all centred.
fn arrange(plan: &Plan) -> Places {
    let rows = |s: &ServerBox| s.rows.len() + usize::from(s.more > 0);
    #[expect(clippy::cast_precision_loss, reason = "a small count")]
    let server_height =
        |s: &ServerBox| SERVER_HEAD + rows(s) as f32 * ROW + if rows(s) > 0 { 6.0 } else { 0.0 };
    let site_height = |site: &SiteBox| {
        SITE_HEAD + PAD + site.servers.iter().map(|s| server_height(s) + PAD).sum::<f32>().max(40.0)
    };
    let tallest = plan.sites.iter().map(site_height).fold(120.0, f32::max);
    let mut places = Places::default();
    let mut x = 0.0;
    for site in &plan.sites {
        let rect = Rect::from_min_size(pos2(x, 0.0), vec2(SITE_WIDTH, tallest));
        places.sites.push(rect);
        let spare = tallest - site_height(site);
        let mut y = SITE_HEAD + PAD + spare * 0.5;
        for server in &site.servers {
            let height = server_height(server);
            let card = Rect::from_min_size(pos2(x + PAD, y), vec2(SITE_WIDTH - 2.0 * PAD, height));
            for index in 0..rows(server) {
                #[expect(clippy::cast_precision_loss, reason = "a small count")]
                let top = y + SERVER_HEAD + index as f32 * ROW;
                let row =
                    Rect::from_min_size(pos2(card.left() + 6.0, top), vec2(card.width() - 12.0, ROW - 2.0));
                places.rows.insert((server.agent, index), row);
            }
            places.servers.insert(server.agent, card);
            y += height + PAD;
        }
        x += SITE_WIDTH + SITE_GAP;
    }
    places.size = vec2((x - SITE_GAP).max(SITE_WIDTH), tallest);
    places
}

const fn color(cx: &Cx<'_>, flow: Flow) -> Color32 {
    match flow {
        Flow::Replicating => cx.theme.ok,
        Flow::Copying => cx.theme.accent,
        Flow::Paused => cx.theme.warn,
        Flow::Broken => cx.theme.err,
        Flow::Resting => cx.theme.border_strong,
    }
}

fn stroke_line(painter: &Painter, points: &[Pos2], color: Color32, flow: Flow, zoom: f32) {
    let stroke = Stroke::new((1.6 * zoom).max(1.2), color);
    match flow {
        Flow::Replicating | Flow::Copying => _ = painter.add(Shape::line(points.to_vec(), stroke)),
        Flow::Paused | Flow::Broken => {
            painter.extend(Shape::dashed_line(points, stroke, 6.0 * zoom, 4.0 * zoom))
        }
        Flow::Resting => painter.extend(Shape::dashed_line(points, stroke, 2.0 * zoom, 4.0 * zoom)),
    }
}

/// Everything that drawing needs, with the picture's own pan and zoom so that text stays crisp.
struct Canvas<'u, 'c, 'd> {
    ui: &'u mut Ui,
    cx: &'c mut Cx<'d>,
    view: TSTransform,
    places: &'u Places,
}

impl Canvas<'_, '_, '_> {
    fn draw(&mut self, plan: &Plan) {
        for (site, rect) in plan.sites.iter().zip(&self.places.sites) {
            self.site(site, *rect);
        }
        for site in &plan.sites {
            for server in &site.servers {
                self.server(server);
            }
        }
        // Labels last: a line of another link must not cross out what one says.
        let labels: Vec<_> =
            plan.links.iter().filter_map(|link| Some((link, self.link(plan, link)?))).collect();
        for (link, (at, color)) in labels {
            self.link_label(link, at, color);
        }
    }

    fn rect(&self, rect: Rect) -> Rect {
        (self.view * rect).round_to_pixels(self.ui.pixels_per_point())
    }

    fn zoom(&self) -> f32 {
        self.view.scaling
    }

    /// Sizes are rounded to half points so that the glyph atlas stays small.
    fn font(&self, size: f32, strong: bool) -> FontId {
        let size = ((size * self.zoom() * 2.0).round() * 0.5).max(5.0);
        if strong { ramp::semibold_font(size) } else { ramp::regular_font(size) }
    }

    fn text(&self, at: Pos2, align: Align2, text: &str, font: FontId, color: Color32, clip: Rect) -> Rect {
        if self.zoom() < LABELS_FROM_ZOOM {
            return Rect::from_min_size(at, Vec2::ZERO);
        }
        // What does not fit ends in dots, not within a letter.
        let room = if align == Align2::RIGHT_CENTER { at.x - clip.left() } else { clip.right() - at.x };
        let mut job = egui::text::LayoutJob::simple_singleline(text.to_owned(), font, color);
        job.wrap = egui::text::TextWrapping::truncate_at_width(room.max(1.0));
        let galley = self.ui.painter().layout_job(job);
        let place = align.anchor_size(at, galley.size());
        self.ui.painter().galley(place.min, galley, color);
        place
    }

    fn site(&self, site: &SiteBox, rect: Rect) {
        let (t, z) = (self.cx.theme, self.zoom());
        let rect = self.rect(rect);
        let painter = self.ui.painter();
        painter.rect(rect, 6.0 * z, t.card, Stroke::new(1.0, t.border), StrokeKind::Inside);
        let y = painter.round_to_pixel_center(rect.top() + SITE_HEAD * z);
        painter.hline(rect.x_range(), y, Stroke::new(1.0, t.divider));
        let middle = rect.top() + SITE_HEAD * 0.5 * z;
        icons::paint(painter, pos2(rect.left() + 22.0 * z, middle), Icon::Site, 16.0 * z, t.accent);
        let count = msg("topology-site")
            .with("runs", kit::count(u64::from(site.runs)))
            .with("n", site.replicas)
            .with("replicas", kit::count(u64::from(site.replicas)))
            .render();
        let at = pos2(rect.right() - 14.0 * z, middle);
        let said = self.text(at, Align2::RIGHT_CENTER, &count, self.font(12.0, false), t.text2, rect);
        let clip = Rect::from_min_max(rect.min, pos2(said.left() - 8.0, rect.bottom()));
        let at = pos2(rect.left() + 38.0 * z, middle);
        self.text(at, Align2::LEFT_CENTER, &site.name, self.font(13.0, true), t.text, clip);
    }

    fn server(&mut self, server: &ServerBox) {
        let Some(card) = self.places.servers.get(&server.agent).map(|r| self.rect(*r)) else { return };
        let (t, z) = (self.cx.theme, self.zoom());
        let edge = if server.connected { t.border } else { t.err };
        self.ui.painter().rect(card, 4.0 * z, t.bg_alt, Stroke::new(1.0, edge), StrokeKind::Inside);
        let head = Rect::from_min_size(card.min, vec2(card.width(), SERVER_HEAD * z));
        let key = if server.connected { "topology-server" } else { "topology-server-lost" };
        let name = msg(key).with("name", &server.name).render();
        if self.press(head, ("server", server.agent), &name) {
            self.cx.go(Route::Server(server.agent));
        }
        let middle = head.center().y;
        icons::paint(
            self.ui.painter(),
            pos2(card.left() + 18.0 * z, middle),
            Icon::Server,
            15.0 * z,
            t.text2,
        );
        let mark = pos2(card.right() - 16.0 * z, middle);
        let (status, color) = (kit::health_status(server.health), t.health(server.health));
        let (status, color) = if server.connected { (status, color) } else { (Status::Critical, t.err) };
        icons::paint_status(self.ui.painter(), mark, status, 14.0 * z, color, t.bg_alt);
        let clip = Rect::from_min_max(head.min, pos2(mark.x - 10.0 * z, head.bottom()));
        let at = pos2(card.left() + 32.0 * z, middle);
        self.text(at, Align2::LEFT_CENTER, &server.name, self.font(13.0, true), t.text, clip);
        for (index, row) in server.rows.iter().enumerate() {
            self.machine(server.agent, index, row);
        }
        if let Some(place) =
            self.places.rows.get(&(server.agent, server.rows.len())).filter(|_| server.more > 0)
        {
            let rect = self.rect(*place);
            let text = msg("topology-more").with("n", kit::count(u64::from(server.more))).render();
            if self.press(rect, ("more", server.agent), &text) {
                self.cx.go(Route::ItemsWith(ItemsWith::Server(server.agent)));
            }
            let at = rect.left_center() + vec2(30.0 * z, 0.0);
            self.text(at, Align2::LEFT_CENTER, &text, self.font(12.0, false), t.accent, rect);
        }
    }

    fn machine(&mut self, agent: AgentId, index: usize, row: &MachineRow) {
        let Some(rect) = self.places.rows.get(&(agent, index)).map(|r| self.rect(*r)) else { return };
        let (t, z) = (self.cx.theme, self.zoom());
        let (fill, edge) = if row.active { (t.card, t.border) } else { (Color32::TRANSPARENT, t.divider) };
        self.ui.painter().rect(rect, 3.0 * z, fill, Stroke::new(1.0, edge), StrokeKind::Inside);
        let kind = if row.active { "topology-runs" } else { "topology-replica" };
        let said = msg(kind).with("name", &row.name).render();
        if self.press(rect, ("row", agent, row.item), &said) {
            self.cx.go(Route::Item(row.item));
        }
        if row.active {
            let bar = Rect::from_min_size(rect.min, vec2(3.0 * z, rect.height()));
            self.ui.painter().rect_filled(bar, 1.5 * z, t.health(row.health));
        }
        let (icon, color) = match (row.active, row.running) {
            (true, true) => (Icon::Machine, t.accent),
            (true, false) => (Icon::Machine, t.text2),
            (false, _) => (Icon::Disk, t.text2),
        };
        icons::paint(self.ui.painter(), rect.left_center() + vec2(16.0 * z, 0.0), icon, 14.0 * z, color);
        let mut right = rect.right() - 12.0 * z;
        if row.test {
            icons::paint(self.ui.painter(), pos2(right, rect.center().y), Icon::Beaker, 14.0 * z, t.accent);
            right -= 20.0 * z;
        }
        if row.superseded {
            let at = pos2(right, rect.center().y);
            icons::paint_status(self.ui.painter(), at, Status::Warning, 14.0 * z, t.warn, t.card);
            right -= 20.0 * z;
        }
        let clip = Rect::from_min_max(rect.min, pos2(right, rect.bottom()));
        let color = if row.active { t.text } else { t.text2 };
        let at = rect.left_center() + vec2(30.0 * z, 0.0);
        self.text(at, Align2::LEFT_CENTER, &row.name, self.font(12.5, false), color, clip);
    }

    /// A place that can be clicked and reached by keyboard; true when it was.
    fn press(&self, rect: Rect, salt: impl std::hash::Hash + std::fmt::Debug, name: &str) -> bool {
        let response = self.ui.interact(rect, self.ui.scope_id().with(salt), Sense::click());
        response.widget_info(|| WidgetInfo::labeled(Role::Link, true, name));
        if response.hovered() {
            self.ui.painter().rect_filled(rect.shrink(1.0), 3.0, self.cx.theme.hover);
        }
        if response.has_focus() {
            kit::focus_ring(self.ui, rect);
        }
        kit::reveal(&response);
        response.on_hover_cursor(CursorIcon::PointingHand).on_hover_text(name).clicked()
    }

    /// Where a link ends at a server: its row, or the row of the rest.
    fn end(&self, plan: &Plan, agent: AgentId, link: &Link) -> Option<Rect> {
        let server = plan.sites.iter().flat_map(|s| &s.servers).find(|s| s.agent == agent)?;
        let index = match link.item {
            Some(item) => server.rows.iter().position(|r| r.item == item)?,
            None => server.rows.len(),
        };
        self.places.rows.get(&(agent, index)).map(|r| self.rect(*r))
    }

    /// Draws the line; where its label belongs, and in which colour.
    fn link(&self, plan: &Plan, link: &Link) -> Option<(Pos2, Color32)> {
        let (from, to) = (self.end(plan, link.from, link)?, self.end(plan, link.to, link)?);
        let z = self.zoom();
        let color = color(self.cx, link.flow);
        let rightward = from.center().x <= to.center().x;
        let side = |rect: Rect, right: bool| if right { rect.right_center() } else { rect.left_center() };
        // Both ends on one site: leave and come back on its right.
        let within = (from.center().x - to.center().x).abs() < 1.0;
        // The rest of a server may flow both ways: keep the two apart.
        let both = link.item.is_none()
            && plan.links.iter().any(|l| l.item.is_none() && l.from == link.to && l.to == link.from);
        let apart = if both { if rightward { -7.0 } else { 7.0 } } else { 0.0 } * z;
        let (from, to) = (from.translate(vec2(0.0, apart)), to.translate(vec2(0.0, apart)));
        let start = side(from, rightward || within) + vec2(if rightward || within { 2.0 } else { -2.0 }, 0.0);
        let tip =
            side(to, within || !rightward) + vec2(if within || !rightward { 3.0 } else { -3.0 } * z, 0.0);
        let bend = if within { 90.0 * z } else { (tip.x - start.x).abs() * 0.45 };
        let out = if rightward || within { bend } else { -bend };
        let back = if within || !rightward { bend } else { -bend };
        let curve = CubicBezierShape::from_points_stroke(
            [start, start + vec2(out, 0.0), tip + vec2(back, 0.0), tip],
            false,
            Color32::TRANSPARENT,
            Stroke::new(1.0, color),
        );
        let points = curve.flatten(Some(0.3));
        let painter = self.ui.painter();
        stroke_line(painter, &points, color, link.flow, z);
        if link.flow != Flow::Resting {
            let dir = if tip.x > tip.x + back { 1.0 } else { -1.0 };
            let size = 7.0 * z;
            let head = vec![tip, tip - vec2(dir * size, size * 0.6), tip - vec2(dir * size, -size * 0.6)];
            painter.add(Shape::convex_polygon(head, color, Stroke::NONE));
        }
        Some((curve.sample(if both { 0.36 } else { 0.5 }), color))
    }

    fn link_label(&self, link: &Link, at: Pos2, color: Color32) {
        if link.label.is_empty() || self.zoom() < LABELS_FROM_ZOOM {
            return;
        }
        let t = self.cx.theme;
        let fg = if link.flow == Flow::Resting { t.text2 } else { color };
        let galley = self.ui.painter().layout_no_wrap(link.label.clone(), self.font(11.0, true), fg);
        let rect = Rect::from_center_size(at, galley.size() + vec2(14.0, 4.0) * self.zoom());
        let rect = rect.round_to_pixels(self.ui.pixels_per_point());
        self.ui.painter().rect(
            rect,
            rect.height() * 0.5,
            t.card,
            Stroke::new(1.0, color),
            StrokeKind::Inside,
        );
        self.ui.painter().galley(rect.center() - galley.size() * 0.5, galley, fg);
    }
}
