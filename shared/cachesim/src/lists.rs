//! The one slab under every policy: a node for each key, linked into at most one queue at a time.
//!
//! Keys are dense, so a node is found by index and a cache of a million entries is one array. Each queue is a ring through
//! a node of its own at the start of that array, which leaves no branch in linking and unlinking.
#![expect(
    clippy::inline_always,
    reason = "a step or two each, and the page's profile, which is for size, would call them"
)]

/// Queues that a policy may use; number 0 is "in no queue".
const QUEUES: usize = 12;
/// The node of key 0.
const FIRST: u32 = 12;
/// Queues from here on hold ghosts: keys that are remembered, not cached.
pub(crate) const GHOST: u8 = 9;

const SEEN: u8 = 1;
const INVALIDATED: u8 = 2;

#[derive(Clone, Copy)]
struct Node {
    /// Neighbours, as indices into the slab.
    newer: u32,
    older: u32,
    weight: u32,
    queue: u8,
    /// Free for the policy: visited bits, frequencies.
    count: u8,
    marks: u8,
}

/// All keys and the queues through them. The front of a queue is its newest end, the back its oldest.
pub(crate) struct Lists {
    nodes: Vec<Node>,
    len: [u32; QUEUES],
    weight: [u64; QUEUES],
}

fn index(key: u32) -> usize {
    key as usize + QUEUES
}

/// The key of a node; `None` for a queue's own.
fn key_at(at: u32) -> Option<u32> {
    at.checked_sub(FIRST)
}

impl Lists {
    pub(crate) fn new() -> Self {
        let mut lists = Self { nodes: Vec::new(), len: [0; QUEUES], weight: [0; QUEUES] };
        lists.nodes.reserve(QUEUES);
        for own in 0u8..12 {
            let at = u32::from(own);
            lists.nodes.push(Node { newer: at, older: at, weight: 0, queue: own, count: 0, marks: 0 });
        }
        lists
    }

    /// Makes room for `key`; keys come in any order, but memory is proportional to the largest.
    #[inline(always)]
    pub(crate) fn admit(&mut self, key: u32) {
        if index(key) >= self.nodes.len() {
            let fresh = Node { newer: 0, older: 0, weight: 0, queue: 0, count: 0, marks: 0 };
            self.nodes.resize(index(key) + 1, fresh);
        }
    }

    /// Bytes of the slab.
    pub(crate) fn memory(&self) -> usize {
        self.nodes.capacity() * size_of::<Node>()
    }

    /// The queue that holds `key`, 0 for none.
    #[inline(always)]
    pub(crate) fn queue(&self, key: u32) -> u8 {
        self.nodes[index(key)].queue
    }

    /// Whether `key` is cached: in a queue that is not of ghosts.
    #[inline(always)]
    pub(crate) fn resident(&self, key: u32) -> bool {
        (1..GHOST).contains(&self.queue(key))
    }

    #[inline(always)]
    pub(crate) fn weight_of(&self, key: u32) -> u32 {
        self.nodes[index(key)].weight
    }

    #[inline(always)]
    pub(crate) fn count(&self, key: u32) -> u8 {
        self.nodes[index(key)].count
    }

    #[inline(always)]
    pub(crate) fn set_count(&mut self, key: u32, count: u8) {
        self.nodes[index(key)].count = count;
    }

    #[inline(always)]
    pub(crate) fn len(&self, queue: u8) -> u32 {
        self.len[usize::from(queue)]
    }

    #[inline(always)]
    pub(crate) fn weight(&self, queue: u8) -> u64 {
        self.weight[usize::from(queue)]
    }

    /// The oldest key of `queue`.
    #[inline(always)]
    pub(crate) fn back(&self, queue: u8) -> Option<u32> {
        key_at(self.nodes[usize::from(queue)].newer)
    }

    /// The key after `key` towards the newest end of its queue.
    #[inline(always)]
    pub(crate) fn newer(&self, key: u32) -> Option<u32> {
        key_at(self.nodes[index(key)].newer)
    }

    /// The key after `key` towards the oldest end of its queue.
    #[inline(always)]
    pub(crate) fn older(&self, key: u32) -> Option<u32> {
        key_at(self.nodes[index(key)].older)
    }

    #[inline(always)]
    fn link(&mut self, at: u32, older: u32) {
        let newer = self.nodes[older as usize].newer;
        let node = &mut self.nodes[at as usize];
        node.older = older;
        node.newer = newer;
        self.nodes[older as usize].newer = at;
        self.nodes[newer as usize].older = at;
    }

    #[inline(always)]
    fn cut(&mut self, at: u32) {
        let Node { newer, older, .. } = self.nodes[at as usize];
        self.nodes[older as usize].newer = newer;
        self.nodes[newer as usize].older = older;
    }

    #[inline(always)]
    fn enter(&mut self, queue: u8, key: u32, weight: u32) -> u32 {
        let node = &mut self.nodes[index(key)];
        node.queue = queue;
        node.weight = weight;
        self.len[usize::from(queue)] += 1;
        self.weight[usize::from(queue)] += u64::from(weight);
        key + FIRST
    }

    /// Puts a key that is in no queue at the newest end of one.
    pub(crate) fn push_front(&mut self, queue: u8, key: u32, weight: u32) {
        let at = self.enter(queue, key, weight);
        let newest = self.nodes[usize::from(queue)].older;
        self.link(at, newest);
    }

    /// Puts a key that is in no queue just newer than `beside`, which is in `queue`; without one, at its oldest end.
    pub(crate) fn insert_newer(&mut self, queue: u8, key: u32, weight: u32, beside: Option<u32>) {
        let at = self.enter(queue, key, weight);
        self.link(at, beside.map_or(u32::from(queue), |key| key + FIRST));
    }

    /// Takes a key out of its queue; a key in none stays as it is.
    pub(crate) fn unlink(&mut self, key: u32) {
        let Node { queue, weight, .. } = self.nodes[index(key)];
        if queue != 0 {
            self.cut(key + FIRST);
            self.len[usize::from(queue)] -= 1;
            self.weight[usize::from(queue)] -= u64::from(weight);
            self.nodes[index(key)].queue = 0;
        }
    }

    /// Counts a key that is in no queue as one of `queue` without linking it: for policies with an order of their own.
    pub(crate) fn place(&mut self, queue: u8, key: u32, weight: u32) {
        self.enter(queue, key, weight);
    }

    /// The reverse of `place`.
    pub(crate) fn leave(&mut self, key: u32) {
        let node = &mut self.nodes[index(key)];
        let queue = usize::from(std::mem::take(&mut node.queue));
        self.len[queue] -= 1;
        self.weight[queue] -= u64::from(node.weight);
    }

    /// Moves a key to the newest end of the queue it is in.
    pub(crate) fn refresh(&mut self, key: u32) {
        let queue = u32::from(self.queue(key));
        if self.nodes[index(key)].newer != queue {
            self.cut(key + FIRST);
            let newest = self.nodes[queue as usize].older;
            self.link(key + FIRST, newest);
        }
    }

    /// Moves a key to the newest end of another queue.
    pub(crate) fn shift(&mut self, key: u32, queue: u8) {
        let weight = self.weight_of(key);
        self.unlink(key);
        self.push_front(queue, key, weight);
    }

    /// Notes a use of `key`; what was known of it before: first use, and whether it was invalidated since its last.
    pub(crate) fn note(&mut self, key: u32) -> (bool, bool) {
        let marks = &mut self.nodes[index(key)].marks;
        let before = (*marks & SEEN == 0, *marks & INVALIDATED != 0);
        *marks = SEEN;
        before
    }

    /// Notes that a cached `key` was thrown away by the program.
    pub(crate) fn invalidate(&mut self, key: u32) {
        self.nodes[index(key)].marks |= INVALIDATED;
    }

    /// Every key that is cached, in the order of their numbers.
    pub(crate) fn residents(&self) -> Vec<u32> {
        let keys = 0..u32::try_from(self.nodes.len() - QUEUES).unwrap_or(u32::MAX);
        keys.filter(|&key| self.resident(key)).collect()
    }
}
