//! Makes inputs by chance, tries them, and keeps the smallest that fails. Knows nothing of what is tried.

use std::{
    env, fs,
    hash::{DefaultHasher, Hash, Hasher},
    path::PathBuf,
    time::{Duration, Instant},
};

use proptest::{
    collection::vec,
    prelude::*,
    sample::{Index, select},
    test_runner::{Config, TestError, TestRunner},
};

use super::Target;

impl Target {
    /// Tries what is kept, then one round of new inputs, or rounds for `PAPO_FUZZ_SECONDS`.
    pub fn run(&self) {
        let kept = self.kept();
        for (path, input) in &kept {
            let name = path.display();
            let tried = std::panic::catch_unwind(|| (self.check)(input));
            assert!(tried.is_ok(), "the input in {name} fails");
        }
        let inputs = self.inputs(kept.into_iter().map(|(_, input)| input).collect());
        let until = seconds().map(|seconds| Instant::now() + seconds);
        let mut runner = TestRunner::new(self.config());
        loop {
            let tried = runner.run(&inputs, |input| {
                (self.check)(&input);
                Ok(())
            });
            match tried {
                Ok(()) if until.is_some_and(|until| Instant::now() < until) => {}
                Ok(()) => return,
                Err(TestError::Fail(reason, input)) => {
                    panic!("{} fails: {reason}", self.keep(&input))
                }
                Err(error) => panic!("{error}"),
            }
        }
    }

    fn config(&self) -> Config {
        let config = Config {
            failure_persistence: None,
            ..Config::default()
        };
        match env::var_os("PROPTEST_CASES") {
            Some(_) => config,
            None => Config {
                cases: self.cases,
                ..config
            },
        }
    }

    fn folder(&self) -> PathBuf {
        PathBuf::from(env!("CARGO_MANIFEST_DIR"))
            .join("tests/fuzz/corpus")
            .join(self.name)
    }

    fn kept(&self) -> Vec<(PathBuf, Vec<u8>)> {
        let entries = fs::read_dir(self.folder()).expect("every target has a corpus");
        let mut paths: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
        paths.sort();
        let read = |path: PathBuf| (path.clone(), fs::read(path).unwrap());
        paths.into_iter().map(read).collect()
    }

    /// Puts the smallest input that fails into the corpus; gives its place, and its beginning.
    fn keep(&self, input: &[u8]) -> String {
        let mut hasher = DefaultHasher::new();
        input.hash(&mut hasher);
        let path = self
            .folder()
            .join(format!("failed-{:016x}", hasher.finish()));
        fs::write(&path, input).unwrap();
        let shown: Vec<u8> = input.iter().take(300).copied().collect();
        format!("{} (kept in {})", shown.escape_ascii(), path.display())
    }

    fn inputs(&self, kept: Vec<Vec<u8>>) -> impl Strategy<Value = Vec<u8>> + use<> {
        let token = tokens(self.words);
        let made = vec(token.clone(), 0..40).prop_map(|tokens| tokens.concat());
        let damaged = (select(kept), vec(edits(token), 0..6)).prop_map(|(mut input, edits)| {
            edits.into_iter().for_each(|edit| edit.apply(&mut input));
            input
        });
        prop_oneof![
            1 => vec(any::<u8>(), 0..200),
            4 => made,
            5 => damaged,
        ]
    }
}

fn tokens(words: &'static [&'static str]) -> impl Strategy<Value = Vec<u8>> + Clone {
    let repeated = (any::<u8>(), 0usize..200).prop_map(|(byte, times)| vec![byte; times]);
    let long =
        (select(words), 0usize..4_000).prop_map(|(word, times)| word.repeat(times).into_bytes());
    prop_oneof![
        40 => select(words).prop_map(|word| word.as_bytes().to_vec()),
        8 => vec(any::<u8>(), 0..6),
        4 => any::<String>().prop_map(String::into_bytes),
        4 => any::<i64>().prop_map(|number| number.to_string().into_bytes()),
        2 => repeated,
        1 => long,
    ]
}

/// One damage to an input.
#[derive(Debug, Clone)]
enum Edit {
    Insert(Index, Vec<u8>),
    Overwrite(Index, Vec<u8>),
    Remove(Index, usize),
    Repeat(Index, usize),
    Flip(Index, u8),
}

fn edits(token: impl Strategy<Value = Vec<u8>> + Clone) -> impl Strategy<Value = Edit> {
    let at = any::<Index>;
    prop_oneof![
        3 => (at(), token.clone()).prop_map(|(at, token)| Edit::Insert(at, token)),
        3 => (at(), token).prop_map(|(at, token)| Edit::Overwrite(at, token)),
        2 => (at(), 1usize..30).prop_map(|(at, count)| Edit::Remove(at, count)),
        2 => (at(), 1usize..60).prop_map(|(at, count)| Edit::Repeat(at, count)),
        2 => (at(), 0u8..8).prop_map(|(at, bit)| Edit::Flip(at, bit)),
    ]
}

impl Edit {
    fn apply(self, input: &mut Vec<u8>) {
        let end = |at: usize, count: usize| (at + count).min(input.len());
        let place = |at: &Index| at.index(input.len() + 1);
        match self {
            Self::Insert(at, token) => drop(input.splice(place(&at)..place(&at), token)),
            Self::Overwrite(at, token) => {
                let at = place(&at);
                drop(input.splice(at..end(at, token.len()), token));
            }
            Self::Remove(at, count) => {
                let at = place(&at);
                drop(input.drain(at..end(at, count)));
            }
            Self::Repeat(at, count) => {
                let at = place(&at);
                let piece = input[at..end(at, count)].to_vec();
                drop(input.splice(at..at, piece));
            }
            Self::Flip(at, bit) => {
                let at = at.index(input.len().max(1));
                if let Some(byte) = input.get_mut(at) {
                    *byte ^= 1 << bit;
                }
            }
        }
    }
}

fn seconds() -> Option<Duration> {
    let seconds = env::var("PAPO_FUZZ_SECONDS").ok()?;
    Some(Duration::from_secs(
        seconds.parse().expect("a number of seconds"),
    ))
}
