//! Sample rows of a `profile.proto`.

use super::decode::Messages;
use super::tables::Tables;
use super::value::ValueColumns;
use super::wire::{Fields, Value, numbers};
use super::{DecodeError, Fault, Slice, label_key, tag};
use crate::model::{FrameSpec, FunctionSpec, ProfileBuilder, StackId, ThreadId, ThreadSpec};
use foldhash::HashMap;

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
        let (mut path, mut values) = (Path::default(), Vec::new());
        for &message in &messages.samples {
            path.clear();
            values.clear();
            threads.start();
            for field in Fields::of(message) {
                let (tag, value) = field?;
                match tag {
                    tag::sample::LOCATION_ID => path.push(value)?,
                    tag::sample::VALUE => numbers(value, |number| values.push(number))?,
                    tag::sample::LABEL => threads.label(value.message()),
                    _ => {}
                }
            }
            let (count, weight) = columns.of(&values, message.offset)?;
            rows.stack.push(stacks.take(&path, message.offset, tables, builder)?);
            rows.thread.push(threads.take(tables, builder)?);
            rows.count.push(count);
            rows.weight.push(weight);
        }
        Ok(rows)
    }
}

/// Location ids of one sample, leaf first. The usual single packed field stays as it is.
#[derive(Default)]
struct Path<'a> {
    packed: Option<Slice<'a>>,
    ids: Vec<u64>,
}

impl<'a> Path<'a> {
    fn clear(&mut self) {
        self.packed = None;
        self.ids.clear();
    }

    fn push(&mut self, value: Value<'a>) -> Result<(), DecodeError> {
        match value {
            Value::Bytes(slice) if self.packed.is_none() && self.ids.is_empty() => self.packed = Some(slice),
            value => {
                if let Some(packed) = self.packed.take() {
                    numbers(Value::Bytes(packed), |id| self.ids.push(id))?;
                }
                numbers(value, |id| self.ids.push(id))?;
            }
        }
        Ok(())
    }
}

/// Makes stacks, and reuses what a row shares with the row before.
#[derive(Default)]
struct Stacks<'a> {
    /// Packed ids of the row before.
    packed: Option<Slice<'a>>,
    /// The stack that ends at each of its locations, callers first.
    ends: Vec<StackId>,
    ids: Vec<u64>,
    steps: usize,
}

impl<'a> Stacks<'a> {
    /// The stack of a path.
    fn take(
        &mut self,
        path: &Path<'a>,
        byte: usize,
        tables: &Tables<'_>,
        builder: &mut ProfileBuilder,
    ) -> Result<StackId, DecodeError> {
        let shared = match (self.packed, path.packed) {
            (Some(last), Some(new)) => shared_callers(last.bytes, new.bytes),
            _ => Shared::default(),
        };
        self.packed = path.packed;
        self.ends.truncate(shared.locations);
        self.ids.clear();
        match path.packed {
            Some(Slice { bytes, offset }) => {
                let bytes = &bytes[..bytes.len() - shared.bytes];
                numbers(Value::Bytes(Slice { bytes, offset }), |id| self.ids.push(id))?;
            }
            None => self.ids.extend_from_slice(&path.ids),
        }
        let fault = |what, limit| Err(DecodeError { byte, fault: Fault::TooMany { what, limit } });
        if self.ends.len() + self.ids.len() > MAX_DEPTH {
            return fault("frames in one stack", MAX_DEPTH);
        }
        for &id in self.ids.iter().rev() {
            let mut at = self.ends.last().copied();
            let frames = tables.frames(id, byte)?;
            self.steps += frames.len();
            for &frame in frames {
                at = Some(builder.stack(at, frame));
            }
            self.ends.extend(at);
        }
        let leaf = self.ends.last().copied().unwrap_or_else(|| unknown(builder));
        if leaf.index() > MAX_STACKS {
            return fault("distinct call paths", MAX_STACKS);
        }
        if self.steps > MAX_STEPS {
            return fault("frames in all samples", MAX_STEPS);
        }
        Ok(leaf)
    }
}

/// The callers that two rows share: bytes of their packed ids, and how many ids these are.
#[derive(Default)]
struct Shared {
    bytes: usize,
    locations: usize,
}

/// Callers are the last ids, so equal ends are equal callers. A byte below 0x80 ends an id.
fn shared_callers(last: &[u8], new: &[u8]) -> Shared {
    let equal = last.iter().rev().zip(new.iter().rev()).take_while(|(a, b)| a == b).count();
    let ends_before = |bytes: &[u8]| bytes[..bytes.len() - equal].last().is_none_or(|&byte| byte < 0x80);
    let mut shared = &new[new.len() - equal..];
    if !(ends_before(last) && ends_before(new)) {
        let end = shared.iter().position(|&byte| byte < 0x80).map_or(shared.len(), |end| end + 1);
        shared = &shared[end..];
    }
    Shared { bytes: shared.len(), locations: shared.iter().filter(|&&byte| byte < 0x80).count() }
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

#[cfg(test)]
mod tests {
    use super::shared_callers;

    fn check(last: &[u8], new: &[u8], bytes: usize, locations: usize) {
        let shared = shared_callers(last, new);
        assert_eq!((shared.bytes, shared.locations), (bytes, locations), "{last:x?} {new:x?}");
    }

    #[test]
    fn callers_are_shared_in_whole_ids() {
        check(&[], &[], 0, 0);
        check(&[1, 2, 3], &[9, 2, 3], 2, 2);
        check(&[1, 2, 3], &[1, 2, 3], 3, 3);
        check(&[2, 3], &[1, 2, 3], 2, 2);
        check(&[1, 2, 3], &[], 0, 0);
        // 0x80 0x01 is 128 and 0x81 0x01 is 129: their last bytes are equal, the ids are not.
        check(&[0x80, 1, 5], &[0x81, 1, 5], 1, 1);
        check(&[1, 5], &[0x81, 1, 5], 1, 1);
        check(&[0x81, 1, 5], &[7, 0x81, 1, 5], 3, 2);
    }
}
