//! Elements as data: one type for all that `view!` makes, with the one code that builds and updates it.
//!
//! Leptos' own macro makes a type of every element with its attributes and children; this is what it does for each of them,
//! once. Owns the way from views to the document's nodes; must not know what is shown.

pub use perfcollect_viewer_macros::view;

use leptos::__reexports::send_wrapper::SendWrapper;
use leptos::ev::EventDescriptor;
use leptos::html::ElementType;
use leptos::prelude::*;
use leptos::tachys::html::attribute::Attribute;
use leptos::tachys::html::attribute::any_attribute::AnyAttribute;
use leptos::tachys::html::node_ref::NodeRefContainer;
use leptos::tachys::hydration::Cursor;
use leptos::tachys::renderer::{RemoveEventHandler, Rndr};
use leptos::tachys::view::{Position, PositionState, add_attr::AddAnyAttr};
use std::borrow::Cow;
use wasm_bindgen::{JsCast, JsValue};

const SVG: &str = "http://www.w3.org/2000/svg";

/// A closure behind a pointer. One of `Fn` would have its body compiled for each way to call it.
pub trait Make<T>: Send {
    fn make(&self) -> T;
}

impl<T, F: Fn() -> T + Send> Make<T> for F {
    fn make(&self) -> T {
        self()
    }
}

/// The same for what hears an event.
trait Hear {
    fn hear(&mut self, event: web_sys::Event);
}

impl<F: FnMut(web_sys::Event)> Hear for F {
    fn hear(&mut self, event: web_sys::Event) {
        self(event);
    }
}

/// A value that is set on an element.
pub enum Value {
    /// Nothing is set.
    None,
    Text(Cow<'static, str>),
    Flag(bool),
    /// Set again whenever what it reads changes.
    Live(Box<dyn Make<Value>>),
}

impl PartialEq for Value {
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::None, Self::None) => true,
            (Self::Text(a), Self::Text(b)) => a == b,
            (Self::Flag(a), Self::Flag(b)) => a == b,
            _ => false,
        }
    }
}

impl From<&'static str> for Value {
    fn from(text: &'static str) -> Self {
        Self::Text(Cow::Borrowed(text))
    }
}

impl From<String> for Value {
    fn from(text: String) -> Self {
        Self::Text(Cow::Owned(text))
    }
}

impl From<bool> for Value {
    fn from(flag: bool) -> Self {
        Self::Flag(flag)
    }
}

/// What an attribute can be given.
pub trait IntoValue {
    fn into_value(self) -> Value;
}

macro_rules! values {
    ($($kind:ty => |$value:ident| $made:expr;)*) => {
        $(impl IntoValue for $kind {
            fn into_value(self) -> Value {
                let $value = self;
                $made
            }
        })*
    };
}

values! {
    &'static str => |text| Value::Text(Cow::Borrowed(text));
    String => |text| Value::Text(Cow::Owned(text));
    Cow<'static, str> => |text| Value::Text(text);
    bool => |flag| Value::Flag(flag);
    usize => |number| Value::Text(Cow::Owned(number.to_string()));
    f64 => |number| Value::Text(Cow::Owned(number.to_string()));
    i32 => |number| Value::Text(Cow::Owned(number.to_string()));
}

impl<T: IntoValue> IntoValue for Option<T> {
    fn into_value(self) -> Value {
        self.map_or(Value::None, T::into_value)
    }
}

impl<F: Fn() -> V + Send + 'static, V: IntoValue> IntoValue for F {
    fn into_value(self) -> Value {
        Value::Live(Box::new(move || self().into_value()))
    }
}

/// What a value is set as.
#[derive(Clone, Copy, PartialEq)]
enum Kind {
    Attribute,
    Class,
    Style,
    Property,
}

enum Part {
    Set(Kind, &'static str, Value),
    On(Cow<'static, str>, SendWrapper<Box<dyn Hear>>),
    Ref(Box<dyn FnOnce(&web_sys::Element) + Send>),
}

/// An element that is not in the document yet.
pub struct Element {
    tag: &'static str,
    svg: bool,
    parts: Vec<Part>,
    children: Vec<AnyView>,
}

impl Element {
    #[must_use]
    pub fn html(tag: &'static str) -> Self {
        Self { tag, svg: false, parts: Vec::new(), children: Vec::new() }
    }

    #[must_use]
    pub fn svg(tag: &'static str) -> Self {
        Self { svg: true, ..Self::html(tag) }
    }

    #[must_use]
    pub fn set(self, name: &'static str, value: impl IntoValue) -> Self {
        self.with(Part::Set(Kind::Attribute, name, value.into_value()))
    }

    #[must_use]
    pub fn class(self, name: &'static str, value: impl IntoValue) -> Self {
        self.with(Part::Set(Kind::Class, name, value.into_value()))
    }

    #[must_use]
    pub fn style(self, name: &'static str, value: impl IntoValue) -> Self {
        self.with(Part::Set(Kind::Style, name, value.into_value()))
    }

    #[must_use]
    pub fn prop(self, name: &'static str, value: impl IntoValue) -> Self {
        self.with(Part::Set(Kind::Property, name, value.into_value()))
    }

    #[must_use]
    #[expect(clippy::needless_pass_by_value, reason = "as Leptos' macro gives it")]
    pub fn on<E: EventDescriptor>(self, event: E, mut run: impl FnMut(E::EventType) + 'static) -> Self
    where
        E::EventType: JsCast,
    {
        let run: Box<dyn Hear> = Box::new(move |event: web_sys::Event| run(event.unchecked_into()));
        self.with(Part::On(event.name(), SendWrapper::new(run)))
    }

    #[must_use]
    pub fn node_ref<E>(self, node: NodeRef<E>) -> Self
    where
        E: ElementType + 'static,
        E::Output: JsCast + Clone + 'static,
    {
        self.with(Part::Ref(Box::new(move |element| node.load(element))))
    }

    #[must_use]
    pub fn child(mut self, child: AnyView) -> Self {
        self.children.push(child);
        self
    }

    fn with(mut self, part: Part) -> Self {
        self.parts.push(part);
        self
    }
}

/// Any view as a child.
pub fn any(view: impl IntoView) -> AnyView {
    view.into_view().into_any()
}

/// A child that is a view or a closure that makes one; `child!` tells which.
pub struct Child<T>(pub Option<T>);

/// How `child!` takes closures.
pub trait LiveChild {
    fn view(&mut self) -> AnyView;
}

impl<F: Fn() -> V + Send + 'static, V: IntoView> LiveChild for Child<F> {
    fn view(&mut self) -> AnyView {
        self.0.take().map_or_else(|| ().into_any(), live)
    }
}

/// How `child!` takes everything else: one more reference away, so that closures are found first.
pub trait StillChild {
    fn view(&mut self) -> AnyView;
}

impl<V: IntoView> StillChild for &mut Child<V> {
    fn view(&mut self) -> AnyView {
        self.0.take().map_or_else(|| ().into_any(), any)
    }
}

/// The view of a child; closures share the code that runs them again.
macro_rules! child {
    ($value:expr) => {{
        #[expect(unused_imports, reason = "one of the two is used")]
        use $crate::ui::dom::{LiveChild as _, StillChild as _};
        (&mut $crate::ui::dom::Child(Some($value))).view()
    }};
}
pub(crate) use child;

/// A text that never changes.
pub fn text(text: &'static str) -> AnyView {
    text.into_any()
}

/// Views beside each other.
pub fn fragment(views: Vec<AnyView>) -> AnyView {
    views.into_any()
}

/// A view that is made again whenever what it reads changes.
pub fn live<V: IntoView>(make: impl Fn() -> V + Send + 'static) -> AnyView {
    shared(Box::new(move || any(make())))
}

fn shared(made: Box<dyn Make<AnyView>>) -> AnyView {
    (move || made.make()).into_any()
}

/// What is set on an element that exists.
enum Live {
    Set(&'static str, Value),
    Follows { _effect: RenderEffect<Value> },
    On { _handler: RemoveEventHandler<web_sys::Element> },
    Ref,
}

/// An element of the document.
pub struct ElementState {
    tag: &'static str,
    element: web_sys::Element,
    parts: Vec<Live>,
    children: Vec<<AnyView as Render>::State>,
}

impl Render for Element {
    type State = ElementState;

    fn build(self) -> ElementState {
        let element = Rndr::create_element(self.tag, self.svg.then_some(SVG));
        let parts = self.parts.into_iter().map(|part| put(&element, part, None)).collect();
        let mut children: Vec<_> = self.children.into_iter().map(Render::build).collect();
        for child in &mut children {
            child.mount(&element, None);
        }
        ElementState { tag: self.tag, element, parts, children }
    }

    /// In place where the element is the same with as many children; anew otherwise.
    fn rebuild(self, state: &mut ElementState) {
        if self.tag != state.tag || self.children.len() != state.children.len() || self.parts.len() != state.parts.len()
        {
            let new = self.build();
            let mut old = std::mem::replace(state, new);
            old.insert_before_this(state);
            return old.unmount();
        }
        let old = std::mem::take(&mut state.parts);
        state.parts = self.parts.into_iter().zip(old).map(|(part, old)| put(&state.element, part, Some(old))).collect();
        for (child, old) in self.children.into_iter().zip(&mut state.children) {
            child.rebuild(old);
        }
    }
}

/// Sets one part, after what was there.
fn put(element: &web_sys::Element, part: Part, old: Option<Live>) -> Live {
    match part {
        Part::Set(kind, name, Value::Live(value)) => {
            drop(old);
            let element = SendWrapper::new(element.clone());
            let effect = RenderEffect::new(move |last: Option<Value>| {
                let value = value.make();
                if last.as_ref() != Some(&value) {
                    apply(&element, kind, name, &value);
                }
                value
            });
            Live::Follows { _effect: effect }
        }
        Part::Set(kind, name, value) => {
            match old {
                Some(Live::Set(same, last)) if same == name => {
                    if last != value {
                        apply(element, kind, name, &value);
                    }
                }
                _ if value == Value::None => {}
                _ => apply(element, kind, name, &value),
            }
            Live::Set(name, value)
        }
        Part::On(name, run) => {
            drop(old);
            let owner = Owner::current().unwrap_or_default();
            let mut run = run.take();
            let handler = Rndr::add_event_listener(
                element,
                &name,
                Box::new(move |event: JsValue| owner.with(|| run.hear(event.unchecked_into()))),
            );
            Live::On { _handler: handler }
        }
        Part::Ref(load) => {
            load(element);
            Live::Ref
        }
    }
}

fn apply(element: &web_sys::Element, kind: Kind, name: &str, value: &Value) {
    let text = match value {
        Value::Text(text) => Some(&**text),
        Value::Flag(true) => Some(""),
        Value::Flag(false) | Value::None | Value::Live(_) => None,
    };
    match (kind, text) {
        (Kind::Attribute, Some(text)) => Rndr::set_attribute(element, name, text),
        (Kind::Attribute, None) => Rndr::remove_attribute(element, name),
        (Kind::Class, Some(_)) => Rndr::add_class(&element.class_list(), name),
        (Kind::Class, None) => Rndr::remove_class(&element.class_list(), name),
        (Kind::Style, Some(text)) => Rndr::set_css_property(&Rndr::style(element), name, text),
        (Kind::Style, None) => Rndr::remove_css_property(&Rndr::style(element), name),
        (Kind::Property, _) => {
            let value = match value {
                Value::Text(text) => JsValue::from_str(text),
                Value::Flag(flag) => JsValue::from_bool(*flag),
                Value::None | Value::Live(_) => JsValue::UNDEFINED,
            };
            Rndr::set_property(element, name, &value);
        }
    }
}

impl Mountable for ElementState {
    fn unmount(&mut self) {
        self.element.remove();
    }

    fn mount(&mut self, parent: &web_sys::Element, marker: Option<&web_sys::Node>) {
        Rndr::insert_node(parent, &self.element, marker);
    }

    fn insert_before_this(&self, child: &mut dyn Mountable) -> bool {
        match self.element.parent_element() {
            Some(parent) => {
                child.mount(&parent, Some(&self.element));
                true
            }
            None => false,
        }
    }

    fn elements(&self) -> Vec<web_sys::Element> {
        vec![self.element.clone()]
    }
}

impl AddAnyAttr for Element {
    type Output<New: Attribute> = Self;

    /// Attributes are given by `view!` only.
    fn add_any_attr<New: Attribute>(self, _: New) -> Self {
        self
    }
}

/// What Leptos asks of a view that a server would draw; the page draws in the browser only.
impl RenderHtml for Element {
    type AsyncOutput = Self;
    type Owned = Self;

    const MIN_LENGTH: usize = 0;

    fn dry_resolve(&mut self) {}

    async fn resolve(self) -> Self {
        self
    }

    fn to_html_with_buf(self, _: &mut String, _: &mut Position, _: bool, _: bool, _: Vec<AnyAttribute>) {}

    fn hydrate<const FROM_SERVER: bool>(self, _: &Cursor, _: &PositionState) -> ElementState {
        self.build()
    }

    fn into_owned(self) -> Self {
        self
    }
}
