//! Merged stacks as pictures: what comes in, what comes out.

use super::*;
use crate::sample::python::ENTRY_MODULE;
use crate::spool::{RawSample, RawThread};
use perfcollect_shared::model::PYTHON_MODULE;

const MS: u64 = 1_000_000;
/// As the native sampler names it.
const KERNEL_MODULE: &str = "[kernel:boot]";
const PERIOD: Nanos = Nanos(10 * MS);

/// Tables from lines `time_ms thread stack weight_ms`, stacks as `caller;callee`; `-` is no stack. A native frame is
/// `function@module`, a Python frame `name` or `name:start`.
fn raw(lines: &str) -> RawStacks {
    let mut raw = RawStacks::default();
    for line in lines.lines().map(str::trim).filter(|line| !line.is_empty()) {
        let [time, tid, stack, weight] = line.split(' ').collect::<Vec<_>>()[..] else { panic!("{line}") };
        let tid: u32 = tid.parse().unwrap();
        let thread = raw.threads.iter().position(|thread| thread.tid == tid).unwrap_or_else(|| {
            let name = format!("thread {tid}");
            raw.threads.push(RawThread { pid: 1, tid, name, process: "p".to_owned() });
            raw.threads.len() - 1
        });
        let stack = stack.split(';').filter(|frame| *frame != "-").fold(None, |prefix, text| {
            let frame = row(&mut raw.frames, frame(text));
            Some(row(&mut raw.stacks, (prefix, frame)))
        });
        let nanos = |ms: &str| Nanos(ms.parse::<u64>().unwrap() * MS);
        let thread = u32::try_from(thread).unwrap();
        raw.samples.push(RawSample { time: nanos(time), stack, thread, weight: nanos(weight) });
    }
    raw
}

fn row<T: PartialEq>(rows: &mut Vec<T>, value: T) -> u32 {
    let found = rows.iter().position(|known| *known == value).unwrap_or_else(|| {
        rows.push(value);
        rows.len() - 1
    });
    u32::try_from(found).unwrap()
}

/// A capital begins an interpreter loop of its own.
fn frame(text: &str) -> RawFrame {
    let (module, name) = text.split_once('@').map_or_else(
        || (if text.starts_with(char::is_uppercase) { ENTRY_MODULE } else { PYTHON_MODULE }, text),
        |(name, module)| (module, name),
    );
    let (name, start) = name.split_once(':').unwrap_or((name, "0"));
    let start_line = start.parse().unwrap();
    RawFrame::Named { module: module.to_owned(), name: name.to_owned(), file: String::new(), start_line, line: 9 }
}

fn name(frame: &RawFrame) -> &str {
    match frame {
        RawFrame::Named { name, .. } => name,
        RawFrame::Native(..) => "?",
    }
}

fn merged(native: &RawStacks, python: &RawStacks) -> Merged {
    let role = |frame: &RawFrame| match frame {
        RawFrame::Named { module, name, .. } => role_of(module, std::iter::once(name.as_str())),
        RawFrame::Native(..) => FrameRole::Other,
    };
    let roles: Vec<_> = native.frames.iter().map(role).collect();
    merge(native, &roles, python, PERIOD)
}

/// Lines `time thread stack weight` of the merged list.
fn folded(native: &RawStacks, merged: &Merged) -> Vec<String> {
    let text = |stack: Option<MergedStack>| {
        let mut stack = match stack {
            Some(MergedStack::Native(row)) => {
                let frames = splice::frames_of(native, row);
                let names: Vec<&str> = frames.iter().map(|&row| name(&native.frames[row as usize])).collect();
                return names.join(";");
            }
            Some(MergedStack::Merged(row)) => Some(row),
            None => None,
        };
        let mut names = Vec::new();
        while let Some((prefix, frame)) = stack.map(|row| merged.stacks[row as usize]) {
            names.push(match frame {
                MergedFrame::Native(row) => name(&native.frames[row as usize]).to_owned(),
                MergedFrame::Python(row) => name(&merged.python_frames[row as usize]).to_uppercase(),
                MergedFrame::KernelNotSampled | MergedFrame::NativeNotSampled | MergedFrame::TooShort => {
                    "not-sampled".to_owned()
                }
            });
            stack = prefix;
        }
        names.reverse();
        if names.is_empty() { "-".to_owned() } else { names.join(";") }
    };
    let line = |sample: &MergedSample| {
        let tid = merged.threads[sample.thread as usize].tid;
        format!("{} {tid} {} {}", sample.time.0 / MS, text(sample.stack), sample.weight.0 / MS)
    };
    merged.samples.iter().map(line).collect()
}

/// One native sample at 10 ms and one Python sample `a;b` at 12 ms.
fn check(native_stack: &str, expect: &str) {
    let native = raw(&format!("10 1 {native_stack} 2"));
    let python = raw("12 1 a;b 10");
    assert_eq!(folded(&native, &merged(&native, &python)), [format!("10 1 {expect} 2")], "{native_stack}");
}

const EVAL: &str = "_start@python3.11;main@python3.11;_PyEval_EvalFrameDefault@python3.11";

#[test]
fn interpreter_time_is_the_self_time_of_the_python_function() {
    check(EVAL, "A;B");
    check(&format!("{EVAL};list_append@python3.11"), "A;B");
    check(&format!("{EVAL};PyObject_Malloc@python3.11;malloc@libc.so.6"), "A;B");
    check(&format!("{EVAL};list_append@python3.11;asm_exc_page_fault@{KERNEL_MODULE}"), "A;B");
    check("-", "A;B");
}

#[test]
fn extensions_and_system_calls_stay_below_the_python_function() {
    check(&format!("{EVAL};compress@zlib.so;deflate@libz.so.1"), "A;B;compress;deflate");
    check(&format!("{EVAL};cfunction@python3.11;scan@_json.so;PyDict_SetItem@python3.11"), "A;B;scan");
    check(&format!("{EVAL};step@_sqlite3.so;run@libsqlite3.so.0;memcpy@libc.so.6"), "A;B;step;run;memcpy");
    check(&format!("{EVAL};os_read@python3.11;read@libc.so.6;do_syscall_64@{KERNEL_MODULE}"), "A;B;do_syscall_64");
    check(&format!("{EVAL};compress@zlib.so;asm_exc_page_fault@{KERNEL_MODULE}"), "A;B;compress;asm_exc_page_fault");
    // Python called back by an extension: the innermost loop counts.
    let back = format!("{EVAL};sort@ext.so;_PyEval_EvalFrameDefault@python3.11;lower@python3.11");
    check(&back, "A;B");
}

#[test]
fn what_is_not_in_the_interpreter_loop_stays_native() {
    let native = raw(&format!("10 1 _start@python3.11;main@python3.11;Py_Finalize@python3.11 2\n11 1 {EVAL} 2"));
    let python = raw("12 1 a;b 10");
    assert_eq!(folded(&native, &merged(&native, &python)), ["10 1 _start;main;Py_Finalize 2", "11 1 A;B 2"]);
    check("clone3@libc.so.6;worker@libblas.so;_PyEval_EvalFrameDefault@python3.11", "A;B");
    let pool = raw("10 2 clone3@libc.so.6;worker@libblas.so 2");
    assert_eq!(folded(&pool, &merged(&pool, &python)), ["10 2 clone3;worker 2"]);
}

#[test]
fn a_stack_that_was_cut_takes_the_python_frames_only_if_they_are_near() {
    check("sha256@libcrypto.so.3", "A;B;sha256");
    let native = raw("50 1 sha256@libcrypto.so.3 2");
    let python = raw("12 1 a;b 10");
    assert_eq!(folded(&native, &merged(&native, &python)), ["50 1 sha256 2"]);
    let native = raw(&format!("50 1 {EVAL} 2\n900 1 {EVAL} 2"));
    let stacks = folded(&native, &merged(&native, &python));
    assert_eq!(stacks, ["50 1 A;B 2", "900 1 _start;main;_PyEval_EvalFrameDefault 2"]);
}

#[test]
fn the_nearest_python_sample_of_the_same_thread_counts() {
    let native = raw(&format!("10 1 {EVAL} 2\n14 1 {EVAL} 2\n16 1 {EVAL} 2\n16 2 {EVAL} 2"));
    let python = raw("10 1 a 10\n20 1 b 10\n17 2 c 10");
    assert_eq!(folded(&native, &merged(&native, &python)), ["10 1 A 2", "14 1 A 2", "16 1 B 2", "16 2 C 2"]);
}

#[test]
fn a_python_sample_with_as_many_loops_goes_before_a_nearer_one() {
    let twice = format!("{EVAL};_PyEval_EvalFrameDefault@python3.11");
    let native = raw(&format!("14 1 {EVAL} 2\n16 1 {twice} 2\n18 1 {twice};_PyEval_EvalFrameDefault@python3.11 2"));
    let python = raw("10 1 A;b;C 10\n17 1 A;b 10");
    let expect = ["14 1 A;B 2", "16 1 A;B;C 2", "18 1 A;B 2"];
    assert_eq!(folded(&native, &merged(&native, &python)), expect);
}

#[test]
fn a_python_sample_of_a_thread_that_waited_goes_behind_those_of_its_work() {
    // It ran to 14 ms, was put aside in `wait` until 60 ms, and went on.
    let eval = |times: [u64; 8]| times.map(|time| format!("{time} 1 {EVAL} 2")).join("\n");
    let native = raw(&eval([10, 12, 14, 60, 62, 64, 66, 68]));
    let python = raw("11 1 work 5\n30 1 wait 3\n67 1 work 6");
    assert!(folded(&native, &merged(&native, &python)).iter().all(|line| line.contains(" WORK ")));
    let python = raw("30 1 wait 3");
    assert!(folded(&native, &merged(&native, &python)).iter().all(|line| line.contains(" WAIT ")));
}

#[test]
fn an_interpreter_without_symbols_is_known_by_its_file() {
    let native = raw("10 1 a@python3.11;b@python3.11;c@python3.11;deflate@libz.so.1 2");
    let python = raw("12 1 f 10");
    assert_eq!(folded(&native, &merged(&native, &python)), ["10 1 F;deflate 2"]);
}

#[test]
fn python_samples_count_where_there_are_no_native_ones() {
    let python = raw("10 1 a 9\n20 1 - 1");
    let none = RawStacks::default();
    assert_eq!(folded(&none, &merged(&none, &python)), ["10 1 A 9", "20 1 - 1"]);
    // perf saw thread 1; of thread 2 it saw nothing, of thread 3 it may well have missed the little there was.
    let native = raw(&format!("10 1 {EVAL} 2"));
    let python = raw("10 1 a 9\n10 2 b 25\n10 3 c 1");
    assert_eq!(folded(&native, &merged(&native, &python)), ["10 1 A 2", "10 2 B 25"]);
}

#[test]
fn definition_lines_that_a_read_missed_come_from_other_reads() {
    let mut python = raw("10 1 f:5 1\n20 1 f 1\n30 1 g 1");
    python.frames.push(frame("f:3"));
    let starts: Vec<_> = threads::with_start_lines(&python.frames)
        .iter()
        .map(|frame| match frame {
            RawFrame::Named { start_line, .. } => *start_line,
            RawFrame::Native(..) => 0,
        })
        .collect();
    assert_eq!(starts, [5, 5, 0, 3]);
}

#[test]
fn python_names_threads_better_than_the_kernel() {
    let native = raw(&format!("10 1 {EVAL} 2\n10 2 {EVAL} 2"));
    let mut python = raw("10 1 a 9");
    python.threads[0].name = "MainThread".to_owned();
    let names: Vec<_> = merged(&native, &python).threads.into_iter().map(|thread| thread.name).collect();
    assert_eq!(names, ["MainThread", "thread 2"]);
}

#[test]
fn kernel_time_that_was_not_sampled_goes_where_the_timeline_saw_it() {
    let native = raw("10 1 main@app 4\n110 1 main@app 4");
    let mut merged = merged(&native, &RawStacks::default());
    let cpu_use = |pid, from, cpu| {
        let (from, to) = (Nanos(from * MS), Nanos((from + 100) * MS));
        CpuUse { pid, process: "p".to_owned(), from, to, cpu: Nanos(cpu * MS) }
    };
    let intervals = [cpu_use(1, 0, 5), cpu_use(1, 100, 6), cpu_use(7, 100, 3)];
    let added = add_unsampled_time(
        &mut merged,
        MergedFrame::KernelNotSampled,
        Nanos(15 * MS),
        &intervals,
        (1, "p"),
        Nanos(300 * MS),
    );
    assert_eq!(added, Nanos(7 * MS));
    let expect = ["10 1 main 4", "100 1 not-sampled 1", "110 1 main 4", "200 1 not-sampled 2", "200 7 not-sampled 3"];
    assert_eq!(folded(&native, &merged)[..5], expect);
    assert_eq!(folded(&native, &merged)[5..], ["300 1 not-sampled 1"]);
    assert_eq!(merged.weight(), Nanos(15 * MS));
}

/// xorshift64*: no dependency, the same numbers each time.
fn random(state: &mut u64) -> u64 {
    *state ^= *state >> 12;
    *state ^= *state << 25;
    *state ^= *state >> 27;
    state.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33
}

#[test]
fn weights_are_neither_lost_nor_counted_twice() {
    let natives = [EVAL.to_owned(), format!("{EVAL};deflate@libz.so.1"), "main@app".to_owned(), "-".to_owned()];
    for seed in 1..200_u64 {
        let mut state = seed * 0x9e37_79b9;
        let mut lines = |stacks: &[&str], most: u64| {
            let count = random(&mut state) % most;
            let line = |_| {
                let (time, tid) = (random(&mut state) % 500, random(&mut state) % 4 + 1);
                let stack = stacks[usize::try_from(random(&mut state)).unwrap() % stacks.len()];
                format!("{time} {tid} {stack} {}\n", random(&mut state) % 12)
            };
            (0..count).map(line).collect::<String>()
        };
        let native = raw(&lines(&natives.each_ref().map(String::as_str), 60));
        let python = raw(&lines(&["a;b", "a;c", "-"], 40));
        let merged = merged(&native, &python);
        let sum = |raw: &RawStacks, keep: &dyn Fn(u32) -> bool| -> Nanos {
            let kept = raw.samples.iter().filter(|sample| keep(raw.threads[sample.thread as usize].tid));
            kept.map(|sample| sample.weight).sum()
        };
        let saw = |tid| native.samples.iter().any(|sample| native.threads[sample.thread as usize].tid == tid);
        let alone = |tid| !saw(tid) && (native.samples.is_empty() || sum(&python, &|t| t == tid) >= PYTHON_ONLY_FROM);
        let expect = sum(&native, &|_| true) + sum(&python, &alone);
        assert_eq!(merged.weight(), expect, "seed {seed}");
        assert!(merged.samples.is_sorted_by_key(|sample| sample.time), "seed {seed}");
        let prefixes = merged.stacks.iter().zip(0..);
        assert!(prefixes.into_iter().all(|((prefix, _), row)| prefix.is_none_or(|prefix| prefix < row)));
    }
}
