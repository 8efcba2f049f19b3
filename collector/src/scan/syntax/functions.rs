//! Definitions: functions and classes, their parameters, decorators and returns.

use super::Reader;
use crate::scan::facts::{
    Binding, Bound, Class, Decorator, Function, Method, Origin, Parameter, Scope, Shape, Span, Value,
};
use ruff_python_ast::visitor::Visitor;
use ruff_python_ast::{self as ast, Expr};
use ruff_text_size::Ranged;

impl Reader {
    pub(super) fn count(&mut self, with: impl FnOnce(&mut Shape)) {
        let function = self.here().function as usize;
        if let Some(function) = self.facts.functions.get_mut(function) {
            with(&mut function.shape);
        }
    }

    pub(super) fn function(&mut self, node: &ast::StmtFunctionDef) {
        let name = self.intern(node.name.as_str());
        let number = u32::try_from(self.facts.functions.len()).unwrap_or(u32::MAX);
        let mut decorators = Vec::with_capacity(node.decorator_list.len());
        for decorator in &node.decorator_list {
            let value = self.value(&decorator.expression);
            decorators.push(Decorator { line: self.line(decorator), value });
            // Its arguments are code of the place around; the decorator itself is no call site.
            if let Expr::Call(call) = &decorator.expression {
                call.arguments.args.iter().for_each(|argument| self.visit_expr(argument));
                call.arguments.keywords.iter().for_each(|keyword| self.visit_expr(&keyword.value));
            }
        }
        for default in node.parameters.iter_non_variadic_params().filter_map(|parameter| parameter.default.as_deref()) {
            self.visit_expr(default);
        }
        let def_line = self.line(&node.name);
        let line = decorators.first().map_or(def_line, |decorator| decorator.line);
        let (parent, class) = (self.here().scope, self.direct_class());
        let method = class.map_or(Method::No, |_| Self::method(node));
        let qualname = self.qualname(name, node.name.as_str(), ".<locals>.");
        let parameters = self.parameters(&node.parameters);
        let mut function = Function {
            name,
            qualname,
            parent,
            class,
            method,
            line,
            def_line,
            end_line: self.line_of(node.end()),
            is_async: node.is_async,
            parameters,
            decorators,
            ..Function::default()
        };
        if let Some(annotation) = &node.returns {
            function.returns.mutable = is_mutable_type(annotation).then(|| self.line(&**annotation));
            function.returns.none = says_none(annotation);
        }
        self.facts.functions.push(function);
        self.bind(name, Bound::Function(number), Origin::Global);
        self.enter(node, number, class, method);
        self.visit_body(&node.body);
        let falls_through = may_end(&node.body);
        let returns = &mut self.facts.functions[number as usize].returns;
        returns.none |= returns.value && falls_through;
        self.leave_frame();
    }

    /// The class whose body this place is.
    fn direct_class(&self) -> Option<u32> {
        match self.here().scope {
            Scope::Class(class) => Some(class),
            _ => None,
        }
    }

    fn method(node: &ast::StmtFunctionDef) -> Method {
        let named = |wanted: &str| {
            node.decorator_list.iter().any(|decorator| match &decorator.expression {
                Expr::Name(name) => name.id.as_str() == wanted,
                _ => false,
            })
        };
        let name = node.name.as_str();
        if named("staticmethod") {
            Method::Static
        } else if named("classmethod") || matches!(name, "__new__" | "__init_subclass__" | "__class_getitem__") {
            Method::Class
        } else {
            Method::Instance
        }
    }

    fn enter(&mut self, node: &ast::StmtFunctionDef, number: u32, class: Option<u32>, method: Method) {
        let scope = Scope::Function(number);
        // A function inside a method sees the method's `self` as an outer name.
        let mut frame = self.new_frame(scope, number, class);
        let itself = matches!(method, Method::Instance | Method::Class);
        for (index, parameter) in node.parameters.iter().enumerate() {
            let name = self.intern(parameter.name().as_str());
            if index == 0 && itself {
                frame.itself = Some(name);
            }
            let position = u16::try_from(index).unwrap_or(u16::MAX);
            let index = u32::from(position);
            let binding = u32::try_from(self.facts.bindings.len()).unwrap_or(u32::MAX);
            let bound = match &parameter.as_parameter().annotation {
                Some(annotation) if !(index == 0 && itself) => self.typed(annotation, index),
                _ => Bound::Parameter(index),
            };
            self.facts.bindings.push(Binding { scope, name, of_instance: false, line: 0, bound });
            frame.hidden.extend(self.bind_in(frame.id, name, binding, Origin::Parameter(position)));
        }
        self.frames.push(frame);
    }

    /// A parameter whose annotation names a class is an instance of it.
    fn typed(&mut self, annotation: &Expr, index: u32) -> Bound {
        match annotation {
            Expr::Name(name) if name.id.as_str().starts_with(char::is_uppercase) => {}
            Expr::Attribute(attribute) if attribute.attr.as_str().starts_with(char::is_uppercase) => {}
            _ => return Bound::Parameter(index),
        }
        self.path(annotation).map_or(Bound::Parameter(index), |path| Bound::Value(Value::Made(path)))
    }

    fn parameters(&mut self, parameters: &ast::Parameters) -> Span {
        let from = self.facts.parameters.len();
        for parameter in parameters {
            let annotation = parameter.as_parameter().annotation.as_deref();
            let by_type = annotation.is_some_and(is_mutable_type);
            let by_default = parameter
                .default()
                .is_some_and(|default| matches!(default, Expr::List(_) | Expr::Dict(_) | Expr::Set(_)));
            let name = self.intern(parameter.name().as_str());
            self.facts.parameters.push(Parameter {
                name,
                unhashable: (by_type || by_default) && !parameter.is_variadic(),
                annotated: annotation.is_some(),
                variadic: parameter.is_variadic(),
            });
        }
        Span::since(from, &self.facts.parameters)
    }

    pub(super) fn class(&mut self, node: &ast::StmtClassDef) {
        let name = self.intern(node.name.as_str());
        let number = u32::try_from(self.facts.classes.len()).unwrap_or(u32::MAX);
        node.decorator_list.iter().for_each(|decorator| self.visit_expr(&decorator.expression));
        let mut bases = Vec::new();
        if let Some(arguments) = &node.arguments {
            for base in &arguments.args {
                // `Generic[T]` has the methods of `Generic`.
                let base = if let Expr::Subscript(subscript) = base { &*subscript.value } else { base };
                bases.push(self.value(base));
            }
            arguments.keywords.iter().for_each(|keyword| self.visit_expr(&keyword.value));
        }
        let qualname = self.qualname(name, node.name.as_str(), ".");
        let line = self.line(&node.name);
        let parent = self.here().scope;
        self.facts.classes.push(Class { name, qualname, parent, line, bases });
        self.bind(name, Bound::Class(number), Origin::Global);
        let function = self.here().function;
        let frame = self.new_frame(Scope::Class(number), function, Some(number));
        self.frames.push(frame);
        self.visit_body(&node.body);
        self.leave_frame();
    }

    pub(super) fn returned(&mut self, node: &ast::StmtReturn) {
        let value = node.value.as_deref();
        if let Some(value) = value {
            self.visit_expr(value);
        }
        let mutable = value.is_some_and(|value| match value {
            Expr::List(_) | Expr::Dict(_) | Expr::Set(_) | Expr::ListComp(_) | Expr::DictComp(_) | Expr::SetComp(_) => true,
            Expr::Call(call) => {
                matches!(&*call.func, Expr::Name(name) if matches!(name.id.as_str(), "list" | "dict" | "set" | "sorted" | "bytearray"))
            }
            Expr::Name(name) => self.is_mutable_local(name.id.as_str()),
            _ => false,
        });
        let line = self.line(node);
        let function = self.here().function as usize;
        let Some(function) = self.facts.functions.get_mut(function) else { return };
        let returns = &mut function.returns;
        if mutable && returns.mutable.is_none() {
            returns.mutable = Some(line);
        }
        match value {
            None | Some(Expr::NoneLiteral(_)) => returns.none = true,
            Some(Expr::If(chosen)) => {
                returns.none |= chosen.body.is_none_literal_expr() || chosen.orelse.is_none_literal_expr();
                returns.value = true;
            }
            Some(_) => returns.value = true,
        }
    }

    fn is_mutable_local(&mut self, name: &str) -> bool {
        let name = self.intern(name);
        let Some(local) = self.local(name) else { return false };
        matches!(&self.facts.bindings[local.binding as usize].bound, Bound::Value(value) if value.is_mutable_display())
    }
}

/// `list`, `Dict[str, int]`, `typing.List[int]`, `collections.defaultdict`.
fn is_mutable_type(annotation: &Expr) -> bool {
    let name = match annotation {
        Expr::Name(name) => name.id.as_str(),
        Expr::Attribute(attribute) => attribute.attr.as_str(),
        Expr::Subscript(subscript) => return is_mutable_type(&subscript.value),
        Expr::StringLiteral(text) => text.value.to_str().split('[').next().unwrap_or_default(),
        _ => return false,
    };
    matches!(
        name,
        "list"
            | "dict"
            | "set"
            | "bytearray"
            | "List"
            | "Dict"
            | "Set"
            | "DefaultDict"
            | "defaultdict"
            | "OrderedDict"
            | "Counter"
            | "deque"
            | "MutableMapping"
            | "MutableSequence"
            | "MutableSet"
            | "ndarray"
            | "DataFrame"
    )
}

/// `None`, `Optional[..]`, `X | None`.
fn says_none(annotation: &Expr) -> bool {
    match annotation {
        Expr::NoneLiteral(_) => true,
        Expr::Subscript(subscript) => match &*subscript.value {
            Expr::Name(name) => name.id.as_str() == "Optional",
            Expr::Attribute(attribute) => attribute.attr.as_str() == "Optional",
            _ => false,
        },
        Expr::BinOp(union) => says_none(&union.left) || says_none(&union.right),
        Expr::StringLiteral(text) => {
            text.value.to_str().contains("None") || text.value.to_str().starts_with("Optional[")
        }
        _ => false,
    }
}

/// Whether control can run past the end of a body; where that is not plain, it is taken not to.
fn may_end(body: &[ast::Stmt]) -> bool {
    match body.last() {
        None | Some(ast::Stmt::Expr(_) | ast::Stmt::Assign(_) | ast::Stmt::Pass(_) | ast::Stmt::For(_)) => true,
        Some(ast::Stmt::If(choice)) => {
            may_end(&choice.body)
                || choice.elif_else_clauses.iter().any(|clause| may_end(&clause.body))
                || choice.elif_else_clauses.last().is_none_or(|clause| clause.test.is_some())
        }
        Some(_) => false,
    }
}
