//! What was measured, and what it is judged by.

use std::{collections::BTreeMap, time::Duration};

use crate::{NAMES, fleet::Fleet, verdict::Verdict};

/// Memory is judged from here on: the tables that are bounded by number are full by then.
const WARM_UP: Duration = Duration::from_secs(90);

/// SQLite keeps the descriptor of a closed connection while another one of the process has the same file open; the check
/// of the history after a kill is such a connection.
const DESCRIPTORS_KEPT: u64 = 1;

/// Memory may grow by so much between the beginning and the end of what is judged: a tenth, and this many KiB.
const GROWTH_MAX_KIB: u64 = 1024;

/// Longest time until a node that came back is linked with all others.
const RETURN_MAX: Duration = Duration::from_secs(10);

/// Everything that was measured.
pub struct Report {
    length: Duration,
    descriptors_before: Vec<u64>,
    descriptors_after: Vec<u64>,
    samples: Vec<Sample>,
    verdict: Verdict,
    counters: BTreeMap<String, u64>,
    /// What must not be.
    troubles: Vec<String>,
    lines: Vec<String>,
}

/// Resident memory in KiB at a time.
struct Sample {
    at: Duration,
    node: u64,
    rendezvous: u64,
}

impl Report {
    /// Before the load; with the descriptors of each node that are no links.
    pub fn new(length: Duration, descriptors_before: Vec<u64>) -> Self {
        Self {
            length,
            descriptors_before,
            descriptors_after: Vec::new(),
            samples: Vec::new(),
            verdict: Verdict::default(),
            counters: BTreeMap::new(),
            troubles: Vec::new(),
            lines: Vec::new(),
        }
    }

    /// Looks at the node that is never killed, and at the rendezvous server.
    pub fn sample(&mut self, at: Duration, fleet: &Fleet) {
        if let (Some(node), Some(rendezvous)) = (fleet.health(0), fleet.health_of_rendezvous()) {
            let (node, rendezvous) = (node.rss, rendezvous.rss);
            self.samples.push(Sample {
                at,
                node,
                rendezvous,
            });
        }
    }

    /// When all is quiet: measures for the last time, lets all nodes leave, and checks the books.
    pub fn close(&mut self, fleet: &mut Fleet) -> Result<(), String> {
        self.descriptors_after = fleet.descriptors()?;
        self.counters = fleet.counters()?;
        self.troubles = fleet.leave();
        let state = fleet.board.state();
        self.verdict = Verdict::of(&state.ledger);
        self.troubles.extend(state.ledger.faults.iter().cloned());
        self.troubles.append(&mut self.verdict.losses);
        let mut rtts = state.ledger.rtts.clone();
        let (timeouts, skipped) = (state.ledger.ack_timeouts, state.ledger.skipped);
        drop(state);
        self.tell_texts(timeouts, skipped, &mut rtts);
        self.tell_returns(fleet);
        self.tell_memory();
        self.tell_descriptors();
        self.tell_counters();
        Ok(())
    }

    /// Prints it; whether all is well.
    #[expect(clippy::print_stdout, reason = "the report is what it is run for")]
    pub fn print(&self) -> bool {
        println!(
            "\nsoak of {} nodes, {} s",
            NAMES.len(),
            self.length.as_secs()
        );
        self.lines.iter().for_each(|line| println!("  {line}"));
        for trouble in self.troubles.iter().take(20) {
            println!("  FAIL {trouble}");
        }
        match self.troubles.len() {
            0 => println!("pass"),
            count => println!("fail: {count} troubles"),
        }
        self.troubles.is_empty()
    }

    fn tell_texts(&mut self, timeouts: u64, skipped: u64, rtts: &mut [f64]) {
        let it = &self.verdict;
        rtts.sort_by(f64::total_cmp);
        let (half, most) = (rtts.len() / 2, rtts.len() * 99 / 100);
        let at = |index: usize| rtts.get(index).copied().unwrap_or_default();
        self.lines.extend([
            format!(
                "direct messages   {} delivered and shown once, {} cut by a kill",
                it.direct_complete, it.direct_cut
            ),
            format!("round trip        median {:.1} ms, 99 % {:.1} ms", at(half), at(most)),
            format!("ACK timeouts      {timeouts}"),
            format!(
                "publications      {} shown once by all they went to ({} times), {} cut by a kill, {skipped} peers skipped",
                it.public_complete, it.public_shown, it.public_cut
            ),
        ]);
        if it.direct_complete == 0 || it.public_complete == 0 {
            self.troubles.push("there was no load".into());
        }
    }

    fn tell_returns(&mut self, fleet: &Fleet) {
        let mut returns = fleet.returns.clone();
        returns.sort();
        let half = returns.get(returns.len() / 2).copied().unwrap_or_default();
        let last = returns.last().copied().unwrap_or_default();
        self.lines.push(format!(
            "kills             {}; linked with all again after: median {:.1} s, at most {:.1} s",
            fleet.kills,
            half.as_secs_f64(),
            last.as_secs_f64()
        ));
        if last > RETURN_MAX {
            self.troubles
                .push(format!("a node needed {last:?} to be linked again"));
        }
    }

    fn tell_memory(&mut self) {
        type Pick = fn(&Sample) -> u64;
        let whose: [(&str, Pick); 2] =
            [(NAMES[0], |it| it.node), ("rendezvous", |it| it.rendezvous)];
        let warm: Vec<&Sample> = self.samples.iter().filter(|it| it.at >= WARM_UP).collect();
        let third = warm.len() / 3;
        for (name, pick) in whose {
            let median = |samples: &[&Sample]| {
                let mut sizes: Vec<u64> = samples.iter().map(|it| pick(it)).collect();
                sizes.sort_unstable();
                sizes.get(sizes.len() / 2).copied().unwrap_or_default()
            };
            let first = self.samples.first().map(pick).unwrap_or_default();
            if third < 2 {
                self.lines.push(format!(
                    "memory            {name}: {first} KiB at first; too short a run to judge it"
                ));
                continue;
            }
            let (before, after) = (median(&warm[..third]), median(&warm[warm.len() - third..]));
            self.lines.push(format!(
                "memory            {name}: {first} KiB at first, {before} KiB from {} s, {after} KiB in the end",
                WARM_UP.as_secs()
            ));
            if after > before + before / 10 + GROWTH_MAX_KIB {
                self.troubles.push(format!("the memory of {name} grows"));
            }
        }
    }

    fn tell_descriptors(&mut self) {
        let (before, after) = (&self.descriptors_before, &self.descriptors_after);
        self.lines.push(format!(
            "descriptors       besides links: {before:?} before, {after:?} after"
        ));
        for (name, (before, after)) in NAMES.iter().zip(before.iter().zip(after)) {
            if *after > before + DESCRIPTORS_KEPT {
                self.troubles
                    .push(format!("{name} leaks descriptors: {before}, then {after}"));
            }
        }
    }

    fn tell_counters(&mut self) {
        let names = [
            "texts_duplicate",
            "links_lost",
            "links_silent",
            "links_overloaded",
            "lines_ignored",
            "actor_restarts",
            "messages_poisoned",
            "accept_pauses",
        ];
        let of = |name: &str| self.counters.get(name).copied().unwrap_or_default();
        let shown: Vec<String> = names
            .iter()
            .map(|name| format!("{name} {}", of(name)))
            .collect();
        self.lines
            .push(format!("counters          {}", shown.join(", ")));
        for name in &names[2..] {
            if of(name) > 0 {
                self.troubles.push(format!("{name} is {}", of(name)));
            }
        }
    }
}
