//! The rules of the house that a compiler does not check: who may know whom, who may print, what must be written down.

mod documented;
mod source;

use std::collections::BTreeSet;

use self::source::{Source, sources};

/// A floor: its folder, or its files; what of the crate it may name; and words that have no place in it.
struct Floor {
    paths: &'static [&'static str],
    may_know: &'static [&'static str],
    banned: &'static [&'static str],
}

/// What only effects may touch.
const EFFECTS: &[&str] = &[
    "tokio",
    "actix",
    "std::net::Tcp",
    "std::fs",
    "Instant::now",
    "SystemTime::now",
    "Timestamp::now",
    "Zoned::now",
    "fastrand",
    "new_v4",
    "std::env",
    "std::thread",
    "std::process",
];

/// From below to above; nobody knows what is above.
const FLOORS: &[Floor] = &[
    Floor {
        paths: &["wire/"],
        may_know: &["wire"],
        banned: EFFECTS,
    },
    Floor {
        paths: &["proto/"],
        may_know: &["proto", "wire"],
        banned: EFFECTS,
    },
    Floor {
        paths: &["store/"],
        may_know: &["store", "proto::texts", "proto::outgoing", "wire"],
        banned: &["actix"],
    },
    Floor {
        paths: &["metrics/", "identity_lock.rs", "private_file.rs"],
        may_know: &["metrics", "wire"],
        banned: &["actix"],
    },
    Floor {
        paths: &["login.rs", "logging/", "settings/", "paths", "args"],
        may_know: &["wire", "logging", "settings"],
        banned: &["actix"],
    },
    Floor {
        paths: &["actors/"],
        may_know: &[
            "actors",
            "proto",
            "store",
            "wire",
            "metrics",
            "identity_lock",
            "panics_on_request",
        ],
        banned: &[],
    },
    Floor {
        paths: &["rendezvous_server/"],
        may_know: &[
            "rendezvous_server",
            "actors::clock",
            "actors::door",
            "actors::supervisor",
            "actors::transport",
            "proto::directory",
            "proto::restart",
            "wire",
            "metrics",
            "private_file",
            "panics_on_request",
        ],
        banned: &[],
    },
    Floor {
        paths: &["metrics_server/"],
        may_know: &[
            "metrics_server",
            "actors::door",
            "actors::supervisor",
            "actors::transport",
            "proto::restart",
            "metrics",
            "panics_on_request",
        ],
        banned: &[],
    },
    Floor {
        paths: &["node/"],
        may_know: &[
            "node",
            "rendezvous_server",
            "metrics_server",
            "actors",
            "proto",
            "store",
            "wire",
            "metrics",
            "identity_lock",
            "login",
            "paths",
            "private_file",
            "settings",
        ],
        banned: &[],
    },
];

#[test]
fn nobody_knows_what_is_on_a_higher_floor() {
    let mut wrong = Vec::new();
    for (floor, source) in floors() {
        let may_know = |path: &str| {
            let is_in =
                |allowed: &str| path == allowed || path.starts_with(&format!("{allowed}::"));
            floor.may_know.iter().any(|allowed| is_in(allowed))
        };
        let paths = source.crate_paths().into_iter();
        let strangers = paths.filter(|path| !may_know(path));
        wrong.extend(strangers.map(|path| format!("{}: crate::{path}", source.path)));
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn decisions_have_no_clock_no_chance_and_no_socket() {
    let mut wrong = Vec::new();
    for (floor, source) in floors() {
        let found = floor
            .banned
            .iter()
            .filter(|word| source.code.contains(*word));
        wrong.extend(found.map(|word| format!("{}: {word}", source.path)));
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn every_file_is_on_a_floor() {
    let placed: BTreeSet<String> = floors().map(|(_, source)| source.path).collect();
    let above =
        |path: &str| path.starts_with("frontends/") || path == "main.rs" || path == "lib.rs";
    let homeless: Vec<String> = sources()
        .into_iter()
        .map(|source| source.path)
        .filter(|path| !placed.contains(path) && !above(path))
        .collect();
    assert!(homeless.is_empty(), "{homeless:#?}");
    assert!(placed.len() > 100, "the sources were found");
}

#[test]
fn only_front_ends_print() {
    let mut wrong = Vec::new();
    for source in sources() {
        if source.path.starts_with("frontends/") {
            continue;
        }
        for word in [
            "println!",
            "eprintln!",
            "print!(",
            "eprint!(",
            "io::stdout",
            "dbg!",
        ] {
            if source.code.contains(word) {
                wrong.push(format!("{}: {word}", source.path));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn only_one_file_of_the_actors_names_tcp_streams() {
    let names =
        |source: &Source| source.path.starts_with("actors/") && source.code.contains("TcpStream");
    let named: Vec<String> = sources()
        .into_iter()
        .filter(names)
        .map(|source| source.path)
        .collect();
    assert_eq!(named, ["actors/transport.rs"]);
}

#[test]
fn no_file_is_longer_than_450_lines() {
    let is_long = |source: &Source| source.lines > 450;
    let long: Vec<String> = sources()
        .into_iter()
        .filter(is_long)
        .map(|source| source.path)
        .collect();
    assert!(long.is_empty(), "{long:#?}");
}

fn floors() -> impl Iterator<Item = (&'static Floor, Source)> {
    let of = |source: &Source| {
        let here = |floor: &&Floor| floor.paths.iter().any(|path| source.path.starts_with(path));
        FLOORS.iter().find(here)
    };
    sources()
        .into_iter()
        .filter_map(move |source| Some((of(&source)?, source)))
}
