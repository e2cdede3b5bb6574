//! The name of a node nobody named: the login name, made into a name the protocol can carry.
//!
//! Knows where login names are kept, and nothing of settings, peers or what happens if the name is taken.

use std::ffi::OsString;

use nix::unistd::{User, getuid};

use crate::wire::identity::{OWN_PART_CHARS_MAX, own_part_may_begin_with, own_part_may_hold};

/// The name for a node whose name nobody chose: `LOGNAME`, `USER`, the password database, or `peer`.
pub fn default_name() -> String {
    default_name_from(|variable| std::env::var_os(variable), database_name)
}

fn default_name_from(
    variable: impl Fn(&str) -> Option<OsString>,
    database: impl FnOnce() -> Option<String>,
) -> String {
    let given = |name| variable(name).map(|value| value.to_string_lossy().into_owned());
    given("LOGNAME")
        .filter(|name| !name.is_empty())
        .or_else(|| given("USER").filter(|name| !name.is_empty()))
        .or_else(|| database().filter(|name| !name.is_empty()))
        .map_or_else(|| "peer".to_owned(), |name| fitting(&name))
}

fn database_name() -> Option<String> {
    User::from_uid(getuid())
        .ok()
        .flatten()
        .map(|user| user.name)
}

/// `login` as a name: what a name may not hold becomes `-`, what is too long is cut.
fn fitting(login: &str) -> String {
    let fit = |(place, c): (usize, char)| {
        let good = own_part_may_hold(c) && (place > 0 || own_part_may_begin_with(c));
        if good { c } else { '-' }
    };
    login
        .chars()
        .take(OWN_PART_CHARS_MAX)
        .enumerate()
        .map(fit)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::identity::check_own_part;

    fn name(logname: Option<&str>, user: Option<&str>, database: Option<&str>) -> String {
        let variable = |variable: &str| match variable {
            "LOGNAME" => logname.map(OsString::from),
            "USER" => user.map(OsString::from),
            other => panic!("{other} was asked for"),
        };
        default_name_from(variable, || database.map(str::to_owned))
    }

    #[test]
    fn the_first_source_that_says_anything_names_the_node() {
        for (logname, user, database, expected) in [
            (Some("alice"), Some("bob"), Some("carol"), "alice"),
            (None, Some("bob"), Some("carol"), "bob"),
            (Some(""), Some(""), Some("carol"), "carol"),
            (None, None, Some(""), "peer"),
            (None, None, None, "peer"),
        ] {
            assert_eq!(name(logname, user, database), expected);
        }
    }

    #[test]
    fn what_a_name_may_not_hold_becomes_a_dash() {
        for (login, expected) in [
            ("first last", "first-last"),
            ("alice@example.org", "alice-example.org"),
            ("#root", "-root"),
            ("a#b", "a#b"),
            ("/home", "-home"),
            ("o'neil", "o-neil"),
            ("a\u{1b}[31m", "a-[31m"),
            ("DOMAIN\\user", "DOMAIN\\user"),
            ("joão", "joão"),
        ] {
            assert_eq!(name(Some(login), None, None), expected, "{login:?}");
        }
    }

    #[test]
    fn every_default_name_is_a_good_name() {
        for login in ["@", "*", "  ", "\u{7f}", &"é".repeat(100), "'\"`", "a\nb"] {
            assert_eq!(
                check_own_part("name", &name(Some(login), None, None)),
                Ok(()),
                "{login:?}"
            );
        }
    }

    #[test]
    fn a_login_name_that_is_not_utf8_still_gives_a_name() {
        use std::os::unix::ffi::OsStringExt;
        let variable = |_: &str| Some(OsString::from_vec(vec![b'a', 0xff, b'b']));
        assert_eq!(default_name_from(variable, || None), "a\u{fffd}b");
    }

    #[test]
    fn the_machine_that_runs_this_gives_a_good_name() {
        assert_eq!(check_own_part("name", &default_name()), Ok(()));
    }
}
