//! `papo bot`: messages one after the other at an even pace, and a report. It pauses while the node holds its answers
//! back because the target does not read fast enough.

mod latency;
mod pace;
mod report;
mod tally;

use std::{
    io::{self, IsTerminal, Write},
    time::{Duration, Instant},
};

use crossterm::{
    cursor::MoveToColumn,
    execute,
    style::Print,
    terminal::{Clear, ClearType},
};
use serde_json::{Value, json};
use tokio::time::{sleep, sleep_until, timeout};

use self::{pace::Pace, tally::Tally};
use super::{
    exit::{Exit, complain, say},
    remote::Remote,
    signals::Signals,
};
use crate::{
    args::{Invocation, Traffic},
    paths::Places,
    settings::{EffectiveMode, Settings},
    wire::printable::Printable,
};

/// Messages that the node has not answered; with more the bot waits for its answers.
const UNANSWERED_MAX: usize = 64;

/// Messages that have not come to an end; with more the bot waits. All that the node tells of so many has room in the
/// node while the bot is busy writing.
const UNDER_WAY_MAX: usize = 1024;

/// How often the line on the terminal is renewed.
const PROGRESS: Duration = Duration::from_millis(200);

/// What the events of the last messages may take beyond the ACK timeout.
const GRACE: Duration = Duration::from_secs(1);

/// Sends until the count, the time or a signal ends it, and reports.
pub async fn run(
    invocation: Invocation,
    traffic: Traffic,
    settings: Settings,
    places: Places,
) -> Exit {
    let Ok(mut signals) = Signals::new() else {
        return complain("signals cannot be handled", Exit::Failure);
    };
    let last_wait = settings.connection.ack_timeout + GRACE;
    let peer_wait = settings.node.peer_wait;
    let uses_rendezvous = settings.rendezvous_mode() != EffectiveMode::Off;
    let mut remote = tokio::select! {
        opened = Remote::open(&invocation, settings, places) => match opened {
            Ok(remote) => remote,
            Err(exit) => return exit,
        },
        code = signals.next() => return Exit::Killed(code),
    };
    let mut bot = Bot::new(traffic, peer_wait, invocation.json);
    let ended = bot.run(&mut remote, &mut signals, last_wait).await;
    let mut exit = report::exit(&bot.tally);
    if exit == Exit::PeerUnknown && uses_rendezvous && !is_registered(&mut remote).await {
        exit = Exit::RendezvousUnreachable;
    }
    if ended == Ended::NodeGone {
        exit = complain("the node ended", Exit::Failure);
    }
    bot.tell(exit, invocation.json);
    tokio::select! {
        () = remote.close() => exit,
        code = signals.next() => Exit::Killed(code),
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Ended {
    Done,
    NodeGone,
}

struct Bot {
    traffic: Traffic,
    peer_wait: Duration,
    tally: Tally,
    pace: Pace,
    begin: Instant,
    /// Since the first message was on its way.
    end: Option<Instant>,
    shows_progress: bool,
    shown: Instant,
}

impl Bot {
    fn new(traffic: Traffic, peer_wait: Duration, json: bool) -> Self {
        let now = Instant::now();
        Self {
            pace: Pace::new(traffic.rate, now),
            traffic,
            peer_wait,
            tally: Tally::default(),
            begin: now,
            end: None,
            shows_progress: !json && io::stderr().is_terminal(),
            shown: now,
        }
    }

    /// Sends, then waits for what is still under way; a second signal ends the waiting.
    async fn run(
        &mut self,
        remote: &mut Remote,
        signals: &mut Signals,
        last_wait: Duration,
    ) -> Ended {
        let sent = tokio::select! {
            sent = self.send_all(remote) => sent,
            _ = signals.next() => Some(()),
        };
        let waited = tokio::select! {
            waited = timeout(last_wait, self.settle(remote)) => waited.unwrap_or(Some(())),
            _ = signals.next() => Some(()),
        };
        self.end = Some(Instant::now());
        self.tally.give_up();
        match sent.and(waited) {
            Some(()) => Ended::Done,
            None => Ended::NodeGone,
        }
    }

    /// None when the node has ended.
    async fn send_all(&mut self, remote: &mut Remote) -> Option<()> {
        while !self.is_over() {
            let next = tokio::time::Instant::from_std(self.pace.next());
            let last = self.last_moment();
            tokio::select! {
                biased;
                event = remote.next() => self.take(&event?),
                () = sleep_until(last) => return Some(()),
                () = sleep_until(next), if self.may_send() => self.send(remote).await?,
                () = sleep(PROGRESS), if self.shows_progress => {}
            }
            self.show();
        }
        Some(())
    }

    async fn settle(&mut self, remote: &mut Remote) -> Option<()> {
        while self.tally.under_way() > 0 {
            let event = remote.next().await?;
            self.take(&event);
        }
        Some(())
    }

    fn take(&mut self, event: &Value) {
        let was_sent = self.tally.sent > 0;
        let now = Instant::now();
        self.tally.on_event(now, event);
        if !was_sent && self.tally.sent > 0 {
            // Finding the peer is no part of the traffic.
            self.begin = now;
        }
    }

    async fn send(&mut self, remote: &mut Remote) -> Option<()> {
        let now = Instant::now();
        let number = self.tally.give(now);
        self.pace.sent(now);
        let to = self.tally.target.as_deref().unwrap_or(&self.traffic.to);
        let name = match to.starts_with('#') || to == "*" {
            true => "pub",
            false => "msg",
        };
        let wait = u64::try_from(self.peer_wait.as_millis()).unwrap_or(u64::MAX);
        let command = json!({"command": name, "to": to, "text": text(number, self.traffic.size),
            "wait_ms": wait, "ref": number.to_string()});
        remote.say(&command).await.ok()
    }

    /// The second message waits until the first one has found its peer.
    fn may_send(&self) -> bool {
        let tally = &self.tally;
        let found = tally.given == 0 || tally.sent > 0;
        found && tally.unanswered() < UNANSWERED_MAX && tally.under_way() < UNDER_WAY_MAX
    }

    fn is_over(&self) -> bool {
        let tally = &self.tally;
        let is_counted = self.traffic.count.is_some_and(|count| tally.given >= count);
        // Nobody is there, or the node does not take such messages.
        let is_hopeless = tally.given > 0 && tally.sent == 0 && tally.under_way() == 0;
        is_counted || is_hopeless
    }

    /// Without a duration in a day, and then again.
    fn last_moment(&self) -> tokio::time::Instant {
        let duration = self.traffic.duration.filter(|_| self.tally.sent > 0);
        let far = Duration::from_secs(86_400 * 365);
        tokio::time::Instant::from_std(self.begin + duration.unwrap_or(far))
    }

    fn elapsed(&self) -> Duration {
        let end = self.end.unwrap_or_else(Instant::now);
        end.saturating_duration_since(self.begin)
    }

    fn show(&mut self) {
        if self.shows_progress && self.shown.elapsed() >= PROGRESS {
            self.shown = Instant::now();
            let line = report::progress(&self.tally, self.elapsed(), self.traffic.count);
            let mut terminal = io::stderr();
            // What cannot be shown is said by the report.
            drop(execute!(
                terminal,
                MoveToColumn(0),
                Print(line),
                Clear(ClearType::UntilNewLine)
            ));
        }
    }

    fn tell(&self, exit: Exit, json: bool) {
        if self.shows_progress {
            drop(writeln!(io::stderr()));
        }
        let (to, elapsed) = (&self.traffic.to, self.elapsed());
        let told = match json {
            true => say(&report::data(&self.tally, to, elapsed, exit).to_string()),
            false => {
                let words = report::words(&self.tally, to, elapsed);
                let lines = words.lines().map(|line| Printable::text(line).to_string());
                say(&lines.collect::<Vec<_>>().join("\n"))
            }
        };
        // Whoever reads the output may have gone; the code still says what happened.
        drop(told);
    }
}

async fn is_registered(remote: &mut Remote) -> bool {
    let status = timeout(GRACE, remote.ask("status", "status")).await;
    let status = status.ok().flatten().unwrap_or_default();
    status["data"]["registered"] == true || status["data"]["connected"].as_u64() > Some(0)
}

/// A text of so many bytes with its number at the beginning.
fn text(number: u64, size: u32) -> String {
    let size = usize::try_from(size).unwrap_or(usize::MAX);
    let mut text = format!("bot {number} ");
    while text.len() < size {
        text.push('x');
    }
    text.truncate(size);
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_has_the_size_that_was_asked_for() {
        for size in [1, 5, 32, 30_000] {
            assert_eq!(text(12, size).len(), usize::try_from(size).unwrap());
        }
        assert!(text(12, 32).starts_with("bot 12 x"));
    }
}
