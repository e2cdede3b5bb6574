//! The checklist of the protocol names tests that exist.

use std::{
    fs,
    path::{Path, PathBuf},
};

#[test]
fn every_test_that_the_checklist_names_exists() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let checklist = fs::read_to_string(root.join("docs/protocol-checklist.md")).unwrap();
    let mut sources = Vec::new();
    for folder in ["src", "tests"] {
        collect(&root.join(folder), &mut sources);
    }
    let mut named = 0;
    for test in checklist
        .split('`')
        .skip(1)
        .step_by(2)
        .filter(|it| it.contains("::"))
    {
        let (path, name) = test.rsplit_once("::").unwrap();
        let folders: Vec<&str> = path.split("::").collect();
        let function = format!("fn {name}(");
        let is_there = |(file, text): &(PathBuf, String)| {
            let file = file.strip_prefix(root).unwrap().with_extension("");
            let file = file.to_string_lossy();
            folders.iter().all(|folder| file.contains(folder)) && text.contains(&function)
        };
        assert!(sources.iter().any(is_there), "there is no test {test}");
        named += 1;
    }
    assert!(named > 50, "{named} tests are named");
}

fn collect(folder: &Path, sources: &mut Vec<(PathBuf, String)>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            collect(&path, sources);
        } else if path.extension().is_some_and(|it| it == "rs") {
            let text = fs::read_to_string(&path).unwrap();
            sources.push((path, text));
        }
    }
}
