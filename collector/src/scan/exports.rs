//! What other files see of one: the names that it binds in its module and its classes.
//!
//! Told while the file's facts are at hand. Must not know what stands behind an import: that is `project`'s.

use super::facts::{Bound, FileFacts, Found, NOWHERE, Path, Scope, Value};
use foldhash::{HashMap, HashMapExt};
use std::hash::{BuildHasher, Hash, Hasher};

/// The names that others see of a file.
#[derive(Debug, Default)]
pub(crate) struct Exports {
    /// By [`key`]: 64 bits of a scope and a text, which no two of a file share but by a chance of one in 10¹⁵.
    names: HashMap<u64, Export>,
    /// Of all that others see: never of bodies and lines.
    pub(crate) hash: u64,
}

/// What one name is bound to in one scope.
#[derive(Clone, Copy, Debug, Default)]
struct Export {
    /// By the scope itself.
    own: Seen,
    /// By methods of the class, to `self`.
    of_instance: Seen,
}

/// What others see by a name.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) enum Seen {
    #[default]
    Nothing,
    /// Mostly it is one of these two, for which nothing else is to be looked at.
    Function(u32),
    Class(u32),
    /// Whatever this binding is.
    Binding(u32),
}

impl Seen {
    /// What a name is after a further binding: the last definition, or the first other.
    fn after(self, number: u32, facts: &FileFacts) -> Self {
        match (self, &facts.bindings[number as usize].bound) {
            (_, Bound::Function(function)) => Self::Function(*function),
            (_, Bound::Class(class)) => Self::Class(*class),
            (Self::Nothing, _) => Self::Binding(number),
            // A value instead of the None that a name begins with.
            (Self::Binding(before), bound)
                if matches!(facts.bindings[before as usize].bound, Bound::Value(Value::None))
                    && !matches!(bound, Bound::Value(Value::None | Value::Other)) =>
            {
                Self::Binding(number)
            }
            (known, _) => known,
        }
    }
}

impl Exports {
    pub(crate) fn of(facts: &FileFacts) -> Self {
        let seen = facts.bindings.iter().filter(|binding| !matches!(binding.scope, Scope::Function(_))).count();
        let mut names: HashMap<u64, Export> = HashMap::with_capacity(seen);
        let mut hasher = foldhash::quality::FixedState::with_seed(31).build_hasher();
        for (number, binding) in (0..).zip(&facts.bindings) {
            let scope = match binding.scope {
                Scope::Module => NOWHERE,
                Scope::Class(class) => class,
                Scope::Function(_) => continue,
            };
            let key = key(text_hash(facts.name(binding.name)), scope);
            (key, binding.of_instance).hash(&mut hasher);
            bound_hash(facts, number, &mut hasher, 0);
            let export = names.entry(key).or_default();
            let known = if binding.of_instance { &mut export.of_instance } else { &mut export.own };
            *known = known.after(number, facts);
        }
        other_hash(facts, &mut hasher);
        Self { names, hash: hasher.finish() }
    }

    /// What the name with this [`text_hash`] is bound to in a class, or with [`NOWHERE`] in the module; of instances also
    /// by methods of the class.
    pub(crate) fn get(&self, scope: u32, name: u64, of_instance: bool) -> Option<Seen> {
        let export = self.names.get(&key(name, scope))?;
        match (export.own, export.of_instance) {
            (Seen::Nothing, Seen::Nothing) => None,
            (Seen::Nothing, of_itself) => of_instance.then_some(of_itself),
            (own, _) => Some(own),
        }
    }
}

pub(crate) fn text_hash(text: &str) -> u64 {
    foldhash::quality::FixedState::with_seed(3).hash_one(text)
}

fn key(hash: u64, scope: u32) -> u64 {
    hash.wrapping_add(u64::from(scope).wrapping_mul(0x9e37_79b9_7f4a_7c15))
}

/// Of classes, functions and star imports.
fn other_hash(facts: &FileFacts, hasher: &mut impl Hasher) {
    for class in &facts.classes {
        facts.name(class.qualname).hash(hasher);
        class.bases.iter().for_each(|base| value_hash(facts, base, hasher, 0));
    }
    for function in &facts.functions {
        (facts.name(function.qualname), function.class).hash(hasher);
    }
    for star in &facts.stars {
        (star.level, facts.name(star.name)).hash(hasher);
    }
    for name in facts.all.iter().flatten() {
        facts.name(*name).hash(hasher);
    }
}

/// Values of values are followed so far.
const DEEPEST: u32 = 8;

fn bound_hash(facts: &FileFacts, number: u32, hasher: &mut impl Hasher, depth: u32) {
    match &facts.bindings[number as usize].bound {
        Bound::Function(function) => (1, function).hash(hasher),
        Bound::Class(class) => (2, class).hash(hasher),
        Bound::Module(module) => (3, module.level, facts.name(module.name)).hash(hasher),
        Bound::From(module, name) => {
            (4, module.level, facts.name(module.name), facts.name(*name)).hash(hasher);
        }
        Bound::Value(value) => {
            (5, number).hash(hasher);
            value_hash(facts, value, hasher, depth);
        }
        Bound::Parameter(_) => {}
    }
}

fn value_hash(facts: &FileFacts, value: &Value, hasher: &mut impl Hasher, depth: u32) {
    match value {
        Value::Path(path) => {
            (1, facts.name(path.base)).hash(hasher);
            facts.attributes(path).iter().for_each(|name| facts.name(*name).hash(hasher));
            base_hash(facts, path, hasher, depth);
        }
        Value::Made(path) => {
            7.hash(hasher);
            value_hash(facts, &Value::Path(*path), hasher, depth);
        }
        Value::Call(call) => {
            let call = &facts.made[*call as usize];
            2.hash(hasher);
            value_hash(facts, &call.callee, hasher, depth);
            facts.args(call).iter().for_each(|value| value_hash(facts, value, hasher, depth));
            for (name, value) in facts.keywords(call) {
                facts.name(*name).hash(hasher);
                value_hash(facts, value, hasher, depth);
            }
        }
        Value::Attribute(of, name) => {
            (3, facts.name(*name)).hash(hasher);
            value_hash(facts, &facts.values[*of as usize], hasher, depth);
        }
        Value::Int(number) | Value::Float(number) => (4, number).hash(hasher),
        Value::Text(text) => (5, facts.name(*text)).hash(hasher),
        other => (6, std::mem::discriminant(other)).hash(hasher),
    }
}

/// What a base stands for: of a name inside of a function others see what it is bound to, by way of `self`.
fn base_hash(facts: &FileFacts, path: &Path, hasher: &mut impl Hasher, depth: u32) {
    match path.found {
        Found::Binding(number) => {
            let scope = facts.bindings[number as usize].scope;
            (1, scope).hash(hasher);
            if matches!(scope, Scope::Function(_)) && depth < DEEPEST {
                bound_hash(facts, number, hasher, depth + 1);
            }
        }
        Found::Itself(class) => (2, class).hash(hasher),
        Found::Free | Found::From(_) => 3.hash(hasher),
        Found::Parameter(_) | Found::Opaque => 4.hash(hasher),
    }
}

#[cfg(test)]
mod tests {
    use super::Exports;
    use crate::scan::syntax::read;

    #[test]
    fn what_others_see_is_told_apart_from_what_they_do_not_see() {
        let seen = |body: &str| {
            let body = body.replace('|', "\n        ");
            let text = format!("from m import Foo\nclass C:\n    def __init__(self, y):\n        {body}\n");
            Exports::of(&read(&text)).hash
        };
        let plain = seen("self.x = Foo()");
        assert_eq!(plain, seen("print(y)|if y:|    print(y.z)|self.x = Foo()"), "a body");
        assert_ne!(plain, seen("self.x = Foo().run"), "another attribute");
        assert_ne!(
            plain,
            seen("from n import Foo|self.x = Foo()"),
            "the same name, bound in the method to something else"
        );
        assert_ne!(
            seen("from n import Foo|self.x = Foo()"),
            seen("from o import Foo|self.x = Foo()"),
            "by way of a local name"
        );
    }
}
