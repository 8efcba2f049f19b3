//! The policies with several queues, against ones of plain vectors that are searched from end to end.

use crate::naive::{Random, trace};
use perfcollect_cachesim::{Capacity, CurveBuilder, Policy, Simulator, Trace, lru_curve, simulate};
use std::collections::HashMap;

/// Keys with their weights, oldest first.
#[derive(Default, Clone)]
struct List(Vec<(u32, u64)>);

impl List {
    fn weight(&self) -> u64 {
        self.0.iter().map(|one| one.1).sum()
    }
    fn has(&self, key: u32) -> bool {
        self.0.iter().any(|one| one.0 == key)
    }
    fn take(&mut self, key: u32) -> Option<(u32, u64)> {
        let at = self.0.iter().position(|one| one.0 == key)?;
        Some(self.0.remove(at))
    }
    fn oldest(&mut self) -> (u32, u64) {
        self.0.remove(0)
    }
    /// Adds at the newest end and lets the oldest go until all fit.
    fn limited(&mut self, one: (u32, u64), room: u64) {
        if one.1 <= room {
            while self.weight() + one.1 > room {
                self.oldest();
            }
            self.0.push(one);
        }
    }
    fn renew(&mut self, key: u32) {
        let one = self.take(key).unwrap();
        self.0.push(one);
    }
}

/// What every naive cache answers: whether a request hit.
type Cache = Box<dyn FnMut(u32, u64) -> bool>;

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, clippy::cast_precision_loss, reason = "small")]
fn part(room: u64, of: f64) -> u64 {
    (room as f64 * of) as u64
}

fn s3fifo(room: u64) -> Cache {
    let (mut small, mut main, mut ghosts) = (List::default(), List::default(), List::default());
    let mut uses: HashMap<u32, u32> = HashMap::new();
    Box::new(move |key, weight| {
        if small.has(key) || main.has(key) {
            *uses.get_mut(&key).unwrap() += 1;
            return true;
        }
        let known = ghosts.take(key).is_some();
        if weight > room {
            return false;
        }
        while small.weight() + main.weight() + weight > room {
            if main.weight() > room - part(room, 0.1) || small.0.is_empty() {
                loop {
                    let one = main.oldest();
                    let count = uses[&one.0].min(3);
                    if count == 0 {
                        break;
                    }
                    uses.insert(one.0, count - 1);
                    main.0.push(one);
                }
            } else {
                while !small.0.is_empty() {
                    let one = small.oldest();
                    if uses[&one.0] < 2 {
                        ghosts.limited(one, part(room, 0.9));
                        break;
                    }
                    uses.insert(one.0, 0);
                    main.0.push(one);
                }
            }
        }
        uses.insert(key, 0);
        if known {
            main.0.push((key, weight));
        } else {
            small.0.push((key, weight));
        }
        false
    })
}

fn two_q(room: u64) -> Cache {
    let (mut first, mut main, mut ghosts) = (List::default(), List::default(), List::default());
    Box::new(move |key, weight| {
        if main.has(key) {
            main.renew(key);
            return true;
        }
        if first.has(key) {
            return true;
        }
        let known = ghosts.take(key).is_some();
        if weight > room {
            return false;
        }
        while first.weight() + main.weight() + weight > room {
            if first.weight() > part(room, 0.25) || main.0.is_empty() {
                ghosts.limited(first.oldest(), part(room, 0.5));
            } else {
                main.oldest();
            }
        }
        if known {
            while !main.0.is_empty() && main.weight() + weight > room - part(room, 0.25) {
                main.oldest();
            }
            main.0.push((key, weight));
        } else {
            first.0.push((key, weight));
        }
        false
    })
}

/// The paper's text, by entries only: sizes of 1.
fn arc(room: u64) -> Cache {
    let [mut once, mut again, mut once_gone, mut again_gone] = [const { Vec::<u32>::new() }; 4];
    let mut target = 0.0f64;
    let drop_from = |list: &mut Vec<u32>, key| list.iter().position(|&one| one == key).map(|at| list.remove(at));
    #[expect(clippy::cast_precision_loss, reason = "small")]
    let size = |list: &Vec<u32>| list.len() as f64;
    Box::new(move |key, weight| {
        assert_eq!(weight, 1);
        // Case I.
        if drop_from(&mut once, key).or_else(|| drop_from(&mut again, key)).is_some() {
            again.push(key);
            return true;
        }
        if room == 0 {
            return false;
        }
        #[expect(clippy::cast_precision_loss, reason = "small")]
        let whole = room as f64;
        let full = once.len() + again.len() == usize::try_from(room).unwrap();
        let (in_once, in_again) = (once_gone.contains(&key), again_gone.contains(&key));
        // Cases II and III.
        if in_once {
            target = (target + (size(&again_gone) / size(&once_gone)).max(1.0)).min(whole);
        } else if in_again {
            target = (target - (size(&once_gone) / size(&again_gone)).max(1.0)).max(0.0);
        }
        let mut replace = full;
        if !in_once && !in_again && full {
            // Case IV.
            if once.len() + once_gone.len() == usize::try_from(room).unwrap() {
                if once_gone.is_empty() {
                    once.remove(0);
                    replace = false;
                } else {
                    once_gone.remove(0);
                }
            } else if once.len() + once_gone.len() + again.len() + again_gone.len()
                >= 2 * usize::try_from(room).unwrap()
                && !again_gone.is_empty()
            {
                again_gone.remove(0);
            }
        }
        drop_from(&mut once_gone, key);
        drop_from(&mut again_gone, key);
        if replace {
            let over = size(&once) > target || in_again && (size(&once) - target).abs() < 1e-12;
            if !once.is_empty() && over || again.is_empty() {
                once_gone.push(once.remove(0));
            } else {
                again_gone.push(again.remove(0));
            }
        }
        if in_once || in_again {
            again.push(key);
        } else {
            once.push(key);
        }
        false
    })
}

fn slru(room: u64) -> Cache {
    let count = usize::try_from(room.clamp(1, 4)).unwrap();
    let each = room / count as u64;
    let mut segments = vec![List::default(); count];
    let evict = |segments: &mut Vec<List>| segments.iter_mut().find(|one| !one.0.is_empty()).map(List::oldest);
    Box::new(move |key, weight| {
        if let Some(at) = segments.iter().position(|one| one.has(key)) {
            let up = (at + 1).min(count - 1);
            let one = segments[at].take(key).unwrap();
            segments[up].0.push(one);
            let mut at = up;
            while up > 0 && segments[at].weight() > each {
                while segments[at].weight() > each {
                    if at == 0 {
                        evict(&mut segments);
                    } else {
                        let one = segments[at].oldest();
                        segments[at - 1].0.push(one);
                    }
                }
                at = at.saturating_sub(1);
            }
            return true;
        }
        if weight > each || weight > room {
            return false;
        }
        while segments.iter().map(List::weight).sum::<u64>() + weight > room {
            evict(&mut segments);
        }
        let free = segments.iter().position(|one| one.weight() + weight <= each).unwrap_or(0);
        segments[free].0.push((key, weight));
        false
    })
}

fn lfu(room: u64) -> Cache {
    // Uses, since when it has so many, weight.
    let mut cached: HashMap<u32, (u64, u64, u64)> = HashMap::new();
    let mut now = 0;
    Box::new(move |key, weight| {
        now += 1;
        if let Some(one) = cached.get_mut(&key) {
            *one = (one.0 + 1, now, one.2);
            return true;
        }
        if weight <= room {
            while cached.values().map(|one| one.2).sum::<u64>() + weight > room {
                let rarest = cached.iter().min_by_key(|one| (one.1.0, one.1.1)).map(|one| *one.0).unwrap();
                cached.remove(&rarest);
            }
            cached.insert(key, (1, now, weight));
        }
        false
    })
}

/// The paper's text with one size: LIR keys, and the rest in a queue of a hundredth.
fn lirs(room: u64) -> Cache {
    #[derive(PartialEq, Clone, Copy)]
    enum Is {
        Lir,
        Hir,
        Gone,
    }
    let cold = part(room, 0.01).max(1).min(room);
    let (mut stack, mut queue, mut gone) = (Vec::<u32>::new(), Vec::<u32>::new(), Vec::<u32>::new());
    let mut is: HashMap<u32, Is> = HashMap::new();
    let prune = |stack: &mut Vec<u32>, gone: &mut Vec<u32>, is: &mut HashMap<u32, Is>| {
        while stack.len() > 1 && is[&stack[0]] != Is::Lir {
            let bottom = stack.remove(0);
            if is[&bottom] == Is::Gone {
                is.remove(&bottom);
                gone.retain(|&one| one != bottom);
            }
        }
    };
    Box::new(move |key, weight| {
        assert_eq!(weight, 1);
        if room == 0 {
            return false;
        }
        let was = is.get(&key).copied();
        let stacked = stack.contains(&key);
        let hot = |is: &HashMap<u32, Is>| is.values().filter(|one| **one == Is::Lir).count() as u64;
        stack.retain(|&one| one != key);
        stack.push(key);
        queue.retain(|&one| one != key);
        gone.retain(|&one| one != key);
        let promoted = matches!(was, Some(Is::Hir | Is::Gone)) && stacked && room > cold;
        let fresh = was.is_none() || was == Some(Is::Gone);
        if promoted || fresh && hot(&is) < room - cold {
            is.insert(key, Is::Lir);
            // The oldest LIR key becomes the newest of the queue.
            if hot(&is) > room - cold {
                let bottom = stack.remove(0);
                is.insert(bottom, Is::Hir);
                queue.push(bottom);
            }
        } else if was != Some(Is::Lir) {
            is.insert(key, Is::Hir);
            queue.push(key);
        }
        if queue.len() as u64 > cold {
            let oldest = queue.remove(0);
            if stack.contains(&oldest) {
                is.insert(oldest, Is::Gone);
                gone.push(oldest);
            } else {
                is.remove(&oldest);
            }
        }
        prune(&mut stack, &mut gone, &mut is);
        while stack.len() as u64 > 2 * room && !gone.is_empty() {
            let ghost = gone.remove(0);
            stack.retain(|&one| one != ghost);
            is.remove(&ghost);
        }
        matches!(was, Some(Is::Lir | Is::Hir))
    })
}

fn hits(trace: &Trace, bytes: bool, mut cache: Cache) -> Vec<bool> {
    let weight = |at: usize| if bytes { u64::from(trace.size(at)) } else { 1 };
    trace.keys.iter().enumerate().map(|(at, &key)| cache(key, weight(at))).collect()
}

fn agree(policy: Policy, by_bytes: bool, naive: fn(u64) -> Cache) {
    let mut random = Random(23);
    for round in 0..300 {
        let (requests, keys) = (random.below(500), 1 + random.below(60));
        let mut trace = trace(&mut random, requests, keys);
        // A size of nothing is no case of any paper.
        trace.sizes.iter_mut().for_each(|size| *size += 1);
        let bytes = by_bytes && round % 2 == 0;
        let room = random.below(if bytes { keys * 20 } else { keys + 2 });
        let capacity = if bytes { Capacity::Bytes(room) } else { Capacity::Entries(room) };
        let expected = hits(&trace, bytes, naive(room)).iter().filter(|hit| **hit).count() as u64;
        let found = simulate(&trace, policy, capacity, None).hits;
        assert_eq!(found, expected, "{policy:?} round {round}: {capacity:?} {:?}", trace.keys);
    }
}

#[test]
fn queues_with_ghosts_do_what_their_papers_say() {
    agree(Policy::S3Fifo, true, s3fifo);
    agree(Policy::TwoQ, true, two_q);
    agree(Policy::Arc, false, arc);
    agree(Policy::Lirs, false, lirs);
}

#[test]
fn segments_and_frequencies_do_what_their_papers_say() {
    agree(Policy::Slru, true, slru);
    agree(Policy::Lfu, true, lfu);
}

#[test]
fn none_holds_more_than_its_capacity_or_beats_the_optimum() {
    let mut random = Random(31);
    for round in 0..150 {
        let (requests, keys) = (random.below(600), 1 + random.below(80));
        let mut trace = trace(&mut random, requests, keys);
        let room = random.below(keys + 2);
        let best = simulate(&trace, Policy::Belady, Capacity::Entries(room), None).hits;
        for policy in Policy::ALL {
            let hits = simulate(&trace, policy, Capacity::Entries(room), None).hits;
            assert!(hits <= best, "{policy:?} round {round}: {hits} of {best}");
            let roomy = simulate(&trace, policy, Capacity::Entries(keys * 200), None);
            assert_eq!(roomy.hits, requests - u64::from(trace.distinct), "{policy:?}");
            // By bytes with sizes of 1 is by entries.
            let sizes = std::mem::take(&mut trace.sizes);
            assert_eq!(simulate(&trace, policy, Capacity::Bytes(room), None).hits, hits, "{policy:?}");
            trace.sizes = sizes;
            // Odd sizes, expiry and removals together: nothing is counted twice or lost.
            let outcome = simulate(&trace, policy, Capacity::Bytes(room * 15), Some(random.below(800)));
            let kinds = outcome.kinds;
            assert_eq!(outcome.hits + outcome.misses, requests);
            assert_eq!(kinds.first + kinds.capacity + kinds.expired + kinds.invalidated, outcome.misses);
        }
    }
}

#[test]
fn tinylfu_keeps_what_is_used_often_through_a_scan() {
    // Fifty keys again and again between keys that never come back.
    let mut next = 1000;
    let ids = (0..60_000u64).map(|at| {
        next += 1;
        if at % 3 == 0 { at / 3 % 50 } else { next }
    });
    let trace = Trace::of_ids(ids);
    let hits = |policy| simulate(&trace, policy, Capacity::Entries(100), None).hits;
    assert_eq!(hits(Policy::Lru), 0);
    assert!(hits(Policy::WTinyLfu) > 19_500, "{}", hits(Policy::WTinyLfu));
    assert!(hits(Policy::WTinyLfu) <= 19_950);
}

#[test]
fn memory_follows_the_keys_not_the_requests() {
    let mut random = Random(41);
    let keys: Vec<u32> =
        (0..400_000).map(|_| u32::try_from(random.below(2000).min(random.below(2000))).unwrap()).collect();
    for policy in Policy::ALL.into_iter().filter(|policy| *policy != Policy::Belady) {
        let memory = |requests: usize| {
            let mut simulator = Simulator::new(policy, Capacity::Entries(200), Some(1000)).unwrap();
            keys[..requests].iter().for_each(|&key| _ = simulator.request(key, 1, 0));
            simulator.memory()
        };
        let (few, many) = (memory(20_000), memory(400_000));
        assert!(many < few * 3 / 2 && many < 2000 * 160, "{policy:?}: {few} {many}");
    }
    let mut curve = CurveBuilder::default();
    for &key in &keys {
        _ = curve.request(key);
    }
    assert!(curve.memory() < 2000 * 40, "{}", curve.memory());
}

#[test]
fn a_curve_tells_its_knee_and_the_size_that_suffices() {
    // Nine of ten requests loop over 50 keys, the tenth over 1,000 others.
    let ids = (0..200_000u64).map(|at| if at % 10 > 0 { at % 50 } else { 100 + at / 10 % 1000 });
    let curve = lru_curve(&Trace::of_ids(ids));
    let knee = curve.knee().unwrap();
    assert!((45..70).contains(&knee), "{knee}");
    assert!(curve.hit_rate(knee).unwrap() > 0.89);
    assert!((45..70).contains(&curve.least_size(0.9)), "{}", curve.least_size(0.9));
    assert!((1000..1100).contains(&curve.least_size(1.0)), "{}", curve.least_size(1.0));
    assert_eq!(curve.interval(knee), curve.hit_rate(knee).map(|rate| (rate, rate)));
    let sizes = curve.plot_sizes(40);
    assert!(sizes.len() <= 40 && sizes.is_sorted() && sizes[0] == 1 && *sizes.last().unwrap() >= 1000, "{sizes:?}");
    let nothing = lru_curve(&Trace::default());
    assert_eq!((nothing.hit_rate(10), nothing.knee(), nothing.least_size(0.99)), (None, None, 0));
    assert_eq!(lru_curve(&Trace::new(vec![0, 1, 2])).knee(), None);
}
