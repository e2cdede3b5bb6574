//! One user's session with the node: runs commands and answers each, as text or as JSON. It outlives the
//! incarnations of CliActor.

mod talk;

use std::{
    sync::Arc,
    time::{Duration, SystemTime},
};

use jiff::{Timestamp, Zoned};
use parking_lot::Mutex;
use serde_json::json;
use tokio::sync::mpsc;

pub use self::talk::Progress;
use self::talk::Talk;
use super::{
    command::{self, Command, CommandError, Request},
    days::Days,
    errors::{internal, long_reference, send_error, too_long},
    filters,
    help_reply::help,
    history_reply::history,
    input::Typed,
    json as events,
    output::Output,
    render::Renderer,
    replies::{self, Reply},
    resolve::resolve,
};
use crate::{
    actors::router::{PeerName, Recipients},
    logging::LogControl,
    node::{NodeError, NodeHandle},
    settings::Bell,
    wire::{destination::Destination, identity::PeerId, printable::Printable},
};

/// How a session talks.
pub struct Options {
    /// Events and answers as JSON, one object a line.
    pub json: bool,
    /// A person sits there: nothing is waited for, and errors say what to type next.
    pub interactive: bool,
    /// Whether `/debug` exists.
    pub debug: bool,
    /// Colour.
    pub renderer: Renderer,
    /// How the user of a terminal is told that a text is for them.
    pub bell: Bell,
}

/// What a typed line came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// It was answered.
    Done,
    /// The user wants to leave.
    Quit,
}

/// Why the node should end before its user wants to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fatal {
    /// Another node answers under the chosen name.
    NameTaken,
    /// A long-lived actor was given up.
    GaveUp(String),
    /// `/debug panic program`: not the node, the program ends, as by a fault outside of every actor.
    PanicOnRequest,
}

/// One session.
pub struct Session {
    pub(super) node: NodeHandle,
    output: Output,
    pub(super) options: Options,
    log: LogControl,
    fatal: mpsc::Sender<Fatal>,
    /// Where plain lines go.
    conversation: Mutex<Recipients>,
    /// The day of the last line on a terminal.
    pub(super) days: Mutex<Days>,
}

type Parsed = Result<Command, CommandError>;

/// The longest `ref`, in bytes: one is kept for each message under way.
const REF_BYTES_MAX: usize = 256;

/// What came with a command.
#[derive(Clone, Default)]
struct Given {
    reference: Option<Arc<str>>,
    /// How long a text may wait for its peer, instead of the setting.
    wait: Option<Duration>,
}

impl Session {
    /// A session whose plain lines go to everyone.
    pub fn new(
        node: NodeHandle,
        output: Output,
        options: Options,
        log: LogControl,
        fatal: mpsc::Sender<Fatal>,
    ) -> Arc<Self> {
        Arc::new(Self {
            node,
            output,
            options,
            log,
            fatal,
            conversation: Mutex::new(Recipients::Everyone),
            days: Mutex::new(Days::since(&Zoned::now())),
        })
    }

    /// Where lines go.
    pub fn output(&self) -> &Output {
        &self.output
    }

    /// How events become text.
    pub fn renderer(&self) -> &Renderer {
        &self.options.renderer
    }

    /// Whether events are JSON.
    pub fn is_json(&self) -> bool {
        self.options.json
    }

    /// Another node has our name: the node has to end.
    pub fn name_is_taken(&self) {
        // With a full channel the end is under way.
        drop(self.fatal.try_send(Fatal::NameTaken));
    }

    /// Runs lines in their order and answers each. Texts that follow each other are sent together.
    pub async fn execute(&self, lines: &[Typed], progress: &Progress) -> Outcome {
        let mut talk = Talk::default();
        for typed in lines {
            let (command, given) = self.parse(typed);
            let command = self.allowed(command).await;
            let command = match command.map(|it| self.add_text(&mut talk, it, &given)) {
                Ok(None) => continue,
                Ok(Some(command)) => Ok(command),
                Err(error) => Err(error),
            };
            self.send(&mut talk, progress).await;
            progress.begin(1);
            match command {
                Ok(Command::Quit) => {
                    let reference = given.reference;
                    self.answer("quit", Reply::line("leaving"), reference).await;
                    return Outcome::Quit;
                }
                Ok(command) => self.run(command, given.reference).await,
                Err(error) => self.refuse(error, given.reference).await,
            }
            progress.answer();
        }
        self.send(&mut talk, progress).await;
        Outcome::Done
    }

    fn parse(&self, typed: &Typed) -> (Parsed, Given) {
        let line = match typed {
            Typed::Line(line) => line,
            Typed::TooLong(by) => return (Err(too_long(*by)), Given::default()),
        };
        let Request {
            reference,
            wait,
            command,
        } = match self.options.json && line.starts_with('{') {
            true => command::parse_object(line),
            false => Request::typed(line),
        };
        match reference {
            Some(long) if long.len() > REF_BYTES_MAX => {
                (Err(long_reference(long.len())), Given::default())
            }
            reference => {
                let reference = reference.map(Into::into);
                (command, Given { reference, wait })
            }
        }
    }

    /// A text to who is blocked is refused.
    async fn allowed(&self, command: Parsed) -> Parsed {
        let command = command?;
        match &command {
            Command::Message(peer, _) => {
                let to = Recipients::Peer(peer.clone());
                self.refuse_blocked(&to).await?;
            }
            Command::Say(_) => {
                let to = self.conversation.lock().clone();
                self.refuse_blocked(&to).await?;
            }
            _ => {}
        }
        Ok(command)
    }

    /// Tells an error that no command caused.
    pub async fn complain(&self, code: &'static str, message: &str, hint: &str) {
        let error = CommandError {
            code,
            message: message.into(),
            hint: hint.into(),
        };
        self.refuse(error, None).await;
    }

    async fn run(&self, command: Command, reference: Option<Arc<str>>) {
        let name = command.name();
        match self.reply_to(command).await {
            Ok(Some(reply)) => self.answer(name, reply, reference).await,
            Ok(None) => {}
            Err(error) => self.refuse(error, reference).await,
        }
    }

    /// The reply to a command; none where events are the answer.
    async fn reply_to(&self, command: Command) -> Result<Option<Reply>, CommandError> {
        let node = &self.node;
        let reply = match command {
            Command::To(to) => self.talk_to(to).await?,
            Command::Peers(namespace) => {
                // What is known is shown at once; fresher records come as events.
                let asked = node.discover(false).await.map_err(internal)?;
                let rows = node.peers().await.map_err(internal)?;
                let (filters, now) = (node.filters().list(), SystemTime::now());
                let is_filtered = |peer: &PeerId| filters::mark(&filters, now, peer);
                replies::peers(rows, namespace.as_deref(), is_filtered, asked)
            }
            Command::Links => replies::links(node.links().await.map_err(internal)?),
            Command::Rtt => replies::rtts(node.rtts().await.map_err(internal)?),
            Command::Reconnect => {
                let (count, asked) = node.reconnect().await.map_err(internal)?;
                replies::reconnect(count, asked)
            }
            Command::Connect(host, port) => self.connect(&host, port).await?,
            Command::Log(levels) => self.set_log(levels)?,
            Command::Metrics => replies::metrics(node.metrics()),
            Command::Status => self.status().await.map_err(internal)?,
            Command::History(with, count) => {
                let with = match with {
                    Some(with) => Some(self.one_talk(with).await?),
                    None => None,
                };
                let entries = node.recent(count, with).await.map_err(internal)?;
                history(
                    &self.without_hidden(entries),
                    self.renderer(),
                    &Zoned::now(),
                )
            }
            Command::Ignore(None) => filters::ignored(&node.filters().list(), SystemTime::now()),
            Command::Ignore(Some((peer, time))) => self.ignore(peer, time).await?,
            Command::Unignore(peer) => self.unignore(&peer).await?,
            Command::Block(None) => filters::blocked(&node.filters().list()),
            Command::Block(Some(whom)) => self.block(whom).await?,
            Command::Unblock(whom) => self.unblock(whom).await?,
            Command::Top => match self.top().await.map_err(internal)? {
                Some(reply) => reply,
                None => return Ok(None),
            },
            Command::Clear => self.clear(),
            Command::Help(spec) => help(spec),
            Command::Events { own_only } => self.hear(own_only)?,
            Command::DebugPanic(actor) => self.panic(&actor)?,
            // These are not run here.
            Command::Say(_) | Command::Message(..) | Command::Publish(..) | Command::Quit => {
                return Ok(None);
            }
        };
        Ok(Some(reply))
    }

    fn hear(&self, own_only: bool) -> Result<Reply, CommandError> {
        let Output::Client(client) = &self.output else {
            return Err(CommandError {
                code: "unknown_command",
                message: "the command events is for the control socket".into(),
                hint: "standard output gets all events".into(),
            });
        };
        client.hear(own_only);
        Ok(Reply::nothing())
    }

    async fn talk_to(&self, to: Option<Recipients>) -> Result<Reply, CommandError> {
        let to = match to {
            // A name is resolved once, so that a second peer of that name cannot take the conversation over.
            Some(Recipients::Peer(PeerName::Short(name))) => {
                let peer = self.node.resolve(PeerName::Short(name)).await;
                Some(Recipients::Peer(PeerName::Full(peer.map_err(send_error)?)))
            }
            to => to,
        };
        let mut conversation = self.conversation.lock();
        if let Some(to) = to {
            *conversation = to;
        }
        let words = replies::recipients(&conversation);
        if let Output::Terminal(terminal) = &self.output {
            terminal.set_prompt(self.prompt(&conversation));
        }
        let data = json!({"to": words});
        Ok(Reply::line(format!("plain lines go to {words}")).with(data))
    }

    /// A talk by the name it has on the wire.
    async fn one_talk(&self, with: Recipients) -> Result<Destination, CommandError> {
        Ok(match with {
            Recipients::Everyone => Destination::Everyone,
            Recipients::Namespace(namespace) => Destination::Namespace(namespace),
            Recipients::Peer(PeerName::Full(peer)) => Destination::Peer(peer),
            Recipients::Peer(name) => {
                Destination::Peer(self.node.resolve(name).await.map_err(send_error)?)
            }
        })
    }

    /// The prompt: who we are, and where plain lines go unless that is everyone.
    pub fn prompt(&self, conversation: &Recipients) -> String {
        let own = Printable::id(self.node.facts().own.name()).to_string();
        match conversation {
            Recipients::Everyone => format!("{own}> "),
            to => format!("{own} -> {}> ", replies::recipients(to)),
        }
    }

    async fn connect(&self, host: &str, port: u16) -> Result<Reply, CommandError> {
        let address = resolve(host, port).await.map_err(|reason| CommandError {
            code: "unknown_host",
            message: format!("{}: {reason}", Printable::id(host)),
            hint: "check the name, or give an IP address".into(),
        })?;
        self.refuse_blocked_address(address)?;
        self.node.dial(address, false).await.map_err(internal)?;
        let data = json!({"address": address});
        Ok(Reply::line(format!("connecting to {address}")).with(data))
    }

    fn set_log(&self, levels: Option<String>) -> Result<Reply, CommandError> {
        let current = match levels {
            None => self.log.current(),
            Some(levels) => self.log.set(&levels).map_err(|error| CommandError {
                code: "bad_level",
                message: error.to_string(),
                hint: "for example /log debug, or /log papo::actors::peer=trace".into(),
            })?,
        };
        let lost = self.log.lost_lines();
        let mut lines = vec![format!("logging {current}")];
        if lost > 0 {
            lines.push(format!(
                "{lost} lines were lost: the log could not be written fast enough"
            ));
        }
        let data = json!({"level": current, "lost_lines": lost});
        Ok(Reply::lines(lines).with(data))
    }

    async fn status(&self) -> Result<Reply, NodeError> {
        let node = &self.node;
        let (peers, links) = (node.peers().await?, node.links().await?);
        let rendezvous = node.rendezvous().await?;
        Ok(replies::status(node, &peers, &links, rendezvous.as_ref()))
    }

    fn clear(&self) -> Reply {
        match &self.output {
            Output::Terminal(terminal) => {
                terminal.clear();
                Reply::nothing()
            }
            Output::Pipe(_) | Output::Client(_) => Reply::line("there is no screen to clear"),
        }
    }

    fn panic(&self, actor: &str) -> Result<Reply, CommandError> {
        if !self.options.debug {
            return Err(CommandError {
                code: "unknown_command",
                message: "there is no command /debug".into(),
                hint: "/help lists the commands".into(),
            });
        }
        if actor == "program" {
            // With a full channel the end is under way.
            drop(self.fatal.try_send(Fatal::PanicOnRequest));
            return Ok(Reply::line("the program panics"));
        }
        match self.node.panic(actor) {
            Ok(()) => Ok(Reply::line(format!("{} panics", Printable::id(actor)))),
            Err(names) => Err(CommandError {
                code: "unknown_actor",
                message: format!("there is no actor {}", Printable::id(actor)),
                hint: format!("one of {}, program", names.join(", ")),
            }),
        }
    }

    async fn answer(&self, command: &str, reply: Reply, reference: Option<Arc<str>>) {
        let line = match self.options.json {
            true => events::reply(command, reply.data, reference.as_deref(), Timestamp::now()),
            false if reply.lines.is_empty() => return,
            false => reply.text(),
        };
        self.output.print(line).await;
    }

    async fn refuse(&self, error: CommandError, reference: Option<Arc<str>>) {
        let CommandError {
            code,
            message,
            hint,
        } = error;
        let line = match self.options.json {
            true => {
                let reference = reference.as_deref();
                events::error(code, &message, &hint, reference, Timestamp::now())
            }
            false => {
                let words = Printable::text(&message).to_string();
                let bad = self.renderer().style.bad(format!("! {words}"));
                format!("{bad}: {}", Printable::text(&hint))
            }
        };
        self.output.print(line).await;
    }
}
