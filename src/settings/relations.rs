//! Relations between settings that are good each for itself but make no sense together.

use super::Settings;
use super::problem::Problem;
use super::show::written;

/// `one` must stand in a relation to `other`.
struct Relation {
    one: &'static str,
    must: &'static str,
    other: &'static str,
    holds: fn(&Settings) -> bool,
}

const NOT_BELOW: &str = "must not be less than";
const NOT_ABOVE: &str = "must not be more than";

const RELATIONS: &[Relation] = &[
    Relation {
        one: "connection.reconnect_backoff_max",
        must: NOT_BELOW,
        other: "connection.reconnect_backoff_base",
        holds: |all| all.connection.reconnect_backoff_max >= all.connection.reconnect_backoff_base,
    },
    Relation {
        one: "connection.max_inbound_per_address",
        must: NOT_ABOVE,
        other: "connection.max_inbound",
        holds: |all| all.connection.max_inbound_per_address <= all.connection.max_inbound,
    },
    Relation {
        one: "rendezvous.timeout",
        must: NOT_ABOVE,
        other: "rendezvous.ttl",
        holds: |all| all.rendezvous.timeout <= all.rendezvous.ttl,
    },
    Relation {
        one: "rendezvous_server.request_timeout",
        must: NOT_BELOW,
        other: "rendezvous_server.idle",
        holds: |all| all.rendezvous_server.request_timeout >= all.rendezvous_server.idle,
    },
    Relation {
        one: "supervision.backoff_cap",
        must: NOT_BELOW,
        other: "supervision.backoff_base",
        holds: |all| all.supervision.backoff_cap >= all.supervision.backoff_base,
    },
];

/// Notes every relation that does not hold, unless one of its values is wrong anyway.
pub(super) fn check(settings: &Settings, problems: &mut Vec<Problem>) {
    let mut clashes = Vec::new();
    for relation in RELATIONS {
        let wrong_anyway = problems.iter().any(|problem| concerns(problem, relation));
        if !wrong_anyway && !(relation.holds)(settings) {
            clashes.push(Problem::Clash {
                one: in_force(settings, relation.one),
                must: relation.must,
                other: in_force(settings, relation.other),
            });
        }
    }
    problems.append(&mut clashes);
}

fn concerns(problem: &Problem, relation: &Relation) -> bool {
    matches!(problem, Problem::BadValue { key, .. } if key == relation.one || key == relation.other)
}

fn in_force(settings: &Settings, key: &str) -> String {
    let (value, origin) = (written(settings, key), settings.origin(key));
    format!("{key} = {value} ({origin})")
}
