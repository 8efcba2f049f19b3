//! `doctor` on whatever machine this is.

use crate::bundles::Place;
use std::os::unix::fs::PermissionsExt;

#[test]
fn every_check_has_a_state_and_what_does_not_work_a_way_out() {
    let place = Place::new();
    let diagnosis = place.json(&["doctor", "--format", "json"]);
    assert_eq!(diagnosis["schema"], 1);
    let checks = diagnosis["checks"].as_array().unwrap();
    let ids: Vec<&str> = checks.iter().map(|check| check["id"].as_str().unwrap()).collect();
    for id in [
        "native_stacks",
        "processor_counters",
        "python_stacks",
        "python_versions",
        "python_caches",
        "resources",
        "library",
        "page",
        "confinement",
    ] {
        assert!(ids.contains(&id), "{ids:?}");
    }
    for check in checks {
        assert!(!check["detail"].as_str().unwrap().is_empty(), "{check}");
        assert_eq!(check["state"] == "works", check["fix"].is_null(), "{check}");
    }
    assert!(diagnosis["environment"]["cpus"].as_u64().unwrap() > 0);
    assert_eq!(std::fs::read_dir(place.path()).unwrap().count(), 0, "it leaves nothing behind");
}

#[test]
fn the_text_has_a_line_for_each_check() {
    let text = Place::new().stdout(&["doctor"]);
    for part in ["native stacks", "Python stacks", "bundles", "Linux"] {
        assert!(text.contains(part), "{part}: {text}");
    }
}

#[test]
fn a_folder_that_cannot_be_written_is_seen() {
    let place = Place::new();
    std::fs::set_permissions(place.path(), std::fs::Permissions::from_mode(0o555)).unwrap();
    let root = std::fs::File::create(place.path().join("try")).is_ok(); // root writes anywhere
    let diagnosis = place.json(&["doctor", "--format", "json"]);
    let library = diagnosis["checks"].as_array().unwrap().iter().find(|check| check["id"] == "library").unwrap();
    assert_eq!(library["state"], if root { "works" } else { "missing" }, "{library}");
}
