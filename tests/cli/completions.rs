//! `completions` for every shell that is known.

use crate::bundles::Place;

#[test]
fn each_shell_gets_a_script_that_knows_our_commands() {
    let place = Place::new();
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let script = place.stdout(&["completions", shell]);
        assert!(script.contains("perfcollect") && script.contains("doctor") && script.contains("report"), "{shell}");
    }
    let output = place.run(&["completions", "cmd"]);
    assert_eq!(output.status.code(), Some(2));
}

#[test]
fn bash_takes_its_script() {
    let place = Place::new();
    let script = place.path().join("completion");
    std::fs::write(&script, place.stdout(&["completions", "bash"])).unwrap();
    let checked = std::process::Command::new("bash").arg("-n").arg(&script).output();
    let checked = checked.expect("bash is installed (apt-get install bash)");
    assert!(checked.status.success(), "{}", String::from_utf8_lossy(&checked.stderr));
}
