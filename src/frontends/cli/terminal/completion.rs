//! Completing the word before the cursor. What can stand there is asked of a [`Completer`]; this
//! room knows nothing of commands or peers.

use super::line::Line;

/// Candidates kept of one answer; a list longer than that helps nobody.
const CANDIDATES_MAX: usize = 200;

/// What may stand before the cursor.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Completion {
    /// Where the word to be replaced begins, in bytes from the beginning of the line.
    pub start: usize,
    /// What may stand there instead; names of peers only in the form that is safe to show.
    pub candidates: Vec<String>,
}

/// Answers what can be typed. Called on the terminal's own thread at each Tab: quick, no waiting.
pub trait Completer: Send + Sync {
    /// The candidates for a line that is typed up to the cursor.
    fn complete(&self, line: &str) -> Completion;
}

impl<F> Completer for F
where
    F: Fn(&str) -> Completion + Send + Sync,
{
    fn complete(&self, line: &str) -> Completion {
        self(line)
    }
}

/// What a Tab came to.
#[derive(Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The line was completed.
    Completed,
    /// Several fit; the line holds what they have in common, the user chooses.
    Choose(Vec<String>),
    /// Nothing fits.
    Nothing,
}

/// Completes the word before the cursor as far as it is certain.
pub fn complete(line: &mut Line, completer: &dyn Completer) -> Outcome {
    let (typed, behind) = line.halves();
    let Completion {
        start,
        mut candidates,
    } = completer.complete(typed);
    let Some(word) = typed.get(start..) else {
        return Outcome::Nothing;
    };
    let range = start..typed.len();
    candidates.retain(|candidate| !candidate.contains(char::is_control));
    candidates.truncate(CANDIDATES_MAX);
    let done = match candidates.as_slice() {
        [] => false,
        [only] => line.replace(range, &with_blank(only, behind)),
        several => match common_prefix(several) {
            longer if longer.len() > word.len() => line.replace(range, longer),
            _ => true,
        },
    };
    match (done, candidates.len()) {
        (false, _) => Outcome::Nothing,
        (true, 1) => Outcome::Completed,
        (true, _) => Outcome::Choose(candidates),
    }
}

/// A finished word is followed by a blank, unless one is there already.
fn with_blank(word: &str, behind: &str) -> String {
    let blank = if word.ends_with(' ') || behind.starts_with(' ') {
        ""
    } else {
        " "
    };
    format!("{word}{blank}")
}

fn common_prefix(candidates: &[String]) -> &str {
    let Some((first, rest)) = candidates.split_first() else {
        return "";
    };
    let shared = |other: &String| {
        let differs = first
            .char_indices()
            .zip(other.chars())
            .find(|((_, a), b)| a != b);
        differs.map_or(first.len().min(other.len()), |((at, _), _)| at)
    };
    &first[..rest.iter().map(shared).min().unwrap_or(first.len())]
}

#[cfg(test)]
mod tests {
    use super::*;

    const WORDS: [&str; 4] = ["/peers", "/pub", "/quit", "日本語"];

    fn words(line: &str) -> Completion {
        let start = line.rfind(' ').map_or(0, |blank| blank + 1);
        let fits = WORDS.iter().filter(|word| word.starts_with(&line[start..]));
        Completion {
            start,
            candidates: fits.map(|word| (*word).to_owned()).collect(),
        }
    }

    fn check(typed: &str, behind: &str, expected: &str, outcome: Outcome) {
        let mut line = Line::default();
        line.set(&format!("{typed}{behind}"), typed.len());
        assert_eq!(complete(&mut line, &words), outcome, "{typed}");
        let (before, after) = line.halves();
        assert_eq!(format!("{before}|{after}"), expected);
    }

    fn choose(words: &[&str]) -> Outcome {
        Outcome::Choose(words.iter().map(|word| (*word).to_owned()).collect())
    }

    #[test]
    fn a_word_is_completed_as_far_as_it_is_certain() {
        check("/q", "", "/quit |", Outcome::Completed);
        check("/p", "", "/p|", choose(&["/peers", "/pub"]));
        check("a /pe", " b", "a /peers| b", Outcome::Completed);
        check("日", "", "日本語 |", Outcome::Completed);
        check("/x", "", "/x|", Outcome::Nothing);
    }

    #[test]
    fn what_the_candidates_have_in_common_is_typed() {
        let bobs = |_: &str| Completion {
            start: 2,
            candidates: vec!["bobby".into(), "bobbin".into(), "bobb\u{e9}".into()],
        };
        let mut line = Line::default();
        line.insert("m b");
        assert!(matches!(complete(&mut line, &bobs), Outcome::Choose(_)));
        assert_eq!(line.text(), "m bobb");
    }

    #[test]
    fn a_wrong_answer_of_the_completer_changes_nothing() {
        for start in [1, 7, usize::MAX] {
            let wrong = |_: &str| Completion {
                start,
                candidates: vec!["x".into()],
            };
            let mut line = Line::default();
            line.insert("é");
            assert_eq!(complete(&mut line, &wrong), Outcome::Nothing);
            assert_eq!(line.text(), "é");
        }
    }

    #[test]
    fn a_candidate_with_control_characters_is_no_candidate() {
        let evil = |_: &str| Completion {
            start: 0,
            candidates: vec!["bob\x1b[2J".into()],
        };
        assert_eq!(complete(&mut Line::default(), &evil), Outcome::Nothing);
    }

    #[test]
    fn a_completion_that_does_not_fit_the_line_is_refused() {
        let long = |_: &str| Completion {
            start: 0,
            candidates: vec!["x".repeat(40_000)],
        };
        assert_eq!(complete(&mut Line::default(), &long), Outcome::Nothing);
    }
}
