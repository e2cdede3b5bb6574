//! What happens between keys, lines and frames: the pure machine behind the terminal's loop. It
//! decides when a frame is due, what becomes of the editor's actions, and which of the user's
//! lines goes to the node next. Knows nothing of files, channels or the terminal itself.

use std::{
    collections::VecDeque,
    time::{Duration, Instant},
};

use super::{
    Echo, TerminalInput,
    attention::{Alert, Attention, UNREAD},
    editor::{Action, Editor},
    keymap::Key,
    screen::{Block, Output, Screen},
};

/// Between two frames, unless a key asks for one: nobody reads faster.
const FRAME_INTERVAL: Duration = Duration::from_millis(16);
/// What the user may be ahead of the node before keys are left unread; above the bound of lines
/// in one paste, so that Ctrl-C is still read while a paste is being sent.
const AHEAD_MAX: usize = 2000;

/// What the loop has to do for a key.
#[derive(Debug, PartialEq, Eq)]
pub enum Request {
    /// Write these lines to the history file.
    Remember(Vec<String>),
    /// Stop the process until it is continued.
    Suspend,
}

/// The state of one terminal.
pub struct Session {
    editor: Editor,
    screen: Screen,
    echo: Echo,
    prompt: String,
    status: Option<String>,
    /// What the user gave and the node has not taken.
    ahead: VecDeque<TerminalInput>,
    /// Lines of our own for the next frame.
    own: Vec<Output>,
    attention: Attention,
    bell: bool,
    need: Need,
    last_frame: Instant,
}

/// How much a frame is wanted.
#[derive(Debug, PartialEq, Eq)]
enum Need {
    No,
    Soon,
    Now,
}

impl Session {
    /// A session that wants its first frame now.
    pub fn new(editor: Editor, screen: Screen, echo: Echo, now: Instant) -> Self {
        Self {
            editor,
            screen,
            echo,
            prompt: String::new(),
            status: None,
            ahead: VecDeque::new(),
            own: Vec::new(),
            attention: Attention::new(now),
            bell: false,
            need: Need::Now,
            last_frame: now,
        }
    }

    /// Takes a key.
    pub fn key(&mut self, key: Key) -> Option<Request> {
        self.need = Need::Now;
        let action = self.editor.key(key);
        self.act(action?)
    }

    /// Takes a text that was pasted as one.
    pub fn paste(&mut self, text: &str) -> Option<Request> {
        self.need = Need::Now;
        let action = self.editor.paste(text);
        self.act(action?)
    }

    /// Somebody is there: a key or a paste came.
    pub fn present(&mut self, now: Instant) {
        if self.attention.key(now) {
            self.want(Need::Soon);
        }
    }

    /// The terminal got the focus, or lost it.
    pub fn focus(&mut self, now: Instant, focused: bool) {
        if self.attention.focus(now, focused) {
            self.want(Need::Soon);
        }
    }

    /// A text for the user came.
    pub fn alert(&mut self, now: Instant, alert: Alert) {
        self.bell |= self.attention.alert(now, alert);
        self.want(Need::Soon);
    }

    /// The terminal has another size now.
    pub fn resize(&mut self, (columns, rows): (u16, u16)) {
        self.screen.resize(columns, rows);
        self.need = Need::Now;
    }

    /// The terminal is ours again after another program had it.
    pub fn resume(&mut self, size: (u16, u16)) {
        self.screen.forget();
        self.resize(size);
    }

    /// The prompt and the status row from now on.
    pub fn set_face(&mut self, (prompt, status): (String, Option<String>)) {
        if (&self.prompt, &self.status) != (&prompt, &status) {
            (self.prompt, self.status) = (prompt, status);
            self.want(Need::Soon);
        }
    }

    /// The terminal is gone: after what was typed comes the end.
    pub fn hang_up(&mut self) {
        self.ahead.push_back(TerminalInput::EndOfInput);
    }

    /// Whether keys may be read; not while the node is too far behind.
    pub fn takes_keys(&self) -> bool {
        self.ahead.len() < AHEAD_MAX
    }

    /// Whether there is something for the node.
    pub fn has_input(&self) -> bool {
        !self.ahead.is_empty()
    }

    /// What the node gets next. A line that is to be seen again goes above the block now.
    pub fn next_input(&mut self) -> Option<TerminalInput> {
        let input = self.ahead.pop_front()?;
        if let TerminalInput::Line(line) = &input
            && let Some(echo) = (self.echo)(&self.prompt, line)
        {
            self.say(echo);
        }
        Some(input)
    }

    /// When the next frame is to be drawn; `None` while nothing has changed.
    pub fn frame_due(&self, output_waits: bool) -> Option<Instant> {
        match self.need {
            Need::Now => Some(self.last_frame),
            Need::No if !output_waits => None,
            Need::Soon | Need::No => Some(self.last_frame + FRAME_INTERVAL),
        }
    }

    /// A frame with more output above the block.
    pub fn frame(&mut self, output: Vec<Output>, now: Instant) -> Vec<u8> {
        self.take_output(output, now);
        let view = self.editor.view();
        let block = Block {
            status: self.status.as_deref(),
            prompt: view.label.as_deref().unwrap_or(&self.prompt),
            text: view.text,
            cursor: view.cursor,
            hint: view.hint,
            candidates: view.candidates,
        };
        let mut frame = self.screen.frame(&self.own, Some(&block));
        if std::mem::take(&mut self.bell) {
            frame.push(b'\x07');
        }
        frame.extend(self.attention.title_bytes());
        self.own.clear();
        frame
    }

    /// The frame that was asked for is on the terminal.
    pub fn drawn(&mut self, now: Instant) {
        self.need = Need::No;
        self.last_frame = now;
    }

    /// A last frame: more output and no block, the cursor on an empty row.
    pub fn last_frame(&mut self, output: Vec<Output>) -> Vec<u8> {
        self.own.extend(output);
        let mut frame = self.screen.frame(&std::mem::take(&mut self.own), None);
        frame.extend(self.attention.leave());
        frame
    }

    /// Above the first line that nobody sees arrive stands a mark.
    fn take_output(&mut self, output: Vec<Output>, now: Instant) {
        for item in output {
            if matches!(item, Output::News(_)) && self.attention.line_came(now) {
                self.own.push(Output::Line(UNREAD.into()));
            }
            self.own.push(item);
        }
    }

    fn act(&mut self, action: Action) -> Option<Request> {
        match action {
            Action::Submit { lines, remembered } => {
                self.ahead
                    .extend(lines.into_iter().map(TerminalInput::Line));
                return (!remembered.is_empty()).then_some(Request::Remember(remembered));
            }
            Action::Interrupt => self.interrupt(),
            Action::EndOfInput => self.ahead.push_back(TerminalInput::EndOfInput),
            Action::Suspend => return Some(Request::Suspend),
            Action::ClearScreen => self.own.push(Output::Clear),
            Action::Bell => self.bell = true,
        }
        None
    }

    /// Ctrl-C stops what is still to be sent; only when there is nothing it asks to leave.
    fn interrupt(&mut self) {
        let is_line = |input: &TerminalInput| matches!(input, TerminalInput::Line(_));
        let unsent = self.ahead.iter().filter(|input| is_line(input)).count();
        if unsent == 0 {
            return self.ahead.push_back(TerminalInput::Interrupt);
        }
        self.ahead.retain(|input| !is_line(input));
        let lines = if unsent == 1 { "line" } else { "lines" };
        self.say(format!("  {unsent} {lines} not sent"));
    }

    fn say(&mut self, line: String) {
        self.own.push(Output::Line(line));
        self.want(Need::Soon);
    }

    fn want(&mut self, need: Need) {
        if self.need != Need::Now {
            self.need = need;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::frontends::cli::terminal::{
        completion::Completion, echo_commands, history::History,
    };

    fn session(now: Instant) -> Session {
        let nothing = |_: &str| Completion::default();
        let editor = Editor::new(History::default(), Arc::new(nothing));
        let mut session = Session::new(editor, Screen::new(40, 10), echo_commands, now);
        session.set_face(("me> ".into(), None));
        session
    }

    fn enter(session: &mut Session, line: &str) -> Option<Request> {
        line.chars()
            .for_each(|c| assert_eq!(session.key(Key::Char(c)), None));
        session.key(Key::Enter)
    }

    fn inputs(session: &mut Session) -> Vec<TerminalInput> {
        std::iter::from_fn(|| session.next_input()).collect()
    }

    fn frame(session: &mut Session) -> String {
        let frame = session.frame(Vec::new(), Instant::now());
        String::from_utf8(frame).unwrap()
    }

    #[test]
    fn a_key_is_drawn_at_once_a_line_after_the_interval() {
        let start = Instant::now();
        let mut session = session(start);
        assert_eq!(session.frame_due(false), Some(start));
        session.drawn(start);
        assert_eq!(session.frame_due(false), None);
        assert_eq!(session.frame_due(true), Some(start + FRAME_INTERVAL));
        session.key(Key::Char('a'));
        assert_eq!(session.frame_due(true), Some(start));
        session.drawn(start + FRAME_INTERVAL);
        session.set_face(("me> ".into(), None));
        assert_eq!(session.frame_due(false), None);
        session.set_face(("you> ".into(), None));
        assert_eq!(session.frame_due(false), Some(start + 2 * FRAME_INTERVAL));
        session.resize((20, 5));
        assert_eq!(session.frame_due(false), Some(start + FRAME_INTERVAL));
    }

    #[test]
    fn lines_reach_the_node_and_the_history() {
        let mut session = session(Instant::now());
        assert_eq!(
            enter(&mut session, "hi"),
            Some(Request::Remember(vec!["hi".into()]))
        );
        assert_eq!(enter(&mut session, "hi"), None);
        session.key(Key::Ctrl('d'));
        let line = TerminalInput::Line("hi".into());
        assert_eq!(
            inputs(&mut session),
            [line.clone(), line, TerminalInput::EndOfInput]
        );
        assert!(!session.has_input());
    }

    #[test]
    fn a_command_is_seen_again_a_text_is_not() {
        let mut session = session(Instant::now());
        enter(&mut session, "/peers");
        enter(&mut session, "hello");
        enter(&mut session, "//hello");
        assert!(!frame(&mut session).contains("/peers"));
        inputs(&mut session);
        let frame = frame(&mut session);
        assert!(frame.contains("\x1b[2mme> /peers\x1b[22m"), "{frame:?}");
        assert!(!frame.contains("hello"), "{frame:?}");
    }

    #[test]
    fn ctrl_c_stops_what_is_not_yet_sent_before_it_leaves() {
        let mut session = session(Instant::now());
        session.paste("1\n2\n3\n4\n5\n6");
        session.key(Key::Char('y'));
        assert_eq!(session.next_input(), Some(TerminalInput::Line("1".into())));
        session.key(Key::Ctrl('c'));
        assert!(!session.has_input());
        assert!(frame(&mut session).contains("  5 lines not sent\r\n"));
        session.key(Key::Ctrl('c'));
        assert_eq!(inputs(&mut session), [TerminalInput::Interrupt]);
    }

    #[test]
    fn keys_are_left_unread_while_the_node_is_far_behind() {
        let mut session = session(Instant::now());
        (0..AHEAD_MAX).for_each(|_| {
            assert!(session.takes_keys());
            enter(&mut session, "x");
        });
        assert!(!session.takes_keys());
        session.next_input();
        assert!(session.takes_keys());
    }

    #[test]
    fn the_bell_rings_once() {
        let mut session = session(Instant::now());
        session.key(Key::Backspace);
        assert!(frame(&mut session).ends_with('\x07'));
        assert!(!frame(&mut session).ends_with('\x07'));
    }

    #[test]
    fn what_comes_while_nobody_looks_stands_below_a_mark() {
        let now = Instant::now();
        let mut session = session(now);
        session.focus(now, false);
        let news = |text: &str| Output::News(text.into());
        let output = vec![Output::Line("+ bob".into()), news("one"), news("two")];
        let frame = String::from_utf8(session.frame(output, now)).unwrap();
        let expected = format!("+ bob\r\n{UNREAD}\r\none\r\ntwo\r\n");
        assert!(frame.contains(&expected), "{frame:?}");
    }

    #[test]
    fn an_alert_rings_and_its_title_goes_with_the_next_key() {
        let now = Instant::now();
        let mut session = session(now);
        let title = Some("bob".to_owned());
        session.drawn(now);
        session.alert(now, Alert { bell: true, title });
        assert!(session.frame_due(false).is_some());
        let shown = frame(&mut session);
        assert!(shown.ends_with("\x07\x1b[22;2t\x1b]2;bob\x07"), "{shown:?}");
        session.present(now);
        assert!(frame(&mut session).ends_with("\x1b[23;2t"));
    }

    #[test]
    fn the_last_frame_has_all_lines_and_no_prompt() {
        let mut session = session(Instant::now());
        enter(&mut session, "/quit");
        inputs(&mut session);
        let last = session.last_frame(vec![Output::Line("bye".into())]);
        let last = String::from_utf8(last).unwrap();
        assert!(
            last.contains("me> /quit\x1b[22m\x1b[0m\r\nbye\r\n\x1b[?25h"),
            "{last:?}"
        );
    }
}
