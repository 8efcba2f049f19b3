//! One file in the light of the others: what each call calls, which functions are cached, what is read from elsewhere.
//!
//! The answer depends on the file and on the names of the files it consulted, not on their bodies: that is what lets
//! the store keep it. Must not look at what functions do: that is `purity`'s.

use super::declare::{Declarer, Spelled};
use super::facts::{Bound, Callee, FileFacts, Found, Function, Name, Path, Receiver, Scope, Value, call};
use super::project::{Consulted, Entity, Project};
use bitcode::{Decode, Encode};
use foldhash::HashMap;
use foldhash::fast::FixedState;
use hashbrown::HashTable;
use hashbrown::hash_table::Entry;

use std::hash::BuildHasher;

/// How sure it is that a call calls a function.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Encode, Decode)]
pub(crate) enum Tier {
    /// By imports and scopes.
    Resolved,
    /// A method, by the class of the object and its bases; a subclass may have another.
    Method,
    /// A method of an unknown object that has the name.
    Name,
}

/// What a call calls, with the variable on the way to it, as (file, binding).
type Told = (Target, Option<(u32, u32)>);

/// What a call calls.
#[derive(Clone, Copy, Debug, Default, PartialEq, Encode, Decode)]
pub(crate) enum Target {
    #[default]
    Nothing,
    Function(u32, u32, Tier),
    Class(u32, u32),
    /// An index into `externals`.
    External(u32),
    /// A method of an object of unknown class, as a name of the file; a literal's class is known to be a builtin.
    Named(u32, bool),
}

/// A cache that the file declares.
#[derive(Clone, Debug, PartialEq, Encode, Decode)]
pub(crate) struct Declared {
    pub(crate) line: u32,
    /// The function that it is of, which may be in another file.
    pub(crate) function: Option<(u32, u32)>,
    /// The variable that holds it, unless it decorates.
    pub(crate) variable: Option<u32>,
    /// Where the variable or the call is.
    pub(crate) scope: Scope,
    pub(crate) spelled: Spelled,
}

/// What one file gives to the analysis of all.
#[derive(Clone, Debug, Default, PartialEq, Encode, Decode)]
pub(crate) struct Links {
    /// One for each call.
    pub(crate) targets: Vec<Target>,
    /// Calls that go through a variable: (call, file, binding).
    pub(crate) through: Vec<(u32, u32, u32)>,
    pub(crate) externals: Vec<String>,
    pub(crate) declared: Vec<Declared>,
    /// Functions that put a cache around a function that they are given.
    pub(crate) wraps: Vec<(u32, Spelled)>,
    /// Decorators that are functions of the project: (function, line, file, decorator).
    pub(crate) decorated: Vec<(u32, u32, u32, u32)>,
    /// Functions with a decorator of which nothing is known.
    pub(crate) opaque: Vec<(u32, String)>,
    /// Names from outside that functions read: (function, line, external).
    pub(crate) reads: Vec<(u32, u32, u32)>,
    /// Changing variables of other files that functions read: (function, line, file, binding).
    pub(crate) variables: Vec<(u32, u32, u32, u32)>,
    /// Files that this was told by.
    pub(crate) consulted: Vec<u32>,
}

/// Decorators that leave a function what it is.
const TRANSPARENT: [&str; 22] = [
    "builtins.staticmethod",
    "builtins.classmethod",
    "builtins.property",
    "functools.wraps",
    "typing.overload",
    "typing.no_type_check",
    "typing.final",
    "typing.override",
    "typing_extensions.override",
    "typing_extensions.final",
    "typing_extensions.overload",
    "typing_extensions.deprecated",
    "warnings.deprecated",
    "abc.abstractmethod",
    "functools.singledispatch",
    "contextlib.contextmanager",
    "contextlib.asynccontextmanager",
    "dataclasses.dataclass",
    "functools.singledispatchmethod",
    "abc.abstractproperty",
    "numba.njit",
    "numba.jit",
];

/// Links one file.
pub(crate) fn link(project: &Project, file: u32) -> Links {
    let consulted = Consulted::default();
    let declarer = Declarer { project, consulted: &consulted };
    let mut linker = Linker {
        project,
        file,
        declarer,
        consulted: &consulted,
        links: Links::default(),
        numbers: HashTable::new(),
        known: HashMap::default(),
    };
    linker.calls();
    linker.decorators();
    linker.variables();
    linker.reads();
    let mut links = linker.links;
    links.consulted = consulted.files();
    links.consulted.retain(|other| *other != file);
    links
}

struct Linker<'a> {
    project: &'a Project,
    file: u32,
    declarer: Declarer<'a>,
    consulted: &'a Consulted,
    links: Links,
    /// Of `links.externals`, by their text.
    numbers: HashTable<u32>,
    /// What paths stand for that were asked for: the same ones are called again and again.
    known: HashMap<(Found, Name, &'a [Name]), Told>,
}

impl<'a> Linker<'a> {
    fn external(&mut self, name: String) -> u32 {
        let externals = &mut self.links.externals;
        let hash = |name: &str| FixedState::with_seed(7).hash_one(name);
        let same = |number: &u32| externals[*number as usize] == name;
        match self.numbers.entry(hash(&name), same, |number| hash(&externals[*number as usize])) {
            Entry::Occupied(known) => *known.get(),
            Entry::Vacant(free) => {
                let number = u32::try_from(externals.len()).unwrap_or(u32::MAX);
                free.insert(number);
                externals.push(name);
                number
            }
        }
    }

    fn calls(&mut self) {
        let project: &'a Project = self.project;
        let facts = project.facts(self.file);
        self.links.targets.reserve_exact(facts.calls.len());
        for call in &facts.calls {
            let mut through = None;
            let target = match &call.callee {
                Callee::Path(path) => {
                    let (target, variable) = self.path_once(facts, path);
                    through = variable;
                    target
                }
                Callee::Super(class, name) => {
                    let order = self.project.order(self.file, *class);
                    let above = order.classes.get(1..).unwrap_or_default();
                    let found = self.project.member_in(above, facts.name(*name), true, self.consulted, 0);
                    match (found.map(|found| found.entity), order.external.first()) {
                        (Some(Entity::Function(file, function)), _) => Target::Function(file, function, Tier::Method),
                        (Some(_), _) => Target::Nothing,
                        (None, base) => {
                            let base = base.map_or("builtins.object", String::as_str);
                            Target::External(self.external(format!("{base}.{}", facts.name(*name))))
                        }
                    }
                }
                Callee::Method(name, receiver) => Target::Named(*name, *receiver == Receiver::Literal),
                Callee::Other => Target::Nothing,
            };
            if let Some((file, binding)) = through {
                let call = u32::try_from(self.links.targets.len()).unwrap_or(u32::MAX);
                self.links.through.push((call, file, binding));
            }
            self.links.targets.push(target);
        }
    }

    /// What a path calls: it is looked up once.
    fn path_once(&mut self, facts: &'a FileFacts, path: &Path) -> Told {
        // A name that is bound in the file is its binding, whatever it is called there.
        let base = if path.found == Found::Free { path.base } else { 0 };
        let key = (path.found, base, facts.attributes(path));
        self.known.get(&key).copied().unwrap_or_else(|| {
            let told = self.path(path);
            self.known.insert(key, told);
            told
        })
    }

    fn path(&mut self, path: &Path) -> Told {
        let resolved = self.project.resolve(self.file, path, self.consulted);
        let target = match resolved.entity {
            Entity::Function(file, function) => {
                let by_class = resolved.by_class && !self.names_the_class(path);
                Target::Function(file, function, if by_class { Tier::Method } else { Tier::Resolved })
            }
            Entity::Class(file, class) => Target::Class(file, class),
            Entity::External(name) => Target::External(self.external(name)),
            Entity::Instance(..) | Entity::Module(_) | Entity::Unknown => {
                match self.project.facts(self.file).attributes(path).last() {
                    Some(last) => Target::Named(*last, false),
                    None => Target::Nothing,
                }
            }
        };
        (target, resolved.variable)
    }

    /// `Class.method(..)`: no subclass can have another.
    fn names_the_class(&self, path: &Path) -> bool {
        let Found::Binding(number) = path.found else { return false };
        match &self.project.binding(self.file, number).bound {
            Bound::Class(_) => true,
            Bound::Module(_) | Bound::From(..) => path.to - path.from <= 2,
            _ => false,
        }
    }

    fn decorators(&mut self) {
        let facts = self.project.facts(self.file);
        for (number, function) in facts.functions.iter().enumerate() {
            let number = u32::try_from(number).unwrap_or(u32::MAX);
            for decorator in &function.decorators {
                match self.declarer.decorator(self.file, &decorator.value) {
                    Some(spelled) => {
                        if let Some(outer) = self.caller_of_parameter(function, number) {
                            self.wraps(outer, &spelled);
                        }
                        self.links.declared.push(Declared {
                            line: function.line,
                            function: Some((self.file, number)),
                            variable: None,
                            scope: function.parent,
                            spelled,
                        });
                    }
                    None => self.other_decorator(number, decorator.line, &decorator.value),
                }
            }
        }
    }

    fn other_decorator(&mut self, function: u32, line: u32, value: &Value) {
        let called = match value {
            Value::Call(call) => &self.project.facts(self.file).made[*call as usize].callee,
            other => other,
        };
        let name = match self.project.value(self.file, called, self.consulted) {
            Entity::Function(file, decorator) => {
                self.links.decorated.push((function, line, file, decorator));
                let source = &self.project.sources[file as usize];
                let decorator = &source.facts.functions[decorator as usize];
                format!("{}.{}", source.module, source.facts.name(decorator.qualname))
            }
            Entity::External(name) => name,
            // `@x.setter` of a property in the class.
            Entity::Unknown => match called {
                Value::Path(path) => {
                    let facts = self.project.facts(self.file);
                    let last = facts.name(facts.last(path));
                    if matches!(last, "setter" | "getter" | "deleter" | "register") {
                        return;
                    }
                    last.to_owned()
                }
                _ => "an expression".to_owned(),
            },
            _ => "an object".to_owned(),
        };
        if !TRANSPARENT.contains(&name.as_str()) && !name.starts_with("unittest.") && !name.ends_with(".setter") {
            self.links.opaque.push((function, name));
        }
    }

    /// A cached function inside a decorator that calls what the decorator was given.
    fn caller_of_parameter(&self, function: &Function, number: u32) -> Option<u32> {
        let Scope::Function(outer) = function.parent else { return None };
        let facts = self.project.facts(self.file);
        let calls = facts.calls.iter().filter(|call| call.function == number);
        let of_parameter = calls.filter_map(|call| match &call.callee {
            Callee::Path(path) if path.from == path.to => Some(path),
            _ => None,
        });
        of_parameter.into_iter().any(|path| self.is_parameter_of(path, outer)).then_some(outer)
    }

    fn is_parameter_of(&self, path: &Path, function: u32) -> bool {
        let facts = self.project.facts(self.file);
        match path.found {
            Found::Parameter(found) => found == function,
            Found::Binding(number) => {
                let binding = self.project.binding(self.file, number);
                let parameters = facts.parameters(&facts.functions[function as usize]);
                matches!(binding.bound, Bound::Value(Value::Call(_) | Value::Made(_)))
                    && binding.scope == Scope::Function(function)
                    && parameters.iter().any(|parameter| parameter.name == binding.name)
            }
            _ => false,
        }
    }

    /// The function, and those around it, decorate with a cache.
    fn wraps(&mut self, function: u32, spelled: &Spelled) {
        let facts = self.project.facts(self.file);
        let mut at = Scope::Function(function);
        while let Scope::Function(number) = at {
            self.links.wraps.push((number, spelled.clone()));
            at = facts.functions[number as usize].parent;
        }
    }

    /// `f = lru_cache(maxsize=8)(g)`, and cache objects.
    fn variables(&mut self) {
        let facts = self.project.facts(self.file);
        for (number, binding) in facts.bindings.iter().enumerate() {
            let Bound::Value(value @ (Value::Call(_) | Value::Made(_))) = &binding.bound else { continue };
            let number = u32::try_from(number).unwrap_or(u32::MAX);
            if let Some((spelled, function)) = self.declarer.manual(self.file, value) {
                self.manual(number, spelled, &function);
            } else if !matches!(binding.scope, Scope::Function(_))
                && !is_annotation(binding.line)
                && let Some(spelled) = self.declarer.object(self.file, value)
            {
                self.links.declared.push(Declared {
                    line: binding.line,
                    function: None,
                    variable: Some(number),
                    scope: binding.scope,
                    spelled,
                });
            }
        }
    }

    fn manual(&mut self, number: u32, spelled: Spelled, function: &Value) {
        let binding = self.project.binding(self.file, number);
        if let (Scope::Function(outer), Value::Path(path)) = (binding.scope, function)
            && path.from == path.to
            && self.is_parameter_of(path, outer)
        {
            self.wraps(outer, &spelled);
        }
        let function = match self.project.value(self.file, function, self.consulted) {
            Entity::Function(file, function) => Some((file, function)),
            _ => None,
        };
        let line = binding.line;
        let scope = binding.scope;
        self.links.declared.push(Declared { line, function, variable: Some(number), scope, spelled });
    }

    fn reads(&mut self) {
        let facts = self.project.facts(self.file);
        for read in &facts.reads {
            let resolved = self.project.resolve(self.file, &read.path, self.consulted);
            if let Some((file, binding)) = resolved.variable
                && file != self.file
            {
                self.links.variables.push((read.function, read.line, file, binding));
            } else if let Entity::External(name) = resolved.entity {
                let number = self.external(name);
                self.links.reads.push((read.function, read.line, number));
            }
        }
    }
}

/// Parameters whose annotation names a class are bound without a line.
fn is_annotation(line: u32) -> bool {
    line == 0
}

/// Whether a call is one that the function is only handed on to.
pub(crate) fn is_reference(flags: u8) -> bool {
    flags & call::REFERENCE != 0
}
