//! Bundles that are damaged, hostile or newer, given to every command that reads one.

use crate::bundles::{Place, bundle_bytes};

/// Where a text begins in the bytes.
fn find(bytes: &[u8], text: &str) -> usize {
    bytes.windows(text.len()).position(|window| window == text.as_bytes()).unwrap()
}

/// Renames a member in its local header and in the directory; the new name is as long as the old one.
fn renamed(mut bytes: Vec<u8>, from: &str, to: &str) -> Vec<u8> {
    assert_eq!(from.len(), to.len());
    while let Some(at) = bytes.windows(from.len()).position(|window| window == from.as_bytes()) {
        bytes[at..at + to.len()].copy_from_slice(to.as_bytes());
    }
    bytes
}

#[test]
fn a_damaged_profile_is_a_warning_and_the_rest_is_told() {
    let place = Place::new();
    let mut bytes = bundle_bytes("app", None);
    let at = find(&bytes, "profiles/cpu.pb.gz") + "profiles/cpu.pb.gz".len() + 40;
    bytes[at] ^= 4;
    place.put("0001-app-aaaaaa.perf.zip", &bytes);
    let text = place.stdout(&["report"]);
    assert!(text.contains("profiles/cpu.pb.gz") && text.contains("app"), "{text}");
    let report = place.json(&["report", "--format", "json"]);
    let codes: Vec<&str> =
        report["warnings"].as_array().unwrap().iter().filter_map(|warning| warning["code"].as_str()).collect();
    assert!(codes.contains(&"damaged_member"), "{report}");
    assert_eq!(report["run"]["command"][0], "./app");
    place.stdout(&["list"]);
}

#[test]
fn what_cannot_be_shown_is_refused_with_the_way_out() {
    let whole = bundle_bytes("app", None);
    let cases: [(&str, Vec<u8>, &[&str]); 6] = [
        ("cut", whole[..whole.len() / 2].to_vec(), &["damaged", "perfcollect recover"]),
        ("text", b"hello\n".to_vec(), &["not a bundle"]),
        (
            "leaves",
            renamed(whole.clone(), "timeline.jsonl", "../../ine.json"),
            &["../../ine.json", "perfcollect did not"],
        ),
        ("absolute", renamed(whole.clone(), "timeline.jsonl", "/etc/cron.dail"), &["/etc/cron.dail", "absolute"]),
        ("backslash", renamed(whole.clone(), "timeline.jsonl", "..\\..\\ine.json"), &["backslash"]),
        (
            "manifest",
            renamed(whole.clone(), "manifest.json", "manifesto.jsn"),
            &["no manifest.json", "perfcollect recover"],
        ),
    ];
    for (name, bytes, said) in cases {
        let place = Place::new();
        let file = format!("0001-{name}-aaaaaa.perf.zip");
        place.put(&file, &bytes);
        for command in [&["report"][..], &["export", "--to", "html", "-o", "x.html"]] {
            let error = place.failure(1, command);
            assert!(error.contains(&file), "{name}: {error}");
            assert!(said.iter().all(|said| error.contains(said)), "{name}: {error}");
        }
        assert!(place.stdout(&["list"]).contains(name), "a list shows what is there");
        assert!(!place.path().join("x.html").exists());
    }
}
