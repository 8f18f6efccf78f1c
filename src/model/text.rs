//! Messages by key. Code carries a [`Message`] (a key and arguments); the sentence a person reads is rendered
//! at the edge from the message files in `assets/messages`, so that a further language touches no code.

use crate::moment::Moment;
use fluent_bundle::concurrent::FluentBundle;
use fluent_bundle::{FluentArgs, FluentResource, FluentValue};
use litemap::LiteMap;
use serde::{Deserialize, Serialize};
use std::borrow::Cow;
use std::sync::{Arc, OnceLock};
use unic_langid::LanguageIdentifier;

/// The message files of every language the program brings, from `assets/messages`: by language, one file per area,
/// so that areas can be edited side by side.
const BROUGHT: &[(&str, &[&str])] = include!(concat!(env!("OUT_DIR"), "/languages.rs"));

/// The language that has every sentence.
const WHOLE: &str = "en";

/// One argument of a message.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Arg {
    /// A number; plural rules apply.
    Number(f64),
    /// Text, inserted as it is.
    Text(String),
}

impl From<&str> for Arg {
    fn from(v: &str) -> Self {
        Self::Text(v.to_owned())
    }
}
impl From<String> for Arg {
    fn from(v: String) -> Self {
        Self::Text(v)
    }
}
impl From<&Arc<str>> for Arg {
    fn from(v: &Arc<str>) -> Self {
        Self::Text(v.to_string())
    }
}
impl From<&String> for Arg {
    fn from(v: &String) -> Self {
        Self::Text(v.clone())
    }
}
#[expect(clippy::cast_precision_loss, reason = "a count shown to a person; 2^53 is enough")]
impl From<u64> for Arg {
    fn from(v: u64) -> Self {
        Self::Number(v as f64)
    }
}
impl From<u32> for Arg {
    fn from(v: u32) -> Self {
        Self::Number(f64::from(v))
    }
}
#[expect(clippy::cast_precision_loss, reason = "a count shown to a person; 2^53 is enough")]
impl From<usize> for Arg {
    fn from(v: usize) -> Self {
        Self::Number(v as f64)
    }
}
#[expect(clippy::cast_precision_loss, reason = "a count shown to a person; 2^53 is enough")]
impl From<i64> for Arg {
    fn from(v: i64) -> Self {
        Self::Number(v as f64)
    }
}
/// Shown by `TIME($name)`.
impl From<Moment> for Arg {
    fn from(v: Moment) -> Self {
        Self::from(v.0)
    }
}
impl From<f64> for Arg {
    fn from(v: f64) -> Self {
        Self::Number(v)
    }
}

/// A sentence for a person: a key of the message files and its arguments.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Message {
    /// Key in the message files, for example `refusal-test-failover-running`.
    pub key: Cow<'static, str>,
    /// Arguments by name. There are one or two; a tree would take half a kilobyte for them, and a window holds
    /// hundreds of thousands of messages.
    #[serde(default, skip_serializing_if = "LiteMap::is_empty")]
    pub args: LiteMap<String, Arg>,
}

impl Message {
    /// An argument that is a number.
    #[must_use]
    pub fn number(&self, name: &str) -> Option<f64> {
        match self.args.get(name) {
            Some(Arg::Number(n)) => Some(*n),
            _ => None,
        }
    }

    /// A message without arguments.
    #[must_use]
    pub const fn new(key: &'static str) -> Self {
        Self { key: Cow::Borrowed(key), args: LiteMap::new() }
    }

    /// Adds an argument.
    #[must_use]
    pub fn with(mut self, name: &str, value: impl Into<Arg>) -> Self {
        self.args.insert(name.to_owned(), value.into());
        self
    }

    /// The sentence, in the language of the program.
    #[must_use]
    pub fn render(&self) -> String {
        render(self)
    }
}

/// The sentence of a key without arguments.
#[must_use]
pub fn text(key: &'static str) -> String {
    render(&Message::new(key))
}

/// The sentence of a key, for keys made at run time; shows the key itself when no message file has it.
#[must_use]
pub fn render(message: &Message) -> String {
    speech().render(message)
}

/// Whether the message files have this key.
#[must_use]
pub fn has(key: &str) -> bool {
    speech().bundle_of(key).is_some()
}

/// Message files that do not come with the program: a translator's, beside it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Added {
    /// Their language: `sv`, `pt-BR`.
    pub language: String,
    /// What stands in them.
    pub files: Vec<String>,
}

/// Sets the languages of the program, the one that is wanted most first, once, before anything is said. What none
/// of them has is said in English. Of one language an added file goes before what the program brings.
pub fn speak(wanted: &[String], added: &[Added]) {
    // Set twice, the first stands: half a sentence in another language would be worse.
    SPEECH.set(Speech::new(wanted, added)).ok();
}

/// The languages that a locale as Unix names it (`sv_SE.UTF-8`) stands for, the closest first.
#[must_use]
pub fn languages_of(locale: &str) -> Vec<String> {
    let plain = locale.split(['.', '@']).next().unwrap_or_default().replace('_', "-");
    let known = plain.parse::<LanguageIdentifier>().is_ok() && !matches!(plain.as_str(), "" | "C" | "POSIX");
    match (known, plain.split_once('-')) {
        (false, _) => Vec::new(),
        (true, Some((language, _))) => vec![plain.clone(), language.to_owned()],
        (true, None) => vec![plain],
    }
}

/// Sets how instants inside sentences are said, `TIME($at)` of milliseconds since 1970, once: in whose time zone, and
/// in which form. Until then they are `18:30 UTC`.
pub fn show_times(shown: fn(Moment) -> String) {
    // Set twice, the first stands, as with languages.
    TIMES.set(shown).ok();
}

static TIMES: OnceLock<fn(Moment) -> String> = OnceLock::new();

/// The function of that name in message files.
fn time<'a>(given: &[FluentValue<'a>], _: &FluentArgs<'_>) -> FluentValue<'a> {
    match given {
        [FluentValue::Number(millis)] => FluentValue::String(time_of(millis.value).into()),
        _ => FluentValue::Error,
    }
}

#[expect(
    clippy::cast_possible_truncation,
    reason = "milliseconds that were whole before they became an argument"
)]
fn time_of(millis: f64) -> String {
    let at = Moment(millis as i64);
    let of_day = at.0.rem_euclid(86_400_000) / 60_000;
    TIMES.get().map_or_else(|| format!("{:02}:{:02} UTC", of_day / 60, of_day % 60), |shown| shown(at))
}

static SPEECH: OnceLock<Speech> = OnceLock::new();

fn speech() -> &'static Speech {
    SPEECH.get_or_init(|| Speech::new(&[], &[]))
}

/// The languages in use, in the order they are asked.
struct Speech(Vec<FluentBundle<FluentResource>>);

impl Speech {
    fn new(wanted: &[String], added: &[Added]) -> Self {
        let mut languages: Vec<&str> = Vec::new();
        for language in wanted.iter().map(String::as_str).chain([WHOLE]) {
            if !languages.contains(&language) {
                languages.push(language);
            }
        }
        let bundle = |language: &str| {
            let added = added.iter().filter(|a| a.language == language).flat_map(|a| a.files.iter());
            let brought = BROUGHT.iter().filter(|(l, _)| *l == language).flat_map(|(_, files)| files.iter());
            let files: Vec<&str> = added.map(String::as_str).chain(brought.copied()).collect();
            (!files.is_empty()).then(|| bundle(language, &files))
        };
        Self(languages.into_iter().filter_map(bundle).collect())
    }

    /// The first language that says something under this key.
    fn bundle_of(&self, key: &str) -> Option<&FluentBundle<FluentResource>> {
        self.0.iter().find(|bundle| bundle.get_message(key).is_some_and(|m| m.value().is_some()))
    }

    fn render(&self, message: &Message) -> String {
        let found = self.bundle_of(&message.key);
        let pattern = found.and_then(|b| b.get_message(&message.key)).and_then(|m| m.value());
        let (Some(bundle), Some(pattern)) = (found, pattern) else { return message.key.to_string() };
        let mut args = FluentArgs::new();
        for (name, value) in message.args.iter() {
            let value = match value {
                Arg::Number(n) => FluentValue::from(*n),
                Arg::Text(t) => FluentValue::from(t.clone()),
            };
            args.set(name.clone(), value);
        }
        let mut errors = Vec::new();
        bundle.format_pattern(pattern, Some(&args), &mut errors).into_owned()
    }
}

fn bundle(language: &str, files: &[&str]) -> FluentBundle<FluentResource> {
    let mut bundle = FluentBundle::new_concurrent(vec![language.parse().unwrap_or_default()]);
    bundle.set_use_isolating(false);
    // A new bundle has no function of that name yet.
    bundle.add_function("TIME", time).ok();
    for source in files {
        // A damaged line drops one message, never the program; the test below refuses it.
        let resource = match FluentResource::try_new((*source).to_owned()) {
            Ok(resource) | Err((resource, _)) => resource,
        };
        // Two files with one key: the first sentence stands, and the test below refuses to land it.
        bundle.add_resource(resource).ok();
    }
    bundle
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn message_files_parse_and_no_key_stands_twice() {
        assert!(BROUGHT.iter().any(|(language, _)| *language == WHOLE));
        for (language, files) in BROUGHT {
            let mut bundle: FluentBundle<FluentResource> = FluentBundle::new_concurrent(vec![
                language.parse().expect("the folder is named as a language"),
            ]);
            for source in *files {
                let resource =
                    FluentResource::try_new((*source).to_owned()).map_err(|(_, e)| e).expect("parses");
                bundle.add_resource(resource).map_err(|e| format!("{e:?}")).expect("no key twice");
            }
        }
    }

    #[test]
    fn an_instant_in_a_sentence_is_a_time() {
        let said = Message::new("health-resync-waits")
            .with("subject", "web01")
            .with("at", Moment(1_794_000_600_000));
        assert!(said.render().contains("21:30 UTC"), "{}", said.render());
    }

    fn plural(n: u32) -> Message {
        Message::new("test-plural").with("n", n)
    }

    #[test]
    fn a_further_language_is_files_alone_and_english_fills_its_gaps() {
        let file = "refusal-running = { $machine } körs redan\n\
                    test-plural = { $n ->\n    [one] en disk\n   *[other] { $n } diskar\n}\n";
        let added = [Added { language: "sv".to_owned(), files: vec![file.to_owned()] }];
        let speech = Speech::new(&languages_of("sv_SE.UTF-8"), &added);
        let running = Message::new("refusal-running").with("machine", "web01");
        assert_eq!(speech.render(&running), "web01 körs redan");
        assert_eq!(speech.render(&plural(1)), "en disk");
        assert_eq!(speech.render(&plural(3)), "3 diskar");
        let untold = Message::new("refusal-not-running").with("machine", "web01");
        assert_eq!(speech.render(&untold), render(&untold), "what is not translated is said in English");
        assert_eq!(speech.render(&Message::new("no-such-key")), "no-such-key");
    }

    #[test]
    fn locales_are_languages_or_nothing() {
        assert_eq!(languages_of("sv_SE.UTF-8"), ["sv-SE", "sv"]);
        assert_eq!(languages_of("de"), ["de"]);
        assert_eq!(languages_of("sr@latin"), ["sr"]);
        for none in ["", "C", "C.UTF-8", "POSIX", "/etc/passwd", "../x"] {
            assert!(languages_of(none).is_empty(), "{none}");
        }
    }
}
