//! Panics go to the log, not raw onto a terminal whose screen somebody is drawing. An actor's panic is the
//! supervisor's to report; one that ends the process is told by `main`, from what is kept here.

use std::{
    panic::{self, PanicHookInfo},
    sync::Mutex,
};

static LAST: Mutex<Option<String>> = Mutex::new(None);

/// Logs every panic from now on, with its place, instead of writing it to stderr.
pub fn log_panics() {
    panic::set_hook(Box::new(|info| {
        let words = words(info);
        tracing::error!("{words}");
        if let Ok(mut last) = LAST.lock() {
            *last = Some(words);
        }
    }));
}

/// The last panic of this process, for whoever has to say why it ended.
pub fn last_panic() -> Option<String> {
    LAST.lock().ok()?.take()
}

fn words(info: &PanicHookInfo<'_>) -> String {
    let message = info.payload_as_str().unwrap_or("without a message");
    match info.location() {
        Some(place) => format!("panic at {}:{}: {message}", place.file(), place.line()),
        None => format!("panic: {message}"),
    }
}
