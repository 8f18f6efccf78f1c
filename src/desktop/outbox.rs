//! Commands that were sent and what became of them: receipts turn into toasts, and so does the end of each job that
//! they began. Apart from `shell::toasts`, which shows them.

use leeward_model::{
    Accepted, Command, CommandOutcome, CommandSink, Health, JobId, JobState, JobView, Moment, ReceiptId,
    Snapshot, Verb,
};
use std::collections::HashMap;

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
    /// The job that runs or ran.
    pub job: Option<JobId>,
    /// The job still runs.
    pub runs: bool,
    /// Seen in the notification list.
    pub read: bool,
}

/// A command without an outcome yet.
#[derive(Debug)]
struct Sent {
    receipt: ReceiptId,
    verb: Verb,
    /// When the job that is to run again had ended: that is not its new end.
    ended: Option<Moment>,
}

/// Commands under way, the jobs that came of them, and notes about both.
#[derive(Default, Debug)]
pub struct Outbox {
    waiting: Vec<Sent>,
    /// Jobs whose end is told, with the end that is known already.
    followed: HashMap<JobId, Option<Moment>>,
    /// The revision in which they were last looked for.
    looked: Option<u64>,
    notes: Vec<Note>,
    numbered: u64,
}

/// Notes kept for the list.
const NOTES_MAX: usize = 200;

impl Outbox {
    /// Sends a command.
    pub fn send(&mut self, sink: &dyn CommandSink, command: Command, snapshot: &Snapshot) {
        let verb = command.verb();
        let ended = match &command {
            Command::RestartJob { job } => snapshot.job(*job).and_then(|j| j.ended),
            _ => None,
        };
        self.waiting.push(Sent { receipt: sink.submit(command), verb, ended });
    }

    /// Takes the outcomes that have come in.
    pub fn drain(&mut self, sink: &dyn CommandSink, now: Moment) {
        let waiting = std::mem::take(&mut self.waiting);
        for sent in waiting {
            match sink.take_outcome(sent.receipt) {
                None => self.waiting.push(sent),
                Some(outcome) => self.note(&sent, outcome, now),
            }
        }
    }

    /// Tells the end of each job that was begun here, as soon as a snapshot shows it. One pass over the jobs, only
    /// when there is a new snapshot and something to look for.
    pub fn follow(&mut self, snapshot: &Snapshot, now: Moment) {
        if self.followed.is_empty() || self.looked == Some(snapshot.revision) {
            return;
        }
        self.looked = Some(snapshot.revision);
        let mut left = self.followed.len();
        for job in snapshot.jobs.iter() {
            let Some(known) = self.followed.get(&job.id) else { continue };
            if job.state.is_over() && (known.is_none() || job.ended != *known) {
                self.followed.remove(&job.id);
                self.end(job, now);
            }
            left -= 1;
            // The newest jobs come first: the rest are others.
            if left == 0 {
                break;
            }
        }
    }

    /// The note that a job has begun becomes the one of its end; if it is gone, there is a new one all the same.
    fn end(&mut self, job: &JobView, now: Moment) {
        let (key, severity) = match job.state {
            JobState::Succeeded => ("note-job-succeeded", Health::Healthy),
            JobState::Cancelled => ("note-job-cancelled", Health::NotApplicable),
            JobState::Stuck => ("note-job-stuck", Health::Critical),
            _ => ("note-job-failed", Health::Critical),
        };
        let title = crate::kit::msg(key).with("verb", job.verb.title()).with("name", &job.subject).render();
        let fault = job.fault.as_ref().filter(|_| severity == Health::Critical);
        let text = fault.map(|f| format!("{}\n{}", f.what.render(), f.action.render())).unwrap_or_default();
        self.notes.retain(|n| n.job != Some(job.id) || !n.runs);
        self.say(now, severity, title, text, Some(job.id));
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
        let number = self.numbered;
        self.notes.push(Note { number, at: now, severity, title, text, job, runs: false, read: false });
        if self.notes.len() > NOTES_MAX {
            self.notes.remove(0);
        }
    }

    fn note(&mut self, sent: &Sent, outcome: CommandOutcome, now: Moment) {
        let titled = |key| crate::kit::msg(key).with("verb", sent.verb.title()).render();
        match outcome {
            CommandOutcome::Accepted(Accepted::Jobs(jobs)) if jobs.is_empty() => {
                self.say(now, Health::Healthy, titled("note-done"), String::new(), None);
            }
            CommandOutcome::Accepted(Accepted::Jobs(jobs)) => {
                let first = jobs.first().copied();
                self.say(now, Health::NotApplicable, titled("note-begun"), String::new(), first);
                if let Some(note) = self.notes.last_mut() {
                    note.runs = true;
                }
                self.followed.extend(jobs.into_iter().map(|job| (job, sent.ended)));
                // They may be over already in the snapshot that is known.
                self.looked = None;
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
