//! Making a registration key: for which site, then the key itself, to be copied or saved. It is shown once and never
//! kept by the window.

use super::{buttons, confirmed, frame};
use crate::action::Action;
use crate::address;
use crate::cx::Cx;
use crate::kit::{self, Button, ButtonKind, DialogAnswer, DialogState, msg, words};
use crate::theme::ramp;
use egui::{Context, Label, TextEdit, Ui};
use leeward_model::{Accepted, Command, CommandOutcome, CommandSink, Health, KeyId, ReceiptId, Verb};
use std::io::Write as _;
use std::path::Path;

/// A key that is being made.
#[derive(Default)]
pub(super) struct NewKey {
    site: String,
    waiting: Option<ReceiptId>,
    /// A person wanted to close while the key was being made, and was told.
    warned: bool,
    failed: Option<String>,
    made: Option<Made>,
}

struct Made {
    key: KeyId,
    text: String,
    path: String,
    saved: Option<Result<String, String>>,
    /// Copied or saved: nothing is lost by closing.
    taken: bool,
    /// A person wanted to close before that, and was told.
    warned: bool,
}

impl NewKey {
    pub(super) fn show(&mut self, ctx: &Context, cx: &mut Cx<'_>, state: &mut DialogState) {
        if self.made.is_some() { self.hand_over(ctx, cx, state) } else { self.ask(ctx, cx, state) }
    }

    /// A site has been typed. Once the key is being made, this dialog itself says what closing it would lose.
    pub(super) fn is_filled(&self) -> bool {
        !self.site.trim().is_empty() && self.waiting.is_none() && self.made.is_none()
    }

    /// Takes the answer in when it is there.
    pub(super) fn hear(&mut self, sink: &dyn CommandSink) {
        let Some(receipt) = self.waiting else { return };
        match sink.take_outcome(receipt) {
            None => {}
            Some(outcome) => {
                self.waiting = None;
                self.warned = false;
                match outcome {
                    CommandOutcome::Accepted(Accepted::RegistrationKey { key, file_text }) => {
                        let path = format!("{}.leeward-key", self.site.trim().replace(['/', ' '], "-"));
                        self.made = Some(Made {
                            key,
                            text: file_text,
                            path,
                            saved: None,
                            taken: false,
                            warned: false,
                        });
                    }
                    CommandOutcome::Accepted(_) => self.failed = Some(words("dialog-key-none")),
                    CommandOutcome::Refused(refusal) => self.failed = Some(refusal.why.render()),
                    CommandOutcome::Failed(fault) => self.failed = Some(fault.to_string()),
                }
            }
        }
    }

    fn ask(&mut self, ctx: &Context, cx: &mut Cx<'_>, state: &mut DialogState) {
        let blocked = match (self.site.trim().is_empty(), self.waiting) {
            (true, _) => Some(words("dialog-key-site-missing")),
            (false, Some(_)) => Some(words("dialog-key-waits")),
            (false, None) => None,
        };
        let verb = Verb::MakeRegistrationKey.title();
        let footer = buttons(verb.clone(), ButtonKind::Primary, blocked);
        let answer = frame(ctx, cx, state, (&verb, &footer), |ui, cx| self.asked(ui, cx));
        let leaves = matches!(answer, DialogAnswer::Pressed(1) | DialogAnswer::Dismissed);
        // The key comes to this dialog alone: a slip of the hand must not lose it.
        if leaves && self.waiting.is_some() && !self.warned {
            self.warned = true;
            return;
        }
        if confirmed(cx, answer) {
            self.failed = None;
            let site = self.site.trim().to_owned();
            self.waiting = Some(cx.sink.submit(Command::MakeRegistrationKey { site }));
        }
    }

    fn asked(&mut self, ui: &mut Ui, cx: &mut Cx<'_>) {
        ui.add(Label::new(ramp::body(words("dialog-key-text")).color(cx.theme.text2)).wrap());
        ui.add_space(10.0);
        let addr = cx.snapshot.vault.engine_addr.as_str();
        if address::is_loopback(addr) {
            let said = msg("dialog-key-loopback").with("addr", addr).render();
            kit::banner(ui, cx, Health::Warning, &said, None);
        }
        let label = words("dialog-key-site");
        kit::field(ui, cx.theme, &label, true, None, |ui| {
            let hint = words("dialog-key-site-hint");
            kit::enters(&kit::text_field(ui, &mut self.site, &label, &hint, 320.0));
        });
        let snapshot = std::sync::Arc::clone(cx.snapshot);
        if !snapshot.sites.is_empty() {
            kit::caption(ui, words("dialog-key-known"));
            for site in snapshot.sites.iter() {
                if kit::link(ui, &site.name).clicked() {
                    self.site.clone_from(&site.name);
                }
            }
        }
        ui.add_space(6.0);
        if let Some(why) = &self.failed {
            kit::banner(ui, cx, Health::Critical, why, None);
        }
        if self.warned {
            kit::banner(ui, cx, Health::Warning, &words("dialog-key-not-yet"), None);
        }
    }

    fn hand_over(&mut self, ctx: &Context, cx: &mut Cx<'_>, state: &mut DialogState) {
        let Some(made) = &mut self.made else { return };
        let footer = [
            Button::new(words("dialog-key-copy"), ButtonKind::Primary),
            Button::new(words("dialog-done"), ButtonKind::Secondary),
        ];
        let title = msg("dialog-key-made").with("site", self.site.trim()).render();
        let answer = frame(ctx, cx, state, (&title, &footer), |ui, cx| made.body(ui, cx));
        match answer {
            DialogAnswer::Open => {}
            DialogAnswer::Pressed(0) => {
                made.taken = true;
                cx.act(Action::Copy(made.text.clone()));
            }
            // The key is shown once: a slip of the hand must not lose it.
            DialogAnswer::Pressed(_) | DialogAnswer::Dismissed if !made.taken && !made.warned => {
                made.warned = true;
            }
            DialogAnswer::Pressed(_) | DialogAnswer::Dismissed => cx.act(Action::CloseDialog),
        }
    }
}

impl Made {
    fn body(&mut self, ui: &mut Ui, cx: &mut Cx<'_>) {
        if self.warned && !self.taken {
            kit::banner(ui, cx, Health::Critical, &words("dialog-key-not-taken"), None);
        } else {
            kit::banner(ui, cx, Health::Warning, &words("dialog-key-once"), None);
        }
        let expires = cx.snapshot.keys.iter().find(|k| k.id == self.key).map(|k| k.expires);
        if let Some(at) = expires {
            kit::caption(ui, msg("dialog-key-expires").with("time", kit::date_time(at)).render());
            ui.add_space(4.0);
        }
        if cx.snapshot.vault.only_this_computer() {
            let addr = cx.snapshot.vault.engine_addr.clone();
            let said = msg("preview-key-loopback").with("addr", addr).render();
            kit::banner(ui, cx, Health::Warning, &said, None);
        }
        let mut text = self.text.as_str();
        let edit = TextEdit::multiline(&mut text).desired_rows(8).desired_width(f32::INFINITY);
        egui::ScrollArea::vertical().id_salt("key").max_height(200.0).show(ui, |ui| {
            let name = msg("dialog-key-made").with("site", "").render();
            ui.add(edit.font(egui::TextStyle::Monospace)).accessible_name(name);
        });
        ui.add_space(8.0);
        let label = words("dialog-key-path");
        kit::field(ui, cx.theme, &label, false, None, |ui| {
            ui.horizontal(|ui| {
                kit::text_field(ui, &mut self.path, &label, "", 340.0);
                if kit::secondary_button(ui, &words("dialog-key-save"), !self.path.trim().is_empty())
                    .clicked()
                {
                    let saved = save(self.path.trim(), &self.text);
                    self.taken |= saved.is_ok();
                    self.saved = Some(saved);
                }
            });
        });
        match &self.saved {
            Some(Ok(path)) => {
                let said = msg("dialog-key-saved").with("path", path.as_str()).render();
                kit::banner(ui, cx, Health::Healthy, &said, None);
            }
            Some(Err(why)) => kit::banner(ui, cx, Health::Critical, why, None),
            None => {}
        }
        kit::section(ui, &words("dialog-key-how"));
        ui.add(Label::new(ramp::body(words("dialog-key-how-text"))).wrap());
        let command = "leeward-agent enrol --config /etc/leeward/agent.json --key FILE";
        ui.add(Label::new(egui::RichText::new(command).monospace()).selectable(true).wrap());
    }
}

/// Saves a key so that only its owner can read it; a file that is there is never overwritten.
fn save(path: &str, text: &str) -> Result<String, String> {
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let written = options.open(path).and_then(|mut file| {
        file.write_all(text.as_bytes())?;
        file.sync_all()
    });
    let shown = std::path::absolute(Path::new(path)).unwrap_or_else(|_| path.into()).display().to_string();
    written.map(|()| shown.clone()).map_err(|e| format!("{shown}: {e}"))
}
