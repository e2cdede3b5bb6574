//! Holds `settings/default.toml`, the table of keys and the table in `docs/operations.md` together.
//!
//! `default.toml` is where a setting is explained; the table for readers is made from it:
//! `cargo test write_the_settings_table -- --ignored`.

use std::fs;
use std::path::PathBuf;

use crate::settings::key::{self, Key};
use crate::settings::{DEFAULTS, Settings, show};

const BEGIN: &str = "<!-- settings:begin -->";
const END: &str = "<!-- settings:end -->";

/// `section.key` and the comment above it, in the order of the file.
fn documented() -> Vec<(String, String)> {
    let mut section = "";
    let mut comment = Vec::new();
    let mut found = Vec::new();
    for line in DEFAULTS.lines() {
        if let Some(text) = line.strip_prefix("# ") {
            comment.push(text);
        } else if let Some(name) = line.strip_prefix('[') {
            section = name.trim_end_matches(']');
            comment.clear();
        } else if let Some((name, _)) = line.split_once(" = ") {
            found.push((format!("{section}.{name}"), comment.join(" ")));
            comment.clear();
        } else {
            comment.clear();
        }
    }
    found
}

fn table() -> String {
    let documented = documented();
    let settings = Settings::default();
    let mut table = String::new();
    let mut section = "";
    for key in key::all() {
        if key.section != section {
            section = key.section;
            table += &format!(
                "\n### [{section}]\n\n| key | default | allowed | meaning |\n|---|---|---|---|\n"
            );
        }
        let meaning = documented
            .iter()
            .find(|(path, _)| *path == key.path())
            .map_or("", |(_, text)| text);
        let default = show::written(&settings, &key.path());
        let cells = [
            format!("`{}`", key.name),
            format!("`{default}`"),
            key.form.allowed(),
            meaning.to_owned(),
        ];
        table += &format!(
            "| {} |\n",
            cells.map(|cell| cell.replace('|', "\\|")).join(" | ")
        );
    }
    table
}

fn document() -> (PathBuf, String) {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("docs/operations.md");
    let text = fs::read_to_string(&path).unwrap();
    (path, text)
}

/// The document with `table` between the markers.
fn with_table(text: &str, table: &str) -> String {
    let (before, rest) = text
        .split_once(BEGIN)
        .expect("the document has the first marker");
    let (_, after) = rest
        .split_once(END)
        .expect("the document has the second marker");
    format!("{before}{BEGIN}\n{table}\n{END}{after}")
}

#[test]
fn every_key_is_documented_once_and_in_order() {
    let in_file: Vec<String> = documented().into_iter().map(|(path, _)| path).collect();
    let in_code: Vec<String> = key::all().map(Key::path).collect();
    assert_eq!(in_file, in_code);
    for (path, comment) in documented() {
        assert!(
            comment.len() > 10 && comment.ends_with('.'),
            "{path} is not explained: {comment:?}"
        );
    }
}

#[test]
fn the_built_in_values_are_written_as_they_are_shown() {
    let settings = Settings::default();
    for key in key::all() {
        let shown = show::written(&settings, &key.path());
        assert!(
            key.form.check(shown.trim_matches('"')).is_ok(),
            "{} = {shown}",
            key.path()
        );
    }
}

#[test]
fn the_table_in_the_documentation_agrees_with_the_code() {
    let (path, text) = document();
    let current = with_table(&text, &table());
    assert!(
        text == current,
        "{} is out of date: cargo test write_the_settings_table -- --ignored",
        path.display()
    );
}

#[test]
#[ignore = "writes docs/operations.md"]
fn write_the_settings_table() {
    let (path, text) = document();
    fs::write(path, with_table(&text, &table())).unwrap();
}
