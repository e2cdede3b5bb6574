//! The reader: one pass over the text, with an explicit stack of the lists and objects that are still open.

use super::{Integer, NESTING_MAX, Object, Text, Unreadable, Value, text::Builder};

/// Reads the whole text as one value, blanks around it allowed.
pub(super) fn document(text: &str) -> Result<Value, Unreadable> {
    Scanner { text, at: 0 }.document()
}

/// A list or object whose end has not been seen yet.
enum Open {
    List(Vec<Value>),
    /// With the key whose value comes next.
    Object(Object, Text),
}

struct Scanner<'a> {
    text: &'a str,
    /// Always on a character boundary.
    at: usize,
}

impl Scanner<'_> {
    fn document(mut self) -> Result<Value, Unreadable> {
        let mut open = Vec::new();
        loop {
            let Some(value) = self.start(&mut open)? else {
                continue;
            };
            if let Some(outermost) = self.place(value, &mut open)? {
                return match self.peek() {
                    None => Ok(outermost),
                    Some(_) => Err(Unreadable::Malformed),
                };
            }
        }
    }

    /// Reads a value, or opens a list or object that has something in it.
    fn start(&mut self, open: &mut Vec<Open>) -> Result<Option<Value>, Unreadable> {
        self.skip_blanks();
        let first = self.peek().ok_or(Unreadable::Malformed)?;
        if matches!(first, b'[' | b'{') && open.len() >= NESTING_MAX {
            return Err(Unreadable::TooDeep);
        }
        match first {
            b'[' if self.opens_empty(b']') => Ok(Some(Value::List(Vec::new()))),
            b'{' if self.opens_empty(b'}') => Ok(Some(Value::Object(Object::new()))),
            b'[' => {
                open.push(Open::List(Vec::new()));
                Ok(None)
            }
            b'{' => {
                open.push(Open::Object(Object::new(), self.key()?));
                Ok(None)
            }
            b'"' => self.string().map(|text| Some(Value::Text(text))),
            _ => self.word_or_number().map(Some),
        }
    }

    /// Puts a complete value into the innermost open one, and that one, if it ends here, into the next; gives the
    /// outermost back when nothing is open any more.
    fn place(
        &mut self,
        mut value: Value,
        open: &mut Vec<Open>,
    ) -> Result<Option<Value>, Unreadable> {
        loop {
            self.skip_blanks();
            value = match open.pop() {
                None => return Ok(Some(value)),
                Some(Open::List(mut items)) => {
                    items.push(value);
                    if self.goes_on(b']')? {
                        open.push(Open::List(items));
                        return Ok(None);
                    }
                    Value::List(items)
                }
                Some(Open::Object(mut fields, key)) => {
                    fields.insert(key, value);
                    if self.goes_on(b'}')? {
                        open.push(Open::Object(fields, self.key()?));
                        return Ok(None);
                    }
                    Value::Object(fields)
                }
            };
        }
    }

    /// Steps over a bracket; true (and over its partner too) if nothing is between them.
    fn opens_empty(&mut self, close: u8) -> bool {
        self.at += 1;
        self.skip_blanks();
        self.take(close)
    }

    /// Whether a comma follows (true) or the end of the open one (false).
    fn goes_on(&mut self, close: u8) -> Result<bool, Unreadable> {
        if self.take(b',') {
            return Ok(true);
        }
        self.expect(close)?;
        Ok(false)
    }

    /// A key with the colon behind it.
    fn key(&mut self) -> Result<Text, Unreadable> {
        self.skip_blanks();
        if self.peek() != Some(b'"') {
            return Err(Unreadable::Malformed);
        }
        let key = self.string()?;
        self.skip_blanks();
        self.expect(b':')?;
        Ok(key)
    }

    /// A string, from its opening quote on. Control characters in it are refused, as Python does by default.
    fn string(&mut self) -> Result<Text, Unreadable> {
        self.at += 1;
        let mut text = Builder::default();
        loop {
            let rest = &self.text[self.at..];
            let special = |byte: u8| byte < 0x20 || byte == b'"' || byte == b'\\';
            let plain = rest
                .bytes()
                .position(special)
                .ok_or(Unreadable::Malformed)?;
            text.push_str(&rest[..plain]);
            self.at += plain + 1;
            match rest.as_bytes()[plain] {
                b'"' => return Ok(text.finish()),
                b'\\' => text.push(self.escape()?),
                _ => return Err(Unreadable::Malformed),
            }
        }
    }

    /// What stands behind a backslash: a code point, two escaped surrogates joined.
    fn escape(&mut self) -> Result<u32, Unreadable> {
        let letter = self.peek().ok_or(Unreadable::Malformed)?;
        let plain = match letter {
            b'"' | b'\\' | b'/' => letter,
            b'b' => 0x08,
            b'f' => 0x0c,
            b'n' => b'\n',
            b'r' => b'\r',
            b't' => b'\t',
            b'u' => return self.unicode_escape(),
            _ => return Err(Unreadable::Malformed),
        };
        self.at += 1;
        Ok(u32::from(plain))
    }

    fn unicode_escape(&mut self) -> Result<u32, Unreadable> {
        self.at += 1;
        let first = self.four_hex_digits()?;
        let is_high = (0xd800..0xdc00).contains(&first);
        if !is_high || !self.text[self.at..].starts_with("\\u") {
            return Ok(first);
        }
        let behind_first = self.at;
        self.at += 2;
        let second = self.four_hex_digits()?;
        if (0xdc00..0xe000).contains(&second) {
            return Ok(0x10000 + ((first - 0xd800) << 10) + (second - 0xdc00));
        }
        self.at = behind_first;
        Ok(first)
    }

    fn four_hex_digits(&mut self) -> Result<u32, Unreadable> {
        let digits = self.text.as_bytes().get(self.at..self.at + 4);
        let digits = digits.ok_or(Unreadable::Malformed)?;
        let mut number = 0;
        for digit in digits {
            let value = char::from(*digit).to_digit(16);
            number = number * 16 + value.ok_or(Unreadable::Malformed)?;
        }
        self.at += 4;
        Ok(number)
    }

    fn word_or_number(&mut self) -> Result<Value, Unreadable> {
        const WORDS: [(&str, Value); 6] = [
            ("null", Value::Null),
            ("true", Value::Bool(true)),
            ("false", Value::Bool(false)),
            ("NaN", Value::Float(f64::NAN)),
            ("Infinity", Value::Float(f64::INFINITY)),
            ("-Infinity", Value::Float(f64::NEG_INFINITY)),
        ];
        let rest = &self.text[self.at..];
        for (word, value) in WORDS {
            if rest.starts_with(word) {
                self.at += word.len();
                return Ok(value);
            }
        }
        self.number()
    }

    /// `-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][-+]?[0-9]+)?`; what stands behind the longest match is not its business.
    fn number(&mut self) -> Result<Value, Unreadable> {
        let start = self.at;
        self.take(b'-');
        if !self.take(b'0') && self.digits() == 0 {
            return Err(Unreadable::Malformed);
        }
        let integer_end = self.at;
        self.fraction();
        self.exponent();
        let number = &self.text[start..self.at];
        if self.at == integer_end {
            let integer = Integer::parse(number).ok_or(Unreadable::IntegerTooLong)?;
            return Ok(Value::Integer(integer));
        }
        let float = number.parse().map_err(|_| Unreadable::Malformed)?;
        Ok(Value::Float(float))
    }

    fn fraction(&mut self) {
        let start = self.at;
        if self.take(b'.') && self.digits() == 0 {
            self.at = start;
        }
    }

    fn exponent(&mut self) {
        let start = self.at;
        if !self.take(b'e') && !self.take(b'E') {
            return;
        }
        if !self.take(b'-') {
            self.take(b'+');
        }
        if self.digits() == 0 {
            self.at = start;
        }
    }

    /// Steps over digits and says how many there were.
    fn digits(&mut self) -> usize {
        let rest = self.text[self.at..].bytes();
        let count = rest.take_while(u8::is_ascii_digit).count();
        self.at += count;
        count
    }

    fn skip_blanks(&mut self) {
        let rest = self.text[self.at..].bytes();
        let is_blank = |byte: &u8| matches!(byte, b' ' | b'\t' | b'\n' | b'\r');
        self.at += rest.take_while(is_blank).count();
    }

    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn take(&mut self, byte: u8) -> bool {
        let found = self.peek() == Some(byte);
        self.at += usize::from(found);
        found
    }

    fn expect(&mut self, byte: u8) -> Result<(), Unreadable> {
        self.take(byte).then_some(()).ok_or(Unreadable::Malformed)
    }
}
