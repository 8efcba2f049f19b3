//! `serve` over raw sockets: what it answers, to whom, and that nobody can make it do anything else.

use crate::bundles::{Place, bundle_bytes};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::process::{Child, ChildStdout, Stdio};
use std::time::Duration;

/// A server that is ended with the test.
struct Served {
    child: Child,
    stdout: BufReader<ChildStdout>,
    port: u16,
    /// What it said before and with its address.
    said: String,
}

impl Served {
    fn start(place: &Place, arguments: &[&str]) -> Self {
        let arguments = [&["serve"], arguments].concat();
        let mut child = place.command(&arguments).stdout(Stdio::piped()).spawn().unwrap();
        let mut stdout = BufReader::new(child.stdout.take().unwrap());
        let mut said = String::new();
        let port = loop {
            assert!(stdout.read_line(&mut said).unwrap() > 0, "the server ended: {said}");
            let address = said.split("http://127.0.0.1:").nth(1);
            if let Some(port) = address.and_then(|rest| rest.split('/').next()) {
                break port.parse().unwrap();
            }
        };
        Self { child, stdout, port, said }
    }

    /// On a port that the system chooses.
    fn anywhere(place: &Place) -> Self {
        Self::start(place, &["--port", "0"])
    }

    fn connect(&self) -> TcpStream {
        let stream = TcpStream::connect((Ipv4Addr::LOCALHOST, self.port)).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        stream
    }

    /// Sends these bytes and reads to the end of the connection.
    fn raw(&self, request: &str) -> Answer {
        let mut stream = self.connect();
        stream.write_all(request.as_bytes()).unwrap();
        let mut bytes = Vec::new();
        stream.read_to_end(&mut bytes).unwrap();
        let head_end = bytes.windows(4).position(|four| four == b"\r\n\r\n").expect("a head");
        let head = String::from_utf8(bytes[..head_end].to_vec()).unwrap();
        let status = head.split(' ').nth(1).unwrap().parse().unwrap();
        Answer { status, head, body: bytes[head_end + 4..].to_vec() }
    }

    fn ask(&self, method: &str, target: &str, headers: &[&str]) -> Answer {
        let port = self.port;
        let headers: String = headers.iter().flat_map(|header| [header, "\r\n"]).collect();
        self.raw(&format!("{method} {target} HTTP/1.1\r\nHost: localhost:{port}\r\nConnection: close\r\n{headers}\r\n"))
    }

    fn get(&self, target: &str) -> Answer {
        self.ask("GET", target, &[])
    }

    fn library(&self) -> serde_json::Value {
        serde_json::from_slice(&self.get("/api/library").body).unwrap()
    }

    /// Ends it with a signal; its exit code and what else it said.
    fn end(mut self, signal: Signal) -> (Option<i32>, String) {
        kill(Pid::from_raw(i32::try_from(self.child.id()).unwrap()), signal).unwrap();
        let code = self.child.wait().unwrap().code();
        let mut rest = String::new();
        self.stdout.read_to_string(&mut rest).unwrap();
        (code, rest)
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

struct Answer {
    status: u16,
    head: String,
    body: Vec<u8>,
}

impl Answer {
    fn header(&self, name: &str) -> Option<&str> {
        self.head
            .lines()
            .filter_map(|line| line.split_once(':'))
            .find(|(known, _)| known.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.trim())
    }

    fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }
}

#[test]
fn the_library_and_its_bundles_are_served_and_new_ones_appear() {
    let place = Place::new();
    let first = bundle_bytes("app", None);
    place.put("0001-app-aaaaaa.perf.zip", &first);
    let served = Served::anywhere(&place);
    let before = served.library();
    assert_eq!(before["bundles"][0]["name"], "0001-app-aaaaaa.perf.zip");
    assert_eq!(before["bundles"][0]["manifest"]["command"][0], "./app");
    assert!(before["open"].is_null());
    let bundle = served.get("/api/bundles/0001-app-aaaaaa.perf.zip");
    assert_eq!((bundle.status, bundle.header("content-type")), (200, Some("application/zip")));
    assert_eq!(bundle.header("content-length"), Some(first.len().to_string().as_str()));
    assert!(bundle.body == first, "byte for byte");
    assert_eq!(served.library()["version"], before["version"], "nothing changed");

    place.put("0002-app-bbbbbb.perf.zip", b"broken");
    let after = served.library();
    assert_ne!(after["version"], before["version"]);
    assert_eq!(after["bundles"].as_array().unwrap().len(), 2);
    assert!(after["bundles"][1]["error"].is_string() && after["bundles"][1]["manifest"].is_null());
}

#[test]
fn only_our_own_host_and_origin_are_answered() {
    let place = Place::new();
    place.put("0001-app-aaaaaa.perf.zip", &bundle_bytes("app", None));
    let served = Served::anywhere(&place);
    let port = served.port;
    for target in ["/", "/api/library", "/api/bundles/0001-app-aaaaaa.perf.zip"] {
        for host in
            ["evil.example", &format!("evil.example:{port}"), "localhost", "127.0.0.1:1", "localhost.evil.example"]
        {
            let answer = served.raw(&format!("GET {target} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n"));
            assert_eq!(answer.status, 403, "{host}");
            assert!(answer.text().starts_with("refused: "), "{}", answer.text());
        }
        assert_eq!(served.raw(&format!("GET {target} HTTP/1.0\r\n\r\n")).status, 403, "no host at all");
        for origin in ["http://evil.example", "null", "https://localhost", "http://localhost:1"] {
            assert_eq!(served.ask("GET", target, &[&format!("Origin: {origin}")]).status, 403, "{origin}");
        }
    }
    for host in ["localhost", "127.0.0.1", "[::1]"] {
        let own = format!(
            "GET /api/library HTTP/1.1\r\nHost: {host}:{port}\r\nOrigin: http://{host}:{port}\r\nConnection: close\r\n\r\n"
        );
        assert_eq!(served.raw(&own).status, 200, "{host}");
    }
}

#[test]
fn no_path_leaves_the_library() {
    let place = Place::new();
    place.put("0001-app-aaaaaa.perf.zip", &bundle_bytes("app", None));
    place.put("secret.txt", b"secret");
    fs::write(place.path().join("outside.perf.zip"), bundle_bytes("outside", None)).unwrap();
    std::os::unix::fs::symlink(place.path().join("outside.perf.zip"), place.library().join("link.perf.zip")).unwrap();
    let served = Served::anywhere(&place);
    let absolute = place.path().join("outside.perf.zip").display().to_string();
    for target in [
        "/api/bundles/../../etc/passwd",
        "/api/bundles/../outside.perf.zip",
        "/api/bundles/%2e%2e/outside.perf.zip",
        "/api/bundles/%2e%2e%2foutside.perf.zip",
        "/api/bundles/..%5coutside.perf.zip",
        "/api/bundles//etc/passwd",
        "/api/bundles/%2fetc%2fpasswd",
        &format!("/api/bundles/{absolute}"),
        "/api/bundles/0001-app-aaaaaa.perf.zip%00",
        "/api/bundles/0001-app-aaaaaa.perf.zip%00.txt",
        "/api/bundles/./0001-app-aaaaaa.perf.zip",
        "/api/bundles/secret.txt",
        "/api/bundles/link.perf.zip",
        "/api/bundles/",
        "/api/bundles/%",
        "/api/bundles/%zz",
        "/api/bundles/%ff%fe",
        "/../../etc/passwd",
        "/%2e%2e/%2e%2e/etc/passwd",
        "//etc/passwd",
        "/.perfcollect/0001-app-aaaaaa.perf.zip",
        "/index.html/../../../etc/passwd",
        "etc/passwd",
        "http://localhost/etc/passwd",
    ] {
        let answer = served.get(target);
        assert_eq!(answer.status, 404, "{target}: {}", answer.text());
        assert!(!answer.text().contains("root:") && !answer.text().contains("secret"), "{target}");
    }
    assert_eq!(served.get("/api/bundles/0001-app-aaaaaa%2eperf.zip").status, 200, "other spellings of a name are fine");
    assert_eq!(served.get("/api/library?x=../../etc/passwd").status, 200);
}

#[test]
fn only_reading_is_possible_and_every_answer_is_locked_down() {
    let place = Place::new();
    place.put("0001-app-aaaaaa.perf.zip", &bundle_bytes("app", None));
    let served = Served::anywhere(&place);
    for method in ["POST", "PUT", "DELETE", "OPTIONS", "PATCH", "TRACE", "NONSENSE"] {
        let answer = served.ask(method, "/api/bundles/0001-app-aaaaaa.perf.zip", &[]);
        assert_eq!((answer.status, answer.header("allow")), (405, Some("GET, HEAD")), "{method}");
    }
    assert_eq!(served.ask("POST", "/", &["Content-Length: 2000\r\n\r\n", &"x".repeat(2000)]).status, 405);
    assert!(place.library().join("0001-app-aaaaaa.perf.zip").exists());
    let head = served.ask("HEAD", "/api/bundles/0001-app-aaaaaa.perf.zip", &[]);
    assert_eq!((head.status, head.body.len()), (200, 0));
    assert_ne!(head.header("content-length"), Some("0"));
    for target in ["/", "/api/library", "/nothing"] {
        let answer = served.get(target);
        let policy = answer.header("content-security-policy").unwrap();
        assert!(policy.starts_with("default-src 'none'") && !policy.contains("unsafe-inline"), "{policy}");
        for (name, value) in [
            ("x-content-type-options", "nosniff"),
            ("referrer-policy", "no-referrer"),
            ("cross-origin-opener-policy", "same-origin"),
            ("cross-origin-resource-policy", "same-origin"),
        ] {
            assert_eq!(answer.header(name), Some(value), "{target}");
        }
        assert!(answer.header("access-control-allow-origin").is_none());
    }
}

#[test]
fn what_a_browser_has_already_is_not_sent_again() {
    let place = Place::new();
    place.put("0001-app-aaaaaa.perf.zip", &bundle_bytes("app", None));
    let served = Served::anywhere(&place);
    for target in ["/api/library", "/api/bundles/0001-app-aaaaaa.perf.zip"] {
        let tag = served.get(target).header("etag").unwrap().to_owned();
        let again = served.ask("GET", target, &[&format!("If-None-Match: {tag}")]);
        assert_eq!((again.status, again.body.len()), (304, 0), "{target}");
        assert_eq!(served.ask("GET", target, &["If-None-Match: \"other\""]).status, 200);
    }
}

#[test]
fn the_page_is_sent_packed_or_plain() {
    let place = Place::new();
    let served = Served::anywhere(&place);
    let packed = served.ask("GET", "/", &["Accept-Encoding: br, gzip;q=0.9"]);
    if packed.status == 404 {
        assert!(packed.text().contains("PERFCOLLECT_NO_VIEWER"), "{}", packed.text());
        return;
    }
    assert_eq!(packed.header("content-encoding"), Some("gzip"));
    assert!(packed.body.starts_with(&[0x1f, 0x8b]));
    for plain in [served.get("/"), served.ask("GET", "/", &["Accept-Encoding: gzip;q=0"])] {
        assert_eq!(plain.header("content-encoding"), None);
        assert!(plain.text().starts_with("<!doctype html>"), "{}", plain.text());
    }
    let tag = packed.header("etag").unwrap();
    let again = served.ask("GET", "/", &["Accept-Encoding: gzip", &format!("If-None-Match: {tag}")]);
    assert_eq!(again.status, 304);
}

#[test]
fn half_open_and_slow_clients_hold_nobody_up() {
    let place = Place::new();
    place.put("0001-app-aaaaaa.perf.zip", &bundle_bytes("app", None));
    // Larger than any buffer of a socket.
    fs::File::create(place.library().join("0002-big-bbbbbb.perf.zip")).unwrap().set_len(64 << 20).unwrap();
    let served = Served::anywhere(&place);
    let request =
        |target: &str, more: &str| format!("GET {target} HTTP/1.1\r\nHost: localhost:{}\r\n{more}", served.port);
    let mut stuck = Vec::new();
    for index in 0..40 {
        let mut stream = served.connect();
        let text = match index % 4 {
            0 => String::new(),
            1 => request("/api/library", ""),
            2 => request("/api/bundles/0002-big-bbbbbb.perf.zip", "\r\n"),
            _ => request("/", "Content-Length: 5000\r\n\r\n"),
        };
        stream.write_all(text.as_bytes()).unwrap();
        stuck.push(stream);
    }
    let mut huge = served.connect();
    huge.write_all(request("/", "Content-Length: 999999999999999\r\n\r\n").as_bytes()).unwrap();
    for _ in 0..3 {
        assert_eq!(served.get("/api/library").status, 200);
    }
    drop(stuck);
    assert_eq!(served.end(Signal::SIGTERM).0, Some(0));
}

#[test]
fn a_connection_is_used_again_and_nonsense_is_refused() {
    let served = Served::anywhere(&Place::new());
    let host = format!("Host: localhost:{}\r\n", served.port);
    let two = served.raw(&format!(
        "GET /api/library HTTP/1.1\r\n{host}\r\nGET /nothing HTTP/1.1\r\n{host}Connection: close\r\n\r\n"
    ));
    assert_eq!(two.status, 200);
    assert!(two.text().contains("HTTP/1.1 404 "), "the second answer follows the first: {}", two.text());
    for nonsense in ["nonsense", "GET / HTTP/1.1\r\nHost : x", "\0\0\0", "GET / SPDY/3", "GET /\u{0}x HTTP/1.1"] {
        assert_eq!(served.raw(&format!("{nonsense}\r\n\r\n")).status, 400, "{nonsense}");
    }
}

#[test]
fn interrupt_and_terminate_end_it_with_0() {
    for signal in [Signal::SIGINT, Signal::SIGTERM] {
        let place = Place::new();
        assert_eq!(Served::anywhere(&place).end(signal).0, Some(0), "{signal}");
    }
}

#[test]
fn an_asked_port_that_is_busy_is_an_error_that_names_a_free_one() {
    let place = Place::new();
    let holder = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let port = holder.local_addr().unwrap().port().to_string();
    let error = place.failure(1, &["serve", "--port", &port]);
    assert!(error.contains(&format!("port {port} is in use")) && error.contains("--port "), "{error}");
    let free = error.rsplit("--port ").next().unwrap().trim().to_owned();
    assert_ne!(free, port);
    assert_eq!(Served::start(&place, &["--port", &free]).port.to_string(), free);
}

#[test]
fn the_default_port_moves_on_and_a_server_of_the_same_library_is_used_again() {
    // Whoever has 7070 (or nobody), two servers of different folders never share a port.
    let (here, there) = (Place::new(), Place::new());
    let first = Served::start(&here, &[]);
    let second = Served::start(&there, &[]);
    assert_ne!(first.port, second.port);
    if second.port != 7070 {
        assert!(second.said.contains("port 7070 is in use"), "{}", second.said);
    }
    if first.port == 7070 {
        let text = here.stdout(&["serve"]);
        assert!(text.contains("already served at http://127.0.0.1:7070/"), "{text}");
    }
}

#[test]
fn one_bundle_or_a_folder_elsewhere_can_be_served() {
    let place = Place::new();
    let lone = place.path().join("some file.perf.zip");
    fs::write(&lone, bundle_bytes("lone", None)).unwrap();
    place.put("0001-app-aaaaaa.perf.zip", &bundle_bytes("app", Some("mine")));

    let served = Served::start(&place, &["--port", "0", "some file.perf.zip"]);
    let library = served.library();
    assert_eq!(library["open"], "some file.perf.zip");
    assert_eq!(library["bundles"].as_array().unwrap().len(), 1);
    assert_eq!(served.get("/api/bundles/some%20file.perf.zip").status, 200);
    assert_eq!(served.get("/api/bundles/0001-app-aaaaaa.perf.zip").status, 404);
    assert!(served.said.contains("bundle=some%20file.perf.zip"), "{}", served.said);

    let served = Served::start(&place, &["--port", "0", "mine"]);
    assert_eq!(served.library()["open"], "0001-app-aaaaaa.perf.zip");

    let elsewhere = Place::new();
    let served = Served::start(&elsewhere, &["--port", "0", place.path().to_str().unwrap()]);
    assert_eq!(served.library()["bundles"][0]["name"], "some file.perf.zip");

    let error = place.failure(1, &["serve", "./gone.perf.zip"]);
    assert!(error.contains("gone.perf.zip"), "{error}");
}

#[test]
fn dead_recordings_are_recovered_at_the_start_and_told() {
    let place = Place::new();
    let spool = place.library().join("0001-app-aaaaaa.perf.zip.spool");
    fs::create_dir_all(&spool).unwrap();
    let manifest = perfcollect_shared::model::Manifest { command: vec!["./app".into()], ..Default::default() };
    fs::write(spool.join("manifest.json"), serde_json::to_vec(&manifest).unwrap()).unwrap();
    let broken = place.library().join("0002-app-bbbbbb.perf.zip.spool");
    fs::create_dir_all(&broken).unwrap();
    fs::write(broken.join("manifest.json"), "not json").unwrap();

    let served = Served::anywhere(&place);
    assert!(served.said.contains("recovered .perfcollect/0001-app-aaaaaa.perf.zip"), "{}", served.said);
    assert!(!spool.exists() && broken.exists(), "what cannot be recovered is kept");
    let library = served.library();
    assert_eq!(library["bundles"][0]["manifest"]["partial"], true);
    assert_eq!(library["bundles"][1]["recoverable"], true);
    assert!(library["bundles"][1]["error"].as_str().unwrap().contains("perfcollect recover "));
}
