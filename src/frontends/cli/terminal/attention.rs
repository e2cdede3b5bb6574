//! Whether somebody is looking: by the keys, and by the focus where the terminal reports it. Decides when what arrives
//! is unread, and whether to ring or to change the title for it. Pure; the time is an argument.

use std::time::{Duration, Instant};

/// Without a key for this long nobody counts as looking, whatever the focus says.
const IDLE: Duration = Duration::from_secs(5 * 60);
/// Between two bells.
const BELL_INTERVAL: Duration = Duration::from_secs(3);

/// What stands above the first unread line.
pub const UNREAD: &str = "---------- unread ----------";

/// How the user is told that a text is for them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Alert {
    /// Ring the bell.
    pub bell: bool,
    /// The title of the terminal until somebody looks; printable characters only.
    pub title: Option<String>,
}

/// What is known of whoever sits there.
#[derive(Debug)]
pub struct Attention {
    /// None: the terminal does not tell.
    focused: Option<bool>,
    last_key: Instant,
    /// The mark of this absence stands above.
    marked: bool,
    last_bell: Option<Instant>,
    title: Title,
}

/// The title, ours or the terminal's own.
#[derive(Debug, Default, PartialEq, Eq)]
enum Title {
    #[default]
    TheirOwn,
    Set,
    /// To be set with the next frame; the flag tells that one of ours is there already.
    Wanted(String, bool),
    /// To be given back with the next frame.
    Over,
}

impl Attention {
    /// Somebody has just started the program.
    pub fn new(now: Instant) -> Self {
        Self {
            focused: None,
            last_key: now,
            marked: false,
            last_bell: None,
            title: Title::TheirOwn,
        }
    }

    /// A key, a paste: somebody is there. True if something is to be drawn for it.
    pub fn key(&mut self, now: Instant) -> bool {
        self.last_key = now;
        self.marked = false;
        self.take_title_back()
    }

    /// The terminal got or lost the focus. True if something is to be drawn for it.
    pub fn focus(&mut self, now: Instant, focused: bool) -> bool {
        self.focused = Some(focused);
        focused && self.key(now)
    }

    /// A line came that is to be read: true if the mark belongs above it.
    pub fn line_came(&mut self, now: Instant) -> bool {
        let unseen = self.focused == Some(false) || self.is_idle(now);
        let first = unseen && !self.marked;
        self.marked |= unseen;
        first
    }

    /// A text for the user came: true if the bell is to ring. Who certainly looks is not told.
    pub fn alert(&mut self, now: Instant, alert: Alert) -> bool {
        if self.focused == Some(true) && !self.is_idle(now) {
            return false;
        }
        if let Some(title) = alert.title {
            let is_set = matches!(
                self.title,
                Title::Set | Title::Over | Title::Wanted(_, true)
            );
            self.title = Title::Wanted(title, is_set);
        }
        let rang = |at: Instant| now.saturating_duration_since(at) < BELL_INTERVAL;
        let rings = alert.bell && !self.last_bell.is_some_and(rang);
        if rings {
            self.last_bell = Some(now);
        }
        rings
    }

    /// What a frame writes for the title; the terminal keeps its own one meanwhile.
    pub fn title_bytes(&mut self) -> Vec<u8> {
        match std::mem::take(&mut self.title) {
            Title::TheirOwn => Vec::new(),
            Title::Set => {
                self.title = Title::Set;
                Vec::new()
            }
            Title::Over => GIVE_TITLE_BACK.to_vec(),
            Title::Wanted(title, is_set) => {
                self.title = Title::Set;
                let keep = if is_set { "" } else { KEEP_TITLE };
                let title: String = title.chars().filter(|c| !c.is_control()).collect();
                format!("{keep}\x1b]2;{title}\x07").into_bytes()
            }
        }
    }

    /// The terminal is given away: so is its title.
    pub fn leave(&mut self) -> Vec<u8> {
        self.take_title_back();
        self.title_bytes()
    }

    fn take_title_back(&mut self) -> bool {
        self.title = match self.title {
            Title::TheirOwn | Title::Wanted(_, false) => Title::TheirOwn,
            Title::Set | Title::Over | Title::Wanted(_, true) => Title::Over,
        };
        self.title == Title::Over
    }

    fn is_idle(&self, now: Instant) -> bool {
        now.saturating_duration_since(self.last_key) >= IDLE
    }
}

/// Puts the title on the terminal's own stack.
const KEEP_TITLE: &str = "\x1b[22;2t";
/// A plain title for terminals without such a stack, then what was there before.
const GIVE_TITLE_BACK: &[u8] = b"\x1b]2;papo\x07\x1b[23;2t";

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn alert(title: Option<&str>) -> Alert {
        Alert {
            bell: true,
            title: title.map(str::to_owned),
        }
    }

    fn title(attention: &mut Attention) -> String {
        String::from_utf8(attention.title_bytes()).unwrap()
    }

    #[test]
    fn the_mark_stands_above_the_first_line_of_an_absence() {
        let now = Instant::now();
        let mut attention = Attention::new(now);
        assert!(!attention.line_came(now), "somebody has just typed");
        assert!(!attention.focus(now, false));
        assert!(attention.line_came(now));
        assert!(!attention.line_came(now + SECOND), "once");
        attention.focus(now + SECOND, true);
        assert!(!attention.line_came(now + SECOND));
        attention.focus(now + SECOND, false);
        assert!(attention.line_came(now + SECOND), "the next absence");
    }

    #[test]
    fn without_news_of_the_focus_the_keys_tell() {
        let now = Instant::now();
        let mut attention = Attention::new(now);
        let later = now + IDLE;
        assert!(!attention.line_came(later - SECOND));
        assert!(attention.line_came(later));
        attention.key(later);
        assert!(!attention.line_came(later + SECOND));
    }

    #[test]
    fn who_certainly_looks_is_not_rung_at() {
        let now = Instant::now();
        let mut attention = Attention::new(now);
        assert!(attention.alert(now, alert(None)), "nobody knows");
        attention.focus(now, true);
        assert!(!attention.alert(now + 9 * SECOND, alert(Some("bob"))));
        assert_eq!(title(&mut attention), "");
        assert!(attention.alert(now + IDLE, alert(None)), "gone for a walk");
        attention.focus(now + IDLE, false);
        assert!(
            !attention.alert(now + IDLE + SECOND, alert(None)),
            "just rung"
        );
        assert!(attention.alert(now + IDLE + BELL_INTERVAL, alert(None)));
    }

    #[test]
    fn the_title_stays_until_somebody_looks_and_is_given_back() {
        let now = Instant::now();
        let mut attention = Attention::new(now);
        attention.focus(now, false);
        attention.alert(now, alert(Some("bob\x1b[2J\x07")));
        assert_eq!(title(&mut attention), "\x1b[22;2t\x1b]2;bob[2J\x07");
        attention.alert(now, alert(Some("eve")));
        assert_eq!(title(&mut attention), "\x1b]2;eve\x07", "kept once");
        assert_eq!(title(&mut attention), "");
        assert!(attention.focus(now, true));
        assert_eq!(title(&mut attention), "\x1b]2;papo\x07\x1b[23;2t");
        assert!(!attention.key(now), "nothing left to give back");
    }

    #[test]
    fn a_title_that_was_never_written_is_not_given_back() {
        let now = Instant::now();
        let mut attention = Attention::new(now);
        attention.alert(now, alert(Some("bob")));
        assert!(!attention.key(now));
        assert_eq!(title(&mut attention), "");
        attention.alert(now, alert(Some("bob")));
        title(&mut attention);
        assert_eq!(attention.leave(), GIVE_TITLE_BACK);
        assert_eq!(attention.leave(), b"");
    }
}
