//! Values that follow from others: computed when first asked for, and again when what they read changes.
//!
//! As Leptos' memos, which are compiled anew for each type of value, with all that notices changes. Here there is one type
//! inside for all of them, and every value stands behind a pointer.

use leptos::prelude::{Get, GetUntracked, Memo as Inner};
use std::any::Any;
use std::marker::PhantomData;
use std::sync::Arc;

type Value = dyn Any + Send + Sync;

/// A value, and how it is compared with the one before.
#[derive(Clone)]
struct Held {
    value: Arc<Value>,
    same: fn(&Value, &Value) -> bool,
}

impl PartialEq for Held {
    fn eq(&self, other: &Self) -> bool {
        (self.same)(&*self.value, &*other.value)
    }
}

/// A closure behind a pointer, as `dom` has them.
trait Make: Send + Sync {
    fn make(&self) -> Held;
}

impl<F: Fn() -> Held + Send + Sync> Make for F {
    fn make(&self) -> Held {
        self()
    }
}

/// A value that follows from others.
pub struct Memo<T>(Inner<Held>, PhantomData<fn() -> T>);

impl<T> Clone for Memo<T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for Memo<T> {}

impl<T: PartialEq + Send + Sync + 'static> Memo<T> {
    pub fn new(make: impl Fn() -> T + Send + Sync + 'static) -> Self {
        let same = |a: &Value, b: &Value| of::<T>(a) == of::<T>(b);
        Self(erased(Box::new(move || Held { value: Arc::new(make()), same })), PhantomData)
    }

    /// Looks at the value (tracked).
    pub fn with<R>(self, look: impl FnOnce(&T) -> R) -> R {
        look(of(&*now(self.0)))
    }

    pub fn get(self) -> T
    where
        T: Clone,
    {
        self.with(T::clone)
    }

    pub fn with_untracked<R>(self, look: impl FnOnce(&T) -> R) -> R {
        look(of(&*once(self.0)))
    }

    /// `None` once the view that made it is gone.
    pub fn try_get_untracked(self) -> Option<T>
    where
        T: Clone,
    {
        self.0.try_get_untracked().map(|held| of::<T>(&*held.value).clone())
    }

    /// Has what asks run again when the value changes.
    pub fn track(self) {
        now(self.0);
    }

    pub fn get_untracked(self) -> T
    where
        T: Clone,
    {
        self.with_untracked(T::clone)
    }
}

fn of<T: 'static>(value: &Value) -> &T {
    value.downcast_ref().expect("a memo holds what it made")
}

fn erased(made: Box<dyn Make>) -> Inner<Held> {
    Inner::new(move |_| made.make())
}

fn now(inner: Inner<Held>) -> Arc<Value> {
    inner.get().value
}

fn once(inner: Inner<Held>) -> Arc<Value> {
    inner.get_untracked().value
}
