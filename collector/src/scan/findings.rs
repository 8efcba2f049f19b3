//! What the passes say together: declared caches with their sites and hazards, and candidates.
//!
//! A hazard says what may be wrong and where. Nothing here says that a cache should go: only a run can tell.

use super::declare::{Capacity, Kind, Spelled};
use super::facts::{Call, Function, Method, NOWHERE, Scope, call, effect};
use super::link::{Declared, Links, Target, Tier, is_reference};
use super::project::Project;
use super::purity::{self, Purity, SPOILS_A_CACHE, State};
use super::report::{self, Cache, Candidate, Hazard, Reason, Site, Sites};
use foldhash::{HashMap, HashMapExt};

/// Everything that is known before the report.
pub(crate) struct All<'a> {
    pub(crate) project: &'a Project,
    pub(crate) links: &'a [Links],
    pub(crate) purity: &'a Purity,
    /// Calls through each variable that holds a cache.
    through: HashMap<(u32, u32), Vec<(u32, u32)>>,
    /// Calls of methods of unknown objects that have the name of a cached one.
    named: HashMap<&'a str, Vec<(u32, u32)>>,
}

impl<'a> All<'a> {
    pub(crate) fn new(project: &'a Project, links: &'a [Links], purity: &'a Purity) -> Self {
        let mut all = Self { project, links, purity, through: HashMap::new(), named: HashMap::new() };
        all.asked_for();
        for (file, links) in (0..).zip(links) {
            all.calls_of_names(file, links);
            for (number, other, binding) in &links.through {
                if let Some(places) = all.through.get_mut(&(*other, *binding)) {
                    places.push((file, *number));
                }
            }
        }
        all
    }

    /// Adds a file's calls of unknown objects that have an asked name.
    fn calls_of_names(&mut self, file: u32, links: &Links) {
        let facts = self.project.facts(file);
        // Nearly all names are no cache's: each is looked up once.
        let mut asked: Vec<Option<bool>> = vec![None; facts.names.len()];
        for (number, target) in (0..).zip(&links.targets) {
            let Target::Named(name, false) = target else { continue };
            let text = facts.name(*name);
            if *asked[*name as usize].get_or_insert_with(|| self.named.contains_key(text))
                && let Some(places) = self.named.get_mut(text)
            {
                places.push((file, number));
            }
        }
    }

    /// Makes room for the variables and names that caches are called by.
    fn asked_for(&mut self) {
        let (project, links) = (self.project, self.links);
        for (file, links) in links.iter().enumerate() {
            let file = u32::try_from(file).unwrap_or(u32::MAX);
            let variables = links.declared.iter().filter_map(|declared| declared.variable);
            self.through.extend(variables.map(|number| ((file, number), Vec::new())));
            let wrapped = links.decorated.iter().filter(|(_, _, file, decorator)| {
                self.links[*file as usize].wraps.iter().any(|(wrapper, _)| wrapper == decorator)
            });
            let functions = links.declared.iter().filter_map(|declared| declared.function);
            for (file, function) in functions.chain(wrapped.map(|(function, ..)| (file, *function))) {
                let facts = project.facts(file);
                let function = &facts.functions[function as usize];
                let name = facts.name(function.name);
                // Python calls `__len__` and its kind by itself: whose they are the name does not tell at all.
                let of_language = name.starts_with("__") && name.ends_with("__");
                if function.method != Method::No && !of_language {
                    self.named.insert(name, Vec::new());
                }
            }
        }
    }

    /// Calls of a function, as (file, call).
    fn callers(&self, (file, function): (u32, u32)) -> impl Iterator<Item = (u32, u32)> {
        self.purity.callers(self.project, self.project.number(file, function))
    }

    fn state(&self, (file, function): (u32, u32)) -> &State {
        self.purity.state(self.project.number(file, function))
    }

    fn function(&self, (file, function): (u32, u32)) -> &'a Function {
        &self.project.facts(file).functions[function as usize]
    }

    fn path(&self, file: u32) -> String {
        self.project.sources[file as usize].path.clone()
    }

    fn full_name(&self, (file, function): (u32, u32)) -> String {
        let source = &self.project.sources[file as usize];
        let qualname = source.facts.name(source.facts.functions[function as usize].qualname);
        format!("{}.{qualname}", source.module)
    }

    /// All declared caches, by file and line.
    pub(crate) fn caches(&self) -> Vec<Cache> {
        let mut caches = Vec::new();
        for (file, links) in self.links.iter().enumerate() {
            let file = u32::try_from(file).unwrap_or(u32::MAX);
            caches.extend(links.declared.iter().map(|declared| self.cache(file, declared)));
            for (function, _, decorator_file, decorator) in &links.decorated {
                let wraps = &self.links[*decorator_file as usize].wraps;
                if let Some((_, spelled)) = wraps.iter().find(|(wrapper, _)| wrapper == decorator) {
                    let via = Some(self.full_name((*decorator_file, *decorator)));
                    let declared = Declared {
                        line: self.function((file, *function)).line,
                        function: Some((file, *function)),
                        variable: None,
                        scope: self.function((file, *function)).parent,
                        spelled: Spelled { via, ..spelled.clone() },
                    };
                    caches.push(self.cache(file, &declared));
                }
            }
        }
        caches.sort_by(|a, b| (&a.file, a.line, &a.name, &a.decorator).cmp(&(&b.file, b.line, &b.name, &b.decorator)));
        caches
    }

    fn cache(&self, file: u32, declared: &Declared) -> Cache {
        let source = &self.project.sources[file as usize];
        let spelled = &declared.spelled;
        let function = declared.function;
        let decorates = declared.variable.is_none();
        let name = match (decorates, function) {
            (true, Some(function)) => self.full_name(function),
            _ => self.variable_name(file, declared),
        };
        let (capacity, unbounded) = match spelled.capacity {
            Capacity::Entries(entries) => (Some(entries), Some(false)),
            Capacity::Unbounded => (None, Some(true)),
            Capacity::Unknown => (None, None),
        };
        let counted = !matches!(spelled.kind, Kind::Object | Kind::Property | Kind::Page);
        #[expect(clippy::cast_precision_loss, reason = "milliseconds of a time to live")]
        let ttl_s = spelled.ttl_ms.map(|ms| ms as f64 / 1000.0);
        Cache {
            name,
            file: source.path.clone(),
            line: declared.line,
            def_line: function.filter(|_| decorates).map(|function| self.function(function).def_line),
            library: spelled.library.clone(),
            decorator: spelled.decorator.clone(),
            kind: kind_word(spelled.kind).into(),
            spelling: match (decorates, spelled.kind) {
                (true, _) => "decorator",
                (false, Kind::Object) => "object",
                (false, _) => "call",
            }
            .into(),
            via: spelled.via.clone(),
            confidence: if spelled.by_name { "name" } else { "resolved" }.into(),
            capacity,
            unbounded,
            default_size: spelled.default_size,
            ttl_s,
            is_async: function.is_some_and(|function| self.function(function).is_async),
            test: source.is_test,
            purity: function.map(|function| self.purity_of(function)),
            hazards: function.map(|function| self.hazards(function, declared)).unwrap_or_default(),
            sites: counted.then(|| self.sites_of(file, declared)),
            runtime: None,
        }
    }

    fn variable_name(&self, file: u32, declared: &Declared) -> String {
        let source = &self.project.sources[file as usize];
        let facts = &source.facts;
        let name = declared.variable.map_or("", |number| facts.name(facts.bindings[number as usize].name));
        match declared.scope {
            Scope::Module => format!("{}.{name}", source.module),
            Scope::Class(class) => {
                format!("{}.{}.{name}", source.module, facts.name(facts.classes[class as usize].qualname))
            }
            Scope::Function(function) => {
                format!("{}.{}.<locals>.{name}", source.module, facts.name(facts.functions[function as usize].qualname))
            }
        }
    }

    pub(crate) fn purity_of(&self, function: (u32, u32)) -> report::Purity {
        let state = self.state(function);
        let (worst, level) = state.level();
        let effects = effect::ALL.iter().filter(|(bit, _)| state.effects & bit != 0);
        let number = self.project.number(function.0, function.1);
        let reason = purity::reasons(self.project, self.links, self.purity, number, worst);
        report::Purity {
            level: level.into(),
            effects: effects.map(|(_, name)| (*name).to_owned()).collect(),
            reason: reason.into_iter().map(|(file, line, what)| Reason { file: self.path(file), line, what }).collect(),
        }
    }

    fn sites_of(&self, file: u32, declared: &Declared) -> Sites {
        let mut places: Vec<((u32, u32), Tier)> = Vec::new();
        let tier_at = |place: &(u32, u32)| {
            purity::tier(&self.links[place.0 as usize].targets[place.1 as usize]).unwrap_or(Tier::Resolved)
        };
        let mut name = None;
        if let Some(number) = declared.variable {
            let through = self.through.get(&(file, number)).into_iter().flatten();
            places.extend(through.map(|place| (*place, Tier::Resolved)));
        }
        if let Some(function) = declared.function
            && declared.variable.is_none_or(|number| self.same_name(file, number, function))
        {
            places.extend(self.callers(function).map(|place| (place, tier_at(&place))));
            if self.function(function).method != Method::No {
                name = Some(self.project.facts(function.0).name(self.function(function).name));
            }
        }
        let named =
            name.filter(|name| super::world::method(name) == effect::UNKNOWN).and_then(|name| self.named.get(name));
        places.extend(named.into_iter().flatten().map(|place| (*place, Tier::Name)));
        places.sort_unstable_by_key(|(place, tier)| (*place, *tier));
        places.dedup_by_key(|(place, _)| *place);
        self.sites(&places)
    }

    /// `f = lru_cache()(f)`: whoever names `f` means the cache.
    fn same_name(&self, file: u32, variable: u32, function: (u32, u32)) -> bool {
        let binding = self.project.binding(file, variable);
        file == function.0
            && self.project.facts(file).name(binding.name)
                == self.project.facts(file).name(self.function(function).name)
            && self.function(function).parent == binding.scope
    }

    fn sites(&self, places: &[((u32, u32), Tier)]) -> Sites {
        let mut sites = Sites::default();
        for ((file, number), tier) in places {
            let source = &self.project.sources[*file as usize];
            let call = &source.facts.calls[*number as usize];
            match tier {
                Tier::Resolved => sites.resolved += 1,
                Tier::Method => sites.method += 1,
                Tier::Name => sites.name += 1,
            }
            if source.is_test {
                sites.test += 1;
            } else {
                sites.production += 1;
                sites.in_loops += u64::from(call.loop_depth > 0);
            }
            sites.list.push(site(source, call, *tier));
        }
        sites
    }

    #[expect(clippy::too_many_lines, reason = "a list of independent rules")]
    fn hazards(&self, at: (u32, u32), declared: &Declared) -> Vec<Hazard> {
        let function = self.function(at);
        let facts = self.project.facts(at.0);
        let spelled = &declared.spelled;
        let mut hazards = Vec::new();
        let mut add = |id: &str, line: u32, text: String| {
            hazards.push(Hazard { id: id.into(), file: self.path(at.0), line, text });
        };
        let keyed =
            matches!(spelled.library.as_str(), "functools" | "cachetools" | "toolz") && spelled.kind == Kind::Function;
        if keyed
            && function.method == Method::Instance
            && facts.parameters(function).first().is_some_and(|p| !p.variadic)
        {
            add(
                "self_in_key",
                function.line,
                "the key holds `self`: the cache keeps every object alive, and no two objects share entries".into(),
            );
        }
        if function.is_generator && spelled.kind != Kind::Background && !function.is_async {
            add(
                "generator",
                function.def_line,
                "a generator is cached: the second caller gets one that is used up".into(),
            );
        }
        if function.is_async && !spelled.takes_async {
            add("coroutine", function.def_line, "a coroutine is cached: the second await of it raises an error".into());
        }
        if let Some(line) = function.returns.mutable.filter(|_| !function.is_generator && keeps_the_object(spelled)) {
            add("mutable_result", line, "callers share one list, dict or set: a change by one is seen by all".into());
        }
        for parameter in facts.parameters(function).iter().filter(|parameter| parameter.unhashable && keyed) {
            let name = facts.name(parameter.name);
            add(
                "unhashable_argument",
                function.def_line,
                format!("`{name}` is a list, dict or set, which is no key: the call raises an error"),
            );
        }
        if function.returns.none && matches!(spelled.library.as_str(), "paracle" | "aiocache") {
            add(
                "none_not_cached",
                function.def_line,
                "None is not kept: calls that give None are computed again each time".into(),
            );
        }
        if spelled.default_size && !facts.parameters(function).is_empty() {
            add("default_size", function.line, "the size is the library's default, 128: nobody chose it".into());
        }
        if spelled.capacity == Capacity::Entries(0) {
            add("size_zero", function.line, "a size of 0 keeps nothing, and only counts misses".into());
        }
        let keyless = facts
            .parameters(function)
            .iter()
            .skip(usize::from(function.method != Method::No && function.method != Method::Static))
            .count()
            == 0;
        if spelled.capacity == Capacity::Unbounded && !keyless && spelled.ttl_ms.is_none() && keyed {
            add("unbounded", function.line, "there is no limit: memory grows with each new argument".into());
        }
        if let (Scope::Function(_), true, None) = (declared.scope, keyed, &spelled.via) {
            add(
                "new_for_each_call",
                declared.line,
                "the cache is made inside a function: each call of that one begins with an empty cache".into(),
            );
        }
        let state = self.state(at);
        if state.effects & SPOILS_A_CACHE != 0 && spelled.kind != Kind::Background && spelled.ttl_ms.is_none() {
            self.impure(at, &mut add);
        }
        self.unhashable_calls(at, keyed, &mut hazards);
        hazards
    }

    fn impure(&self, at: (u32, u32), add: &mut impl FnMut(&str, u32, String)) {
        let state = self.state(at);
        let worst = effect::ALL.iter().rev().find(|(bit, _)| state.effects & bit & SPOILS_A_CACHE != 0);
        let Some((bit, word)) = worst else { return };
        let number = self.project.number(at.0, at.1);
        let chain = purity::reasons(self.project, self.links, self.purity, number, *bit);
        let Some((file, line, what)) = chain.last() else { return };
        let text = format!("{word}: `{what}` at {}:{line} is skipped when the cache answers", self.path(*file));
        add("impure", chain.first().map_or(*line, |(_, line, _)| *line), text);
    }

    fn unhashable_calls(&self, at: (u32, u32), keyed: bool, hazards: &mut Vec<Hazard>) {
        for (file, number) in self.callers(at).filter(|_| keyed) {
            let call = &self.project.facts(file).calls[number as usize];
            if call.flags & call::UNHASHABLE != 0 {
                hazards.push(Hazard {
                    id: "unhashable_call".into(),
                    file: self.path(file),
                    line: call.line,
                    text: "this call gives a list, dict or set, which is no key: it raises an error".into(),
                });
            }
        }
    }

    /// Functions without a cache that the source says may be worth one, the most promising first.
    pub(crate) fn candidates(&self, caches: &[Cache]) -> Vec<Candidate> {
        let decorated: std::collections::BTreeSet<(&str, u32)> =
            caches.iter().filter_map(|cache| Some((cache.file.as_str(), cache.def_line?))).collect();
        let manual: std::collections::BTreeSet<(u32, u32)> =
            self.links.iter().flat_map(|links| &links.declared).filter_map(|declared| declared.function).collect();
        let mut found = Vec::new();
        for (file, source) in self.project.sources.iter().enumerate().filter(|(_, source)| !source.is_test) {
            let file = u32::try_from(file).unwrap_or(u32::MAX);
            for (number, function) in source.facts.functions.iter().enumerate() {
                let at = (file, u32::try_from(number).unwrap_or(u32::MAX));
                let known = decorated.contains(&(source.path.as_str(), function.def_line)) || manual.contains(&at);
                if !known && let Some(candidate) = self.candidate(at) {
                    found.push(candidate);
                }
            }
        }
        found.sort_by(|a, b| {
            let rank = |c: &Candidate| std::cmp::Reverse((c.indicators.len(), c.sites.in_loops, c.sites.production));
            rank(a).cmp(&rank(b)).then_with(|| (&a.file, a.line).cmp(&(&b.file, b.line)))
        });
        found
    }

    fn candidate(&self, at: (u32, u32)) -> Option<Candidate> {
        let function = self.function(at);
        let facts = self.project.facts(at.0);
        let own = usize::from(matches!(function.method, Method::Instance | Method::Class));
        let given = facts.parameters(function).get(own..).unwrap_or_default();
        let simple = !function.is_generator && !function.is_async && !given.is_empty() && function.returns.value;
        let hashable = given.iter().all(|parameter| !parameter.unhashable && !parameter.variadic);
        // An instance can change between calls; what its methods read of it is not followed.
        let fixed = matches!(function.method, Method::No | Method::Static | Method::Class);
        let name = facts.name(function.name);
        if !(simple && hashable && fixed)
            || name.starts_with("__")
            || matches!(function.parent, Scope::Function(_))
            || self.state(at).effects != 0
            || function.returns.mutable.is_some()
        {
            return None;
        }
        let indicators = self.indicators(at);
        if indicators.is_empty() {
            return None;
        }
        let places: Vec<((u32, u32), Tier)> = self.callers(at).map(|place| (place, Tier::Resolved)).collect();
        let sites = self.sites(&places);
        let same = sites.list.iter().any(|site| site.same_arguments && !site.test);
        let repeated = sites.in_loops > 0 || indicators.iter().any(|word| word == "recursion");
        if !repeated {
            return None;
        }
        let mut indicators = indicators;
        if same {
            indicators.push("same_arguments".into());
        }
        Some(Candidate {
            name: self.full_name(at),
            file: self.path(at.0),
            line: function.line,
            def_line: function.def_line,
            purity: self.purity_of(at),
            indicators,
            sites,
            runtime: None,
        })
    }

    /// Signs in the text that a call takes long.
    fn indicators(&self, at: (u32, u32)) -> Vec<String> {
        let function = self.function(at);
        let links = &self.links[at.0 as usize];
        let mut words = std::collections::BTreeSet::new();
        match function.shape.loop_depth {
            0 => {}
            1 => drop(words.insert("loop")),
            _ => drop(words.insert("nested_loops")),
        }
        if function.shape.generators >= 2 {
            words.insert("comprehension");
        }
        let calls = self.project.facts(at.0).calls.iter().zip(&links.targets).filter(|(call, _)| call.function == at.1);
        for (_, target) in calls {
            match target {
                Target::Function(file, function, _) if (*file, *function) == at => drop(words.insert("recursion")),
                Target::External(number) => match links.externals[*number as usize].split('.').next() {
                    Some("hashlib" | "hmac" | "zlib" | "bz2" | "lzma") => drop(words.insert("crypto")),
                    Some("re" | "difflib" | "fnmatch") => drop(words.insert("pattern")),
                    Some("json" | "ast" | "yaml" | "toml" | "tomllib") => drop(words.insert("parsing")),
                    _ => {}
                },
                _ => {}
            }
        }
        words.into_iter().map(str::to_owned).collect()
    }
}

fn kind_word(kind: Kind) -> &'static str {
    match kind {
        Kind::Function => "function",
        Kind::Property => "property",
        Kind::Method => "method",
        Kind::Page => "page",
        Kind::Background => "background",
        Kind::Object => "object",
    }
}

/// Libraries that give every caller the same object, not a copy.
fn keeps_the_object(spelled: &Spelled) -> bool {
    matches!(
        spelled.library.as_str(),
        "functools" | "cachetools" | "toolz" | "async_lru" | "methodtools" | "paracle" | "advanced_caching"
    ) && spelled.kind != Kind::Property
}

fn site(source: &super::project::Source, call: &Call, tier: Tier) -> Site {
    let caller = (call.function != NOWHERE).then(|| &source.facts.functions[call.function as usize]);
    Site {
        file: source.path.clone(),
        line: call.line,
        caller: caller.map(|function| format!("{}.{}", source.module, source.facts.name(function.qualname))),
        tier: match tier {
            Tier::Resolved => "resolved",
            Tier::Method => "method",
            Tier::Name => "name",
        }
        .into(),
        loop_depth: u32::from(call.loop_depth),
        comprehension: call.flags & call::COMPREHENSION != 0,
        reference: is_reference(call.flags),
        same_arguments: call.flags & call::SAME_ARGUMENTS != 0,
        test: source.is_test,
    }
}
