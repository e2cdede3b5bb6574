//! `actors.md` names every actor and every message, and none that is not there.

use std::{collections::BTreeSet, fs, path::Path};

use super::source::{Source, sources};

#[test]
fn every_actor_and_every_message_is_in_actors_md_and_nothing_else_is() {
    let document = document();
    let (actors, messages) = (actors(), messages());
    assert!(
        actors.len() >= 7 && messages.len() >= 20,
        "{actors:?} {messages:?}"
    );
    let undocumented = messages
        .iter()
        .filter(|name| !document.contains(&format!("`{name}`")));
    let undocumented = undocumented.chain(
        actors
            .iter()
            .filter(|name| !headings(&document).contains(*name)),
    );
    let undocumented: Vec<_> = undocumented.collect();
    assert!(
        undocumented.is_empty(),
        "not in actors.md: {undocumented:?}"
    );
    let unknown: Vec<_> = listed(&document).difference(&messages).cloned().collect();
    assert!(
        unknown.is_empty(),
        "in actors.md, but no message: {unknown:?}"
    );
    let unknown: Vec<_> = headings(&document).difference(&actors).cloned().collect();
    assert!(
        unknown.is_empty(),
        "in actors.md, but no actor: {unknown:?}"
    );
}

fn document() -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("actors.md")).unwrap()
}

/// The actors that have a heading of their own.
fn headings(document: &str) -> BTreeSet<String> {
    let headings = document.lines().filter_map(|line| line.strip_prefix("## "));
    headings
        .filter(|name| name.ends_with("Actor"))
        .map(str::to_owned)
        .collect()
}

/// The messages in the tables of what comes in.
fn listed(document: &str) -> BTreeSet<String> {
    let mut listed = BTreeSet::new();
    let mut is_incoming = false;
    for line in document.lines() {
        is_incoming = match line.starts_with('|') {
            true => is_incoming || line.starts_with("| message | from |"),
            false => false,
        };
        if let Some(rest) = line.strip_prefix("| `").filter(|_| is_incoming) {
            listed.extend(rest.split('`').next().map(str::to_owned));
        }
    }
    listed
}

fn with_actors() -> impl Iterator<Item = Source> {
    let floors = [
        "actors/",
        "rendezvous_server/",
        "metrics_server/",
        "frontends/",
    ];
    let has = move |source: &Source| floors.iter().any(|floor| source.path.starts_with(floor));
    sources().into_iter().filter(has)
}

fn actors() -> BTreeSet<String> {
    let name = |code: &str| word(code.split("impl Actor for ").nth(1)?);
    with_actors()
        .filter_map(|source| name(&source.code))
        .collect()
}

/// What derives `Message`: the name behind the next `struct` or `enum`.
fn messages() -> BTreeSet<String> {
    let mut messages = BTreeSet::new();
    for source in with_actors() {
        for (at, _) in source.code.match_indices("#[derive(") {
            let rest = &source.code[at..];
            let (derived, item) = rest.split_at(rest.find(")]").unwrap());
            if !derived.contains("Message") {
                continue;
            }
            let kind = ["struct ", "enum "]
                .iter()
                .filter_map(|kind| Some((item.find(kind)?, kind)));
            let (begin, kind) = kind.min().unwrap();
            messages.extend(word(&item[begin + kind.len()..]));
        }
    }
    messages
}

fn word(text: &str) -> Option<String> {
    let word: String = text
        .chars()
        .take_while(|sign| sign.is_alphanumeric())
        .collect();
    (!word.is_empty()).then_some(word)
}
