use std::os::unix::fs::PermissionsExt;
use std::time::SystemTime;

use super::*;

fn at(time: &str) -> Timestamp {
    time.parse().unwrap()
}

fn by_clock(rotation: Rotation, keep: usize) -> Turns {
    Turns {
        rotation,
        max_size: None,
        keep,
    }
}

fn by_size(rotation: Rotation, max_size: u64, keep: usize) -> Turns {
    Turns {
        rotation,
        max_size: Some(max_size),
        keep,
    }
}

/// A file that was last written at `time`.
fn put(path: &Path, text: &str, time: &str) {
    fs::write(path, text).unwrap();
    let file = File::options().append(true).open(path).unwrap();
    file.set_modified(SystemTime::from(at(time))).unwrap();
}

fn names(folder: &Path) -> Vec<String> {
    let mut names: Vec<String> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

#[test]
fn yesterdays_file_is_put_aside_and_todays_is_continued() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("papo.log");
    put(&path, "old\n", "2026-11-19T23:59:59Z");
    RotatingFile::open(
        path.clone(),
        by_clock(Rotation::Daily, 7),
        at("2026-11-20T00:00:00Z"),
    )
    .unwrap();
    assert_eq!(names(folder.path()), ["papo.log", "papo.log.2026-11-19"]);
    put(&path, "new\n", "2026-11-20T01:00:00Z");
    RotatingFile::open(
        path.clone(),
        by_clock(Rotation::Daily, 7),
        at("2026-11-20T23:59:59Z"),
    )
    .unwrap();
    assert_eq!(names(folder.path()), ["papo.log", "papo.log.2026-11-19"]);
    assert_eq!(fs::read_to_string(&path).unwrap(), "new\n");
}

#[test]
fn the_clock_begins_a_new_file_while_writing() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("papo.log");
    let mut log = RotatingFile::open(
        path.clone(),
        by_clock(Rotation::Hourly, 7),
        at("2026-11-20T10:00:00Z"),
    )
    .unwrap();
    log.file.write_all(b"ten\n").unwrap();
    log.flush().unwrap();
    put(&path, "ten\n", "2026-11-20T10:30:00Z");
    log.follow(at("2026-11-20T10:59:59Z"), 1).unwrap();
    assert_eq!(names(folder.path()), ["papo.log"]);
    log.follow(at("2026-11-20T11:00:00Z"), 1).unwrap();
    log.file.write_all(b"eleven\n").unwrap();
    log.flush().unwrap();
    assert_eq!(names(folder.path()), ["papo.log", "papo.log.2026-11-20T10"]);
    assert_eq!(fs::read_to_string(&path).unwrap(), "eleven\n");
}

#[test]
fn a_file_another_process_put_aside_is_not_put_aside_twice() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("papo.log");
    let mut log = RotatingFile::open(
        path.clone(),
        by_clock(Rotation::Daily, 7),
        at("2026-11-19T10:00:00Z"),
    )
    .unwrap();
    fs::rename(&path, folder.path().join("papo.log.2026-11-19")).unwrap();
    put(&path, "theirs\n", "2026-11-20T00:00:01Z");
    log.follow(at("2026-11-20T00:00:02Z"), 1).unwrap();
    log.file.write_all(b"ours\n").unwrap();
    log.flush().unwrap();
    assert_eq!(names(folder.path()), ["papo.log", "papo.log.2026-11-19"]);
    assert_eq!(fs::read_to_string(&path).unwrap(), "theirs\nours\n");
}

#[test]
fn only_the_oldest_of_our_own_files_are_removed() {
    let folder = tempfile::tempdir().unwrap();
    for name in [
        "papo.log.2026-11-17",
        "papo.log.2026-11-18",
        "papo.log.2026-11-19",
        "papo.log.2026-11-18.gz",
        "papo.log.bak",
        "papo.logbook",
        "papo.log.20261118",
        "other.log.2026-11-17",
    ] {
        fs::write(folder.path().join(name), "x").unwrap();
    }
    fs::create_dir(folder.path().join("papo.log.2026-11-16")).unwrap();
    let path = folder.path().join("papo.log");
    RotatingFile::open(
        path,
        by_clock(Rotation::Daily, 3),
        at("2026-11-20T10:00:00Z"),
    )
    .unwrap();
    assert_eq!(
        names(folder.path()),
        [
            "other.log.2026-11-17",
            "papo.log",
            "papo.log.2026-11-16",
            "papo.log.2026-11-18",
            "papo.log.2026-11-18.gz",
            "papo.log.2026-11-19",
            "papo.log.20261118",
            "papo.log.bak",
            "papo.logbook",
        ]
    );
}

#[test]
fn without_rotation_the_file_is_never_put_aside() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("papo.log");
    put(&path, "old\n", "2020-01-01T00:00:00Z");
    RotatingFile::open(
        path,
        by_clock(Rotation::Never, 1),
        at("2026-11-20T00:00:00Z"),
    )
    .unwrap();
    assert_eq!(names(folder.path()), ["papo.log"]);
}

#[test]
fn a_file_that_was_put_aside_is_never_written_over() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("papo.log");
    put(&path, "old\n", "2026-11-19T10:00:00Z");
    fs::write(folder.path().join("papo.log.2026-11-19"), "older\n").unwrap();
    RotatingFile::open(
        path,
        by_clock(Rotation::Daily, 7),
        at("2026-11-20T00:00:00Z"),
    )
    .unwrap();
    let text = |name: &str| fs::read_to_string(folder.path().join(name)).unwrap();
    assert_eq!(text("papo.log.2026-11-19"), "older\n");
    assert_eq!(text("papo.log.2026-11-19.1"), "old\n");
}

#[test]
fn nobody_else_can_read_a_log() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("papo.log");
    RotatingFile::open(
        path.clone(),
        by_clock(Rotation::Daily, 7),
        at("2026-11-20T00:00:00Z"),
    )
    .unwrap();
    assert_eq!(
        fs::metadata(path).unwrap().permissions().mode() & 0o777,
        0o600
    );
}

/// The names and texts of all files in a folder.
fn texts(folder: &Path) -> Vec<(String, String)> {
    let text = |name: String| {
        let text = fs::read_to_string(folder.join(&name)).unwrap();
        (name, text)
    };
    names(folder).into_iter().map(text).collect()
}

fn check_texts(folder: &Path, expected: &[(&str, &str)]) {
    let expected: Vec<_> = expected
        .iter()
        .map(|(name, text)| ((*name).to_owned(), (*text).to_owned()))
        .collect();
    assert_eq!(texts(folder), expected);
}

/// Writes a line at a time, as the log does it.
fn write(log: &mut RotatingFile, path: &Path, line: &str, time: &str) {
    log.follow(at(time), line.len() as u64).unwrap();
    log.size += line.len() as u64;
    log.file.write_all(line.as_bytes()).unwrap();
    log.flush().unwrap();
    let file = File::options().append(true).open(path).unwrap();
    file.set_modified(SystemTime::from(at(time))).unwrap();
}

#[test]
fn a_full_file_is_put_aside_between_two_lines_and_keep_holds_for_size_and_clock() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("papo.log");
    let turns = by_size(Rotation::Daily, 10, 4);
    let mut log = RotatingFile::open(path.clone(), turns, at("2026-11-20T10:00:00Z")).unwrap();
    for line in ["one\n", "two\n", "three\n", "four\n"] {
        write(&mut log, &path, line, "2026-11-20T10:00:00Z");
    }
    check_texts(
        folder.path(),
        &[
            ("papo.log", "four\n"),
            ("papo.log.2026-11-20", "one\ntwo\n"),
            ("papo.log.2026-11-20.1", "three\n"),
        ],
    );
    write(&mut log, &path, "five\n", "2026-11-21T00:00:00Z");
    write(&mut log, &path, "longer than ten\n", "2026-11-21T00:00:00Z");
    write(&mut log, &path, "six\n", "2026-11-21T00:00:00Z");
    check_texts(
        folder.path(),
        &[
            ("papo.log", "six\n"),
            ("papo.log.2026-11-20.2", "four\n"),
            ("papo.log.2026-11-21", "five\n"),
            ("papo.log.2026-11-21.1", "longer than ten\n"),
        ],
    );
}

#[test]
fn an_existing_file_counts_after_a_restart() {
    for (text, expected) in [
        ("12345678\n", &["papo.log"][..]),
        ("123456789\n", &["papo.log", "papo.log.2026-11-20"][..]),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("papo.log");
        put(&path, text, "2026-11-20T10:00:00Z");
        let turns = by_size(Rotation::Never, 10, 7);
        let mut log = RotatingFile::open(path, turns, at("2026-11-20T10:00:00Z")).unwrap();
        assert_eq!(names(folder.path()), expected);
        log.write_all(b"ab").unwrap();
        log.flush().unwrap();
        assert_eq!(names(folder.path()), ["papo.log", "papo.log.2026-11-20"]);
    }
}

#[test]
fn files_of_one_stamp_are_ordered_by_their_number_and_foreign_names_stay() {
    let folder = tempfile::tempdir().unwrap();
    for name in [
        "papo.log.2026-11-20",
        "papo.log.2026-11-20.2",
        "papo.log.2026-11-20.10",
        "papo.log.2026-11-20.01",
        "papo.log.2026-11-20.0",
        "papo.log.2026-11-20.x",
        "papo.log.2026-11-20.1.gz",
    ] {
        fs::write(folder.path().join(name), "x").unwrap();
    }
    let path = folder.path().join("papo.log");
    put(&path, "12345678901", "2026-11-20T10:00:00Z");
    let turns = by_size(Rotation::Never, 10, 3);
    RotatingFile::open(path, turns, at("2026-11-20T10:00:00Z")).unwrap();
    assert_eq!(
        names(folder.path()),
        [
            "papo.log",
            "papo.log.2026-11-20.0",
            "papo.log.2026-11-20.01",
            "papo.log.2026-11-20.1.gz",
            "papo.log.2026-11-20.10",
            "papo.log.2026-11-20.11",
            "papo.log.2026-11-20.x",
        ]
    );
}

#[test]
fn a_full_file_another_process_put_aside_is_not_put_aside_twice() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("papo.log");
    let turns = by_size(Rotation::Daily, 10, 7);
    let mut log = RotatingFile::open(path.clone(), turns, at("2026-11-20T10:00:00Z")).unwrap();
    write(&mut log, &path, "12345678\n", "2026-11-20T10:00:00Z");
    fs::rename(&path, folder.path().join("papo.log.2026-11-20")).unwrap();
    put(&path, "their\n", "2026-11-20T10:00:00Z");
    write(&mut log, &path, "us\n", "2026-11-20T10:00:00Z");
    check_texts(
        folder.path(),
        &[
            ("papo.log", "their\nus\n"),
            ("papo.log.2026-11-20", "12345678\n"),
        ],
    );
}

#[test]
fn what_cannot_be_put_aside_is_written_on() {
    let folder = tempfile::tempdir().unwrap();
    // The name it would get is longer than a file system takes.
    let long = folder.path().join("x".repeat(250));
    let turns = by_size(Rotation::Daily, 10, 7);
    let mut log = RotatingFile::open(long.clone(), turns, at("2026-11-20T10:00:00Z")).unwrap();
    for _ in 0..3 {
        write(&mut log, &long, "12345678\n", "2026-11-20T10:00:00Z");
    }
    assert_eq!(fs::read_to_string(&long).unwrap(), "12345678\n".repeat(3));
    assert_eq!(names(folder.path()).len(), 1);
}

#[test]
fn a_disk_without_room_is_an_error_of_each_line_and_nothing_else() {
    let turns = by_size(Rotation::Daily, 64 * 1024, 7);
    let Ok(mut log) = RotatingFile::open("/dev/full".into(), turns, Timestamp::now()) else {
        return; // A system without such a device.
    };
    let line = [b'x'; 4096];
    let failed = (0..100).filter(|_| log.write_all(&line).is_err()).count();
    assert!(failed > 90, "{failed}");
}
