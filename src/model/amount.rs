//! Amounts as they stand inside sentences: sizes and spans with their units. Apart from `text`, which knows keys,
//! not numbers.

/// `1.5 GiB`, `830 KiB`, `12 B`.
#[must_use]
#[expect(clippy::cast_precision_loss, reason = "a size shown with two digits")]
pub fn size(bytes: u64) -> String {
    const UNITS: [&str; 6] = ["B", "KiB", "MiB", "GiB", "TiB", "PiB"];
    let mut value = bytes as f64;
    let mut unit = 0;
    while value >= 1024.0 && unit + 1 < UNITS.len() {
        value /= 1024.0;
        unit += 1;
    }
    let digits = usize::from(unit > 0 && value < 100.0);
    format!("{value:.digits$} {}", UNITS.get(unit).unwrap_or(&"B"))
}

/// `45 s`, `3 min 20 s`, `2 h 5 min`, `3 d 4 h`.
#[must_use]
pub fn span(secs: u64) -> String {
    match secs {
        0..=119 => format!("{secs} s"),
        120..=7_199 => format!("{} min {} s", secs / 60, secs % 60),
        7_200..=172_799 => format!("{} h {} min", secs / 3_600, secs % 3_600 / 60),
        _ => format!("{} d {} h", secs / 86_400, secs % 86_400 / 3_600),
    }
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
