//! What the doctor asks of the rendezvous: does it answer, and has somebody else our name.

use std::{sync::Arc, time::Duration};

use super::finding::{Finding, State};
use crate::{
    actors::rendezvous::{
        network::{Network, TcpNetwork},
        startup::{first_look, taken},
    },
    proto::{
        hosting::EMBEDDED_PORTS_COUNT,
        registration::{Endpoint, Exchange, Outcome},
    },
    settings::{EffectiveMode, Settings},
    wire::{
        identity::PeerId,
        rendezvous::{Answer, Request},
    },
};

const CHECK: &str = "rendezvous";

/// Whether the rendezvous answers, and where.
pub(super) async fn reachable(settings: &Settings) -> (Finding, Option<Endpoint>) {
    match settings.rendezvous_mode() {
        EffectiveMode::Off => {
            let advice = "nodes are reached with --join and /connect only";
            (Finding::note(CHECK, "none is used", advice), None)
        }
        EffectiveMode::Remote => remote(settings).await,
        EffectiveMode::Embedded => embedded(settings).await,
    }
}

/// Whether a living node answers under our name elsewhere.
pub(super) async fn name(own: &PeerId, endpoint: &Endpoint, limit: Duration) -> Finding {
    const CHECK: &str = "name";
    let records = first_look(&TcpNetwork, endpoint, own, limit).await;
    match taken(&TcpNetwork, &records, own, 0, None).await {
        Some(address) => {
            let words = format!("{own} answers at {address} already");
            Finding::wrong(CHECK, words, "choose another --name, or end that node")
        }
        None => Finding::well(CHECK, format!("{own}: nobody else answers under it")),
    }
}

async fn remote(settings: &Settings) -> (Finding, Option<Endpoint>) {
    let address = settings.rendezvous.address.to_string();
    let exchange = ask(&address, settings.rendezvous.timeout).await;
    let finding = judge(&address, &exchange);
    let answers = matches!(
        exchange.outcome,
        Outcome::Answered(Answer::Ok(_) | Answer::Error(_))
    );
    (finding, answers.then(|| endpoint(&address)))
}

/// The one of this machine; that nobody hosts it yet is no trouble.
async fn embedded(settings: &Settings) -> (Finding, Option<Endpoint>) {
    let first = settings.rendezvous.address.port;
    let mut foreign = None;
    for port in (0..EMBEDDED_PORTS_COUNT).filter_map(|offset| first.checked_add(offset)) {
        let address = format!("127.0.0.1:{port}");
        let exchange = ask(&address, settings.rendezvous.timeout).await;
        match exchange.outcome {
            Outcome::Answered(Answer::Ok(_) | Answer::Error(_)) => {
                return (judge(&address, &exchange), Some(endpoint(&address)));
            }
            Outcome::Refused => {
                let words =
                    format!("none runs on this machine: the next node hosts it at {address}");
                return (Finding::well(CHECK, words), None);
            }
            _ => foreign = Some(port),
        }
    }
    let words = match foreign {
        Some(port) => format!("other programs have its ports, the last of them {port}"),
        None => "it has no port".into(),
    };
    let advice =
        "set rendezvous.mode to embedded, and rendezvous.address to another port of 127.0.0.1";
    (
        Finding::new(CHECK, State::Unreachable, words, Some(advice.into())),
        None,
    )
}

async fn ask(address: &str, limit: Duration) -> Exchange {
    let request = Request::Discover { namespace: None };
    TcpNetwork
        .request(address.into(), None, request, limit)
        .await
}

fn endpoint(address: &str) -> Endpoint {
    Endpoint {
        address: Arc::from(address),
        hosted: false,
        embedded: false,
    }
}

/// The protocol gives no time, so that clocks cannot be compared.
fn judge(address: &str, exchange: &Exchange) -> Finding {
    let gone = |words: &str, advice: &str| {
        let words = format!("{address}: {words}");
        Finding::new(CHECK, State::Unreachable, words, Some(advice.into()))
    };
    match &exchange.outcome {
        Outcome::Answered(Answer::Ok(_) | Answer::Error(_)) => Finding::well(
            CHECK,
            format!("{address} answers (its clock cannot be compared: it tells no time)"),
        ),
        Outcome::Answered(Answer::Blocked { seconds }) => {
            let words = format!("it has blocked this address for {seconds} s");
            gone(&words, "wait; nodes wait by themselves")
        }
        Outcome::Answered(Answer::NotARendezvous) => {
            gone("another program answers there", "check the address")
        }
        Outcome::ClosedSilently => gone(
            "it closes the connection without a word",
            "it may have blocked this address: try again in a minute",
        ),
        Outcome::TimedOut => gone(
            "no answer in time",
            "check the address, the network and firewalls",
        ),
        Outcome::Refused => gone(
            "nobody listens there",
            "check the address and whether it runs",
        ),
        Outcome::Unreachable(words) => gone(words, "check the name and the network"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_answer_of_a_rendezvous_has_its_words() {
        for (outcome, state, words) in [
            (
                Outcome::Answered(Answer::Ok(Default::default())),
                State::Well,
                "answers",
            ),
            (
                Outcome::Answered(Answer::NotARendezvous),
                State::Unreachable,
                "another program",
            ),
            (
                Outcome::Answered(Answer::Blocked { seconds: 7 }),
                State::Unreachable,
                "for 7 s",
            ),
            (
                Outcome::ClosedSilently,
                State::Unreachable,
                "without a word",
            ),
            (Outcome::TimedOut, State::Unreachable, "no answer in time"),
            (Outcome::Refused, State::Unreachable, "nobody listens"),
            (
                Outcome::Unreachable("no such host".into()),
                State::Unreachable,
                "no such host",
            ),
        ] {
            let server = None;
            let finding = judge("a:1", &Exchange { server, outcome });
            assert_eq!(finding.state, state, "{finding:?}");
            assert!(finding.words.contains(words), "{finding:?}");
            assert_eq!(finding.advice.is_some(), state != State::Well);
        }
    }
}
