//! A bundle itself: taken as it is.

use super::{Detection, ImportError, Imported, Importer};
use std::borrow::Cow;

/// The importer of `.perf.zip`.
pub(super) struct BundleFile;

/// First bytes of a zip with members, and of an empty one (APPNOTE 4.3.7 and 4.3.16).
const MAGIC: [&[u8]; 2] = [b"PK\x03\x04", b"PK\x05\x06"];

impl Importer for BundleFile {
    fn id(&self) -> &'static str {
        "bundle"
    }

    fn extension(&self) -> &'static str {
        ".zip"
    }

    fn detect(&self, head: &[u8]) -> Detection {
        if MAGIC.iter().any(|magic| head.starts_with(magic)) { Detection::Yes } else { Detection::No }
    }

    fn import<'a>(&self, bytes: &'a [u8]) -> Result<Imported<'a>, ImportError> {
        Ok(Imported::Bundle(Cow::Borrowed(bytes)))
    }
}
