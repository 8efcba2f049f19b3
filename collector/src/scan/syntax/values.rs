//! Expressions as values: paths, calls and constants, as deep as decorators and caches are written.

use super::Reader;
use crate::scan::facts::{CallValue, Found, Name, Origin, Path, Span, Value};
use ruff_python_ast::{self as ast, Expr, Number, UnaryOp};

/// `make_region(..).configure(..).cache_on_arguments(..)` is not deeper.
const DEEPEST_VALUE: u32 = 8;

impl Reader {
    /// `base.a.b` of an expression, if it is one; its names from left to right.
    pub(super) fn path(&mut self, expression: &Expr) -> Option<Path> {
        let from = self.facts.attributes.len();
        let mut at = expression;
        loop {
            match at {
                Expr::Attribute(attribute) => {
                    let name = self.intern(attribute.attr.as_str());
                    self.facts.attributes.push(name);
                    at = &attribute.value;
                }
                Expr::Name(name) => {
                    self.facts.attributes[from..].reverse();
                    let base = self.intern(name.id.as_str());
                    let [from, to] =
                        [from, self.facts.attributes.len()].map(|at| u32::try_from(at).unwrap_or(u32::MAX));
                    return Some(Path { base, from, to, found: Found::From(self.here().scope) });
                }
                _ => {
                    self.facts.attributes.truncate(from);
                    return None;
                }
            }
        }
    }

    /// A path that nobody keeps gives its place back.
    pub(super) fn forget(&mut self, path: &Path) {
        if self.facts.attributes.len() == path.to as usize {
            self.facts.attributes.truncate(path.from as usize);
        }
    }

    pub(super) fn value(&mut self, expression: &Expr) -> Value {
        self.value_at(expression, 0)
    }

    fn value_at(&mut self, expression: &Expr, depth: u32) -> Value {
        if depth > DEEPEST_VALUE {
            return Value::Other;
        }
        match expression {
            Expr::Name(_) => self.path(expression).map_or(Value::Other, Value::Path),
            Expr::Attribute(attribute) => {
                if let Some(path) = self.path(expression) {
                    return Value::Path(path);
                }
                // `make().attribute`
                let of = self.value_at(&attribute.value, depth + 1);
                let name = self.intern(attribute.attr.as_str());
                let number = u32::try_from(self.facts.values.len()).unwrap_or(u32::MAX);
                self.facts.values.push(of);
                Value::Attribute(number, name)
            }
            Expr::Call(call) => self.call_value(call, depth),
            Expr::NumberLiteral(number) => number_value(&number.value, 1),
            Expr::UnaryOp(ast::ExprUnaryOp { op: UnaryOp::USub, operand, .. }) => match &**operand {
                Expr::NumberLiteral(number) => number_value(&number.value, -1),
                _ => Value::Other,
            },
            Expr::BinOp(operation) => {
                let (left, right) =
                    (self.value_at(&operation.left, depth + 1), self.value_at(&operation.right, depth + 1));
                folded(operation.op, &left, &right)
            }
            Expr::StringLiteral(text) => Value::Text(self.text_of(text)),
            Expr::NoneLiteral(_) => Value::None,
            Expr::BooleanLiteral(boolean) => [Value::False, Value::True][usize::from(boolean.value)],
            Expr::List(_) | Expr::ListComp(_) => Value::List,
            Expr::Dict(_) | Expr::DictComp(_) => Value::Dict,
            Expr::Set(_) | Expr::SetComp(_) => Value::Set,
            Expr::Tuple(_) => Value::Tuple,
            Expr::Lambda(_) => Value::Lambda,
            _ => Value::Other,
        }
    }

    fn call_value(&mut self, call: &ast::ExprCall, depth: u32) -> Value {
        let callee = self.value_at(&call.func, depth + 1);
        // Arguments that are calls put their own before.
        let args: Vec<Value> = call.arguments.args.iter().map(|argument| self.value_at(argument, depth + 1)).collect();
        let mut keywords = Vec::new();
        for keyword in &call.arguments.keywords {
            if let Some(name) = &keyword.arg {
                let name = self.intern(name.as_str());
                keywords.push((name, self.value_at(&keyword.value, depth + 1)));
            }
        }
        let (from, from_named) = (self.facts.values.len(), self.facts.named.len());
        self.facts.values.extend(args);
        self.facts.named.extend(keywords);
        let args = Span::since(from, &self.facts.values);
        let keywords = Span::since(from_named, &self.facts.named);
        let number = u32::try_from(self.facts.made.len()).unwrap_or(u32::MAX);
        self.facts.made.push(CallValue { callee, args, keywords });
        Value::Call(number)
    }

    /// Short texts only: what names a time, a key or an attribute.
    fn text_of(&mut self, text: &ast::ExprStringLiteral) -> Name {
        let text = text.value.to_str();
        self.intern(if text.len() <= 80 { text } else { "" })
    }

    /// A value of a variable inside a function: only what tells its type.
    pub(super) fn local_value(&mut self, expression: &Expr) -> Value {
        match expression {
            Expr::Call(call) => match self.path(&call.func) {
                // Caches made in functions are declarations like any other.
                Some(path) if !self.names_a_cache(&path) => Value::Made(path),
                Some(_) => self.value_at(expression, 3),
                None => match &*call.func {
                    Expr::Call(_) => self.value_at(expression, 3),
                    _ => Value::Other,
                },
            },
            Expr::Name(_) | Expr::Attribute(_) => self.path(expression).map_or(Value::Other, Value::Path),
            Expr::List(_) | Expr::ListComp(_) => Value::List,
            Expr::Dict(_) | Expr::DictComp(_) => Value::Dict,
            Expr::Set(_) | Expr::SetComp(_) => Value::Set,
            Expr::Await(awaited) => self.local_value(&awaited.value),
            _ => Value::Other,
        }
    }

    fn names_a_cache(&self, path: &Path) -> bool {
        let name = self.facts.name(self.facts.last(path));
        name.contains("ache") || name.ends_with("lru")
    }

    /// Where the object that an expression gives comes from.
    pub(super) fn origin(&mut self, expression: &Expr) -> Origin {
        let mut at = expression;
        loop {
            at = match at {
                Expr::Attribute(attribute) => &attribute.value,
                Expr::Subscript(subscript) => &subscript.value,
                Expr::Starred(starred) => &starred.value,
                Expr::Await(awaited) => &awaited.value,
                Expr::Named(named) => &named.value,
                Expr::Name(name) => {
                    let name = self.intern(name.id.as_str());
                    return self.origin_of(name);
                }
                Expr::If(chosen) => match self.origin(&chosen.body) {
                    Origin::Fresh => &chosen.orelse,
                    origin => return origin,
                },
                Expr::BoolOp(operation) => {
                    for value in &operation.values {
                        let origin = self.origin(value);
                        if origin != Origin::Fresh {
                            return origin;
                        }
                    }
                    return Origin::Fresh;
                }
                _ => return Origin::Fresh,
            };
        }
    }

    /// The name that an attribute or element belongs to.
    pub(super) fn root(expression: &Expr) -> Option<&str> {
        let mut at = expression;
        loop {
            at = match at {
                Expr::Attribute(attribute) => &attribute.value,
                Expr::Subscript(subscript) => &subscript.value,
                Expr::Name(name) => return Some(name.id.as_str()),
                _ => return None,
            };
        }
    }

    pub(super) fn origin_of(&self, name: Name) -> Origin {
        match self.local(name) {
            Some(local) if !self.here().outer.contains_key(&name) => local.origin,
            _ => Origin::Global,
        }
    }
}

fn number_value(number: &Number, sign: i64) -> Value {
    match number {
        Number::Int(int) => int.as_i64().map_or(Value::Other, |int| Value::Int(int * sign)),
        Number::Float(float) => Value::Float(hundredths(*float) * sign),
        Number::Complex { .. } => Value::Other,
    }
}

#[expect(clippy::cast_possible_truncation, reason = "a time to live, and saturating")]
fn hundredths(float: f64) -> i64 {
    (float * 100.0).round() as i64
}

/// `60 * 15`, `2 ** 10`, `1 << 16`: how sizes and times are written.
fn folded(op: ast::Operator, left: &Value, right: &Value) -> Value {
    let (Value::Int(left), Value::Int(right)) = (left, right) else { return Value::Other };
    let result = match op {
        ast::Operator::Add => left.checked_add(*right),
        ast::Operator::Sub => left.checked_sub(*right),
        ast::Operator::Mult => left.checked_mul(*right),
        ast::Operator::FloorDiv if *right > 0 && *left >= 0 => Some(left / right),
        ast::Operator::Pow => u32::try_from(*right).ok().and_then(|right| left.checked_pow(right)),
        ast::Operator::LShift => {
            u32::try_from(*right).ok().and_then(|right| 2_i64.checked_pow(right)?.checked_mul(*left))
        }
        _ => None,
    };
    result.map_or(Value::Other, Value::Int)
}
