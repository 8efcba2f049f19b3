//! Who ran it, where, when and with what; how it was recorded and what that cost; what is in the file.

use super::ViewDef;
use crate::state::Session;
use crate::ui::facts::{Fact, UNKNOWN, facts};
use crate::ui::moment;
use crate::ui::top_bar::exit_words;
use crate::ui::warnings::warnings;
use leptos::prelude::*;
use perfcollect_shared::format;
use perfcollect_shared::model::{Bundle, Environment, Git, Manifest, Member, Overhead, ProfileInfo, Settings};

pub const VIEW: ViewDef = ViewDef { id: "environment", title: "Environment", key: '9', available: |_| true, render };

fn render(session: Session) -> AnyView {
    (move || session.bundle().map(|bundle| page(&bundle))).into_any()
}

fn page(bundle: &Bundle) -> impl IntoView + use<> {
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
            {profiles(&manifest.profiles)}
            <h2>"What recording cost"</h2>
            {facts(overhead(&manifest.overhead))}
            {warnings(&[], bundle.warnings())}
            <h2>"What is in the file"</h2>
            {members(&manifest.members)}
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

fn profiles(infos: &[ProfileInfo]) -> Option<impl IntoView + use<>> {
    let rows = infos.iter().map(|info| {
        let lost = info.lost.map_or_else(|| UNKNOWN.to_owned(), format::count);
        let rate = |rate: Option<f64>| rate.map_or_else(|| UNKNOWN.to_owned(), format::significant);
        view! {
            <tr>
                <th scope="row" class="name">{info.name.clone()}</th>
                <td class="n">{format::count(info.samples)}</td>
                <td class="n">{lost}</td>
                <td class="n">{rate(info.rate_hz)}</td>
                <td class="n">{rate(info.python_rate_hz)}</td>
                <td class="n">{format::count(info.unwind_failures)}</td>
                <td class="n">{format::count(info.truncated_stacks)}</td>
                <td class="n">{format::count(info.unsymbolicated)}</td>
            </tr>
        }
    });
    (!infos.is_empty()).then(|| {
        view! {
            <div class="scroll" tabindex="0" role="region" aria-label="Profiles">
                <table>
                    <thead>
                        <tr>
                            <th scope="col">"Profile"</th>
                            <th scope="col" class="n">"Samples"</th>
                            <th scope="col" class="n">"Lost"</th>
                            <th scope="col" class="n">"Native, Hz"</th>
                            <th scope="col" class="n">"Python, Hz"</th>
                            <th scope="col" class="n">"Not unwound"</th>
                            <th scope="col" class="n">"Cut"</th>
                            <th scope="col" class="n">"Without a name"</th>
                        </tr>
                    </thead>
                    <tbody>{rows.collect_view()}</tbody>
                </table>
            </div>
        }
    })
}

fn members(members: &[Member]) -> impl IntoView + use<> {
    let rows = members.iter().map(|member| {
        let hash = member.sha256.clone().unwrap_or_else(|| UNKNOWN.to_owned());
        let short = hash.get(..12).unwrap_or(&hash).to_owned();
        view! {
            <tr>
                <th scope="row" class="name">{member.path.clone()}</th>
                <td class="n">{format::bytes(member.bytes)}</td>
                <td class="name" title=hash>{short}</td>
            </tr>
        }
    });
    view! {
        <div class="scroll" tabindex="0" role="region" aria-label="Members of the file">
            <table>
                <thead>
                    <tr>
                        <th scope="col">"Member"</th>
                        <th scope="col" class="n">"Size"</th>
                        <th scope="col">"SHA-256"</th>
                    </tr>
                </thead>
                <tbody>{rows.collect_view()}</tbody>
            </table>
        </div>
    }
}
