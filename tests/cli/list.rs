//! `list`: the table, the JSON, and what is broken in a library.

use crate::bundles::{Place, bundle_bytes};
use std::fs;

#[test]
fn an_empty_folder_has_no_bundles_and_says_how_to_get_one() {
    let place = Place::new();
    let text = place.stdout(&["list"]);
    assert!(text.contains("no bundles") && text.contains("perfcollect run -- COMMAND"), "{text}");
    assert_eq!(place.json(&["list", "--format", "json"])["bundles"].as_array().unwrap().len(), 0);
    assert!(!place.library().exists(), "listing makes nothing");
}

#[test]
fn bundles_are_listed_oldest_first_with_what_people_ask_for() {
    let place = Place::new();
    place.put("0012-app-aaaaaa.perf.zip", &bundle_bytes("app", Some("before")));
    place.put("0002-tool-bbbbbb.perf.zip", &bundle_bytes("tool", None));
    let text = place.stdout(&["list"]);
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(lines.len(), 3, "{text}");
    assert!(lines[0].contains("program") && lines[0].contains("peak memory"), "{text}");
    assert!(lines[1].contains("2  2026-11-21 10:02  tool"), "{text}");
    for part in ["12", "app", "before", "1.50 s", "3.00 ms", "1.00 MiB"] {
        assert!(lines[2].contains(part), "{part}: {text}");
    }
    assert!(!text.contains('\u{1b}'), "no colour into a pipe");

    let listing = place.json(&["list", "--format", "json"]);
    assert_eq!(listing["schema"], 1);
    let newest = &listing["bundles"][1];
    assert_eq!(newest["name"], "0012-app-aaaaaa.perf.zip");
    assert_eq!(newest["number"], 12);
    assert_eq!(newest["label"], "before");
    assert_eq!(newest["exit_code"], 3);
    assert_eq!(newest["wall_ns"], 1_500_000_000_u64);
    assert_eq!(newest["samples"], 3);
    assert_eq!(newest["rss_bytes_max"], 1 << 20);
    assert!(newest["error"].is_null());
}

#[test]
fn a_corrupt_bundle_is_listed_with_its_error_and_breaks_nothing() {
    let place = Place::new();
    place.put("0001-app-aaaaaa.perf.zip", &bundle_bytes("app", None));
    place.put("0002-app-bbbbbb.perf.zip", b"this is no zip");
    place.put("0003-app-cccccc.perf.zip", b"");
    let whole = bundle_bytes("app", None);
    place.put("0004-app-dddddd.perf.zip", &whole[..whole.len() / 2]);
    place.put("notes.txt", b"not a bundle");
    fs::create_dir(place.library().join("0005-folder.perf.zip")).unwrap();
    let text = place.stdout(&["list"]);
    assert!(text.contains("0002-app-bbbbbb.perf.zip cannot be read: "), "{text}");
    let listing = place.json(&["list", "--format", "json"]);
    let errors: Vec<bool> =
        listing["bundles"].as_array().unwrap().iter().map(|bundle| bundle["error"].is_string()).collect();
    assert_eq!(errors, [false, true, true, true]);
}

#[test]
fn a_recording_that_was_cut_short_is_shown_with_the_command_that_saves_it() {
    let place = Place::new();
    let spool = place.library().join("0001-app-aaaaaa.perf.zip.spool");
    fs::create_dir_all(&spool).unwrap();
    assert!(!place.stdout(&["list"]).contains("recover"), "a spool without a manifest has nothing to recover");
    fs::write(spool.join("manifest.json"), "{}").unwrap();
    let command = "perfcollect recover .perfcollect/0001-app-aaaaaa.perf.zip.spool";
    assert!(place.stdout(&["list"]).contains(command));
    assert_eq!(place.json(&["list", "--format", "json"])["recoverable"][0]["command"], command);

    let lock = fs::File::create(spool.join("lock")).unwrap();
    lock.lock().unwrap();
    assert!(!place.stdout(&["list"]).contains("recover"), "it is being recorded");
}
