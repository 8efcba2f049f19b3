//! What one source file says, without its tree: all that later passes need, and all that is kept on disk of a file.
//!
//! A file's facts depend on its text alone, so that they can be found again by a hash of it. Names are numbers into
//! `FileFacts::names`. Must not know other files: that is `link`'s.

use bitcode::{Decode, Encode};

/// A name of a file, as an index into its `names`.
pub type Name = u32;

/// No function: code of the module or of a class body.
pub const NOWHERE: u32 = u32::MAX;

/// What one file says.
#[derive(Clone, Debug, Default, PartialEq, Encode, Decode)]
pub struct FileFacts {
    pub names: Names,
    /// The attributes of all paths, one path after another.
    pub attributes: Vec<Name>,
    pub lines: u32,
    pub bytes: u64,
    /// Why the file, or a part of it, could not be read.
    pub problem: Option<Problem>,
    /// Names that are bound somewhere, by scope: in functions those of which something is known.
    pub bindings: Vec<Binding>,
    pub functions: Vec<Function>,
    /// Of all functions, one after another.
    pub parameters: Vec<Parameter>,
    /// Of all functions, one after another.
    pub effects: Vec<Effect>,
    pub classes: Vec<Class>,
    pub calls: Vec<Call>,
    /// Calls that are values.
    pub made: Vec<CallValue>,
    /// Their arguments by position, and what attributes are of.
    pub values: Vec<Value>,
    /// Their arguments by keyword.
    pub named: Vec<(Name, Value)>,
    /// Of all calls, one after another: those by position, then those by keyword.
    pub arguments: Vec<Argument>,
    /// Attributes read from names that no function binds: `os.environ`.
    pub reads: Vec<Read>,
    /// Modules of `from m import *`.
    pub stars: Vec<ModuleName>,
    /// `__all__`, where it is a plain list.
    pub all: Option<Vec<Name>>,
}

impl FileFacts {
    /// The text of a name.
    pub fn name(&self, name: Name) -> &str {
        self.names.get(name)
    }

    /// The names behind the first one of a path.
    pub fn attributes(&self, path: &Path) -> &[Name] {
        self.attributes.get(path.from as usize..path.to as usize).unwrap_or_default()
    }

    /// The last name of a path.
    pub fn last(&self, path: &Path) -> Name {
        *self.attributes(path).last().unwrap_or(&path.base)
    }

    /// The parameters of a function.
    pub fn parameters(&self, function: &Function) -> &[Parameter] {
        function.parameters.of(&self.parameters)
    }

    /// What a function does by itself; the reading of variables comes by itself, in [`Function::reads_global`].
    pub fn effects(&self, function: &Function) -> &[Effect] {
        function.effects.of(&self.effects)
    }

    /// Where the argument at a position comes from.
    pub fn argument(&self, call: &Call, position: usize) -> Option<Origin> {
        if position >= usize::from(call.positional) {
            return None;
        }
        self.arguments.get(call.arguments as usize + position).map(|argument| argument.origin)
    }

    /// Where the argument of a keyword comes from; a fresh one is not known.
    pub fn keyword(&self, call: &Call, name: &str) -> Option<Origin> {
        let from = call.arguments as usize + usize::from(call.positional);
        let keywords = self.arguments.get(from..from + usize::from(call.keywords)).unwrap_or_default();
        keywords.iter().find(|argument| self.name(argument.name) == name).map(|argument| argument.origin)
    }

    /// A value as a call, if it is one.
    pub fn as_call(&self, value: &Value) -> Option<CallValue> {
        match value {
            Value::Call(number) => Some(self.made[*number as usize]),
            Value::Made(path) => {
                Some(CallValue { callee: Value::Path(*path), args: Span::default(), keywords: Span::default() })
            }
            _ => None,
        }
    }

    /// The arguments of a call by position.
    pub fn args(&self, call: &CallValue) -> &[Value] {
        call.args.of(&self.values)
    }

    /// The arguments of a call by keyword.
    pub fn keywords(&self, call: &CallValue) -> &[(Name, Value)] {
        call.keywords.of(&self.named)
    }

    /// The argument of this keyword of a call that is a value.
    pub fn named(&self, call: &CallValue, name: &str) -> Option<&Value> {
        self.keywords(call).iter().find(|(keyword, _)| self.name(*keyword) == name).map(|(_, value)| value)
    }

    /// These facts in as much memory as they need; what is left is empty, and keeps its memory.
    #[must_use]
    pub fn copied(&mut self) -> Self {
        fn moved<T>(list: &mut Vec<T>) -> Vec<T> {
            let mut exact = Vec::with_capacity(list.len());
            exact.append(list);
            exact
        }
        let names = self.names.clone();
        self.names.text.clear();
        self.names.ends.clear();
        Self {
            names,
            attributes: moved(&mut self.attributes),
            lines: self.lines,
            bytes: self.bytes,
            problem: self.problem.take(),
            bindings: moved(&mut self.bindings),
            functions: moved(&mut self.functions),
            parameters: moved(&mut self.parameters),
            effects: moved(&mut self.effects),
            classes: moved(&mut self.classes),
            calls: moved(&mut self.calls),
            made: moved(&mut self.made),
            values: moved(&mut self.values),
            named: moved(&mut self.named),
            arguments: moved(&mut self.arguments),
            reads: moved(&mut self.reads),
            stars: moved(&mut self.stars),
            all: self.all.take(),
        }
    }
}

/// The names of a file: one text, since there are very many of them.
#[derive(Clone, Debug, Default, PartialEq, Encode, Decode)]
pub struct Names {
    text: String,
    ends: Vec<u32>,
}

impl Names {
    /// The text of a name; of one that is not there an empty one.
    pub fn get(&self, name: Name) -> &str {
        let at = name as usize;
        let from = at.checked_sub(1).map_or(Some(0), |before| self.ends.get(before).copied());
        from.zip(self.ends.get(at))
            .and_then(|(from, to)| self.text.get(from as usize..*to as usize))
            .unwrap_or_default()
    }

    pub fn push(&mut self, text: &str) -> Name {
        self.text.push_str(text);
        self.ends.push(u32::try_from(self.text.len()).unwrap_or(u32::MAX));
        u32::try_from(self.ends.len() - 1).unwrap_or(u32::MAX)
    }

    pub fn len(&self) -> usize {
        self.ends.len()
    }

    pub fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }
}

/// Neighbours in one of the lists of [`FileFacts`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Encode, Decode)]
pub struct Span {
    pub from: u32,
    pub to: u32,
}

impl Span {
    /// All that was added since the list had this length.
    pub fn since<T>(from: usize, list: &[T]) -> Self {
        let [from, to] = [from, list.len()].map(|at| u32::try_from(at).unwrap_or(u32::MAX));
        Self { from, to }
    }

    pub fn of<T>(self, list: &[T]) -> &[T] {
        list.get(self.from as usize..self.to as usize).unwrap_or_default()
    }
}

/// Why a file could not be read in full.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct Problem {
    pub line: Option<u32>,
    pub what: String,
}

/// Where a name is bound.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Encode, Decode)]
pub enum Scope {
    #[default]
    Module,
    Function(u32),
    Class(u32),
}

/// A module as it is written in an import.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
pub struct ModuleName {
    /// Leading dots.
    pub level: u32,
    pub name: Name,
}

/// What a name stands for.
#[derive(Clone, Debug, PartialEq, Encode, Decode)]
pub enum Bound {
    Function(u32),
    Class(u32),
    /// `import a.b` binds `a`, with an alias it binds all of it.
    Module(ModuleName),
    /// `from m import attribute`.
    From(ModuleName, Name),
    Value(Value),
    Parameter(u32),
}

/// One place that binds a name.
#[derive(Clone, Debug, PartialEq, Encode, Decode)]
pub struct Binding {
    pub scope: Scope,
    pub name: Name,
    /// For `self.name = value`: the class whose attribute it is; `scope` is then this class.
    pub of_instance: bool,
    pub line: u32,
    pub bound: Bound,
}

/// An expression as far as it matters here.
#[derive(Clone, Copy, Debug, Default, PartialEq, Encode, Decode)]
pub enum Value {
    Path(Path),
    /// A call of this of which the arguments do not matter.
    Made(Path),
    /// An index into [`FileFacts::made`].
    Call(u32),
    /// `make().name`, of something that is no path: an index into [`FileFacts::values`].
    Attribute(u32, Name),
    Int(i64),
    /// Hundredths, so that facts can be compared.
    Float(i64),
    Text(Name),
    None,
    True,
    False,
    List,
    Dict,
    Set,
    Tuple,
    Lambda,
    #[default]
    Other,
}

impl Value {
    /// Whether it says neither what is called nor where it is from, and is no table that a cache may be made of.
    pub fn is_opaque(&self) -> bool {
        !(matches!(self, Self::Path(_) | Self::Made(_) | Self::Call(_) | Self::Attribute(..))
            || self.is_mutable_display())
    }

    /// Whether it makes an object that can be changed.
    pub fn is_mutable_display(&self) -> bool {
        matches!(self, Self::List | Self::Dict | Self::Set)
    }
}

/// A call as a value.
#[derive(Clone, Copy, Debug, PartialEq, Encode, Decode)]
pub struct CallValue {
    pub callee: Value,
    /// In [`FileFacts::values`].
    pub args: Span,
    /// In [`FileFacts::named`].
    pub keywords: Span,
}

/// `base.a.b`.
#[derive(Clone, Copy, Debug, PartialEq, Encode, Decode)]
pub struct Path {
    pub base: Name,
    /// Where its attributes are in [`FileFacts::attributes`].
    pub from: u32,
    pub to: u32,
    /// What the base stands for.
    pub found: Found,
}

/// What the first name of a path stands for in its own file.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Encode, Decode)]
pub enum Found {
    /// Bound nowhere in the file: a builtin, or by a star import.
    #[default]
    Free,
    /// An index into `bindings`.
    Binding(u32),
    /// A parameter of this function, of which nothing else is known.
    Parameter(u32),
    /// Bound in a function to something of which nothing is known.
    Opaque,
    /// The first parameter of a method of this class.
    Itself(u32),
    /// Not told before the file has been read to its end: to be looked up from this scope.
    From(Scope),
}

/// How a method gets its object.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Encode, Decode)]
pub enum Method {
    /// A plain function.
    #[default]
    No,
    Instance,
    Class,
    Static,
}

/// A function as it is defined.
#[derive(Clone, Debug, Default, PartialEq, Encode, Decode)]
pub struct Function {
    pub name: Name,
    /// `Class.method`, `outer.<locals>.inner`.
    pub qualname: Name,
    pub parent: Scope,
    /// Class that it is a method of.
    pub class: Option<u32>,
    pub method: Method,
    /// Of the first decorator, as `co_firstlineno`.
    pub line: u32,
    pub def_line: u32,
    pub end_line: u32,
    pub is_async: bool,
    pub is_generator: bool,
    pub parameters: Span,
    pub decorators: Vec<Decorator>,
    pub returns: Returns,
    pub effects: Span,
    /// Where it reads a variable around it that changes: line and name.
    pub reads_global: Option<(u32, Name)>,
    pub shape: Shape,
}

/// A parameter.
#[derive(Clone, Debug, Default, PartialEq, Encode, Decode)]
pub struct Parameter {
    pub name: Name,
    /// Its annotation or default says that it cannot be hashed: `list`, `Dict[..]`, `= []`.
    pub unhashable: bool,
    pub annotated: bool,
    /// `*args` or `**kwargs`.
    pub variadic: bool,
}

/// A decorator of a function.
#[derive(Clone, Debug, PartialEq, Encode, Decode)]
pub struct Decorator {
    pub line: u32,
    pub value: Value,
}

/// What a function gives back.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Encode, Decode)]
pub struct Returns {
    /// Line of the first `return` of a list, dict or set, or of the annotation that says so.
    pub mutable: Option<u32>,
    /// It can give back None: says so, or ends without a value beside returns with one.
    pub none: bool,
    pub value: bool,
}

/// What makes a function expensive, as far as its text tells.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Encode, Decode)]
pub struct Shape {
    pub loops: u32,
    pub loop_depth: u32,
    pub generators: u32,
    pub statements: u32,
}

/// Ways in which a call may differ from its value; a set of bits. `union` is the join of the lattice.
pub mod effect {
    pub const READS_GLOBAL: u16 = 1;
    pub const READS_WORLD: u16 = 1 << 1;
    pub const MUTATES_SELF: u16 = 1 << 2;
    pub const MUTATES_ARGUMENT: u16 = 1 << 3;
    pub const WRITES_GLOBAL: u16 = 1 << 4;
    pub const IO: u16 = 1 << 5;
    pub const UNKNOWN: u16 = 1 << 6;
    /// All of them, from the least to the worst.
    pub const ALL: [(u16, &str); 7] = [
        (READS_GLOBAL, "reads-global"),
        (READS_WORLD, "reads-env-time-random"),
        (MUTATES_SELF, "mutates-self"),
        (MUTATES_ARGUMENT, "mutates-argument"),
        (WRITES_GLOBAL, "writes-global"),
        (IO, "io"),
        (UNKNOWN, "unknown"),
    ];
}

/// Something that a function does by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
pub struct Effect {
    pub bit: u16,
    /// Of `MUTATES_ARGUMENT`: which parameter.
    pub parameter: u16,
    pub line: u32,
    pub what: Name,
}

/// Where an argument comes from, for effects on it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Encode, Decode)]
pub enum Origin {
    /// Made in this function, or a constant: nobody else sees it change.
    #[default]
    Fresh,
    Parameter(u16),
    Global,
}

/// A class as it is defined.
#[derive(Clone, Debug, Default, PartialEq, Encode, Decode)]
pub struct Class {
    pub name: Name,
    pub qualname: Name,
    pub parent: Scope,
    pub line: u32,
    pub bases: Vec<Value>,
}

/// What is called.
#[derive(Clone, Debug, PartialEq, Encode, Decode)]
pub enum Callee {
    Path(Path),
    /// `super().name`, in a method of this class.
    Super(u32, Name),
    /// A method of something whose type is not told by its name.
    Method(Name, Receiver),
    /// The result of a call is called, an element, …
    Other,
}

/// What a method is called on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
pub enum Receiver {
    /// A literal or a display: its type is known.
    Literal,
    Unknown,
}

/// Bits of [`Call::flags`].
pub mod call {
    pub const COMPREHENSION: u8 = 1;
    /// The function is given to somebody who calls it: `map(f, xs)`.
    pub const REFERENCE: u8 = 1 << 1;
    /// An argument is a list, dict or set display.
    pub const UNHASHABLE: u8 = 1 << 2;
    /// In a loop, and no argument changes in it.
    pub const SAME_ARGUMENTS: u8 = 1 << 3;
    pub const AWAITED: u8 = 1 << 4;
}

/// A call.
#[derive(Clone, Debug, PartialEq, Encode, Decode)]
pub struct Call {
    /// The function that calls, or [`NOWHERE`].
    pub function: u32,
    pub line: u32,
    pub callee: Callee,
    pub loop_depth: u8,
    pub flags: u8,
    /// Where the object of a method call comes from.
    pub receiver: Origin,
    /// How many arguments by position are known: without fresh ones at the end.
    pub positional: u8,
    /// How many by keyword; fresh ones are left out.
    pub keywords: u8,
    /// Where they begin in [`FileFacts::arguments`].
    pub arguments: u32,
}

/// An argument of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
pub struct Argument {
    /// Of a keyword.
    pub name: Name,
    pub origin: Origin,
}

/// An attribute that is read: `os.environ`.
#[derive(Clone, Debug, PartialEq, Encode, Decode)]
pub struct Read {
    pub function: u32,
    pub line: u32,
    pub path: Path,
}
