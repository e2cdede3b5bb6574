//! The sources of the program, without comments and tests.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

/// One file of the program.
pub struct Source {
    /// Its path below `src`.
    pub path: String,
    /// What is compiled into the program: no comments, no tests.
    pub code: String,
    /// How many lines the file has, with everything.
    pub lines: usize,
}

/// All files of the program; files of tests are none.
pub fn sources() -> Vec<Source> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut files = Vec::new();
    collect(&root, &mut files);
    files.sort();
    let path_of = |file: &Path| {
        file.strip_prefix(&root)
            .unwrap()
            .to_str()
            .unwrap()
            .to_owned()
    };
    let sources = files.iter().map(|file| read(path_of(file), file));
    sources.filter(|source| !is_test(&source.path)).collect()
}

fn is_test(path: &str) -> bool {
    let parts = path.split('/').map(|part| part.trim_end_matches(".rs"));
    let is_test = |part: &str| {
        matches!(part, "tests" | "testing" | "props" | "cases") || part.ends_with("_tests")
    };
    parts.into_iter().any(is_test)
}

fn collect(folder: &Path, files: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        match path.is_dir() {
            true => collect(&path, files),
            false if path.extension().is_some_and(|it| it == "rs") => files.push(path),
            false => {}
        }
    }
}

fn read(path: String, file: &Path) -> Source {
    let text = fs::read_to_string(file).unwrap();
    let lines = text.lines().count();
    let without_tests = text.split("#[cfg(test)]\nmod tests {").next().unwrap();
    let code = without_tests
        .lines()
        .map(without_comment)
        .collect::<Vec<_>>()
        .join("\n");
    Source { path, code, lines }
}

/// A comment begins with `//` at the start of a line or behind a blank; addresses in texts do not.
fn without_comment(line: &str) -> &str {
    match line.trim_start().starts_with("//") {
        true => "",
        false => line.split(" // ").next().unwrap_or(line),
    }
}

impl Source {
    /// What the file names of its own crate, as `actors::door`: two steps deep where there are two.
    pub fn crate_paths(&self) -> BTreeSet<String> {
        let mut paths = BTreeSet::new();
        for (at, found) in self.code.match_indices("crate::") {
            let rest = &self.code[at + found.len()..];
            for path in paths_of(rest) {
                paths.insert(path.split("::").take(2).collect::<Vec<_>>().join("::"));
            }
        }
        paths
    }
}

/// The paths at the beginning of a text: one, or those of a group in braces.
fn paths_of(text: &str) -> Vec<String> {
    let name: String = text
        .chars()
        .take_while(|sign| sign.is_alphanumeric() || *sign == '_')
        .collect();
    let rest = &text[name.len()..];
    if let Some(group) = rest.strip_prefix('{') {
        return members(group)
            .into_iter()
            .flat_map(|member| paths_of(member.trim_start()))
            .collect();
    }
    match rest.strip_prefix("::") {
        Some(rest) => paths_of(rest)
            .into_iter()
            .map(|path| format!("{name}::{path}"))
            .collect(),
        None => vec![name],
    }
}

/// The members of a group, up to its closing brace.
fn members(group: &str) -> Vec<&str> {
    let (mut depth, mut begin, mut members) = (0, 0, Vec::new());
    for (at, sign) in group.char_indices() {
        match sign {
            '{' => depth += 1,
            '}' if depth == 0 => {
                members.push(&group[begin..at]);
                break;
            }
            '}' => depth -= 1,
            ',' if depth == 0 => {
                members.push(&group[begin..at]);
                begin = at + 1;
            }
            _ => {}
        }
    }
    members.retain(|member| !member.trim().is_empty());
    members
}

#[test]
fn groups_of_imports_are_read_to_their_end() {
    let source = Source {
        path: String::new(),
        code: "use crate::{\n    actors::{door::{self, Door}, router},\n    wire,\n};\ncrate::panics!(X)".into(),
        lines: 5,
    };
    let expected = ["actors::door", "actors::router", "panics", "wire"];
    assert_eq!(
        source.crate_paths().into_iter().collect::<Vec<_>>(),
        expected
    );
}
