//! Python's `repr` of a float: the shortest digits that read back as the same number.

/// As Python prints it: `1.0`, `1e+16`, `0.0001`, `1e-05`, `nan`, `-inf`.
pub(super) fn repr(float: f64) -> String {
    if float.is_nan() {
        return "nan".into();
    }
    let sign = if float.is_sign_negative() { "-" } else { "" };
    let magnitude = match float.abs() {
        f64::INFINITY => "inf".into(),
        finite if finite == 0.0 || (1e-4..1e16).contains(&finite) => positional(finite),
        finite => scientific(finite),
    };
    format!("{sign}{magnitude}")
}

/// All digits written out, at least one behind the point.
fn positional(float: f64) -> String {
    let shortest = format!("{float:?}");
    let places = shortest
        .split_once('.')
        .map_or(1, |(_, places)| places.len());
    tie_to_even(shortest, format!("{float:.places$}"), float)
}

/// One digit before the point, at least two in the exponent.
fn scientific(float: f64) -> String {
    let shortest = format!("{float:e}");
    let digits = shortest.split('e').next().unwrap_or_default();
    let places = digits.len().saturating_sub(2);
    let exact = format!("{float:.places$e}");
    let chosen = tie_to_even(shortest, exact, float);
    match chosen.split_once('e') {
        Some((digits, exponent)) => match exponent.strip_prefix('-') {
            Some(exponent) => format!("{digits}e-{exponent:0>2}"),
            None => format!("{digits}e+{exponent:0>2}"),
        },
        None => chosen,
    }
}

/// Where two shortest forms are equally near, Rust takes the upper and Python the even one; rounding the exact
/// value to as many digits gives the even one.
fn tie_to_even(shortest: String, exact: String, float: f64) -> String {
    if exact.parse() == Ok(float) {
        exact
    } else {
        shortest
    }
}
