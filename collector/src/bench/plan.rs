//! What is to be measured: from the command line to benchmarks with all their parameters filled in.

use super::parameters::{self, ParameterError, Values};
use super::spawner::{Ignore, Job};
use super::streams::{Input, Output};
use super::words::{self, CommandError};
use crate::cli::{BenchArgs, ListFormat, Runs};
use perfcollect_shared::format;
use perfcollect_shared::model::BenchmarkInfo;
use std::collections::{BTreeMap, HashSet};
use std::ffi::OsString;
use std::path::PathBuf;

/// A benchmark with its hooks.
#[derive(Clone, Debug)]
pub struct Benchmark {
    pub info: BenchmarkInfo,
    pub job: Job,
    pub hooks: Hooks,
}

/// Shell commands around a benchmark.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Hooks {
    pub setup: Option<String>,
    pub prepare: Option<String>,
    pub conclude: Option<String>,
    pub cleanup: Option<String>,
}

/// The shell that commands and hooks are run by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shell {
    /// Program and options, without `-c`.
    pub words: Vec<String>,
    pub program: PathBuf,
}

/// All that was asked for, checked.
#[derive(Clone, Debug)]
pub struct Plan {
    pub benchmarks: Vec<Benchmark>,
    /// Set where commands are run by it.
    pub shell: Option<Shell>,
    /// Of hooks.
    pub hook_shell: Shell,
    /// One benchmark after the other.
    pub sequential: bool,
    pub input: Input,
    pub output: Output,
    pub ignore: Ignore,
    /// What should be known before the runs.
    pub notes: Vec<String>,
}

/// Why a command line makes no plan.
#[derive(Debug, thiserror::Error)]
pub enum PlanError {
    #[error("no command to measure; say: perfcollect bench 'COMMAND' 'COMMAND', or: perfcollect bench -- COMMAND ARGS")]
    NoCommand,
    #[error("commands in quotes and a command after `--` are given; choose one form")]
    TwoForms,
    #[error(transparent)]
    Command(#[from] CommandError),
    #[error(transparent)]
    Parameters(#[from] ParameterError),
    #[error("--{option} is given {given} times for {commands} commands; give it once, or once for each")]
    HookCount { option: &'static str, given: usize, commands: usize },
    #[error("--command-name is given {given} times for {commands} commands")]
    Names { given: usize, commands: usize },
    #[error("--ignore-failure={0}: say exit codes with commas between them, such as 1,2")]
    Codes(String),
    #[error("--min-runs {min} is more than --max-runs {max}")]
    Bounds { min: u32, max: u32 },
    #[error("`--shell {0}` would measure `{0}` itself; write --shell={0}, or: -S {0}")]
    ShellValue(String),
    #[error("--{option} is for --runs auto; --runs says how many there are")]
    NotAuto { option: &'static str },
}

impl PlanError {
    /// The command line is right, but a program is missing.
    #[must_use]
    pub fn is_about_programs(&self) -> bool {
        matches!(self, Self::Command(CommandError::NotFound { .. } | CommandError::NotExecutable { .. }))
    }
}

/// A command before its parameters are filled in.
enum Template<'a> {
    Text(&'a str),
    Words(&'a [OsString]),
}

impl Plan {
    /// Checks everything that can be checked before the first run.
    ///
    /// # Errors
    /// When the command line makes no sense, or a program is missing.
    pub fn new(args: &BenchArgs) -> Result<Self, PlanError> {
        check_runs(args)?;
        check_shell(args)?;
        let templates = templates(args)?;
        let (shell, hook_shell) = shells(args)?;
        let values =
            parameters::combinations(&args.parameter_scan, args.parameter_step_size.as_deref(), &args.parameter_list)?;
        let count = templates.len() * values.len();
        if args.command_name.len() > count {
            return Err(PlanError::Names { given: args.command_name.len(), commands: count });
        }
        let mut plan = Self {
            benchmarks: Vec::with_capacity(count),
            shell,
            hook_shell,
            sequential: args.sequential,
            input: if args.input == "null" { Input::Null } else { Input::File(PathBuf::from(&args.input)) },
            output: output(args),
            ignore: ignore(args)?,
            notes: Vec::new(),
        };
        for values in &values {
            for (index, template) in templates.iter().enumerate() {
                plan.push(args, index, templates.len(), count, template, values)?;
            }
        }
        plan.name_apart();
        plan.look_at_setups();
        Ok(plan)
    }

    fn push(
        &mut self,
        args: &BenchArgs,
        index: usize,
        commands: usize,
        count: usize,
        template: &Template,
        values: &Values,
    ) -> Result<(), PlanError> {
        let (shown, job) = self.job(template, values)?;
        let number = self.benchmarks.len();
        let own_name = if args.command_name.len() > commands { number } else { index };
        let name = args.command_name.get(own_name).map_or(shown, |name| parameters::fill(name, values));
        let hook = |option: &'static str, given: &[String]| match given.len() {
            0 => Ok(None),
            1 => Ok(Some(parameters::fill(&given[0], values))),
            many if many == count => Ok(Some(parameters::fill(&given[number], values))),
            many if many == commands => Ok(Some(parameters::fill(&given[index], values))),
            given => Err(PlanError::HookCount { option, given, commands: count }),
        };
        let hooks = Hooks {
            setup: hook("setup", args.setup.as_slice())?,
            prepare: hook("prepare", &args.prepare)?,
            conclude: hook("conclude", &args.conclude)?,
            cleanup: hook("cleanup", args.cleanup.as_slice())?,
        };
        let command = job.arguments.iter().map(|word| word.to_string_lossy().into_owned()).collect();
        let info = BenchmarkInfo { name, command, parameters: values.clone(), ..BenchmarkInfo::default() };
        self.benchmarks.push(Benchmark { info, job, hooks });
        Ok(())
    }

    /// The command as people read it, and as it is run.
    fn job(&mut self, template: &Template, values: &Values) -> Result<(String, Job), PlanError> {
        let (shown, words): (String, Vec<OsString>) = match template {
            Template::Text(text) => {
                let text = parameters::fill(text, values);
                let words = if let Some(shell) = &self.shell {
                    [shell.words.as_slice(), &["-c".to_owned(), text.clone()]].concat()
                } else {
                    self.note_shell_signs(&text);
                    words::split(&text)?
                };
                (text, words.into_iter().map(OsString::from).collect())
            }
            Template::Words(words) => {
                let fill = |word: &OsString| {
                    word.to_str().map_or_else(|| word.clone(), |text| parameters::fill(text, values).into())
                };
                let words: Vec<OsString> = words.iter().map(fill).collect();
                let shown: Vec<String> = words.iter().map(|word| word.to_string_lossy().into_owned()).collect();
                let shown = format::command_line(&shown);
                match &self.shell {
                    Some(shell) => {
                        let all = [shell.words.as_slice(), &["-c".to_owned(), shown.clone()]].concat();
                        (shown, all.into_iter().map(OsString::from).collect())
                    }
                    None => (shown, words),
                }
            }
        };
        let program = match &self.shell {
            Some(shell) => shell.program.clone(),
            None => words::find(words.first().map_or(std::ffi::OsStr::new(""), |word| word.as_os_str()))?,
        };
        Ok((shown, Job { program, arguments: words, variables: Vec::new() }))
    }

    fn note_shell_signs(&mut self, command: &str) {
        if let Some(sign) = words::shell_sign(command) {
            self.notes.push(format!(
                "`{sign}` in `{command}` is given to the program as it stands, since no shell runs it; with --shell one does"
            ));
        }
    }

    /// Makes every name unlike the others: by their parameters, then by a number.
    fn name_apart(&mut self) {
        let mut times: BTreeMap<String, usize> = BTreeMap::new();
        for benchmark in &self.benchmarks {
            *times.entry(benchmark.info.name.clone()).or_default() += 1;
        }
        for info in self.benchmarks.iter_mut().map(|benchmark| &mut benchmark.info) {
            if times[&info.name] > 1 && !info.parameters.is_empty() {
                let values: Vec<String> =
                    info.parameters.iter().map(|(name, value)| format!("{name} = {value}")).collect();
                info.name = format!("{} ({})", info.name, values.join(", "));
            }
        }
        let mut taken = HashSet::new();
        for info in self.benchmarks.iter_mut().map(|benchmark| &mut benchmark.info) {
            let plain = info.name.clone();
            let mut number = 1;
            while !taken.insert(info.name.clone()) {
                number += 1;
                info.name = format!("{plain} ({number})");
            }
        }
    }

    /// All set-ups are run before the first run: where one would undo another, benchmarks cannot take turns.
    fn look_at_setups(&mut self) {
        let setups: HashSet<&Option<String>> = self.benchmarks.iter().map(|benchmark| &benchmark.hooks.setup).collect();
        if setups.len() < 2 || self.sequential {
            return;
        }
        let commands: HashSet<&Vec<OsString>> =
            self.benchmarks.iter().map(|benchmark| &benchmark.job.arguments).collect();
        if commands.len() < self.benchmarks.len() {
            self.sequential = true;
            self.notes.push(
                "the same command is measured after different set-ups, so benchmarks run one after the other: slow changes \
                 of the machine cannot be told from differences; build each beside the others to let them take turns"
                    .to_owned(),
            );
        } else {
            self.notes.push(
                "all set-ups run before the first run, since benchmarks take turns; where one undoes another, use --sequential"
                    .to_owned(),
            );
        }
    }
}

fn check_runs(args: &BenchArgs) -> Result<(), PlanError> {
    if let Runs::Exactly(_) = args.runs {
        let given = [("min-runs", args.min_runs.is_some()), ("max-runs", args.max_runs.is_some())];
        if let Some((option, _)) = given.into_iter().find(|(_, given)| *given) {
            return Err(PlanError::NotAuto { option });
        }
    }
    match (args.min_runs, args.max_runs) {
        (Some(min), Some(max)) if min > max => Err(PlanError::Bounds { min: min.get(), max: max.get() }),
        _ => Ok(()),
    }
}

/// hyperfine takes the shell after a blank.
fn check_shell(args: &BenchArgs) -> Result<(), PlanError> {
    const SHELLS: [&str; 7] = ["none", "default", "sh", "bash", "dash", "zsh", "fish"];
    match args.commands.split_first() {
        Some((first, rest)) if !rest.is_empty() && args.shell.as_deref() == Some("default") => {
            let is_shell = SHELLS.contains(&first.as_str());
            if is_shell { Err(PlanError::ShellValue(first.clone())) } else { Ok(()) }
        }
        _ => Ok(()),
    }
}

fn templates(args: &BenchArgs) -> Result<Vec<Template<'_>>, PlanError> {
    let reference = args.reference.as_deref().map(Template::Text);
    let texts = args.commands.iter().map(|text| Template::Text(text));
    match (args.commands.is_empty(), args.words.is_empty()) {
        (true, true) => Err(PlanError::NoCommand),
        (false, false) => Err(PlanError::TwoForms),
        (false, true) => Ok(reference.into_iter().chain(texts).collect()),
        (true, false) => Ok(reference.into_iter().chain([Template::Words(&args.words)]).collect()),
    }
}

/// The shell of the commands, if one was asked for, and that of the hooks.
fn shells(args: &BenchArgs) -> Result<(Option<Shell>, Shell), PlanError> {
    let one = |text: &str| -> Result<Shell, PlanError> {
        let words = words::split(if text == "default" { "sh" } else { text })?;
        let program = words::find(words[0].as_ref())?;
        Ok(Shell { words, program })
    };
    match args.shell.as_ref().or(args.shell_with.as_ref()).filter(|shell| *shell != "none") {
        Some(shell) => one(shell).map(|shell| (Some(shell.clone()), shell)),
        None => Ok((None, one("default")?)),
    }
}

fn output(args: &BenchArgs) -> Output {
    match args.output.as_str() {
        _ if args.show_output => inherited(args),
        "null" => Output::Null,
        "pipe" => Output::Pipe,
        "inherit" => inherited(args),
        file => Output::File(PathBuf::from(file)),
    }
}

fn inherited(args: &BenchArgs) -> Output {
    match args.format {
        ListFormat::Text => Output::Inherit,
        ListFormat::Json => Output::InheritAsError,
    }
}

fn ignore(args: &BenchArgs) -> Result<Ignore, PlanError> {
    match args.ignore_failure.as_deref() {
        None => Ok(Ignore::None),
        Some("all") => Ok(Ignore::All),
        Some(codes) => {
            let all: Result<Vec<i32>, _> = codes.split(',').map(|code| code.trim().parse()).collect();
            all.map(Ignore::Codes).map_err(|_not_a_number| PlanError::Codes(codes.to_owned()))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::{Cli, Command};
    use clap::Parser;

    fn plan(words: &[&str]) -> Result<Plan, PlanError> {
        let cli = Cli::try_parse_from([&["perfcollect", "bench"], words].concat()).unwrap();
        let Command::Bench(args) = cli.command else { panic!("{cli:?}") };
        Plan::new(&args)
    }

    fn names(words: &[&str]) -> Vec<String> {
        plan(words).unwrap().benchmarks.into_iter().map(|benchmark| benchmark.info.name).collect()
    }

    #[test]
    fn every_benchmark_has_a_name_of_its_own() {
        assert_eq!(names(&["true", "true", "sleep 0"]), ["true", "true (2)", "sleep 0"]);
        assert_eq!(names(&["-n", "a {x}", "-L", "x", "1,2", "echo {x}"]), ["a 1", "a 2"]);
        assert_eq!(names(&["-n", "a", "-L", "x", "1,2", "echo {x}"]), ["a (x = 1)", "a (x = 2)"]);
        assert_eq!(names(&["-n", "a", "-n", "b", "-L", "x", "1,2", "echo {x}"]), ["a", "b"]);
        assert_eq!(
            names(&["-n", "a", "-P", "x", "1", "2", "echo {x}", "true"]),
            ["a (x = 1)", "true (x = 1)", "a (x = 2)", "true (x = 2)"]
        );
        assert_eq!(names(&["--reference", "true", "false"]), ["true", "false"]);
        assert_eq!(names(&["--", "echo", "a b"]), ["echo 'a b'"]);
    }

    #[test]
    fn hooks_belong_to_all_or_to_each() {
        let prepares = |words: &[&str]| -> Vec<Option<String>> {
            plan(words).unwrap().benchmarks.into_iter().map(|benchmark| benchmark.hooks.prepare).collect()
        };
        assert_eq!(prepares(&["-p", "x {v}", "-L", "v", "1,2", "echo {v}"]), [Some("x 1".into()), Some("x 2".into())]);
        assert_eq!(prepares(&["-p", "x", "-p", "y", "true", "false"]), [Some("x".into()), Some("y".into())]);
        let error = plan(&["-p", "x", "-p", "y", "true"]).unwrap_err();
        assert!(matches!(error, PlanError::HookCount { option: "prepare", given: 2, commands: 1 }), "{error}");
    }

    #[test]
    fn set_ups_that_undo_each_other_are_not_interleaved() {
        let built = plan(&["-s", "make {v}", "-L", "v", "1,2", "true"]).unwrap();
        assert!(built.sequential && built.notes.len() == 1, "{:?}", built.notes);
        let apart = plan(&["-s", "make {v}", "-L", "v", "1,2", "echo {v}"]).unwrap();
        assert!(!apart.sequential && apart.notes.len() == 1, "{:?}", apart.notes);
        assert!(plan(&["-s", "make", "true", "false"]).unwrap().notes.is_empty());
    }

    #[test]
    fn a_shell_runs_what_it_is_asked_to() {
        let built = plan(&["--shell", "echo a | cat"]).unwrap();
        assert_eq!(built.benchmarks[0].info.command, ["sh", "-c", "echo a | cat"]);
        assert!(built.notes.is_empty());
        let built = plan(&["echo a | cat"]).unwrap();
        assert_eq!(built.benchmarks[0].info.command, ["echo", "a", "|", "cat"]);
        assert_eq!(built.notes.len(), 1);
        assert!(plan(&["-S", "no-such-shell", "true"]).unwrap_err().is_about_programs());
    }

    #[test]
    fn nonsense_is_refused() {
        assert!(matches!(plan(&[]), Err(PlanError::NoCommand)));
        assert!(matches!(plan(&["true", "--", "true"]), Err(PlanError::TwoForms)));
        assert!(matches!(plan(&["--shell", "bash", "true"]), Err(PlanError::ShellValue(_))));
        assert!(matches!(plan(&["-m", "9", "-M", "3", "true"]), Err(PlanError::Bounds { .. })));
        assert!(matches!(plan(&["-r", "9", "-M", "3", "true"]), Err(PlanError::NotAuto { option: "max-runs" })));
        assert!(matches!(plan(&["--ignore-failure=1,x", "true"]), Err(PlanError::Codes(_))));
        assert!(matches!(plan(&["-n", "a", "-n", "b", "true"]), Err(PlanError::Names { .. })));
        assert!(plan(&["echo 'a"]).is_err_and(|error| !error.is_about_programs()));
        assert!(plan(&["no-such-program"]).is_err_and(|error| error.is_about_programs()));
    }
}
