//! One layer of settings and the merging of all of them. Only what exists and is allowed gets into a layer.
//!
//! Crate `config` merges: each layer is one of its sources, and each value keeps its origin on the way.

use std::collections::{BTreeMap, HashMap};

use config::{Config, ConfigError, Map, Source, Value};

use super::form::Form;
use super::found::Found;
use super::key::{self, Key};
use super::origin::{Origin, excerpt};
use super::problem::{Problem, dotted};

/// The settings of one place by section and key, each text with its origin.
#[derive(Debug, Clone, Default)]
pub(super) struct Layer(HashMap<&'static str, Map<String, Value>>);

/// The merged layers: one checked text per key.
pub(super) struct Texts(HashMap<String, Map<String, Value>>);

impl Layer {
    /// Takes what was found and is good, and notes what is not; `spelling` writes a key as it is written in this place.
    pub fn checked(
        found: Vec<Found>,
        spelling: fn(&Key) -> String,
        problems: &mut Vec<Problem>,
    ) -> Self {
        let mut layer = Self::default();
        for one in found {
            match check(&one, spelling) {
                Ok((key, text)) => layer.insert(key, text, &one.origin),
                Err(problem) => problems.push(problem),
            }
        }
        layer
    }

    fn insert(&mut self, key: &Key, text: &str, origin: &Origin) {
        let section = self.0.entry(key.section).or_default();
        section.insert(
            key.name.to_owned(),
            Value::new(Some(origin.as_text()), text),
        );
    }
}

impl Source for Layer {
    fn clone_into_box(&self) -> Box<dyn Source + Send + Sync> {
        Box::new(self.clone())
    }

    fn collect(&self) -> Result<Map<String, Value>, ConfigError> {
        let section = |(name, keys): (&&str, &Map<String, Value>)| {
            ((*name).to_owned(), Value::new(None, keys.clone()))
        };
        Ok(self.0.iter().map(section).collect())
    }
}

impl Texts {
    /// Lays the layers over one another; the later wins.
    pub fn merge(layers: Vec<Layer>) -> Self {
        let layers = layers.into_iter();
        let merged = layers.fold(Config::builder(), |below, layer| below.add_source(layer));
        let sections = merged
            .build()
            .and_then(|merged| merged.cache.into_table())
            .expect("a layer is a table in memory");
        let section = |(name, keys): (String, Value)| (name, keys.into_table().unwrap_or_default());
        Self(sections.into_iter().map(section).collect())
    }

    /// The value of a key, which some layer has (the built-in one has all) and which was checked there.
    pub fn read<F: Form>(&self, section: &str, name: &str, form: &F) -> F::Value {
        let value = self.0.get(section).and_then(|keys| keys.get(name));
        let text = value
            .map(|value| value.kind.to_string())
            .expect("the built-in layer has every key");
        form.parse(&text).expect("checked when its layer was made")
    }

    /// The origin of every key, by `section.key`.
    pub fn origins(&self) -> BTreeMap<String, Origin> {
        let origin = |value: &Value| {
            value
                .origin()
                .map_or_else(Origin::built_in, Origin::from_text)
        };
        let keys = |(section, keys): (&String, &Map<String, Value>)| -> Vec<(String, Origin)> {
            keys.iter()
                .map(|(name, value)| (format!("{section}.{name}"), origin(value)))
                .collect()
        };
        self.0.iter().flat_map(keys).collect()
    }
}

fn check(found: &Found, spelling: fn(&Key) -> String) -> Result<(&'static Key, &str), Problem> {
    let key = key::find(&found.section, &found.name).ok_or_else(|| unknown(found, spelling))?;
    let text = found
        .text
        .as_ref()
        .map_err(|kind| not_single(found, kind))?;
    key.form
        .check(text)
        .map_err(|reason| bad_value(key, text, found, reason))?;
    Ok((key, text))
}

fn unknown(found: &Found, spelling: fn(&Key) -> String) -> Problem {
    Problem::Unknown {
        origin: found.origin.clone(),
        key: dotted(&found.section, &found.name),
        guess: key::nearest(&found.section, &found.name).map(spelling),
        known: key::known(&found.section, &found.name),
    }
}

fn not_single(found: &Found, kind: &'static str) -> Problem {
    Problem::NotSingle {
        origin: found.origin.clone(),
        key: dotted(&found.section, &found.name),
        kind,
    }
}

fn bad_value(key: &Key, text: &str, found: &Found, reason: String) -> Problem {
    let origin = found.origin.clone();
    Problem::BadValue {
        origin,
        key: key.path(),
        value: excerpt(text),
        reason,
        allowed: key.form.allowed(),
    }
}
