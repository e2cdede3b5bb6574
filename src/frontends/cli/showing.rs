//! What becomes of an event on its way to the user: it may be hidden, begin a new day, or call whom it is for.

use jiff::Zoned;

use super::{addressed::alert, filters::is_hidden, output::Output, session::Session};
use crate::actors::events::NodeEvent;

impl Session {
    /// Whether an event is not shown: what hidden peers say, and that an ignored one comes and goes.
    pub fn hides(&self, event: &NodeEvent) -> bool {
        is_hidden(&self.node, event)
    }

    /// Shows the lines of an event; on a terminal with the day, if it is a new one, and a call to who is addressed.
    pub fn show(&self, event: &NodeEvent, lines: String) -> Result<(), String> {
        if let Output::Terminal(terminal) = self.output()
            && let Some(day) = self.days.lock().turn(&Zoned::now())
        {
            terminal.try_print(self.renderer().style.dim(day));
        }
        let NodeEvent::TextsReceived(received) = event else {
            return self.output().offer(lines);
        };
        if let Output::Terminal(terminal) = self.output()
            && let Some(alert) = alert(self.options.bell, &self.node.facts().own, received)
        {
            terminal.alert(alert);
        }
        self.output().offer_news(lines)
    }
}
