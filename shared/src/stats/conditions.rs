//! What around the runs speaks against trusting their figures: the machine, the shell, the start of processes.

use super::ranks::count;
use super::warnings::{Finding, Resource};

/// What was seen around the runs; `None` where it was not measured.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Conditions {
    /// Load average over the last minute before the measurement began.
    pub load: Option<f64>,
    /// Processors that may be used.
    pub processors: usize,
    /// Parts of the measurement's time in which some task waited (PSI `some`), 0 to 1.
    pub pressure_cpu: Option<f64>,
    pub pressure_memory: Option<f64>,
    pub pressure_io: Option<f64>,
    /// Part of the processors' time stolen by the hypervisor, 0 to 1.
    pub steal: Option<f64>,
    /// Involuntary context switches of a median run.
    pub preemptions: Option<f64>,
    /// CPU time of a median run, ns.
    pub cpu_ns: Option<f64>,
    /// Median of the wall time, ns.
    pub median_ns: Option<f64>,
    /// What an empty program takes with the same way of starting it, ns.
    pub spawn_ns: Option<f64>,
    /// What the shell alone takes, ns, if one is used.
    pub shell_ns: Option<f64>,
    /// Median peak of memory, and what the starting process had, bytes.
    pub rss_bytes: Option<f64>,
    pub spawner_rss_bytes: Option<f64>,
}

/// Findings about the surroundings of a measurement: load above half the processors, something waiting for a processor
/// more than 20 %, for memory or disks more than 5 % of the time, 2 % of time stolen, more than 50 preemptions in a second,
/// a shell of more than 5 % of the median, a median below 20 times the start of an empty program.
#[must_use]
pub fn conditions(of: &Conditions) -> Vec<Finding> {
    let mut found = Vec::new();
    if let Some(load) = of.load.filter(|load| *load > count(of.processors) / 2.0) {
        found.push(Finding::Load { load, processors: of.processors as u64 });
    }
    for (resource, share, most) in [
        (Resource::Cpu, of.pressure_cpu, 0.2),
        (Resource::Memory, of.pressure_memory, 0.05),
        (Resource::Io, of.pressure_io, 0.05),
    ] {
        found.extend(share.filter(|share| *share > most).map(|share| Finding::Pressure { resource, share }));
    }
    found.extend(of.steal.filter(|share| *share > 0.02).map(|share| Finding::Steal { share }));
    if let Some((times, cpu_ns)) = of.preemptions.zip(of.cpu_ns).filter(|(_, cpu_ns)| *cpu_ns > 0.0) {
        let per_second = times / (cpu_ns / 1e9);
        // One switch of a short run says nothing.
        found.extend((times >= 2.0 && per_second > 50.0).then_some(Finding::Preempted { per_second }));
    }
    if let Some(median_ns) = of.median_ns.filter(|median_ns| *median_ns > 0.0) {
        let shell = of.shell_ns.map(|shell_ns| shell_ns / median_ns).filter(|share| *share > 0.05);
        found.extend(shell.map(|share| Finding::Shell { share }));
        let times = of.spawn_ns.filter(|spawn_ns| *spawn_ns > 0.0).map(|spawn_ns| median_ns / spawn_ns);
        found.extend(times.filter(|times| *times < 20.0).map(|times| Finding::Short { times }));
    }
    let floor = of.rss_bytes.zip(of.spawner_rss_bytes).is_some_and(|(own, spawner)| own <= spawner);
    found.extend(floor.then_some(Finding::MemoryFloor));
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quiet_machine_gives_no_finding_and_a_busy_one_each() {
        let quiet = Conditions {
            load: Some(0.3),
            processors: 4,
            pressure_cpu: Some(0.01),
            pressure_memory: Some(0.0),
            pressure_io: Some(0.001),
            steal: Some(0.0),
            preemptions: Some(3.0),
            cpu_ns: Some(1e9),
            median_ns: Some(1e9),
            spawn_ns: Some(5e5),
            shell_ns: Some(1e6),
            rss_bytes: Some(9e6),
            spawner_rss_bytes: Some(2e6),
        };
        assert_eq!(conditions(&quiet), []);
        assert_eq!(conditions(&Conditions::default()), []);
        let busy = Conditions {
            load: Some(9.0),
            pressure_cpu: Some(0.5),
            pressure_memory: Some(0.1),
            pressure_io: Some(0.1),
            steal: Some(0.1),
            preemptions: Some(30.0),
            cpu_ns: Some(1e8),
            median_ns: Some(5e6),
            rss_bytes: Some(2e6),
            ..quiet
        };
        let texts: Vec<String> = conditions(&busy).iter().map(ToString::to_string).collect();
        assert_eq!(texts.len(), 9, "{texts:?}");
        assert!(texts[0].contains("load 9.0 on 4 processors"), "{texts:?}");
    }
}
