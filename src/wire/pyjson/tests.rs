//! The reader and the printer against Python's own results, and what no sender may do to them.

use proptest::prelude::*;

use super::{cases::CASES, *};

fn quoted(text: &Text) -> String {
    let mut out = String::new();
    write_quoted(&mut out, text.code_points());
    out
}

fn deep(open: &str, middle: &str, close: &str, levels: usize) -> Vec<u8> {
    format!("{}{middle}{}", open.repeat(levels), close.repeat(levels)).into_bytes()
}

#[test]
fn lines_are_read_and_printed_as_python_does() {
    for (line, printed, integer) in CASES {
        let value = read_line(line);
        let shown = value.as_ref().map(|value| quoted(&value.printed()));
        let number = value.as_ref().ok().and_then(Value::to_integer);
        let number = number.map_or("!".to_owned(), |number| number.to_string());
        let line = String::from_utf8_lossy(line);
        assert_eq!(shown.as_deref().unwrap_or("!"), *printed, "{line:?}");
        assert_eq!(number, *integer, "int() of {line:?}");
    }
}

#[test]
fn nesting_is_read_up_to_pythons_limit_and_no_further() {
    for (open, close) in [("[", "]"), ("{\"a\":", "}")] {
        assert!(read_line(&deep(open, "1", close, NESTING_MAX)).is_ok());
        let deeper = read_line(&deep(open, "1", close, NESTING_MAX + 1));
        assert_eq!(deeper, Err(Unreadable::TooDeep));
    }
    assert!(read_line(&deep("[", "", "]", NESTING_MAX)).is_ok());
    assert_eq!(
        read_line(&deep("[", "", "", 32_768)),
        Err(Unreadable::TooDeep)
    );
}

#[test]
fn a_deep_value_is_printed_up_to_the_bound() {
    let value = read_line(&deep("[", "", "]", NESTING_MAX)).unwrap();
    let printed = value.printed();
    assert_eq!(printed.len(), PRINTED_MAX + "...".len());
    assert!(printed.as_str().unwrap().ends_with("]]]..."));
}

#[test]
fn a_text_of_exactly_the_bound_is_not_cut() {
    let print = |length: usize| {
        let value = Value::Text(Text::from("a".repeat(length).as_str()));
        value.printed().len()
    };
    assert_eq!(print(PRINTED_MAX), PRINTED_MAX);
    assert_eq!(print(PRINTED_MAX + 1), PRINTED_MAX + 3);
}

#[test]
fn integers_are_read_up_to_pythons_limit_of_digits() {
    let nines = |count: usize| "9".repeat(count);
    assert!(read_line(nines(Integer::DIGITS_MAX).as_bytes()).is_ok());
    assert_eq!(
        read_line(nines(Integer::DIGITS_MAX + 1).as_bytes()),
        Err(Unreadable::IntegerTooLong)
    );
    let zeros = "0".repeat(Integer::DIGITS_MAX);
    assert!(Integer::parse(&zeros).is_some());
    assert_eq!(Integer::parse(&format!("0{zeros}")), None);
}

#[test]
fn numbers_are_clamped_and_taken_as_ports() {
    let check = |text: &str, clamped: u32, port: Option<u16>| {
        let integer = Integer::parse(text).unwrap();
        assert_eq!(integer.clamped(1, 86_400), clamped, "{text}");
        assert_eq!(integer.to_port(), port, "{text}");
    };
    check("0", 1, None);
    check("1", 1, Some(1));
    check("-1", 1, None);
    check("65535", 65_535, Some(65_535));
    check("65536", 65_536, None);
    check("86401", 86_400, None);
    check("99999999999999999999", 86_400, None);
    check("-99999999999999999999", 1, None);
}

#[test]
fn many_repeated_keys_stay_one_field() {
    let line = format!("{{{}\"a\":0}}", "\"a\":1,".repeat(5000));
    let Ok(Value::Object(fields)) = read_line(line.as_bytes()) else {
        panic!("an object was expected");
    };
    assert_eq!(fields.len(), 1);
}

proptest! {
    #[test]
    fn any_bytes_are_read_or_refused(line in proptest::collection::vec(any::<u8>(), 0..200)) {
        if let Ok(value) = read_line(&line) {
            prop_assert!(quoted(&value.printed()).is_ascii());
        }
    }

    #[test]
    fn any_bytes_of_json_are_read_or_refused(line in "[-+\\[\\]{}:,\"\\\\ue0-9.tnI dD]{0,60}") {
        if let Ok(value) = read_line(line.as_bytes()) {
            prop_assert!(value.printed().len() <= PRINTED_MAX + 3);
        }
    }

    #[test]
    fn what_serde_json_reads_is_read_too(text in any::<String>(), number in any::<i64>()) {
        let line = serde_json::json!({ "text": text, "number": number }).to_string();
        let Ok(Value::Object(fields)) = read_line(line.as_bytes()) else {
            return Err(TestCaseError::fail("an object was expected"));
        };
        prop_assert_eq!(&fields[&Text::from("text")], &Value::Text(Text::from(text.as_str())));
        let number_read = fields[&Text::from("number")].to_integer();
        let number_read = number_read.map(|integer| integer.to_string());
        prop_assert_eq!(number_read, Some(number.to_string()));
    }
}
