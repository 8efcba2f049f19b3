//! `export` and `import`: the page holds the bundle bit for bit, asks nobody for anything, and stays small.

use crate::bundles::{Place, bundle_bytes};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use perfcollect::assets::ASSETS;
use sha2::{Digest, Sha256};
use std::fs;

/// Largest exported page of a ten-second recording.
const PAGE_BYTES: usize = 900_000;
/// Largest viewer: script, module and style, compressed.
const VIEWER_BYTES: usize = 450_000;

fn exported(place: &Place) -> String {
    place.put("0001-app-abcdef.perf.zip", &bundle_bytes("app", None));
    place.stdout(&["export", "last", "--to", "html"]);
    fs::read_to_string(place.path().join("0001-app-abcdef.html")).unwrap()
}

#[test]
fn the_bundle_comes_back_bit_for_bit() {
    let place = Place::new();
    let bundle = bundle_bytes("app", Some("before"));
    place.put("0001-app-abcdef.perf.zip", &bundle);
    place.stdout(&["export", "before", "-o", "page.html"]);
    place.stdout(&["import", "page.html", "-o", "back.perf.zip"]);
    assert_eq!(fs::read(place.path().join("back.perf.zip")).unwrap(), bundle);
    // Into the library, under the next number.
    place.stdout(&["import", "page.html"]);
    let names: Vec<String> =
        fs::read_dir(place.library()).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    let imported = names.iter().find(|name| name.starts_with("0002-")).unwrap_or_else(|| panic!("{names:?}"));
    assert_eq!(fs::read(place.library().join(imported)).unwrap(), bundle);
    assert!(!names.iter().any(|name| name.contains(".spool") || name.contains(".part")), "{names:?}");
}

#[test]
fn a_page_holds_several_bundles_and_gives_back_the_first() {
    let place = Place::new();
    let (base, new) = (bundle_bytes("app", Some("before")), bundle_bytes("app", Some("after")));
    place.put("0001-app-aaaaaa.perf.zip", &base);
    place.put("0002-app-bbbbbb.perf.zip", &new);
    fs::write(place.path().join("0001-app-aaaaaa.perf.zip"), &base).unwrap();
    let other = "./0001-app-aaaaaa.perf.zip";
    place.stdout(&["export", "after", "--against", "before", "--against", other, "-o", "page.html"]);
    place.stdout(&["import", "page.html", "-o", "back.perf.zip"]);
    assert_eq!(fs::read(place.path().join("back.perf.zip")).unwrap(), new);
    let page = fs::read_to_string(place.path().join("page.html")).unwrap();
    for name in ["0001-app-aaaaaa.perf.zip", "0001-app-aaaaaa.perf.zip (2)"] {
        let opening = format!("data-name=\"{name}\">");
        let text =
            page.split(&opening).nth(1).and_then(|rest| rest.split('<').next()).unwrap_or_else(|| panic!("{name}"));
        assert_eq!(STANDARD.decode(text).unwrap(), base, "{name}");
    }
    let said = place.failure(1, &["export", "after", "--to", "folded", "--against", "before"]);
    assert!(said.contains("--to html"), "{said}");
    let said = place.failure(1, &["export", "after", "--against", "nobody"]);
    assert!(said.contains("nobody"), "{said}");
}

#[test]
fn the_page_allows_only_its_own_scripts_and_no_network() {
    let page = exported(&Place::new());
    let policy = page.split("Content-Security-Policy\" content=\"").nth(1).unwrap().split('"').next().unwrap();
    assert!(policy.starts_with("default-src 'none';"), "{policy}");
    for forbidden in ["unsafe-inline", "unsafe-eval'; ", "http", "connect-src", "*"] {
        let eval = forbidden.starts_with("unsafe-eval") && policy.contains("'wasm-unsafe-eval'");
        assert!(eval || !policy.contains(forbidden), "{forbidden} in {policy}");
    }
    let mut hashes = 0;
    for (open, close) in [("<script>", "</script>"), ("<style>", "</style>")] {
        for text in page.split(open).skip(1).map(|rest| rest.split(close).next().unwrap()) {
            let hash = STANDARD.encode(Sha256::digest(text));
            assert!(
                policy.contains(&format!("'sha256-{hash}'")),
                "{policy} does not name {}",
                &text[..text.len().min(80)]
            );
            hashes += 1;
        }
    }
    assert_eq!(hashes, 3, "two scripts and one style");
    for address in page.split("src=\"").skip(1).chain(page.split("href=\"").skip(1)) {
        assert!(address.starts_with("data:") || address.starts_with('#'), "{}", &address[..address.len().min(80)]);
    }
}

#[test]
fn folded_stacks_are_text() {
    let place = Place::new();
    place.put("0001-app-abcdef.perf.zip", &bundle_bytes("app", None));
    let text = place.stdout(&["export", "--to", "folded", "-o", "-"]);
    assert!(text.lines().any(|line| line.starts_with("main;work ")), "{text}");
    assert!(text.lines().all(|line| line.rsplit(' ').next().unwrap().parse::<u64>().is_ok()), "{text}");
}

#[test]
fn files_without_a_recording_are_refused_with_the_reason() {
    let place = Place::new();
    let page = exported(&place);
    let check = |name: &str, content: &[u8], expect: &str| {
        fs::write(place.path().join(name), content).unwrap();
        let said = place.failure(1, &["import", name, "-o", "never.perf.zip"]);
        assert!(said.contains(expect), "{name}: {said}");
        assert!(!place.path().join("never.perf.zip").exists(), "{name}");
    };
    let bundle = page.find("perfcollect-bundle").unwrap();
    check("cut.html", &page.as_bytes()[..bundle + 200], "is cut");
    check("early.html", &page.as_bytes()[..2000], "holds no recording");
    check("other.html", b"<!doctype html><p>hello", "holds no recording");
    check("text.txt", b"hello", "is no benchmark file that is known");
    check("empty", b"", "empty");
    let mut changed = page.clone().into_bytes();
    changed[bundle + 60] = b'!';
    check("changed.html", &changed, "is damaged");
    let said = place.failure(1, &["import", "missing.html"]);
    assert!(said.contains("missing.html"), "{said}");
    assert_eq!(place.run(&["export", "--to", "nonsense"]).status.code(), Some(2));
}

#[test]
fn the_viewer_keeps_to_its_budget() {
    let size = |path: &str| {
        let asset = ASSETS.iter().find(|asset| asset.path == path);
        asset.unwrap_or_else(|| panic!("no {path}: this build has no page; unset PERFCOLLECT_NO_VIEWER")).gzip.len()
    };
    let parts = ["viewer.js", "viewer.wasm.lzma", "style.css", "boot.js", "icon.svg", "index.html"]
        .map(|path| (path, size(path)));
    let sum: usize = parts.iter().map(|(_, bytes)| bytes).sum();
    assert!(sum < VIEWER_BYTES, "{sum} bytes: {parts:?}");
}

#[test]
fn the_page_of_ten_seconds_keeps_to_its_budget() {
    let place = Place::new();
    let program = concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/data/programs/orders.py");
    place.stdout(&["run", "--quiet", "-o", "ten.perf.zip", "--", "python3", program, "--seconds", "10"]);
    place.stdout(&["export", "ten.perf.zip", "-o", "ten.html"]);
    let bytes = fs::metadata(place.path().join("ten.html")).unwrap().len();
    assert!(bytes < PAGE_BYTES as u64, "{bytes} bytes");
}
