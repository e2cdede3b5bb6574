use std::fs;
use std::path::Path;

use tracing::{debug, error, info, info_span, warn};

use super::*;

fn setup(level: &str) -> LogSetup {
    LogSetup {
        levels: level.parse().unwrap(),
        stderr: false,
        files: Vec::new(),
        turns: Turns {
            rotation: Rotation::Never,
            max_size: None,
            keep: 1,
        },
        warnings: None,
        told_otherwise: &["papo::told"],
    }
}

/// What `work` logs into a file, line by line, without the time.
fn logged(level: &str, work: impl FnOnce(&LogControl)) -> Vec<String> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("papo.log");
    let mut setup = setup(level);
    setup.files.push(path.clone());
    let (subscriber, control, guard) = build(setup).unwrap();
    tracing::subscriber::with_default(subscriber, || work(&control));
    drop(guard);
    lines(&path)
        .iter()
        .map(|line| without_time(line).to_owned())
        .collect()
}

fn lines(path: &Path) -> Vec<String> {
    fs::read_to_string(path)
        .unwrap()
        .lines()
        .map(str::to_owned)
        .collect()
}

/// Checks that a line begins with a time like `2026-11-20T10:00:00.123Z`.
fn without_time(line: &str) -> &str {
    let (time, rest) = line.split_once(' ').unwrap();
    assert_eq!(time.len(), "2026-11-20T10:00:00.123Z".len(), "{line}");
    assert!(
        time.parse::<Timestamp>().is_ok() && time.ends_with('Z'),
        "{line}"
    );
    rest
}

#[test]
fn a_line_has_level_module_message_and_fields() {
    let lines = logged("info", |_| {
        info!(peer = %"bob@CIC", count = 3, "connected");
        error!("broken");
    });
    assert_eq!(
        lines,
        [
            " INFO logging::tests: connected peer=bob@CIC count=3",
            "ERROR logging::tests: broken"
        ]
    );
}

#[test]
fn a_line_tells_the_spans_it_happened_in() {
    let lines = logged("info", |_| {
        let link = info_span!("link", peer = %"bob@CIC", direction = tracing::field::Empty);
        let _in_link = link.enter();
        link.record("direction", "inbound");
        info_span!("handshake").in_scope(|| warn!(reason = "reset", "lost"));
    });
    assert_eq!(
        lines,
        [
            " WARN logging::tests: link{peer=bob@CIC direction=inbound}: handshake: lost reason=reset"
        ]
    );
}

#[test]
fn a_stranger_cannot_forge_a_line_a_field_or_a_colour() {
    let evil = "x\n2026-11-20T10:00:00.000Z ERROR node: forged\u{1b}[31m\u{202e}";
    let lines = logged("info", |_| {
        info!(peer = %evil, "seen");
        info!(peer = ?evil, "seen");
        info!(peer = evil, "seen");
        info!("seen {evil}");
        info!(peer = %"bob reason=\"ok\"", "seen");
        let _in_span = info_span!("link", peer = %evil).entered();
        info!("inside");
    });
    assert_eq!(lines.len(), 6, "{lines:?}");
    for line in &lines {
        assert!(
            !line.chars().any(|c| c.is_control() || c == '\u{202e}'),
            "{line:?}"
        );
    }
    let quoted = r#"peer="x\n2026-11-20T10:00:00.000Z ERROR node: forged\u{1b}[31m\u{202e}""#;
    assert_eq!(lines[0], format!(" INFO logging::tests: seen {quoted}"));
    assert_eq!((&lines[1], &lines[2]), (&lines[0], &lines[0]));
    assert_eq!(
        lines[4],
        r#" INFO logging::tests: seen peer="bob reason=\"ok\"""#
    );
    assert_eq!(
        lines[5],
        format!(" INFO logging::tests: link{{{quoted}}}: inside")
    );
}

#[test]
fn a_long_line_is_cut_and_says_so() {
    let lines = logged("info", |_| info!("{}", "é".repeat(10_000)));
    assert!(
        lines[0].len() < format::LINE_BYTES_MAX + 40,
        "{} bytes",
        lines[0].len()
    );
    assert!(lines[0].ends_with(" bytes more)"), "{}", &lines[0][4000..]);
}

#[test]
fn levels_change_while_running() {
    let lines = logged("warn", |log| {
        info!("one");
        assert_eq!(log.set("info"), Ok("info".to_owned()));
        info!("two");
        debug!("three");
        assert_eq!(log.set("tests=debug"), Ok("info,tests=debug".to_owned()));
        debug!("four");
        assert!(log.set("loud").is_err());
        assert_eq!(log.current(), "info,tests=debug");
        assert_eq!(log.set("off"), Ok("off".to_owned()));
        error!("five");
    });
    let words: Vec<&str> = lines
        .iter()
        .filter_map(|line| line.rsplit(' ').next())
        .collect();
    assert_eq!(words, ["two", "four"]);
}

#[test]
fn a_module_nobody_has_heard_of_is_told() {
    logged("info", |log| {
        info!("here");
        let answer = log.set("teste=debug").unwrap();
        assert_eq!(
            answer,
            "info,teste=debug (no module teste has logged anything yet)"
        );
        assert_eq!(
            log.set("logging::tests=debug").unwrap(),
            "info,teste=debug,logging::tests=debug"
        );
    });
}

#[test]
fn warnings_reach_the_terminal_without_time_and_lower_levels_do_not() {
    let (sender, mut receiver) = mpsc::channel(2);
    let setup = LogSetup {
        warnings: Some(sender),
        ..setup("debug")
    };
    let (subscriber, control, _guard) = build(setup).unwrap();
    tracing::subscriber::with_default(subscriber, || {
        info!("nothing to see");
        warn!(target: "papo::told::here", "an event shows this");
        warn!(peer = %"bob@CIC", "slow");
        error!("bad\nnews");
        warn!("too many");
    });
    assert_eq!(
        receiver.try_recv().unwrap(),
        " WARN logging::tests: slow peer=bob@CIC"
    );
    assert_eq!(
        receiver.try_recv().unwrap(),
        "ERROR logging::tests: bad ⏎ news"
    );
    assert!(receiver.try_recv().is_err());
    assert_eq!(control.lost_lines(), 1);
}

#[test]
fn every_file_gets_every_line() {
    let folder = tempfile::tempdir().unwrap();
    let files: Vec<PathBuf> = ["a.log", "b.log"]
        .iter()
        .map(|name| folder.path().join(name))
        .collect();
    let (subscriber, control, guard) = build(LogSetup {
        files: files.clone(),
        ..setup("info")
    })
    .unwrap();
    tracing::subscriber::with_default(subscriber, || {
        (0..1000).for_each(|number| info!(number, "counted"))
    });
    drop(guard);
    for file in &files {
        let numbers = lines(file);
        let numbers: Vec<&str> = numbers
            .iter()
            .filter_map(|line| line.rsplit('=').next())
            .collect();
        let expected: Vec<String> = (0..1000).map(|number| number.to_string()).collect();
        assert_eq!(numbers, expected);
    }
    assert_eq!(control.lost_lines(), 0);
}

#[test]
fn a_file_that_cannot_be_opened_is_named() {
    let path = PathBuf::from("/no/such/folder/papo.log");
    let error = build(LogSetup {
        files: vec![path],
        ..setup("info")
    })
    .err()
    .unwrap();
    assert!(
        error
            .to_string()
            .starts_with("cannot log to /no/such/folder/papo.log: "),
        "{error}"
    );
}

/// A destination that stands still until it is let go, like a pipe nobody reads.
struct Stuck(std::sync::mpsc::Receiver<()>);

impl Write for Stuck {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        // An error means that the test is over and has let go.
        self.0.recv().ok();
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[test]
fn a_destination_that_stands_still_costs_lines_but_nobody_waits() {
    let (let_go, held) = std::sync::mpsc::channel();
    let mut losses = Losses::default();
    let (mut queue, guard) = queue_before(Box::new(Stuck(held)), &mut losses);
    let count = LINES_WAITING_MAX + 100;
    for _ in 0..count {
        queue.write_all(b"line\n").unwrap();
    }
    let lost = losses.total();
    assert!((99..=100).contains(&lost), "{lost} lines were lost");
    drop(let_go);
    drop(guard);
}
