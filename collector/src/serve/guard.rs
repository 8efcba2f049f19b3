//! Who is answered: the page that this server itself sent, and nobody whom a foreign page sent.
//!
//! A page of another site can make the browser call us (DNS rebinding, forms, scripts). The browser then says so in
//! `Host` or `Origin`, which such a page cannot change.

use super::answer::Asked;

/// A sentence for whom it may concern, where a request is refused.
pub(super) fn refusal(asked: &Asked<'_>, port: u16) -> Option<String> {
    let ours = |host: &str| is_ours(host, port);
    let mut hosts = asked.all("host");
    match (hosts.next(), hosts.next()) {
        (Some(host), None) if ours(host) => {}
        _ => {
            return Some(format!(
                "refused: this server answers as 127.0.0.1:{port} and localhost:{port} only. Through a tunnel, use the \
                 same port on both sides."
            ));
        }
    }
    let foreign = asked.all("origin").any(|origin| !origin.strip_prefix("http://").is_some_and(ours));
    foreign.then(|| "refused: another site's page asked for this".to_owned())
}

/// Whether a `Host` names this server.
fn is_ours(host: &str, port: u16) -> bool {
    let (name, given) = match host.rsplit_once(':') {
        Some((name, digits)) if !digits.contains(']') => (name, digits.parse().ok()),
        _ => (host, Some(80)),
    };
    let known = ["localhost", "127.0.0.1", "[::1]"].iter().any(|ours| name.eq_ignore_ascii_case(ours));
    known && given == Some(port)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(headers: &[(&str, &str)], refused: bool) {
        let headers: Vec<(String, String)> =
            headers.iter().map(|(name, value)| (name.to_string(), value.to_string())).collect();
        let asked = Asked { method: "GET", target: "/", headers: &headers };
        assert_eq!(refusal(&asked, 7070).is_some(), refused, "{headers:?}");
    }

    #[test]
    fn only_our_own_names_with_our_port_are_answered() {
        for host in ["localhost:7070", "127.0.0.1:7070", "[::1]:7070", "LOCALHOST:7070"] {
            check(&[("host", host)], false);
        }
        let evil = ["evil.example", "evil.example:7070", "localhost", "127.0.0.1:7071", "127.0.0.1:", "", "[::1]"];
        for host in
            evil.into_iter().chain(["localhost.evil.example:7070", "127.0.0.1:7070.evil.example", "a@localhost:7070"])
        {
            check(&[("host", host)], true);
        }
        check(&[], true);
        check(&[("host", "localhost:7070"), ("host", "evil.example")], true);
    }

    #[test]
    fn a_foreign_origin_is_refused() {
        let host = ("host", "localhost:7070");
        check(&[host, ("origin", "http://localhost:7070")], false);
        check(&[host, ("origin", "http://127.0.0.1:7070")], false);
        for origin in ["null", "http://evil.example", "https://localhost:7070", "http://localhost:8080", ""] {
            check(&[host, ("origin", origin)], true);
        }
    }
}
