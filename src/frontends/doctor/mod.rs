//! `papo doctor`: looks for what keeps a node from working, one line for each thing and one of advice for each trouble.
//! It registers nothing and starts no node.

mod finding;
mod machine;
mod rendezvous;

use std::time::Duration;

use serde_json::Value;
use tokio::time::timeout;

use self::finding::Finding;
use super::{
    cli::style::duration,
    exit::{Exit, complain, say},
    remote::Remote,
    signals::Signals,
};
use crate::{
    args::Invocation,
    identity_lock, login,
    paths::Places,
    settings::{EffectiveMode, Settings},
    wire::identity::PeerId,
};

/// How long a running node may take to tell how it is.
const STATUS_WAIT: Duration = Duration::from_secs(5);

/// Looks at everything and says what it found.
pub async fn run(invocation: Invocation, settings: Settings, places: Places) -> Exit {
    let Ok(mut signals) = Signals::new() else {
        return complain("signals cannot be handled", Exit::Failure);
    };
    let findings = tokio::select! {
        findings = look(&invocation, &settings, &places) => findings,
        code = signals.next() => return Exit::Killed(code),
    };
    let text = match invocation.json {
        true => finding::data(&findings).to_string(),
        false => {
            let lines: Vec<String> = findings.iter().map(Finding::text).collect();
            lines.join("\n")
        }
    };
    match say(&text) {
        Ok(()) => finding::exit(&findings),
        Err(_) => Exit::Failure,
    }
}

async fn look(invocation: &Invocation, settings: &Settings, places: &Places) -> Vec<Finding> {
    let mut findings = vec![
        read_settings(invocation, places),
        machine::data_folder(places),
    ];
    let running = status(invocation, settings, places).await;
    let own = match &running {
        Some(status) => status["peer_id"]
            .as_str()
            .and_then(|it| PeerId::parse(it).ok()),
        None => own_id(settings),
    };
    findings.push(machine::network());
    let (reached, endpoint) = rendezvous::reachable(settings).await;
    findings.push(reached);
    match (running, own) {
        (Some(status), Some(own)) => findings.push(running_node(&own, &status)),
        (None, Some(own)) => {
            findings.push(machine::port(settings));
            findings.push(lock(&own, places));
            if let Some(endpoint) = endpoint {
                let limit = settings.rendezvous.timeout;
                findings.push(rendezvous::name(&own, &endpoint, limit).await);
            }
        }
        (_, None) => {
            let advice = "choose another --name or --namespace";
            findings.push(Finding::wrong("name", "this name cannot be used", advice));
        }
    }
    if settings.rendezvous_mode() == EffectiveMode::Remote {
        let words = "whether others can reach this node is not checked";
        let advice = "on another machine: papo --join ADDRESS:PORT, with the address of this one";
        findings.push(Finding::note("reachable", words, advice));
    }
    findings
}

fn read_settings(invocation: &Invocation, places: &Places) -> Finding {
    let user = places.user_settings().filter(|path| path.exists());
    let files: Vec<String> = user
        .iter()
        .chain(&invocation.config_file)
        .map(|path| path.display().to_string())
        .collect();
    let words = match files.is_empty() {
        true => "no settings file; papo config shows what is in force".into(),
        false => format!("{} read without an error", files.join(" and ")),
    };
    Finding::well("settings", words)
}

fn own_id(settings: &Settings) -> Option<PeerId> {
    let name = settings
        .node
        .name
        .clone()
        .unwrap_or_else(login::default_name);
    PeerId::own(&name, &settings.node.namespace).ok()
}

/// What the running node says of itself, if one runs.
async fn status(invocation: &Invocation, settings: &Settings, places: &Places) -> Option<Value> {
    let mut remote = Remote::of_running(invocation, settings, places).await?;
    let status = timeout(STATUS_WAIT, remote.ask("status", "doctor")).await;
    let data = status.ok().flatten().map(|reply| reply["data"].clone());
    remote.close().await;
    data
}

fn running_node(own: &PeerId, status: &Value) -> Finding {
    let number = |name: &str| status[name].as_u64().unwrap_or_default();
    let up = Duration::from_millis(status["up_ms"].as_f64().unwrap_or_default() as u64);
    let words = format!(
        "{own} runs here, up {}, {} of {} peers connected",
        duration(up),
        number("connected"),
        number("peers")
    );
    match number("restarts") {
        0 => Finding::well("node", words),
        count => {
            let words = format!("{words}, {count} restarts of its parts");
            Finding::note("node", words, "its log has the reasons")
        }
    }
}

/// A node without a control socket holds its lock all the same.
fn lock(own: &PeerId, places: &Places) -> Finding {
    let free = places
        .identity_dir(own.as_str())
        .map(|folder| identity_lock::is_free(&folder));
    match free {
        Ok(false) => {
            let words = format!("{own} runs here, and does not answer on its control socket");
            Finding::wrong("node", words, "end it, or choose another --name")
        }
        Ok(true) | Err(_) => Finding::well("node", format!("{own} does not run here")),
    }
}
