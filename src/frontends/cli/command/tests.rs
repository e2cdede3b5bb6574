//! Typed lines and command objects.

use std::time::Duration;

use proptest::prelude::*;

use super::*;

fn full(text: &str) -> PeerName {
    PeerName::Full(PeerId::parse(text).unwrap())
}

fn short(text: &str) -> PeerName {
    PeerName::Short(text.into())
}

fn ok(line: &str, command: Command) {
    assert_eq!(parse(line), Ok(command), "{line}");
}

fn refused(line: &str, code: &str, hint: &str) {
    let error = parse(line).expect_err(line);
    assert_eq!(error.code, code, "{line}: {error:?}");
    assert!(error.hint.contains(hint), "{line}: {}", error.hint);
}

#[test]
fn plain_lines_are_text_and_a_double_slash_is_a_single_one() {
    ok("hello /there", Command::Say("hello /there".into()));
    ok("//etc/passwd", Command::Say("/etc/passwd".into()));
    ok("  indented", Command::Say("  indented".into()));
}

#[test]
fn messages_name_a_peer_and_keep_the_blanks_of_their_text() {
    ok(
        "/msg bob@CIC a  b ",
        Command::Message(full("bob@CIC"), "a  b ".into()),
    );
    ok("/msg  bob  hi", Command::Message(short("bob"), "hi".into()));
    let namespace = Recipients::Namespace("CIC".into());
    ok(
        "/pub #CIC hi all",
        Command::Publish(namespace, "hi all".into()),
    );
    ok(
        "/pub * hi",
        Command::Publish(Recipients::Everyone, "hi".into()),
    );
    refused("/msg bob", "usage", "/msg bob@lobby");
    refused("/msg", "usage", "/msg");
    refused("/msg * hi", "bad_target", "/pub * TEXT");
    refused("/pub bob hi", "bad_target", "/msg bob TEXT");
    refused("/pub #a\"b hi", "bad_target", "#namespace");
}

#[test]
fn addresses_are_taken_in_every_usual_form() {
    for line in [
        "/connect host 4000",
        "/connect host:4000",
        "/connect  host   4000 ",
    ] {
        ok(line, Command::Connect("host".into(), 4000));
    }
    ok("/connect [::1]:4000", Command::Connect("::1".into(), 4000));
    ok("/connect ::1 4000", Command::Connect("::1".into(), 4000));
    for line in [
        "/connect",
        "/connect host",
        "/connect host 0",
        "/connect host 70000",
    ] {
        refused(line, "usage", "/connect 192.168.1.7 4000");
    }
}

#[test]
fn the_other_commands_take_what_they_say() {
    ok("/to", Command::To(None));
    ok("/to bob", Command::To(Some(Recipients::Peer(short("bob")))));
    ok("/to *", Command::To(Some(Recipients::Everyone)));
    ok("/peers", Command::Peers(None));
    ok("/peers *", Command::Peers(None));
    ok("/peers #CIC", Command::Peers(Some("CIC".into())));
    ok("/history", Command::History(None, 20));
    ok("/history 5", Command::History(None, 5));
    let with = |peer| Some(Recipients::Peer(peer));
    ok(
        "/history bob@CIC 7",
        Command::History(with(full("bob@CIC")), 7),
    );
    ok("/history bob", Command::History(with(short("bob")), 20));
    ok(
        "/history *",
        Command::History(Some(Recipients::Everyone), 20),
    );
    ok("/log papo=debug", Command::Log(Some("papo=debug".into())));
    ok("/quit", Command::Quit);
    refused("/quit now", "usage", "/quit");
    refused("/peers bob", "usage", "/peers");
}

#[test]
fn filters_take_peers_addresses_and_times() {
    let ignore = |peer, seconds: Option<u64>| {
        Command::Ignore(Some((peer, seconds.map(Duration::from_secs))))
    };
    ok("/ignore", Command::Ignore(None));
    ok("/ignore bob", ignore(short("bob"), None));
    ok("/ignore bob@CIC 90", ignore(full("bob@CIC"), Some(90)));
    ok("/ignore bob 1h 30m", ignore(short("bob"), Some(5400)));
    ok("/unignore bob", Command::Unignore(short("bob")));
    let address = |text: &str| Party::Address(text.parse().unwrap());
    ok("/block", Command::Block(None));
    ok(
        "/block bob@CIC",
        Command::Block(Some(Party::Peer(full("bob@CIC")))),
    );
    for line in ["/block 10.0.0.7", "/block 10.0.0.7:51604"] {
        ok(line, Command::Block(Some(address("10.0.0.7"))));
    }
    for line in ["/unblock ::1", "/unblock [::1]", "/unblock [::1]:4000"] {
        ok(line, Command::Unblock(address("::1")));
    }
    refused("/ignore bob soon", "bad_duration", "10min");
    refused("/ignore bob 0", "bad_duration", "no end");
    refused("/ignore bob 99999years", "bad_duration", "no end");
    refused("/ignore *", "bad_target", "/pub");
    refused("/unignore", "usage", "/unignore bob");
    refused("/unignore bob eve", "usage", "/unignore bob");
    refused("/block bob eve", "usage", "/block");
    refused("/unblock", "usage", "/unblock");
    refused("/block #CIC", "bad_target", "/pub");
}

#[test]
fn an_unknown_command_names_the_nearest_and_is_never_text() {
    refused("/masg bob hi", "unknown_command", "did you mean /msg?");
    refused("/hlep", "unknown_command", "did you mean /help?");
    refused("/st", "unknown_command", "did you mean /status?");
    refused("/xyzzyx", "unknown_command", "/help lists");
    refused("/", "unknown_command", "/help lists");
    refused("/debug", "unknown_command", "/help lists");
}

#[test]
fn help_is_there_for_every_command_and_its_example_is_one() {
    for spec in COMMANDS {
        ok(&format!("/help {}", spec.name), Command::Help(Some(spec)));
        let parsed = parse(spec.example);
        assert!(
            !matches!(parsed, Err(_) | Ok(Command::Say(_))),
            "{}: {parsed:?}",
            spec.example
        );
    }
    ok("/help /msg", Command::Help(Some(&COMMANDS[0])));
}

#[test]
fn command_objects_carry_their_reference_also_when_they_are_wrong() {
    let Request {
        reference, command, ..
    } = parse_object(r#"{"command":"msg","to":"bob@CIC","text":"a\nb","ref":"17"}"#);
    assert_eq!(reference.as_deref(), Some("17"));
    assert_eq!(
        command,
        Ok(Command::Message(full("bob@CIC"), "a\nb".into()))
    );
    let Request {
        reference, command, ..
    } = parse_object(r#"{"command":"msg","to":"bob@CIC","ref":"18"}"#);
    assert_eq!(reference.as_deref(), Some("18"));
    assert_eq!(command.unwrap_err().code, "bad_command");
    let Request {
        reference, command, ..
    } = parse_object(r#"{"command":"msg","too":"x","ref":"19"}"#);
    assert_eq!(reference.as_deref(), Some("19"));
    assert_eq!(command.unwrap_err().code, "bad_command");
    let Request { command, .. } = parse_object(r#"{"command":"peers"}"#);
    assert_eq!(command, Ok(Command::Peers(None)));
    let Request { command, .. } = parse_object(r#"{"command":"connect","argument":"::1 4000"}"#);
    assert_eq!(command, Ok(Command::Connect("::1".into(), 4000)));
    let Request { command, .. } = parse_object(r#"{"command":"say","text":"/quit"}"#);
    assert_eq!(command, Ok(Command::Say("/quit".into())));
    let Request { command, .. } =
        parse_object(r#"{"command":"ignore","to":"a b@X","argument":"60"}"#);
    let minute = Some(Duration::from_secs(60));
    assert_eq!(command, Ok(Command::Ignore(Some((full("a b@X"), minute)))));
    let Request { command, .. } = parse_object(r#"{"command":"unblock","to":"a b@X"}"#);
    assert_eq!(command, Ok(Command::Unblock(Party::Peer(full("a b@X")))));
    let Request { command, .. } = parse_object(r#"{"command":"block","argument":"10.0.0.7"}"#);
    assert!(matches!(
        command,
        Ok(Command::Block(Some(Party::Address(_))))
    ));
    assert!(parse_object("{").command.is_err());
}

#[test]
fn a_command_object_says_how_long_a_text_waits_and_which_events_are_wanted() {
    let wait = |ms: &str| {
        let line = format!(r#"{{"command":"msg","to":"bob","text":"a","wait_ms":{ms}}}"#);
        parse_object(&line).wait
    };
    assert_eq!(wait("1500"), Some(Duration::from_millis(1500)));
    assert_eq!(wait("99999999999"), Some(Duration::from_secs(600)));
    assert_eq!(wait("null"), None);
    for (argument, expected) in [
        ("own", Some(Command::Events { own_only: true })),
        ("all", Some(Command::Events { own_only: false })),
        ("some", None),
    ] {
        let line = format!(r#"{{"command":"events","argument":"{argument}"}}"#);
        assert_eq!(parse_object(&line).command.ok(), expected);
    }
    assert!(parse("/events own").is_err());
}

proptest! {
    #[test]
    fn any_line_is_read_without_panic_and_errors_are_safe_to_show(line in ".*|/.*|/[a-z]{1,6} .*|\\{.*") {
        for error in [parse(&line).err(), parse_object(&line).command.err()].into_iter().flatten() {
            prop_assert!(!error.message.chars().any(char::is_control), "{:?}", error.message);
        }
    }
}
