//! The one place that knows the parser: a text becomes [`FileFacts`].
//!
//! The parser's interface may change with each version, so nothing outside this folder names its types. One walk over
//! the tree collects everything; what a name stands for is told when the whole file has been seen, since Python binds
//! names by scope, not by order. Must not look at other files.

mod expressions;
mod frame;
mod functions;
mod scopes;
mod statements;
mod values;

use super::facts::{FileFacts, NOWHERE, Name, Origin, Problem, Scope, Span};
use foldhash::HashSet;
use foldhash::fast::FixedState;
use frame::{Frame, Local, Slot};
use hashbrown::HashTable;
use hashbrown::hash_table::Entry;
use ruff_python_ast::PySourceType;
use ruff_python_ast::visitor::Visitor;
use ruff_python_parser::parse_unchecked_source;
use ruff_text_size::{Ranged, TextSize};
use std::cell::Cell;
use std::hash::BuildHasher;
use std::mem;

/// Expressions nested deeper than this are not looked into; the stacks of the workers hold so many.
const DEEPEST: u32 = 20_000;

/// So many places for names that were interned last, as a power of two.
const RECENT_BITS: u32 = 9;

/// The stack that [`read`] needs for text nested as deep as the parser takes it: pages of it that are not used cost nothing.
pub(crate) const STACK_BYTES: usize = 1 << 28;

/// Reads a file; one that does not parse has a problem and nothing else.
pub(crate) fn read(text: &str) -> FileFacts {
    thread_local! {
        /// A reader's memory serves all files of a thread: what it keeps of a file is copied when the tree is gone, so
        /// that neither the tree's many small pieces nor lists that grow lie between what stays.
        static READER: Cell<Option<Box<Reader>>> = const { Cell::new(None) };
    }
    let mut reader = READER.take().unwrap_or_default();
    let facts = reader.read(text);
    READER.set(Some(reader));
    facts
}

/// Parses and throws the tree away: the bare speed of the parser, which `tests/bench/scan.py` compares with.
pub(crate) fn parse_only(text: &str) -> bool {
    parse_unchecked_source(text, PySourceType::Python).errors().is_empty()
}

/// Offsets at which lines begin.
fn line_starts(text: &str, starts: &mut Vec<u32>) {
    starts.clear();
    starts.push(0);
    let bytes = text.as_bytes();
    let add = |at: usize| starts.push(u32::try_from(at + 1).unwrap_or(u32::MAX));
    if memchr::memchr(b'\r', bytes).is_some() {
        // Windows' and old Mac's line ends.
        let ends = |at: &usize| bytes[*at] == b'\n' || (bytes[*at] == b'\r' && bytes.get(at + 1) != Some(&b'\n'));
        (0..bytes.len()).filter(ends).for_each(add);
    } else {
        memchr::memchr_iter(b'\n', bytes).for_each(add);
    }
}

fn line_at(starts: &[u32], at: TextSize) -> u32 {
    u32::try_from(starts.partition_point(|start| *start <= at.to_u32())).unwrap_or(u32::MAX)
}

/// The walk over one tree.
#[derive(Default)]
struct Reader {
    /// Offsets at which lines begin.
    starts: Vec<u32>,
    /// The line of the place that was asked for last, from which byte and to which one; 0 before the first.
    last_line: Cell<(u32, u32, u32)>,
    facts: FileFacts,
    numbers: HashTable<Name>,
    recent: Recent,
    /// Frames that were left, for their memory.
    left: Vec<Frame>,
    /// The module, and each function and class around this place.
    frames: Vec<Frame>,
    /// By name.
    slots: Vec<Slot>,
    /// Frames so far.
    entered: u32,
    /// Names that functions read and do not bind, as (function, name, line).
    loads: Vec<(u32, Name, u32)>,
    /// Call in a loop → the names that its arguments are made of, in `given`.
    pending: Vec<(u32, Span)>,
    given: Vec<Name>,
    /// The qualified name of this place, with what stands before the next one.
    prefix: String,
    depth: u32,
    /// Names around functions whose objects functions change.
    written: HashSet<Name>,
}

/// Names that were interned last: those of short texts, since these are most.
struct Recent(Vec<(Short, Name)>);

/// A text of at most 16 bytes as numbers, the same for no other text: its begin, its end, its length.
type Short = (u64, u64, usize);

impl Default for Recent {
    fn default() -> Self {
        Self(vec![((0, 0, 0), NOWHERE); 1 << RECENT_BITS])
    }
}

impl Recent {
    fn key(text: &str) -> Option<Short> {
        let bytes = text.as_bytes();
        let (begin, end) = if let (Some(begin), Some(end)) = (bytes.first_chunk::<8>(), bytes.last_chunk::<8>()) {
            (u64::from_le_bytes(*begin), u64::from_le_bytes(*end))
        } else if let (Some(begin), Some(end)) = (bytes.first_chunk::<4>(), bytes.last_chunk::<4>()) {
            (u32::from_le_bytes(*begin).into(), u32::from_le_bytes(*end).into())
        } else {
            let at = |place: usize| u64::from(bytes.get(place).copied().unwrap_or_default());
            (at(0) | at(1) << 8 | at(2) << 16, 0)
        };
        (bytes.len() <= 16).then_some((begin, end, bytes.len()))
    }

    fn place(&mut self, (begin, end, length): Short) -> &mut (Short, Name) {
        let mixed = (begin ^ end.rotate_left(23) ^ length as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        let place = usize::try_from(mixed >> (u64::BITS - RECENT_BITS)).unwrap_or_default();
        &mut self.0[place]
    }

    fn clear(&mut self) {
        self.0.fill(((0, 0, 0), NOWHERE));
    }
}

impl Reader {
    fn read(&mut self, text: &str) -> FileFacts {
        let parsed = parse_unchecked_source(text, PySourceType::Python);
        line_starts(text, &mut self.starts);
        let ended = text.ends_with('\n') || text.is_empty();
        let lines = u32::try_from(self.starts.len() - usize::from(ended)).unwrap_or(u32::MAX);
        let size = text.len() as u64;
        if let Some(error) = parsed.errors().first() {
            let line = line_at(&self.starts, error.location.start());
            let problem = Problem { line: Some(line), what: error.error.to_string() };
            return FileFacts { lines, bytes: size, problem: Some(problem), ..FileFacts::default() };
        }
        self.begin();
        self.visit_body(&parsed.syntax().body);
        drop(parsed);
        self.facts.lines = lines;
        self.facts.bytes = size;
        scopes::resolve(&mut self.facts, &self.loads, &self.written);
        self.facts.copied()
    }

    fn begin(&mut self) {
        self.last_line.set((0, 0, 0));
        self.numbers.clear();
        self.recent.clear();
        self.left.append(&mut self.frames);
        self.slots.clear();
        self.entered = 0;
        self.loads.clear();
        self.pending.clear();
        self.given.clear();
        self.prefix.clear();
        self.depth = 0;
        self.written.clear();
        let module = self.new_frame(Scope::Module, NOWHERE, None);
        self.frames.push(module);
    }

    fn intern(&mut self, text: &str) -> Name {
        let Some(key) = Recent::key(text) else { return self.intern_anew(text) };
        let (known, name) = *self.recent.place(key);
        if known == key && name != NOWHERE {
            return name;
        }
        let name = self.intern_anew(text);
        *self.recent.place(key) = (key, name);
        name
    }

    fn intern_anew(&mut self, text: &str) -> Name {
        let names = &mut self.facts.names;
        let hash = |text: &str| FixedState::with_seed(5).hash_one(text);
        match self.numbers.entry(hash(text), |name| names.get(*name) == text, |name| hash(names.get(*name))) {
            Entry::Occupied(known) => *known.get(),
            Entry::Vacant(free) => {
                let name = names.push(text);
                free.insert(name);
                name
            }
        }
    }

    /// The qualified name of what is defined here; names in it get it and `within` in front.
    fn qualname(&mut self, name: Name, text: &str, within: &str) -> Name {
        let outer = self.here().prefix;
        self.prefix.truncate(outer);
        self.prefix.push_str(text);
        let qualname = if outer == 0 { name } else { self.facts.names.push(&self.prefix) };
        self.prefix.push_str(within);
        qualname
    }

    fn line(&self, node: &impl Ranged) -> u32 {
        self.line_of(node.start())
    }

    /// Places are asked for nearly in order, so the answer is mostly the line of the last one, or close behind.
    fn line_of(&self, at: TextSize) -> u32 {
        let at_byte = at.to_u32();
        let (line, from, to) = self.last_line.get();
        if from <= at_byte && at_byte < to {
            return line;
        }
        let begin = |line: u32| self.starts.get(line as usize - 1).copied().unwrap_or(u32::MAX);
        let close = (line + 1..line + 4).find(|line| at_byte < begin(line + 1)).filter(|_| at_byte >= to);
        let line = close.unwrap_or_else(|| line_at(&self.starts, at));
        self.last_line.set((line, begin(line), begin(line + 1)));
        line
    }

    /// A frame of a function or a class, in the memory of one that was left.
    fn new_frame(&mut self, scope: Scope, function: u32, class: Option<u32>) -> Frame {
        let mut frame = self.left.pop().unwrap_or_default();
        frame.clear();
        self.entered += 1;
        Frame { scope, function, class, id: self.entered, prefix: self.prefix.len(), ..frame }
    }

    fn slot(&self, name: Name) -> Slot {
        self.slots.get(name as usize).copied().unwrap_or_default()
    }

    fn slot_mut(&mut self, name: Name) -> &mut Slot {
        let at = name as usize;
        if self.slots.len() <= at {
            self.slots.resize(self.facts.names.len().max(at + 1), Slot::default());
        }
        &mut self.slots[at]
    }

    /// What this frame binds a name to.
    fn local(&self, name: Name) -> Option<Local> {
        let local = self.slot(name).local;
        (local.frame == self.here().id).then_some(local)
    }

    /// Binds a name in a frame: this one, or one that is entered next. What it was bound to around the frame is for the
    /// frame to keep, the first time.
    fn bind_in(&mut self, frame: u32, name: Name, binding: u32, origin: Origin) -> Option<(Name, Local)> {
        let slot = self.slot_mut(name);
        let before = mem::replace(&mut slot.local, Local { frame, binding, origin });
        (before.frame != frame).then_some((name, before))
    }

    fn leave_frame(&mut self) {
        let Some(mut frame) = self.frames.pop() else { return };
        if let Scope::Function(number) = frame.scope {
            let from = self.facts.effects.len();
            self.facts.effects.append(&mut frame.effects);
            self.facts.functions[number as usize].effects = Span::since(from, &self.facts.effects);
        }
        for (name, local) in frame.hidden.drain(..).rev() {
            self.slots[name as usize].local = local;
        }
        self.left.push(frame);
        let prefix = self.here().prefix;
        self.prefix.truncate(prefix);
    }

    fn frame(&mut self) -> &mut Frame {
        self.frames.last_mut().expect("the module's frame is never popped")
    }

    fn here(&self) -> &Frame {
        self.frames.last().expect("the module's frame is never popped")
    }
}
