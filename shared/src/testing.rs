//! Profiles as text pictures and back, for tests.

use crate::model::{FrameSpec, FunctionSpec, Profile, ProfileBuilder, ProfileInfo, SampleSpec, ThreadSpec};
use crate::units::Nanos;

/// A profile from a picture: each column is one sample of 1 ms, the first line holds the roots.
///
/// `"A A A\nB B C"` is two samples of A calling B and one of A calling C. A dot leaves the place empty.
///
/// # Panics
/// On a picture that makes no profile.
#[must_use]
pub fn profile(picture: &str) -> Profile {
    let rows: Vec<Vec<&str>> = picture.lines().map(|line| line.split_whitespace().collect()).collect();
    let mut builder = ProfileBuilder::new();
    let module = builder.module("/home/u/app", "");
    let thread = builder.thread(ThreadSpec { pid: 1, tid: 1, name: "main", process: "app" });
    let columns = rows.iter().map(Vec::len).max().unwrap_or(0);
    for column in 0..columns {
        let names = rows.iter().filter_map(|row| row.get(column)).filter(|name| **name != ".");
        let stack = names.fold(None, |prefix, name| {
            let function =
                builder.function(FunctionSpec { name, file: "app.c", start_line: 1, module, ..Default::default() });
            let frame = builder.frame(FrameSpec { function, line: 1, inlined: false, address: 0 });
            Some(builder.stack(prefix, frame))
        });
        if let Some(stack) = stack {
            let time = Some(Nanos(column as u64 * Nanos::MILLISECOND.0));
            builder.sample(SampleSpec { time, stack, thread, weight: Nanos::MILLISECOND, count: 1 });
        }
    }
    let info = ProfileInfo { name: "cpu".into(), lost: Some(0), rate_hz: Some(1000.0), ..Default::default() };
    builder.finish(info).expect("the picture makes a profile")
}

/// A profile as folded stacks, one line per distinct stack in order of first sight: `A;B 2`.
#[must_use]
pub fn folded(profile: &Profile) -> String {
    let mut lines: Vec<(String, u64)> = Vec::new();
    for row in 0..profile.samples.len() {
        let mut names: Vec<&str> = profile
            .stacks
            .frames(profile.samples.stack[row])
            .map(|frame| profile.function_name(profile.frame_function(frame)))
            .collect();
        names.reverse();
        let stack = names.join(";");
        let count = u64::from(profile.samples.count[row]);
        match lines.iter_mut().find(|(known, _)| *known == stack) {
            Some((_, sum)) => *sum += count,
            None => lines.push((stack, count)),
        }
    }
    lines.iter().fold(String::new(), |text, (stack, count)| text + stack + &format!(" {count}\n"))
}

/// A picture of about 40 samples over the functions `a` to `e`, the same for the same seed.
#[must_use]
pub fn random_picture(seed: u64) -> String {
    let mut state = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
    let mut below = |limit: u64| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state % limit
    };
    let depths: Vec<u64> = (0..40).map(|_| 1 + below(8)).collect();
    let mut lines = String::new();
    for row in 0..8 {
        let cells = depths.iter().map(|&depth| {
            let function = below(5);
            if row < depth { ["a", "b", "c", "d", "e"][usize::try_from(function).unwrap_or(0)] } else { "." }
        });
        lines.push_str(&cells.collect::<Vec<_>>().join(" "));
        lines.push('\n');
    }
    lines
}
