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

use super::facts::{FileFacts, Name, Problem};
use foldhash::{HashMap, HashSet};
use frame::Frame;
use ruff_python_ast::PySourceType;
use ruff_python_ast::visitor::Visitor;
use ruff_python_parser::parse_unchecked_source;
use ruff_text_size::{Ranged, TextSize};

/// Expressions nested deeper than this are not looked into; the stacks of the workers hold so many.
const DEEPEST: u32 = 20_000;

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
    let mut add = |at: usize| starts.push(u32::try_from(at + 1).unwrap_or(u32::MAX));
    if text.contains('\r') {
        // Windows' and old Mac's line ends.
        let ends = |at: &usize| bytes[*at] == b'\n' || (bytes[*at] == b'\r' && bytes.get(at + 1) != Some(&b'\n'));
        (0..bytes.len()).filter(ends).for_each(&mut add);
    } else {
        text.match_indices('\n').for_each(|(at, _)| add(at));
    }
    starts
}

fn line_at(starts: &[u32], at: TextSize) -> u32 {
    u32::try_from(starts.partition_point(|start| *start <= at.to_u32())).unwrap_or(u32::MAX)
}

/// The walk over one tree.
struct Reader<'a> {
    starts: Vec<u32>,
    facts: FileFacts,
    numbers: HashMap<&'a str, Name>,
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
            facts: FileFacts::default(),
            numbers: HashMap::default(),
            frames: vec![Frame::module()],
            loads: Vec::new(),
            pending: Vec::new(),
            depth: 0,
            written: HashSet::default(),
        }
    }

    fn intern(&mut self, text: &'a str) -> Name {
        let names = &mut self.facts.names;
        *self.numbers.entry(text).or_insert_with(|| {
            names.push(text.into());
            u32::try_from(names.len() - 1).unwrap_or(u32::MAX)
        })
    }

    /// A text that is no name of the source; a new one each time.
    fn text(&mut self, text: String) -> Name {
        self.facts.names.push(text.into());
        u32::try_from(self.facts.names.len() - 1).unwrap_or(u32::MAX)
    }

    fn line(&self, node: &impl Ranged) -> u32 {
        line_at(&self.starts, node.start())
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
