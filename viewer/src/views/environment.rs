//! Who ran it, where, when and with what; how it was recorded and what that cost; what is in the file.

use super::ViewDef;
use crate::state::Session;
use crate::ui::dom::{live, view};
use crate::ui::facts::{Fact, UNKNOWN, facts};
use crate::ui::moment;
use crate::ui::rows::{Cell, Column, Rows, table};
use crate::ui::top_bar::exit_words;
use crate::ui::warnings::warnings;
use leptos::prelude::*;
use perfcollect_shared::format;
use perfcollect_shared::model::{Bundle, Environment, Git, Manifest, Member, Overhead, ProfileInfo, Settings};

pub const VIEW: ViewDef = ViewDef { id: "environment", title: "Environment", key: '9', available: |_| true, render };

fn render(session: Session) -> AnyView {
    live(move || session.bundle().map(|bundle| page(session, &bundle)))
}

fn page(session: Session, bundle: &Bundle) -> impl IntoView + use<> {
    let manifest = &bundle.manifest;
    let environment = &manifest.environment;
    let host = if environment.hostname.is_empty() { "an unknown host" } else { &environment.hostname };
    let (when, zone) = moment::local(&manifest.start);
    view! {
        <section class="environment">
            <h1>{format!("Recorded on {host}, {when}")}</h1>
            <h2>"The run"</h2>
            {facts(run(manifest, when, zone))}
            <h2>"The machine"</h2>
            {facts(machine(environment))}
            <h2>"How it was recorded"</h2>
            {facts(settings(&manifest.settings, &manifest.tool.version))}
            {profiles(session, &manifest.profiles)}
            <h2>"What recording cost"</h2>
            {facts(overhead(&manifest.overhead))}
            {warnings(&[], bundle.warnings())}
            <h2>"What is in the file"</h2>
            {members(session, &manifest.members)}
        </section>
    }
}

/// Branch, commit and whether files were changed.
pub(super) fn commit_words(git: &Git) -> String {
    let commit = git.commit.get(..12).unwrap_or(&git.commit);
    let branch = git.branch.as_ref().map_or_else(String::new, |branch| format!("{branch}@"));
    let changed = match git.dirty {
        Some(true) => ", with changes that are not committed",
        Some(false) => "",
        None => ", changes not known",
    };
    format!("{branch}{commit}{changed}")
}

fn run(manifest: &Manifest, when: String, zone: String) -> Vec<Fact> {
    let unseen = "the recording was cut short";
    let time = |value: Option<_>| value.map(format::duration);
    let mut list = vec![
        Fact::new("Command", format::command_line(&manifest.command)),
        Fact::new("Folder", manifest.cwd.clone()),
        Fact::new("Start", when).titled(zone),
        Fact::new("End", exit_words(manifest.exit)),
        Fact::known("Wall time", time(manifest.wall_ns), unseen),
        Fact::known("CPU time", time(manifest.cpu_ns), unseen),
        Fact::known("In the program", time(manifest.user_ns), unseen),
        Fact::known("In the kernel", time(manifest.system_ns), unseen),
        Fact::known("Commit", manifest.git.as_ref().map(commit_words), "no git repository, or git could not be read"),
    ];
    list.extend(manifest.label.clone().map(|label| Fact::new("Label", label)));
    if !manifest.tags.is_empty() {
        list.push(Fact::new("Tags", manifest.tags.join(", ")));
    }
    list.push(Fact::new("Id", manifest.id.clone()));
    list
}

fn machine(environment: &Environment) -> Vec<Fact> {
    let unknown = "the system does not tell";
    let load = environment.load.map(|load| load.map(format::significant).join("  "));
    let pressure: Vec<String> = environment
        .pressure
        .iter()
        .map(|pressure| format!("{} {}", pressure.resource, format::share(pressure.some_10s)))
        .collect();
    let memory = (environment.memory_bytes.0 > 0).then(|| format::bytes(environment.memory_bytes));
    let cpus = (environment.cpus > 0).then(|| format::count(u64::from(environment.cpus)));
    vec![
        Fact::known("CPU", Some(environment.cpu_model.clone()), unknown),
        Fact::known("Cores", cpus, unknown).titled("that the program could run on"),
        Fact::known("Frequency governor", environment.governor.clone(), unknown),
        Fact::known("Memory", memory, unknown),
        Fact::known("System", Some(environment.os.clone()), unknown),
        Fact::known("Kernel", Some(environment.kernel.clone()), unknown),
        Fact::known("Architecture", Some(environment.arch.clone()), unknown),
        Fact::known("Container", environment.container.clone(), "none was recognised"),
        Fact::known("Load before the start", load, unknown).titled("1, 5 and 15 minutes"),
        Fact::known("Waiting before the start", Some(pressure.join(", ")), unknown)
            .titled("share of 10 s in which some task waited (pressure stall information)"),
    ]
}

fn settings(settings: &Settings, version: &str) -> Vec<Fact> {
    let rate = |rate: Option<f64>| rate.map(|rate| format!("{} Hz", format::significant(rate)));
    let interval = settings.resource_interval_ns.map(|interval| format!("every {}", format::duration(interval)));
    vec![
        Fact::new("perfcollect", version),
        Fact::known("Native stacks", rate(settings.native_rate_hz), "switched off"),
        Fact::known("Python stacks", rate(settings.python_rate_hz), "switched off"),
        Fact::known("Resources", interval, "switched off"),
    ]
}

fn overhead(overhead: &Overhead) -> Vec<Fact> {
    let unknown = "the recording was cut short";
    vec![
        Fact::known("CPU time while it ran", overhead.collector_cpu_ns.map(format::duration), unknown),
        Fact::known("From its end to the file", overhead.finish_ns.map(format::duration), unknown),
        Fact::known("Memory of the collector", overhead.collector_rss_bytes.map(format::bytes), unknown),
        Fact::known("Memory floor", overhead.child_rss_floor_bytes.map(format::bytes), unknown)
            .titled("what the program inherited from the collector when it was started"),
    ]
}

fn profiles(session: Session, infos: &[ProfileInfo]) -> Option<AnyView> {
    let row = |info: &ProfileInfo| {
        let rate = |rate: Option<f64>| Cell::new(rate.map_or_else(|| UNKNOWN.to_owned(), format::significant));
        let count = |number: u64| Cell::new(format::count(number));
        vec![
            Cell::new(info.name.clone()),
            count(info.samples),
            Cell::new(info.lost.map_or_else(|| UNKNOWN.to_owned(), format::count)),
            rate(info.rate_hz),
            rate(info.python_rate_hz),
            count(info.unwind_failures),
            count(info.truncated_stacks),
            count(info.unsymbolicated),
        ]
    };
    let columns = vec![
        Column::new("Profile", "name"),
        Column::new("Samples", "n"),
        Column::new("Lost", "n"),
        Column::new("Native, Hz", "n extra"),
        Column::new("Python, Hz", "n extra"),
        Column::new("Not unwound", "n extra"),
        Column::new("Cut", "n extra"),
        Column::new("Without a name", "n extra"),
    ];
    let rows = Rows { label: "Profiles", columns, rows: infos.iter().map(row).collect(), chosen: None, select: None };
    (!infos.is_empty()).then(|| table(session, rows))
}

fn members(session: Session, members: &[Member]) -> AnyView {
    let row = |member: &Member| {
        let hash = member.sha256.clone().unwrap_or_else(|| UNKNOWN.to_owned());
        let short = hash.get(..12).unwrap_or(&hash).to_owned();
        vec![Cell::new(member.path.clone()), Cell::new(format::bytes(member.bytes)), Cell::new(short).hover(hash)]
    };
    let columns = vec![Column::new("Member", "name"), Column::new("Size", "n"), Column::new("SHA-256", "name extra")];
    let rows = members.iter().map(row).collect();
    table(session, Rows { label: "Members of the file", columns, rows, chosen: None, select: None })
}
