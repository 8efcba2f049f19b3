//! Expressions: calls and who is called, names that are read, comprehensions.

use super::Reader;
use crate::scan::facts::{Argument, Bound, Call, Callee, Name, Origin, Path, Read, Receiver, Span, Value, call};
use ruff_python_ast::visitor::{self, Visitor};
use ruff_python_ast::{self as ast, Comprehension, Expr, ExprContext};

/// Builtins and methods that call a function that they are given, once for each element.
fn calls_its_argument(name: &str) -> bool {
    matches!(
        name,
        "map"
            | "filter"
            | "sorted"
            | "min"
            | "max"
            | "reduce"
            | "sort"
            | "starmap"
            | "imap"
            | "imap_unordered"
            | "map_async"
            | "groupby"
            | "submit"
            | "apply"
    )
}

/// Methods that change the object that they are called on.
fn changes(name: &str) -> bool {
    matches!(
        name,
        "append"
            | "extend"
            | "insert"
            | "remove"
            | "pop"
            | "clear"
            | "sort"
            | "reverse"
            | "update"
            | "setdefault"
            | "popitem"
            | "add"
            | "discard"
            | "appendleft"
            | "popleft"
            | "extendleft"
            | "rotate"
            | "move_to_end"
            | "difference_update"
            | "intersection_update"
            | "__setitem__"
            | "__delitem__"
    )
}

impl Reader {
    pub(super) fn expression(&mut self, expression: &Expr) {
        match expression {
            Expr::Call(node) => self.call(node, 0),
            Expr::Await(node) => match &*node.value {
                Expr::Call(node) => self.call(node, call::AWAITED),
                other => self.visit_expr(other),
            },
            Expr::Name(name) if name.ctx == ExprContext::Load => {
                let id = self.intern(name.id.as_str());
                self.load(id, name);
            }
            Expr::Attribute(attribute) => self.attribute(attribute, expression),
            Expr::Yield(_) | Expr::YieldFrom(_) => {
                let function = self.here().function as usize;
                if let Some(function) = self.facts.functions.get_mut(function) {
                    function.is_generator = true;
                }
                visitor::walk_expr(self, expression);
            }
            Expr::ListComp(node) => self.comprehension(&node.generators, &[&*node.elt]),
            Expr::SetComp(node) => self.comprehension(&node.generators, &[&*node.elt]),
            Expr::Generator(node) => self.comprehension(&node.generators, &[&*node.elt]),
            Expr::DictComp(node) => match &node.key {
                Some(key) => self.comprehension(&node.generators, &[&**key, &*node.value]),
                None => self.comprehension(&node.generators, &[&*node.value]),
            },
            Expr::Named(node) => {
                self.visit_expr(&node.value);
                let origin = self.origin(&node.value);
                self.bind_target(&node.target, origin);
            }
            Expr::Lambda(node) => self.lambda(node),
            Expr::NumberLiteral(_) | Expr::StringLiteral(_) | Expr::NoneLiteral(_) | Expr::BooleanLiteral(_) => {}
            _ => visitor::walk_expr(self, expression),
        }
    }

    /// A name that is read; what the function does not bind may be a variable of the module.
    fn load(&mut self, name: Name, node: &ast::ExprName) {
        let frame = self.here();
        let (function, id) = (frame.function, frame.id);
        let slot = self.slot(name);
        if !frame.in_function() || slot.local.frame == id || slot.read == id {
            return;
        }
        self.slot_mut(name).read = id;
        let line = self.line(node);
        self.loads.push((function, name, line));
    }

    fn attribute(&mut self, node: &ast::ExprAttribute, expression: &Expr) {
        let Some(path) = self.path(expression) else { return self.visit_expr(&node.value) };
        let frame = self.here();
        if frame.in_function() && self.local(path.base).is_none() && node.ctx == ExprContext::Load {
            let (function, line) = (frame.function, self.line(node));
            self.facts.reads.push(Read { function, line, path });
        } else {
            self.forget(&path);
        }
    }

    fn lambda(&mut self, node: &ast::ExprLambda) {
        // Its parameters hide names for a while; its calls are made by whoever calls it, from here.
        if let Some(parameters) = &node.parameters {
            for parameter in &**parameters {
                let name = self.intern(parameter.name().as_str());
                if self.local(name).is_none() && self.here().in_function() {
                    self.bind(name, Bound::Value(Value::Other), Origin::Fresh);
                }
                if let Some(default) = parameter.default() {
                    self.visit_expr(default);
                }
            }
        }
        self.visit_expr(&node.body);
    }

    fn comprehension(&mut self, generators: &[Comprehension], elements: &[&Expr]) {
        let first = self.pending.len();
        self.count(|shape| {
            shape.generators = shape.generators.max(u32::try_from(generators.len()).unwrap_or(u32::MAX));
        });
        for (index, generator) in generators.iter().enumerate() {
            // The first iterable is computed once, outside.
            self.visit_expr(&generator.iter);
            let origin = self.origin(&generator.iter);
            let from = if index == 0 { self.pending.len() } else { first };
            self.push_loop(from);
            self.frame().comprehensions += 1;
            if self.here().in_function() {
                self.bind_target(&generator.target, origin);
            } else {
                self.bound_in_comprehension(&generator.target);
            }
            generator.ifs.iter().for_each(|condition| self.visit_expr(condition));
        }
        for element in elements {
            self.visit_expr(element);
        }
        for _ in generators {
            self.frame().comprehensions -= 1;
            self.close_loop();
        }
    }

    /// Outside functions its names are not seen by anybody else, so they are not bound.
    fn bound_in_comprehension(&mut self, target: &Expr) {
        match target {
            Expr::Name(name) => {
                let name = self.intern(name.id.as_str());
                self.bound_in_loop(name);
            }
            Expr::Tuple(tuple) => tuple.elts.iter().for_each(|element| self.bound_in_comprehension(element)),
            Expr::List(list) => list.elts.iter().for_each(|element| self.bound_in_comprehension(element)),
            _ => {}
        }
    }

    fn call(&mut self, node: &ast::ExprCall, mut flags: u8) {
        let line = self.line_of(node.range_start);
        let (callee, receiver) = self.callee(&node.func, line);
        let frame = self.here();
        let (function, loop_depth) = (frame.function, frame.loop_depth());
        if frame.comprehensions > 0 {
            flags |= call::COMPREHENSION;
        }
        let (from, first_name) = (self.facts.arguments.len(), self.given.len());
        let mut plain = loop_depth > 0;
        for argument in &node.arguments.args {
            let origin = self.argument(argument, &mut plain, &mut flags);
            self.facts.arguments.push(Argument { name: 0, origin });
        }
        while self.facts.arguments.len() > from
            && self.facts.arguments.pop_if(|argument| argument.origin == Origin::Fresh).is_some()
        {}
        self.facts.arguments.truncate(from + usize::from(u8::MAX));
        let by_keyword = self.facts.arguments.len();
        for keyword in &node.arguments.keywords {
            let origin = self.argument(&keyword.value, &mut plain, &mut flags);
            match &keyword.arg {
                Some(name) if origin != Origin::Fresh => {
                    let name = self.intern(name.as_str());
                    self.facts.arguments.push(Argument { name, origin });
                }
                Some(_) => {}
                None => plain = false,
            }
        }
        self.facts.arguments.truncate(by_keyword + usize::from(u8::MAX));
        let count = |from: usize, to: usize| u8::try_from(to - from).unwrap_or(u8::MAX);
        let (positional, keywords) = (count(from, by_keyword), count(by_keyword, self.facts.arguments.len()));
        let arguments = u32::try_from(from).unwrap_or(u32::MAX);
        let number = u32::try_from(self.facts.calls.len()).unwrap_or(u32::MAX);
        let hands_on = self.calls_its_argument(&callee);
        let call = Call { function, line, callee, loop_depth, flags, receiver, positional, keywords, arguments };
        self.facts.calls.push(call);
        if plain && self.given.len() > first_name {
            self.pending.push((number, Span::since(first_name, &self.given)));
        } else {
            self.given.truncate(first_name);
        }
        if hands_on {
            self.references(node, flags);
        }
        if !matches!(&*node.func, Expr::Name(_)) {
            self.called_on(&node.func);
        }
        node.arguments.args.iter().for_each(|argument| self.visit_expr(argument));
        node.arguments.keywords.iter().for_each(|keyword| self.visit_expr(&keyword.value));
    }

    /// The expression before the dot of a method call, as far as it does something.
    fn called_on(&mut self, function: &Expr) {
        match function {
            Expr::Attribute(attribute) => match &*attribute.value {
                Expr::Name(name) => {
                    let id = self.intern(name.id.as_str());
                    self.load(id, name);
                }
                other => self.visit_expr(other),
            },
            other => self.visit_expr(other),
        }
    }

    /// Where an argument comes from; adds its flags, and the name that it is, where it is `plain`: a name or a constant.
    fn argument(&mut self, argument: &Expr, plain: &mut bool, flags: &mut u8) -> Origin {
        match argument {
            Expr::Name(name) => {
                let name = self.intern(name.id.as_str());
                if *plain {
                    self.given.push(name);
                }
                return self.origin_of(name);
            }
            Expr::NumberLiteral(_) | Expr::StringLiteral(_) | Expr::NoneLiteral(_) | Expr::BooleanLiteral(_) => {}
            Expr::List(_) | Expr::Dict(_) | Expr::Set(_) | Expr::ListComp(_) | Expr::DictComp(_) | Expr::SetComp(_) => {
                *plain = false;
                *flags |= call::UNHASHABLE;
            }
            _ => {
                *plain = false;
                return self.origin(argument);
            }
        }
        Origin::Fresh
    }

    fn callee(&mut self, function: &Expr, line: u32) -> (Callee, Origin) {
        if let Some(path) = self.path(function) {
            let last = self.facts.attributes(&path).last().copied();
            let origin = if last.is_none() { Origin::Fresh } else { self.origin_of(path.base) };
            if let Some(last) = last {
                self.changes(last, origin, line, &path);
            }
            return (Callee::Path(path), origin);
        }
        let Expr::Attribute(attribute) = function else { return (Callee::Other, Origin::Fresh) };
        let name = self.intern(attribute.attr.as_str());
        if let Expr::Call(inner) = &*attribute.value
            && matches!(&*inner.func, Expr::Name(called) if called.id.as_str() == "super")
            && let Some(class) = self.frames.iter().rev().find_map(|frame| frame.class)
        {
            return (Callee::Super(class, name), Origin::Parameter(0));
        }
        let origin = self.origin(&attribute.value);
        let receiver = match &*attribute.value {
            Expr::StringLiteral(_)
            | Expr::FString(_)
            | Expr::BytesLiteral(_)
            | Expr::List(_)
            | Expr::Tuple(_)
            | Expr::Dict(_)
            | Expr::Set(_)
            | Expr::ListComp(_)
            | Expr::DictComp(_)
            | Expr::SetComp(_)
            | Expr::NumberLiteral(_) => Receiver::Literal,
            _ => Receiver::Unknown,
        };
        if changes(attribute.attr.as_str()) {
            self.change(origin, line, name);
        }
        (Callee::Method(name, receiver), origin)
    }

    /// `x.append(..)`: whose is `x`?
    fn changes(&mut self, name: Name, origin: Origin, line: u32, path: &Path) {
        if !changes(self.facts.name(name)) {
            return;
        }
        // `module.update()` is a function of a module, which is looked up later.
        if origin == Origin::Global && path.to - path.from == 1 && self.is_import(path.base) {
            return;
        }
        if origin == Origin::Global {
            self.writes(path.base);
        }
        self.change(origin, line, name);
    }

    fn is_import(&self, name: Name) -> bool {
        let local = self.slot(name).local;
        local.frame != 0
            && matches!(
                self.facts.bindings[local.binding as usize].bound,
                Bound::Module(_) | Bound::From(..) | Bound::Class(_)
            )
    }

    fn calls_its_argument(&self, callee: &Callee) -> bool {
        let name = match callee {
            Callee::Path(path) => self.facts.last(path),
            Callee::Method(name, _) => *name,
            _ => return false,
        };
        calls_its_argument(self.facts.name(name))
    }

    /// `map(f, xs)`, `sorted(xs, key=f)`: calls of `f`, one loop deeper.
    fn references(&mut self, node: &ast::ExprCall, flags: u8) {
        let by_key = node.arguments.keywords.iter().filter(|keyword| {
            keyword.arg.as_ref().is_some_and(|name| matches!(name.as_str(), "key" | "func" | "function"))
        });
        let given: Vec<&Expr> =
            node.arguments.args.first().into_iter().chain(by_key.map(|keyword| &keyword.value)).collect();
        for function in given {
            let Some(path) = self.path(function) else { continue };
            let frame = self.here();
            let call = Call {
                function: frame.function,
                line: self.line(function),
                loop_depth: frame.loop_depth().saturating_add(1),
                callee: Callee::Path(path),
                flags: (flags & call::COMPREHENSION) | call::REFERENCE,
                receiver: Origin::Fresh,
                positional: 0,
                keywords: 0,
                arguments: 0,
            };
            self.facts.calls.push(call);
        }
    }
}
