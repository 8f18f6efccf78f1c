//! Messages by key. Code carries a [`Message`] (a key and arguments); the sentence a person reads is rendered
//! at the edge from the message files in `assets/messages`, so that a further language touches no code.

use fluent_bundle::concurrent::FluentBundle;
use fluent_bundle::{FluentArgs, FluentResource, FluentValue};
use litemap::LiteMap;
use serde::{Deserialize, Serialize};
use std::borrow::Cow;
use std::sync::OnceLock;
use unic_langid::LanguageIdentifier;

/// The English message files. One file per area, so that areas can be edited side by side.
const ENGLISH: &[&str] = &[
    include_str!("../../assets/messages/en/model.ftl"),
    include_str!("../../assets/messages/en/engine.ftl"),
    include_str!("../../assets/messages/en/agent.ftl"),
    include_str!("../../assets/messages/en/fabric.ftl"),
    include_str!("../../assets/messages/en/replication.ftl"),
    include_str!("../../assets/messages/en/link.ftl"),
    include_str!("../../assets/messages/en/desktop.ftl"),
    include_str!("../../assets/messages/en/desktop-dialogs.ftl"),
    include_str!("../../assets/messages/en/cli.ftl"),
    include_str!("../../assets/messages/en/lab.ftl"),
];

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
    let bundle = bundle();
    let Some(pattern) = bundle.get_message(&message.key).and_then(|m| m.value()) else {
        return message.key.to_string();
    };
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

/// Whether the message files have this key.
#[must_use]
pub fn has(key: &str) -> bool {
    bundle().get_message(key).is_some()
}

fn bundle() -> &'static FluentBundle<FluentResource> {
    static BUNDLE: OnceLock<FluentBundle<FluentResource>> = OnceLock::new();
    BUNDLE.get_or_init(|| {
        let mut bundle = FluentBundle::new_concurrent(vec![LanguageIdentifier::default()]);
        bundle.set_use_isolating(false);
        for source in ENGLISH {
            // A damaged line drops one message, never the program; the test below refuses it.
            let resource = match FluentResource::try_new((*source).to_owned()) {
                Ok(resource) | Err((resource, _)) => resource,
            };
            // Two files with one key: the first sentence stands, and the test below refuses to land it.
            bundle.add_resource(resource).ok();
        }
        bundle
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn message_files_parse_and_no_key_stands_twice() {
        let mut bundle: FluentBundle<FluentResource> =
            FluentBundle::new_concurrent(vec![LanguageIdentifier::default()]);
        for source in ENGLISH {
            let resource = FluentResource::try_new((*source).to_owned()).map_err(|(_, e)| e).expect("parses");
            bundle.add_resource(resource).map_err(|e| format!("{e:?}")).expect("no key twice");
        }
    }
}
