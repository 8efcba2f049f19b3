//! Checks of the tree itself: sizes, directions, headers, registrations. A rule that no machine holds is forgotten.
#![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

use std::fs;
use std::path::{Path, PathBuf};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the crate lies in the workspace").to_path_buf()
}

/// All files with this extension below a folder, without build output.
fn files(below: &Path, extension: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![below.to_path_buf()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).unwrap().map(Result::unwrap) {
            let path = entry.path();
            let name = entry.file_name();
            if path.is_dir() && name != "target" && name != "dist" && !name.to_string_lossy().starts_with('.') {
                folders.push(path);
            } else if path.extension().is_some_and(|e| e == extension) {
                found.push(path);
            }
        }
    }
    found.sort();
    found
}

fn sources() -> Vec<(PathBuf, String)> {
    let root = root();
    files(&root, "rs")
        .into_iter()
        .map(|path| (path.strip_prefix(&root).unwrap().to_path_buf(), fs::read_to_string(&path).unwrap()))
        .collect()
}

/// Fails with all offenders at once.
fn none(offenders: &[String], rule: &str) {
    assert!(offenders.is_empty(), "{rule}:\n  {}", offenders.join("\n  "));
}

#[test]
fn no_file_is_longer_than_600_lines() {
    let long: Vec<String> = sources()
        .iter()
        .filter(|(_, text)| text.lines().count() > 600)
        .map(|(path, text)| format!("{}: {} lines", path.display(), text.lines().count()))
        .collect();
    none(&long, "split these by what they own");
}

#[test]
fn every_module_says_what_it_owns() {
    let silent: Vec<String> = sources()
        .iter()
        .filter(|(path, text)| !text.trim_start().starts_with("//!") && !path.starts_with("tests/data"))
        .map(|(path, _)| path.display().to_string())
        .collect();
    none(&silent, "begin with `//!` and say what the module owns");
}

#[test]
fn lints_are_expected_with_a_reason_never_allowed() {
    let mut offenders = Vec::new();
    for (path, text) in sources() {
        if path.starts_with("tests/tidy") {
            continue;
        }
        for (number, line) in text.lines().enumerate() {
            let trimmed = line.trim_start();
            if trimmed.starts_with("#[allow(") || trimmed.starts_with("#![allow(") {
                offenders.push(format!("{}:{}: {}", path.display(), number + 1, trimmed));
            }
        }
    }
    none(&offenders, "use #[expect(lint, reason = \"…\")]");
}

#[test]
fn dependencies_point_one_way() {
    let manifest = |krate: &str| fs::read_to_string(root().join(krate).join("Cargo.toml")).unwrap();
    let dependencies = |krate: &str| {
        let text = manifest(krate);
        text.split_once("[dependencies]").map(|(_, rest)| rest.to_owned()).unwrap()
    };
    for (krate, forbidden) in [
        ("shared", ["perfcollect =", "perfcollect-viewer", "leptos", "web-sys", "nix"].as_slice()),
        ("viewer", ["perfcollect =", "tiny_http", "nix"].as_slice()),
        ("collector", ["perfcollect-viewer", "leptos"].as_slice()),
    ] {
        let text = dependencies(krate);
        let found: Vec<String> = forbidden
            .iter()
            .filter(|name| text.lines().any(|l| l.starts_with(**name)))
            .map(ToString::to_string)
            .collect();
        none(&found, &format!("{krate} must not depend on"));
    }
}

#[test]
fn only_main_exits_and_only_the_terminal_prints() {
    let mut offenders = Vec::new();
    for (path, text) in sources().iter().filter(|(path, _)| path.starts_with("collector/src")) {
        for (number, line) in text.lines().enumerate() {
            let exits = line.contains("process::exit(") && !path.ends_with("main.rs");
            let printer = path.starts_with("collector/src/terminal");
            let prints =
                ["println!(", "print!(", "eprintln!(", "eprint!("].iter().any(|p| line.contains(p)) && !printer;
            if exits || prints {
                offenders.push(format!("{}:{}: {}", path.display(), number + 1, line.trim()));
            }
        }
    }
    none(&offenders, "exit in main.rs, print in terminal/");
}

#[test]
fn every_view_file_is_registered() {
    let folder = root().join("viewer/src/views");
    let registry = fs::read_to_string(folder.join("mod.rs")).unwrap();
    let missing: Vec<String> = files(&folder, "rs")
        .iter()
        .filter(|path| fs::read_to_string(path).unwrap().contains("pub const VIEW: ViewDef"))
        .map(|path| path.file_stem().unwrap().to_string_lossy().into_owned())
        .filter(|name| !registry.contains(&format!("{name}::VIEW")))
        .collect();
    none(&missing, "add a line to VIEWS");
}

#[test]
fn the_readme_names_every_command() {
    let readme = fs::read_to_string(root().join("README.md")).unwrap();
    let folder = root().join("collector/src/command");
    let missing: Vec<String> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .map(|path| path.file_stem().unwrap().to_string_lossy().into_owned())
        .filter(|name| name != "mod" && !readme.contains(&format!("perfcollect {name}")))
        .collect();
    none(&missing, "show these commands in README.md");
}

#[test]
fn every_dependency_is_used_and_explained() {
    let architecture = fs::read_to_string(root().join("ARCHITECTURE.md")).unwrap();
    let mut offenders = Vec::new();
    for krate in ["shared", "collector", "viewer"] {
        let text = fs::read_to_string(root().join(krate).join("Cargo.toml")).unwrap();
        let code: String =
            files(&root().join(krate), "rs").iter().map(|path| fs::read_to_string(path).unwrap()).collect();
        let mut section = "";
        for line in text.lines() {
            if line.starts_with('[') {
                section = line;
            }
            let Some((name, _)) = line.split_once([' ', '.']).filter(|_| line.contains('=')) else { continue };
            if section != "[dependencies]" || name.starts_with('#') || name == "perfcollect-shared" {
                continue;
            }
            if !code.contains(&format!("{}::", name.replace('-', "_"))) {
                offenders.push(format!("{krate}: {name} is not used"));
            }
            if !architecture.contains(name) {
                offenders.push(format!("{krate}: {name} is not explained in ARCHITECTURE.md"));
            }
        }
    }
    none(&offenders, "remove or explain");
}

#[test]
fn no_committed_text_names_a_machine() {
    let mut offenders = Vec::new();
    for extension in ["rs", "md", "toml", "py", "sh", "html", "css", "js", "mjs", "json"] {
        for path in files(&root(), extension) {
            let text = fs::read_to_string(&path).unwrap_or_default();
            for mark in [concat!("/wo", "rk/"), concat!("/ro", "ot/"), concat!("/tmp", "/w/")] {
                // What a process sees as its root folder is no path of ours.
                if text.replace("}/root/", "").contains(mark) && !path.starts_with(root().join("tests/data/bundle")) {
                    offenders.push(format!("{}: {mark}", path.display()));
                }
            }
        }
    }
    none(&offenders, "paths of one machine do not belong here");
}
