//! The commands as `/help`, completion and the README describe them.

/// One command as `/help`, completion and the README describe it.
#[derive(Debug, PartialEq, Eq)]
pub struct Spec {
    /// Without the slash.
    pub name: &'static str,
    /// Its arguments.
    pub arguments: &'static str,
    /// What it does, in a line.
    pub summary: &'static str,
    /// A line one can type.
    pub example: &'static str,
}

/// All commands in the order of `/help`, which has to fit a screen: an argument is short, a summary has at most 46
/// characters.
pub const COMMANDS: &[Spec] = &[
    spec(
        "msg",
        "PEER TEXT",
        "a message to one peer",
        "/msg bob@lobby are you there?",
    ),
    spec(
        "pub",
        "*|#NS TEXT",
        "a message to everyone, or to a namespace",
        "/pub #lobby hello",
    ),
    spec(
        "to",
        "[PEER|*|#NS]",
        "where plain lines go; everyone at first",
        "/to bob",
    ),
    spec(
        "peers",
        "[*|#NS]",
        "known peers and whether they are connected",
        "/peers #lobby",
    ),
    spec("conn", "", "open connections", "/conn"),
    spec("rtt", "", "round-trip times", "/rtt"),
    spec(
        "history",
        "[PEER|*|#NS] [COUNT]",
        "the last messages and acknowledgements",
        "/history bob 20",
    ),
    spec(
        "ignore",
        "[PEER [TIME]]",
        "hide what a peer says; alone: who is ignored",
        "/ignore bob 10min",
    ),
    spec("unignore", "PEER", "show a peer again", "/unignore bob"),
    spec(
        "block",
        "[PEER|ADDRESS]",
        "no link with it; alone: who is blocked",
        "/block 192.168.1.7",
    ),
    spec(
        "unblock",
        "PEER|ADDRESS",
        "allow links again",
        "/unblock 192.168.1.7",
    ),
    spec(
        "connect",
        "HOST PORT",
        "connect to an address",
        "/connect 192.168.1.7 4000",
    ),
    spec(
        "reconnect",
        "",
        "look for peers and dial all not connected",
        "/reconnect",
    ),
    spec(
        "status",
        "",
        "this node: address, rendezvous, messages",
        "/status",
    ),
    spec("metrics", "", "counters of this node", "/metrics"),
    spec(
        "log",
        "[LEVEL|MODULE=LEVEL]",
        "what is logged, from error to trace",
        "/log debug",
    ),
    spec(
        "top",
        "",
        "peers, rates and actors, live; q returns",
        "/top",
    ),
    spec("clear", "", "clear the screen", "/clear"),
    spec(
        "help",
        "[COMMAND]",
        "this list, or one command with an example",
        "/help msg",
    ),
    spec("quit", "", "leave", "/quit"),
];

const fn spec(
    name: &'static str,
    arguments: &'static str,
    summary: &'static str,
    example: &'static str,
) -> Spec {
    Spec {
        name,
        arguments,
        summary,
        example,
    }
}
