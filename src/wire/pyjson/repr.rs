//! Values as Python's `str()` and `repr()` print them, cut at a bound, without recursion.

use super::{Object, PRINTED_MAX, Text, Value, float};

/// `str(value)`: a text as it is, anything else as its `repr`; `...` stands for what is beyond the bound.
pub(super) fn printed(value: &Value) -> Text {
    let mut printer = Printer::default();
    match value {
        Value::Text(text) => printer.extend(text.code_points()),
        _ => printer.repr(value),
    }
    printer.finish()
}

/// A list or object in the middle of being printed.
enum Level<'a> {
    List(std::slice::Iter<'a, Value>),
    Object(indexmap::map::Iter<'a, Text, Value>),
}

#[derive(Default)]
struct Printer {
    points: Vec<u32>,
}

impl Printer {
    fn repr(&mut self, value: &Value) {
        let mut levels = Vec::new();
        self.open(value, &mut levels);
        while let Some(level) = levels.last_mut().filter(|_| !self.is_full()) {
            let next = match level {
                Level::List(items) => items.next().map(|item| (None, item)),
                Level::Object(fields) => fields.next().map(|(key, item)| (Some(key), item)),
            };
            match next {
                Some((key, item)) => self.item(key, item, &mut levels),
                None => self.close(&mut levels),
            }
        }
    }

    fn item<'a>(&mut self, key: Option<&Text>, item: &'a Value, levels: &mut Vec<Level<'a>>) {
        if !matches!(self.points.last(), Some(0x5b | 0x7b)) {
            self.push_str(", ");
        }
        if let Some(key) = key {
            self.quoted(key);
            self.push_str(": ");
        }
        self.open(item, levels);
    }

    /// Prints a simple value whole, of a list or object the opening bracket.
    fn open<'a>(&mut self, value: &'a Value, levels: &mut Vec<Level<'a>>) {
        match value {
            Value::Null => self.push_str("None"),
            Value::Bool(true) => self.push_str("True"),
            Value::Bool(false) => self.push_str("False"),
            Value::Integer(integer) => self.push_str(&integer.to_string()),
            Value::Float(float) => self.push_str(&float::repr(*float)),
            Value::Text(text) => self.quoted(text),
            Value::List(items) => {
                self.push_str("[");
                levels.push(Level::List(items.iter()));
            }
            Value::Object(fields) => self.open_object(fields, levels),
        }
    }

    fn open_object<'a>(&mut self, fields: &'a Object, levels: &mut Vec<Level<'a>>) {
        self.push_str("{");
        levels.push(Level::Object(fields.iter()));
    }

    fn close(&mut self, levels: &mut Vec<Level<'_>>) {
        match levels.pop() {
            Some(Level::List(_)) => self.push_str("]"),
            Some(Level::Object(_)) => self.push_str("}"),
            None => {}
        }
    }

    /// `repr(str)`: in single quotes, unless it holds some and no double ones.
    fn quoted(&mut self, text: &Text) {
        let holds = |quote: char| text.code_points().any(|point| point == u32::from(quote));
        let quote = if holds('\'') && !holds('"') {
            '"'
        } else {
            '\''
        };
        self.push(u32::from(quote));
        for point in text.code_points() {
            if self.is_full() {
                return;
            }
            self.quoted_point(point, quote);
        }
        self.push(u32::from(quote));
    }

    fn quoted_point(&mut self, point: u32, quote: char) {
        match char::from_u32(point) {
            Some('\\') => self.push_str("\\\\"),
            Some('\t') => self.push_str("\\t"),
            Some('\n') => self.push_str("\\n"),
            Some('\r') => self.push_str("\\r"),
            Some(character) if character == quote => {
                self.push_str("\\");
                self.push(point);
            }
            Some(character) if is_printable(character) => self.push(point),
            _ if point < 0x100 => self.push_str(&format!("\\x{point:02x}")),
            _ if point < 0x10000 => self.push_str(&format!("\\u{point:04x}")),
            _ => self.push_str(&format!("\\U{point:08x}")),
        }
    }

    fn push_str(&mut self, text: &str) {
        self.extend(text.chars().map(u32::from));
    }

    fn push(&mut self, point: u32) {
        self.extend(std::iter::once(point));
    }

    /// One more than the bound is kept, as the sign that something is missing.
    fn extend(&mut self, points: impl Iterator<Item = u32>) {
        let room = (PRINTED_MAX + 1).saturating_sub(self.points.len());
        self.points.extend(points.take(room));
    }

    fn is_full(&self) -> bool {
        self.points.len() > PRINTED_MAX
    }

    fn finish(mut self) -> Text {
        let is_cut = self.is_full();
        self.points.truncate(PRINTED_MAX);
        let dots = if is_cut { "..." } else { "" };
        let dots = dots.chars().map(u32::from);
        self.points.into_iter().chain(dots).collect()
    }
}

/// `str.isprintable`. The standard library escapes exactly the same categories (and combining marks, but only at
/// the beginning of a text); only its Unicode version may be newer than Python's.
fn is_printable(character: char) -> bool {
    if character.is_ascii() {
        return matches!(character, ' '..='~');
    }
    let mut text = String::from("a");
    text.push(character);
    text.escape_debug().nth(1) == Some(character)
}
