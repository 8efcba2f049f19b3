//! The machine that a recording is made on.
//!
//! Owns reading `/proc`, `/sys` and the few facts that `sysinfo` has for every system. Must stay fast (a dozen small
//! files) and must not fail: what cannot be read is not known.

use perfcollect_shared::model::{Environment, Pressure};
use perfcollect_shared::units::Bytes;
use std::fs::{self, File};
use std::io::Read;
use std::path::Path;
use sysinfo::System;

/// What is known of this machine and its state right now.
#[must_use]
pub fn read() -> Environment {
    let cpu = first_bytes("/proc/cpuinfo");
    Environment {
        hostname: System::host_name().unwrap_or_default(),
        os: System::long_os_version().unwrap_or_default(),
        kernel: System::kernel_version().unwrap_or_default(),
        arch: std::env::consts::ARCH.to_owned(),
        cpu_model: cpu_model(&cpu),
        cpus: std::thread::available_parallelism().map_or(0, |n| u32::try_from(n.get()).unwrap_or(u32::MAX)),
        memory_bytes: memory(),
        governor: text("/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor"),
        container: surroundings(&cpu),
        load: text("/proc/loadavg").as_deref().and_then(load),
        pressure: ["cpu", "memory", "io"].into_iter().filter_map(pressure).collect(),
        perf_event_paranoid: text("/proc/sys/kernel/perf_event_paranoid").and_then(|level| level.parse().ok()),
        root: nix::unistd::geteuid().is_root(),
    }
}

/// A small file without surrounding white space; `None` where it is missing, unreadable or empty.
pub(crate) fn text(path: impl AsRef<Path>) -> Option<String> {
    let text = fs::read_to_string(path).ok()?;
    let trimmed = text.trim_matches(|c: char| c.is_whitespace() || c == '\0');
    (!trimmed.is_empty()).then(|| trimmed.to_owned())
}

/// The start of a file. `/proc/cpuinfo` is slow to read to its end where there are many processors.
fn first_bytes(path: &str) -> String {
    let mut bytes = [0; 4096];
    let len = File::open(path).and_then(|mut file| file.read(&mut bytes)).unwrap_or(0);
    String::from_utf8_lossy(&bytes[..len]).into_owned()
}

fn field<'a>(text: &'a str, name: &str) -> Option<&'a str> {
    let line = text.lines().find(|line| line.split([':', '\t']).next().is_some_and(|key| key.trim() == name))?;
    line.split_once(':').map(|(_, value)| value.trim())
}

fn cpu_model(cpuinfo: &str) -> String {
    let named = ["model name", "Model", "cpu model", "cpu"].into_iter().find_map(|name| field(cpuinfo, name));
    named.map(str::to_owned).or_else(|| text("/proc/device-tree/model")).unwrap_or_default()
}

fn memory() -> Bytes {
    let meminfo = text("/proc/meminfo").unwrap_or_default();
    let kib = field(&meminfo, "MemTotal").and_then(|value| value.split(' ').next()?.parse::<u64>().ok());
    Bytes(kib.unwrap_or(0).saturating_mul(1024))
}

fn load(text: &str) -> Option<[f64; 3]> {
    let mut values = text.split(' ').map(|value| value.parse::<f64>().ok());
    Some([values.next()??, values.next()??, values.next()??])
}

fn pressure(resource: &str) -> Option<Pressure> {
    let text = text(format!("/proc/pressure/{resource}"))?;
    Some(Pressure { resource: resource.to_owned(), some_10s: parse_pressure(&text)? })
}

/// `some avg10=1.53 avg60=…`, in percent, as a share.
pub(crate) fn parse_pressure(text: &str) -> Option<f64> {
    let some = text.lines().find(|line| line.starts_with("some "))?;
    let percent = some.split(' ').find_map(|part| part.strip_prefix("avg10="))?;
    Some(percent.parse::<f64>().ok()? / 100.0)
}

/// The container and the virtual machine around us, as far as they show.
fn surroundings(cpuinfo: &str) -> Option<String> {
    let parts: Vec<String> = [container(), virtual_machine(cpuinfo)].into_iter().flatten().collect();
    (!parts.is_empty()).then(|| parts.join(" in "))
}

fn container() -> Option<String> {
    if let Some(name) = std::env::var("container").ok().or_else(|| text("/run/systemd/container")) {
        return Some(name);
    }
    if std::env::var_os("KUBERNETES_SERVICE_HOST").is_some() {
        return Some("kubernetes".to_owned());
    }
    let marked = [("/.dockerenv", "docker"), ("/run/.containerenv", "podman")];
    if let Some((_, name)) = marked.into_iter().find(|(path, _)| Path::new(path).exists()) {
        return Some(name.to_owned());
    }
    let groups = fs::read_to_string("/proc/1/cgroup").unwrap_or_default();
    let known = ["kubepods", "docker", "containerd", "libpod", "lxc"];
    known.into_iter().find(|name| groups.contains(name)).map(str::to_owned)
}

fn virtual_machine(cpuinfo: &str) -> Option<String> {
    let release = text("/proc/sys/kernel/osrelease").unwrap_or_default().to_ascii_lowercase();
    if release.contains("microsoft") {
        return Some("WSL".to_owned());
    }
    let product = [text("/sys/class/dmi/id/sys_vendor"), text("/sys/class/dmi/id/product_name")];
    let product = product.into_iter().flatten().collect::<Vec<_>>().join(" ");
    let known = ["QEMU", "KVM", "VMware", "VirtualBox", "Xen", "Amazon EC2", "Google Compute Engine", "Firecracker"];
    let named = known.into_iter().find(|name| product.contains(name)).map(|name| format!("{name} virtual machine"));
    let flagged = || field(cpuinfo, "flags").is_some_and(|flags| flags.split(' ').any(|flag| flag == "hypervisor"));
    named.or_else(|| flagged().then(|| "virtual machine".to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_found_by_whole_name() {
        let cpuinfo = "processor\t: 0\nmodel\t\t: 85\nmodel name\t: Some CPU @ 2.00GHz\nflags\t\t: fpu hypervisor\n";
        assert_eq!(cpu_model(cpuinfo), "Some CPU @ 2.00GHz");
        assert_eq!(field(cpuinfo, "model"), Some("85"));
        assert_eq!(field(cpuinfo, "absent"), None);
    }

    #[test]
    fn load_and_pressure_are_parsed_or_not_known() {
        assert_eq!(load("0.52 0.58 0.59 1/467 12345"), Some([0.52, 0.58, 0.59]));
        assert_eq!(load("nothing"), None);
        let pressure = "some avg10=25.00 avg60=0.00 avg300=0.00 total=1\nfull avg10=9.00 avg60=0.00\n";
        assert_eq!(parse_pressure(pressure), Some(0.25));
        assert_eq!(parse_pressure("full avg10=9.00"), None);
    }

    #[test]
    fn this_machine_is_described() {
        let environment = read();
        assert!(environment.cpus > 0 && environment.memory_bytes > Bytes(1 << 20), "{environment:?}");
        assert!(!environment.kernel.is_empty() && !environment.os.is_empty(), "{environment:?}");
        assert!(environment.load.is_some(), "{environment:?}");
    }
}
