//! JSON with nothing in it that a bundle never has: a struct is an object and never an array, a variant is a word.
//!
//! `serde_json` also takes an array where a struct is asked for and an object for a variant, so that each derive brings
//! both into the page's module; and a line `[]` would be a record of defaults. Here all else is `serde_json`'s: its syntax,
//! its limits of depth, and its errors with line and column.

use serde::de::value::StrDeserializer;
use serde::de::{
    DeserializeOwned, DeserializeSeed, Deserializer, Error, IntoDeserializer, MapAccess, SeqAccess, Visitor,
};
use std::fmt;

/// Reads one value, and nothing after it.
///
/// # Errors
///
/// Where the text is no JSON or no `T`; says the line and the column.
pub fn from_slice<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, serde_json::Error> {
    let mut text = serde_json::Deserializer::from_slice(bytes);
    let value = T::deserialize(Plain(&mut text))?;
    text.end()?;
    Ok(value)
}

/// A deserializer, visitor, access or seed of `serde_json`, or one given to it: hands on what it holds as another `Plain`.
struct Plain<T>(T);

/// Visits an enum of units with the word of its variant.
struct Word<V>(V);

/// What has nothing of ours inside.
macro_rules! as_it_is {
    ($($method:ident)*) => {
        $(fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Self::Error> {
            self.0.$method(visitor)
        })*
    };
}

impl<'de, D: Deserializer<'de>> Deserializer<'de> for Plain<D> {
    type Error = D::Error;

    as_it_is! {
        deserialize_any deserialize_ignored_any deserialize_identifier deserialize_bool deserialize_char
        deserialize_i8 deserialize_i16 deserialize_i32 deserialize_i64 deserialize_i128 deserialize_u8 deserialize_u16
        deserialize_u32 deserialize_u64 deserialize_u128 deserialize_f32 deserialize_f64 deserialize_str
        deserialize_string deserialize_bytes deserialize_byte_buf deserialize_unit
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, D::Error> {
        self.0.deserialize_option(Plain(visitor))
    }

    fn deserialize_unit_struct<V: Visitor<'de>>(self, _: &'static str, visitor: V) -> Result<V::Value, D::Error> {
        self.0.deserialize_unit(visitor)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(self, _: &'static str, visitor: V) -> Result<V::Value, D::Error> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, D::Error> {
        self.0.deserialize_seq(Plain(visitor))
    }

    fn deserialize_tuple<V: Visitor<'de>>(self, _: usize, visitor: V) -> Result<V::Value, D::Error> {
        self.deserialize_seq(visitor)
    }

    fn deserialize_tuple_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: usize,
        visitor: V,
    ) -> Result<V::Value, D::Error> {
        self.deserialize_seq(visitor)
    }

    fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, D::Error> {
        self.0.deserialize_map(Plain(visitor))
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, D::Error> {
        self.deserialize_map(visitor)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, D::Error> {
        self.0.deserialize_str(Word(visitor))
    }
}

impl<'de, V: Visitor<'de>> Visitor<'de> for Plain<V> {
    type Value = V::Value;

    fn expecting(&self, to: &mut fmt::Formatter) -> fmt::Result {
        self.0.expecting(to)
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<V::Value, A::Error> {
        self.0.visit_map(Plain(map))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, seq: A) -> Result<V::Value, A::Error> {
        self.0.visit_seq(Plain(seq))
    }

    fn visit_some<D: Deserializer<'de>>(self, some: D) -> Result<V::Value, D::Error> {
        self.0.visit_some(Plain(some))
    }

    fn visit_none<E: Error>(self) -> Result<V::Value, E> {
        self.0.visit_none()
    }

    fn visit_unit<E: Error>(self) -> Result<V::Value, E> {
        self.0.visit_unit()
    }
}

impl<'de, V: Visitor<'de>> Visitor<'de> for Word<V> {
    type Value = V::Value;

    fn expecting(&self, to: &mut fmt::Formatter) -> fmt::Result {
        self.0.expecting(to)
    }

    fn visit_str<E: Error>(self, word: &str) -> Result<V::Value, E> {
        let word: StrDeserializer<E> = word.into_deserializer();
        self.0.visit_enum(word)
    }
}

impl<'de, A: MapAccess<'de>> MapAccess<'de> for Plain<A> {
    type Error = A::Error;

    /// Keys have nothing inside.
    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, A::Error> {
        self.0.next_key_seed(seed)
    }

    fn next_value_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<S::Value, A::Error> {
        self.0.next_value_seed(Plain(seed))
    }

    fn size_hint(&self) -> Option<usize> {
        self.0.size_hint()
    }
}

impl<'de, A: SeqAccess<'de>> SeqAccess<'de> for Plain<A> {
    type Error = A::Error;

    fn next_element_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<Option<S::Value>, A::Error> {
        self.0.next_element_seed(Plain(seed))
    }

    fn size_hint(&self) -> Option<usize> {
        self.0.size_hint()
    }
}

impl<'de, S: DeserializeSeed<'de>> DeserializeSeed<'de> for Plain<S> {
    type Value = S::Value;

    fn deserialize<D: Deserializer<'de>>(self, value: D) -> Result<S::Value, D::Error> {
        self.0.deserialize(Plain(value))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Manifest, Process};
    use serde::Deserialize;
    use std::collections::BTreeMap;

    #[derive(Debug, PartialEq, Deserialize)]
    #[serde(rename_all = "snake_case")]
    enum Colour {
        Red,
        #[serde(other)]
        Unknown,
    }

    #[derive(Debug, PartialEq, Deserialize)]
    struct Row {
        colour: Colour,
        pair: Option<[f64; 2]>,
        #[serde(default)]
        rows: Vec<Row>,
        #[serde(default)]
        by: BTreeMap<u32, Vec<Row>>,
    }

    #[derive(Debug, Default, PartialEq, Deserialize)]
    #[serde(default)]
    struct Loose {
        value: u32,
    }

    fn refusal<T: DeserializeOwned + fmt::Debug>(text: &str) -> String {
        from_slice::<T>(text.as_bytes()).unwrap_err().to_string()
    }

    #[test]
    fn reads_what_serde_json_reads() {
        let text = r#" {"new":{"a":[1,{}]},"colour":"red","pair":[1,2.5e0],"rows":[{"colour":"\u0062lue","pair":null}],"by":{"7":[]}} "#;
        let row = Row { colour: Colour::Unknown, pair: None, rows: Vec::new(), by: BTreeMap::new() };
        let by = BTreeMap::from([(7, Vec::new())]);
        assert_eq!(
            from_slice::<Row>(text.as_bytes()).unwrap(),
            Row { colour: Colour::Red, pair: Some([1.0, 2.5]), rows: vec![row], by }
        );
        let value: serde_json::Value = from_slice(text.as_bytes()).unwrap();
        assert_eq!(value, serde_json::from_str::<serde_json::Value>(text).unwrap());
        let manifest = serde_json::to_vec(&Manifest { command: vec!["é\n".into()], ..Manifest::default() }).unwrap();
        assert_eq!(from_slice::<Manifest>(&manifest).unwrap(), serde_json::from_slice(&manifest).unwrap());
    }

    #[test]
    fn an_array_is_no_struct_and_an_object_no_variant() {
        assert_eq!(serde_json::from_str::<Loose>("[]").unwrap(), Loose::default(), "what this is for");
        assert_eq!(refusal::<Loose>("[]"), "invalid type: sequence, expected struct Loose at line 1 column 0");
        let inside = refusal::<Row>("{\"colour\":\"red\",\n\"rows\":[[\"red\"]]}");
        assert_eq!(inside, "invalid type: sequence, expected struct Row at line 2 column 8");
        let variant = refusal::<Row>(r#"{"colour":{"red":null}}"#);
        assert_eq!(variant, "invalid type: map, expected enum Colour at line 1 column 10");
    }

    #[test]
    fn errors_say_the_place() {
        for text in [
            "",
            "{",
            "{\"pid\":1,\n\"ppid\":\"x\"}",
            "{\"pid\":-1}",
            "{\"pid\":4294967296}",
            "{\"pid\":1,\"pid\":2}",
            "{\"pid\":1}",
            "{\"pid\":1,}",
            "7",
            "{} {}",
            "{\"name\":\"\x01\"}",
        ] {
            let expect = serde_json::from_str::<Process>(text).unwrap_err().to_string();
            assert_eq!(refusal::<Process>(text), expect, "{text}");
        }
        let deep = "[".repeat(1000);
        let deep = format!("{{\"colour\":\"red\",\"x\":{deep}}}");
        assert_eq!(refusal::<Row>(&deep), serde_json::from_str::<Row>(&deep).unwrap_err().to_string());
    }
}
