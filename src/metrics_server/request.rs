//! What of HTTP the endpoint knows: the head of one GET request, and whole answers. Pure.

/// The longest head of a request; Prometheus sends a few hundred bytes.
pub(super) const HEAD_BYTES_MAX: usize = 8 * 1024;

/// What is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Asked {
    /// The metrics.
    Metrics,
    /// Something that there is not.
    NotFound,
    /// A method other than GET.
    NotAllowed,
    /// No request of HTTP/1.
    Bad,
}

/// Whether the head of a request is complete: an empty line has come.
pub(super) fn is_complete(head: &[u8]) -> bool {
    let ends = [&b"\r\n\r\n"[..], b"\n\n"];
    ends.iter()
        .any(|end| head.windows(end.len()).any(|it| it == *end))
}

/// What a head asks for. Its fields say nothing that matters here.
pub(super) fn asked(head: &[u8]) -> Asked {
    let line = head.split(|byte| *byte == b'\n').next().unwrap_or_default();
    let line = line.strip_suffix(b"\r").unwrap_or(line);
    let words: Vec<&[u8]> = line.split(|byte| *byte == b' ').collect();
    let [method, target, version] = words[..] else {
        return Asked::Bad;
    };
    let path = target
        .split(|byte| *byte == b'?')
        .next()
        .unwrap_or_default();
    let is_method = !method.is_empty() && method.iter().all(u8::is_ascii_uppercase);
    match (is_method && version.starts_with(b"HTTP/1."), method, path) {
        (false, _, _) => Asked::Bad,
        (true, b"GET", b"/metrics") => Asked::Metrics,
        (true, b"GET", _) => Asked::NotFound,
        (true, _, _) => Asked::NotAllowed,
    }
}

/// A whole answer, behind which the connection ends.
pub(super) fn answer(status: &str, content_type: &str, body: &str) -> Vec<u8> {
    let length = body.len();
    let allow = match status.starts_with("405") {
        true => "Allow: GET\r\n",
        false => "",
    };
    format!(
        "HTTP/1.1 {status}\r\nContent-Type: {content_type}\r\nContent-Length: {length}\r\n\
         {allow}X-Content-Type-Options: nosniff\r\nConnection: close\r\n\r\n{body}"
    )
    .into_bytes()
}

/// An answer in words.
pub(super) fn refusal(status: &str) -> Vec<u8> {
    answer(
        status,
        "text/plain; charset=utf-8",
        &format!("{status}: GET /metrics is all there is\n"),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_get_metrics_is_answered() {
        for (line, expected) in [
            ("GET /metrics HTTP/1.1", Asked::Metrics),
            ("GET /metrics HTTP/1.0", Asked::Metrics),
            ("GET /metrics?name=x HTTP/1.1", Asked::Metrics),
            ("GET / HTTP/1.1", Asked::NotFound),
            ("GET /metrics/ HTTP/1.1", Asked::NotFound),
            ("GET //metrics HTTP/1.1", Asked::NotFound),
            ("GET http://here/metrics HTTP/1.1", Asked::NotFound),
            ("POST /metrics HTTP/1.1", Asked::NotAllowed),
            ("HEAD /metrics HTTP/1.1", Asked::NotAllowed),
            ("PRI * HTTP/2.0", Asked::Bad),
            ("get /metrics HTTP/1.1", Asked::Bad),
            ("GET /metrics", Asked::Bad),
            ("GET  /metrics HTTP/1.1", Asked::Bad),
            ("", Asked::Bad),
            (r#"{"type":"HELLO"}"#, Asked::Bad),
            ("\u{16}\u{3}\u{1}", Asked::Bad),
        ] {
            for end in ["\r\n\r\n", "\r\nHost: here\r\n\r\n", "\n\n"] {
                let head = format!("{line}{end}");
                assert_eq!(asked(head.as_bytes()), expected, "{head:?}");
            }
        }
    }

    #[test]
    fn a_head_ends_with_an_empty_line() {
        for (head, expected) in [
            ("GET /metrics HTTP/1.1\r\n", false),
            ("GET /metrics HTTP/1.1\r\n\r", false),
            ("GET /metrics HTTP/1.1\r\n\r\n", true),
            ("GET /metrics HTTP/1.1\n\n", true),
            ("", false),
        ] {
            assert_eq!(is_complete(head.as_bytes()), expected, "{head:?}");
        }
    }

    #[test]
    fn an_answer_tells_its_length_and_that_the_connection_ends() {
        let answer = String::from_utf8(answer("200 OK", "text/plain", "häll")).unwrap();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        assert!(head.contains("Content-Length: 5\r\n"), "{head}");
        assert!(head.ends_with("Connection: close"), "{head}");
        assert_eq!(body, "häll");
        let refusal = String::from_utf8(refusal("405 Method Not Allowed")).unwrap();
        assert!(refusal.contains("Allow: GET\r\n"), "{refusal}");
    }
}
