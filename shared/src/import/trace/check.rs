//! Whether a trace is right about its own future.

/// Compares what a trace says of the next use of each key with its next use.
///
/// libCacheSim takes Belady's optimum from these numbers; ours is from the requests themselves, so that a trace that is
/// wrong about its future, a part of another for example, is only told.
#[derive(Clone, Debug, Default)]
pub struct NextCheck {
    /// By key: the number of its next request, or -1.
    expected: Vec<Option<i64>>,
    /// Number of the first request, 0 or 1; known when the first key has come again.
    first: Option<i64>,
    seen: i64,
    wrong: u64,
    first_wrong: i64,
}

impl NextCheck {
    /// The next request: for `key`, a number from 0 on, with what is said of the one after it.
    pub fn request(&mut self, key: u32, next: i64) {
        let key = key as usize;
        if key >= self.expected.len() {
            self.expected.resize(key + 1, None);
        }
        if let Some(expected) = self.expected[key] {
            let first = *self.first.get_or_insert(i64::from(expected == self.seen + 1));
            if expected != self.seen + first {
                self.note();
            }
        }
        self.expected[key] = Some(next);
        self.seen += 1;
    }

    fn note(&mut self) {
        self.wrong += 1;
        if self.wrong == 1 {
            self.first_wrong = self.seen + 1;
        }
    }

    /// What is wrong, if anything.
    #[must_use]
    pub fn note_of(&self) -> Option<String> {
        let beyond = self.expected.iter().flatten().filter(|&&next| next >= 0).count();
        if self.wrong > 0 {
            return Some(format!(
                "the next uses that the trace tells are wrong {} (the first: request {}); Belady's optimum is taken from the requests themselves",
                crate::format::plural(self.wrong, "time"),
                self.first_wrong
            ));
        }
        (beyond > 0).then(|| {
            let keys = crate::format::plural(beyond as u64, "key");
            format!("the trace tells of later uses of {keys} that are not in it: it is a part of a longer one")
        })
    }
}
