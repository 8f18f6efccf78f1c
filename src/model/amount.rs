//! Amounts as they stand inside sentences: sizes and spans with their units. Apart from `text`, which knows keys,
//! not numbers.

use crate::text::Message;

/// `1.5 GiB`, `830 KiB`, `12 B`.
#[must_use]
#[expect(clippy::cast_precision_loss, reason = "a size shown with two digits")]
pub fn size(bytes: u64) -> String {
    const UNITS: [&str; 6] = ["unit-b", "unit-kib", "unit-mib", "unit-gib", "unit-tib", "unit-pib"];
    let mut value = bytes as f64;
    let mut unit = 0;
    while value >= 1024.0 && unit + 1 < UNITS.len() {
        value /= 1024.0;
        unit += 1;
    }
    let digits = usize::from(unit > 0 && value < 100.0);
    Message::new(UNITS.get(unit).unwrap_or(&"unit-b")).with("n", format!("{value:.digits$}")).render()
}

/// `45 s`, `3 min 20 s`, `2 h 5 min`, `3 d 4 h`.
#[must_use]
pub fn span(secs: u64) -> String {
    match secs {
        0..=119 => Message::new("span-secs").with("secs", secs.to_string()),
        120..=7_199 => two("span-mins", ("mins", secs / 60), ("secs", secs % 60)),
        7_200..=172_799 => two("span-hours", ("hours", secs / 3_600), ("mins", secs % 3_600 / 60)),
        _ => two("span-days", ("days", secs / 86_400), ("hours", secs % 86_400 / 3_600)),
    }
    .render()
}

fn two(key: &'static str, large: (&str, u64), small: (&str, u64)) -> Message {
    Message::new(key).with(large.0, large.1.to_string()).with(small.0, small.1.to_string())
}

#[cfg(test)]
mod tests {
    use super::{size, span};

    #[test]
    fn sizes_and_spans_read_well() {
        assert_eq!(size(0), "0 B");
        assert_eq!(size(1023), "1023 B");
        assert_eq!(size(1536), "1.5 KiB");
        assert_eq!(size(200 << 20), "200 MiB");
        assert_eq!(size(u64::MAX), "16384 PiB");
        assert_eq!(span(45), "45 s");
        assert_eq!(span(200), "3 min 20 s");
        assert_eq!(span(7_500), "2 h 5 min");
        assert_eq!(span(273_600), "3 d 4 h");
    }
}
