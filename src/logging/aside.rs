//! The names of log files that were put aside: `papo.log.STAMP`, and behind the first of a day or hour `.1`, `.2` …

use std::fs;
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::Rotation;

/// Where the file at `path` goes that was last written at `written`: behind all others of its day or hour.
pub(super) fn next(path: &Path, rotation: Rotation, written: Timestamp) -> PathBuf {
    let stamp = stamp(rotation, written);
    let newest = found(path)
        .into_iter()
        .rfind(|(place, _)| place.0 == stamp)
        .map(|(place, _)| place.1);
    match newest {
        None => beside(path, &stamp),
        Some(number) => beside(path, &format!("{stamp}.{}", number.saturating_add(1))),
    }
}

/// The files that were put aside from `path`, the oldest first: its name, a dot and a stamp, nothing else.
pub(super) fn before(path: &Path) -> Vec<PathBuf> {
    found(path).into_iter().map(|(_, path)| path).collect()
}

/// The stamp, and the number behind it; the first of a stamp has 0.
type Place = (String, u64);

fn found(path: &Path) -> Vec<(Place, PathBuf)> {
    let folder = path
        .parent()
        .filter(|folder| !folder.as_os_str().is_empty())
        .unwrap_or(Path::new("."));
    let Some(name) = path.file_name().and_then(|name| name.to_str()) else {
        return Vec::new();
    };
    let Ok(entries) = fs::read_dir(folder) else {
        return Vec::new();
    };
    let place_of = |entry: fs::DirEntry| {
        let other = entry.file_name();
        let behind = other.to_str()?.strip_prefix(name)?.strip_prefix('.')?;
        let place = place(behind)?;
        let is_file = entry.file_type().is_ok_and(|kind| kind.is_file());
        is_file.then(|| (place, entry.path()))
    };
    let mut found: Vec<_> = entries.flatten().filter_map(place_of).collect();
    found.sort();
    found
}

/// How the name of a file ends that was last written at `time`.
fn stamp(rotation: Rotation, time: Timestamp) -> String {
    let format = match rotation {
        Rotation::Hourly => "%Y-%m-%dT%H",
        Rotation::Daily | Rotation::Never => "%Y-%m-%d",
    };
    time.to_zoned(TimeZone::UTC).strftime(format).to_string()
}

/// Reads what [`next`] writes, and nothing else.
fn place(text: &str) -> Option<Place> {
    let (stamp, number) = match text.split_once('.') {
        None => (text, 0),
        Some((stamp, digits)) => {
            let number = digits.parse().ok().filter(|number| *number > 0)?;
            let is_ours = digits == format!("{number}");
            (stamp, is_ours.then_some(number)?)
        }
    };
    let shape: String = stamp
        .chars()
        .map(|c| if c.is_ascii_digit() { '0' } else { c })
        .collect();
    let is_stamp = shape == "0000-00-00" || shape == "0000-00-00T00";
    is_stamp.then(|| (stamp.to_owned(), number))
}

fn beside(path: &Path, stamp: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".");
    name.push(stamp);
    PathBuf::from(name)
}
