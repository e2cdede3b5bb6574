//! What is measured: one function per figure, which starts a server, loads it and gives the values.

mod crowds;
mod exchange;
mod life;

use std::io;

use crate::process::Subject;

/// The values of one round, in the order of the figure's metrics.
pub type Values = Vec<f64>;

/// How a value is judged.
#[derive(Debug, Clone, Copy)]
pub enum Goal {
    /// As a multiple of the bare twin's: at least so much, and the aim.
    TimesAtLeast(f64, f64),
    /// As a multiple of the bare twin's: at most so much, and the aim.
    TimesAtMost(f64, f64),
    /// At least so much, and the aim as a multiple of the bare twin's.
    AtLeastAndTimes(f64, f64),
    /// At most so much, and the aim.
    AtMost(f64, f64),
    /// For information.
    None,
}

/// One number of a figure.
pub struct Metric {
    /// What it says.
    pub name: &'static str,
    /// Digits behind the point.
    pub digits: usize,
    /// How it is judged.
    pub goal: Goal,
}

/// One measurement, of each subject in turn.
pub struct Figure {
    /// By which it is chosen on the command line.
    pub name: &'static str,
    /// Rounds of each subject.
    pub rounds: usize,
    /// Who can be measured besides the node and its twin.
    pub others: &'static [Subject],
    /// Measures once.
    pub run: fn(Subject) -> io::Result<Values>,
    /// What the values are.
    pub metrics: &'static [Metric],
}

const fn metric(name: &'static str, digits: usize, goal: Goal) -> Metric {
    Metric { name, digits, goal }
}

/// All figures.
pub const FIGURES: &[Figure] = &[
    Figure {
        name: "small",
        rounds: 7,
        others: &[Subject::NodeRead],
        run: exchange::small,
        metrics: &[
            metric(
                "64 B, 512 in flight: messages/s",
                0,
                Goal::TimesAtLeast(0.7, 0.95),
            ),
            metric(
                "  processor time per message, us",
                3,
                Goal::TimesAtMost(1.5, 1.0),
            ),
        ],
    },
    Figure {
        name: "large",
        rounds: 7,
        others: &[Subject::NodeRead],
        run: exchange::large,
        metrics: &[
            metric(
                "1 KiB, 512 in flight: messages/s",
                0,
                Goal::TimesAtLeast(0.7, 0.95),
            ),
            metric(
                "  processor time per message, us",
                3,
                Goal::TimesAtMost(1.5, 1.0),
            ),
        ],
    },
    Figure {
        name: "one",
        rounds: 7,
        others: &[Subject::Nats],
        run: exchange::one_in_flight,
        metrics: &[
            metric("one in flight: p50, us", 1, Goal::TimesAtMost(1.25, 1.08)),
            metric("  p99, us", 1, Goal::TimesAtMost(1.5, 1.2)),
            metric("  processor time per message, us", 2, Goal::None),
        ],
    },
    Figure {
        name: "open",
        rounds: 7,
        others: &[],
        run: exchange::open_loop,
        metrics: &[
            metric("open loop, 50,000/s: p50, us", 1, Goal::None),
            metric("  p99, us", 1, Goal::TimesAtMost(1.5, 1.2)),
            metric("  processor time per message, us", 2, Goal::None),
        ],
    },
    Figure {
        name: "store",
        rounds: 3,
        others: &[Subject::KeptFull, Subject::KeptNormal],
        run: exchange::store,
        metrics: &[
            metric("history on disk, 1,000/s: ACK p50, ms", 2, Goal::None),
            metric("  p99, ms", 2, Goal::None),
            metric("  512 in flight: messages/s", 0, Goal::None),
        ],
    },
    Figure {
        name: "fan100",
        rounds: 7,
        others: &[Subject::Nats],
        run: crowds::fan_out_100,
        metrics: &[
            metric(
                "/pub * to 100: deliveries/s",
                0,
                Goal::TimesAtLeast(0.6, 0.95),
            ),
            metric("  processor time per delivery, us", 3, Goal::None),
        ],
    },
    Figure {
        name: "fan1000",
        rounds: 7,
        others: &[Subject::Nats],
        run: crowds::fan_out_1000,
        metrics: &[
            metric(
                "/pub * to 1,000: deliveries/s",
                0,
                Goal::TimesAtLeast(0.6, 0.95),
            ),
            metric("  processor time per delivery, us", 3, Goal::None),
        ],
    },
    Figure {
        name: "many",
        rounds: 3,
        others: &[],
        run: crowds::many,
        metrics: &[
            metric(
                "10,000 at once: connects/s",
                0,
                Goal::AtLeastAndTimes(5000.0, 0.9),
            ),
            metric("  memory per idle link, KiB", 2, Goal::AtMost(6.0, 3.0)),
            metric("  memory in all, MiB", 1, Goal::AtMost(70.0, 35.0)),
            metric("  processor while idle, %", 2, Goal::AtMost(1.0, 0.3)),
            metric("  links lost", 0, Goal::AtMost(0.0, 0.0)),
        ],
    },
    Figure {
        name: "cycles",
        rounds: 5,
        others: &[],
        run: life::cycles,
        metrics: &[metric(
            "connect, HELLO, BYE: processor time, us",
            1,
            Goal::TimesAtMost(1.5, 1.1),
        )],
    },
    Figure {
        name: "start",
        rounds: 9,
        others: &[],
        run: life::start,
        metrics: &[
            metric("start to first line, ms", 1, Goal::AtMost(100.0, 15.0)),
            metric("  memory then, MiB", 1, Goal::AtMost(12.0, 5.0)),
        ],
    },
];

/// The value below which this part of all lies.
pub fn percentile(values: &mut [f64], part: f64) -> f64 {
    values.sort_unstable_by(f64::total_cmp);
    let last = values.len().saturating_sub(1);
    let at = (last as f64 * part).round() as usize;
    values.get(at).copied().unwrap_or(f64::NAN)
}
