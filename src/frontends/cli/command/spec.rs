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

/// All commands in the order of `/help`.
pub const COMMANDS: &[Spec] = &[
    spec(
        "msg",
        "PEER TEXT",
        "a message to one peer",
        "/msg bob@lobby are you there?",
    ),
    spec(
        "pub",
        "*|#NAMESPACE TEXT",
        "a message to everyone, or to a namespace",
        "/pub #lobby hello",
    ),
    spec(
        "to",
        "[PEER|*|#NAMESPACE]",
        "where plain lines go; everyone at first",
        "/to bob",
    ),
    spec(
        "peers",
        "[*|#NAMESPACE]",
        "known peers and whether they are connected",
        "/peers #lobby",
    ),
    spec("conn", "", "open connections", "/conn"),
    spec("rtt", "", "round-trip times", "/rtt"),
    spec(
        "history",
        "[PEER|*|#NAMESPACE] [COUNT]",
        "the last messages and acknowledgements",
        "/history bob 20",
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
        "look for peers and dial all that are not connected",
        "/reconnect",
    ),
    spec(
        "status",
        "",
        "this node: address, rendezvous, peers, messages",
        "/status",
    ),
    spec("metrics", "", "counters of this node", "/metrics"),
    spec(
        "log",
        "[LEVEL|MODULE=LEVEL]",
        "what is logged: error, warn, info, debug, trace",
        "/log debug",
    ),
    spec("clear", "", "clears the screen", "/clear"),
    spec(
        "help",
        "[COMMAND]",
        "this list, or one command with an example",
        "/help msg",
    ),
    spec("quit", "", "leaves", "/quit"),
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
