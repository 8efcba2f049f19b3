//! How much a bundle may make a reader do.

/// Bounds on what reading accepts. The defaults hold recordings of days; tests use smaller ones.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Members of the zip.
    pub members: usize,
    /// Bytes of `manifest.json`.
    pub manifest_bytes: u64,
    /// Bytes of one member, after every decompression.
    pub member_bytes: u64,
    /// Bytes of all members that are read, after every decompression.
    pub total_bytes: u64,
    /// Output up to this size is never refused for its compression ratio: honest columns reach 1000 to 1.
    pub ratio_free_bytes: u64,
    /// Largest output per input byte beyond `ratio_free_bytes`.
    pub ratio: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            members: 10_000,
            manifest_bytes: 16 << 20,
            member_bytes: 1 << 30,
            total_bytes: 2 << 30,
            ratio_free_bytes: 64 << 20,
            ratio: 250,
        }
    }
}

impl Limits {
    /// The most that `input` compressed bytes may become when at most `size` bytes are wanted.
    #[must_use]
    pub(super) fn output_of(&self, input: usize, size: u64) -> u64 {
        size.min(self.ratio_free_bytes.max((input as u64).saturating_mul(self.ratio)))
    }
}
