//! Tests of the settings as a whole, through `Settings::load`.

mod files;
mod layers;
mod reference;
mod show;
mod values;

use std::fs;
use std::os::unix::ffi::OsStringExt;
use std::path::Path;
use std::time::Duration;

use super::*;

/// What the layers say, as text; every layer may be empty.
#[derive(Default)]
struct Layers {
    user: &'static str,
    config: &'static str,
    environment: &'static [(&'static str, &'static str)],
    arguments: &'static [(&'static str, &'static str)],
}

impl Layers {
    /// Loads them; files are called `user.toml` and `config.toml` in error texts.
    fn load(&self) -> Result<Loaded, String> {
        let folder = tempfile::tempdir().unwrap();
        let file = |name: &str, text: &str| {
            let path = folder.path().join(name);
            fs::write(&path, text).unwrap();
            path
        };
        let pair = |(name, value): &(&str, &str)| (OsString::from(name), OsString::from(value));
        let argument = |(key, value): &(&'static str, &str)| Argument {
            key,
            value: (*value).to_owned(),
            option: "--option",
        };
        let sources = Sources {
            user_file: Some(file("user.toml", self.user)),
            config_file: Some(file("config.toml", self.config)),
            environment: self.environment.iter().map(pair).collect(),
            arguments: self.arguments.iter().map(argument).collect(),
        };
        Settings::load(sources).map_err(|errors| {
            errors
                .to_string()
                .replace(&format!("{}/", folder.path().display()), "")
        })
    }
}

/// The problems of a text in the user file, one a line.
fn problems_of(user: &'static str) -> String {
    Layers {
        user,
        ..Layers::default()
    }
    .load()
    .expect_err(user)
}

fn environment(variables: &[(&str, &str)]) -> Result<Loaded, String> {
    let environment = variables
        .iter()
        .map(|(name, value)| (name.into(), value.into()))
        .collect();
    Settings::load(Sources {
        environment,
        ..Sources::default()
    })
    .map_err(|errors| errors.to_string())
}
