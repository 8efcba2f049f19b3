//! The page inside the binary, as `build.rs` made it. Must not know who asks for it.

use anyhow::Context;
use flate2::read::GzDecoder;
use std::io::Read;

/// One file of the page, compressed.
#[derive(Clone, Copy, Debug)]
pub struct Asset {
    /// Its name, `index.html` for the page itself.
    pub path: &'static str,
    pub content_type: &'static str,
    /// The file, compressed by gzip.
    pub gzip: &'static [u8],
}

/// Every file of the page; empty in a build with `PERFCOLLECT_NO_VIEWER=1`.
pub static ASSETS: &[Asset] = include!(concat!(env!("OUT_DIR"), "/assets.rs"));

/// The file of a name.
#[must_use]
pub fn find(path: &str) -> Option<&'static Asset> {
    ASSETS.iter().find(|asset| asset.path == path)
}

/// A file of the page as it was before its compression, `None` where this build has no page.
///
/// # Errors
/// When the file in this binary is damaged.
pub fn bytes(path: &str) -> anyhow::Result<Option<Vec<u8>>> {
    let Some(asset) = find(path) else { return Ok(None) };
    let mut bytes = Vec::new();
    GzDecoder::new(asset.gzip)
        .read_to_end(&mut bytes)
        .with_context(|| format!("the page in this program is damaged at {path}"))?;
    Ok(Some(bytes))
}
