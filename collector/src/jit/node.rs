//! Node: names of JavaScript functions through `NODE_OPTIONS`.

use std::env;
use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

pub(super) const VARIABLE: &str = "NODE_OPTIONS";

/// What Node is asked for.
///
/// The first makes V8 write a line for each function that it compiles to `/tmp/perf-PID.map`. The second gives each
/// interpreted function an entry of its own: without it those, and all callers that are not hot enough to be compiled,
/// are one nameless `InterpreterEntryTrampoline`. Together they cost a start of Node about 5 of its 56 ms.
pub const OPTIONS: &str = "--perf-basic-prof-only-functions --interpreted-frames-native-stack";

/// Longest wait for a Node that says whether it takes the options; one takes 4 ms.
const PATIENCE: Duration = Duration::from_millis(500);

/// A Node that is being asked whether it would start with our options: one that does not know them would refuse to run.
#[derive(Debug)]
pub(super) struct Probe {
    child: Child,
    since: Instant,
}

impl Probe {
    /// `None` where there is no Node, or where the user has asked it for a map already.
    pub(super) fn start(command: &[OsString]) -> Option<Self> {
        let set = env::var_os(VARIABLE);
        if set.as_deref().is_some_and(|options| asks_for_a_map(&options.to_string_lossy())) {
            return None;
        }
        let node = find(command.first()?)?;
        let child = Command::new(node)
            .arg("--version")
            .env(VARIABLE, with_options(set))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn();
        Some(Self { child: child.ok()?, since: Instant::now() })
    }

    /// Whether it would start.
    pub(super) fn allows(mut self) -> bool {
        loop {
            match self.child.try_wait() {
                Ok(Some(status)) => return status.success(),
                Ok(None) if self.since.elapsed() < PATIENCE => thread::sleep(Duration::from_micros(200)),
                Ok(None) | Err(_) => {
                    // A wrapper that installs something, perhaps: it is left in peace from now on.
                    self.child.kill().and_then(|()| self.child.wait()).ok();
                    return false;
                }
            }
        }
    }
}

/// Whether options of Node make it write a map of their own accord.
pub(super) fn asks_for_a_map(options: &str) -> bool {
    options.split_ascii_whitespace().any(|option| option.replace('_', "-").starts_with("--perf-basic-prof"))
}

/// The options with ours at their end.
pub(super) fn with_options(set: Option<OsString>) -> OsString {
    let mut options = set.unwrap_or_default();
    if !options.is_empty() {
        options.push(" ");
    }
    options.push(OPTIONS);
    options
}

/// The program itself where it is Node, else the one that a shell, `npm` or a script's first line would find.
fn find(program: &OsStr) -> Option<PathBuf> {
    let is_node = |path: &Path| path.file_name().is_some_and(|name| name == "node" || name == "nodejs");
    if program.as_bytes().contains(&b'/') && is_node(Path::new(program)) {
        return Some(PathBuf::from(program));
    }
    let name = if is_node(Path::new(program)) { program } else { OsStr::new("node") };
    env::split_paths(&env::var_os("PATH")?).map(|folder| folder.join(name)).find(|path| path.is_file())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_of_the_user_stay_first() {
        assert_eq!(with_options(None), OPTIONS);
        assert_eq!(with_options(Some("--no-warnings".into())), format!("--no-warnings {OPTIONS}").as_str());
    }

    #[test]
    fn a_map_that_the_user_wants_is_known() {
        for (options, asked) in [
            ("", false),
            ("--max-old-space-size=99 --title=--perf", false),
            ("--perf-basic-prof", true),
            ("-r x --perf_basic_prof_only_functions", true),
        ] {
            assert_eq!(asks_for_a_map(options), asked, "{options}");
        }
    }
}
