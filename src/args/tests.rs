use super::*;

fn parse(line: &str) -> Result<Invocation, clap::Error> {
    Invocation::parse(
        std::iter::once("papo")
            .chain(line.split_whitespace())
            .map(OsString::from),
    )
}

fn settings(line: &str) -> Vec<(&'static str, String, &'static str)> {
    let arguments = parse(line).unwrap().arguments;
    arguments
        .into_iter()
        .map(|argument| (argument.key, argument.value, argument.option))
        .collect()
}

#[test]
fn the_command_line_is_consistent() {
    Cli::command().debug_assert();
}

#[test]
fn without_anything_it_is_a_chat() {
    let invocation = parse("").unwrap();
    let plain = Invocation {
        mode: Mode::Chat,
        arguments: Vec::new(),
        config_file: None,
        join: Vec::new(),
        json: false,
        color: Color::Auto,
    };
    assert_eq!(invocation, plain);
}

#[test]
fn each_command_has_its_mode() {
    for (line, mode) in [
        ("chat", Mode::Chat),
        ("serve", Mode::Serve),
        ("rendezvous", Mode::Rendezvous),
        ("config", Mode::Config),
        ("doctor", Mode::Doctor),
        ("man", Mode::Man),
        ("completions fish", Mode::Completions(Shell::Fish)),
    ] {
        assert_eq!(parse(line).unwrap().mode, mode, "{line}");
    }
}

#[test]
fn options_become_settings() {
    for (line, key, value, option) in [
        ("--name 007", "node.name", "007", "--name"),
        ("--namespace CIC", "node.namespace", "CIC", "--namespace"),
        ("--listen ::1", "node.listen", "::1", "--listen"),
        ("--port 4000", "node.port", "4000", "--port"),
        (
            "--data-dir /srv/papo",
            "node.data_dir",
            "/srv/papo",
            "--data-dir",
        ),
        ("--log peer=debug", "logging.level", "peer=debug", "--log"),
        (
            "--log-file papo.log",
            "logging.file",
            "papo.log",
            "--log-file",
        ),
        (
            "--no-rendezvous",
            "rendezvous.mode",
            "off",
            "--no-rendezvous",
        ),
        (
            "rendezvous --listen ::1",
            "rendezvous_server.listen",
            "::1",
            "--listen",
        ),
        (
            "rendezvous --port 9000",
            "rendezvous_server.port",
            "9000",
            "--port",
        ),
        (
            "--port 9000 rendezvous",
            "rendezvous_server.port",
            "9000",
            "--port",
        ),
        (
            "rendezvous --data-dir d",
            "node.data_dir",
            "d",
            "--data-dir",
        ),
    ] {
        assert_eq!(settings(line), [(key, value.to_owned(), option)], "{line}");
    }
}

#[test]
fn a_rendezvous_on_the_command_line_is_used_whatever_a_file_says() {
    let expected = [
        (
            "rendezvous.address",
            "example.org:8080".to_owned(),
            "--rendezvous",
        ),
        ("rendezvous.mode", "remote".to_owned(), "--rendezvous"),
    ];
    assert_eq!(settings("--rendezvous example.org:8080"), expected);
}

#[test]
fn options_may_stand_before_and_after_the_command() {
    for line in [
        "--name bob --json serve",
        "serve --name bob --json",
        "--name bob serve --json",
        "--name eve --json serve --name bob",
    ] {
        let invocation = parse(line).unwrap();
        assert_eq!(invocation.mode, Mode::Serve, "{line}");
        assert!(invocation.json, "{line}");
        assert_eq!(
            settings(line),
            [("node.name", "bob".to_owned(), "--name")],
            "{line}"
        );
    }
}

#[test]
fn what_is_no_setting_stands_beside_them() {
    let invocation = parse("--join a:1 --config p.toml chat --join [::1]:2 --color never").unwrap();
    let join: Vec<String> = invocation.join.iter().map(HostPort::to_string).collect();
    assert_eq!(join, ["a:1", "[::1]:2"]);
    assert_eq!(invocation.config_file, Some(PathBuf::from("p.toml")));
    assert_eq!(invocation.color, Color::Never);
    assert!(invocation.arguments.is_empty());
}

#[test]
fn a_usage_error_ends_with_2_and_says_what_to_do() {
    for (line, hint) in [
        ("--nam bob", "--name"),
        ("sevre", "serve"),
        (
            "--join example.org",
            "the port is missing, as in example.org:8080",
        ),
        ("--color sometimes", "auto, always, never"),
        ("--rendezvous a:1 --no-rendezvous", "cannot be used with"),
        (
            "--rendezvous a:1 serve --no-rendezvous",
            "exclude each other",
        ),
        ("--name a --name b", "multiple times"),
        ("--name bob rendezvous", "--name is for a node"),
        ("rendezvous --name bob", "unexpected argument"),
        ("--join a:1 rendezvous", "--join is for a node"),
        ("hello", "unrecognized subcommand"),
        ("--zmq", "unexpected argument"),
    ] {
        let error = parse(line).unwrap_err();
        assert_eq!(error.exit_code(), 2, "{line}");
        assert!(error.to_string().contains(hint), "{line}: {error}");
    }
}

#[test]
fn help_and_version_are_no_failures() {
    for (line, part) in [
        ("--help", "papo --rendezvous 192.168.1.7:8080"),
        ("-h", "--no-rendezvous"),
        ("serve --help", "--namespace"),
        ("rendezvous --help", "--listen"),
        ("--version", env!("CARGO_PKG_VERSION")),
    ] {
        let text = parse(line).unwrap_err();
        assert_eq!(text.exit_code(), 0, "{line}");
        assert!(text.to_string().contains(part), "{line}: {text}");
    }
    let server = parse("rendezvous --help").unwrap_err().to_string();
    assert!(!server.contains("--name"), "{server}");
}

#[test]
fn every_setting_an_option_names_exists() {
    use crate::settings::Sources;
    for line in [
        "--name a --namespace b --listen all --port 0 --data-dir d --log warn --log-file l --rendezvous a:1",
        "--no-rendezvous",
        "rendezvous --listen all --port 0",
    ] {
        let arguments = parse(line).unwrap().arguments;
        let loaded = crate::settings::Settings::load(Sources {
            arguments,
            ..Sources::default()
        });
        assert!(loaded.is_ok(), "{line}: {}", loaded.unwrap_err());
    }
}

#[test]
fn a_history_is_asked_for_without_a_running_node() {
    let invocation = parse("--name bob history * --search lunch --since 2h --count 5").unwrap();
    let request = HistoryRequest {
        target: Some("*".into()),
        words: Some("lunch".into()),
        since: Some("2h".into()),
        count: Some(5),
        ..HistoryRequest::default()
    };
    assert_eq!(invocation.mode, Mode::History(request));
    assert_eq!(
        settings("--name bob history --name eve --data-dir /d")[0].1,
        "eve"
    );
    let exported = parse("history --export jsonl").unwrap().mode;
    let Mode::History(request) = exported else {
        panic!("{exported:?}");
    };
    assert_eq!(request.export, Some(Export::Jsonl));
    assert_eq!(parse("why #12").unwrap().mode, Mode::Why("#12".into()));
    for wrong in [
        "why",
        "history --export xml",
        "--port 1 history",
        "--join a:1 why last",
    ] {
        assert!(parse(wrong).is_err(), "{wrong}");
    }
}

#[test]
fn a_message_to_send_comes_with_what_is_waited_for() {
    let sending = |line: &str| match parse(line).unwrap().mode {
        Mode::Send(sending) => sending,
        other => panic!("{other:?}"),
    };
    let plain = sending("send bob@CIC -");
    assert_eq!((plain.to.as_str(), plain.text.as_str()), ("bob@CIC", "-"));
    assert_eq!((plain.wait, plain.timeout), (None, None));
    for (time, milliseconds) in [("500ms", 500), ("5s", 5000), ("2", 2000), ("1.5", 1500)] {
        let timed = sending(&format!("send * hi --wait sent --timeout {time}"));
        assert_eq!(
            timed.timeout,
            Some(Duration::from_millis(milliseconds)),
            "{time}"
        );
        assert_eq!(timed.wait, Some(WaitFor::Sent));
    }
    for line in [
        "send bob",
        "send bob hi --wait",
        "send bob hi --timeout 2d",
        "send bob hi there",
    ] {
        assert_eq!(parse(line).unwrap_err().exit_code(), 2, "{line}");
    }
    let named = parse("--name alice send bob hi --namespace CIC").unwrap();
    let keys: Vec<&str> = named.arguments.iter().map(|it| it.key).collect();
    assert_eq!(keys, ["node.name", "node.namespace"]);
}

#[test]
fn the_traffic_of_a_bot_has_a_rate_a_size_and_an_end() {
    let traffic = |line: &str| match parse(line).unwrap().mode {
        Mode::Bot(traffic) => traffic,
        other => panic!("{other:?}"),
    };
    let plain = traffic("bot --to *");
    assert_eq!((plain.rate, plain.size), (10.0, 32));
    assert_eq!((plain.count, plain.duration), (None, None));
    let full = traffic("bot --to bob --rate 50/s --count 7 --size 100 --duration 1min");
    assert_eq!((full.rate, full.count, full.size), (50.0, Some(7), 100));
    assert_eq!(full.duration, Some(Duration::from_secs(60)));
    for line in [
        "bot",
        "bot --to bob --rate 0",
        "bot --to bob --rate NaN",
        "bot --to bob --rate 1e9",
        "bot --to bob --size 0",
        "bot --to bob --size 40000",
        "bot --to bob --count 0",
    ] {
        assert_eq!(parse(line).unwrap_err().exit_code(), 2, "{line}");
    }
}
