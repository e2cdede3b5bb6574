//! The `papo` binary: parse, load the settings, start, choose the exit code.

use std::{
    panic::{self, AssertUnwindSafe},
    process::ExitCode,
};

use papo::{
    args::{self, Invocation, Mode},
    frontends::{
        bot, chat,
        cli::terminal,
        doctor,
        exit::{Exit, complain, say},
        history, rendezvous, send,
    },
    logging::last_panic,
    paths::Places,
    settings::{Loaded, Settings, Sources},
};

fn main() -> ExitCode {
    let invocation = match Invocation::parse(std::env::args_os()) {
        Ok(invocation) => invocation,
        Err(error) => {
            // Nobody can be told where the message itself cannot be written.
            drop(error.print());
            return ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(2));
        }
    };
    // A panic outside of every actor ends the process; the terminal is given back and the reason told first.
    let exit = panic::catch_unwind(AssertUnwindSafe(|| run(invocation)));
    let exit = exit.unwrap_or_else(|_| {
        terminal::restore();
        let words = last_panic().unwrap_or_else(|| "panic".into());
        complain(&format!("internal error: {words}"), Exit::Failure)
    });
    ExitCode::from(exit.code())
}

fn run(invocation: Invocation) -> Exit {
    match invocation.mode {
        Mode::Completions(shell) => return print(&args::completions(shell)),
        Mode::Man => {
            return match args::manual() {
                Ok(page) => print(&page),
                Err(error) => complain(&error.to_string(), Exit::Failure),
            };
        }
        _ => {}
    }
    let places = Places::from_environment();
    let loaded = Settings::load(Sources {
        user_file: places.user_settings(),
        config_file: invocation.config_file.clone(),
        environment: std::env::vars_os().collect(),
        arguments: invocation.arguments.clone(),
    });
    let loaded = match loaded {
        Ok(loaded) => loaded,
        Err(errors) => return complain(&errors.to_string(), Exit::Usage),
    };
    if invocation.mode == Mode::Config {
        return show(&loaded, invocation.json);
    }
    let settings = loaded.settings;
    let places = places.with_data_dir(settings.node.data_dir.as_deref());
    match &invocation.mode {
        Mode::History(request) => return history::list(request, &invocation, &settings, &places),
        Mode::Why(message) => return history::why(message, &invocation, &settings, &places),
        _ => {}
    }
    actix_rt::System::new().block_on(async move {
        match invocation.mode.clone() {
            Mode::Rendezvous => rendezvous::run(settings, places).await,
            Mode::Bot(traffic) => bot::run(invocation, traffic, settings, places).await,
            Mode::Doctor => doctor::run(invocation, settings, places).await,
            Mode::Send(sending) => send::run(invocation, sending, settings, places).await,
            _ => chat::run(invocation, settings, places).await,
        }
    })
}

/// Prints the settings in force and where each came from.
fn show(loaded: &Loaded, json: bool) -> Exit {
    let text = match json {
        true => loaded.to_json().to_string(),
        false => loaded.to_toml(),
    };
    print(text.as_bytes())
}

fn print(text: &[u8]) -> Exit {
    match say(&String::from_utf8_lossy(text)) {
        Ok(()) => Exit::Done,
        Err(_) => Exit::Failure,
    }
}
