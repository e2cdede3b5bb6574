//! The settings: typed values, the layers they come from and where each one came from.
//!
//! Five layers, the later wins: `settings/default.toml`, the user file, `--config FILE`, the environment
//! (`PAPO_<SECTION>__<KEY>`), the command line. Values stay text until the form of their own key reads them, and
//! every problem of every layer is reported at once. Knows nothing of sockets, actors or the terminal, and reads no
//! environment of its own: the caller hands everything in through [`Sources`].

mod address;
mod choice;
mod duration;
mod form;
mod found;
mod key;
mod layer;
mod number;
mod origin;
mod problem;
mod relations;
mod sections;
mod show;
#[cfg(test)]
mod tests;
mod text;
mod toml_file;

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::{Path, PathBuf};

pub use address::{AddressError, HostPort, Listen, Port};
pub use choice::{Bell, RendezvousMode};
pub use origin::Origin;
pub use problem::{Problem, SettingsErrors};
pub use sections::{
    Connection, Logging, Monitoring, Node, Prompt, Rendezvous, RendezvousServer, Supervision,
};

use key::Key;
use layer::{Layer, Texts};
use toml_file::FileState;

/// The built-in layer, also the documentation of every setting.
const DEFAULTS: &str = include_str!("../../settings/default.toml");

/// All settings in force, by section, with the origin of each.
#[derive(Debug, Clone, PartialEq)]
pub struct Settings {
    /// This node: its identity, where it listens, where it keeps things.
    pub node: Node,
    /// How peers are found.
    pub rendezvous: Rendezvous,
    /// Links to peers and their limits.
    pub connection: Connection,
    /// The rendezvous server, whether hosted by a node or by `papo rendezvous`.
    pub rendezvous_server: RendezvousServer,
    /// A node on a terminal.
    pub prompt: Prompt,
    /// What is logged and where.
    pub logging: Logging,
    /// The endpoint for Prometheus.
    pub metrics: Monitoring,
    /// When crashed parts are started again, and when they are given up.
    pub supervision: Supervision,
    origins: BTreeMap<String, Origin>,
}

/// What [`Settings::load`] merges: all that the outside says, weakest first.
#[derive(Debug, Clone, Default)]
pub struct Sources {
    /// The user's own file; it may be missing.
    pub user_file: Option<PathBuf>,
    /// The file of `--config`; it must exist.
    pub config_file: Option<PathBuf>,
    /// The whole environment; only names of the form `PAPO_<SECTION>__<KEY>` are looked at.
    pub environment: Vec<(OsString, OsString)>,
    /// What the command line sets.
    pub arguments: Vec<Argument>,
}

/// One setting given on the command line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Argument {
    /// The setting, `section.key`.
    pub key: &'static str,
    /// Its value as typed.
    pub value: String,
    /// The option that carried it, such as `--name`, for error texts.
    pub option: &'static str,
}

/// Settings that were read without a problem, and the files that were looked at.
#[derive(Debug, Clone, PartialEq)]
pub struct Loaded {
    /// The settings in force.
    pub settings: Settings,
    files: Vec<(PathBuf, FileState)>,
}

/// What the setting `rendezvous.mode` comes to (product, "The rendezvous setting").
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EffectiveMode {
    /// Share the rendezvous of this machine, and host it if nobody does.
    Embedded,
    /// Use the server at `rendezvous.address`; never host.
    Remote,
    /// Do without.
    Off,
}

impl Settings {
    /// Merges the layers and reads every value.
    ///
    /// # Errors
    /// All problems of all layers at once: unreadable files, unknown keys, values that are not allowed, also in a
    /// layer that a later one overrides. The user has to mend them; the program exits with code 2.
    pub fn load(sources: Sources) -> Result<Loaded, SettingsErrors> {
        let mut problems = Vec::new();
        let mut files = Vec::new();
        let mut layers = vec![built_in(&mut problems)];
        for (path, required) in sources.files() {
            let (layer, state) = from_file(&path, required, &mut problems);
            layers.push(layer);
            files.push((path, state));
        }
        let variables = found::in_environment(&sources.environment);
        layers.push(Layer::checked(variables, Key::variable, &mut problems));
        let arguments = found::in_arguments(&sources.arguments);
        layers.push(Layer::checked(arguments, Key::path, &mut problems));
        let settings = Self::from_texts(&Texts::merge(layers));
        relations::check(&settings, &mut problems);
        match problems.is_empty() {
            true => Ok(Loaded { settings, files }),
            false => Err(SettingsErrors(problems)),
        }
    }

    /// Where the value of `section.key` came from; the built-in layer for a key that does not exist.
    pub fn origin(&self, key: &str) -> Origin {
        self.origins
            .get(key)
            .cloned()
            .unwrap_or_else(Origin::built_in)
    }

    /// Whether any layer above the built-in one sets `section.key`.
    pub fn is_chosen(&self, key: &str) -> bool {
        !self.origin(key).is_built_in()
    }

    /// What `rendezvous.mode` comes to: `auto` is remote if anybody chose the address, otherwise embedded.
    pub fn rendezvous_mode(&self) -> EffectiveMode {
        match self.rendezvous.mode {
            RendezvousMode::Auto if self.is_chosen("rendezvous.address") => EffectiveMode::Remote,
            RendezvousMode::Auto | RendezvousMode::Embedded => EffectiveMode::Embedded,
            RendezvousMode::Remote => EffectiveMode::Remote,
            RendezvousMode::Off => EffectiveMode::Off,
        }
    }

    fn from_texts(texts: &Texts) -> Self {
        Self {
            node: Node::read(texts),
            rendezvous: Rendezvous::read(texts),
            connection: Connection::read(texts),
            rendezvous_server: RendezvousServer::read(texts),
            prompt: Prompt::read(texts),
            logging: Logging::read(texts),
            metrics: Monitoring::read(texts),
            supervision: Supervision::read(texts),
            origins: texts.origins(),
        }
    }
}

impl Default for Settings {
    /// The built-in values alone.
    fn default() -> Self {
        Self::load(Sources::default())
            .expect("a test reads the built-in settings")
            .settings
    }
}

impl Sources {
    /// The files to read, weakest first, and whether each must exist.
    fn files(&self) -> impl Iterator<Item = (PathBuf, bool)> {
        let user = self.user_file.clone().map(|path| (path, false));
        let config = self.config_file.clone().map(|path| (path, true));
        user.into_iter().chain(config)
    }
}

fn built_in(problems: &mut Vec<Problem>) -> Layer {
    from_toml(DEFAULTS, |_line| Origin::built_in(), problems)
}

fn from_file(path: &Path, required: bool, problems: &mut Vec<Problem>) -> (Layer, FileState) {
    match toml_file::read(path, required) {
        Ok(Some(text)) => (
            from_toml(&text, |line| Origin::file(path, line), problems),
            FileState::Read,
        ),
        Ok(None) => (Layer::default(), FileState::Missing),
        Err(problem) => {
            problems.push(problem);
            (Layer::default(), FileState::Missing)
        }
    }
}

fn from_toml(text: &str, origin: impl Fn(usize) -> Origin, problems: &mut Vec<Problem>) -> Layer {
    match toml_file::parse(text, origin) {
        Ok(found) => Layer::checked(found, Key::path, problems),
        Err(mut syntax) => {
            problems.append(&mut syntax);
            Layer::default()
        }
    }
}
