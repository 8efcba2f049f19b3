//! Reads structs field by field into their defaults: what serde derives, at half of its size in the page's module.
//!
//! A derived visitor keeps every field beside the struct until all are there, and drops each of them at each error. This
//! one fills a default; which fields must be there is one number.

use serde::de::{Deserialize, DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, Visitor};
use std::fmt;
use std::marker::PhantomData;

/// `fields!(Type: required, ..; optional, ..)`: reads a struct with a default, of which all fields are named. An optional
/// field that is not there is that of the default; others that are there are skipped.
macro_rules! fields {
    ($type:ident: $($required:ident),*; $($optional:ident),*) => {
        impl $crate::fields::Fields for $type {
            const NAME: &str = stringify!($type);
            const NAMES: &[&str] = &[$(stringify!($required),)* $(stringify!($optional)),*];
            const REQUIRED: usize = <[&str]>::len(&[$(stringify!($required)),*]);

            fn set<'de, A: serde::de::MapAccess<'de>>(&mut self, index: usize, map: &mut A) -> Result<(), A::Error> {
                let Self { $($required,)* $($optional),* } = self;
                let mut at = 0..;
                $(if at.next() == Some(index) {
                    return $crate::fields::put($required, map);
                })*
                $(if at.next() == Some(index) {
                    return $crate::fields::put($optional, map);
                })*
                $crate::fields::skip(map)
            }
        }

        impl<'de> serde::Deserialize<'de> for $type {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                $crate::fields::read(deserializer)
            }
        }
    };
}
pub(crate) use fields;

/// A struct that can be read by its fields.
pub(crate) trait Fields: Default {
    const NAME: &'static str;
    /// The required ones first.
    const NAMES: &'static [&'static str];
    const REQUIRED: usize;

    /// Reads a value into the field of [`Self::NAMES`], or skips it if there is none at `index`.
    fn set<'de, A: MapAccess<'de>>(&mut self, index: usize, map: &mut A) -> Result<(), A::Error>;
}

pub(crate) fn read<'de, T: Fields, D: Deserializer<'de>>(deserializer: D) -> Result<T, D::Error> {
    deserializer.deserialize_struct(T::NAME, T::NAMES, Fill(PhantomData))
}

/// One for all fields of a type, of whatever struct.
#[inline(never)]
pub(crate) fn put<'de, T: Deserialize<'de>, A: MapAccess<'de>>(field: &mut T, map: &mut A) -> Result<(), A::Error> {
    *field = map.next_value()?;
    Ok(())
}

#[inline(never)]
pub(crate) fn skip<'de, A: MapAccess<'de>>(map: &mut A) -> Result<(), A::Error> {
    map.next_value::<IgnoredAny>().map(drop)
}

struct Fill<T>(PhantomData<T>);

impl<'de, T: Fields> Visitor<'de> for Fill<T> {
    type Value = T;

    fn expecting(&self, to: &mut fmt::Formatter) -> fmt::Result {
        write!(to, "struct {}", T::NAME)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<T, A::Error> {
        let mut row = T::default();
        let mut names = Names { of: T::NAMES, next: 0, seen: 0 };
        while let Some(index) = names.next(&mut map)? {
            row.set(index, &mut map)?;
        }
        names.complete(T::REQUIRED)?;
        Ok(row)
    }
}

struct Names {
    of: &'static [&'static str],
    /// Where the next one is most likely: fields mostly come in their order.
    next: usize,
    /// A bit for each.
    seen: u64,
}

impl Names {
    /// Index of the next field's name; as many as there are if it is none.
    #[inline(never)]
    fn next<'de, A: MapAccess<'de>>(&mut self, map: &mut A) -> Result<Option<usize>, A::Error> {
        let Some(index) = map.next_key_seed(&*self)? else { return Ok(None) };
        if let Some(name) = self.of.get(index) {
            if self.seen >> index & 1 == 1 {
                return Err(A::Error::duplicate_field(name));
            }
            self.seen |= 1 << index;
            self.next = index + 1;
        }
        Ok(Some(index))
    }

    fn complete<E: Error>(&self, required: usize) -> Result<(), E> {
        let missing = self.seen.trailing_ones() as usize;
        if missing < required { Err(E::missing_field(self.of[missing])) } else { Ok(()) }
    }
}

impl<'de> DeserializeSeed<'de> for &Names {
    type Value = usize;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<usize, D::Error> {
        deserializer.deserialize_identifier(self)
    }
}

impl Visitor<'_> for &Names {
    type Value = usize;

    fn expecting(&self, to: &mut fmt::Formatter) -> fmt::Result {
        to.write_str("field identifier")
    }

    fn visit_str<E: Error>(self, name: &str) -> Result<usize, E> {
        if self.of.get(self.next) == Some(&name) {
            return Ok(self.next);
        }
        Ok(self.of.iter().position(|&known| known == name).unwrap_or(self.of.len()))
    }
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    #[derive(Debug, Default, PartialEq)]
    struct Row {
        pid: u32,
        name: String,
        rate: Option<f64>,
        tags: Vec<String>,
        parent: Option<Box<Row>>,
    }

    fields!(Row: pid, name; rate, tags, parent);

    /// What serde makes of the same struct.
    #[derive(Debug, PartialEq, Deserialize)]
    struct Derived {
        pid: u32,
        name: String,
        rate: Option<f64>,
        #[serde(default)]
        tags: Vec<String>,
        parent: Option<Box<Derived>>,
    }

    fn same(row: &Row, derived: &Derived) -> bool {
        let parents = match (&row.parent, &derived.parent) {
            (Some(row), Some(derived)) => same(row, derived),
            (row, derived) => row.is_none() && derived.is_none(),
        };
        let Row { pid, name, rate, tags, .. } = row;
        parents && (*pid, name, *rate, tags) == (derived.pid, &derived.name, derived.rate, &derived.tags)
    }

    #[test]
    fn reads_and_refuses_what_a_derive_does() {
        let texts = [
            r#"{"pid":1,"name":"a","rate":2.5,"tags":["b"],"parent":{"pid":0,"name":"c"}}"#,
            r#"{"parent":null,"new":{"pid":[{}]},"tags":[],"name":"a","new":0,"pid":1,"rate":null}"#,
            r#"{"n\u0061me":"a","pid":1}"#,
            r#"{"pid":1}"#,
            r#"{"name":"a","tags":[]}"#,
            "{}",
            r#"{"pid":1,"pid":1,"name":"a"}"#,
            r#"{"pid":1,"name":"a","tags":[],"rate":0,"tags":[]}"#,
            r#"{"pid":1,"name":null}"#,
            r#"{"pid":1,"name":"a","tags":null}"#,
            r#"{"pid":-1,"name":"a"}"#,
            r#"{"pid":1,"name":"a","parent":{"pid":1}}"#,
            r#"{"pid":1,"name":"a","parent":7}"#,
            r#"{"pid":1,"name":"a""#,
            r#"{"pid" 1}"#,
            "7",
            "null",
            "",
        ];
        for text in texts {
            let own = serde_json::from_str::<Row>(text).map_err(|error| error.to_string());
            let derived = serde_json::from_str::<Derived>(text);
            let derived = derived.map_err(|error| error.to_string().replace("Derived", "Row"));
            match (&own, &derived) {
                (Ok(own), Ok(derived)) => assert!(same(own, derived), "{own:?} of {text}"),
                (Err(own), Err(derived)) => assert_eq!(own, derived, "{text}"),
                _ => panic!("{own:?} and not {derived:?} of {text}"),
            }
        }
        assert!(serde_json::from_str::<Row>(r#"[1,"a",null,[],null]"#).is_err(), "an array is no struct");
    }
}
