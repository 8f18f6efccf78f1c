//! The icon set: our own line drawings on a grid of 20, painted as strokes so that they are crisp at every scale and
//! take any colour. Apart from `kit`, which puts them into buttons and rows.

use egui::{Color32, Painter, Pos2, Rect, Shape, Stroke, StrokeKind, Vec2, pos2, vec2};

/// One stroke or filling of a drawing, in units of the grid.
#[derive(Clone, Copy)]
enum Mark {
    /// Open line.
    Line(&'static [(f32, f32)]),
    /// Closed line.
    Closed(&'static [(f32, f32)]),
    /// Arc: centre, radius, from and to in degrees clockwise from the right.
    Arc(f32, f32, f32, f32, f32),
    /// Circle.
    Ring(f32, f32, f32),
    /// Filled circle.
    Dot(f32, f32, f32),
    /// Rounded rectangle: left, top, width, height, radius.
    Box(f32, f32, f32, f32, f32),
    /// Filled convex shape.
    Solid(&'static [(f32, f32)]),
}
use Mark::{Arc, Box, Closed, Dot, Line, Ring, Solid};

macro_rules! icons {
    ($( $(#[$doc:meta])* $name:ident = $id:literal, [$($mark:expr),* $(,)?]; )+) => {
        /// An icon.
        #[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
        #[expect(missing_docs, reason = "each icon is named by what it shows")]
        pub enum Icon { $( $(#[$doc])* $name, )+ }

        impl Icon {
            /// All icons.
            pub const ALL: &'static [Self] = &[$(Self::$name),+];

            /// The icon with a name of the set (`VerbDecl::icon`).
            #[must_use]
            pub fn named(name: &str) -> Option<Self> {
                match name { $( $id => Some(Self::$name), )+ _ => None }
            }

            const fn marks(self) -> &'static [Mark] {
                match self { $( Self::$name => &[$($mark),*], )+ }
            }
        }
    };
}

icons! {
    Search = "search", [Ring(8.5, 8.5, 5.0), Line(&[(12.2, 12.2), (17.0, 17.0)])];
    Moon = "moon", [Arc(9.5, 10.0, 7.0, 35.0, 290.0), Arc(14.6, 6.6, 6.6, 78.0, 205.0)];
    Sun = "sun", [Ring(10.0, 10.0, 3.6), Line(&[(10.0, 1.8), (10.0, 3.6)]), Line(&[(10.0, 16.4), (10.0, 18.2)]),
        Line(&[(1.8, 10.0), (3.6, 10.0)]), Line(&[(16.4, 10.0), (18.2, 10.0)]), Line(&[(4.2, 4.2), (5.5, 5.5)]),
        Line(&[(14.5, 14.5), (15.8, 15.8)]), Line(&[(4.2, 15.8), (5.5, 14.5)]), Line(&[(14.5, 5.5), (15.8, 4.2)])];
    Bell = "bell", [Line(&[(4.8, 14.2), (5.0, 8.4)]), Arc(10.0, 8.4, 5.0, 180.0, 360.0), Line(&[(15.0, 8.4), (15.2, 14.2)]),
        Line(&[(3.4, 14.4), (16.6, 14.4)]), Arc(10.0, 14.8, 2.2, 10.0, 170.0)];
    Key = "key", [Ring(6.6, 13.4, 3.8), Line(&[(9.4, 10.6), (17.0, 3.0)]), Line(&[(14.0, 6.0), (16.4, 8.4)])];
    Dismiss = "dismiss", [Line(&[(4.5, 4.5), (15.5, 15.5)]), Line(&[(15.5, 4.5), (4.5, 15.5)])];
    DismissCircle = "dismiss-circle", [Ring(10.0, 10.0, 7.6), Line(&[(7.2, 7.2), (12.8, 12.8)]), Line(&[(12.8, 7.2), (7.2, 12.8)])];
    Delete = "delete", [Line(&[(3.0, 5.0), (17.0, 5.0)]), Line(&[(7.6, 5.0), (8.2, 2.6), (11.8, 2.6), (12.4, 5.0)]),
        Line(&[(4.6, 5.0), (5.6, 17.4), (14.4, 17.4), (15.4, 5.0)]), Line(&[(8.3, 8.4), (8.3, 14.0)]), Line(&[(11.7, 8.4), (11.7, 14.0)])];
    Add = "add", [Line(&[(10.0, 3.0), (10.0, 17.0)]), Line(&[(3.0, 10.0), (17.0, 10.0)])];
    Subtract = "subtract", [Line(&[(3.0, 10.0), (17.0, 10.0)])];
    Edit = "edit", [Closed(&[(3.0, 17.0), (4.0, 13.0), (13.6, 3.4), (16.6, 6.4), (7.0, 16.0)]), Line(&[(11.6, 5.4), (14.6, 8.4)])];
    Link = "link", [Arc(6.6, 10.0, 4.0, 90.0, 270.0), Line(&[(6.6, 6.0), (8.4, 6.0)]), Line(&[(6.6, 14.0), (8.4, 14.0)]),
        Arc(13.4, 10.0, 4.0, -90.0, 90.0), Line(&[(13.4, 6.0), (11.6, 6.0)]), Line(&[(13.4, 14.0), (11.6, 14.0)]), Line(&[(6.8, 10.0), (13.2, 10.0)])];
    Play = "play", [Closed(&[(5.4, 3.4), (16.6, 10.0), (5.4, 16.6)])];
    Stop = "stop", [Box(4.2, 4.2, 11.6, 11.6, 1.6)];
    Pause = "pause", [Box(4.6, 3.6, 3.4, 12.8, 1.0), Box(12.0, 3.6, 3.4, 12.8, 1.0)];
    Power = "power", [Line(&[(10.0, 2.6), (10.0, 9.4)]), Arc(10.0, 10.8, 6.6, -55.0, 235.0)];
    Sync = "sync", [Arc(10.0, 10.0, 6.6, 190.0, 340.0), Line(&[(16.8, 3.8), (16.4, 7.9), (12.4, 7.3)]),
        Arc(10.0, 10.0, 6.6, 10.0, 160.0), Line(&[(3.2, 16.2), (3.6, 12.1), (7.6, 12.7)])];
    Resync = "resync", [Arc(10.0, 10.0, 7.4, 190.0, 340.0), Line(&[(17.4, 3.4), (17.1, 7.6), (13.1, 7.1)]),
        Arc(10.0, 10.0, 7.4, 10.0, 160.0), Line(&[(2.6, 16.6), (2.9, 12.4), (6.9, 12.9)]), Dot(10.0, 10.0, 1.9)];
    Refresh = "arrow-clockwise", [Arc(10.0, 10.4, 6.4, -20.0, 270.0), Line(&[(9.6, 1.4), (12.4, 4.0), (9.6, 6.6)])];
    Checkmark = "checkmark", [Line(&[(3.4, 10.6), (8.0, 15.2), (16.8, 5.4)])];
    CheckmarkCircle = "checkmark-circle", [Ring(10.0, 10.0, 7.6), Line(&[(6.4, 10.3), (9.0, 12.9), (13.8, 7.6)])];
    Beaker = "beaker", [Line(&[(6.4, 2.6), (13.6, 2.6)]), Line(&[(8.0, 2.6), (8.0, 8.0), (3.9, 15.4), (5.0, 17.4), (15.0, 17.4), (16.1, 15.4), (12.0, 8.0), (12.0, 2.6)]),
        Line(&[(5.8, 12.4), (14.2, 12.4)])];
    Broom = "broom", [Line(&[(16.8, 2.8), (11.0, 9.0)]), Closed(&[(8.2, 7.4), (12.6, 11.8), (9.4, 17.2), (2.8, 10.6)]), Line(&[(6.0, 13.8), (8.0, 11.8)])];
    ArrowSwap = "arrow-swap", [Line(&[(3.0, 6.6), (16.6, 6.6)]), Line(&[(13.4, 3.2), (16.8, 6.6), (13.4, 10.0)]), Line(&[(17.0, 13.8), (3.4, 13.8)]), Line(&[(6.6, 10.4), (3.2, 13.8), (6.6, 17.2)])];
    ArrowRight = "arrow-right", [Line(&[(3.0, 10.0), (16.4, 10.0)]), Line(&[(11.2, 4.6), (16.8, 10.0), (11.2, 15.4)])];
    ArrowLeft = "arrow-left", [Line(&[(17.0, 10.0), (3.6, 10.0)]), Line(&[(8.8, 4.6), (3.2, 10.0), (8.8, 15.4)])];
    ArrowUp = "arrow-up", [Line(&[(10.0, 17.0), (10.0, 3.6)]), Line(&[(4.6, 8.8), (10.0, 3.2), (15.4, 8.8)])];
    ArrowDown = "arrow-down", [Line(&[(10.0, 3.0), (10.0, 16.4)]), Line(&[(4.6, 11.2), (10.0, 16.8), (15.4, 11.2)])];
    ArrowUndo = "arrow-undo", [Line(&[(7.4, 3.4), (3.2, 7.6), (7.4, 11.8)]), Line(&[(3.4, 7.6), (12.0, 7.6)]), Arc(12.0, 12.2, 4.6, -90.0, 90.0), Line(&[(12.0, 16.8), (7.0, 16.8)])];
    History = "history", [Arc(10.2, 10.0, 7.0, -150.0, 140.0), Line(&[(3.2, 3.2), (3.8, 7.0), (7.6, 6.4)]), Line(&[(10.2, 6.0), (10.2, 10.4), (13.2, 12.2)])];
    Camera = "camera", [Box(2.4, 5.4, 15.2, 11.2, 1.8), Line(&[(6.6, 5.2), (7.8, 3.0), (12.2, 3.0), (13.4, 5.2)]), Ring(10.0, 10.8, 3.0)];
    Home = "home", [Line(&[(2.6, 10.0), (10.0, 3.0), (17.4, 10.0)]), Line(&[(4.6, 8.6), (4.6, 16.8), (8.2, 16.8), (8.2, 11.8), (11.8, 11.8), (11.8, 16.8), (15.4, 16.8), (15.4, 8.6)])];
    Machine = "machine", [Box(2.6, 3.4, 14.8, 10.2, 1.4), Line(&[(10.0, 13.8), (10.0, 16.8)]), Line(&[(6.4, 16.9), (13.6, 16.9)])];
    Server = "server", [Box(5.0, 2.2, 10.0, 15.6, 1.4), Line(&[(7.8, 5.4), (12.2, 5.4)]), Line(&[(7.8, 8.2), (12.2, 8.2)]), Dot(10.0, 14.0, 1.1)];
    Policy = "policy", [Line(&[(2.6, 5.4), (9.4, 5.4)]), Ring(11.6, 5.4, 2.0), Line(&[(13.8, 5.4), (17.4, 5.4)]), Line(&[(2.6, 14.0), (5.0, 14.0)]), Ring(7.2, 14.0, 2.0), Line(&[(9.4, 14.0), (17.4, 14.0)])];
    Jobs = "jobs", [Line(&[(2.6, 5.0), (4.2, 6.6), (7.0, 3.4)]), Line(&[(9.6, 5.2), (17.4, 5.2)]), Line(&[(2.6, 12.8), (4.2, 14.4), (7.0, 11.2)]), Line(&[(9.6, 13.0), (17.4, 13.0)])];
    Events = "events", [Box(3.6, 2.4, 12.8, 15.2, 1.6), Line(&[(6.8, 6.6), (13.2, 6.6)]), Line(&[(6.8, 10.0), (13.2, 10.0)]), Line(&[(6.8, 13.4), (10.6, 13.4)])];
    Site = "site", [Box(3.4, 2.6, 8.6, 14.8, 1.0), Line(&[(12.0, 8.4), (16.6, 8.4), (16.6, 17.4), (12.0, 17.4)]), Line(&[(6.2, 6.2), (6.2, 6.4)]), Line(&[(9.2, 6.2), (9.2, 6.4)]),
        Line(&[(6.2, 9.6), (6.2, 9.8)]), Line(&[(9.2, 9.6), (9.2, 9.8)]), Line(&[(7.7, 17.2), (7.7, 13.4)])];
    Disk = "disk", [Arc(10.0, 5.0, 0.1, 0.0, 1.0), Box(3.6, 3.0, 12.8, 14.0, 3.2), Line(&[(3.8, 8.2), (16.2, 8.2)]), Line(&[(3.8, 12.4), (16.2, 12.4)])];
    Shield = "shield", [Closed(&[(10.0, 2.2), (13.2, 4.2), (16.8, 4.8), (16.6, 10.4), (14.4, 14.6), (10.0, 17.8), (5.6, 14.6), (3.4, 10.4), (3.2, 4.8), (6.8, 4.2)]), Line(&[(6.8, 10.0), (9.2, 12.4), (13.4, 7.6)])];
    Vault = "vault", [Box(2.6, 3.0, 14.8, 13.0, 1.6), Ring(10.0, 9.5, 3.4), Line(&[(10.0, 6.0), (10.0, 8.0)]), Line(&[(5.0, 16.2), (5.0, 17.8)]), Line(&[(15.0, 16.2), (15.0, 17.8)])];
    ChevronDown = "chevron-down", [Line(&[(4.4, 7.2), (10.0, 12.8), (15.6, 7.2)])];
    ChevronUp = "chevron-up", [Line(&[(4.4, 12.8), (10.0, 7.2), (15.6, 12.8)])];
    ChevronRight = "chevron-right", [Line(&[(7.2, 4.4), (12.8, 10.0), (7.2, 15.6)])];
    ChevronLeft = "chevron-left", [Line(&[(12.8, 4.4), (7.2, 10.0), (12.8, 15.6)])];
    More = "more", [Dot(4.6, 10.0, 1.3), Dot(10.0, 10.0, 1.3), Dot(15.4, 10.0, 1.3)];
    Menu = "menu", [Line(&[(2.8, 5.2), (17.2, 5.2)]), Line(&[(2.8, 10.0), (17.2, 10.0)]), Line(&[(2.8, 14.8), (17.2, 14.8)])];
    Columns = "columns", [Box(2.6, 3.4, 4.0, 13.2, 1.0), Box(8.0, 3.4, 4.0, 13.2, 1.0), Box(13.4, 3.4, 4.0, 13.2, 1.0)];
    Filter = "filter", [Line(&[(2.8, 5.6), (17.2, 5.6)]), Line(&[(5.6, 10.0), (14.4, 10.0)]), Line(&[(8.4, 14.4), (11.6, 14.4)])];
    Copy = "copy", [Box(6.6, 2.6, 10.2, 11.6, 1.6), Line(&[(4.4, 5.8), (3.2, 6.8), (3.2, 16.0), (4.4, 17.4), (12.4, 17.4), (13.4, 16.4)])];
    Save = "save", [Closed(&[(3.2, 3.2), (13.8, 3.2), (16.8, 6.2), (16.8, 16.8), (3.2, 16.8)]), Line(&[(6.4, 3.4), (6.4, 7.4), (12.6, 7.4), (12.6, 3.4)]), Line(&[(6.0, 16.6), (6.0, 11.6), (14.0, 11.6), (14.0, 16.6)])];
    Folder = "folder", [Closed(&[(2.4, 4.2), (7.4, 4.2), (9.2, 6.2), (17.6, 6.2), (17.6, 16.0), (2.4, 16.0)])];
    Clock = "clock", [Ring(10.0, 10.0, 7.6), Line(&[(10.0, 5.6), (10.0, 10.4), (13.2, 12.2)])];
    Fit = "fit", [Line(&[(3.0, 7.0), (3.0, 3.0), (7.0, 3.0)]), Line(&[(13.0, 3.0), (17.0, 3.0), (17.0, 7.0)]), Line(&[(17.0, 13.0), (17.0, 17.0), (13.0, 17.0)]), Line(&[(7.0, 17.0), (3.0, 17.0), (3.0, 13.0)])];
    About = "about", [Ring(10.0, 10.0, 7.6), Line(&[(10.0, 9.2), (10.0, 14.0)]), Dot(10.0, 6.4, 0.95)];
    Warning = "warning", [Closed(&[(10.0, 2.8), (18.0, 16.8), (2.0, 16.8)]), Line(&[(10.0, 7.8), (10.0, 12.0)]), Dot(10.0, 14.4, 0.9)];
    Error = "error", [Ring(10.0, 10.0, 7.6), Line(&[(10.0, 5.8), (10.0, 10.8)]), Dot(10.0, 13.8, 0.95)];
    Lock = "lock", [Box(4.2, 8.4, 11.6, 8.8, 1.4), Arc(10.0, 8.2, 3.6, 180.0, 360.0), Dot(10.0, 12.8, 1.1)];
    Network = "network", [Box(7.2, 2.4, 5.6, 4.6, 1.0), Box(2.4, 13.0, 5.6, 4.6, 1.0), Box(12.0, 13.0, 5.6, 4.6, 1.0), Line(&[(10.0, 7.2), (10.0, 10.0)]), Line(&[(5.2, 12.8), (5.2, 10.0), (14.8, 10.0), (14.8, 12.8)])];
    Calendar = "calendar", [Box(2.8, 3.6, 14.4, 13.4, 1.8), Line(&[(3.0, 7.6), (17.0, 7.6)]), Line(&[(6.6, 2.0), (6.6, 4.8)]), Line(&[(13.4, 2.0), (13.4, 4.8)])];
    Drag = "drag", [Dot(7.4, 5.0, 1.1), Dot(12.6, 5.0, 1.1), Dot(7.4, 10.0, 1.1), Dot(12.6, 10.0, 1.1), Dot(7.4, 15.0, 1.1), Dot(12.6, 15.0, 1.1)];
    Arrowhead = "arrowhead", [Solid(&[(5.0, 3.0), (16.0, 10.0), (5.0, 17.0)])];
}

/// Paints an icon in a square of `size` points around `center`.
pub fn paint(painter: &Painter, center: Pos2, icon: Icon, size: f32, color: Color32) {
    let scale = size / 20.0;
    let origin = center - Vec2::splat(size * 0.5);
    let stroke = Stroke::new((1.35 * scale.max(0.7)).max(1.0), color);
    let at = |x: f32, y: f32| origin + vec2(x, y) * scale;
    let all = |points: &[(f32, f32)]| points.iter().map(|(x, y)| at(*x, *y)).collect::<Vec<_>>();
    for mark in icon.marks() {
        match *mark {
            Line(points) => _ = painter.line(all(points), stroke),
            Closed(points) => _ = painter.add(Shape::closed_line(all(points), stroke)),
            Ring(x, y, r) => _ = painter.circle_stroke(at(x, y), r * scale, stroke),
            Dot(x, y, r) => _ = painter.circle_filled(at(x, y), (r * scale).max(0.8), color),
            Solid(points) => _ = painter.add(Shape::convex_polygon(all(points), color, Stroke::NONE)),
            Box(x, y, w, h, r) => {
                let rect = Rect::from_min_size(at(x, y), vec2(w, h) * scale);
                painter.rect_stroke(rect, r * scale, stroke, StrokeKind::Middle);
            }
            Arc(x, y, r, from, to) => _ = painter.line(arc(at(x, y), r * scale, from, to), stroke),
        }
    }
}

/// Points of an arc, in degrees clockwise from the right.
#[must_use]
pub fn arc(center: Pos2, radius: f32, from: f32, to: f32) -> Vec<Pos2> {
    let sweep = (to - from).to_radians();
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a small positive count")]
    let steps = (sweep.abs() * radius / 1.5).ceil().clamp(6.0, 360.0) as usize;
    (0..=steps)
        .map(|step| {
            #[expect(clippy::cast_precision_loss, reason = "a small count")]
            let angle = from.to_radians() + sweep * step as f32 / steps as f32;
            center + radius * Vec2::angled(angle)
        })
        .collect()
}

/// Filled status marks: their shape differs, not only their colour.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Status {
    /// Tick in a disc.
    Good,
    /// Exclamation mark in a triangle.
    Warning,
    /// Exclamation mark in a disc.
    Critical,
    /// Dash in a disc.
    None,
    /// Arrows that turn: under way.
    Running,
    /// Clock: waits.
    Waiting,
}

/// Paints a status mark; `hole` is the colour of the sign within.
pub fn paint_status(
    painter: &Painter,
    center: Pos2,
    status: Status,
    size: f32,
    color: Color32,
    hole: Color32,
) {
    let u = size / 16.0;
    let at = |x: f32, y: f32| pos2(center.x + x * u, center.y + y * u);
    let sign = Stroke::new((1.7 * u).max(1.2), hole);
    match status {
        Status::Warning => {
            let corners = vec![at(0.0, -6.6), at(7.2, 6.2), at(-7.2, 6.2)];
            painter.add(Shape::convex_polygon(corners, color, Stroke::new(1.2 * u, color)));
            painter.line_segment([at(0.0, -2.4), at(0.0, 1.8)], sign);
            painter.circle_filled(at(0.0, 4.1), (0.95 * u).max(0.7), hole);
        }
        Status::Running => paint(painter, center, Icon::Sync, size, color),
        Status::Waiting => paint(painter, center, Icon::Clock, size, color),
        Status::Good | Status::Critical | Status::None => {
            painter.circle_filled(center, 6.8 * u, color);
            match status {
                Status::Good => _ = painter.line(vec![at(-3.0, 0.2), at(-0.9, 2.4), at(3.1, -2.2)], sign),
                Status::Critical => {
                    painter.line_segment([at(0.0, -3.6), at(0.0, 0.8)], sign);
                    painter.circle_filled(at(0.0, 3.4), (0.95 * u).max(0.7), hole);
                }
                _ => _ = painter.line_segment([at(-3.0, 0.0), at(3.0, 0.0)], sign),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Icon;
    use leeward_model::Verb;

    #[test]
    fn every_verb_has_its_icon() {
        for verb in Verb::all() {
            let name = verb.decl().icon;
            assert!(Icon::named(name).is_some(), "no icon {name}");
        }
    }
}
