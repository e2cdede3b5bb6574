//! The options of what reads a history: `papo history` and `papo why`.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

use super::{Color, CommonOptions, NodeOptions};

/// Which messages to print and how.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct HistoryRequest {
    /// A conversation, as typed.
    pub target: Option<String>,
    /// Words all of which are in the text.
    pub words: Option<String>,
    /// A time, as typed.
    pub since: Option<String>,
    /// A time, as typed.
    pub until: Option<String>,
    /// At most so many, the newest.
    pub count: Option<usize>,
    /// All of them, in this form.
    pub export: Option<Export>,
}

/// How messages are written out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Export {
    /// One JSON object a line, with the fields of the events
    Jsonl,
    /// As at the prompt, each with its date
    Text,
}

/// `papo history`
#[derive(Debug, Args)]
pub(super) struct HistoryOptions {
    /// Only this conversation: NAME@NAMESPACE, NAME, '*' or '#NAMESPACE'
    target: Option<String>,
    /// Only messages with all of these words, or words that begin so
    #[arg(long, value_name = "WORDS")]
    search: Option<String>,
    /// Only messages since then: 2h or 7d ago, 2026-11-20, or an RFC 3339 time
    #[arg(long, value_name = "TIME")]
    since: Option<String>,
    /// Only messages before then
    #[arg(long, value_name = "TIME")]
    until: Option<String>,
    /// At most so many, the newest [default: 50; with --export all]
    #[arg(long, value_name = "N")]
    count: Option<usize>,
    /// Write out all of them
    #[arg(long, value_name = "FORM")]
    export: Option<Export>,
    #[command(flatten)]
    store: StoreOptions,
}

/// `papo why`
#[derive(Debug, Args)]
pub(super) struct WhyOptions {
    /// The message: its number (12 or '#12'), the first 8 digits of its id, or last
    #[arg(value_name = "MSG")]
    pub message: String,
    #[command(flatten)]
    pub store: StoreOptions,
}

/// Whose history it is, and how it is shown.
#[derive(Debug, Args)]
pub(super) struct StoreOptions {
    /// Whose history it is [default: your login name, or the only one there is]
    #[arg(long, value_name = "NAME")]
    name: Option<String>,
    /// The namespace of that name [default: lobby]
    #[arg(long, value_name = "NAMESPACE")]
    namespace: Option<String>,
    /// Folder for what is kept between runs
    #[arg(long, value_name = "DIR")]
    data_dir: Option<String>,
    /// Read settings from this file too
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Print one JSON object a line instead of text
    #[arg(long)]
    json: bool,
    /// When to use colour
    #[arg(long, value_name = "WHEN")]
    color: Option<Color>,
}

impl HistoryOptions {
    /// What is asked for, and the rest.
    pub fn request(self) -> (HistoryRequest, StoreOptions) {
        let request = HistoryRequest {
            target: self.target,
            words: self.search,
            since: self.since,
            until: self.until,
            count: self.count,
            export: self.export,
        };
        (request, self.store)
    }
}

impl From<StoreOptions> for NodeOptions {
    fn from(options: StoreOptions) -> Self {
        Self {
            name: options.name,
            namespace: options.namespace,
            common: CommonOptions {
                data_dir: options.data_dir,
                config: options.config,
                ..CommonOptions::default()
            },
            json: options.json,
            color: options.color,
            ..Self::default()
        }
    }
}
