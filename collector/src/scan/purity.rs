//! What functions do besides giving a value, over the calls between them, to a fixed point.
//!
//! A function's state is a set of effects; join is union, so the states only grow and the order of the work does not
//! matter. Each effect keeps the first reason: a line of the function itself, or the call that brings it in.

use super::facts::effect::{ALL, IO, MUTATES_ARGUMENT, MUTATES_SELF, READS_GLOBAL, UNKNOWN, WRITES_GLOBAL};
use super::facts::{Bound, Function, Method, NOWHERE, Origin, Value};
use super::link::{Links, Target, Tier};
use super::project::{Consulted, Entity, Project, Source};
use super::world;
use foldhash::HashMap;
use std::sync::{Mutex, OnceLock, PoisonError};

/// Why a function has an effect.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Why {
    /// By itself, at this line; the name is one of the file.
    Own { line: u32, what: u32 },
    /// By a call of the file, of a function with that effect.
    Calls { call: u32, function: u32 },
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
    /// It is a method, whose first parameter is what it is called on.
    method: bool,
    /// Parameters that it changes, the first 32.
    pub(crate) parameters: u32,
    /// Its latest reason, as a place in the list of all and one more.
    latest: u32,
}

/// The states of functions, those of one file or of all.
#[derive(Default)]
struct States {
    of: Vec<State>,
    /// In the order in which they were found: effect, reason, and the place of the one before it of the same function.
    reasons: Vec<(u16, Why, u32)>,
}

impl States {
    fn reason(&self, number: u32, effect: u16) -> Option<Why> {
        let mut at = self.of[number as usize].latest;
        loop {
            let (known, why, before) = *self.reasons.get(at.checked_sub(1)? as usize)?;
            if known == effect {
                return Some(why);
            }
            at = before;
        }
    }

    /// Gives a function an effect; whether it is new.
    fn add(&mut self, number: u32, effect: u16, why: Why) -> bool {
        let state = &mut self.of[number as usize];
        let new = state.effects & effect == 0;
        if new {
            state.effects |= effect;
            self.reasons.push((effect, why, state.latest));
            state.latest = u32::try_from(self.reasons.len()).unwrap_or(u32::MAX);
        }
        new
    }

    /// A function changes an object of this origin; whether that is new.
    fn changes(&mut self, number: u32, origin: Origin, why: Why) -> bool {
        match origin {
            Origin::Fresh => false,
            Origin::Global => self.add(number, WRITES_GLOBAL, why),
            Origin::Parameter(parameter) => {
                let itself = parameter == 0 && self.of[number as usize].method;
                let mut new = self.add(number, if itself { MUTATES_SELF } else { MUTATES_ARGUMENT }, why);
                let state = &mut self.of[number as usize];
                if parameter < 32 && state.parameters & (1 << parameter) == 0 {
                    state.parameters |= 1 << parameter;
                    new = true;
                }
                new
            }
        }
    }

    /// Adds the functions of the next file.
    fn append(&mut self, next: &Self) {
        let before = u32::try_from(self.reasons.len()).unwrap_or(u32::MAX);
        let moved = |place: u32| if place == 0 { 0 } else { place + before };
        self.of.extend(next.of.iter().map(|state| State { latest: moved(state.latest), ..*state }));
        self.reasons.extend(next.reasons.iter().map(|(effect, why, of)| (*effect, *why, moved(*of))));
    }
}

impl State {
    /// The worst effect, by the order of the lattice.
    pub(crate) fn level(&self) -> (u16, &'static str) {
        ALL.iter().rev().find(|(effect, _)| self.effects & effect != 0).copied().unwrap_or((0, "pure"))
    }
}

/// A call of a function.
#[derive(Clone, Copy, Default)]
struct Edge {
    /// The number of the function that calls; of code outside functions the file, with [`OUTSIDE`].
    caller: u32,
    /// Of the caller's file; with [`CONSTRUCTS`], where it makes a new object.
    call: u32,
    /// What the function is called on: of a new object it is nobody's business what happens to it.
    receiver: Origin,
}

const OUTSIDE: u32 = 1 << 31;
const CONSTRUCTS: u32 = 1 << 31;

/// What one file gives to the analysis of all: what its functions do as far as it tells, and which functions they call.
pub(crate) struct Part {
    states: States,
    /// By the number of what is called.
    edges: Vec<(u32, Edge)>,
}

/// What is asked for again and again while the parts are made.
pub(crate) struct Memo {
    /// By file and class.
    made: Vec<Vec<OnceLock<Made>>>,
    /// What calls of names from outside do.
    known: Mutex<HashMap<String, u16>>,
}

impl Memo {
    pub(crate) fn new(project: &Project) -> Self {
        let unknown = |source: &Source| source.facts.classes.iter().map(|_| OnceLock::new()).collect();
        Self { made: project.sources.iter().map(unknown).collect(), known: Mutex::default() }
    }

    /// What calls of these do.
    fn effects(&self, externals: &[String]) -> Vec<u16> {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let mut effect = |name: &String| {
            known.get(name).copied().unwrap_or_else(|| {
                let effect = world::call(name);
                known.insert(name.clone(), effect);
                effect
            })
        };
        externals.iter().map(&mut effect).collect()
    }
}

/// What all functions do, and who calls them.
pub(crate) struct Purity {
    states: States,
    callers: Callers,
}

impl Purity {
    /// Of a function, by its number.
    pub(crate) fn state(&self, number: u32) -> &State {
        &self.states.of[number as usize]
    }

    /// Calls of a function by its name, as (file, call).
    pub(crate) fn callers(&self, project: &Project, number: u32) -> impl Iterator<Item = (u32, u32)> {
        self.callers.of(number).iter().filter(|edge| edge.call & CONSTRUCTS == 0).map(|edge| {
            let within = edge.caller & OUTSIDE != 0;
            (if within { edge.caller & !OUTSIDE } else { project.place(edge.caller).0 }, edge.call)
        })
    }
}

/// What a file tells by itself and by its links.
pub(crate) fn part(project: &Project, memo: &Memo, file: u32, links: &Links) -> Part {
    let state = |function: &Function| State {
        method: matches!(function.method, Method::Instance | Method::Class),
        ..State::default()
    };
    let of = project.facts(file).functions.iter().map(state).collect();
    // Most classes have one function that is called for a new object.
    let known =
        links.targets.iter().filter(|target| matches!(target, Target::Function(..) | Target::Class(..))).count();
    let mut part = Part { states: States { of, ..States::default() }, edges: Vec::with_capacity(known) };
    own(project, &mut part.states, file, links);
    calls(project, memo, &mut part, file, links);
    part
}

/// Computes all states, of the parts of all files.
pub(crate) fn analyse(project: &Project, parts: &[Part]) -> Purity {
    let mut states = States::default();
    states.of.reserve_exact(project.functions());
    for part in parts {
        states.append(&part.states);
    }
    let mut purity = Purity { states, callers: Callers::new(parts, project.functions()) };
    propagate(project, &mut purity);
    purity
}

/// All calls by the functions that they call.
struct Callers {
    edges: Vec<Edge>,
    /// Where those of each function end.
    ends: Vec<u32>,
}

impl Callers {
    fn new(parts: &[Part], functions: usize) -> Self {
        let mut ends = vec![0_u32; functions + 1];
        let all = || parts.iter().flat_map(|part| &part.edges);
        for (callee, _) in all() {
            ends[*callee as usize + 1] += 1;
        }
        for number in 1..ends.len() {
            ends[number] += ends[number - 1];
        }
        let mut edges = vec![Edge::default(); ends[functions] as usize];
        for (callee, edge) in all() {
            // Each begin moves to the end of its callee.
            let at = &mut ends[*callee as usize];
            edges[*at as usize] = *edge;
            *at += 1;
        }
        Self { edges, ends }
    }

    fn of(&self, callee: u32) -> &[Edge] {
        let from = callee.checked_sub(1).map_or(0, |before| self.ends[before as usize]);
        &self.edges[from as usize..self.ends[callee as usize] as usize]
    }
}

/// What functions do by themselves.
fn own(project: &Project, states: &mut States, file: u32, links: &Links) {
    let facts = project.facts(file);
    for (number, function) in (0..).zip(&facts.functions) {
        for effect in facts.effects(function) {
            states.add(number, effect.bit, Why::Own { line: effect.line, what: effect.what });
            if effect.bit & (MUTATES_ARGUMENT | MUTATES_SELF) != 0 && effect.parameter < 32 {
                states.of[number as usize].parameters |= 1 << effect.parameter;
            }
        }
        if let Some((line, what)) = function.reads_global {
            states.add(number, READS_GLOBAL, Why::Own { line, what });
        }
    }
    for (opaque, (function, _)) in (0..).zip(&links.opaque) {
        states.add(*function, UNKNOWN, Why::Decorator { opaque });
    }
    for (function, line, external) in &links.reads {
        let effect = world::read(&links.externals[*external as usize]);
        if effect != 0 {
            states.add(*function, effect, Why::External { line: *line, external: *external });
        }
    }
    for (function, line, other, binding) in &links.variables {
        let bound = &project.binding(*other, *binding);
        if matches!(&bound.bound, Bound::Value(Value::List | Value::Dict | Value::Set | Value::None)) {
            let what = facts.reads.iter().find(|read| read.function == *function && read.line == *line);
            let what = what.and_then(|read| facts.attributes(&read.path).last()).copied().unwrap_or(0);
            states.add(*function, READS_GLOBAL, Why::Own { line: *line, what });
        }
    }
}

/// Edges to functions, and effects of what is outside.
fn calls(project: &Project, memo: &Memo, part: &mut Part, file: u32, links: &Links) {
    let facts = project.facts(file);
    let externals = memo.effects(&links.externals);
    let mut methods: Vec<Option<u16>> = vec![None; facts.names.len()];
    let Part { states, edges } = part;
    for (number, (call, target)) in (0..).zip(facts.calls.iter().zip(&links.targets)) {
        let (line, within) = (call.line, call.function);
        if within == NOWHERE {
            if let Target::Function(to, function, _) = target {
                let edge = Edge { caller: file | OUTSIDE, call: number, receiver: call.receiver };
                edges.push((project.number(*to, *function), edge));
            }
            continue;
        }
        let caller = project.number(file, within);
        match target {
            Target::Function(to, function, _) => {
                let edge = Edge { caller, call: number, receiver: call.receiver };
                edges.push((project.number(*to, *function), edge));
            }
            Target::Class(to, class) => {
                let made = memo.made[*to as usize][*class as usize].get_or_init(|| made(project, *to, *class));
                let edge = Edge { caller, call: number | CONSTRUCTS, receiver: Origin::Fresh };
                edges.extend(made.functions.iter().map(|callee| (*callee, edge)));
                if made.unknown {
                    states.add(within, UNKNOWN, Why::Nameless { line });
                }
            }
            Target::External(external) => {
                let effect = externals[*external as usize];
                let why = Why::External { line, external: *external };
                if effect == MUTATES_ARGUMENT {
                    let origin = facts.argument(call, 0).unwrap_or_default();
                    states.changes(within, origin, why);
                } else if effect != 0 {
                    states.add(within, effect, why);
                }
            }
            Target::Named(name, literal) => {
                let known = &mut methods[*name as usize];
                let effect = if *literal { 0 } else { *known.get_or_insert_with(|| world::method(facts.name(*name))) };
                if effect != 0 {
                    states.add(within, effect, Why::Named { line, name: *name });
                }
            }
            Target::Nothing => {
                states.add(within, UNKNOWN, Why::Nameless { line });
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

fn made(project: &Project, file: u32, class: u32) -> Made {
    let order = project.order(file, class);
    let consulted = Consulted::default();
    let mut functions = Vec::new();
    for name in ["__init__", "__new__", "__post_init__"] {
        let found = project.member_in(&order.classes, name, false, &consulted, 0);
        if let Some(Entity::Function(file, function)) = found.map(|found| found.entity) {
            functions.push(project.number(file, function));
        }
    }
    Made { functions, unknown: order.external.iter().any(|base| !world::harmless_base(base)) }
}

/// Carries effects from callees to callers until nothing changes.
fn propagate(project: &Project, purity: &mut Purity) {
    let Purity { states, callers } = purity;
    let mut queued: Vec<bool> = states.of.iter().map(|state| state.effects != 0).collect();
    let mut waiting: Vec<u32> = (0..).zip(&queued).filter(|(_, queued)| **queued).map(|(number, _)| number).collect();
    // What the callers of each function know of it already.
    let mut told = vec![News::default(); states.of.len()];
    while let Some(callee) = waiting.pop() {
        queued[callee as usize] = false;
        let told = &mut told[callee as usize];
        let State { effects, parameters, .. } = states.of[callee as usize];
        let news = News { effects: effects & !told.effects, parameters: parameters & !told.parameters };
        *told = News { effects, parameters };
        for edge in callers.of(callee).iter().filter(|edge| edge.caller & OUTSIDE == 0) {
            if carry(project, states, callee, news, *edge) && !queued[edge.caller as usize] {
                queued[edge.caller as usize] = true;
                waiting.push(edge.caller);
            }
        }
    }
}

/// Effects of a function, and parameters that it changes.
#[derive(Clone, Copy, Default)]
struct News {
    effects: u16,
    parameters: u32,
}

/// What a caller gets from one callee; whether it is new.
fn carry(project: &Project, states: &mut States, callee: u32, news: News, edge: Edge) -> bool {
    let brought = news.effects & !(MUTATES_ARGUMENT | MUTATES_SELF) & !states.of[edge.caller as usize].effects;
    let on_itself = news.parameters & 1 != 0 && states.of[callee as usize].method;
    let others = if on_itself { news.parameters & !1 } else { news.parameters };
    // Mostly the caller has them all: its call is not looked at then.
    if brought == 0 && others == 0 && (!on_itself || edge.receiver == Origin::Fresh) {
        return false;
    }
    let number = edge.call & !CONSTRUCTS;
    let why = Why::Calls { call: number, function: callee };
    let mut new = false;
    for (effect, _) in ALL {
        if brought & effect != 0 {
            new |= states.add(edge.caller, effect, why);
        }
    }
    if on_itself {
        new |= states.changes(edge.caller, edge.receiver, why);
    }
    if others == 0 {
        return new;
    }
    let calling = project.facts(project.place(edge.caller).0);
    let call = &calling.calls[number as usize];
    let (file, function) = project.place(callee);
    let facts = project.facts(file);
    let parameters = facts.parameters(&facts.functions[function as usize]);
    let method = usize::from(states.of[callee as usize].method);
    for (index, parameter) in parameters.iter().enumerate().take(32) {
        if others & (1 << index) != 0 {
            let given = calling.keyword(call, facts.name(parameter.name));
            let origin = given.or_else(|| calling.argument(call, index - method)).unwrap_or_default();
            new |= states.changes(edge.caller, origin, why);
        }
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
        let (file, function) = project.place(at);
        let facts = project.facts(file);
        let Some(why) = purity.states.reason(at, effect) else { break };
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
            Why::Calls { call, function } => {
                let line = facts.calls[call as usize].line;
                let (other, callee) = project.place(function);
                let source = project.facts(other);
                chain.push((file, line, source.name(source.functions[callee as usize].qualname).to_owned()));
                let callee = purity.state(function);
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
