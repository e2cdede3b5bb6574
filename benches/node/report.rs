//! The table: medians over the rounds, ratios to the bare twin, and whether the goal is met.

use crate::{
    figures::{Figure, Goal, Metric, Values, percentile},
    process::Subject,
};

/// The rounds of all subjects of one figure.
pub struct Rounds(pub Vec<(Subject, Vec<Values>)>);

/// The head of the table.
pub const HEAD: &str = "\
| figure | bare | papo | papo / bare | at least | aim | result | others |
|---|---:|---:|---:|---:|---:|---|---|";

/// The rows of one figure.
pub fn rows(figure: &Figure, rounds: &Rounds) -> Vec<String> {
    let metrics = figure.metrics.iter().enumerate();
    metrics
        .map(|(at, metric)| row(at, metric, rounds))
        .collect()
}

fn row(at: usize, metric: &Metric, rounds: &Rounds) -> String {
    let digits = metric.digits;
    let show = |value: Option<f64>| value.map_or("-".into(), |value| number(value, digits));
    let (bare, node) = (
        rounds.median(Subject::Bare, at),
        rounds.median(Subject::Node, at),
    );
    let ratio = bare
        .zip(node)
        .map(|(bare, node)| node / bare)
        .filter(|it| it.is_finite());
    let (least, aim, result) = judge(metric.goal, node, ratio);
    let others: Vec<String> = rounds
        .0
        .iter()
        .filter(|(subject, _)| !matches!(subject, Subject::Bare | Subject::Node))
        .map(|(subject, _)| format!("{}: {}", title(*subject), show(rounds.median(*subject, at))))
        .collect();
    let ratio = ratio.map_or("-".into(), |ratio| format!("{ratio:.2}"));
    format!(
        "| {} | {} | {} | {ratio} | {least} | {aim} | {result} | {} |",
        metric.name,
        show(bare),
        show(node),
        others.join("; "),
    )
}

/// The name of a subject.
pub fn title(subject: Subject) -> &'static str {
    match subject {
        Subject::Bare => "bare",
        Subject::Node => "papo",
        Subject::NodeRead => "papo, output read",
        Subject::KeptFull => "papo, history on (full)",
        Subject::KeptNormal => "papo, history on (normal)",
        Subject::Nats => "NATS",
    }
}

fn judge(goal: Goal, node: Option<f64>, ratio: Option<f64>) -> (String, String, &'static str) {
    let (least, aim, is_least, is_aim) = match goal {
        Goal::TimesAtLeast(least, aim) => (
            format!("{least} x"),
            format!("{aim} x"),
            ratio.map(|it| it >= least),
            ratio.map(|it| it >= aim),
        ),
        Goal::TimesAtMost(least, aim) => (
            format!("{least} x"),
            format!("{aim} x"),
            ratio.map(|it| it <= least),
            ratio.map(|it| it <= aim),
        ),
        Goal::AtLeastAndTimes(least, aim) => (
            format!("{least}"),
            format!("{aim} x"),
            node.map(|it| it >= least),
            ratio.map(|it| it >= aim),
        ),
        Goal::AtMost(least, aim) => (
            format!("{least}"),
            format!("{aim}"),
            node.map(|it| it <= least),
            node.map(|it| it <= aim),
        ),
        Goal::None => return (String::new(), String::new(), ""),
    };
    let result = match (is_least, is_aim) {
        (_, Some(true)) => "aim",
        (Some(true), _) => "at least",
        (Some(false), _) => "below",
        _ => "-",
    };
    (least, aim, result)
}

/// With a comma between thousands.
fn number(value: f64, digits: usize) -> String {
    let text = format!("{value:.digits$}");
    let (whole, rest) = text.split_at(text.find('.').unwrap_or(text.len()));
    let mut grouped = String::new();
    for (at, digit) in whole.chars().enumerate() {
        if at > 0 && (whole.len() - at) % 3 == 0 {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped + rest
}

impl Rounds {
    fn median(&self, subject: Subject, at: usize) -> Option<f64> {
        let (_, rounds) = self.0.iter().find(|(of, _)| *of == subject)?;
        let mut values: Vec<f64> = rounds.iter().filter_map(|it| it.get(at).copied()).collect();
        (!values.is_empty()).then(|| percentile(&mut values, 0.5))
    }
}
