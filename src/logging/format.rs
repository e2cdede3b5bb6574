//! How a line of the log looks: `2026-11-20T10:00:00.123Z  WARN actors::peer: link{peer=bob@CIC}: lost reason=reset`.
//!
//! Time in UTC, level, module, the spans it happened in, the message, the fields. A field's value is quoted when it
//! could be taken for more than one, and the whole line is made printable and bounded at the end, whatever was put into it.

use std::fmt::{self, Debug, Write};

use jiff::Timestamp;
use tracing::field::{Field, Visit};
use tracing::{Event, Subscriber};
use tracing_subscriber::field::RecordFields;
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::{FmtContext, FormatEvent, FormatFields, FormattedFields};
use tracing_subscriber::registry::LookupSpan;

use crate::wire::printable::Printable;

/// Formats lines, with or without the time (a terminal shows its own).
pub(super) struct LineFormat {
    /// Whether a line begins with the time.
    pub timed: bool,
}

/// Formats the fields of spans the way those of lines are.
pub(super) struct SafeFields;

/// Longest line, in bytes; the rest is replaced by its length.
pub(super) const LINE_BYTES_MAX: usize = 4096;

impl<S> FormatEvent<S, SafeFields> for LineFormat
where
    S: Subscriber + for<'a> LookupSpan<'a>,
{
    fn format_event(
        &self,
        context: &FmtContext<'_, S, SafeFields>,
        mut writer: Writer<'_>,
        event: &Event<'_>,
    ) -> fmt::Result {
        let mut line = String::with_capacity(160);
        let metadata = event.metadata();
        if self.timed {
            write!(line, "{:.3} ", Timestamp::now())?;
        }
        let module = metadata.target();
        let module = module.strip_prefix("papo::").unwrap_or(module);
        write!(line, "{:>5} {module}: ", metadata.level())?;
        for span in context
            .event_scope()
            .into_iter()
            .flat_map(|scope| scope.from_root())
        {
            write!(line, "{}", span.name())?;
            match span.extensions().get::<FormattedFields<SafeFields>>() {
                Some(fields) if !fields.fields.is_empty() => {
                    write!(line, "{{{}}}: ", fields.fields)?
                }
                _ => line.push_str(": "),
            }
        }
        let mut fields = Fields::default();
        event.record(&mut fields);
        fields.finish(&mut line);
        write_bounded(&mut writer, &Printable::text(&line).to_string())?;
        writer.write_char('\n')
    }
}

impl<'writer> FormatFields<'writer> for SafeFields {
    fn format_fields<R: RecordFields>(
        &self,
        mut writer: Writer<'writer>,
        fields: R,
    ) -> fmt::Result {
        let mut collected = Fields::default();
        fields.record(&mut collected);
        let mut text = String::new();
        collected.finish(&mut text);
        writer.write_str(&text)
    }
}

/// The message and the fields of one line or span.
#[derive(Default)]
struct Fields {
    message: String,
    rest: String,
}

impl Fields {
    fn finish(self, line: &mut String) {
        let gap = if self.message.is_empty() || self.rest.is_empty() {
            ""
        } else {
            " "
        };
        line.extend([self.message.as_str(), gap, self.rest.as_str()]);
    }

    fn put(&mut self, field: &Field, value: &str) {
        if field.name() == "message" {
            self.message.push_str(value);
            return;
        }
        if !self.rest.is_empty() {
            self.rest.push(' ');
        }
        self.rest.extend([field.name(), "="]);
        if is_one_word(value) || is_quoted(value) {
            self.rest.push_str(value);
        } else {
            write!(self.rest, "{value:?}").expect("writing to a String cannot fail");
        }
    }
}

impl Visit for Fields {
    fn record_str(&mut self, field: &Field, value: &str) {
        self.put(field, value);
    }

    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        self.put(field, &format!("{value:?}"));
    }
}

/// Whether a value shows where it ends, so that it cannot pass for another field.
fn is_one_word(value: &str) -> bool {
    !value.is_empty() && !value.contains(|c: char| c.is_whitespace() || "=\"{}".contains(c))
}

/// Whether a value is one quoted text already, as `Debug` writes it.
fn is_quoted(value: &str) -> bool {
    let Some(inner) = value
        .strip_prefix('"')
        .and_then(|rest| rest.strip_suffix('"'))
    else {
        return false;
    };
    let mut escaped = false;
    for c in inner.chars() {
        match c {
            '"' if !escaped => return false,
            '\\' => escaped = !escaped,
            _ => escaped = false,
        }
    }
    !escaped
}

fn write_bounded(writer: &mut Writer<'_>, line: &str) -> fmt::Result {
    if line.len() <= LINE_BYTES_MAX {
        return writer.write_str(line);
    }
    let is_end = |end: &usize| line.is_char_boundary(*end);
    let end = (0..=LINE_BYTES_MAX).rev().find(is_end).unwrap_or(0);
    write!(
        writer,
        "{}… ({} bytes more)",
        &line[..end],
        line.len() - end
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_that_could_pass_for_two_is_quoted() {
        for (value, word, quoted) in [
            ("bob@CIC", true, false),
            ("127.0.0.1:4000", true, false),
            ("", false, false),
            ("a b", false, false),
            ("a\u{a0}b", false, false),
            ("x=y", false, false),
            ("\"quoted text\"", false, true),
            ("\"a\\\"b\"", false, true),
            ("\"a\" level=\"b\"", false, false),
            ("\"a\\\\\" b=\"c\"", false, false),
            ("\"", false, false),
            ("\"a\\\"", false, false),
        ] {
            assert_eq!(
                (is_one_word(value), is_quoted(value)),
                (word, quoted),
                "{value:?}"
            );
        }
    }
}
