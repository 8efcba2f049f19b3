//! Interned text.

use super::ids::StringId;
use std::sync::Arc;

/// Every name, path and label once. Row 0 is always the empty string.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StringTable {
    rows: Vec<Arc<str>>,
}

impl Default for StringTable {
    fn default() -> Self {
        Self { rows: vec![Arc::from("")] }
    }
}

impl StringTable {
    /// The empty string, which stands for "not known".
    pub const EMPTY: StringId = StringId(0);

    #[must_use]
    pub fn get(&self, id: StringId) -> &str {
        self.rows.get(id.index()).map_or("", |text| text)
    }

    #[must_use]
    pub fn len(&self) -> usize {
        self.rows.len()
    }

    #[must_use]
    pub fn is_empty(&self) -> bool {
        false
    }

    pub(super) fn push(&mut self, text: Arc<str>) -> StringId {
        let id = StringId::from_index(self.rows.len());
        self.rows.push(text);
        id
    }
}
