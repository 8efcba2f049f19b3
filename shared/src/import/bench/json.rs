//! JSON whose values know their path, and that may hold the numbers that JSON has not (`NaN`, `Infinity`).

use super::error::{ImportError, Place};
use serde_json::Value;
use serde_json::error::Category;
use std::fmt::Write as _;

/// The JSON documents that follow each other in a text, and what ended them early.
pub(super) fn documents(text: &str) -> (Vec<Value>, Option<ImportError>) {
    let (found, error) = parse(text);
    if error.is_none() {
        return (found, None);
    }
    // Python, NumPy and old versions of other writers put these where a number is not one.
    let Some((lenient, grown)) = without_non_numbers(text) else { return (found, error) };
    let (found, mut error) = parse(&lenient);
    if let Some(Place::Line { byte, .. }) = error.as_mut().and_then(|error| error.place.as_mut()) {
        *byte -= grown.iter().filter(|&&at| at < *byte).count();
    }
    (found, error)
}

fn parse(text: &str) -> (Vec<Value>, Option<ImportError>) {
    let mut found = Vec::new();
    for document in serde_json::Deserializer::from_str(text).into_iter::<Value>() {
        match document {
            Ok(value) => found.push(value),
            Err(error) => return (found, Some(syntax(text, &error))),
        }
    }
    (found, None)
}

fn syntax(text: &str, error: &serde_json::Error) -> ImportError {
    let before: usize = text.split_inclusive('\n').take(error.line().saturating_sub(1)).map(str::len).sum();
    let byte = (before + error.column().saturating_sub(1)).min(text.len());
    let words = error.to_string();
    let words = words.split(" at line ").next().unwrap_or_default();
    let refused = match error.classify() {
        Category::Eof => {
            ImportError::new(format!("the JSON is cut off ({words})")).hint("copy or write the file again")
        }
        _ => ImportError::new(format!("this is not JSON ({words})")),
    };
    ImportError { place: Some(Place::Line { line: error.line(), byte }), ..refused }
}

/// Tokens that are no JSON.
const NON_NUMBERS: [&str; 9] = ["-Infinity", "+Infinity", "Infinity", "-NaN", "NaN", "-nan", "nan", "-inf", "inf"];

/// The text with `null` for numbers that are none, and the places where it became a byte longer by that.
fn without_non_numbers(text: &str) -> Option<(String, Vec<usize>)> {
    let bytes = text.as_bytes();
    let (mut clean, mut grown) = (String::new(), Vec::new());
    let (mut kept, mut at, mut quoted) = (0, 0, false);
    while at < bytes.len() {
        match bytes[at] {
            b'\\' if quoted => at += 1,
            b'"' => quoted = !quoted,
            b'-' | b'+' | b'N' | b'n' | b'I' | b'i' if !quoted => {
                let before = at.checked_sub(1).map(|before| bytes[before]);
                let begins = before.is_none_or(|before| before.is_ascii_whitespace() || b":,[".contains(&before));
                let found = if begins { NON_NUMBERS.iter().find(|token| is_token(&text[at..], token)) } else { None };
                if let Some(token) = found {
                    clean.push_str(&text[kept..at]);
                    if token.len() < "null".len() {
                        grown.push(clean.len());
                    }
                    clean.extend(["null", &" ".repeat(token.len().saturating_sub("null".len()))]);
                    at += token.len();
                    kept = at;
                    continue;
                }
            }
            _ => {}
        }
        at += 1;
    }
    clean.push_str(&text[kept..]);
    (kept > 0).then_some((clean, grown))
}

fn is_token(rest: &str, token: &str) -> bool {
    rest.strip_prefix(token).is_some_and(|after| !after.starts_with(|c: char| c.is_alphanumeric() || c == '_'))
}

/// A value and where it was found.
#[derive(Clone, Debug)]
pub(super) struct Node<'a> {
    pub(super) value: &'a Value,
    path: String,
}

impl<'a> Node<'a> {
    pub(super) fn root(value: &'a Value) -> Self {
        Self { value, path: String::new() }
    }

    /// An error about this value.
    pub(super) fn wrong(&self, reason: impl Into<String>) -> ImportError {
        ImportError::at_path(if self.path.is_empty() { "the file" } else { &self.path }, reason)
    }

    fn expected(&self, what: &str) -> ImportError {
        self.wrong(format!("is {}, {what} was expected", kind(self.value)))
    }

    /// A field that is there and not null.
    pub(super) fn get(&self, key: &str) -> Option<Node<'a>> {
        let value = self.value.get(key).filter(|value| !value.is_null())?;
        Some(Node { value, path: below(&self.path, key) })
    }

    /// A field that must be there.
    pub(super) fn need(&self, key: &str) -> Result<Node<'a>, ImportError> {
        match self.value {
            Value::Object(_) => self.get(key).ok_or_else(|| ImportError::at_path(below(&self.path, key), "is missing")),
            _ => Err(self.expected("an object")),
        }
    }

    pub(super) fn items(&self) -> Result<Vec<Node<'a>>, ImportError> {
        let items = self.value.as_array().ok_or_else(|| self.expected("a list"))?;
        Ok(items.iter().enumerate().map(|(i, value)| Node { value, path: format!("{}[{i}]", self.path) }).collect())
    }

    pub(super) fn fields(&self) -> Result<Vec<(&'a str, Node<'a>)>, ImportError> {
        let fields = self.value.as_object().ok_or_else(|| self.expected("an object"))?;
        Ok(fields.iter().map(|(key, value)| (key.as_str(), Node { value, path: below(&self.path, key) })).collect())
    }

    pub(super) fn number(&self) -> Result<f64, ImportError> {
        self.value.as_f64().ok_or_else(|| self.expected("a number"))
    }

    /// A number, or one of the words for numbers that are none, which give nothing.
    pub(super) fn number_or_none(&self) -> Result<Option<f64>, ImportError> {
        match self.value.as_str() {
            Some("NaN" | "+INF" | "-INF" | "INF" | "Infinity" | "-Infinity" | "+Infinity" | "NA" | "") => Ok(None),
            _ => self.number().map(Some),
        }
    }

    pub(super) fn numbers(&self) -> Result<Vec<f64>, ImportError> {
        let items = self.value.as_array().ok_or_else(|| self.expected("a list"))?;
        let number = |(i, value): (usize, &'a Value)| {
            value.as_f64().ok_or_else(|| Node { value, path: format!("{}[{i}]", self.path) }.expected("a number"))
        };
        items.iter().enumerate().map(number).collect()
    }

    pub(super) fn text(&self) -> Result<&'a str, ImportError> {
        self.value.as_str().ok_or_else(|| self.expected("a string"))
    }

    /// A field's number, if it is there.
    pub(super) fn number_of(&self, key: &str) -> Result<Option<f64>, ImportError> {
        self.get(key).map_or(Ok(None), |node| node.number_or_none())
    }

    /// A field's text, if it is there and one.
    pub(super) fn text_of(&self, key: &str) -> Option<&'a str> {
        self.get(key)?.value.as_str()
    }

    /// A value as a person would write it; objects and lists as JSON.
    pub(super) fn plain(&self) -> String {
        match self.value {
            Value::String(text) => text.clone(),
            other => other.to_string(),
        }
    }
}

fn below(path: &str, key: &str) -> String {
    let plain = !key.is_empty() && key.chars().all(|c| c.is_alphanumeric() || c == '_' || c == '-');
    let mut path = path.to_owned();
    match plain {
        true if path.is_empty() => path.push_str(key),
        true => path.extend([".", key]),
        // Writing into a string never fails.
        false => write!(path, "[{key:?}]").unwrap_or_default(),
    }
    path
}

fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "true or false",
        Value::Number(_) => "a number",
        Value::String(_) => "a string",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error(text: &str) -> String {
        documents(text).1.unwrap().to_string()
    }

    #[test]
    fn a_cut_text_names_line_and_byte() {
        let cut = "{\"results\":\n [1, 2";
        assert_eq!(
            error(cut),
            format!(
                "line 2, byte {}: the JSON is cut off (EOF while parsing a list); copy or write the file again",
                cut.len() - 1
            )
        );
        assert!(error("{\"a\" 1}").starts_with("line 1, byte 5: this is not JSON"), "{}", error("{\"a\" 1}"));
    }

    #[test]
    fn numbers_that_are_none_are_null_outside_of_strings() {
        let (found, error) = documents(r#"{"NaN": [NaN, -Infinity,1e3, -nan], "b": "x: NaN, \" NaN"}"#);
        assert_eq!(error, None);
        assert_eq!(found[0].to_string(), r#"{"NaN":[null,null,1000.0,null],"b":"x: NaN, \" NaN"}"#);
        assert!(documents("[NaNa]").1.is_some());
        assert!(documents("[NaN, nan, -Infinity, 1 2]").1.unwrap().to_string().starts_with("line 1, byte 24:"));
    }

    #[test]
    fn wrong_types_name_their_path() {
        let value = serde_json::json!({"results": [{"times": [1, "x"], "odd key": null}]});
        let results = Node::root(&value).need("results").unwrap().items().unwrap();
        let times = results[0].need("times").unwrap();
        assert_eq!(times.numbers().unwrap_err().to_string(), "results[0].times[1] is a string, a number was expected");
        assert_eq!(results[0].need("odd key").unwrap_err().to_string(), "results[0][\"odd key\"] is missing");
    }
}
