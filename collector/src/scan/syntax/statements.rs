//! Statements: what they bind, which loops they open, what they change.

use super::Reader;
use super::frame::Loop;
use crate::scan::facts::{Binding, Bound, Effect, ModuleName, Name, Origin, Scope, Value, call, effect};
use ruff_python_ast::visitor::{self, Visitor};
use ruff_python_ast::{self as ast, Expr, Pattern, Stmt};

impl<'a> Visitor<'a> for Reader {
    fn visit_stmt(&mut self, statement: &'a Stmt) {
        self.count(|shape| shape.statements += 1);
        match statement {
            Stmt::FunctionDef(function) => self.function(function),
            Stmt::ClassDef(class) => self.class(class),
            Stmt::Import(import) => self.import(import),
            Stmt::ImportFrom(import) => self.import_from(import),
            Stmt::Assign(assign) => {
                self.visit_expr(&assign.value);
                self.assign(&assign.targets, &assign.value);
            }
            Stmt::AnnAssign(assign) => {
                if let Some(value) = &assign.value {
                    self.visit_expr(value);
                    self.assign(std::slice::from_ref(&assign.target), value);
                }
            }
            Stmt::AugAssign(assign) => self.augment(assign),
            Stmt::Delete(delete) => delete.targets.iter().for_each(|target| self.changed(target, "del")),
            Stmt::Global(global) => self.outer(&global.names, true),
            Stmt::Nonlocal(nonlocal) => self.outer(&nonlocal.names, false),
            Stmt::For(each) => {
                self.visit_expr(&each.iter);
                let origin = self.origin(&each.iter);
                self.open_loop();
                self.bind_target(&each.target, origin);
                self.visit_body(&each.body);
                self.close_loop();
                self.visit_body(&each.orelse);
            }
            Stmt::While(each) => {
                self.open_loop();
                self.visit_expr(&each.test);
                self.visit_body(&each.body);
                self.close_loop();
                self.visit_body(&each.orelse);
            }
            Stmt::With(with) => {
                for item in &with.items {
                    self.visit_expr(&item.context_expr);
                    if let Some(target) = &item.optional_vars {
                        self.bind_target(target, Origin::Fresh);
                    }
                }
                self.visit_body(&with.body);
            }
            Stmt::Return(returned) => self.returned(returned),
            Stmt::Try(attempt) => self.attempt(attempt),
            _ => visitor::walk_stmt(self, statement),
        }
    }

    fn visit_expr(&mut self, expression: &'a Expr) {
        if self.depth >= super::DEEPEST {
            return;
        }
        self.depth += 1;
        self.expression(expression);
        self.depth -= 1;
    }

    fn visit_pattern(&mut self, pattern: &'a Pattern) {
        let name = match pattern {
            Pattern::MatchAs(capture) => capture.name.as_ref(),
            Pattern::MatchStar(star) => star.name.as_ref(),
            Pattern::MatchMapping(mapping) => mapping.rest.as_ref(),
            _ => None,
        };
        if let Some(name) = name {
            let name = self.intern(name.as_str());
            self.bind(name, Bound::Value(Value::Other), Origin::Fresh);
        }
        visitor::walk_pattern(self, pattern);
    }
}

impl Reader {
    /// Binds a name in the scope of this place.
    pub(super) fn bind(&mut self, name: Name, bound: Bound, origin: Origin) {
        self.bound_in_loop(name);
        let frame = self.here();
        let scope = frame.scope;
        match frame.outer.get(&name) {
            Some(true) => {
                let binding = Binding { scope: Scope::Module, name, of_instance: false, line: 0, bound };
                self.facts.bindings.push(binding);
                self.effect(effect::WRITES_GLOBAL, 0, self.facts.calls.last().map_or(0, |call| call.line), name);
            }
            // What an outer function sees change is inside of it.
            Some(false) => self.effect(effect::WRITES_GLOBAL, 0, 0, name),
            None => {
                if frame.in_function()
                    && let Some(local) = self.local(name)
                {
                    let number = local.binding as usize;
                    if !matches!(bound, Bound::Value(_))
                        || !matches!(self.facts.bindings[number].bound, Bound::Value(_))
                    {
                        // A parameter or an import that gets another value, or the other way round.
                        if matches!(bound, Bound::Function(_) | Bound::Class(_) | Bound::Module(_) | Bound::From(..)) {
                            self.facts.bindings[number].bound = bound;
                        } else if let Bound::Parameter(_) = self.facts.bindings[number].bound {
                            self.facts.bindings[number].bound = Bound::Value(Value::Other);
                        }
                    } else if let Bound::Value(Value::None) = self.facts.bindings[number].bound {
                        self.facts.bindings[number].bound = bound;
                    } else {
                        self.facts.bindings[number].bound = Bound::Value(Value::Other);
                    }
                    self.slot_mut(name).local.origin = origin;
                    return;
                }
                let number = u32::try_from(self.facts.bindings.len()).unwrap_or(u32::MAX);
                self.facts.bindings.push(Binding { scope, name, of_instance: false, line: 0, bound });
                let hidden = self.bind_in(self.here().id, name, number, origin);
                self.frame().hidden.extend(hidden);
            }
        }
    }

    /// Something that the function does; the first place of each kind is kept.
    pub(super) fn effect(&mut self, effect: u16, parameter: u16, line: u32, what: Name) {
        let scope = Scope::Function(self.here().function);
        // From the body of a class in it as well.
        let Some(frame) = self.frames.iter_mut().rev().find(|frame| frame.scope == scope) else { return };
        if !frame.effects.iter().any(|known| known.bit == effect && known.parameter == parameter) {
            frame.effects.push(Effect { bit: effect, parameter, line, what });
        }
    }

    fn import(&mut self, import: &ast::StmtImport) {
        for alias in &import.names {
            let (name, bound) = if let Some(asname) = &alias.asname {
                (asname.as_str(), alias.name.as_str())
            } else {
                // `import a.b` binds `a`.
                let first = alias.name.as_str().split('.').next().unwrap_or_default();
                (first, first)
            };
            let (name, module) = (self.intern(name), self.intern(bound));
            self.bind(name, Bound::Module(ModuleName { level: 0, name: module }), Origin::Global);
        }
    }

    fn import_from(&mut self, import: &ast::StmtImportFrom) {
        let name = self.intern(import.module.as_ref().map_or("", |module| module.as_str()));
        let module = ModuleName { level: import.level, name };
        for alias in &import.names {
            if alias.name.as_str() == "*" {
                self.facts.stars.push(module);
                continue;
            }
            let attribute = self.intern(alias.name.as_str());
            let name = alias.asname.as_ref().map_or(attribute, |asname| self.intern(asname.as_str()));
            self.bind(name, Bound::From(module, attribute), Origin::Global);
        }
    }

    fn assign(&mut self, targets: &[Expr], value: &Expr) {
        let origin = self.origin(value);
        for target in targets {
            match target {
                Expr::Name(target) => {
                    let name = self.intern(target.id.as_str());
                    let line = self.line(target);
                    let local = self.here().in_function();
                    let bound = if local { self.local_value(value) } else { self.value(value) };
                    if !local && target.id.as_str() == "__all__" {
                        self.all(value);
                    }
                    let before = self.facts.bindings.len();
                    self.bind(name, Bound::Value(bound), origin);
                    if let Some(binding) = self.facts.bindings.get_mut(before) {
                        binding.line = line;
                    }
                }
                Expr::Attribute(attribute) => {
                    self.changed(target, "assignment to an attribute");
                    self.instance_attribute(attribute, value);
                }
                Expr::Subscript(subscript) => {
                    self.changed(target, "assignment to an element");
                    self.visit_expr(&subscript.slice);
                }
                _ => self.bind_target(target, origin),
            }
        }
    }

    /// `self.name = value` in a method.
    fn instance_attribute(&mut self, target: &ast::ExprAttribute, value: &Expr) {
        let Expr::Name(base) = &*target.value else { return };
        let base = self.intern(base.id.as_str());
        let frame = self.here();
        let (Some(class), true) = (frame.class, frame.itself == Some(base)) else { return };
        let bound = self.value(value);
        if let Value::Call(_) | Value::Path(_) = bound {
            let name = self.intern(target.attr.as_str());
            let line = self.line(target);
            let binding =
                Binding { scope: Scope::Class(class), name, of_instance: true, line, bound: Bound::Value(bound) };
            self.facts.bindings.push(binding);
        }
    }

    fn all(&mut self, value: &Expr) {
        let (Expr::List(ast::ExprList { elts, .. }) | Expr::Tuple(ast::ExprTuple { elts, .. })) = value else { return };
        let mut names = Vec::with_capacity(elts.len());
        for element in elts {
            if let Expr::StringLiteral(text) = element {
                names.push(self.intern(text.value.to_str()));
            }
        }
        self.facts.all = Some(names);
    }

    fn augment(&mut self, assign: &ast::StmtAugAssign) {
        self.visit_expr(&assign.value);
        match &*assign.target {
            Expr::Name(target) => {
                let name = self.intern(target.id.as_str());
                // `+= [..]` changes a list in place; of anything else a new object is usual.
                let in_place =
                    matches!(*assign.value, Expr::List(_) | Expr::ListComp(_) | Expr::Dict(_) | Expr::Set(_));
                let origin = self.origin_of(name);
                if in_place && origin != Origin::Fresh {
                    self.changed(&assign.target, "+=");
                }
                let kept = if in_place { origin } else { Origin::Fresh };
                self.bind(name, Bound::Value(Value::Other), kept);
            }
            other => {
                self.changed(other, "assignment");
                if let Expr::Subscript(subscript) = other {
                    self.visit_expr(&subscript.slice);
                }
            }
        }
    }

    /// An object is changed in place: whose is it?
    pub(super) fn changed(&mut self, target: &Expr, how: &str) {
        let line = self.line(target);
        match target {
            Expr::Attribute(_) | Expr::Subscript(_) => {}
            Expr::Name(_) if how != "del" => {}
            Expr::Tuple(tuple) => return tuple.elts.iter().for_each(|element| self.changed(element, how)),
            _ => return,
        }
        let origin = self.origin(target);
        if origin == Origin::Global
            && let Some(root) = Self::root(target)
        {
            let root = self.intern(root);
            self.writes(root);
        }
        let what = self.intern(how);
        self.change(origin, line, what);
    }

    /// An object that a name outside of this function has is changed.
    pub(super) fn writes(&mut self, name: Name) {
        if self.here().in_function() {
            self.written.insert(name);
        }
    }

    pub(super) fn change(&mut self, origin: Origin, line: u32, what: Name) {
        match origin {
            Origin::Fresh => {}
            Origin::Global => self.effect(effect::WRITES_GLOBAL, 0, line, what),
            Origin::Parameter(0) if self.here().itself.is_some() => self.effect(effect::MUTATES_SELF, 0, line, what),
            Origin::Parameter(number) => self.effect(effect::MUTATES_ARGUMENT, number, line, what),
        }
    }

    fn outer(&mut self, names: &[ast::Identifier], global: bool) {
        for name in names {
            let name = self.intern(name.as_str());
            self.frame().outer.insert(name, global);
        }
    }

    /// Targets of `for`, `with`, `except`, of tuples.
    pub(super) fn bind_target(&mut self, target: &Expr, origin: Origin) {
        match target {
            Expr::Name(name) => {
                let name = self.intern(name.id.as_str());
                self.bind(name, Bound::Value(Value::Other), origin);
            }
            Expr::Tuple(ast::ExprTuple { elts, .. }) | Expr::List(ast::ExprList { elts, .. }) => {
                for element in elts {
                    self.bind_target(element, origin);
                }
            }
            Expr::Starred(starred) => self.bind_target(&starred.value, Origin::Fresh),
            other => self.changed(other, "assignment"),
        }
    }

    fn attempt(&mut self, attempt: &ast::StmtTry) {
        self.visit_body(&attempt.body);
        for ast::ExceptHandler::ExceptHandler(handler) in &attempt.handlers {
            if let Some(kind) = &handler.type_ {
                self.visit_expr(kind);
            }
            if let Some(name) = &handler.name {
                let name = self.intern(name.as_str());
                self.bind(name, Bound::Value(Value::Other), Origin::Fresh);
            }
            self.visit_body(&handler.body);
        }
        self.visit_body(&attempt.orelse);
        self.visit_body(&attempt.finalbody);
    }

    pub(super) fn open_loop(&mut self) {
        let first = self.pending.len();
        self.push_loop(first);
        let depth = u32::from(self.here().loop_depth());
        self.count(|shape| {
            shape.loops += 1;
            shape.loop_depth = shape.loop_depth.max(depth);
        });
    }

    pub(super) fn push_loop(&mut self, first: usize) {
        let frame = self.frame();
        let bound = frame.bound.len();
        frame.loops.push(Loop { bound, first });
    }

    pub(super) fn bound_in_loop(&mut self, name: Name) {
        let frame = self.frame();
        if !frame.loops.is_empty() {
            frame.bound.push(name);
        }
    }

    /// Tells which calls in the loop get the same arguments each time. What an inner loop binds, an outer one binds too;
    /// the innermost loop decides.
    pub(super) fn close_loop(&mut self) {
        let frame = self.frames.last_mut().expect("the module's frame is never popped");
        let Some(closed) = frame.loops.pop() else { return };
        let first = closed.first.min(self.pending.len());
        let bound = &frame.bound[closed.bound..];
        for (call, names) in &self.pending[first..] {
            let flags = &mut self.facts.calls[*call as usize].flags;
            if names.of(&self.given).iter().any(|name| bound.contains(name)) {
                *flags &= !call::SAME_ARGUMENTS;
            } else {
                *flags |= call::SAME_ARGUMENTS;
            }
        }
        if let Some((_, names)) = self.pending.get(first) {
            self.given.truncate(names.from as usize);
        }
        self.pending.truncate(first);
        if frame.loops.is_empty() {
            frame.bound.clear();
        }
    }
}
