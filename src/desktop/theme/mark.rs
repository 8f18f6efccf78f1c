//! The product's mark: a sail in the lee of a wall, drawn into pixels for the window's title bar and the task bar.
//! Apart from `icons`, which are line drawings within the window.

use egui::IconData;

const BLUE: [u8; 3] = [0x0F, 0x6C, 0xBD];
const PALE: [u8; 3] = [0xA9, 0xD3, 0xF2];
const WHITE: [u8; 3] = [0xFF, 0xFF, 0xFF];

/// Corners of the two sails and the hull, in shares of the side.
const MAIN: [(f32, f32); 3] = [(0.53, 0.16), (0.53, 0.66), (0.83, 0.66)];
const JIB: [(f32, f32); 3] = [(0.47, 0.26), (0.47, 0.66), (0.22, 0.66)];
const HULL: [(f32, f32); 4] = [(0.17, 0.72), (0.85, 0.72), (0.74, 0.85), (0.29, 0.85)];

/// The mark as pixels.
#[must_use]
pub fn icon(side: u32) -> IconData {
    let mut rgba = Vec::with_capacity((side * side * 4) as usize);
    for y in 0..side {
        for x in 0..side {
            rgba.extend(pixel(x, y, side));
        }
    }
    IconData { rgba, width: side, height: side }
}

/// Nine samples a pixel, so that edges are smooth.
#[expect(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "small figures"
)]
fn pixel(x: u32, y: u32, side: u32) -> [u8; 4] {
    let mut sum = [0.0_f32; 4];
    for sub in 0..9_u32 {
        let at = |v: u32, part: u32| (v as f32 + (part as f32 + 0.5) / 3.0) / side as f32;
        if let Some(color) = sample(at(x, sub % 3), at(y, sub / 3)) {
            for (total, part) in sum.iter_mut().zip(color) {
                *total += f32::from(part);
            }
            sum[3] += 1.0;
        }
    }
    let covered = sum[3].max(1.0);
    let [r, g, b, n] = sum;
    [(r / covered) as u8, (g / covered) as u8, (b / covered) as u8, (n / 9.0 * 255.0) as u8]
}

fn sample(x: f32, y: f32) -> Option<[u8; 3]> {
    if !tile(x, y) {
        return None;
    }
    Some(if inside(&MAIN, x, y) || inside(&HULL, x, y) {
        WHITE
    } else if inside(&JIB, x, y) {
        PALE
    } else {
        BLUE
    })
}

/// A square with round corners.
fn tile(x: f32, y: f32) -> bool {
    const RADIUS: f32 = 0.2;
    let beyond = |v: f32| (RADIUS - v).max(v - (1.0 - RADIUS)).max(0.0);
    beyond(x).hypot(beyond(y)) <= RADIUS
}

/// Whether a point lies in a convex shape.
fn inside(corners: &[(f32, f32)], x: f32, y: f32) -> bool {
    let turns = corners
        .iter()
        .zip(corners.iter().cycle().skip(1))
        .map(|((ax, ay), (bx, by))| (bx - ax) * (y - ay) - (by - ay) * (x - ax));
    let (mut left, mut right) = (false, false);
    for turn in turns {
        left |= turn > 0.0;
        right |= turn < 0.0;
    }
    !(left && right)
}

#[cfg(test)]
mod tests {
    use super::icon;

    #[test]
    fn the_mark_has_clear_corners_and_a_blue_edge() {
        let mark = icon(64);
        assert_eq!(mark.rgba.len(), 64 * 64 * 4);
        assert_eq!(mark.rgba[3], 0, "the corner is clear");
        let middle_of_top = (2 * 64 + 32) * 4;
        assert_eq!(&mark.rgba[middle_of_top..middle_of_top + 4], &[0x0F, 0x6C, 0xBD, 255]);
    }
}
