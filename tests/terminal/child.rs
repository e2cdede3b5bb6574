//! The program in the pseudo-terminal: a node that only talks to its terminal. Each line it gets
//! is an order, anything else is answered.

use std::{path::PathBuf, sync::Arc, time::Duration};

use papo::frontends::cli::terminal::{
    self, Completion, Page, TerminalInput, TerminalOptions, TerminalWriter,
};
use tokio::signal::unix::{SignalKind, signal};

/// The exit code after the end of input.
pub const END_OF_INPUT: i32 = 4;

/// The exit code after SIGTERM.
pub const TERMINATED: i32 = 15;

/// Runs until it is told to end; the exit code says what ended it.
pub async fn run(history_path: Option<PathBuf>) -> i32 {
    let mut terminate = signal(SignalKind::terminate()).unwrap();
    let mut code = 0;
    let _deaf_to_hang_up = signal(SignalKind::hangup()).unwrap();
    assert!(terminal::supported());
    let options = TerminalOptions {
        prompt: "me> ".into(),
        history_path,
        completer: Arc::new(complete),
        echo: terminal::echo_commands,
    };
    let (writer, mut inputs) = terminal::start(options).unwrap();
    loop {
        let input = tokio::select! {
            input = inputs.recv() => input,
            _ = terminate.recv() => {
                writer.close().await;
                return TERMINATED;
            }
        };
        let Some(input) = input else { return code };
        match input {
            TerminalInput::Line(line) => obey(&line, &writer).await,
            TerminalInput::Interrupt => writer.print("interrupted".into()).await,
            TerminalInput::EndOfInput => {
                code = END_OF_INPUT;
                writer.print("end of input".into()).await;
                writer.close().await;
            }
        }
    }
}

async fn obey(line: &str, writer: &TerminalWriter) {
    match line.split_once(' ').unwrap_or((line, "")) {
        ("/flood", count) => flood(count.parse().unwrap(), writer.clone()),
        ("/chat", count) => {
            (0..count.parse().unwrap()).for_each(|n: u32| writer.try_print(format!("chat {n}")));
            writer.print("chat is over".into()).await;
        }
        ("/prompt", prompt) => writer.set_prompt(format!("{prompt}> ")),
        ("/status", status) => writer.set_status(Some(status.to_owned())),
        ("/clear", _) => writer.clear(),
        ("/page", chat) => page(chat.parse().unwrap_or(0), writer.clone()),
        ("/restore", _) => {
            terminal::restore();
            std::process::exit(0);
        }
        ("/quit", count) => {
            for n in 0..count.parse().unwrap_or(0) {
                writer.print(format!("last {n}")).await;
            }
            writer.close().await;
        }
        _ => writer.print(format!("got [{line}]")).await,
    }
}

/// A page that says its size and what waits.
#[derive(Debug)]
struct Size(&'static str);

impl Page for Size {
    fn rows(&self, columns: usize, rows: usize, held: u64) -> Vec<String> {
        assert!(rows > 3, "a page that panics");
        let Self(word) = self;
        let mut lines = vec![String::new(); rows - 1];
        lines[0] = format!("{word} {columns}x{rows}");
        lines.push(format!("{held} wait"));
        lines
    }
}

/// Opens a page, then lets chat come in behind it, and shows a newer state of the page until it is left.
fn page(chat: u32, writer: TerminalWriter) {
    writer.open_page(Arc::new(Size("first")));
    (0..chat).for_each(|n| writer.try_print(format!("chat {n}")));
    tokio::spawn(async move {
        while writer.update_page(Arc::new(Size("page"))) {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        writer.print("the page was left".into()).await;
    });
}

/// Lines without end until the count is reached, while the terminal goes on being used.
fn flood(count: u32, writer: TerminalWriter) {
    tokio::spawn(async move {
        for n in 1..=count {
            writer
                .print(format!("flood {n} \x1b[31mred\x1b[39m 日本語"))
                .await;
        }
    });
}

/// `!` stands for a mistake in the node's code.
fn complete(line: &str) -> Completion {
    assert!(!line.ends_with('!'), "a completer that panics");
    let fits = ["/flood", "/prompt", "/status"]
        .into_iter()
        .filter(|word| word.starts_with(line));
    Completion {
        start: 0,
        candidates: fits.map(str::to_owned).collect(),
    }
}
