//! What the doctor found, and how it is said. Pure.

use serde_json::{Value, json};

use crate::{frontends::exit::Exit, wire::printable::Printable};

/// How it stands with one thing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum State {
    /// As it should be.
    Well,
    /// Worth knowing; a node works all the same.
    Note,
    /// A node does not work, or not as it should.
    Wrong,
    /// The rendezvous cannot be reached.
    Unreachable,
}

/// One thing that was looked at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Finding {
    pub check: &'static str,
    pub state: State,
    pub words: String,
    /// What to do.
    pub advice: Option<String>,
}

impl Finding {
    pub(super) fn well(check: &'static str, words: impl Into<String>) -> Self {
        Self::new(check, State::Well, words, None)
    }

    pub(super) fn note(
        check: &'static str,
        words: impl Into<String>,
        advice: impl Into<String>,
    ) -> Self {
        Self::new(check, State::Note, words, Some(advice.into()))
    }

    pub(super) fn wrong(
        check: &'static str,
        words: impl Into<String>,
        advice: impl Into<String>,
    ) -> Self {
        Self::new(check, State::Wrong, words, Some(advice.into()))
    }

    pub(super) fn new(
        check: &'static str,
        state: State,
        words: impl Into<String>,
        advice: Option<String>,
    ) -> Self {
        Self {
            check,
            state,
            words: words.into(),
            advice,
        }
    }

    /// One line, and one more with the advice.
    pub(super) fn text(&self) -> String {
        let words = Printable::text(&self.words);
        let line = format!("{:<5}  {:<11}  {words}", self.state.word(), self.check);
        match &self.advice {
            Some(advice) => format!("{line}\n{:20}-> {}", "", Printable::text(advice)),
            None => line,
        }
    }

    fn data(&self) -> Value {
        json!({"check": self.check, "state": self.state.word(), "words": self.words,
            "advice": self.advice})
    }
}

impl State {
    fn word(self) -> &'static str {
        match self {
            Self::Well => "ok",
            Self::Note => "note",
            Self::Wrong => "WRONG",
            Self::Unreachable => "GONE",
        }
    }
}

/// 1 if something is wrong, 3 if it is only the rendezvous.
pub(super) fn exit(findings: &[Finding]) -> Exit {
    let has = |state| findings.iter().any(|it| it.state == state);
    match (has(State::Wrong), has(State::Unreachable)) {
        (true, _) => Exit::Failure,
        (false, true) => Exit::RendezvousUnreachable,
        (false, false) => Exit::Done,
    }
}

/// All of it for programs.
pub(super) fn data(findings: &[Finding]) -> Value {
    let checks: Vec<Value> = findings.iter().map(Finding::data).collect();
    json!({"exit": exit(findings).code(), "checks": checks})
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_exit_code_names_the_worst() {
        let of = |states: &[State]| {
            let finding = |state: &State| Finding::new("x", *state, "w", None);
            exit(&states.iter().map(finding).collect::<Vec<_>>())
        };
        use State::{Note, Unreachable, Well, Wrong};
        assert_eq!(of(&[Well, Note]), Exit::Done);
        assert_eq!(of(&[Well, Unreachable]), Exit::RendezvousUnreachable);
        assert_eq!(of(&[Unreachable, Wrong]), Exit::Failure);
    }

    #[test]
    fn a_finding_is_a_line_and_its_advice_another() {
        let finding = Finding::wrong("port", "4000 is taken\u{1b}", "choose another --port");
        let text = finding.text();
        assert_eq!(text.lines().count(), 2);
        assert!(
            text.starts_with("WRONG  port         4000 is taken"),
            "{text}"
        );
        assert!(
            !text.contains('\u{1b}') && text.ends_with("-> choose another --port"),
            "{text}"
        );
    }
}
