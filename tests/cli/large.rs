//! A large recording is packed in little memory.

use crate::bundles::Place;
use perfcollect::spool::{self, RawFrame, StackWriter};
use perfcollect_shared::bundle;
use perfcollect_shared::model::{Manifest, Settings};
use perfcollect_shared::units::Nanos;
use std::fs;
use std::process::Command;

const SAMPLES: u32 = 60_000;
const DEPTH: u32 = 50;
/// Address space that packing may take, in KiB, the program itself included. Three million frames, were each kept for
/// itself, would not fit.
const LIMIT_KIB: u32 = 200_000;

#[test]
fn sixty_thousand_deep_stacks_are_packed_in_little_memory() {
    let place = Place::new();
    let folder = place.library().join("0001-app-aaaaaa.perf.zip.spool");
    fs::create_dir_all(&folder).unwrap();
    let settings = Settings { native_rate_hz: Some(1000.0), ..Default::default() };
    let manifest = Manifest { id: "x".into(), command: vec!["app".into()], settings, ..Default::default() };
    fs::write(folder.join(spool::MANIFEST), serde_json::to_vec(&manifest).unwrap()).unwrap();
    let mut writer = StackWriter::create(&folder.join(spool::NATIVE)).unwrap();
    let module = writer.module("/opt/gone/libapp.so", "");
    let threads: Vec<u32> = (0..4).map(|tid| writer.thread(1, 1 + tid, || ("t".into(), "app".into()))).collect();
    let mut random: u64 = 1;
    for at in 0..SAMPLES {
        let mut stack = None;
        for depth in 0..DEPTH {
            // Every tenth level calls one of eight places: 32,768 paths to a leaf.
            random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            let call = if depth % 10 == 9 { (random >> 33) % 8 } else { 0 };
            let frame = writer.frame(RawFrame::Native(module, 0x1000 * u64::from(depth) + 8 * call));
            stack = Some(writer.stack(stack, frame));
        }
        let thread = threads[at as usize % threads.len()];
        writer.sample(Nanos(u64::from(at) * 1_000_000), stack, thread, Nanos(1_000_000));
    }
    assert!(writer.finish().is_none());

    let script = format!("ulimit -v {LIMIT_KIB}; exec \"$0\" recover");
    let arguments = ["-c", &script, env!("CARGO_BIN_EXE_perfcollect")];
    let output = Command::new("sh").args(arguments).current_dir(place.path()).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let bytes = fs::read(place.library().join("0001-app-aaaaaa.perf.zip")).unwrap();
    let bundle = bundle::read(&bytes).unwrap();
    let profile = bundle.main_profile().unwrap();
    assert_eq!(profile.samples.len(), SAMPLES as usize);
    assert_eq!(profile.stacks.frames(profile.samples.stack[0]).count(), DEPTH as usize);
}
