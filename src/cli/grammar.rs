//! The command line as a whole, made from the declarations: verbs from their `VerbDecl` and form, lists from
//! their `Look`. Nothing here decides what a command does.

use super::{forms, looks};
use clap::{Arg, ArgAction, Command, value_parser};
use leeward_model::{Message, Verb, text};
use std::collections::BTreeMap;
use std::path::PathBuf;

/// The whole command line.
pub(crate) fn program() -> Command {
    let mut root = Command::new("leeward")
        .version(env!("CARGO_PKG_VERSION"))
        .about(text::text("cli-about"))
        .after_help(text::text("cli-after-help"))
        .subcommand_required(false)
        .disable_help_subcommand(true)
        .args(globals())
        .args(window_args());
    for (noun, group) in groups() {
        root = if noun == group.get_name() { root.subcommand(group) } else { root };
    }
    root.subcommand(vault()).subcommand(engine()).subcommand(lab()).subcommand(tour()).subcommand(reference())
}

/// Arguments that stand with every command.
fn globals() -> Vec<Arg> {
    vec![
        path("vault").global(true).env("LEEWARD_VAULT"),
        said("engine").global(true).env("LEEWARD_ENGINE").value_name("HOST[:PORT]"),
        path("credentials").global(true).env("LEEWARD_CREDENTIALS"),
        flag("json").global(true),
        said("log").global(true).env("LEEWARD_LOG").value_name("FILTER"),
        path("log-file").global(true),
    ]
}

fn window_args() -> Vec<Arg> {
    vec![path("lab"), said("theme").value_parser(["light", "dark", "system"])]
}

/// Arguments that stand with every verb.
fn verb_args() -> Vec<Arg> {
    vec![
        flag("yes").short('y'),
        flag("no-wait"),
        said("timeout").value_name("SECS").value_parser(value_parser!(u64)),
        flag("preview").conflicts_with("no-wait"),
    ]
}

fn groups() -> BTreeMap<String, Command> {
    let mut groups: BTreeMap<String, Command> = BTreeMap::new();
    for look in looks::ALL {
        let leaf = |name: &'static str| {
            Command::new(name).about(text::text(look.about)).args((look.args)()).disable_help_subcommand(true)
        };
        put(&mut groups, look.path, leaf);
    }
    for verb in Verb::all() {
        let (path, Some(form)) = (verb.decl().cli, forms::of(verb)) else { continue };
        let leaf = |name: &'static str| {
            Command::new(name)
                .about(verb.title())
                .long_about(verb.hint())
                .args((form.args)())
                .args(verb_args())
                .disable_help_subcommand(true)
        };
        put(&mut groups, path, leaf);
    }
    groups
}

fn put(
    groups: &mut BTreeMap<String, Command>,
    path: &'static str,
    leaf: impl FnOnce(&'static str) -> Command,
) {
    let Some((noun, rest)) = path.split_once(' ') else {
        groups.insert(path.to_owned(), leaf(path));
        return;
    };
    let group = groups.remove(noun).unwrap_or_else(|| {
        Command::new(noun)
            .about(said_text(&format!("cli-group-{noun}")))
            .subcommand_required(true)
            .arg_required_else_help(true)
            .disable_help_subcommand(true)
    });
    groups.insert(noun.to_owned(), group.subcommand(leaf(rest)));
}

fn vault() -> Command {
    let listen = || said("listen").value_name("ADDR:PORT");
    let advertise = || said("advertise").value_name("HOST:PORT").action(ArgAction::Append);
    Command::new("vault")
        .about(text::text("cli-group-vault"))
        .subcommand_required(true)
        .arg_required_else_help(true)
        .disable_help_subcommand(true)
        .subcommand(
            Command::new("create")
                .about(text::text("cli-vault-create"))
                .arg(folder().required(true))
                .arg(said("name").required(true))
                .arg(listen())
                .arg(advertise()),
        )
        .subcommand(Command::new("show").about(text::text("cli-vault-show")).arg(folder()))
        .subcommand(
            Command::new("audit")
                .about(text::text("cli-vault-audit"))
                .arg(folder())
                .arg(said("last").value_name("COUNT").value_parser(value_parser!(u64)).default_value("50")),
        )
        .subcommand(
            Command::new("export-credentials")
                .about(text::text("cli-vault-export-credentials"))
                .arg(folder())
                .arg(path("out").required(true)),
        )
}

fn engine() -> Command {
    Command::new("engine")
        .about(text::text("cli-engine"))
        .arg(said("listen").value_name("ADDR:PORT"))
        .arg(said("advertise").value_name("HOST:PORT").action(ArgAction::Append))
}

fn lab() -> Command {
    let folder = || {
        Arg::new("lab-folder")
            .help(said_text("cli-arg-lab-folder"))
            .value_name("DIR")
            .value_parser(value_parser!(PathBuf))
            .required(true)
    };
    let wan = || said("wan").value_name("MS,PERCENT");
    Command::new("lab")
        .about(text::text("cli-group-lab"))
        .subcommand_required(true)
        .arg_required_else_help(true)
        .disable_help_subcommand(true)
        .subcommand(Command::new("make").about(text::text("cli-lab-make")).arg(folder()).arg(wan()))
        .subcommand(
            Command::new("line")
                .about(text::text("cli-lab-line"))
                .arg(folder())
                .arg(wan())
                .arg(said("rate").value_name("BYTES").value_parser(value_parser!(u64)))
                .arg(said("passes").value_parser(["open", "stalled", "cut"])),
        )
        .subcommand(Command::new("stop").about(text::text("cli-lab-stop")).arg(folder()))
}

fn tour() -> Command {
    Command::new("tour").about(text::text("cli-tour")).arg(path("out").required(true)).arg(flag("no-window"))
}

fn reference() -> Command {
    Command::new("verbs").about(text::text("cli-verbs")).arg(flag("markdown"))
}

fn folder() -> Arg {
    Arg::new("folder")
        .help(said_text("cli-arg-folder"))
        .value_name("DIR")
        .value_parser(value_parser!(PathBuf))
}

fn path(name: &'static str) -> Arg {
    said(name).value_name("PATH").value_parser(value_parser!(PathBuf))
}

fn said(name: &'static str) -> Arg {
    Arg::new(name).long(name).help(said_text(&format!("cli-arg-{name}")))
}

fn flag(name: &'static str) -> Arg {
    said(name).action(ArgAction::SetTrue)
}

fn said_text(key: &str) -> String {
    text::render(&Message { key: key.to_owned().into(), args: Default::default() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_sound() {
        program().debug_assert();
    }

    #[test]
    fn every_help_text_has_its_sentence() {
        let mut bare = Vec::new();
        visit(&program(), &mut bare);
        assert!(bare.is_empty(), "no sentence in the message files for: {bare:#?}");
    }

    fn visit(command: &Command, bare: &mut Vec<String>) {
        let about = command.get_about().map(ToString::to_string).unwrap_or_default();
        // A missing sentence is shown as its key.
        if about.is_empty() || about.starts_with("cli-") || about.starts_with("verb-") {
            bare.push(format!("{}: {about}", command.get_name()));
        }
        for arg in command.get_arguments() {
            let help = arg.get_help().map(ToString::to_string).unwrap_or_default();
            if help.is_empty() || help.starts_with("cli-") {
                bare.push(format!("{} {}: {help}", command.get_name(), arg.get_id()));
            }
        }
        for inner in command.get_subcommands() {
            visit(inner, bare);
        }
    }
}
