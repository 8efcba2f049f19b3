//! `report`: selectors, forms, and bundles that cannot be read.

use crate::bundles::{Place, bundle_bytes};

fn place_of_three() -> Place {
    let place = Place::new();
    for (number, label) in [(1, Some("first")), (2, None), (10, Some("tenth"))] {
        let program = format!("app{number}");
        place.put(&format!("{number:04}-{program}-aaaaaa.perf.zip"), &bundle_bytes(&program, label));
    }
    place
}

fn chosen(place: &Place, selector: &str) -> String {
    let report = place.json(&["report", selector, "--format", "json"]);
    report["run"]["command"][0].as_str().unwrap().trim_start_matches("./").to_owned()
}

#[test]
fn selectors_name_bundles_as_people_do() {
    let place = place_of_three();
    for (selector, program) in [
        ("last", "app10"),
        ("last-0", "app10"),
        ("last-1", "app2"),
        ("last-2", "app1"),
        ("1", "app1"),
        ("0010", "app10"),
        ("first", "app1"),
        ("tenth", "app10"),
        ("0002-app2-aaaaaa.perf.zip", "app2"),
        (".perfcollect/0002-app2-aaaaaa.perf.zip", "app2"),
    ] {
        assert_eq!(chosen(&place, selector), program, "{selector}");
    }
    let absolute = place.library().join("0001-app1-aaaaaa.perf.zip");
    assert_eq!(chosen(&place, absolute.to_str().unwrap()), "app1");
    let report = place.json(&["report", "--format", "json"]);
    assert_eq!(report["run"]["command"][0], "./app10", "the newest where none is named");
}

#[test]
fn a_selector_that_names_nothing_says_what_there_is() {
    let place = place_of_three();
    let error = place.failure(1, &["report", "nothing"]);
    for part in ["nothing", "0010-app10-aaaaaa.perf.zip (label `tenth`)", "0002-app2-aaaaaa.perf.zip"] {
        assert!(error.contains(part), "{part}: {error}");
    }
    assert!(place.failure(1, &["report", "last-3"]).contains("3 bundles"));
    assert!(place.failure(1, &["report", "4"]).contains("0010-app10"));
    assert!(place.failure(1, &["report", "./gone.perf.zip"]).contains("gone.perf.zip"));
    place.put("0002-twin-aaaaaa.perf.zip", &bundle_bytes("twin", None));
    let error = place.failure(1, &["report", "2"]);
    assert!(error.contains("0002-app2") && error.contains("0002-twin"), "{error}");

    let error = Place::new().failure(1, &["report"]);
    assert!(error.contains("perfcollect run -- COMMAND"), "{error}");
}

#[test]
fn the_json_has_what_was_promised() {
    let place = place_of_three();
    let report = place.json(&["report", "last", "--format", "json"]);
    let number = |pointer: &str| report.pointer(pointer).and_then(serde_json::Value::as_f64);
    assert_eq!(report["run"]["command"], serde_json::json!(["./app10", "--fast"]));
    for (pointer, expect) in [
        ("/run/exit_code", 3.0),
        ("/run/wall_ns", 1.5e9),
        ("/run/cpu_ns", 3e6),
        ("/resources/rss_bytes_max", 1_048_576.0),
        ("/resources/samples", 2.0),
        ("/profiles/0/samples", 3.0),
        ("/profiles/0/lost", 0.0),
        ("/profiles/0/rate_hz", 1000.0),
        ("/functions/0/self_samples", 2.0),
        ("/functions/0/total_samples", 2.0),
        ("/functions/0/self_share", 2.0 / 3.0),
        ("/functions/0/total_share", 2.0 / 3.0),
        ("/functions/0/line", 1.0),
    ] {
        assert_eq!(number(pointer), Some(expect), "{pointer}");
    }
    assert_eq!(report["functions"][0]["name"], "work");
    assert_eq!(report["functions"][0]["file"], "app.c");
    assert_eq!(report["profiles"][0]["name"], "cpu");
    assert!(report["resources"]["peak_process_rss_bytes"].is_null(), "not measured is null");
    assert!(report["warnings"].is_array());
    let names = report["functions"].as_array().unwrap().iter().map(|function| function["name"].as_str().unwrap());
    assert_eq!(names.filter(|name| *name == "main").count(), 1, "each function once");
}

#[test]
fn text_and_markdown_name_the_command_and_the_worst_function() {
    let place = place_of_three();
    for form in ["text", "markdown"] {
        let text = place.stdout(&["report", "last", "--format", form]);
        assert!(text.contains("app10") && text.contains("work") && text.contains("67 %"), "{text}");
        assert!(!text.contains('\u{1b}'), "{text}");
    }
}

#[test]
fn a_bundle_that_cannot_be_read_is_an_error_that_names_it() {
    let place = Place::new();
    let whole = bundle_bytes("app", None);
    place.put("0001-app-aaaaaa.perf.zip", &whole[..whole.len() - 100]);
    let error = place.failure(1, &["report"]);
    assert!(error.contains("0001-app-aaaaaa.perf.zip") && error.contains("recover"), "{error}");
    place.put("0002-app-aaaaaa.perf.zip", b"");
    assert!(place.failure(1, &["report"]).contains("0002-app-aaaaaa.perf.zip"));
}
