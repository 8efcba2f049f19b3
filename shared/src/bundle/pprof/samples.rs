//! Sample rows of a `profile.proto`.

use super::decode::Messages;
use super::tables::Tables;
use super::value::ValueColumns;
use super::wire::{Fields, Value, numbers};
use super::{DecodeError, Fault, Slice, label_key, tag};
use crate::model::{FrameSpec, FunctionSpec, ProfileBuilder, StackId, ThreadId, ThreadSpec};
use std::collections::HashMap;

/// Most locations of one stack.
const MAX_DEPTH: usize = 16 << 10;
/// Most distinct call paths of a profile, and most frames that all its rows together may name.
const MAX_STACKS: usize = 32 << 20;
const MAX_STEPS: usize = 1 << 30;

/// Rows in columns of equal length.
#[derive(Default)]
pub(super) struct Samples {
    pub stack: Vec<StackId>,
    pub thread: Vec<ThreadId>,
    pub count: Vec<u32>,
    pub weight: Vec<u64>,
}

impl Samples {
    pub(super) fn read(
        messages: &Messages<'_>,
        tables: &Tables<'_>,
        columns: &ValueColumns,
        builder: &mut ProfileBuilder,
    ) -> Result<Self, DecodeError> {
        let mut rows = Self::default();
        let mut stacks = Stacks::default();
        let mut threads = Threads::default();
        let (mut locations, mut values) = (Vec::new(), Vec::new());
        for &message in &messages.samples {
            locations.clear();
            values.clear();
            threads.start();
            for field in Fields::of(message) {
                let (tag, value) = field?;
                match tag {
                    tag::sample::LOCATION_ID => push_locations(value, message.offset, tables, &mut locations)?,
                    tag::sample::VALUE => numbers(value, |number| values.push(number))?,
                    tag::sample::LABEL => threads.label(value.message()),
                    _ => {}
                }
            }
            let (count, weight) = columns.of(&values, message.offset)?;
            rows.stack.push(stacks.take(&locations, message.offset, tables, builder)?);
            rows.thread.push(threads.take(tables, builder)?);
            rows.count.push(count);
            rows.weight.push(weight);
        }
        Ok(rows)
    }
}

fn push_locations(
    value: Value<'_>,
    byte: usize,
    tables: &Tables<'_>,
    locations: &mut Vec<u32>,
) -> Result<(), DecodeError> {
    let mut fault = None;
    numbers(value, |id| match tables.location(id, byte) {
        Ok(location) => locations.push(location),
        Err(error) => fault = fault.take().or(Some(error)),
    })?;
    if locations.len() > MAX_DEPTH {
        let too_many = Fault::TooMany { what: "frames in one stack", limit: MAX_DEPTH };
        fault = fault.or(Some(DecodeError { byte, fault: too_many }));
    }
    fault.map_or(Ok(()), Err)
}

/// Makes stacks, and reuses what a row shares with the row before.
#[derive(Default)]
struct Stacks {
    /// Locations of the row before, callers first, each with the stack that ends there.
    last: Vec<(u32, StackId)>,
    steps: usize,
}

impl Stacks {
    /// The stack of `locations`, leaf first.
    fn take(
        &mut self,
        locations: &[u32],
        byte: usize,
        tables: &Tables<'_>,
        builder: &mut ProfileBuilder,
    ) -> Result<StackId, DecodeError> {
        let callers_first = locations.iter().rev();
        let shared = self.last.iter().zip(callers_first.clone()).take_while(|(last, new)| last.0 == **new).count();
        self.last.truncate(shared);
        for &location in callers_first.skip(shared) {
            let mut at = self.last.last().map(|last| last.1);
            let frames = tables.frames(location);
            self.steps += frames.len();
            for &frame in frames {
                at = Some(builder.stack(at, frame));
            }
            if let Some(stack) = at {
                self.last.push((location, stack));
            }
        }
        let leaf = match self.last.last() {
            Some(&(_, leaf)) => leaf,
            None => unknown(builder),
        };
        let fault = |what, limit| Err(DecodeError { byte, fault: Fault::TooMany { what, limit } });
        if leaf.index() > MAX_STACKS {
            return fault("distinct call paths", MAX_STACKS);
        }
        if self.steps > MAX_STEPS {
            return fault("frames in all samples", MAX_STEPS);
        }
        Ok(leaf)
    }
}

/// A sample without locations was taken somewhere.
fn unknown(builder: &mut ProfileBuilder) -> StackId {
    let function = builder.function(FunctionSpec::default());
    let frame = builder.frame(FrameSpec { function, line: 0, inlined: false, address: 0 });
    builder.stack(None, frame)
}

/// A label: key, string, number.
type Label = (u64, u64, u64);

/// Finds the thread that labels name. Equal labels are looked up once.
#[derive(Default)]
struct Threads<'a> {
    labels: Vec<Slice<'a>>,
    /// Threads by their label bytes: our writer gives every row of a thread the same ones.
    known: HashMap<Vec<u8>, ThreadId>,
    key: Vec<u8>,
}

impl<'a> Threads<'a> {
    fn start(&mut self) {
        self.labels.clear();
        self.key.clear();
    }

    fn label(&mut self, label: Slice<'a>) {
        self.labels.push(label);
        self.key.extend_from_slice(&label.bytes.len().to_le_bytes());
        self.key.extend_from_slice(label.bytes);
    }

    fn take(&mut self, tables: &Tables<'_>, builder: &mut ProfileBuilder) -> Result<ThreadId, DecodeError> {
        if let Some(&thread) = self.known.get(self.key.as_slice()) {
            return Ok(thread);
        }
        let mut spec = ThreadSpec::default();
        for &label in &self.labels {
            let (key, text, number) = read_label(label)?;
            let id = u32::try_from(number).unwrap_or(0);
            match tables.string(key, label.offset)? {
                label_key::PID => spec.pid = id,
                label_key::TID => spec.tid = id,
                label_key::THREAD => spec.name = tables.string(text, label.offset)?,
                label_key::PROCESS => spec.process = tables.string(text, label.offset)?,
                _ => {}
            }
        }
        let thread = builder.thread(spec);
        // Labels of other tools may differ from row to row; those are not worth keeping.
        if self.known.len() < 64 * 1024 {
            self.known.insert(self.key.clone(), thread);
        }
        Ok(thread)
    }
}

fn read_label(label: Slice<'_>) -> Result<Label, DecodeError> {
    let mut read = (0, 0, 0);
    for field in Fields::of(label) {
        match field? {
            (tag::label::KEY, value) => read.0 = value.number(),
            (tag::label::STR, value) => read.1 = value.number(),
            (tag::label::NUM, value) => read.2 = value.number(),
            _ => {}
        }
    }
    Ok(read)
}
