//! Settings: any file, any environment.

use std::{ffi::OsString, fs, os::unix::ffi::OsStringExt};

use papo::settings::{Loaded, Settings, SettingsErrors, Sources};
use serde_json::Value;

use crate::harness::{Target, assert_printable};

const WORDS: &[&str] = &[
    "[node]\n",
    "[rendezvous]\n",
    "[connection]\n",
    "[logging]\n",
    "[supervision]\n",
    "[rendezvous_server]\n",
    "name",
    "namespace",
    "port",
    "address",
    "ping_interval",
    "queue_bytes",
    "rate",
    "level",
    "resend",
    "data_dir",
    " = ",
    "\n",
    "\"",
    "'''",
    "#",
    ".",
    "\"alice\"",
    "4000",
    "\"30s\"",
    "\"auto\"",
    "true",
    "1e9",
    "0x10",
    "inf",
    "[",
    "]",
    "{",
    "}",
    "1979-05-27",
    "\"1MiB\"",
    "\"\\u001b[31m\"",
    "\u{202e}",
    "PAPO_NODE__NAME=alice\n",
    "PAPO_CONNECTION__RATE=",
    "PAPO_RENDEZVOUS__ADDRESS=[::1]:8080\n",
    "PAPO_",
    "__",
    "=",
    "papo=debug",
    "-1",
    "99999999999999999999",
    "\0",
];

#[test]
fn any_settings_are_read_or_refused_in_words_and_what_is_shown_reads_the_same() {
    let target = Target {
        name: "settings",
        words: WORDS,
        cases: 300,
        check,
    };
    target.run();
}

/// Lines that begin with `PAPO_` are the environment, the others the file.
pub fn check(input: &[u8]) {
    let lines = input.split_inclusive(|byte| *byte == b'\n');
    let (variables, file): (Vec<&[u8]>, Vec<&[u8]>) =
        lines.partition(|line| line.starts_with(b"PAPO_"));
    let environment = variables.into_iter().map(variable).collect();
    match load(&file.concat(), environment) {
        Ok(loaded) => {
            let again = load(loaded.to_toml().as_bytes(), Vec::new());
            assert_eq!(values(&again.unwrap()), values(&loaded));
        }
        Err(errors) => {
            let text = errors.to_string();
            assert_printable(&text);
            assert!(
                text.lines().all(|line| line.chars().count() <= 4_000),
                "{text}"
            );
        }
    }
}

fn load(file: &[u8], environment: Vec<(OsString, OsString)>) -> Result<Loaded, SettingsErrors> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("settings.toml");
    fs::write(&path, file).unwrap();
    Settings::load(Sources {
        config_file: Some(path),
        environment,
        ..Sources::default()
    })
}

fn variable(line: &[u8]) -> (OsString, OsString) {
    let line = line.strip_suffix(b"\n").unwrap_or(line);
    let at = line
        .iter()
        .position(|byte| *byte == b'=')
        .unwrap_or(line.len());
    let (name, value) = line.split_at(at);
    let value = value.strip_prefix(b"=").unwrap_or(value);
    (
        OsString::from_vec(name.to_vec()),
        OsString::from_vec(value.to_vec()),
    )
}

/// The values without where they came from.
fn values(loaded: &Loaded) -> Value {
    let mut shown: Value = serde_json::from_str(&loaded.to_json()).unwrap();
    for keys in shown.as_object_mut().unwrap().values_mut() {
        for entry in keys.as_object_mut().unwrap().values_mut() {
            *entry = entry["value"].take();
        }
    }
    shown
}
