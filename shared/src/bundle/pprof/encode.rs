//! Tables to `profile.proto`.

use super::super::gzip::gzip;
use super::super::rfc3339;
use super::wire::{put_bytes, put_number, put_packed};
use super::{label_key, tag};
use crate::model::{FrameId, Manifest, ModuleId, Profile, StackId, StringId, ThreadId, WeightKind};
use crate::units::Nanos;
use foldhash::{HashMap, HashMapExt};

/// When a profile was recorded, for the readers of other tools.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Span {
    /// Nanoseconds since 1970-01-01, UTC.
    pub start_unix_ns: Option<u64>,
    pub duration: Option<Nanos>,
}

impl Span {
    /// That of a recording.
    #[must_use]
    pub fn of(manifest: &Manifest) -> Self {
        Self { start_unix_ns: rfc3339::unix_ns(&manifest.start), duration: manifest.wall_ns }
    }
}

/// The member's bytes, gzip included. One sample row per distinct stack and thread.
#[must_use]
pub fn encode(profile: &Profile, span: Span) -> Vec<u8> {
    encode_with_rows(profile, span).bytes
}

/// The member and how raw samples lie in it.
pub(in super::super) struct Encoded {
    pub bytes: Vec<u8>,
    /// Row of the member for each row of the profile's sample table.
    pub row: Vec<u32>,
    /// All samples of each row weigh the same.
    pub even: bool,
}

pub(in super::super) fn encode_with_rows(profile: &Profile, span: Span) -> Encoded {
    let rows = Rows::of(profile);
    let mut locations = Locations::of(profile);
    let mut strings = Strings::of(profile);
    let mut out = Vec::with_capacity(64 * 1024);
    put_header(profile, span, &mut strings, &mut out);
    put_samples(profile, &rows, &mut locations, &mut strings, &mut out);
    put_mappings(profile, &mut out);
    put_locations(profile, &locations, &mut out);
    put_functions(profile, &mut out);
    strings.put(&mut out);
    Encoded { bytes: gzip(&out), row: rows.of_sample, even: rows.even }
}

/// Samples summed over equal stack and thread, in depth-first order of their stacks: neighbours share most of their
/// frames, which compresses well and is read back fast. Of live bytes, the sum is over the last snapshot only.
struct Rows {
    stack: Vec<StackId>,
    thread: Vec<ThreadId>,
    count: Vec<u64>,
    weight: Vec<u64>,
    of_sample: Vec<u32>,
    even: bool,
}

impl Rows {
    fn of(profile: &Profile) -> Self {
        let samples = &profile.samples;
        let mut known: HashMap<(StackId, ThreadId), u32> = HashMap::new();
        let mut found: Vec<(StackId, ThreadId, u64, u64)> = Vec::new();
        let mut first_weight = Vec::new();
        let mut of_sample = Vec::with_capacity(samples.len());
        let mut even = true;
        let counts = (!profile.info.weight.adds_up()).then(|| samples.of_last_snapshot());
        for index in 0..samples.len() {
            let (stack, thread) = (samples.stack[index], samples.thread[index]);
            let (weight, count) = (samples.weight[index].0, u64::from(samples.count[index]));
            let row = *known.entry((stack, thread)).or_insert_with(|| {
                found.push((stack, thread, 0, 0));
                first_weight.push(weight);
                StackId::from_index(found.len() - 1).0
            });
            if counts.as_ref().is_none_or(|counts| counts[index]) {
                let sums = &mut found[row as usize];
                sums.2 = sums.2.saturating_add(count);
                sums.3 = sums.3.saturating_add(weight);
            }
            even &= first_weight[row as usize] == weight;
            of_sample.push(row);
        }
        let rank = (!is_depth_first(profile)).then(|| depth_first(profile));
        let rank = |stack: StackId| rank.as_ref().map_or(stack.0, |rank| rank[stack.index()]);
        let mut sorted: Vec<u32> = (0..found.len()).map(|row| StackId::from_index(row).0).collect();
        sorted.sort_unstable_by_key(|&row| (rank(found[row as usize].0), found[row as usize].1));
        let mut place = vec![0; found.len()];
        for (index, &row) in sorted.iter().enumerate() {
            place[row as usize] = StackId::from_index(index).0;
        }
        for row in &mut of_sample {
            *row = place[*row as usize];
        }
        let sorted = || sorted.iter().map(|&row| found[row as usize]);
        Self {
            stack: sorted().map(|row| row.0).collect(),
            thread: sorted().map(|row| row.1).collect(),
            count: sorted().map(|row| row.2).collect(),
            weight: sorted().map(|row| row.3).collect(),
            of_sample,
            even,
        }
    }
}

/// Whether the table is in the order of a depth-first walk: each stack is called from the one before or a caller of it.
fn is_depth_first(profile: &Profile) -> bool {
    let stacks = &profile.stacks;
    let mut before = None;
    (0..stacks.len()).map(StackId::from_index).all(|stack| {
        let prefix = stacks.prefix(stack);
        // Each step leaves a stack for good, or else the answer is no.
        while before != prefix {
            match before {
                Some(callee) => before = stacks.prefix(callee),
                None => return false,
            }
        }
        before = Some(stack);
        true
    })
}

/// Place of each stack in a depth-first walk. Prefixes are smaller rows, so two passes do.
fn depth_first(profile: &Profile) -> Vec<u32> {
    let stacks = &profile.stacks;
    let mut size = vec![1_u32; stacks.len()];
    for index in (0..stacks.len()).rev() {
        if let Some(prefix) = stacks.prefix(StackId::from_index(index)) {
            size[prefix.index()] += size[index];
        }
    }
    let mut rank = vec![0; stacks.len()];
    // Where the next child of each stack begins; roots follow each other.
    let mut next = vec![0; stacks.len()];
    let mut next_root = 0;
    for index in 0..stacks.len() {
        let place = match stacks.prefix(StackId::from_index(index)) {
            Some(prefix) => &mut next[prefix.index()],
            None => &mut next_root,
        };
        rank[index] = *place;
        *place += size[index];
        next[index] = rank[index] + 1;
    }
    rank
}

/// Locations: each a physical frame with the calls inlined into it. Numbered in order of first use.
struct Locations<'a> {
    profile: &'a Profile,
    /// Each run of frames that could be a location has a number: an owner alone that of its frame, runs with inlined
    /// calls the numbers from there on. This is the run that ends at each stack.
    run_of_stack: Vec<u32>,
    /// Location (from 1) of each run, 0 where it is not used so far.
    of_run: Vec<u32>,
    /// Frames of each location, callers first, one after another.
    frames: Vec<FrameId>,
    /// Where the frames of each location end.
    end: Vec<usize>,
}

impl<'a> Locations<'a> {
    fn of(profile: &'a Profile) -> Self {
        let stacks = &profile.stacks;
        // By the run before an inlined frame, and that frame.
        let mut runs: HashMap<(u32, FrameId), u32> = HashMap::new();
        let frames = profile.frames.rows.len();
        let mut run_of_stack = vec![0_u32; stacks.len()];
        for index in 0..stacks.len() {
            let stack = StackId::from_index(index);
            let frame = stacks.frame(stack);
            let owner = stacks.prefix(stack).filter(|_| profile.frames.get(frame).inlined);
            run_of_stack[index] = owner.map_or(frame.0, |owner| {
                let new = StackId::from_index(frames + runs.len()).0;
                *runs.entry((run_of_stack[owner.index()], frame)).or_insert(new)
            });
        }
        let of_run = vec![0; frames + runs.len()];
        Self { profile, run_of_stack, of_run, frames: Vec::new(), end: Vec::new() }
    }

    /// Locations of a stack, leaf first.
    fn walk(&mut self, leaf: StackId, locations: &mut Vec<u64>) {
        let Self { profile, .. } = *self;
        locations.clear();
        let mut at = Some(leaf);
        while let Some(stack) = at {
            let run = self.run_of_stack[stack.index()] as usize;
            if self.of_run[run] == 0 {
                self.of_run[run] = self.push(stack);
            }
            locations.push(u64::from(self.of_run[run]));
            let mut owner = stack;
            while let Some(prefix) = profile.stacks.prefix(owner).filter(|_| self.inlined(owner)) {
                owner = prefix;
            }
            at = profile.stacks.prefix(owner);
        }
    }

    fn inlined(&self, stack: StackId) -> bool {
        self.profile.frames.get(self.profile.stacks.frame(stack)).inlined
    }

    /// Adds the location at the leaf end of a stack; gives its number.
    fn push(&mut self, stack: StackId) -> u32 {
        let start = self.frames.len();
        for frame in self.profile.stacks.frames(stack) {
            self.frames.push(frame);
            if !self.profile.frames.get(frame).inlined {
                break;
            }
        }
        self.frames[start..].reverse();
        self.end.push(self.frames.len());
        StackId::from_index(self.end.len()).0
    }

    fn iter(&self) -> impl Iterator<Item = &[FrameId]> {
        let starts = std::iter::once(0).chain(self.end.iter().copied());
        starts.zip(&self.end).map(|(start, &end)| &self.frames[start..end])
    }
}

/// The profile's strings under their own numbers, then the few that only pprof needs.
struct Strings<'a> {
    profile: &'a Profile,
    added: Vec<&'a str>,
}

impl<'a> Strings<'a> {
    fn of(profile: &'a Profile) -> Self {
        Self { profile, added: Vec::new() }
    }

    fn add(&mut self, text: &'a str) -> u64 {
        let index = self.added.iter().position(|known| *known == text).unwrap_or_else(|| {
            self.added.push(text);
            self.added.len() - 1
        });
        (self.profile.strings.len() + index) as u64
    }

    fn put(&self, out: &mut Vec<u8>) {
        for index in 0..self.profile.strings.len() {
            put_bytes(tag::STRING_TABLE, self.profile.strings.get(StringId::from_index(index)).as_bytes(), out);
        }
        for text in &self.added {
            put_bytes(tag::STRING_TABLE, text.as_bytes(), out);
        }
    }
}

fn put_header<'a>(profile: &'a Profile, span: Span, strings: &mut Strings<'a>, out: &mut Vec<u8>) {
    let (counted, measured, unit) = match profile.info.weight {
        WeightKind::Cpu => ("samples", "cpu", "nanoseconds"),
        WeightKind::Wall => ("samples", "wall", "nanoseconds"),
        WeightKind::Bytes => ("inuse_objects", "inuse_space", "bytes"),
        WeightKind::Events => ("samples", profile.info.name.as_str(), "count"),
    };
    let mut message = Vec::new();
    let mut value_type = |tag: u32, what: &'a str, unit: &'a str, out: &mut Vec<u8>| {
        message.clear();
        put_number(tag::value_type::TYPE, strings.add(what), &mut message);
        put_number(tag::value_type::UNIT, strings.add(unit), &mut message);
        put_bytes(tag, &message, out);
    };
    value_type(tag::SAMPLE_TYPE, counted, "count", out);
    value_type(tag::SAMPLE_TYPE, measured, unit, out);
    if let Some(period) = profile.info.rate_hz.or(profile.info.python_rate_hz).and_then(period_ns) {
        value_type(tag::PERIOD_TYPE, measured, unit, out);
        put_number(tag::PERIOD, period, out);
    }
    put_number(tag::DEFAULT_SAMPLE_TYPE, strings.add(measured), out);
    put_number(tag::TIME_NANOS, span.start_unix_ns.unwrap_or(0), out);
    put_number(tag::DURATION_NANOS, span.duration.unwrap_or_default().0, out);
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "rounded and between 1 and 1e18")]
fn period_ns(rate_hz: f64) -> Option<u64> {
    let period = (1e9 / rate_hz).round();
    (1.0..=1e18).contains(&period).then_some(period as u64)
}

fn put_samples(
    profile: &Profile,
    rows: &Rows,
    locations: &mut Locations<'_>,
    strings: &mut Strings<'_>,
    out: &mut Vec<u8>,
) {
    let labels = thread_labels(profile, strings);
    let (mut message, mut scratch, mut walked) = (Vec::new(), Vec::new(), Vec::new());
    for row in 0..rows.stack.len() {
        message.clear();
        locations.walk(rows.stack[row], &mut walked);
        put_packed(tag::sample::LOCATION_ID, walked.iter().copied(), &mut scratch, &mut message);
        let values = [rows.count[row], rows.weight[row]];
        put_packed(tag::sample::VALUE, values.into_iter().map(clamp), &mut scratch, &mut message);
        message.extend_from_slice(&labels[rows.thread[row].index()]);
        put_bytes(tag::SAMPLE, &message, out);
    }
}

/// Largest value of an int64 field.
fn clamp(value: u64) -> u64 {
    value.min(i64::MAX.cast_unsigned())
}

/// The label fields of each thread, ready to append. A thread of process 0 stands for "not known" and has none.
fn thread_labels(profile: &Profile, strings: &mut Strings<'_>) -> Vec<Vec<u8>> {
    let keys = [label_key::PID, label_key::TID, label_key::THREAD, label_key::PROCESS].map(|key| strings.add(key));
    let mut message = Vec::new();
    let mut labels = |thread: &crate::model::Thread| {
        let values = [
            (tag::label::NUM, u64::from(thread.pid)),
            (tag::label::NUM, u64::from(thread.tid)),
            (tag::label::STR, u64::from(thread.name.0)),
            (tag::label::STR, u64::from(thread.process.0)),
        ];
        let mut out = Vec::new();
        for (key, (tag, value)) in keys.into_iter().zip(values).filter(|(_, (_, value))| *value != 0) {
            message.clear();
            put_number(tag::label::KEY, key, &mut message);
            put_number(tag, value, &mut message);
            put_bytes(tag::sample::LABEL, &message, &mut out);
        }
        out
    };
    profile.threads.rows.iter().map(&mut labels).collect()
}

/// One mapping per module but the first, which stands for "not known". Addresses are offsets in the module, so every
/// mapping begins at 0.
fn put_mappings(profile: &Profile, out: &mut Vec<u8>) {
    let mut known = vec![Known::default(); profile.modules.rows.len()];
    for frame in &profile.frames.rows {
        let function = profile.functions.get(frame.function);
        let known = &mut known[function.module.index()];
        known.limit = known.limit.max(frame.address.saturating_add(1));
        known.filenames |= !profile.string(function.file).is_empty();
        known.lines |= frame.line != 0;
        known.inlined |= frame.inlined;
    }
    let mut message = Vec::new();
    for (index, module) in profile.modules.rows.iter().enumerate().skip(1) {
        let known = &known[index];
        message.clear();
        put_number(tag::mapping::ID, mapping_id(ModuleId::from_index(index)), &mut message);
        put_number(tag::mapping::MEMORY_LIMIT, known.limit.max(1), &mut message);
        put_number(tag::mapping::FILENAME, u64::from(module.path.0), &mut message);
        put_number(tag::mapping::BUILD_ID, u64::from(module.build_id.0), &mut message);
        put_number(tag::mapping::HAS_FUNCTIONS, 1, &mut message);
        put_number(tag::mapping::HAS_FILENAMES, u64::from(known.filenames), &mut message);
        put_number(tag::mapping::HAS_LINE_NUMBERS, u64::from(known.lines), &mut message);
        put_number(tag::mapping::HAS_INLINE_FRAMES, u64::from(known.inlined), &mut message);
        put_bytes(tag::MAPPING, &message, out);
    }
}

/// What is known of the code of a module.
#[derive(Clone, Copy, Default)]
struct Known {
    limit: u64,
    filenames: bool,
    lines: bool,
    inlined: bool,
}

fn mapping_id(module: ModuleId) -> u64 {
    u64::from(module.0)
}

fn put_locations(profile: &Profile, locations: &Locations<'_>, out: &mut Vec<u8>) {
    let (mut message, mut line) = (Vec::new(), Vec::new());
    for (index, frames) in locations.iter().enumerate() {
        let Some(&owner) = frames.first() else { continue };
        let owner = profile.frames.get(owner);
        message.clear();
        put_number(tag::location::ID, index as u64 + 1, &mut message);
        let module = profile.functions.get(owner.function).module;
        put_number(tag::location::MAPPING_ID, mapping_id(module), &mut message);
        put_number(tag::location::ADDRESS, owner.address, &mut message);
        for &frame in frames.iter().rev() {
            let frame = profile.frames.get(frame);
            line.clear();
            put_number(tag::line::FUNCTION_ID, u64::from(frame.function.0) + 1, &mut line);
            put_number(tag::line::LINE, u64::from(frame.line), &mut line);
            put_bytes(tag::location::LINE, &line, &mut message);
        }
        put_bytes(tag::LOCATION, &message, out);
    }
}

fn put_functions(profile: &Profile, out: &mut Vec<u8>) {
    let mut message = Vec::new();
    for (index, function) in profile.functions.rows.iter().enumerate() {
        message.clear();
        put_number(tag::function::ID, index as u64 + 1, &mut message);
        put_number(tag::function::NAME, u64::from(function.name.0), &mut message);
        // `go tool pprof` takes a name that equals its symbol for one to demangle and makes nothing of `<module>`.
        if function.system_name != function.name {
            put_number(tag::function::SYSTEM_NAME, u64::from(function.system_name.0), &mut message);
        }
        put_number(tag::function::FILENAME, u64::from(function.file.0), &mut message);
        put_number(tag::function::START_LINE, u64::from(function.start_line), &mut message);
        put_bytes(tag::FUNCTION, &message, out);
    }
}
