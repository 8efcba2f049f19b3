//! `kill -9` of perfcollect at any moment: the program goes on, and what was recorded can be had.

use crate::bundles::Place;
use perfcollect_shared::bundle;
use perfcollect_shared::model::Bundle;
use perfcollect_shared::units::Nanos;
use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::path::Path;
use std::process::Stdio;
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;
use std::time::Duration;

const KILLS: u64 = 200;

/// Where in a recording the kill fell.
#[derive(Default)]
struct Fell {
    before: AtomicU32,
    within: AtomicU32,
    after: AtomicU32,
}

fn read(path: &Path) -> Bundle {
    let bundle = bundle::read(&fs::read(path).unwrap()).unwrap();
    assert!(bundle.reading.is_empty(), "{:?}", bundle.reading);
    bundle
}

/// One recording, killed after so many microseconds.
fn kill_once(place: &Place, number: u64, delay_us: u64, fell: &Fell) {
    let target = place.path().join(format!("{number}.zip"));
    let name = target.to_str().unwrap();
    let script = "echo begin; i=0; while [ $i -lt 20000 ]; do i=$((i+1)); done; sleep 0.1; echo end";
    let mut child = place
        .command(&["run", "-q", "-o", name, "--", "sh", "-c", script])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    thread::sleep(Duration::from_micros(delay_us));
    child.kill().unwrap();
    let output = child.wait_with_output().unwrap();
    let said = String::from_utf8(output.stdout).unwrap();
    assert!(["", "begin\nend\n"].contains(&said.as_str()), "the program came to harm after {delay_us} us: {said:?}");
    assert_eq!(String::from_utf8(output.stderr).unwrap(), "", "after {delay_us} us");

    let spool = place.path().join(format!("{number}.zip.spool"));
    if spool.join("manifest.json").exists() {
        let recovered = place.run(&["recover", spool.to_str().unwrap()]);
        let told = String::from_utf8_lossy(&recovered.stderr);
        assert!(recovered.status.success(), "after {delay_us} us: {told}");
        assert!(!spool.exists());
        let manifest = read(&target).manifest;
        // Killed between the finished bundle and the removal of the spool, the bundle is whole.
        assert!(!manifest.partial || manifest.exit.status().is_none());
        let which = if said.is_empty() { &fell.before } else { &fell.within };
        which.fetch_add(1, Ordering::Relaxed);
    } else if target.exists() {
        assert_eq!(read(&target).manifest.exit.code, Some(0));
        fell.after.fetch_add(1, Ordering::Relaxed);
    } else {
        assert_eq!(said, "", "the program ran, but there is no recording; killed after {delay_us} us");
        fell.before.fetch_add(1, Ordering::Relaxed);
    }
}

#[test]
fn two_hundred_kills_at_random_moments_lose_nothing() {
    let place = Place::new();
    let fell = Fell::default();
    thread::scope(|scope| {
        for half in 0..2 {
            let (place, fell) = (&place, &fell);
            scope.spawn(move || {
                let mut state = 0x5eed_0003 + half;
                for number in (half..KILLS).step_by(2) {
                    state = u64::wrapping_mul(state, 6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                    kill_once(place, number, (state >> 33) % 300_000, fell);
                }
            });
        }
    });
    let within = fell.within.load(Ordering::Relaxed);
    let outside = (fell.before.load(Ordering::Relaxed), fell.after.load(Ordering::Relaxed));
    assert!(within > 20, "too few kills fell into a recording: {within}, before and after: {outside:?}");
}

#[test]
fn at_most_the_last_second_is_lost() {
    let place = Place::new();
    let script = "echo begin; i=0; while [ $i -lt 30 ]; do i=$((i+1)); sleep 0.1; done; echo end";
    let mut child =
        place.command(&["run", "-q", "-o", "x.zip", "--", "sh", "-c", script]).stdout(Stdio::piped()).spawn().unwrap();
    let mut stdout = BufReader::new(child.stdout.take().unwrap());
    let mut line = String::new();
    stdout.read_line(&mut line).unwrap();
    thread::sleep(Duration::from_millis(2200));
    child.kill().unwrap();
    child.wait().unwrap();
    place.stdout(&["recover", "x.zip.spool"]);
    let last = read(&place.path().join("x.zip")).timeline.samples.last().unwrap().t_ns;
    assert!(last > Nanos(1_200_000_000), "{last:?}");
    stdout.read_to_string(&mut line).unwrap();
    assert_eq!(line, "begin\nend\n", "the program goes on");
}
