//! Which decorators, calls and objects are caches, under every name that they are spelled with, and of which size.
//!
//! A spelling is told by the import that it goes back to, never by the name alone, but for the few names that no other
//! library has (`cache_on_arguments`); those are marked. Must not tell whether a cache is worth it.

use super::facts::{Bound, CallValue, FileFacts, Found, Path, Value};
use super::project::{Consulted, Entity, Project};
use bitcode::{Decode, Encode};

/// Variables are followed so far: `memo = lru_cache(maxsize=None)`, `@memo`.
const FARTHEST: u32 = 12;

/// How many entries a cache may hold, as far as the source tells.
#[derive(Clone, Debug, Default, PartialEq, Eq, Encode, Decode)]
pub(crate) enum Capacity {
    Entries(u64),
    Unbounded,
    /// An expression that only a run can tell, or a library that has no such limit here.
    #[default]
    Unknown,
}

/// Which kind of cache it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
pub(crate) enum Kind {
    /// Keyed by the arguments, in the process.
    Function,
    /// One value for each instance.
    Property,
    /// Keyed by the arguments, for each instance.
    Method,
    /// A whole response of a web application.
    Page,
    /// Filled in the background.
    Background,
    /// An object that the program reads and writes.
    Object,
}

/// A cache as it is spelled.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub(crate) struct Spelled {
    pub(crate) library: String,
    /// `functools.lru_cache`, `cachetools.cached(TTLCache)`.
    pub(crate) decorator: String,
    pub(crate) kind: Kind,
    pub(crate) capacity: Capacity,
    /// The size is the library's default, not written.
    pub(crate) default_size: bool,
    pub(crate) ttl_ms: Option<u64>,
    /// The name alone says so, no import.
    pub(crate) by_name: bool,
    /// The decorator of the project that applies it.
    pub(crate) via: Option<String>,
    /// Its wrapper awaits coroutines, so that `async def` is no fault.
    pub(crate) takes_async: bool,
}

/// Looks at decorators and values of one file.
pub(crate) struct Declarer<'a> {
    pub(crate) project: &'a Project,
    pub(crate) consulted: &'a Consulted,
}

/// What the table says of a name: library, its word for it, kind, default size.
struct Known {
    library: &'static str,
    word: &'static str,
    kind: Kind,
    capacity: Capacity,
}

fn known(name: &str) -> Option<Known> {
    let library = name.split(['.', '(']).next().unwrap_or_default();
    let last = name.rsplit('.').next().unwrap_or_default();
    let of = |library, word, kind, capacity| Some(Known { library, word, kind, capacity });
    let (unknown, unbounded) = (Capacity::Unknown, Capacity::Unbounded);
    match (library, last) {
        ("functools" | "backports" | "functools32", "lru_cache") => {
            of("functools", "lru_cache", Kind::Function, Capacity::Entries(128))
        }
        ("functools", "cache") => of("functools", "cache", Kind::Function, unbounded),
        ("functools", "cached_property") => of("functools", "cached_property", Kind::Property, Capacity::Entries(1)),
        ("cachetools", "cached") => of("cachetools", "cached", Kind::Function, unknown),
        ("cachetools", "cachedmethod") => of("cachetools", "cachedmethod", Kind::Method, unknown),
        ("cachetools", "lru_cache" | "ttl_cache" | "lfu_cache" | "rr_cache" | "fifo_cache" | "mru_cache") => {
            of("cachetools", "func", Kind::Function, Capacity::Entries(128))
        }
        ("advanced_caching", "register_loader" | "bg") => {
            of("advanced_caching", "background", Kind::Background, unknown)
        }
        ("advanced_caching", "cached" | "cache") => of("advanced_caching", "cached", Kind::Function, unknown),
        ("aiocache", "cached" | "cached_stampede" | "multi_cached") => {
            of("aiocache", "cached", Kind::Function, unknown)
        }
        (
            "cashews",
            "cache" | "cache()" | "Cache()" | "early" | "soft" | "hit" | "failover" | "dynamic" | "iterator",
        ) => of("cashews", "cache", Kind::Function, unknown),
        ("dogpile", "cache_on_arguments" | "cache_multi_on_arguments") => {
            of("dogpile", "cache_on_arguments", Kind::Function, unknown)
        }
        ("diskcache", "memoize" | "memoize_stampede") => of("diskcache", "memoize", Kind::Function, unknown),
        ("joblib", "cache") if name.contains("Memory") => of("joblib", "cache", Kind::Function, unknown),
        ("django", "cache_page") => of("django", "cache_page", Kind::Page, unknown),
        ("django" | "werkzeug" | "cached_property" | "pip" | "kombu" | "asgiref", "cached_property") => {
            let library = if library == "django" { "django" } else { "cached_property" };
            of(library, "cached_property", Kind::Property, Capacity::Entries(1))
        }
        ("flask_caching", "cached") => of("flask_caching", "cached", Kind::Page, unknown),
        ("flask_caching", "memoize") => of("flask_caching", "memoize", Kind::Function, unknown),
        ("async_lru", "alru_cache") => of("async_lru", "alru_cache", Kind::Function, Capacity::Entries(128)),
        ("methodtools", "lru_cache") => of("methodtools", "lru_cache", Kind::Method, Capacity::Entries(128)),
        ("streamlit", "cache_data" | "cache_resource" | "cache") => {
            of("streamlit", "cache_data", Kind::Function, unbounded)
        }
        ("toolz" | "cytoolz", "memoize") => of("toolz", "memoize", Kind::Function, unbounded),
        ("boltons", "cached" | "cachedmethod") => of("boltons", "cached", Kind::Function, unknown),
        (_, "cached" | "cache_query" | "cache_response" | "cache_llm") if library.starts_with("paracle") => {
            of("paracle", "cached", Kind::Function, Capacity::Entries(1000))
        }
        _ => None,
    }
}

/// Classes whose objects are caches.
fn known_object(name: &str) -> Option<(&'static str, &str)> {
    let last = name.rsplit('.').next().unwrap_or_default();
    match (name.split('.').next().unwrap_or_default(), last) {
        (
            "cachetools",
            "Cache" | "LRUCache" | "TTLCache" | "LFUCache" | "FIFOCache" | "RRCache" | "MRUCache" | "TLRUCache",
        ) => Some(("cachetools", last)),
        ("diskcache", "Cache" | "FanoutCache") => Some(("diskcache", last)),
        ("aiocache", "Cache" | "SimpleMemoryCache" | "RedisCache" | "MemcachedCache") => Some(("aiocache", last)),
        ("dogpile", "make_region") => Some(("dogpile", last)),
        ("flask_caching", "Cache") => Some(("flask_caching", last)),
        _ => None,
    }
}

impl Declarer<'_> {
    fn facts(&self, file: u32) -> &FileFacts {
        self.project.facts(file)
    }

    /// The cache that a decorator makes.
    pub(crate) fn decorator(&self, file: u32, value: &Value) -> Option<Spelled> {
        self.decorator_at(file, value, 0)
    }

    fn decorator_at(&self, file: u32, value: &Value, depth: u32) -> Option<Spelled> {
        if depth > FARTHEST {
            return None;
        }
        match value {
            Value::Path(_) | Value::Attribute(..) => {
                if let Some((name, by_name)) = self.spelling(file, value, depth) {
                    return Some(Self::plain(&name, by_name)).filter(|spelled| !needs_call(&spelled.decorator));
                }
                // `memo = lru_cache(maxsize=None)` and `@memo`.
                let (file, value) = self.variable(file, value)?;
                self.decorator_at(file, value, depth + 1)
            }
            Value::Call(_) | Value::Made(_) => {
                let facts = self.facts(file);
                let call = facts.as_call(value)?;
                // `method_decorator(cache_page(60))`.
                if let Some(first) = facts.args(&call).first()
                    && let Value::Call(_) = first
                    && self.dotted(file, &call.callee).is_some_and(|name| name.ends_with("method_decorator"))
                {
                    return self.decorator_at(file, first, depth + 1);
                }
                let (name, by_name) = self.spelling(file, &call.callee, depth)?;
                Some(self.called(file, &name, by_name, &call, depth))
            }
            _ => None,
        }
    }

    /// `lru_cache(maxsize=8)(function)` and `cache(function)`: the cache, and what it is of.
    pub(crate) fn manual(&self, file: u32, value: &Value) -> Option<(Spelled, Value)> {
        let Value::Call(_) = value else { return None };
        let facts = self.facts(file);
        let call = facts.as_call(value)?;
        let function = *facts.args(&call).first().filter(|value| may_be_function(value))?;
        match &call.callee {
            Value::Call(_) => Some((self.decorator(file, &call.callee)?, function)),
            callee => {
                let (name, by_name) = self.spelling(file, callee, 0)?;
                let spelled = Self::plain(&name, by_name);
                let takes_function =
                    matches!(spelled.library.as_str(), "functools" | "joblib" | "toolz" | "methodtools")
                        && spelled.kind != Kind::Property;
                takes_function.then_some((spelled, function))
            }
        }
    }

    /// `TTLCache(maxsize=100, ttl=60)`.
    pub(crate) fn object(&self, file: u32, value: &Value) -> Option<Spelled> {
        let call = self.facts(file).as_call(value)?;
        let name = self.names(file, &call.callee).into_iter().find(|name| known_object(name).is_some());
        let Some(name) = name else {
            // `make_region().configure(..)` is the region.
            let Value::Attribute(of, name) = call.callee else { return None };
            let facts = self.facts(file);
            let chained = facts.name(name) == "configure";
            return chained.then(|| self.object(file, &facts.values[of as usize])).flatten();
        };
        let (library, class) = known_object(&name)?;
        let mut spelled = Spelled {
            library: library.into(),
            decorator: format!("{library}.{class}"),
            kind: Kind::Object,
            capacity: Capacity::Unknown,
            default_size: false,
            ttl_ms: None,
            by_name: false,
            via: None,
            takes_async: true,
        };
        self.size_of_object(file, &call, &mut spelled);
        Some(spelled)
    }

    fn size_of_object(&self, file: u32, call: &CallValue, spelled: &mut Spelled) {
        if spelled.library != "cachetools" {
            return;
        }
        let facts = self.facts(file);
        if let Some(size) = facts.named(call, "maxsize").or(facts.args(call).first()) {
            spelled.capacity = self.capacity(file, size, 0);
        }
        if spelled.decorator.ends_with(".TTLCache") {
            let ttl = facts.named(call, "ttl").or(facts.args(call).get(1));
            spelled.ttl_ms = ttl.and_then(|ttl| self.milliseconds(file, ttl));
        }
    }

    /// A decorator without parentheses.
    fn plain(name: &str, by_name: bool) -> Spelled {
        let known = known(name).expect("a spelling is one of the table");
        let default_size = matches!(known.capacity, Capacity::Entries(128));
        Spelled {
            library: known.library.into(),
            decorator: format!("{}.{}", known.library, pretty(name, known.word)),
            kind: known.kind,
            capacity: known.capacity,
            default_size,
            ttl_ms: None,
            by_name,
            via: None,
            takes_async: !matches!(
                known.library,
                "functools" | "cachetools" | "joblib" | "toolz" | "methodtools" | "cached_property"
            ),
        }
    }

    /// A decorator with arguments.
    fn called(&self, file: u32, name: &str, by_name: bool, call: &CallValue, depth: u32) -> Spelled {
        let facts = self.facts(file);
        let mut spelled = Self::plain(name, by_name);
        let sized = matches!(spelled.library.as_str(), "functools" | "async_lru" | "methodtools")
            || spelled.decorator.starts_with("cachetools.func");
        if sized
            && spelled.kind != Kind::Property
            && spelled.decorator != "functools.cache"
            && let Some(size) = facts.named(call, "maxsize").or(facts.args(call).first())
            && !may_be_callable(size, self, file)
        {
            spelled.default_size = false;
            spelled.capacity = self.capacity(file, size, 0);
        }
        if spelled.library == "cachetools"
            && !sized
            && let Some(cache) = facts.named(call, "cache").or(facts.args(call).first())
        {
            self.cachetools(file, cache, &mut spelled, depth);
        }
        if spelled.library == "paracle" || spelled.library == "streamlit" {
            let size = ["max_size", "maxsize", "max_entries"].iter().find_map(|word| facts.named(call, word));
            if let Some(size) = size {
                spelled.capacity = self.capacity(file, size, 0);
            }
        }
        let words: &[&str] = match spelled.library.as_str() {
            "cachetools" | "aiocache" | "cashews" | "advanced_caching" | "paracle" | "streamlit" | "async_lru" => {
                &["ttl", "interval_seconds", "interval"]
            }
            "dogpile" => &["expiration_time"],
            "diskcache" => &["expire"],
            "django" | "flask_caching" => &["timeout"],
            _ => &[],
        };
        let first = match spelled.library.as_str() {
            "cashews" | "django" | "flask_caching" => facts.args(call).first(),
            "advanced_caching" => {
                facts.args(call).iter().find(|value| matches!(value, Value::Int(_) | Value::Float(_)))
            }
            _ => None,
        };
        if let Some(ttl) = words.iter().find_map(|word| facts.named(call, word)).or(first) {
            spelled.ttl_ms = self.milliseconds(file, ttl);
        }
        spelled
    }

    /// The size of the cache that a decorator of cachetools is given.
    fn cachetools(&self, file: u32, cache: &Value, spelled: &mut Spelled, depth: u32) {
        match cache {
            Value::Dict => spelled.capacity = Capacity::Unbounded,
            Value::Call(_) | Value::Made(_) => match self.object(file, cache) {
                Some(object) => {
                    let class = object.decorator.rsplit('.').next().unwrap_or_default().to_owned();
                    spelled.decorator = format!("{}({class})", spelled.decorator);
                    spelled.capacity = object.capacity;
                    spelled.ttl_ms = object.ttl_ms;
                }
                None if self.dotted(file, cache).is_some_and(|name| name == "builtins.dict()") => {
                    spelled.capacity = Capacity::Unbounded;
                }
                None => {}
            },
            Value::Path(_) if depth < FARTHEST => {
                if let Some((file, value)) = self.variable(file, cache) {
                    self.cachetools(file, value, spelled, depth + 1);
                }
            }
            _ => {}
        }
    }

    fn capacity(&self, file: u32, value: &Value, depth: u32) -> Capacity {
        match value {
            Value::Int(size) => Capacity::Entries(u64::try_from(*size).unwrap_or(0)),
            Value::False => Capacity::Entries(0),
            Value::True => Capacity::Entries(1),
            Value::None => Capacity::Unbounded,
            Value::Path(_) if depth < FARTHEST => match self.variable(file, value) {
                Some((file, value)) => self.capacity(file, value, depth + 1),
                None => match self.dotted(file, value).as_deref() {
                    Some("math.inf") => Capacity::Unbounded,
                    _ => Capacity::Unknown,
                },
            },
            Value::Call(_) | Value::Made(_) if self.dotted(file, value).as_deref() == Some("builtins.float()") => {
                Capacity::Unbounded
            }
            _ => Capacity::Unknown,
        }
    }

    /// Seconds as a number, `"1h"`, `timedelta(minutes=5)`.
    fn milliseconds(&self, file: u32, value: &Value) -> Option<u64> {
        match value {
            Value::Int(seconds) => u64::try_from(*seconds).ok().filter(|seconds| *seconds > 0)?.checked_mul(1000),
            Value::Float(hundredths) => u64::try_from(*hundredths).ok().filter(|number| *number > 0)?.checked_mul(10),
            Value::Text(name) => from_words(self.facts(file).name(*name)),
            Value::Path(_) => {
                let (file, value) = self.variable(file, value)?;
                matches!(value, Value::Int(_) | Value::Float(_) | Value::Text(_))
                    .then(|| self.milliseconds(file, value))?
            }
            Value::Call(call) => {
                let facts = self.facts(file);
                let call = &facts.made[*call as usize];
                if !self.dotted(file, &call.callee)?.ends_with("timedelta") {
                    return None;
                }
                let mut total = 0;
                for (name, value) in facts.keywords(call) {
                    let unit = match facts.name(*name) {
                        "milliseconds" => 1,
                        "seconds" => 1000,
                        "minutes" => 60_000,
                        "hours" => 3_600_000,
                        "days" => 86_400_000,
                        "weeks" => 604_800_000,
                        _ => return None,
                    };
                    let Value::Int(count) = value else { return None };
                    total += u64::try_from(*count).ok()?.checked_mul(unit)?;
                }
                Some(total).filter(|total| *total > 0)
            }
            _ => None,
        }
    }

    /// The value of the variable that a path names, in its file, if it is bound to one value.
    fn variable<'p>(&'p self, file: u32, value: &'p Value) -> Option<(u32, &'p Value)> {
        let Value::Path(path) = value else { return None };
        let (file, number) = self.project.resolve(file, path, self.consulted).variable?;
        match &self.project.binding(file, number).bound {
            Bound::Value(value) => Some((file, value)),
            _ => None,
        }
    }

    /// The name in the table that a value is spelled with, and whether only the name says so.
    fn spelling(&self, file: u32, value: &Value, depth: u32) -> Option<(String, bool)> {
        if depth > FARTHEST {
            return None;
        }
        if let Some(name) = self.names(file, value).into_iter().find(|name| known(name).is_some()) {
            return Some((name, false));
        }
        let last = match value {
            Value::Path(path) => *self.facts(file).attributes(path).last()?,
            Value::Attribute(_, name) => *name,
            _ => return None,
        };
        // No other library has these words.
        match self.facts(file).name(last) {
            word @ ("cache_on_arguments" | "cache_multi_on_arguments") => Some((format!("dogpile.{word}"), true)),
            word @ "memoize_stampede" => Some((format!("diskcache.{word}"), true)),
            word @ "alru_cache" => Some((format!("async_lru.{word}"), true)),
            _ => None,
        }
    }

    /// The dotted names that a value has, each step of its imports one: as it is imported here, in the file that it is
    /// imported from, and so on; a library that lies in the scanned folder is known by its own name as well.
    fn names(&self, file: u32, value: &Value) -> Vec<String> {
        let mut names = Vec::new();
        self.names_at(file, value, &mut names, 0);
        names.extend(self.dotted(file, value));
        names
    }

    fn names_at(&self, file: u32, value: &Value, names: &mut Vec<String>, depth: u32) {
        if depth > FARTHEST {
            return;
        }
        let facts = self.facts(file);
        match value {
            Value::Path(path) => {
                let rest =
                    facts.attributes(path).iter().fold(String::new(), |rest, name| rest + "." + facts.name(*name));
                self.names_of_base(file, path, &rest, names, depth);
            }
            Value::Call(_) | Value::Made(_) => {
                let Some(call) = facts.as_call(value) else { return };
                let from = names.len();
                self.names_at(file, &call.callee, names, depth + 1);
                names[from..].iter_mut().for_each(|name| name.push_str("()"));
            }
            Value::Attribute(of, name) => {
                let from = names.len();
                self.names_at(file, &facts.values[*of as usize], names, depth + 1);
                let rest = facts.name(*name);
                names[from..].iter_mut().for_each(|name| {
                    name.push('.');
                    name.push_str(rest);
                });
            }
            _ => {}
        }
    }

    fn names_of_base(&self, file: u32, path: &Path, rest: &str, names: &mut Vec<String>, depth: u32) {
        let Found::Binding(number) = path.found else {
            // Of a star import, if of one: the project's own are asked of what they resolve to.
            let facts = self.facts(file);
            for star in facts.stars.iter().filter(|star| star.level == 0 && path.found == Found::Free) {
                let module = facts.name(star.name);
                if self.project.module(file, module).is_none() {
                    names.push(format!("{module}.{}{rest}", facts.name(path.base)));
                }
            }
            return;
        };
        self.names_of_binding(file, number, rest, names, depth);
    }

    fn names_of_binding(&self, file: u32, number: u32, rest: &str, names: &mut Vec<String>, depth: u32) {
        if depth > FARTHEST {
            return;
        }
        let facts = self.facts(file);
        match &self.project.binding(file, number).bound {
            Bound::Module(module) if module.level == 0 => names.push(format!("{}{rest}", facts.name(module.name))),
            Bound::From(module, attribute) => {
                let attribute = facts.name(*attribute);
                if module.level == 0 {
                    names.push(format!("{}.{attribute}{rest}", facts.name(module.name)));
                }
                if let Some((file, number)) = self.project.imported(file, *module, attribute, self.consulted) {
                    self.names_of_binding(file, number, rest, names, depth + 1);
                }
            }
            Bound::Value(value @ (Value::Call(_) | Value::Made(_) | Value::Path(_) | Value::Attribute(..))) => {
                let from = names.len();
                self.names_at(file, value, names, depth + 1);
                names[from..].iter_mut().for_each(|name| name.push_str(rest));
            }
            _ => {}
        }
    }

    /// The name of what a value resolves to.
    fn dotted(&self, file: u32, value: &Value) -> Option<String> {
        match self.project.value(file, value, self.consulted) {
            Entity::External(name) => Some(name),
            Entity::Function(file, function) => {
                let source = &self.project.sources[file as usize];
                let qualname = source.facts.name(source.facts.functions[function as usize].qualname);
                Some(format!("{}.{qualname}", source.module))
            }
            Entity::Class(file, class) => {
                let source = &self.project.sources[file as usize];
                let qualname = source.facts.name(source.facts.classes[class as usize].qualname);
                Some(format!("{}.{qualname}", source.module))
            }
            _ => None,
        }
    }
}

/// `functools.lru_cache`, `cachetools.func.ttl_cache`, `advanced_caching.SWRCache.cached`.
fn pretty(name: &str, word: &str) -> String {
    let mut parts = name.split('.').filter(|part| !part.contains('(')).skip(1).collect::<Vec<_>>();
    if parts.len() > 2 {
        parts.drain(..parts.len() - 2);
    }
    if parts.is_empty() || word == "lru_cache" {
        return word.to_owned();
    }
    let last = parts.pop().unwrap_or(word);
    parts.retain(|part| !matches!(*part, "cache" | "decorators" | "utils" | "functional"));
    parts.push(last);
    parts.join(".")
}

/// Decorators that make another decorator: without parentheses they are something else.
fn needs_call(decorator: &str) -> bool {
    matches!(
        decorator,
        "cachetools.cached" | "cachetools.cachedmethod" | "dogpile.cache_on_arguments" | "django.cache_page"
    )
}

fn may_be_function(value: &Value) -> bool {
    matches!(value, Value::Path(_) | Value::Lambda | Value::Attribute(..))
}

fn may_be_callable(value: &Value, declarer: &Declarer<'_>, file: u32) -> bool {
    match value {
        Value::Lambda => true,
        Value::Path(path) => matches!(
            declarer.project.resolve(file, path, declarer.consulted).entity,
            Entity::Function(..) | Entity::Class(..)
        ),
        _ => false,
    }
}

/// `"1h30m"`, `"10s"`, as cashews reads them.
fn from_words(text: &str) -> Option<u64> {
    let mut total = 0_u64;
    let mut number = String::new();
    for c in text.chars() {
        if c.is_ascii_digit() {
            number.push(c);
            continue;
        }
        let unit = match c {
            's' => 1000,
            'm' => 60_000,
            'h' => 3_600_000,
            'd' => 86_400_000,
            'w' => 604_800_000,
            _ => return None,
        };
        total = total.checked_add(number.parse::<u64>().ok()?.checked_mul(unit)?)?;
        number.clear();
    }
    (number.is_empty() && total > 0).then_some(total)
}
