//! The reference of all commands, printed from the declarations: `leeward verbs`, and as Markdown for
//! `docs/verbs.md`, which a test holds equal to this.

use super::exit::Exit;
use super::{forms, grammar, looks};
use clap::{Arg, Command};
use leeward_model::{Message, Risk, Verb, text};
use strum::IntoEnumIterator;

/// One line per command, for a terminal.
pub(crate) fn plain() -> String {
    let mut lines = Vec::new();
    for verb in Verb::all().filter(|v| !v.decl().cli.is_empty()) {
        lines.push(format!("leeward {}\n    {}", usage(verb.decl().cli, verb), verb.title()));
    }
    for look in looks::ALL {
        let args: String = (look.args)().iter().map(shown).collect();
        lines.push(format!("leeward {}{args}\n    {}", look.path, text::text(look.about)));
    }
    lines.join("\n")
}

/// For programs: every command with what it is called elsewhere.
pub(crate) fn json() -> serde_json::Value {
    let verbs = Verb::all().filter(|v| !v.decl().cli.is_empty()).map(|verb| {
        let decl = verb.decl();
        serde_json::json!({
            "command": decl.cli,
            "usage": format!("leeward {}", usage(decl.cli, verb)),
            "verb": decl.id,
            "title": verb.title(),
            "hint": verb.hint(),
            "scope": decl.scope,
            "risk": decl.risk,
        })
    });
    let looks = looks::ALL.iter().map(|look| {
        let args: String = (look.args)().iter().map(shown).collect();
        serde_json::json!({
            "command": look.path,
            "usage": format!("leeward {}{args}", look.path),
            "title": text::text(look.about),
        })
    });
    serde_json::Value::Array(verbs.chain(looks).collect())
}

/// The page.
pub(crate) fn markdown() -> String {
    let mut page =
        format!("# {}\n\n{}\n", text::text("cli-reference-title"), text::text("cli-reference-intro"));
    section(&mut page, "cli-reference-verbs");
    for verb in Verb::all().filter(|v| !v.decl().cli.is_empty()) {
        let decl = verb.decl();
        page.push_str(&format!("\n### `leeward {}`\n\n{}\n", decl.cli, verb.hint()));
        page.push_str(&format!("\n```text\nleeward {}\n```\n", usage(decl.cli, verb)));
        let risk = match decl.risk {
            Risk::Safe => "cli-reference-safe",
            Risk::Disruptive => "cli-reference-disruptive",
            Risk::Destructive => "cli-reference-destructive",
        };
        let mut line = text::text(risk);
        if let Some(keys) = decl.shortcut {
            line.push(' ');
            line.push_str(&Message::new("cli-reference-shortcut").with("keys", keys).render());
        }
        page.push_str(&format!("\n{line}\n\n"));
        if let Some(form) = forms::of(verb) {
            arguments(&mut page, &(form.args)());
        }
    }
    section(&mut page, "cli-reference-verb-arguments");
    page.push_str(&format!("\n{}\n\n", text::text("cli-reference-verb-arguments-intro")));
    let program = grammar::program();
    if let Some(any) = leaf(&program, "item commit") {
        let common: Vec<Arg> =
            any.get_arguments().filter(|a| !a.is_positional() && !a.is_global_set()).cloned().collect();
        arguments(&mut page, &common);
    }
    section(&mut page, "cli-reference-looks");
    for look in looks::ALL {
        let args: String = (look.args)().iter().map(shown).collect();
        page.push_str(&format!("\n- `leeward {}{args}`: {}", look.path, text::text(look.about)));
    }
    page.push('\n');
    section(&mut page, "cli-reference-programs");
    for name in ["vault", "engine", "lab", "tour", "verbs"] {
        if let Some(command) = program.find_subcommand(name) {
            programs(&mut page, name, command);
        }
    }
    section(&mut page, "cli-reference-globals");
    page.push('\n');
    let globals: Vec<Arg> = program.get_arguments().filter(|a| a.is_global_set()).cloned().collect();
    arguments(&mut page, &globals);
    section(&mut page, "cli-reference-exits");
    page.push_str("\n| code | |\n|---|---|\n");
    for exit in Exit::iter() {
        page.push_str(&format!("| {} | {} |\n", exit.code(), text::text(exit.key())));
    }
    page
}

fn programs(page: &mut String, path: &str, command: &Command) {
    let inner: Vec<&Command> = command.get_subcommands().collect();
    if inner.is_empty() {
        let args: String = command.get_arguments().filter(|a| !a.is_global_set()).map(shown).collect();
        let about = command.get_about().map(ToString::to_string).unwrap_or_default();
        page.push_str(&format!("\n- `leeward {path}{args}`: {about}"));
    }
    for one in inner {
        programs(page, &format!("{path} {}", one.get_name()), one);
    }
}

fn section(page: &mut String, key: &'static str) {
    page.truncate(page.trim_end().len());
    page.push_str(&format!("\n\n## {}\n", text::text(key)));
}

fn arguments(page: &mut String, args: &[Arg]) {
    for arg in args {
        let help = arg.get_help().map(ToString::to_string).unwrap_or_default();
        let default: Vec<_> = arg.get_default_values().iter().map(|v| v.to_string_lossy()).collect();
        let values: Vec<String> = arg.get_possible_values().iter().map(|v| v.get_name().to_owned()).collect();
        let mut line = format!("- `{}`: {help}", spelled(arg));
        let takes_value = arg.get_action().takes_values();
        if takes_value && !values.is_empty() {
            line.push_str(&format!(" ({})", values.join(", ")));
        }
        if takes_value && !default.is_empty() {
            let note = Message::new("cli-reference-default").with("value", default.join(" "));
            line.push_str(&format!(". {}", note.render()));
        }
        page.push_str(&line);
        page.push('\n');
    }
}

fn usage(path: &str, verb: Verb) -> String {
    let args: String = forms::of(verb).map(|f| (f.args)().iter().map(shown).collect()).unwrap_or_default();
    format!("{path}{args}")
}

/// ` <item>...`, ` [--point POINT]`, ` --target TARGET`.
fn shown(arg: &Arg) -> String {
    let text = spelled(arg);
    if arg.is_required_set() { format!(" {text}") } else { format!(" [{text}]") }
}

/// `<item>...`, `--point POINT`, `--engine HOST[:PORT]`.
fn spelled(arg: &Arg) -> String {
    let many = arg.get_num_args().is_some_and(|n| n.max_values() > 1);
    let value = arg
        .get_value_names()
        .and_then(<[_]>::first)
        .map_or_else(|| arg.get_id().as_str().to_uppercase(), ToString::to_string);
    match arg.get_long() {
        None => format!("<{value}>{}", if many { "..." } else { "" }),
        Some(long) if arg.get_action().takes_values() => format!("--{long} {value}"),
        Some(long) => format!("--{long}"),
    }
}

fn leaf<'a>(program: &'a Command, path: &str) -> Option<&'a Command> {
    path.split(' ').try_fold(program, |command, word| command.find_subcommand(word))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn brackets_of_a_value_stay_whole_and_programs_get_json() {
        let port = Arg::new("engine").long("engine").value_name("HOST[:PORT]");
        assert_eq!(spelled(&port), "--engine HOST[:PORT]");
        assert_eq!(shown(&port), " [--engine HOST[:PORT]]");
        let list = json();
        let commands: Vec<&str> =
            list.as_array().expect("a list").iter().filter_map(|c| c["command"].as_str()).collect();
        assert!(commands.contains(&"item failover") && commands.contains(&"server list"), "{commands:?}");
    }
}
