//! What each name stands for, once the whole file has been seen: Python binds names by scope, not by order.

use crate::scan::facts::{Binding, Bound, Callee, FileFacts, Found, Function, Method, Name, Path, Scope, Value, call};
use foldhash::{HashMap, HashMapExt, HashSet};
use std::cell::Cell;

/// Where names are bound.
struct Scopes<'a> {
    first: HashMap<u64, Names>,
    kinds: &'a [Bind],
    functions: &'a [(Scope, Option<(u32, Name)>)],
    classes: &'a [Scope],
    /// Names whose objects functions change: a table that nobody writes is read like a constant.
    written: &'a HashSet<Name>,
    /// What a path says of each binding: nobody asks for those of functions of which nothing is known, so that they are
    /// not kept.
    kept: &'a [Found],
    /// The last answer for each name, which the next one is mostly too.
    last: Vec<Cell<Option<(Scope, Found)>>>,
}

/// What matters of a binding while names are looked up.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Bind {
    Import,
    First,
    Parameter,
    /// A list, dict or set display.
    Display,
    Value,
    Definition,
}

impl Bind {
    fn of(bound: &Bound) -> Self {
        match bound {
            Bound::Module(_) | Bound::From(..) => Self::Import,
            Bound::Parameter(0) => Self::First,
            Bound::Parameter(_) => Self::Parameter,
            Bound::Value(value) if value.is_mutable_display() => Self::Display,
            Bound::Value(_) => Self::Value,
            Bound::Function(_) | Bound::Class(_) => Self::Definition,
        }
    }
}

/// The bindings of one name in one scope.
#[derive(Clone, Copy)]
struct Names {
    /// The one that counts: the last definition, or the first other.
    chosen: u32,
    count: u32,
}

/// Fills in what paths stand for, and which variables of the module functions read.
pub(super) fn resolve(facts: &mut FileFacts, loads: &[(u32, Name, u32)], written: &HashSet<Name>) {
    let functions: Vec<(Scope, Option<(u32, Name)>)> =
        facts.functions.iter().map(|function| (function.parent, itself(facts, function))).collect();
    let classes: Vec<Scope> = facts.classes.iter().map(|class| class.parent).collect();
    let mut bindings = std::mem::take(&mut facts.bindings);
    let first = index(&bindings);
    let last = vec![Cell::new(None); facts.names.len()];
    let kinds: Vec<Bind> = bindings.iter().map(|binding| Bind::of(&binding.bound)).collect();
    let kept = kept(&bindings);
    let scopes = Scopes { first, kinds: &kinds, functions: &functions, classes: &classes, written, kept: &kept, last };
    facts.calls.retain_mut(|call| {
        let Callee::Path(path) = &mut call.callee else { return call.flags & call::REFERENCE == 0 };
        let found = scopes.find(path);
        path.found = scopes.kept(found);
        call.flags & call::REFERENCE == 0 || scopes.may_be_function(found)
    });
    for function in &mut facts.functions {
        function.decorators.iter_mut().for_each(|decorator| scopes.fill(&mut decorator.value));
    }
    for class in &mut facts.classes {
        class.bases.iter_mut().for_each(|base| scopes.fill(base));
    }
    // Only what is imported can be told by its attributes: of variables the base is what is read.
    facts.reads.retain_mut(|read| {
        let found = scopes.find(&read.path);
        read.path.found = scopes.kept(found);
        scopes.is_import(found)
    });
    for &(function, name, line) in loads {
        if scopes.is_changing_variable(function, name)
            && let Some(function) = facts.functions.get_mut(function as usize)
            && function.reads_global.is_none()
        {
            function.reads_global = Some((line, name));
        }
    }
    facts.values.iter_mut().for_each(|value| scopes.fill(value));
    facts.named.iter_mut().for_each(|(_, value)| scopes.fill(value));
    facts.made.iter_mut().for_each(|made| scopes.fill(&mut made.callee));
    let mut of = kept.iter();
    bindings.retain_mut(|binding| {
        let is_kept = matches!(of.next(), Some(Found::Binding(_)));
        if let (true, Bound::Value(value)) = (is_kept, &mut binding.bound) {
            scopes.fill(value);
        }
        is_kept
    });
    facts.bindings = bindings;
}

/// What paths say of each binding.
fn kept(bindings: &[Binding]) -> Vec<Found> {
    let mut next = 0;
    let mut found = |binding: &Binding| match (binding.scope, &binding.bound) {
        (Scope::Function(function), Bound::Parameter(_)) => Found::Parameter(function),
        (Scope::Function(_), Bound::Value(value)) if value.is_opaque() => Found::Opaque,
        _ => {
            next += 1;
            Found::Binding(next - 1)
        }
    };
    bindings.iter().map(&mut found).collect()
}

fn itself(facts: &FileFacts, function: &Function) -> Option<(u32, Name)> {
    match (function.class, function.method) {
        (Some(class), Method::Instance | Method::Class) => Some((class, facts.parameters(function).first()?.name)),
        _ => None,
    }
}

/// A name in a scope as one number, which is hashed at once: a file of 32 MB has not a 2³⁰th function.
fn key(scope: Scope, name: Name) -> u64 {
    let scope = match scope {
        Scope::Module => 0,
        Scope::Function(function) => function << 2 | 1,
        Scope::Class(class) => class << 2 | 2,
    };
    u64::from(scope) << 32 | u64::from(name)
}

fn index(bindings: &[Binding]) -> HashMap<u64, Names> {
    let mut first: HashMap<u64, Names> = HashMap::with_capacity(bindings.len());
    for (number, binding) in bindings.iter().enumerate() {
        if binding.of_instance {
            continue;
        }
        let number = u32::try_from(number).unwrap_or(u32::MAX);
        first
            .entry(key(binding.scope, binding.name))
            .and_modify(|names| {
                names.count += 1;
                if matches!(binding.bound, Bound::Function(_) | Bound::Class(_)) {
                    names.chosen = number;
                }
            })
            .or_insert(Names { chosen: number, count: 1 });
    }
    first
}

impl Scopes<'_> {
    fn lookup(&self, scope: Scope, name: Name) -> Option<(Scope, Names)> {
        let mut at = scope;
        let mut own = true;
        loop {
            // The names of a class body are seen in the body alone, not in its methods.
            if (own || !matches!(at, Scope::Class(_)))
                && let Some(names) = self.first.get(&key(at, name))
            {
                return Some((at, *names));
            }
            own = false;
            at = match at {
                Scope::Module => return None,
                Scope::Function(function) => self.functions.get(function as usize)?.0,
                Scope::Class(class) => *self.classes.get(class as usize)?,
            };
        }
    }

    fn find(&self, path: &Path) -> Found {
        let Found::From(from) = path.found else { return path.found };
        let last = &self.last[path.base as usize];
        if let Some((scope, found)) = last.get()
            && scope == from
        {
            return found;
        }
        let found = self.find_anew(from, path.base);
        last.set(Some((from, found)));
        found
    }

    fn find_anew(&self, from: Scope, base: Name) -> Found {
        // `self`, in a method or a function inside one.
        let mut at = from;
        while let Scope::Function(function) = at {
            let Some((parent, itself)) = self.functions.get(function as usize) else { break };
            let bound = self.first.get(&key(at, base));
            if let Some((class, name)) = itself
                && *name == base
                && bound.is_some_and(|names| self.kinds[names.chosen as usize] == Bind::First)
            {
                return Found::Itself(*class);
            }
            if bound.is_some() {
                break;
            }
            at = *parent;
        }
        self.lookup(from, base).map_or(Found::Free, |(_, names)| Found::Binding(names.chosen))
    }

    fn fill(&self, value: &mut Value) {
        match value {
            Value::Path(path) | Value::Made(path) => path.found = self.kept(self.find(path)),
            _ => {}
        }
    }

    fn kept(&self, found: Found) -> Found {
        match found {
            Found::Binding(number) => self.kept[number as usize],
            other => other,
        }
    }

    fn is_import(&self, found: Found) -> bool {
        let Found::Binding(number) = found else { return false };
        self.kinds[number as usize] == Bind::Import
    }

    fn may_be_function(&self, found: Found) -> bool {
        match found {
            Found::Itself(_) => true,
            Found::Binding(number) => !matches!(self.kinds[number as usize], Bind::First | Bind::Parameter),
            _ => false,
        }
    }

    /// A variable around a function that is bound more than once, or whose value can be changed in place.
    fn is_changing_variable(&self, function: u32, name: Name) -> bool {
        let Some((scope, names)) = self.lookup(Scope::Function(function), name) else { return false };
        if scope == Scope::Function(function) {
            return false;
        }
        match self.kinds[names.chosen as usize] {
            Bind::Display if scope == Scope::Module => names.count > 1 || self.written.contains(&name),
            // What a closure reads is fixed for the object that the closure is, as far as it is bound once.
            Bind::Value | Bind::Display => names.count > 1,
            _ => false,
        }
    }
}
