//! How far the making of a lab is, for whoever waits for it.

use leeward_model::Message;

/// One report.
#[derive(Clone, PartialEq, Debug)]
pub struct LabProgress {
    /// What is being done now.
    pub what: Message,
    /// Steps done before this one.
    pub done: u32,
    /// Steps altogether. The last one says that the lab is ready.
    pub of: u32,
}

/// Counts steps and reports them.
pub(crate) struct Steps<'a> {
    pub(crate) report: &'a mut dyn FnMut(LabProgress),
    pub(crate) done: u32,
    pub(crate) of: u32,
}

impl Steps<'_> {
    /// Says what begins now; what was said before is done.
    pub(crate) fn next(&mut self, what: Message) {
        (self.report)(LabProgress { what, done: self.done, of: self.of });
        self.done += 1;
    }
}
