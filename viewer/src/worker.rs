//! Replays of recorded keys in a worker, so that the page never waits for them: the same module, started twice.
//!
//! The worker reads the bundle for itself and answers in numbers; the page keeps what it was told by cache and drops what
//! belongs to a bundle that is no longer open. Must not judge: `caches` of the shared crate does, on both sides.

use crate::state::Shared;
use js_sys::{Array, Float64Array, Function, Uint8Array};
use leptos::prelude::*;
use perfcollect_shared::caches::{Evidence, Setup, Simulated, evidence, simulate};
use perfcollect_shared::cachesim::{MissKinds, Policy};
use perfcollect_shared::derive::caches::{LruCurve, PolicyCurve, Tracer};
use perfcollect_shared::model::Bundle;
use perfcollect_shared::stats::Interval;
use perfcollect_shared::units::Nanos;
use std::cell::{OnceCell, RefCell};
use std::collections::VecDeque;
use wasm_bindgen::prelude::*;
use web_sys::{MessageEvent, Worker};

#[wasm_bindgen]
extern "C" {
    /// In `static/worker.js`; pages of Trunk do not have it.
    #[wasm_bindgen(js_name = perfcollect_worker, catch)]
    fn start_worker() -> Result<Worker, JsValue>;
}

/// What is asked of one cache.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Work {
    Verdict,
    Curves,
}

/// What is known of one cache so far.
#[derive(Clone, Default, PartialEq)]
pub struct Found {
    /// Steps of the curves that are done, and all of them.
    pub progress: Option<(u32, u32)>,
    pub curve: Option<Shared<LruCurve>>,
    pub policies: Vec<(Policy, Shared<PolicyCurve>)>,
    /// `None`: not known yet; without a value: it cannot be replayed.
    pub simulated: Option<Option<Shared<Simulated>>>,
    pub failed: Option<String>,
}

/// A worker, and what hears it.
type Started = (Worker, Closure<dyn FnMut(MessageEvent)>);

/// The worker of the open bundle, if there is one.
#[derive(Default)]
struct Desk {
    bytes: Option<Uint8Array>,
    worker: Option<Started>,
    /// The number of the request that is worked on; 0 for the bundle.
    busy: Option<(u32, Work, usize)>,
    queue: VecDeque<(Work, usize)>,
    asked: Vec<(Work, usize)>,
    last: u32,
}

/// The page's side.
#[derive(Clone, Copy)]
pub struct Simulations {
    desk: StoredValue<Desk, LocalStorage>,
    found: RwSignal<Vec<Found>>,
}

impl Default for Simulations {
    fn default() -> Self {
        // Signals live as long as their owner, which nothing ends.
        std::mem::forget(Owner::current());
        Self { desk: StoredValue::new_local(Desk::default()), found: RwSignal::new(Vec::new()) }
    }
}

thread_local! {
    /// In the page: one worker for the one bundle that is open.
    static SIMULATIONS: OnceCell<Simulations> = const { OnceCell::new() };
}

/// The page's replays; for as long as the page lives, whoever asks first.
pub fn simulations() -> Simulations {
    SIMULATIONS.with(|made| *made.get_or_init(|| Owner::new().with(Simulations::default)))
}

impl Simulations {
    /// Another bundle is open: what was known of the one before is dropped, with its worker.
    pub fn open(self, bundle: &Bundle, bytes: &[u8]) {
        self.desk.update_value(|desk| {
            if let Some((worker, _)) = desk.worker.take() {
                worker.terminate();
            }
            let bytes = (!bundle.keys.is_empty()).then(|| Uint8Array::from(bytes));
            *desk = Desk { bytes, ..Desk::default() };
        });
        self.found.set(Vec::new());
    }

    /// What is known of a cache (tracked), by its place among the evidence.
    pub fn of(self, cache: usize) -> Found {
        self.found.with(|found| found.get(cache).cloned().unwrap_or_default())
    }

    /// Asks for the replay behind the verdict, once.
    pub fn judge(self, cache: usize) {
        self.ask(Work::Verdict, cache);
    }

    /// Asks for the curves, once, before everything else that waits.
    pub fn draw(self, cache: usize) {
        self.ask(Work::Curves, cache);
    }

    fn ask(self, work: Work, cache: usize) {
        let known = self.desk.try_update_value(|desk| {
            let known = desk.asked.contains(&(work, cache)) || (desk.bytes.is_none() && desk.worker.is_none());
            if !known {
                desk.asked.push((work, cache));
                match work {
                    Work::Curves => desk.queue.push_front((work, cache)),
                    Work::Verdict => desk.queue.push_back((work, cache)),
                }
            }
            known
        });
        if known == Some(false) {
            self.next();
        }
    }

    /// Gives the worker its next task, and starts it for the first.
    fn next(self) {
        let failed = self.desk.try_update_value(|desk| {
            if desk.busy.is_some() || desk.queue.is_empty() {
                return None;
            }
            if let Some(bytes) = desk.bytes.take() {
                match self.start(&bytes) {
                    Ok(worker) => desk.worker = Some(worker),
                    Err(error) => return Some(crate::fetch::words(&error)),
                }
            }
            let (work, cache) = desk.queue.pop_front()?;
            desk.last += 1;
            desk.busy = Some((desk.last, work, cache));
            let (worker, _) = desk.worker.as_ref()?;
            let which = cache * 2 + usize::from(work == Work::Curves);
            post(worker, "run", desk.last, &which.into()).err().map(|error| crate::fetch::words(&error))
        });
        if let Some(Some(reason)) = failed {
            self.change(0, |found| found.failed = Some(reason));
        }
    }

    fn start(self, bytes: &Uint8Array) -> Result<Started, JsValue> {
        let worker = start_worker()?;
        let heard = Closure::new(move |event: MessageEvent| self.hear(&event.data().unchecked_into()));
        worker.set_onmessage(Some(heard.as_ref().unchecked_ref()));
        post(&worker, "open", 0, bytes)?;
        Ok((worker, heard))
    }

    /// An answer: a stage, the end of a task, or why it failed.
    fn hear(self, answer: &Array) {
        let id = answer.get(0).as_f64();
        let said = answer.get(1);
        let busy = self.desk.with_value(|desk| desk.busy).filter(|busy| id == Some(f64::from(busy.0)));
        if let Some(reason) = said.as_string() {
            let cache = busy.map_or(0, |busy| busy.2);
            self.change(cache, |found| found.failed = Some(reason));
        } else if let Some(stage) = said.dyn_ref::<Float64Array>() {
            if let Some((_, _, cache)) = busy {
                self.change(cache, |found| found.take(&stage.to_vec()));
            }
            return;
        }
        if busy.is_some() {
            self.desk.update_value(|desk| desk.busy = None);
            self.next();
        }
    }

    fn change(self, cache: usize, change: impl FnOnce(&mut Found)) {
        self.found.update(|found| {
            found.resize(found.len().max(cache + 1), Found::default());
            change(&mut found[cache]);
        });
    }
}

fn post(worker: &Worker, work: &str, id: u32, argument: &JsValue) -> Result<(), JsValue> {
    worker.post_message(&Array::of3(&work.into(), &id.into(), argument))
}

impl Found {
    fn take(&mut self, stage: &[f64]) {
        let mut numbers = Numbers(stage);
        match numbers.count() {
            0 => self.progress = Some((numbers.small(), numbers.small())),
            1 => {
                let (requests, distinct, knee) = (numbers.count(), numbers.count(), numbers.known());
                let exact = numbers.next() > 0.0;
                let (sizes, rates) = numbers.points();
                let (low, high) = (numbers.column(), numbers.column());
                let curve = LruCurve { requests, distinct, sizes, rates, low, high, knee, exact };
                self.curve = Some(Shared::new(curve));
            }
            2 => {
                let Some(policy) = numbers.policy() else { return };
                let sampled = numbers.next();
                let (sizes, rates) = numbers.points();
                self.policies.push((policy, Shared::new(PolicyCurve { sizes, rates, sampled })));
            }
            3 => self.simulated = Some(numbers.simulated().map(Shared::new)),
            _ => self.simulated = Some(None),
        }
    }
}

thread_local! {
    /// In the worker: what it was given to work on.
    static OPEN: RefCell<Option<(Bundle, Vec<Evidence>)>> = const { RefCell::new(None) };
}

/// In the worker: reads the bundle.
///
/// # Errors
/// Says why it cannot be read.
#[wasm_bindgen]
pub fn worker_open(bytes: &[u8]) -> Result<(), String> {
    let bundle = perfcollect_shared::bundle::read(bytes).map_err(|error| error.to_string())?;
    let found = evidence(&bundle);
    OPEN.with_borrow_mut(|open| *open = Some((bundle, found)));
    Ok(())
}

/// In the worker: replays one cache for its verdict (even numbers) or for its curves (odd ones), and tells each stage.
///
/// # Errors
/// Says what is missing.
#[wasm_bindgen]
pub fn worker_run(which: usize, note: &Function) -> Result<(), String> {
    let tell = |stage: &[f64]| {
        // A page that no longer listens needs no answer.
        note.call1(&JsValue::NULL, &Float64Array::from(stage)).ok();
    };
    OPEN.with_borrow(|open| {
        let (bundle, all) = open.as_ref().ok_or("no bundle is open")?;
        let evidence = all.get(which / 2).ok_or("there is no such cache")?;
        if which.is_multiple_of(2) {
            tell(&simulate(bundle, evidence).map_or_else(|| vec![4.0], |simulated| of_simulated(&simulated)));
            return Ok(());
        }
        let tracer = Tracer::new(bundle, evidence).ok_or("its keys were not recorded")?;
        curves(&tracer, tell);
        Ok(())
    })
}

fn curves(tracer: &Tracer, tell: impl Fn(&[f64])) {
    let steps = small(Policy::ALL.len() + 1);
    tell(&[0.0, 0.0, steps]);
    let curve = tracer.lru();
    let mut stage = vec![1.0, real(curve.requests), real(curve.distinct), curve.knee.map_or(f64::NAN, real)];
    stage.push(f64::from(u8::from(curve.exact)));
    push_points(&mut stage, &curve.sizes, &curve.rates);
    push_column(&mut stage, &curve.low);
    push_column(&mut stage, &curve.high);
    tell(&stage);
    for (at, policy) in Policy::ALL.into_iter().enumerate() {
        tell(&[0.0, small(at) + 1.0, steps]);
        let found = tracer.policy(policy, &curve);
        let mut stage = vec![2.0, number(policy), found.sampled];
        push_points(&mut stage, &found.sizes, &found.rates);
        tell(&stage);
    }
    tell(&[0.0, steps, steps]);
}

#[expect(clippy::cast_precision_loss, reason = "sizes, counts and times below 2^53")]
fn real(count: u64) -> f64 {
    count as f64
}

fn small(count: usize) -> f64 {
    u32::try_from(count).map_or(f64::MAX, f64::from)
}

fn number(policy: Policy) -> f64 {
    small(Policy::ALL.iter().position(|&known| known == policy).unwrap_or(0))
}

fn push_points(stage: &mut Vec<f64>, sizes: &[u64], rates: &[f64]) {
    stage.push(small(sizes.len()));
    stage.extend(sizes.iter().map(|&size| real(size)));
    stage.extend(rates);
}

fn push_column(stage: &mut Vec<f64>, values: &[f64]) {
    stage.push(small(values.len()));
    stage.extend(values);
}

fn push_setup(stage: &mut Vec<f64>, setup: Option<&Setup>) {
    let Some(setup) = setup else { return stage.extend([f64::NAN; 12]) };
    stage.push(number(setup.policy));
    stage.extend([setup.size, setup.ttl_ns.map(|ttl| ttl.0)].map(|known| known.map_or(f64::NAN, real)));
    for interval in [&setup.rate, &setup.saved, &setup.gain] {
        stage.extend([interval.value, interval.low, interval.high]);
    }
}

fn of_simulated(found: &Simulated) -> Vec<f64> {
    let known = |value: Option<f64>| value.unwrap_or(f64::NAN);
    let kinds = &found.kinds;
    let mut stage = vec![3.0, real(found.replayed), real(found.distinct), found.sampled, known(found.check)];
    for setup in [
        Some(&found.now),
        Some(&found.unlimited),
        Some(&found.best_size),
        found.best_policy.as_ref(),
        found.longer.as_ref(),
    ] {
        push_setup(&mut stage, setup);
    }
    stage.extend([kinds.first, kinds.capacity, kinds.expired, kinds.invalidated].map(real));
    stage.extend([known(found.bytes_per_entry), found.stake_ns]);
    stage
}

/// Numbers of an answer, one after the other; what is missing is unknown.
struct Numbers<'a>(&'a [f64]);

impl Numbers<'_> {
    fn next(&mut self) -> f64 {
        let Some((&first, rest)) = self.0.split_first() else { return f64::NAN };
        self.0 = rest;
        first
    }

    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "saturates; a count that was one")]
    fn count(&mut self) -> u64 {
        self.next() as u64
    }

    fn small(&mut self) -> u32 {
        u32::try_from(self.count()).unwrap_or(u32::MAX)
    }

    fn float(&mut self) -> Option<f64> {
        Some(self.next()).filter(|value| !value.is_nan())
    }

    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "saturates; a count that was one")]
    fn known(&mut self) -> Option<u64> {
        self.float().map(|value| value as u64)
    }

    fn policy(&mut self) -> Option<Policy> {
        Policy::ALL.get(usize::try_from(self.known()?).ok()?).copied()
    }

    fn points(&mut self) -> (Vec<u64>, Vec<f64>) {
        let count = self.count();
        ((0..count).map(|_| self.count()).collect(), (0..count).map(|_| self.next()).collect())
    }

    fn column(&mut self) -> Vec<f64> {
        (0..self.count()).map(|_| self.next()).collect()
    }

    fn interval(&mut self) -> Interval {
        Interval { value: self.next(), low: self.next(), high: self.next() }
    }

    fn setup(&mut self) -> Option<Setup> {
        let (policy, size, ttl) = (self.policy(), self.known(), self.known());
        let (rate, saved, gain) = (self.interval(), self.interval(), self.interval());
        Some(Setup { policy: policy?, size, ttl_ns: ttl.map(Nanos), rate, saved, gain })
    }

    fn simulated(&mut self) -> Option<Simulated> {
        let (replayed, distinct, sampled, check) = (self.count(), self.count(), self.next(), self.float());
        let (now, unlimited, best_size) = (self.setup()?, self.setup()?, self.setup()?);
        let (best_policy, longer) = (self.setup(), self.setup());
        let mut count = || self.count();
        let kinds = MissKinds { first: count(), capacity: count(), expired: count(), invalidated: count() };
        let (bytes_per_entry, stake_ns) = (self.float(), self.next());
        Some(Simulated {
            replayed,
            distinct,
            sampled,
            now,
            check,
            unlimited,
            best_size,
            best_policy,
            longer,
            kinds,
            bytes_per_entry,
            stake_ns,
        })
    }
}
