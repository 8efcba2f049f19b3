//! Where recordings go, and what happens where they cannot.

use crate::bundles::Place;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::process::Command;

#[test]
fn recordings_get_the_next_numbers_in_a_library_that_git_ignores() {
    let place = Place::new();
    place.stdout(&["run", "--quiet", "--label", "one", "--", "true"]);
    place.stdout(&["run", "--quiet", "--", "sh", "-c", "true"]);
    assert_eq!(fs::read_to_string(place.library().join(".gitignore")).unwrap(), "*\n");
    let listing = place.json(&["list", "--format", "json"]);
    let names: Vec<&str> =
        listing["bundles"].as_array().unwrap().iter().map(|bundle| bundle["name"].as_str().unwrap()).collect();
    assert!(names[0].starts_with("0001-true-") && names[1].starts_with("0002-sh-"), "{names:?}");
    let id = listing["bundles"][0]["id"].as_str().unwrap().to_lowercase();
    assert_eq!(names[0], format!("0001-true-{}.perf.zip", &id[id.len() - 6..]));
    let report = place.json(&["report", "one", "--format", "json"]);
    assert_eq!(report["run"]["command"], serde_json::json!(["true"]));
    assert_eq!(listing["recoverable"], serde_json::json!([]), "no spool is left");
}

#[test]
fn recordings_at_the_same_time_get_numbers_of_their_own() {
    let place = Place::new();
    let mut runs: Vec<_> =
        (0..4).map(|_| place.command(&["run", "-q", "--", "sleep", "0.2"]).spawn().unwrap()).collect();
    for run in &mut runs {
        assert!(run.wait().unwrap().success());
    }
    let listing = place.json(&["list", "--format", "json"]);
    let numbers: Vec<u64> =
        listing["bundles"].as_array().unwrap().iter().map(|bundle| bundle["number"].as_u64().unwrap()).collect();
    assert_eq!(numbers, [1, 2, 3, 4]);
}

#[test]
fn a_library_that_cannot_be_made_stops_a_recording_before_it_starts() {
    let place = Place::new();
    fs::write(place.library(), "a file where the folder should be").unwrap();
    let error = place.failure(125, &["run", "--", "touch", "ran"]);
    assert!(error.contains(".perfcollect") && error.contains("-o FILE"), "{error}");
    assert!(!place.path().join("ran").exists(), "the program was not started");
    place.stdout(&["run", "-q", "-o", "elsewhere.perf.zip", "--", "true"]);
    assert!(place.path().join("elsewhere.perf.zip").exists());
    for command in ["list", "report"] {
        assert!(place.failure(1, &[command]).contains(".perfcollect"), "{command}");
    }
}

#[test]
fn a_folder_that_may_not_be_read_is_an_error_and_not_empty() {
    let place = Place::new();
    fs::create_dir(place.library()).unwrap();
    fs::set_permissions(place.library(), fs::Permissions::from_mode(0o000)).unwrap();
    let readable = fs::read_dir(place.library()).is_ok(); // root reads anything
    let output = place.run(&["list"]);
    assert_eq!(output.status.code(), Some(i32::from(!readable)));
    fs::set_permissions(place.library(), fs::Permissions::from_mode(0o755)).unwrap();
}

#[test]
fn the_state_of_the_repository_is_read_before_anything_is_written() {
    let place = Place::new();
    let git = |arguments: &[&str]| {
        let identity = ["-c", "user.name=t", "-c", "user.email=t@example.org", "-c", "commit.gpgsign=false"];
        let output = Command::new("git").args(identity).args(arguments).current_dir(place.path()).output();
        let output = output.expect("git is installed (apt-get install git)");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    };
    git(&["init", "-q", "-b", "topic"]);
    fs::write(place.path().join("a"), "1").unwrap();
    git(&["add", "a"]);
    git(&["commit", "-q", "-m", "a"]);
    let state = || {
        place.stdout(&["run", "-q", "--", "sh", "-c", "echo 2 >> a"]);
        place.json(&["report", "--format", "json"])["run"]["git"].clone()
    };
    let first = state();
    assert_eq!((&first["branch"], &first["dirty"]), (&"topic".into(), &false.into()), "{first}");
    assert_eq!(first["commit"].as_str().unwrap().len(), 40);
    assert_eq!(state()["dirty"], true, "the program itself changed a file");
}
