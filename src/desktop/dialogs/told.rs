//! What was foretold of commands, in sentences. One command needs no names; of several, each loss names its item, the
//! worst stands first, and a summary counts over all of them. Apart from `effect`, which asks and draws.

use crate::kit::{self, msg};
use leeward_model::{Message, Preview, PreviewStep};

/// Notes about several commands that are shown.
const NOTES_MAX: usize = 6;

/// What is told.
#[derive(Default, Debug)]
pub(super) struct Told {
    pub(super) refused: Option<String>,
    /// Over several commands: how many lose something, how much at the most, how much in all.
    pub(super) summary: Option<String>,
    pub(super) losses: Vec<String>,
    pub(super) notes: Vec<String>,
    /// The steps of the first command.
    pub(super) steps: Vec<PreviewStep>,
}

impl Told {
    /// Of one preview, or of one for each name.
    pub(super) fn of(previews: Vec<Preview>, names: &[String]) -> Self {
        let mut told = if names.is_empty() { alone(&previews) } else { several(&previews, names) };
        told.steps = previews.into_iter().next().map(|p| p.steps).unwrap_or_default();
        told
    }

    /// Nothing is to be said before the steps.
    pub(super) const fn is_silent(&self) -> bool {
        self.losses.is_empty() && self.notes.is_empty()
    }
}

fn alone(previews: &[Preview]) -> Told {
    let rendered = |of: fn(&Preview) -> &Vec<Message>| {
        previews.iter().flat_map(of).map(Message::render).collect::<Vec<String>>()
    };
    Told {
        refused: previews.iter().find_map(|p| p.refused.as_ref()).map(|r| r.why.render()),
        losses: rendered(|p| &p.losses),
        notes: rendered(|p| &p.notes),
        ..Told::default()
    }
}

/// How much a loss is, to compare it with others: what is not known may be everything.
fn weight(loss: &Message) -> f64 {
    if loss.key == "preview-failover-loss-unknown" {
        return f64::INFINITY;
    }
    loss.number("secs").or_else(|| loss.number("points")).unwrap_or_default()
}

fn of(name: &str, said: &Message) -> String {
    msg("refused-for").with("name", name).with("why", said.render()).render()
}

fn several(previews: &[Preview], names: &[String]) -> Told {
    let named = || names.iter().zip(previews);
    let refused = named().find_map(|(name, p)| Some(of(name, &p.refused.as_ref()?.why)));
    let mut losses: Vec<(&String, &Message)> =
        named().flat_map(|(name, p)| p.losses.iter().map(move |loss| (name, loss))).collect();
    losses.sort_by(|a, b| weight(b.1).total_cmp(&weight(a.1)));
    Told {
        refused,
        summary: (!losses.is_empty()).then(|| summary(previews, &losses)),
        losses: losses.iter().map(|(name, loss)| of(name, loss)).collect(),
        notes: notes(previews, names),
        steps: Vec::new(),
    }
}

fn summary(previews: &[Preview], losses: &[(&String, &Message)]) -> String {
    let lose = previews.iter().filter(|p| !p.losses.is_empty()).count();
    let mut said = vec![msg("dialog-losses").with("n", lose).with("of", previews.len()).render()];
    let unknown = losses.iter().filter(|(_, loss)| weight(loss).is_infinite()).count();
    let longest = losses
        .iter()
        .filter_map(|(name, loss)| Some((*name, loss.number("secs")?)))
        .max_by(|a, b| a.1.total_cmp(&b.1));
    if let Some((name, secs)) = longest {
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "clamped, and whole")]
        let span = kit::span(secs.clamp(0.0, 1e12) as u64);
        said.push(msg("dialog-losses-worst").with("name", name).with("span", span).render());
    }
    if unknown > 0 {
        said.push(msg("dialog-losses-unknown").with("n", unknown).render());
    }
    let points: f64 = losses.iter().filter_map(|(_, loss)| loss.number("points")).sum();
    if points > 0.0 {
        said.push(msg("dialog-losses-points").with("n", points).render());
    }
    said.join(" ")
}

/// What is said of all of them stands alone; what is said of some says of how many.
fn notes(previews: &[Preview], names: &[String]) -> Vec<String> {
    let mut counted: Vec<(String, usize, &String)> = Vec::new();
    for (name, preview) in names.iter().zip(previews) {
        for note in preview.notes.iter().map(Message::render) {
            let full = counted.len() > NOTES_MAX * 4;
            match counted.iter_mut().find(|(said, ..)| *said == note) {
                Some((_, n, _)) => *n += 1,
                // A note that names its item is another for each of ten thousand.
                None if full => {}
                None => counted.push((note, 1, name)),
            }
        }
    }
    let all = previews.len();
    let left = counted.len().saturating_sub(NOTES_MAX);
    let mut said: Vec<String> = counted
        .into_iter()
        .take(NOTES_MAX)
        .map(|(note, n, name)| match n {
            n if n == all => note,
            1 => msg("refused-for").with("name", name).with("why", note).render(),
            n => msg("dialog-note-of").with("n", n).with("of", all).with("said", note).render(),
        })
        .collect();
    if left > 0 {
        said.push(kit::words("dialog-more-notes"));
    }
    said
}

#[cfg(test)]
mod tests {
    use super::Told;
    use leeward_model::{Message, Preview};

    fn losing(losses: Vec<Message>, note: &'static str) -> Preview {
        Preview { losses, notes: vec![Message::new(note)], ..Preview::default() }
    }

    fn lag(secs: u64) -> Message {
        Message::new("preview-failover-loss").with("span", format!("{secs} s")).with("secs", secs)
    }

    fn named(count: usize) -> Vec<String> {
        (0..count).map(|n| format!("vm{n:02}")).collect()
    }

    #[test]
    fn the_worst_of_many_is_told_wherever_it_stands() {
        let mut previews: Vec<Preview> =
            (0..12).map(|_| losing(vec![lag(14)], "preview-planned-down")).collect();
        previews[11] = losing(vec![lag(7_200)], "preview-planned-down");
        let told = Told::of(previews, &named(12));
        assert_eq!(told.losses.len(), 12, "equal sentences of different items stay apart");
        assert!(told.losses[0].starts_with("vm11: "), "{}", told.losses[0]);
        let summary = told.summary.expect("a summary");
        assert!(summary.contains("12 of 12") && summary.contains("vm11"), "{summary}");
        assert!(summary.contains(&crate::kit::span(7_200)), "{summary}");
    }

    #[test]
    fn what_is_not_known_is_worse_than_what_is() {
        let unknown = Message::new("preview-failover-loss-unknown");
        let previews = vec![losing(vec![lag(14)], "preview-pause"), losing(vec![unknown], "preview-pause")];
        let told = Told::of(previews, &named(2));
        assert!(told.losses[0].starts_with("vm01: "), "{:?}", told.losses);
    }

    #[test]
    fn points_are_added_up_over_all() {
        let points = |n: u32| vec![Message::new("preview-disable-points").with("points", n)];
        let previews = vec![losing(points(14), "preview-pause"), losing(points(3), "preview-pause")];
        let summary = Told::of(previews, &named(2)).summary.expect("a summary");
        assert!(summary.contains("17"), "{summary}");
    }

    #[test]
    fn a_note_about_some_says_about_how_many() {
        let note = |key| Preview { notes: vec![Message::new(key)], ..Preview::default() };
        let (one, other) = ("preview-commit-final", "preview-failover-last-delta");
        let told = Told::of(vec![note(one), note(one), note(other)], &named(3));
        assert!(told.summary.is_none() && told.losses.is_empty());
        assert!(told.notes[0].contains("2 of 3"), "{:?}", told.notes);
        assert!(told.notes[1].starts_with("vm02: "), "{:?}", told.notes);
    }

    #[test]
    fn one_command_needs_no_names() {
        let told = Told::of(vec![losing(vec![lag(14)], "preview-commit-final")], &[]);
        assert_eq!((told.losses.len(), told.summary), (1, None));
        assert!(!told.losses[0].contains("vm"));
    }
}
