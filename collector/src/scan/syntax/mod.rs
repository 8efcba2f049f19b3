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

use super::facts::{FileFacts, NOWHERE, Name, Problem, Scope};
use foldhash::{HashMap, HashSet};
use frame::Frame;
use ruff_python_ast::PySourceType;
use ruff_python_ast::visitor::Visitor;
use ruff_python_parser::parse_unchecked_source;
use ruff_text_size::{Ranged, TextSize};
use std::cell::Cell;

/// Expressions nested deeper than this are not looked into; the stacks of the workers hold so many.
const DEEPEST: u32 = 20_000;

/// Places for names that were interned last.
const RECENT: usize = 64;

/// The stack that [`read`] needs for text nested as deep as the parser takes it: pages of it that are not used cost nothing.
pub(crate) const STACK_BYTES: usize = 1 << 28;

/// Reads a file; one that does not parse has a problem and nothing else.
pub(crate) fn read(text: &str) -> FileFacts {
    let parsed = parse_unchecked_source(text, PySourceType::Python);
    let starts = line_starts(text);
    let lines = u32::try_from(starts.len() - usize::from(text.ends_with('\n') || text.is_empty())).unwrap_or(u32::MAX);
    let size = text.len() as u64;
    if let Some(error) = parsed.errors().first() {
        let problem = Problem { line: Some(line_at(&starts, error.location.start())), what: error.error.to_string() };
        return FileFacts { lines, bytes: size, problem: Some(problem), ..FileFacts::default() };
    }
    let mut reader = Reader::new(starts);
    reader.visit_body(&parsed.syntax().body);
    let mut facts = reader.finish();
    facts.lines = lines;
    facts.bytes = size;
    facts
}

/// Parses and throws the tree away: the bare speed of the parser, which `tests/bench/scan.py` compares with.
pub(crate) fn parse_only(text: &str) -> bool {
    parse_unchecked_source(text, PySourceType::Python).errors().is_empty()
}

/// Offsets at which lines begin.
fn line_starts(text: &str) -> Vec<u32> {
    let mut starts = Vec::with_capacity(text.len() / 32 + 1);
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
    starts
}

fn line_at(starts: &[u32], at: TextSize) -> u32 {
    u32::try_from(starts.partition_point(|start| *start <= at.to_u32())).unwrap_or(u32::MAX)
}

/// The walk over one tree.
struct Reader<'a> {
    starts: Vec<u32>,
    last_line: Cell<u32>,
    facts: FileFacts,
    numbers: HashMap<&'a str, Name>,
    recent: [(&'a str, Name); RECENT],
    /// Frames that were left, for their memory.
    left: Vec<Frame>,
    /// The module, and each function and class around this place.
    frames: Vec<Frame>,
    /// Names that functions read and do not bind, as (function, name, line).
    loads: Vec<(u32, Name, u32)>,
    /// Call in a loop → the names that its arguments are made of.
    pending: Vec<(u32, Vec<Name>)>,
    depth: u32,
    /// Names around functions whose objects functions change.
    written: HashSet<Name>,
}

impl<'a> Reader<'a> {
    fn new(starts: Vec<u32>) -> Self {
        Self {
            starts,
            last_line: Cell::new(1),
            facts: FileFacts::default(),
            numbers: HashMap::default(),
            recent: [("", NOWHERE); RECENT],
            left: Vec::new(),
            frames: vec![Frame::module()],
            loads: Vec::new(),
            pending: Vec::new(),
            depth: 0,
            written: HashSet::default(),
        }
    }

    fn intern(&mut self, text: &'a str) -> Name {
        // The same node is asked for several times in a row: as an argument, as an origin, as a name that is read.
        let slot = (text.as_ptr() as usize >> 3) % RECENT;
        if let (known, name) = self.recent[slot]
            && name != NOWHERE
            && std::ptr::eq(known, text)
        {
            return name;
        }
        let names = &mut self.facts.names;
        let name = *self.numbers.entry(text).or_insert_with(|| names.push(text));
        self.recent[slot] = (text, name);
        name
    }

    /// A text that is no name of the source; a new one each time.
    fn text(&mut self, text: &str) -> Name {
        self.facts.names.push(text)
    }

    fn line(&self, node: &impl Ranged) -> u32 {
        self.line_of(node.start())
    }

    /// Places are asked for nearly in order, so the answer is mostly at the line of the last one, or close behind.
    fn line_of(&self, at: TextSize) -> u32 {
        let (at_byte, line) = (at.to_u32(), self.last_line.get());
        let known = line as usize;
        for number in known..known + 4 {
            let from = number.checked_sub(1).and_then(|before| self.starts.get(before));
            let to = self.starts.get(number).copied().unwrap_or(u32::MAX);
            if from.is_some_and(|from| *from <= at_byte) && at_byte < to {
                let number = u32::try_from(number).unwrap_or(u32::MAX);
                self.last_line.set(number);
                return number;
            }
        }
        let found = line_at(&self.starts, at);
        self.last_line.set(found);
        found
    }

    /// A frame of a function or a class, in the memory of one that was left.
    fn new_frame(&mut self, scope: Scope, function: u32, class: Option<u32>, prefix: String) -> Frame {
        match self.left.pop() {
            Some(used) => used.again(scope, function, class, prefix),
            None => Frame::new(scope, function, class, prefix),
        }
    }

    fn leave_frame(&mut self) {
        self.left.extend(self.frames.pop());
    }

    fn frame(&mut self) -> &mut Frame {
        self.frames.last_mut().expect("the module's frame is never popped")
    }

    fn here(&self) -> &Frame {
        self.frames.last().expect("the module's frame is never popped")
    }

    fn finish(mut self) -> FileFacts {
        scopes::resolve(&mut self.facts, &self.loads, &self.written);
        self.facts
    }
}
