//! The headers and the body of an answer → whether there is more, how long to wait, what was said.

use super::super::failure::printable;
use jiff::Timestamp;
use serde::Deserialize;
use std::time::Duration;
use ureq::http::header::{LINK, RETRY_AFTER};
use ureq::http::{HeaderMap, StatusCode};

/// How long to wait where a forge says that there is a limit, and not for how long.
/// Source: <https://docs.github.com/en/rest/using-the-rest-api/rate-limits-for-the-rest-api>.
const UNSAID: Duration = Duration::from_secs(60);

/// Whether a list goes on.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Page {
    /// This was its end.
    Last,
    /// There is more, or may be.
    More,
}

/// Whether a list goes on behind a page: by its links (RFC 8288), by the number of all items that
/// Forgejo and Gitea tell, and where a server or a proxy tells neither, by the page being full.
pub(super) fn page(headers: &HeaderMap, got: usize, size: usize, so_far: usize) -> Page {
    let links: Vec<&str> = headers
        .get_all(LINK)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .collect();
    let next = |link: &&str| {
        let link = link.to_ascii_lowercase();
        link.contains("rel=\"next\"") || link.contains("rel=next")
    };
    let total = headers
        .get("x-total-count")
        .and_then(|value| value.to_str().ok()?.trim().parse::<usize>().ok());
    let more = if got == 0 {
        false
    } else if links.iter().any(next) {
        true
    } else if let Some(total) = total {
        so_far < total
    } else {
        links.is_empty() && got >= size
    };
    match more {
        true => Page::More,
        false => Page::Last,
    }
}

/// Whether a refusal is a matter of time.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Pause {
    /// It is not.
    None,
    /// It is, and this long.
    For(Duration),
}

/// Whether a refusal is a rate limit, and when it passes: `Retry-After` (RFC 9110 section 10.2.3),
/// `X-RateLimit-*` of GitHub and Forgejo, `RateLimit-*` of GitLab; all in seconds.
pub(super) fn pause(status: StatusCode, headers: &HeaderMap, body: &[u8], now: Timestamp) -> Pause {
    if status != StatusCode::TOO_MANY_REQUESTS && status != StatusCode::FORBIDDEN {
        return Pause::None;
    }
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    let number = |name: &str| text(name)?.trim().parse::<i64>().ok();
    let until =
        |at: i64| Duration::from_secs(at.saturating_sub(now.as_second()).max(0).unsigned_abs());
    if let Some(after) = text(RETRY_AFTER.as_str()) {
        let after = after.trim();
        if let Ok(seconds) = after.parse::<u64>() {
            return Pause::For(Duration::from_secs(seconds));
        }
        if let Ok(at) = jiff::fmt::rfc2822::parse(after) {
            return Pause::For(until(at.timestamp().as_second()));
        }
    }
    for (left, reset) in [
        ("x-ratelimit-remaining", "x-ratelimit-reset"),
        ("ratelimit-remaining", "ratelimit-reset"),
    ] {
        if number(left) == Some(0) {
            return Pause::For(number(reset).map_or(UNSAID, until));
        }
    }
    let limited = status == StatusCode::TOO_MANY_REQUESTS
        || String::from_utf8_lossy(body).contains("secondary rate limit");
    match limited {
        true => Pause::For(UNSAID),
        false => Pause::None,
    }
}

/// What a refusal says in words, as `: words`; empty where it says nothing.
pub(super) fn said(body: &[u8]) -> String {
    #[derive(Deserialize)]
    struct Words {
        #[serde(default)]
        message: serde_json::Value,
        #[serde(default)]
        error: serde_json::Value,
    }
    let words = match serde_json::from_slice::<Words>(body) {
        Ok(Words { message, error }) => [message, error].into_iter().find_map(|w| match w {
            serde_json::Value::String(words) => Some(words),
            serde_json::Value::Null => None,
            other => Some(other.to_string()),
        }),
        Err(_) if body.trim_ascii_start().starts_with(b"<") => Some("an HTML page".into()),
        Err(_) => None,
    };
    match words.map(|words| printable(&words)) {
        Some(words) if !words.is_empty() => format!(": {words}"),
        Some(_) | None => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(given: &[(&'static str, &str)]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in given {
            headers.append(*name, value.parse().unwrap());
        }
        headers
    }

    #[test]
    fn a_list_ends_where_the_forge_says_so_and_else_at_a_page_that_is_not_full() {
        use Page::{Last, More};
        let next = (
            "link",
            "<https://x/?page=2>; rel=\"next\", <https://x/?page=9>; rel=\"last\"",
        );
        let end = ("link", "<https://x/?page=1>; rel=\"first\"");
        let total = ("x-total-count", "120");
        for (given, got, so_far, expected) in [
            (&[next][..], 30, 30, More),
            (&[end], 100, 200, Last),
            (&[end, total], 50, 100, More),
            (&[total], 50, 50, More),
            (&[total], 20, 120, Last),
            // Somebody else's pending reviews are counted and not shown.
            (&[total], 0, 118, Last),
            (&[], 100, 100, More),
            (&[], 99, 99, Last),
            (&[], 0, 0, Last),
        ] {
            assert_eq!(
                page(&headers(given), got, 100, so_far),
                expected,
                "{given:?}"
            );
        }
    }

    #[test]
    fn a_limit_is_known_by_status_and_headers() {
        let now = Timestamp::from_second(1_000).unwrap();
        let seconds = |s| Pause::For(Duration::from_secs(s));
        for (status, given, body, expected) in [
            (429, &[("retry-after", "7")][..], "", seconds(7)),
            (403, &[("retry-after", "7")], "", seconds(7)),
            (
                429,
                &[("retry-after", "Thu, 01 Jan 1970 00:17:00 GMT")],
                "",
                seconds(20),
            ),
            (
                403,
                &[
                    ("x-ratelimit-remaining", "0"),
                    ("x-ratelimit-reset", "1030"),
                ],
                "",
                seconds(30),
            ),
            (
                429,
                &[("ratelimit-remaining", "0"), ("ratelimit-reset", "990")],
                "",
                seconds(0),
            ),
            (429, &[], "", seconds(60)),
            (
                403,
                &[],
                "{\"message\":\"You have exceeded a secondary rate limit.\"}",
                seconds(60),
            ),
            (403, &[("x-ratelimit-remaining", "17")], "", Pause::None),
            (
                403,
                &[],
                "{\"message\":\"Resource not accessible\"}",
                Pause::None,
            ),
            (404, &[("retry-after", "7")], "", Pause::None),
        ] {
            let status = StatusCode::from_u16(status).unwrap();
            let found = pause(status, &headers(given), body.as_bytes(), now);
            assert_eq!(found, expected, "{status} {given:?} {body}");
        }
    }

    #[test]
    fn what_a_forge_says_is_one_short_printable_line() {
        assert_eq!(
            said(b"{\"message\":\"Bad credentials\"}"),
            ": Bad credentials"
        );
        assert_eq!(
            said(b"{\"error\":\"insufficient_scope\"}"),
            ": insufficient_scope"
        );
        assert_eq!(
            said(b"{\"message\":{\"base\":[\"no\"]}}"),
            ": {\"base\":[\"no\"]}"
        );
        assert_eq!(said(b"<html>hunter2</html>"), ": an HTML page");
        assert_eq!(said(b"oops"), "");
        let hostile = format!("{{\"message\":\"a\\u001b[2J\\nb{}\"}}", "x".repeat(9_000));
        let words = said(hostile.as_bytes());
        assert!(
            words.starts_with(": a [2J b") && words.chars().count() < 170,
            "{words}"
        );
        assert!(!words.contains(['\u{1b}', '\n']));
    }
}
