//! Threads that samples were taken of.

use super::ids::{StringId, ThreadId};

/// One thread of one process. Process 0 with thread 0 stands for samples that name none.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Thread {
    pub pid: u32,
    pub tid: u32,
    pub name: StringId,
    /// Name of its process.
    pub process: StringId,
}

/// All threads, one row each.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ThreadTable {
    pub rows: Vec<Thread>,
}

impl ThreadTable {
    #[must_use]
    pub fn get(&self, id: ThreadId) -> Thread {
        self.rows[id.index()]
    }
}
