//! Manifests of older formats, brought to the present one step at a time.
//!
//! A step lives in its own file here, `v1.rs` for what turns format 1 into format 2, and adds itself to [`STEPS`]. It
//! changes JSON only; a bundle of each old format stays in `tests/data/bundle/`.

use serde_json::Value;

/// Turns a manifest of one format into the next one.
pub(super) type Step = fn(&mut Value) -> Result<(), String>;

/// The step at index 0 upgrades format 1, the next one format 2, and so on.
pub(super) static STEPS: &[Step] = &[];

/// Applies the steps that a manifest of format `found` needs and sets its format.
pub(super) fn upgrade(manifest: &mut Value, found: u32, steps: &[Step]) -> Result<(), String> {
    let first = (found as usize).checked_sub(1).ok_or("there was no format 0")?;
    for step in steps.get(first..).unwrap_or_default() {
        step(manifest)?;
    }
    let fields = manifest.as_object_mut().ok_or("it is not a JSON object")?;
    fields.insert("format".to_owned(), Value::from(steps.len() + 1));
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::FORMAT_VERSION;
    use serde_json::json;

    #[test]
    fn each_step_runs_once_from_the_found_format_on() {
        let steps: &[Step] = &[
            |m| {
                m["one"] = json!(true);
                Ok(())
            },
            |m| {
                m["two"] = json!(true);
                Ok(())
            },
        ];
        let mut oldest = json!({"format": 1});
        upgrade(&mut oldest, 1, steps).expect("two steps");
        assert_eq!(oldest, json!({"format": 3, "one": true, "two": true}));
        let mut middle = json!({"format": 2});
        upgrade(&mut middle, 2, steps).expect("one step");
        assert_eq!(middle, json!({"format": 3, "two": true}));
        assert!(upgrade(&mut json!({}), 0, steps).is_err());
    }

    #[test]
    fn there_is_a_step_for_every_older_format() {
        assert_eq!(STEPS.len() + 1, FORMAT_VERSION as usize);
    }
}
