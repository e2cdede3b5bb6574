//! What `papo config` prints: every setting in force and where it came from, as TOML with comments or as JSON.

use std::fmt::Write;
use std::path::PathBuf;

use serde_json::{Map, Value, json};

use super::key::{self, Key};
use super::origin::plain;
use super::toml_file::FileState;
use super::{EffectiveMode, Loaded, Settings};

impl Loaded {
    /// The settings as lines `section.key = value   # origin`, which are a settings file again that comes to the same,
    /// below a comment that names the layers. Ends with a newline.
    pub fn to_toml(&self) -> String {
        let rows: Vec<_> = rows(&self.settings)
            .map(|(key, value)| (self.row(key, &value), self.remark(key)))
            .collect();
        let widths = rows.iter().map(|(row, _)| row.chars().count());
        let width = widths.map(|width| width.min(COLUMN_MAX)).max().unwrap_or(0);
        let version = env!("CARGO_PKG_VERSION");
        let mut text = format!("# papo {version}: the settings in force\n");
        text += &format!("# layers, the later wins: {}\n", self.layers());
        for (row, remark) in rows {
            writeln!(text, "{row:width$}  # {remark}").expect("writing to a String cannot fail");
        }
        text
    }

    /// The same as one JSON object without newlines: `{section: {key: {"value": …, "origin": …}}}`.
    pub fn to_json(&self) -> String {
        let mut sections = Map::new();
        for (key, value) in rows(&self.settings) {
            let entry =
                json!({ "value": value, "origin": self.settings.origin(&key.path()).to_string() });
            let section = sections
                .entry(key.section)
                .or_insert_with(|| Value::Object(Map::new()));
            section[key.name] = entry;
        }
        Value::Object(sections).to_string()
    }

    fn row(&self, key: &Key, value: &Value) -> String {
        let path = key.path();
        // In a file this address would be one somebody chose, and the mode `auto` another one.
        let is_hidden = path == "rendezvous.address" && !self.settings.is_chosen(&path);
        let mark = if is_hidden { "# " } else { "" };
        format!("{mark}{path} = {}", toml(value))
    }

    fn layers(&self) -> String {
        let file = |(path, state): &(PathBuf, FileState)| match state {
            FileState::Read => plain(&path.to_string_lossy()),
            FileState::Missing => format!("{} (not there)", plain(&path.to_string_lossy())),
        };
        let mut layers = vec!["built-in".to_owned()];
        layers.extend(self.files.iter().map(file));
        layers.extend([
            "environment PAPO_<SECTION>__<KEY>".to_owned(),
            "command line".to_owned(),
        ]);
        layers.join("; ")
    }

    fn remark(&self, key: &Key) -> String {
        let path = key.path();
        let origin = self.settings.origin(&path);
        match (path.as_str(), self.settings.rendezvous_mode()) {
            ("rendezvous.mode", EffectiveMode::Embedded) => {
                format!("{origin}; in effect: embedded")
            }
            ("rendezvous.mode", EffectiveMode::Remote) => format!("{origin}; in effect: remote"),
            _ => origin.to_string(),
        }
    }
}

/// A row longer than this does not move the comments of all the others.
const COLUMN_MAX: usize = 60;

/// The value of `section.key` as one would write it.
pub(super) fn written(settings: &Settings, path: &str) -> String {
    let row = rows(settings).find(|(key, _)| key.path() == path);
    row.map(|(_, value)| toml(&value)).unwrap_or_default()
}

fn rows(settings: &Settings) -> impl Iterator<Item = (&'static Key, Value)> {
    let values = [
        settings.node.shown(),
        settings.rendezvous.shown(),
        settings.connection.shown(),
        settings.rendezvous_server.shown(),
        settings.prompt.shown(),
        settings.logging.shown(),
        settings.metrics.shown(),
        settings.supervision.shown(),
    ];
    key::all().zip(values.into_iter().flatten())
}

/// A single JSON value as TOML. Both write texts, numbers and truth values alike, but for DEL, which TOML wants escaped.
fn toml(value: &Value) -> String {
    value.to_string().replace('\u{7f}', "\\u007f")
}
