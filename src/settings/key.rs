//! The table of keys: every setting there is, and what a misspelt one probably meant.

use super::form::Check;
use super::sections::{
    Connection, Logging, Monitoring, Node, Prompt, Rendezvous, RendezvousServer, Supervision,
};

/// One setting: its place and its form.
pub(super) struct Key {
    /// The section, as in the files.
    pub section: &'static str,
    /// The key within the section.
    pub name: &'static str,
    /// What may be written.
    pub form: &'static dyn Check,
}

/// All keys in the order of the sections and of the struct fields.
pub(super) fn all() -> impl Iterator<Item = &'static Key> {
    [
        Node::KEYS,
        Rendezvous::KEYS,
        Connection::KEYS,
        RendezvousServer::KEYS,
        Prompt::KEYS,
        Logging::KEYS,
        Monitoring::KEYS,
        Supervision::KEYS,
    ]
    .into_iter()
    .flatten()
}

/// The key of this section and name.
pub(super) fn find(section: &str, name: &str) -> Option<&'static Key> {
    all().find(|key| key.section == section && key.name == name)
}

/// Whether there is such a section.
pub(super) fn is_section(section: &str) -> bool {
    all().any(|key| key.section == section)
}

/// The key somebody probably meant by `section.name`: a like one in that section or, if need be, in another.
pub(super) fn nearest(section: &str, name: &str) -> Option<&'static Key> {
    let (section, name) = (section.to_ascii_lowercase(), name.to_ascii_lowercase());
    if section.is_empty() && is_section(&name) {
        return None;
    }
    let likeness = |key: &Key| {
        let of_name = strsim::jaro_winkler(&name, key.name);
        let part = if key.section.contains(&section) {
            0.9
        } else {
            0.0
        };
        let of_section = strsim::jaro_winkler(&section, key.section).max(part);
        (of_name >= LIKENESS_MIN).then_some(of_name + 0.2 * of_section)
    };
    let candidates = all().filter_map(|key| Some((likeness(key)?, key)));
    let best = candidates.max_by(|(one, _), (other, _)| one.total_cmp(other));
    best.map(|(_, key)| key)
}

/// What there is where an unknown key was found: the keys of its section, or the sections.
pub(super) fn known(section: &str, name: &str) -> String {
    let section = if section.is_empty() { name } else { section }.to_ascii_lowercase();
    let names: Vec<&str> = all()
        .filter(|key| key.section == section)
        .map(|key| key.name)
        .collect();
    if !names.is_empty() {
        return format!("[{section}] has {}", names.join(", "));
    }
    let mut sections: Vec<&str> = all().map(|key| key.section).collect();
    sections.dedup();
    format!("the sections are {}", sections.join(", "))
}

impl Key {
    /// `section.key`, as in error texts and `papo config`.
    pub fn path(&self) -> String {
        format!("{}.{}", self.section, self.name)
    }

    /// The environment variable that sets it.
    pub fn variable(&self) -> String {
        format!("PAPO_{}__{}", self.section, self.name).to_ascii_uppercase()
    }
}

/// Likeness of two names (0 to 1) below which a guess would only confuse.
const LIKENESS_MIN: f64 = 0.82;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_misspelt_key_finds_the_one_that_was_meant() {
        for (section, name, meant) in [
            (
                "connection",
                "ping_intervall",
                Some("connection.ping_interval"),
            ),
            (
                "conection",
                "ping_interval",
                Some("connection.ping_interval"),
            ),
            ("node", "nmae", Some("node.name")),
            ("NODE", "NAME", Some("node.name")),
            ("node", "ping_interval", Some("connection.ping_interval")),
            ("logging", "levle", Some("logging.level")),
            ("nodes", "port", Some("node.port")),
            ("server", "port", Some("rendezvous_server.port")),
            ("", "name", Some("node.name")),
            ("node", "colour", None),
            ("zzz", "qqq", None),
        ] {
            assert_eq!(
                nearest(section, name).map(Key::path).as_deref(),
                meant,
                "{section}.{name}"
            );
        }
    }

    #[test]
    fn no_key_is_there_twice() {
        let mut paths: Vec<String> = all().map(Key::path).collect();
        let count = paths.len();
        paths.sort();
        paths.dedup();
        assert_eq!(paths.len(), count);
    }
}
