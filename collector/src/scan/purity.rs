//! What functions do besides giving a value, over the calls between them, to a fixed point.
//!
//! A function's state is a set of effects; join is union, so the states only grow and the order of the work does not
//! matter. Each effect keeps the first reason: a line of the function itself, or the call that brings it in.

use super::facts::effect::{ALL, IO, MUTATES_ARGUMENT, MUTATES_SELF, READS_GLOBAL, UNKNOWN, WRITES_GLOBAL};
use super::facts::{Bound, Method, NOWHERE, Origin, Value};
use super::link::{Links, Target, Tier};
use super::project::Project;
use super::world;
use foldhash::HashMap;

/// Why a function has an effect.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Why {
    /// By itself, at this line; the name is one of the file.
    Own { line: u32, what: u32 },
    /// By a call, of a function with that effect.
    Calls { line: u32, function: u32 },
    /// By a call of something outside; an index into the externals of the file.
    External { line: u32, external: u32 },
    /// By a method of something unknown; a name of the file.
    Named { line: u32, name: u32 },
    /// By a decorator; an index into the opaque ones of the file.
    Decorator { opaque: u32 },
    /// Something is called that has no name.
    Nameless { line: u32 },
}

/// What one function does.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct State {
    pub(crate) effects: u16,
    /// Parameters that it changes, the first 32.
    pub(crate) parameters: u32,
    /// Its latest reason, as a place in [`Reasons`] and one more.
    latest: u32,
}

/// The reasons of all functions, in the order in which they were found: effect, reason, and the one before it of the same
/// function.
#[derive(Default)]
struct Reasons(Vec<(u16, Why, u32)>);

impl Reasons {
    fn of(&self, state: &State, effect: u16) -> Option<Why> {
        let mut at = state.latest;
        loop {
            let (known, why, before) = *self.0.get(at.checked_sub(1)? as usize)?;
            if known == effect {
                return Some(why);
            }
            at = before;
        }
    }

    /// Gives a function an effect; whether it is new.
    fn add(&mut self, state: &mut State, effect: u16, why: Why) -> bool {
        let new = state.effects & effect == 0;
        if new {
            state.effects |= effect;
            self.0.push((effect, why, state.latest));
            state.latest = u32::try_from(self.0.len()).unwrap_or(u32::MAX);
        }
        new
    }
}

impl State {
    /// The worst effect, by the order of the lattice.
    pub(crate) fn level(&self) -> (u16, &'static str) {
        ALL.iter().rev().find(|(effect, _)| self.effects & effect != 0).copied().unwrap_or((0, "pure"))
    }
}

/// A call between functions.
#[derive(Clone, Copy)]
struct Edge {
    caller: u32,
    callee: u32,
    /// Of the caller's file.
    call: u32,
}

/// Marks the `call` of an [`Edge`] that makes a new object: what happens to `self` is nobody's business.
const CONSTRUCTS: u32 = 1 << 31;

/// The states of all functions; `number` gives the place of one.
pub(crate) struct Purity {
    pub(crate) states: Vec<State>,
    pub(crate) first: Vec<u32>,
    reasons: Reasons,
}

impl Purity {
    fn add(&mut self, number: u32, effect: u16, why: Why) -> bool {
        self.reasons.add(&mut self.states[number as usize], effect, why)
    }

    pub(crate) fn number(&self, file: u32, function: u32) -> u32 {
        self.first[file as usize] + function
    }

    pub(crate) fn state(&self, file: u32, function: u32) -> &State {
        &self.states[self.number(file, function) as usize]
    }

    /// The file and function with this number.
    pub(crate) fn place(&self, number: u32) -> (u32, u32) {
        let file = self.first.partition_point(|first| *first <= number) - 1;
        (u32::try_from(file).unwrap_or(u32::MAX), number - self.first[file])
    }
}

/// Computes all states.
pub(crate) fn analyse(project: &Project, links: &[Links]) -> Purity {
    let mut first = Vec::with_capacity(project.sources.len());
    let mut count = 0;
    for source in &project.sources {
        first.push(count);
        count += u32::try_from(source.facts.functions.len()).unwrap_or(0);
    }
    let mut purity = Purity { states: vec![State::default(); count as usize], first, reasons: Reasons::default() };
    // Each call to a function is one; what grows step by step would take its memory twice.
    let calls_known = links
        .iter()
        .flat_map(|links| &links.targets)
        .filter(|target| !matches!(target, Target::External(_) | Target::Named(..) | Target::Nothing))
        .count();
    let mut edges = Vec::with_capacity(calls_known);
    let mut made = HashMap::default();
    let mut known = HashMap::default();
    for (file, links) in links.iter().enumerate() {
        let file = u32::try_from(file).unwrap_or(u32::MAX);
        own(project, &mut purity, file, links);
        calls(project, &mut purity, file, links, &mut edges, &mut made, &mut known);
    }
    let callers = Callers::new(edges, purity.states.len());
    propagate(project, &mut purity, &callers);
    purity
}

/// All edges by their callees.
struct Callers {
    edges: Vec<Edge>,
    /// Places in `edges`, those of one callee one after another.
    order: Vec<u32>,
    /// Where those of each callee end in `order`.
    ends: Vec<u32>,
}

impl Callers {
    fn new(edges: Vec<Edge>, functions: usize) -> Self {
        let mut ends = vec![0_u32; functions + 1];
        for edge in &edges {
            ends[edge.callee as usize + 1] += 1;
        }
        for number in 1..ends.len() {
            ends[number] += ends[number - 1];
        }
        let mut order = vec![0; edges.len()];
        for (number, edge) in (0..).zip(&edges) {
            // Each begin moves to the end of its callee.
            let at = &mut ends[edge.callee as usize];
            order[*at as usize] = number;
            *at += 1;
        }
        Self { edges, order, ends }
    }

    fn of(&self, callee: u32) -> impl Iterator<Item = Edge> {
        let from = callee.checked_sub(1).map_or(0, |before| self.ends[before as usize]);
        self.order[from as usize..self.ends[callee as usize] as usize].iter().map(|number| self.edges[*number as usize])
    }
}

/// What functions do by themselves.
fn own(project: &Project, purity: &mut Purity, file: u32, links: &Links) {
    let facts = project.facts(file);
    for (number, function) in facts.functions.iter().enumerate() {
        let number = purity.first[file as usize] + u32::try_from(number).unwrap_or(u32::MAX);
        for effect in facts.effects(function) {
            purity.add(number, effect.bit, Why::Own { line: effect.line, what: effect.what });
            if effect.bit & (MUTATES_ARGUMENT | MUTATES_SELF) != 0 && effect.parameter < 32 {
                purity.states[number as usize].parameters |= 1 << effect.parameter;
            }
        }
        if let Some((line, what)) = function.reads_global {
            purity.add(number, READS_GLOBAL, Why::Own { line, what });
        }
    }
    for (opaque, (function, _)) in links.opaque.iter().enumerate() {
        let number = purity.number(file, *function);
        let opaque = u32::try_from(opaque).unwrap_or(u32::MAX);
        purity.add(number, UNKNOWN, Why::Decorator { opaque });
    }
    for (function, line, external) in &links.reads {
        let effect = world::read(&links.externals[*external as usize]);
        if effect != 0 {
            let number = purity.number(file, *function);
            purity.add(number, effect, Why::External { line: *line, external: *external });
        }
    }
    for (function, line, other, binding) in &links.variables {
        let bound = &project.binding(*other, *binding);
        if matches!(&bound.bound, Bound::Value(Value::List | Value::Dict | Value::Set | Value::None)) {
            let number = purity.number(file, *function);
            let facts = project.facts(file);
            let what = facts.reads.iter().find(|read| read.function == *function && read.line == *line);
            let what = what.and_then(|read| facts.attributes(&read.path).last()).copied().unwrap_or(0);
            purity.add(number, READS_GLOBAL, Why::Own { line: *line, what });
        }
    }
}

/// Edges to functions, and effects of what is outside.
fn calls<'a>(
    project: &Project,
    purity: &mut Purity,
    file: u32,
    links: &'a Links,
    edges: &mut Vec<Edge>,
    made: &mut HashMap<(u32, u32), Made>,
    known: &mut HashMap<&'a str, u16>,
) {
    let facts = project.facts(file);
    let mut effect = |name: &'a String| *known.entry(name.as_str()).or_insert_with(|| world::call(name));
    let externals: Vec<u16> = links.externals.iter().map(&mut effect).collect();
    let mut methods: Vec<Option<u16>> = vec![None; facts.names.len()];
    for (number, (call, target)) in facts.calls.iter().zip(&links.targets).enumerate() {
        if call.function == NOWHERE {
            continue;
        }
        let caller = purity.number(file, call.function);
        let number = u32::try_from(number).unwrap_or(u32::MAX);
        let line = call.line;
        match target {
            Target::Function(to, function, _) => {
                let to = purity.number(*to, *function);
                edges.push(Edge { caller, callee: to, call: number });
            }
            Target::Class(to, class) => {
                let made = made.entry((*to, *class)).or_insert_with(|| constructors(project, purity, (*to, *class)));
                let edge = |callee: &u32| Edge { caller, callee: *callee, call: number | CONSTRUCTS };
                edges.extend(made.functions.iter().map(edge));
                if made.unknown {
                    purity.add(caller, UNKNOWN, Why::Nameless { line });
                }
            }
            Target::External(external) => {
                let effect = externals[*external as usize];
                let why = Why::External { line, external: *external };
                if effect == MUTATES_ARGUMENT {
                    let origin = facts.argument(call, 0).unwrap_or_default();
                    changes(project, purity, caller, origin, why);
                } else if effect != 0 {
                    purity.add(caller, effect, why);
                }
            }
            Target::Named(name, literal) => {
                let known = &mut methods[*name as usize];
                let effect = if *literal { 0 } else { *known.get_or_insert_with(|| world::method(facts.name(*name))) };
                if effect != 0 {
                    purity.add(caller, effect, Why::Named { line, name: *name });
                }
            }
            Target::Nothing => {
                purity.add(caller, UNKNOWN, Why::Nameless { line });
            }
        }
    }
}

/// What runs when an object of a class is made.
struct Made {
    /// Their numbers.
    functions: Vec<u32>,
    /// Not all of it is known.
    unknown: bool,
}

fn constructors(project: &Project, purity: &Purity, (file, class): (u32, u32)) -> Made {
    let order = project.order(file, class);
    let consulted = super::project::Consulted::default();
    let mut functions = Vec::new();
    for name in ["__init__", "__new__", "__post_init__"] {
        let found = project.member_in(&order.classes, name, false, &consulted, 0);
        if let Some(super::project::Entity::Function(file, function)) = found.map(|found| found.entity) {
            functions.push(purity.number(file, function));
        }
    }
    Made { functions, unknown: order.external.iter().any(|base| !world::harmless_base(base)) }
}

/// A function changes an object of this origin.
fn changes(project: &Project, purity: &mut Purity, number: u32, origin: Origin, why: Why) -> bool {
    let (file, function) = purity.place(number);
    match origin {
        Origin::Fresh => false,
        Origin::Global => purity.add(number, WRITES_GLOBAL, why),
        Origin::Parameter(parameter) => {
            let function = &project.facts(file).functions[function as usize];
            let itself = parameter == 0 && matches!(function.method, Method::Instance | Method::Class);
            let mut new = purity.add(number, if itself { MUTATES_SELF } else { MUTATES_ARGUMENT }, why);
            let state = &mut purity.states[number as usize];
            if parameter < 32 && state.parameters & (1 << parameter) == 0 {
                state.parameters |= 1 << parameter;
                new = true;
            }
            new
        }
    }
}

/// Carries effects from callees to callers until nothing changes.
fn propagate(project: &Project, purity: &mut Purity, callers: &Callers) {
    let mut waiting: Vec<u32> = (0..u32::try_from(purity.states.len()).unwrap_or(0))
        .filter(|n| purity.states[*n as usize].effects != 0)
        .collect();
    let mut queued = vec![false; purity.states.len()];
    for number in &waiting {
        queued[*number as usize] = true;
    }
    while let Some(callee) = waiting.pop() {
        queued[callee as usize] = false;
        for edge in callers.of(callee) {
            if carry(project, purity, &edge) && !queued[edge.caller as usize] {
                queued[edge.caller as usize] = true;
                waiting.push(edge.caller);
            }
        }
    }
}

/// What a caller gets from one callee.
fn carry(project: &Project, purity: &mut Purity, edge: &Edge) -> bool {
    let callee = &purity.states[edge.callee as usize];
    let (effects, parameters) = (callee.effects, callee.parameters);
    let brought = effects & !(MUTATES_ARGUMENT | MUTATES_SELF) & !purity.states[edge.caller as usize].effects;
    // Mostly the caller has them all: its call is not looked at then.
    if brought == 0 && parameters == 0 {
        return false;
    }
    let calling = project.facts(purity.place(edge.caller).0);
    let call = &calling.calls[(edge.call & !CONSTRUCTS) as usize];
    let why = Why::Calls { line: call.line, function: edge.callee };
    let mut new = false;
    for (effect, _) in ALL {
        if brought & effect != 0 {
            new |= purity.add(edge.caller, effect, why);
        }
    }
    if parameters == 0 {
        return new;
    }
    let (file, function) = purity.place(edge.callee);
    let facts = project.facts(file);
    let function = &facts.functions[function as usize];
    let method = matches!(function.method, Method::Instance | Method::Class);
    for (index, parameter) in facts.parameters(function).iter().enumerate().take(32) {
        if parameters & (1 << index) == 0 {
            continue;
        }
        let origin = if method && index == 0 {
            if edge.call & CONSTRUCTS != 0 { Origin::Fresh } else { call.receiver }
        } else {
            let given = calling.keyword(call, facts.name(parameter.name));
            given.or_else(|| calling.argument(call, index - usize::from(method))).unwrap_or_default()
        };
        new |= changes(project, purity, edge.caller, origin, why);
    }
    new
}

/// The chain of reasons for an effect, each as (file, line, text), to the function that has it by itself.
pub(crate) fn reasons(
    project: &Project,
    links: &[Links],
    purity: &Purity,
    number: u32,
    effect: u16,
) -> Vec<(u32, u32, String)> {
    let mut chain = Vec::new();
    let (mut at, mut effect) = (number, effect);
    for _ in 0..12 {
        let (file, function) = purity.place(at);
        let facts = project.facts(file);
        let state = &purity.states[at as usize];
        let Some(why) = purity.reasons.of(state, effect) else { break };
        let (line, text) = match why {
            Why::Own { line, what } => (line, facts.name(what).to_owned()),
            Why::External { line, external } => {
                let name = links[file as usize].externals[external as usize].clone();
                (line, name.trim_start_matches("builtins.").to_owned())
            }
            Why::Named { line, name } => (line, format!(".{}", facts.name(name))),
            Why::Decorator { opaque } => {
                let name = &links[file as usize].opaque[opaque as usize].1;
                (facts.functions[function as usize].line, format!("decorator {name}"))
            }
            Why::Nameless { line } => (line, "a call of something without a name".to_owned()),
            Why::Calls { line, function } => {
                let (other, callee) = purity.place(function);
                let source = project.facts(other);
                chain.push((file, line, source.name(source.functions[callee as usize].qualname).to_owned()));
                let callee = &purity.states[function as usize];
                // What changes an argument there changes something else here.
                if callee.effects & effect == 0 {
                    effect = if callee.effects & MUTATES_ARGUMENT != 0 { MUTATES_ARGUMENT } else { MUTATES_SELF };
                }
                at = function;
                continue;
            }
        };
        chain.push((file, line, text));
        break;
    }
    chain
}

/// Effects that make a cached value wrong, or a cached call miss something that it should do.
pub(crate) const SPOILS_A_CACHE: u16 =
    super::facts::effect::READS_WORLD | IO | WRITES_GLOBAL | MUTATES_ARGUMENT | MUTATES_SELF;

/// How sure a site is.
pub(crate) fn tier(target: &Target) -> Option<Tier> {
    match target {
        Target::Function(_, _, tier) => Some(*tier),
        Target::Named(..) => Some(Tier::Name),
        _ => None,
    }
}
