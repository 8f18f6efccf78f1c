//! Commands that were sent and what became of them: receipts turn into toasts. Apart from `shell::toasts`, which shows
//! them.

use leeward_model::{Accepted, Command, CommandOutcome, CommandSink, Health, JobId, Moment, ReceiptId, Verb};

/// What became of a command, to be shown.
#[derive(Clone, PartialEq, Debug)]
pub struct Note {
    /// Rises with each note.
    pub number: u64,
    /// When.
    pub at: Moment,
    /// How bad.
    pub severity: Health,
    /// One line.
    pub title: String,
    /// What else there is to say; may be empty.
    pub text: String,
    /// The job that now runs.
    pub job: Option<JobId>,
    /// Seen in the notification list.
    pub read: bool,
}

/// Commands under way, and notes about those that are not.
#[derive(Default, Debug)]
pub struct Outbox {
    waiting: Vec<(ReceiptId, Verb)>,
    notes: Vec<Note>,
    numbered: u64,
}

/// Notes kept for the list.
const NOTES_MAX: usize = 200;

impl Outbox {
    /// Sends a command.
    pub fn send(&mut self, sink: &dyn CommandSink, command: Command) {
        let verb = command.verb();
        self.waiting.push((sink.submit(command), verb));
    }

    /// Takes the outcomes that have come in.
    pub fn drain(&mut self, sink: &dyn CommandSink, now: Moment) {
        let waiting = std::mem::take(&mut self.waiting);
        for (receipt, verb) in waiting {
            match sink.take_outcome(receipt) {
                None => self.waiting.push((receipt, verb)),
                Some(outcome) => self.note(verb, outcome, now),
            }
        }
    }

    /// Whether commands are under way.
    #[must_use]
    pub const fn is_waiting(&self) -> bool {
        !self.waiting.is_empty()
    }

    /// All notes, oldest first.
    #[must_use]
    pub fn notes(&self) -> &[Note] {
        &self.notes
    }

    /// How many have not been seen in the list.
    #[must_use]
    pub fn unread(&self) -> usize {
        self.notes.iter().filter(|n| !n.read).count()
    }

    /// All have been seen.
    pub fn mark_read(&mut self) {
        for note in &mut self.notes {
            note.read = true;
        }
    }

    /// Forgets all notes.
    pub fn clear(&mut self) {
        self.notes.clear();
    }

    /// Adds a note.
    pub fn say(&mut self, now: Moment, severity: Health, title: String, text: String, job: Option<JobId>) {
        self.numbered += 1;
        self.notes.push(Note { number: self.numbered, at: now, severity, title, text, job, read: false });
        if self.notes.len() > NOTES_MAX {
            self.notes.remove(0);
        }
    }

    fn note(&mut self, verb: Verb, outcome: CommandOutcome, now: Moment) {
        let titled = |key| crate::kit::msg(key).with("verb", verb.title()).render();
        match outcome {
            CommandOutcome::Accepted(Accepted::Jobs(jobs)) if jobs.is_empty() => {
                self.say(now, Health::Healthy, titled("note-done"), String::new(), None);
            }
            CommandOutcome::Accepted(Accepted::Jobs(jobs)) => {
                self.say(
                    now,
                    Health::NotApplicable,
                    titled("note-begun"),
                    String::new(),
                    jobs.first().copied(),
                );
            }
            CommandOutcome::Accepted(_) => {
                self.say(now, Health::Healthy, titled("note-done"), String::new(), None);
            }
            CommandOutcome::Refused(refusal) => {
                self.say(now, Health::Warning, titled("note-refused"), refusal.why.render(), None);
            }
            CommandOutcome::Failed(fault) => {
                let text = format!("{}\n{}", fault.what.render(), fault.action.render());
                self.say(now, Health::Critical, titled("note-failed"), text, None);
            }
        }
    }
}
