//! What this guest is: its name, role and rate, from a small file on its own OS disk. Apart from `state`, which
//! changes while it runs.

use std::io;
use std::path::Path;

/// The settings file, `key=value` a line.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Settings {
    /// Host name: `web01`.
    pub(crate) host: String,
    /// What a person would use it for: `Web server`.
    pub(crate) role: String,
    /// Records per second, 1 to 1000.
    pub(crate) rate: u32,
}

impl Settings {
    pub(crate) fn read(path: &Path) -> io::Result<Self> {
        let text = std::fs::read_to_string(path)
            .map_err(|e| io::Error::new(e.kind(), format!("{}: {e}", path.display())))?;
        Ok(Self::parse(&text))
    }

    fn parse(text: &str) -> Self {
        let mut settings = Self { host: "guest".to_owned(), role: String::new(), rate: 5 };
        for (key, value) in text.lines().filter_map(|l| l.split_once('=')) {
            match key.trim() {
                "hostname" => settings.host = value.trim().to_owned(),
                "role" => settings.role = value.trim().to_owned(),
                "rate" => settings.rate = value.trim().parse().unwrap_or(settings.rate).clamp(1, 1000),
                _ => {}
            }
        }
        settings
    }
}

#[cfg(test)]
mod tests {
    use super::Settings;

    #[test]
    fn known_keys_are_read_and_a_wild_rate_is_bounded() {
        let settings = Settings::parse("hostname=web01\nrole=Web server\nrate=99999\nlater=thing\n");
        assert_eq!(settings, Settings { host: "web01".into(), role: "Web server".into(), rate: 1000 });
        assert_eq!(Settings::parse("rate=many").rate, 5);
    }
}
