//! All files together: which module each is, and what names and attributes stand for across files.
//!
//! Resolution follows imports, aliases, re-exports, star imports and the bases of classes. Where it ends outside the
//! folder the answer is the dotted name as the source spells it. Must not guess: what is not told by names is `Unknown`.

use super::exports::{Exports, Seen, text_hash};
use super::facts::{Binding, Bound, FileFacts, Found, ModuleName, NOWHERE, Path, Value};
use foldhash::{HashMap, HashMapExt, HashSet};
use std::cell::{Cell, RefCell};

/// Re-exports and values are followed so far; loops of imports end here.
const FARTHEST: u32 = 24;

/// One file of the project.
#[derive(Debug)]
pub(crate) struct Source {
    /// Relative to the scanned folder, with `/`.
    pub(crate) path: String,
    pub(crate) module: String,
    pub(crate) is_package: bool,
    pub(crate) is_test: bool,
    pub(crate) facts: Box<FileFacts>,
    pub(crate) exports: Exports,
}

/// What a name stands for.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Entity {
    Module(u32),
    Function(u32, u32),
    Class(u32, u32),
    /// An object of this class.
    Instance(u32, u32),
    /// Something outside: `os.path.join`; `dogpile.cache.make_region()` is what that call gives.
    External(String),
    Unknown,
}

/// An answer, and the last variable on the way to it.
#[derive(Clone, Debug)]
pub(crate) struct Resolved {
    pub(crate) entity: Entity,
    pub(crate) variable: Option<(u32, u32)>,
    /// Whether a class was asked for a method on the way.
    pub(crate) by_class: bool,
}

impl Resolved {
    fn plain(entity: Entity) -> Self {
        Self { entity, variable: None, by_class: false }
    }
}

/// All files, and their names.
#[derive(Debug)]
pub(crate) struct Project {
    pub(crate) sources: Vec<Source>,
    modules: HashMap<String, Vec<u32>>,
    /// Folders without `__init__.py` that modules lie in.
    namespaces: HashSet<String>,
    /// By file and class: itself and its bases, in the order of Python's lookup; `None` ends what is known.
    orders: Vec<Vec<Order>>,
    /// The number of each file's first function among those of all files; behind the last file their count.
    first: Vec<u32>,
}

/// The classes that are asked for a method, in order.
#[derive(Clone, Debug, Default)]
pub(crate) struct Order {
    pub(crate) classes: Vec<(u32, u32)>,
    /// Bases outside the folder.
    pub(crate) external: Vec<String>,
}

/// The files that answers for one file came from.
#[derive(Debug, Default)]
pub(crate) struct Consulted {
    files: RefCell<HashSet<u32>>,
    /// Often the next one as well.
    last: Cell<Option<u32>>,
}

impl Consulted {
    fn add(&self, file: u32) {
        if self.last.replace(Some(file)) != Some(file) {
            self.files.borrow_mut().insert(file);
        }
    }

    /// In order.
    pub(crate) fn files(&self) -> Vec<u32> {
        let mut files: Vec<u32> = self.files.borrow().iter().copied().collect();
        files.sort_unstable();
        files
    }
}

impl Project {
    pub(crate) fn new(sources: Vec<Source>) -> Self {
        let mut modules: HashMap<String, Vec<u32>> = HashMap::with_capacity(sources.len() * 2);
        let mut namespaces = HashSet::default();
        for (number, source) in sources.iter().enumerate() {
            let number = u32::try_from(number).unwrap_or(u32::MAX);
            let mut add = |name: &str| {
                let files = modules.entry(name.to_owned()).or_default();
                if !files.contains(&number) {
                    files.push(number);
                }
            };
            add(&source.module);
            // Folders without `__init__.py` are packages as well, of the folder that was given or of `src` in it.
            let dotted = source.path.trim_end_matches(".pyi").trim_end_matches(".py").replace('/', ".");
            let dotted = dotted.strip_suffix(".__init__").unwrap_or(&dotted);
            for prefix in ["", "src.", "lib."] {
                if let Some(name) = dotted.strip_prefix(prefix) {
                    add(name);
                    let mut parent = name;
                    while let Some((before, _)) = parent.rsplit_once('.') {
                        namespaces.insert(before.to_owned());
                        parent = before;
                    }
                }
            }
        }
        let mut first = vec![0];
        first.extend(sources.iter().scan(0, |count, source| {
            *count += u32::try_from(source.facts.functions.len()).unwrap_or(0);
            Some(*count)
        }));
        let mut project = Self { sources, modules, namespaces, orders: Vec::new(), first };
        project.orders = project.method_orders();
        project
    }

    pub(crate) fn facts(&self, file: u32) -> &FileFacts {
        &self.sources[file as usize].facts
    }

    /// How many functions all files have.
    pub(crate) fn functions(&self) -> usize {
        self.first.last().copied().unwrap_or(0) as usize
    }

    /// The number of a function among those of all files.
    pub(crate) fn number(&self, file: u32, function: u32) -> u32 {
        self.first[file as usize] + function
    }

    /// The file and the function in it with this number.
    pub(crate) fn place(&self, number: u32) -> (u32, u32) {
        let file = self.first.partition_point(|first| *first <= number) - 1;
        (u32::try_from(file).unwrap_or(u32::MAX), number - self.first[file])
    }

    pub(crate) fn binding(&self, file: u32, number: u32) -> &Binding {
        &self.facts(file).bindings[number as usize]
    }

    pub(crate) fn order(&self, file: u32, class: u32) -> &Order {
        &self.orders[file as usize][class as usize]
    }

    /// A module by its name, as seen from a file; of several with that name the one nearest to the file.
    pub(crate) fn module(&self, from: u32, name: &str) -> Option<u32> {
        let files = self.modules.get(name)?;
        if let [only] = files[..] {
            return Some(only);
        }
        let near = |file: &u32| {
            let path = &self.sources[*file as usize].path;
            let own = &self.sources[from as usize].path;
            path.split('/').zip(own.split('/')).take_while(|(a, b)| a == b).count()
        };
        files.iter().copied().max_by_key(|file| (near(file), std::cmp::Reverse(*file)))
    }

    /// The full name of a module of an import; `None` above the topmost package.
    fn absolute(&self, file: u32, module: ModuleName) -> Option<String> {
        let source = &self.sources[file as usize];
        let name = source.facts.name(module.name);
        if module.level == 0 {
            return Some(name.to_owned());
        }
        let mut package = source.module.as_str();
        let up = module.level - u32::from(source.is_package);
        for _ in 0..up {
            package = match package.rsplit_once('.') {
                Some((before, _)) => before,
                None if !package.is_empty() => "",
                None => return None,
            };
        }
        Some(match (package.is_empty(), name.is_empty()) {
            (true, _) => name.to_owned(),
            (false, true) => package.to_owned(),
            (false, false) => format!("{package}.{name}"),
        })
    }

    fn export(&self, file: u32, scope: u32, name: &str, consulted: &Consulted) -> Option<Seen> {
        self.export_at(file, scope, text_hash(name), false, consulted)
    }

    fn export_at(&self, file: u32, scope: u32, name: u64, of_instance: bool, consulted: &Consulted) -> Option<Seen> {
        consulted.add(file);
        self.sources[file as usize].exports.get(scope, name, of_instance)
    }

    /// What a file's name that others see stands for.
    fn seen(&self, file: u32, seen: Seen, consulted: &Consulted, depth: u32) -> Resolved {
        match seen {
            Seen::Nothing => Resolved::plain(Entity::Unknown),
            Seen::Function(function) => Resolved::plain(Entity::Function(file, function)),
            Seen::Class(class) => Resolved::plain(Entity::Class(file, class)),
            Seen::Binding(number) => self.bound(file, number, consulted, depth),
        }
    }

    /// What a path stands for.
    pub(crate) fn resolve(&self, file: u32, path: &Path, consulted: &Consulted) -> Resolved {
        self.resolve_at(file, path, consulted, 0)
    }

    fn resolve_at(&self, file: u32, path: &Path, consulted: &Consulted, depth: u32) -> Resolved {
        let facts = self.facts(file);
        let mut at = match path.found {
            Found::Itself(class) => Resolved::plain(Entity::Instance(file, class)),
            Found::Binding(number) => self.bound(file, number, consulted, depth),
            Found::Parameter(_) | Found::Opaque => Resolved::plain(Entity::Unknown),
            Found::Free | Found::From(_) => Resolved::plain(self.free(file, facts.name(path.base), consulted, depth)),
        };
        for attribute in facts.attributes(path) {
            at = self.step(&at.entity, file, facts.name(*attribute), consulted, depth);
        }
        at
    }

    /// A name that the file does not bind: of a star import, or a builtin.
    fn free(&self, file: u32, name: &str, consulted: &Consulted, depth: u32) -> Entity {
        let found = self.starred(file, name, consulted, depth);
        found.unwrap_or_else(|| Entity::External(["builtins.", name].concat()))
    }

    fn starred(&self, file: u32, name: &str, consulted: &Consulted, depth: u32) -> Option<Entity> {
        if depth > FARTHEST {
            return None;
        }
        for star in &self.facts(file).stars {
            let Some(module) = self.absolute(file, *star).and_then(|module| self.module(file, &module)) else {
                continue;
            };
            let facts = self.facts(module);
            let hidden = match &facts.all {
                Some(all) => !all.iter().any(|listed| facts.name(*listed) == name),
                None => name.starts_with('_'),
            };
            if hidden {
                consulted.add(module);
                continue;
            }
            if let Some(seen) = self.export(module, NOWHERE, name, consulted) {
                return Some(self.seen(module, seen, consulted, depth + 1).entity);
            }
            if let Some(found) = self.starred(module, name, consulted, depth + 1) {
                return Some(found);
            }
        }
        None
    }

    /// What a binding stands for.
    pub(crate) fn bound(&self, file: u32, number: u32, consulted: &Consulted, depth: u32) -> Resolved {
        if depth > FARTHEST {
            return Resolved::plain(Entity::Unknown);
        }
        match &self.binding(file, number).bound {
            Bound::Function(function) => Resolved::plain(Entity::Function(file, *function)),
            Bound::Class(class) => Resolved::plain(Entity::Class(file, *class)),
            Bound::Module(module) => Resolved::plain(match self.absolute(file, *module) {
                Some(name) => self.module(file, &name).map_or(Entity::External(name), Entity::Module),
                None => Entity::Unknown,
            }),
            Bound::From(module, attribute) => {
                let attribute = self.facts(file).name(*attribute);
                let Some(name) = self.absolute(file, *module) else { return Resolved::plain(Entity::Unknown) };
                match self.module(file, &name) {
                    Some(module) => self.step_from(&Entity::Module(module), file, attribute, consulted, depth + 1),
                    None => self.step_from(&Entity::External(name), file, attribute, consulted, depth + 1),
                }
            }
            Bound::Value(value) => {
                let entity = self.value_at(file, value, consulted, depth + 1);
                Resolved { entity, variable: Some((file, number)), by_class: false }
            }
            Bound::Parameter(_) => Resolved::plain(Entity::Unknown),
        }
    }

    /// The binding that `from module import attribute` names, where the module is one of ours; of functions and classes
    /// none.
    pub(crate) fn imported(
        &self,
        file: u32,
        module: ModuleName,
        attribute: &str,
        consulted: &Consulted,
    ) -> Option<(u32, u32)> {
        let module = self.module(file, &self.absolute(file, module)?)?;
        match self.export(module, NOWHERE, attribute, consulted)? {
            Seen::Binding(number) => Some((module, number)),
            _ => None,
        }
    }

    /// What a value is.
    pub(crate) fn value(&self, file: u32, value: &Value, consulted: &Consulted) -> Entity {
        self.value_at(file, value, consulted, 0)
    }

    fn value_at(&self, file: u32, value: &Value, consulted: &Consulted, depth: u32) -> Entity {
        if depth > FARTHEST {
            return Entity::Unknown;
        }
        match value {
            Value::Path(path) => self.resolve_at(file, path, consulted, depth + 1).entity,
            Value::Made(path) => result_of(self.resolve_at(file, path, consulted, depth + 2).entity),
            Value::Call(call) => {
                let callee = &self.facts(file).made[*call as usize].callee;
                result_of(self.value_at(file, callee, consulted, depth + 1))
            }
            Value::Attribute(of, name) => {
                let facts = self.facts(file);
                let of = self.value_at(file, &facts.values[*of as usize], consulted, depth + 1);
                self.step(&of, file, facts.name(*name), consulted, depth).entity
            }
            _ => Entity::Unknown,
        }
    }

    fn step(&self, of: &Entity, from: u32, name: &str, consulted: &Consulted, depth: u32) -> Resolved {
        if depth > FARTHEST {
            return Resolved::plain(Entity::Unknown);
        }
        self.step_from(of, from, name, consulted, depth + 1)
    }

    fn step_from(&self, of: &Entity, from: u32, name: &str, consulted: &Consulted, depth: u32) -> Resolved {
        match of {
            Entity::Module(module) => self.attribute_of_module(*module, name, consulted, depth),
            Entity::External(outer) => {
                let full = [outer.as_str(), ".", name].concat();
                let inside = self.namespaces.contains(outer.as_str());
                let module = inside.then(|| self.module(from, &full)).flatten();
                Resolved::plain(module.map_or(Entity::External(full), Entity::Module))
            }
            Entity::Class(file, class) => self.member(*file, *class, name, false, consulted, depth),
            Entity::Instance(file, class) => self.member(*file, *class, name, true, consulted, depth),
            Entity::Function(..) | Entity::Unknown => Resolved::plain(Entity::Unknown),
        }
    }

    fn attribute_of_module(&self, module: u32, name: &str, consulted: &Consulted, depth: u32) -> Resolved {
        if let Some(seen) = self.export(module, NOWHERE, name, consulted) {
            return self.seen(module, seen, consulted, depth + 1);
        }
        let source = &self.sources[module as usize];
        if source.is_package
            && let Some(submodule) = self.module(module, &format!("{}.{name}", source.module))
        {
            return Resolved::plain(Entity::Module(submodule));
        }
        Resolved::plain(self.starred(module, name, consulted, depth + 1).unwrap_or(Entity::Unknown))
    }

    /// A method or attribute of a class, by the order in which Python asks it and its bases.
    pub(crate) fn member(
        &self,
        file: u32,
        class: u32,
        name: &str,
        of_instance: bool,
        consulted: &Consulted,
        depth: u32,
    ) -> Resolved {
        let Some(order) = self.orders.get(file as usize).and_then(|orders| orders.get(class as usize)) else {
            return Resolved::plain(Entity::Unknown);
        };
        self.member_in(&order.classes, name, of_instance, consulted, depth).unwrap_or_else(|| {
            let base = order.external.first();
            Resolved::plain(base.map_or(Entity::Unknown, |base| Entity::External(format!("{base}.{name}"))))
        })
    }

    /// The first of these classes that has it.
    pub(crate) fn member_in(
        &self,
        classes: &[(u32, u32)],
        name: &str,
        of_instance: bool,
        consulted: &Consulted,
        depth: u32,
    ) -> Option<Resolved> {
        let hash = text_hash(name);
        for &(file, class) in classes {
            if let Some(seen) = self.export_at(file, class, hash, of_instance, consulted) {
                return Some(Resolved { by_class: true, ..self.seen(file, seen, consulted, depth + 1) });
            }
        }
        None
    }

    fn method_orders(&self) -> Vec<Vec<Order>> {
        let mut orders: Vec<Vec<Option<Order>>> =
            self.sources.iter().map(|source| vec![None; source.facts.classes.len()]).collect();
        for file in 0..self.sources.len() {
            for class in 0..self.sources[file].facts.classes.len() {
                self.order_of(u32::try_from(file).unwrap_or(0), u32::try_from(class).unwrap_or(0), &mut orders, 0);
            }
        }
        orders.into_iter().map(|orders| orders.into_iter().map(Option::unwrap_or_default).collect()).collect()
    }

    fn order_of(&self, file: u32, class: u32, orders: &mut [Vec<Option<Order>>], depth: u32) -> Order {
        if let Some(order) = &orders[file as usize][class as usize] {
            return order.clone();
        }
        let mut order = Order { classes: vec![(file, class)], external: Vec::new() };
        if depth > FARTHEST {
            return order;
        }
        // A class that is its own base by way of names would be asked for ever.
        orders[file as usize][class as usize] = Some(order.clone());
        let mut lists: Vec<Vec<(u32, u32)>> = Vec::new();
        let mut direct = Vec::new();
        let consulted = Consulted::default();
        for base in &self.facts(file).classes[class as usize].bases {
            match self.value(file, base, &consulted) {
                Entity::Class(base_file, base) => {
                    let inherited = self.order_of(base_file, base, orders, depth + 1);
                    direct.push((base_file, base));
                    lists.push(inherited.classes);
                    order.external.extend(inherited.external);
                }
                Entity::External(name) => order.external.push(name),
                _ => order.external.push("?".to_owned()),
            }
        }
        lists.push(direct);
        order.classes.extend(merge(lists));
        orders[file as usize][class as usize] = Some(order.clone());
        order
    }
}

/// What a call of it gives.
fn result_of(called: Entity) -> Entity {
    match called {
        Entity::Class(file, class) => Entity::Instance(file, class),
        Entity::External(name) => Entity::External(name + "()"),
        _ => Entity::Unknown,
    }
}

/// C3: the first head that is in no tail; where the classes have no such order, the order of the lists.
fn merge(mut lists: Vec<Vec<(u32, u32)>>) -> Vec<(u32, u32)> {
    let mut merged = Vec::new();
    loop {
        lists.retain(|list| !list.is_empty());
        let Some(fallback) = lists.first().map(|list| list[0]) else { return merged };
        let free = |head: &(u32, u32)| !lists.iter().any(|list| list[1..].contains(head));
        let next = lists.iter().map(|list| list[0]).find(free).unwrap_or(fallback);
        merged.push(next);
        for list in &mut lists {
            list.retain(|class| *class != next);
        }
    }
}
