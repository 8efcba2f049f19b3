//! `run --cache`: a real Redis and a real memcached under a load of known hits, and servers that misbehave.

use crate::bundles::Place;
use flate2::read::GzDecoder;
use perfcollect_shared::bundle;
use perfcollect_shared::model::{Bundle, CacheRecord, CacheScope, CounterSource};
use std::fs;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::thread;
use std::time::{Duration, Instant};

const LOAD: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/data/programs/cache_load.py");
const PASSWORD: &str = "hunter2-Zq81";

/// A server of ours, gone with the test.
struct Server {
    child: Child,
    port: u16,
}

impl Server {
    fn redis(folder: &Path, port: u16, more: &[&str]) -> Self {
        let port_text = port.to_string();
        let fixed = ["--port", &port_text, "--bind", "127.0.0.1", "--save", "", "--appendonly", "no", "--dir"];
        let folder = folder.to_str().unwrap();
        Self::start("redis-server", &[&fixed[..], &[folder], more].concat(), port, "redis-server")
    }

    fn memcached(port: u16) -> Self {
        let port_text = port.to_string();
        let user: &[&str] = if nix::unistd::geteuid().is_root() { &["-u", "nobody"] } else { &[] };
        let fixed = ["-p", &port_text, "-l", "127.0.0.1", "-m", "16", "-U", "0"];
        Self::start("memcached", &[&fixed[..], user].concat(), port, "memcached")
    }

    fn start(program: &str, arguments: &[&str], port: u16, package: &str) -> Self {
        let child = Command::new(program).args(arguments).stdin(Stdio::null()).stdout(Stdio::null()).spawn();
        let child = child.unwrap_or_else(|error| panic!("{program}: {error}; run: apt-get install {package}"));
        let server = Self { child, port };
        wait_for("the server listens", || TcpStream::connect(("127.0.0.1", port)).is_ok());
        server
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

fn wait_for(what: &str, mut is_so: impl FnMut() -> bool) {
    let begin = Instant::now();
    while !is_so() {
        assert!(begin.elapsed() < Duration::from_mins(1), "waited in vain until {what}");
        thread::sleep(Duration::from_millis(10));
    }
}

fn free_port() -> u16 {
    TcpListener::bind(("127.0.0.1", 0)).unwrap().local_addr().unwrap().port()
}

fn load(kind: &str, port: u16, hits: u32, misses: u32) -> String {
    format!("python3 '{LOAD}' {kind} {port} {hits} {misses}")
}

fn recorded(place: &Place) -> Bundle {
    bundle::read(&fs::read(place.path().join("x.perf.zip")).unwrap()).unwrap()
}

fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// Those of servers; Python programs have caches of their own.
fn servers(bundle: &Bundle) -> Vec<&CacheRecord> {
    bundle.caches.iter().filter(|record| record.source == CounterSource::Server).collect()
}

fn only(bundle: &Bundle) -> &CacheRecord {
    let [record] = servers(bundle)[..] else { panic!("{:?}", bundle.caches) };
    record
}

fn warnings(bundle: &Bundle) -> String {
    let texts: Vec<String> = bundle.warnings().map(perfcollect_shared::report::warning_text).collect();
    texts.join("\n")
}

/// Counters never fall, moments never go back.
fn check_series(record: &CacheRecord) {
    assert!(record.series.t_ns.is_sorted(), "{record:?}");
    for column in [&record.series.hits, &record.series.misses, &record.series.evictions] {
        assert_eq!(column.len(), record.series.t_ns.len());
        assert!(column.iter().flatten().is_sorted(), "{record:?}");
    }
}

/// Every member of a bundle, unpacked, and the file itself.
fn all_bytes(path: &Path) -> Vec<u8> {
    let names = Command::new("unzip").args(["-Z1"]).arg(path).output().expect("run: apt-get install unzip").stdout;
    let mut all = fs::read(path).unwrap();
    for name in String::from_utf8(names).unwrap().lines() {
        let member = Command::new("unzip").arg("-p").arg(path).arg(name).output().unwrap().stdout;
        if Path::new(name).extension().is_some_and(|ending| ending == "gz") {
            GzDecoder::new(member.as_slice()).read_to_end(&mut all).unwrap();
        }
        all.extend(member);
    }
    all
}

fn holds(bytes: &[u8], text: &str) -> bool {
    bytes.windows(text.len()).any(|part| part == text.as_bytes())
}

#[test]
fn deltas_are_those_of_the_recording() {
    let place = Place::new();
    let redis = Server::redis(place.path(), free_port(), &["--maxmemory", "64mb"]);
    let memcached = Server::memcached(free_port());
    let (redis_load, memcached_load) =
        (load("redis", redis.port, 300, 120), load("memcached", memcached.port, 250, 75));
    // What was counted before is not of the recording.
    assert!(Command::new("sh").args(["-c", &format!("{redis_load} && {memcached_load}")]).status().unwrap().success());
    let urls = [format!("redis://127.0.0.1:{}/0", redis.port), format!("memcached://127.0.0.1:{}", memcached.port)];
    let script = format!("{redis_load} && {memcached_load} && {redis_load}; exit 3");
    let arguments = [
        "run",
        "-q",
        "--no-caches",
        "-o",
        "x.perf.zip",
        "--cache",
        &urls[0],
        "--cache",
        &urls[1],
        "--",
        "sh",
        "-c",
        &script,
    ];
    let output = place.run(&arguments);
    assert_eq!((output.status.code(), stderr(&output).as_str()), (Some(3), ""));
    let bundle = recorded(&place);
    let [redis, memcached] = servers(&bundle)[..] else { panic!("{:?}", bundle.caches) };
    assert_eq!((redis.hits, redis.misses, redis.requests), (Some(600), Some(240), Some(840)), "{redis:?}");
    assert_eq!((memcached.hits, memcached.misses, memcached.sets), (Some(250), Some(75), Some(1)), "{memcached:?}");
    for record in [redis, memcached] {
        assert_eq!((record.scope, record.source, record.resets), (CacheScope::Server, CounterSource::Server, 0));
        assert_eq!((record.entries, record.pid, record.cut), (Some(1), None, false), "{record:?}");
        assert!(record.bytes.is_some() && record.evictions == Some(0), "{record:?}");
        assert_eq!((record.series.hits[0], *record.series.hits.last().unwrap()), (Some(0), record.hits));
        check_series(record);
    }
    assert_eq!(redis.name, urls[0].trim_end_matches("/0"));
    assert_eq!(redis.capacity_bytes.map(|bytes| bytes.0), Some(64 << 20));
    assert_eq!(memcached.capacity_bytes.map(|bytes| bytes.0), Some(16 << 20));
    assert!(!warnings(&bundle).contains("127.0.0.1"), "{}", warnings(&bundle));
}

/// The spool of the recording under way.
fn spool(place: &Place) -> PathBuf {
    place.path().join("x.perf.zip.spool")
}

/// Waits until a reading of the server has this text.
fn wait_for_reading(place: &Place, text: &str) {
    let path = spool(place).join("cache-0.jsonl");
    wait_for(text, || fs::read_to_string(&path).is_ok_and(|lines| lines.contains(text)));
}

#[test]
fn a_restart_in_mid_run_is_a_gap() {
    for kind in ["redis", "memcached"] {
        let place = Place::new();
        let port = free_port();
        let start = || if kind == "redis" { Server::redis(place.path(), port, &[]) } else { Server::memcached(port) };
        let server = start();
        assert!(Command::new("sh").args(["-c", &load(kind, port, 1000, 900)]).status().unwrap().success());
        let script = format!(
            "{}; until [ -e again ]; do sleep 0.02; done; {}",
            load(kind, port, 40, 30),
            load(kind, port, 7, 5)
        );
        let url = format!("{kind}://127.0.0.1:{port}");
        let run = place
            .command(&["run", "-q", "--no-caches", "-o", "x.perf.zip", "--cache", &url, "--", "sh", "-c", &script])
            .spawn();
        wait_for_reading(&place, "\"hits\":1040,\"misses\":930");
        drop(server);
        wait_for_reading(&place, "\"refused\"");
        let server = start();
        fs::write(place.path().join("again"), "").unwrap();
        assert_eq!(run.unwrap().wait().unwrap().code(), Some(0), "{kind}");
        drop(server);
        let bundle = recorded(&place);
        let record = only(&bundle);
        assert_eq!((record.hits, record.misses, record.resets), (Some(47), Some(35), 1), "{record:?}");
        assert!(record.series.hits.contains(&None), "{record:?}");
        check_series(record);
        let said = warnings(&bundle);
        assert!(said.contains("started again") && said.contains("away for 1 time"), "{said}");
    }
}

#[test]
fn counters_that_are_cleared_are_no_negative_number() {
    let place = Place::new();
    let server = Server::redis(place.path(), free_port(), &[]);
    let port = server.port;
    let script = format!(
        "{}; until [ -e again ]; do sleep 0.02; done; {}",
        load("redis", port, 40, 30),
        load("redis", port, 7, 5)
    );
    let url = format!("valkey://127.0.0.1:{port}");
    let run = place
        .command(&["run", "-q", "--no-caches", "-o", "x.perf.zip", "--cache", &url, "--", "sh", "-c", &script])
        .spawn();
    wait_for_reading(&place, "\"hits\":40,\"misses\":30");
    let mut client = TcpStream::connect(("127.0.0.1", port)).unwrap();
    client.write_all(b"CONFIG RESETSTAT\r\n").unwrap();
    assert_eq!(client.read(&mut [0; 16]).unwrap(), 5, "+OK");
    wait_for_reading(
        &place,
        "\"hits\":0,\"misses\":0,\"sets\":null,\"deletes\":null,\"invalidations\":null,\"evictions\":0",
    );
    fs::write(place.path().join("again"), "").unwrap();
    assert!(run.unwrap().wait().unwrap().success());
    let bundle = recorded(&place);
    let record = only(&bundle);
    assert_eq!((record.library.as_str(), record.hits, record.resets), ("valkey", Some(47), 1), "{record:?}");
    check_series(record);
    assert!(warnings(&bundle).contains("counters were cleared"), "{}", warnings(&bundle));
}

#[test]
fn a_password_opens_the_server_and_is_nowhere() {
    let place = Place::new();
    let server = Server::redis(place.path(), free_port(), &["--requirepass", PASSWORD]);
    let load = format!("{} pw", load("redis", server.port, 20, 10));
    fs::write(place.path().join("pw"), PASSWORD).unwrap();
    // What others see of us while it runs, and what lies on the disk.
    let script = format!(
        "{load} && cat /proc/$PPID/cmdline x.perf.zip.spool/*.json* x.perf.zip.spool/runs/*/*.json* >seen 2>&-; exit 5"
    );
    let url = format!("redis://:{PASSWORD}@127.0.0.1:{}", server.port);
    for more in [&[][..], &["--runs", "2"]] {
        let arguments =
            [&["run", "--no-caches", "-o", "x.perf.zip", "--cache", &url], more, &["--", "sh", "-c", &script]].concat();
        let output = place.run(&arguments);
        assert_eq!(output.status.code(), Some(5), "{}", stderr(&output));
        let (bundle, seen) = (recorded(&place), fs::read(place.path().join("seen")).unwrap());
        assert_eq!(servers(&bundle).len(), if more.is_empty() { 1 } else { 2 }, "{:?}", bundle.caches);
        assert!(servers(&bundle).iter().all(|record| record.hits == Some(20)), "{:?}", bundle.caches);
        assert!(holds(&seen, "perfcollect") && holds(&seen, "run_id") | holds(&seen, "instance"), "{seen:?}");
        for (what, bytes) in
            [("spool", &seen), ("stderr", &output.stderr), ("bundle", &all_bytes(&place.path().join("x.perf.zip")))]
        {
            assert!(!holds(bytes, PASSWORD), "{what} of {more:?}");
        }
    }
    // From the variable that redis-cli reads, too; and a wrong one is said without being repeated.
    let plain = format!("redis://127.0.0.1:{}", server.port);
    let run = |url: &str, variable: Option<&str>| {
        let mut command =
            place.command(&["run", "-q", "--no-caches", "-o", "x.perf.zip", "--cache", url, "--", "true"]);
        command.env_remove("REDISCLI_AUTH").envs(variable.map(|value| ("REDISCLI_AUTH", value)));
        let output = command.output().unwrap();
        assert_eq!((output.status.code(), stderr(&output).as_str()), (Some(0), ""));
        assert!(!holds(&all_bytes(&place.path().join("x.perf.zip")), PASSWORD));
        recorded(&place)
    };
    assert_eq!(servers(&run(&plain, Some(PASSWORD))).len(), 1);
    for (url, variable, said) in [
        (&plain, None, "REDISCLI_AUTH"),
        (&plain, Some("wrong"), "refused user or password"),
        (&url.replace(PASSWORD, "ann:wrong"), None, "refused user or password"),
    ] {
        let bundle = run(url, variable);
        assert!(servers(&bundle).is_empty() && warnings(&bundle).contains(said), "{said}: {}", warnings(&bundle));
    }
}

/// A server that says this to everybody, over and over where it is to flood.
fn impostor(says: &'static [u8], flood: bool) -> u16 {
    let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let port = listener.local_addr().unwrap().port();
    thread::spawn(move || {
        for mut client in listener.incoming().flatten() {
            thread::spawn(move || {
                while client.write_all(says).is_ok() && flood {}
                // Open, until the other side goes.
                client.read_to_end(&mut Vec::new()).ok();
            });
        }
    });
    port
}

#[test]
fn a_server_that_misbehaves_does_not_disturb_the_run() {
    let place = Place::new();
    let http = b"HTTP/1.1 400 Bad Request\r\n\r\n";
    for (kind, port, said) in [
        ("redis", free_port(), "nobody listens there"),
        ("memcached", free_port(), "nobody listens there"),
        ("redis", impostor(b"", false), "did not answer within a second"),
        ("memcached", impostor(b"", false), "did not answer within a second"),
        ("redis", impostor(http, false), "not of such a server"),
        ("memcached", impostor(http, false), "not of such a server"),
        ("redis", impostor(b"$99999999999\r\n", false), "without end"),
        ("redis", impostor(b"0123456789abcdef", true), "without end"),
        ("memcached", impostor(b"STAT x 1\r\n", true), "without end"),
        ("redis", impostor(b"-NOPERM no\r\n", false), "may not run INFO"),
        ("redis", impostor(b"-ERR \x1b[31mred\r\n", false), "it refused: ERR [31mred"),
    ] {
        let url = format!("{kind}://localhost:{port}");
        let output = place.run(&[
            "run",
            "-q",
            "--no-caches",
            "-o",
            "x.perf.zip",
            "--cache",
            &url,
            "--",
            "sh",
            "-c",
            "echo x; exit 9",
        ]);
        assert_eq!((output.status.code(), output.stdout.as_slice()), (Some(9), &b"x\n"[..]), "{}", stderr(&output));
        let bundle = recorded(&place);
        assert!(servers(&bundle).is_empty(), "{:?}", bundle.caches);
        assert!(
            warnings(&bundle).contains(&format!("{url}: ")) && warnings(&bundle).contains(said),
            "{}",
            warnings(&bundle)
        );
    }
}

#[test]
fn a_server_that_the_program_starts_and_ends_is_counted_from_0() {
    let place = Place::new();
    let port = free_port();
    let script = format!(
        "redis-server --port {port} --save '' --dir . >server.log & until {} 2>/dev/null; do sleep 0.05; done; \
         until [ -e read ]; do sleep 0.02; done; kill $!; wait; true",
        load("redis", port, 30, 20)
    );
    let url = format!("redis://127.0.0.1:{port}");
    let run = place
        .command(&["run", "-q", "--no-caches", "-o", "x.perf.zip", "--cache", &url, "--", "sh", "-c", &script])
        .spawn();
    wait_for_reading(&place, "\"hits\":30,\"misses\":20");
    fs::write(place.path().join("read"), "").unwrap();
    assert!(run.unwrap().wait().unwrap().success());
    let bundle = recorded(&place);
    let record = only(&bundle);
    assert_eq!((record.hits, record.misses), (Some(30), Some(20)), "{record:?}");
    check_series(record);
}

#[test]
fn what_is_no_address_is_a_usage_error_before_anything_runs() {
    let place = Place::new();
    for url in ["localhost:6379", "redis://h:s3cret", "rediss://:s3cret@h", "ftp://s3cret@h", ""] {
        let said = place.failure(2, &["run", "--cache", "redis://h", "--cache", url, "--", "touch", "started"]);
        assert!(said.contains("--cache 2: ") && !said.contains("s3cret"), "{said}");
        assert!(!place.path().join("started").exists());
    }
}

#[test]
fn a_program_that_runs_already_is_recorded_beside_its_server() {
    let place = Place::new();
    let redis = Server::redis(place.path(), free_port(), &[]);
    let url = format!("redis://:{PASSWORD}@127.0.0.1:{}", redis.port);
    let mut sleeper = Command::new("sleep").arg("60").spawn().unwrap();
    let pid = sleeper.id().to_string();
    let options = ["--no-native", "--no-python", "-q", "-o", "x.perf.zip", "--cache"];
    let run = place.command(&[&["attach", &pid], &options[..], &[&url]].concat()).spawn();
    wait_for_reading(&place, "\"hits\":0");
    assert!(Command::new("sh").args(["-c", &load("redis", redis.port, 30, 20)]).status().unwrap().success());
    sleeper.kill().unwrap();
    sleeper.wait().unwrap();
    assert_eq!(run.unwrap().wait().unwrap().code(), Some(0));
    let bundle = recorded(&place);
    assert_eq!((only(&bundle).hits, only(&bundle).misses), (Some(30), Some(20)), "{}", warnings(&bundle));
    assert!(!holds(&all_bytes(&place.path().join("x.perf.zip")), PASSWORD));
    let output = place.run(&["attach", &pid, "--cache", "ftp://x"]);
    assert_eq!(output.status.code(), Some(2), "{}", stderr(&output));
}
