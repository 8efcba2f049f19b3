//! Whose run a sample is, and which runs are compared with which.

use super::{DiffError, Stacks};
use crate::model::Run;
use crate::order::Order;
use std::ops::Range;

/// More values than this a side are averaged to so many: more would not make intervals narrower, only slower.
const UNITS: usize = 24;
/// So many sessions a side are values of their own; fewer cannot tell how sessions differ.
const SESSIONS: usize = 4;
/// No unit: a sample of a warm-up, of another benchmark, from before the first run.
pub(super) const NO_UNIT: u32 = u32::MAX;

/// One run, or runs whose samples cannot be told apart.
struct Observation {
    source: usize,
    /// Place among the runs of its recording; `None` for the whole recording.
    run: Option<usize>,
    block: Option<(*const crate::model::Profile, u32)>,
    /// How many runs it is.
    runs: f64,
    unit: u32,
}

/// The runs of both sides, grouped into the values that are compared.
#[derive(Debug, Default)]
pub(super) struct Plan {
    sides: [SidePlan; 2],
    /// Unit `i` of base and unit `i` of new were measured beside each other.
    pub(super) paired: bool,
    /// Both sides are parts of one recording.
    pub(super) one_session: bool,
}

#[derive(Debug, Default)]
struct SidePlan {
    /// Runs in each unit.
    runs: Vec<f64>,
    /// Positions in [`Stacks::selected`] of each source, by unit.
    rows: Vec<RowsByUnit>,
    sessions: usize,
    /// Units are sessions, so that they show how sessions differ.
    by_session: bool,
}

/// Positions of a source's chosen rows, sorted by unit.
#[derive(Debug, Default)]
struct RowsByUnit {
    order: Vec<u32>,
    start: Vec<usize>,
}

impl Plan {
    pub(super) fn new(base: &[Stacks<'_>], new: &[Stacks<'_>]) -> Result<Self, DiffError> {
        let mut sides = [observations(base, "base")?, observations(new, "new")?];
        let paired = pair(&mut sides);
        let mut plan = Self { paired, one_session: one_session(base, new), ..Self::default() };
        for (side, (observations, sources)) in sides.iter_mut().zip([base, new]).enumerate() {
            let sessions = sources.len();
            let by_session = !paired && sessions >= SESSIONS;
            if !paired {
                into_units(observations, by_session);
            }
            let units = observations.iter().filter(|o| o.unit != NO_UNIT).map(|o| o.unit as usize + 1).max();
            let mut runs = vec![0.0; units.unwrap_or(0)];
            for observation in observations.iter().filter(|o| o.unit != NO_UNIT) {
                runs[observation.unit as usize] += observation.runs;
            }
            let units = runs.len();
            let rows = (0..).zip(sources).map(|(source, stacks)| rows(stacks, source, observations, units)).collect();
            plan.sides[side] = SidePlan { runs, rows, sessions, by_session };
        }
        Ok(plan)
    }

    pub(super) fn units(&self, side: usize) -> usize {
        self.sides[side].runs.len()
    }

    pub(super) fn runs_of_unit(&self, side: usize, unit: usize) -> f64 {
        self.sides[side].runs[unit]
    }

    pub(super) fn runs_of(&self, side: usize) -> f64 {
        self.sides[side].runs.iter().sum()
    }

    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "numbers of runs")]
    pub(super) fn runs(&self) -> [u64; 2] {
        [0, 1].map(|side| self.runs_of(side).round() as u64)
    }

    /// How many sessions' noise the values of a side do not show: `None` where they do.
    pub(super) fn hidden_sessions(&self, side: usize) -> Option<usize> {
        let side = &self.sides[side];
        (!self.one_session && !side.by_session).then_some(side.sessions.max(1))
    }

    /// Positions of a source's chosen rows that belong to a unit.
    pub(super) fn rows(&self, side: usize, source: usize, unit: usize) -> &[u32] {
        let rows = &self.sides[side].rows[source];
        &rows.order[rows.start[unit]..rows.start[unit + 1]]
    }
}

fn one_session(base: &[Stacks<'_>], new: &[Stacks<'_>]) -> bool {
    let mut all = base.iter().chain(new);
    let first = all.next();
    first.is_some_and(|first| all.all(|stacks| std::ptr::eq(first.profile, stacks.profile)))
}

/// The runs of a side in order of time.
fn observations(sources: &[Stacks<'_>], side: &'static str) -> Result<Vec<Observation>, DiffError> {
    let mut found = Vec::new();
    for (source, stacks) in sources.iter().enumerate() {
        let whole = |runs| Observation { source, run: None, block: None, runs, unit: NO_UNIT };
        let counts = |run: &Run| run.counts() && stacks.benchmark.is_none_or(|name| run.benchmark == name);
        let counted = stacks.runs.iter().filter(|run| counts(run)).count();
        let timed = stacks.profile.samples.time.is_some() && stacks.runs.iter().all(|run| run.t_ns.is_some());
        if stacks.runs.is_empty() {
            found.push(whole(1.0));
        } else if timed {
            let block = |run: &Run| Some((std::ptr::from_ref(stacks.profile), run.block));
            let own = stacks.runs.iter().enumerate().filter(|(_, run)| counts(run));
            found.extend(own.map(|(place, run)| Observation {
                source,
                run: Some(place),
                block: block(run),
                runs: 1.0,
                unit: NO_UNIT,
            }));
        } else if counted == stacks.runs.len() {
            found.push(whole(crate::units::Nanos(counted as u64).as_f64()));
        } else {
            return Err(DiffError::Untimed { side });
        }
    }
    Ok(found)
}

/// Makes runs of one block the same unit on both sides, where there are two such pairs at least.
fn pair(sides: &mut [Vec<Observation>; 2]) -> bool {
    let [base, new] = sides;
    let mut taken = vec![false; new.len()];
    let mut pairs = Vec::new();
    for (a, observation) in base.iter().enumerate() {
        let Some(block) = observation.block else { continue };
        let partner = new.iter().zip(&taken).position(|(other, taken)| !taken && other.block == Some(block));
        if let Some(b) = partner {
            taken[b] = true;
            pairs.push((a, b));
        }
    }
    if pairs.len() < 2 {
        return false;
    }
    for (place, &(a, b)) in pairs.iter().enumerate() {
        let unit = group(place, pairs.len());
        base[a].unit = unit;
        new[b].unit = unit;
    }
    true
}

fn into_units(observations: &mut [Observation], by_session: bool) {
    let sessions = observations.iter().map(|o| o.source + 1).max().unwrap_or(0);
    let all = observations.len();
    for (place, observation) in observations.iter_mut().enumerate() {
        observation.unit = if by_session { group(observation.source, sessions) } else { group(place, all) };
    }
}

/// The unit of one of `all` neighbours: as many each, or one more.
#[expect(clippy::cast_possible_truncation, reason = "below UNITS")]
fn group(place: usize, all: usize) -> u32 {
    if all <= UNITS { place as u32 } else { (place * UNITS / all) as u32 }
}

fn rows(stacks: &Stacks<'_>, source: usize, observations: &[Observation], units: usize) -> RowsByUnit {
    let own = || observations.iter().filter(|observation| observation.source == source);
    let whole = own().find(|observation| observation.run.is_none()).map(|observation| observation.unit);
    let mut unit_of_run = vec![NO_UNIT; stacks.runs.len()];
    for observation in own() {
        if let Some(run) = observation.run {
            unit_of_run[run] = observation.unit;
        }
    }
    // Starts in order of time with the run that begins there.
    let mut starts: Vec<_> = stacks.runs.iter().enumerate().map(|(place, run)| (run.t_ns, place)).collect();
    starts.order();
    let times = stacks.profile.samples.time.as_deref().unwrap_or(&[]);
    let unit = |row: u32| {
        if let Some(unit) = whole {
            return unit;
        }
        let after = starts.partition_point(|&(start, _)| start <= times.get(row as usize).copied());
        after.checked_sub(1).map_or(NO_UNIT, |place| unit_of_run[starts[place].1])
    };
    let of_position: Vec<u32> = stacks.selected.row.iter().map(|&row| unit(row)).collect();
    let mut start = vec![0; units + 1];
    for &unit in of_position.iter().filter(|unit| **unit != NO_UNIT) {
        start[unit as usize + 1] += 1;
    }
    for index in 1..start.len() {
        start[index] += start[index - 1];
    }
    let mut next = start.clone();
    let mut order = vec![0; start[units]];
    for (position, &unit) in (0..).zip(&of_position) {
        if unit != NO_UNIT {
            order[next[unit as usize]] = position;
            next[unit as usize] += 1;
        }
    }
    RowsByUnit { order, start }
}

/// All units of a side.
pub(super) fn all_units(plan: &Plan, side: usize) -> Range<usize> {
    0..plan.units(side)
}
