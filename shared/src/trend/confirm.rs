//! The commands that confirm a suspected change, or refute it: both commits, measured beside each other.

use super::Change;
use crate::format::{command_line, shell_word};

/// Where a command ran, and where it may run again.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Place {
    /// Folder that it ran in.
    pub cwd: String,
    /// Root of the repository around it; `None` where there is none on this machine.
    pub root: Option<String>,
    /// Folder for the two work trees.
    pub scratch: String,
    /// Shell command that builds the program.
    pub build: Option<String>,
}

/// Commands for a shell, one a line. Words of the command that name files of the repository by an absolute path are turned to
/// the work trees.
///
/// # Errors
/// Why there are none, for people.
pub fn confirm(command: &[String], change: &Change, place: Option<&Place>) -> Result<Vec<String>, String> {
    let (Some(before), Some(after)) = (commit(change.commit_before.as_deref()), commit(change.commit_after.as_deref()))
    else {
        return Err("the sessions do not tell their commits, so that no two can be run beside each other".into());
    };
    if before == after {
        let why =
            if change.dirty { "an uncommitted change, or the machine" } else { "not the code: look at the machine" };
        return Err(format!("both sessions measured commit {}: it was {why}", short(before)));
    }
    if command.is_empty() {
        return Err(format!(
            "the sessions do not tell their command; run it beside itself at {} and {}",
            short(before),
            short(after)
        ));
    }
    let Some((place, root)) = place.and_then(|place| Some((place, place.root.as_deref()?))) else {
        return Err(format!(
            "the folder of the repository is not on this machine; compare commits {} and {} where it is",
            short(before),
            short(after)
        ));
    };
    if command[0].contains('=') {
        return Err(format!("the program's name {} cannot be given to env", shell_word(&command[0])));
    }
    Ok(lines(command, [before, after], place, root))
}

fn lines(command: &[String], commits: [&str; 2], place: &Place, root: &str) -> Vec<String> {
    let git = format!("git -C {}", shell_word(root));
    let trees = commits.map(|commit| format!("{}/perfcollect-{}", place.scratch.trim_end_matches('/'), short(commit)));
    let mut lines: Vec<String> = Vec::new();
    for (tree, commit) in trees.iter().zip(commits) {
        lines.push(format!("{git} worktree add --detach {} {commit}", shell_word(tree)));
    }
    match &place.build {
        Some(build) => lines.extend(trees.iter().map(|tree| format!("(cd {} && {build})", shell_word(tree)))),
        None => {
            lines.push("# build both here if the program is built (--build 'COMMAND' puts that into this list)".into());
        }
    }
    let runs = trees.iter().map(|tree| {
        let folder = moved(&place.cwd, root, tree).unwrap_or_else(|| tree.clone());
        let words = command.iter().map(|word| moved(word, root, tree).unwrap_or_else(|| word.clone()));
        let words: Vec<String> = ["env".to_owned(), "-C".to_owned(), folder].into_iter().chain(words).collect();
        shell_word(&command_line(&words))
    });
    let runs: Vec<String> = runs.collect();
    let names = commits.map(|commit| format!("--command-name {}", short(commit)));
    lines.push(format!("perfcollect bench {} {}", names.join(" "), runs.join(" ")));
    lines.extend(trees.iter().map(|tree| format!("{git} worktree remove --force {}", shell_word(tree))));
    lines
}

/// A path below `root`, below `tree`; `None` for anything else.
fn moved(path: &str, root: &str, tree: &str) -> Option<String> {
    let rest = path.strip_prefix(root.trim_end_matches('/'))?;
    (rest.is_empty() || rest.starts_with('/')).then(|| format!("{tree}{}", rest.trim_end_matches('/')))
}

/// A name of a commit that git cannot take for an option or anything but a commit.
fn commit(name: Option<&str>) -> Option<&str> {
    name.filter(|name| name.len() >= 4 && name.bytes().all(|byte| byte.is_ascii_hexdigit()))
}

/// What people call a commit.
pub(super) fn short(commit: &str) -> &str {
    commit.get(..10.min(commit.len())).unwrap_or(commit)
}

#[cfg(test)]
mod tests {
    use super::*;

    const OLD: &str = "aaaaaaaaaaaaaaaaaaaa";
    const NEW: &str = "bbbbbbbbbbbbbbbbbbbb";

    fn told(command: &[&str], old: &str, new: &str, root: Option<&str>) -> Result<Vec<String>, String> {
        let command: Vec<String> = command.iter().map(|&word| word.to_owned()).collect();
        let change = Change { commit_before: Some(old.into()), commit_after: Some(new.into()), ..Change::default() };
        let root = root.map(str::to_owned);
        let place = Place { cwd: "/home/u/my app/sub".into(), root, scratch: "/tmp".into(), build: None };
        confirm(&command, &change, Some(&place))
    }

    #[test]
    fn both_commits_run_in_work_trees_of_their_own() {
        let lines = told(&["python3", "/home/u/my app/run it.py", "it's"], OLD, NEW, Some("/home/u/my app")).unwrap();
        let expect = [
            "git -C '/home/u/my app' worktree add --detach /tmp/perfcollect-aaaaaaaaaa aaaaaaaaaaaaaaaaaaaa",
            "git -C '/home/u/my app' worktree add --detach /tmp/perfcollect-bbbbbbbbbb bbbbbbbbbbbbbbbbbbbb",
            "# build both here if the program is built (--build 'COMMAND' puts that into this list)",
            "perfcollect bench --command-name aaaaaaaaaa --command-name bbbbbbbbbb \
             'env -C /tmp/perfcollect-aaaaaaaaaa/sub python3 '\\''/tmp/perfcollect-aaaaaaaaaa/run it.py'\\'' \
             '\\''it'\\''\\'\\'''\\''s'\\''' \
             'env -C /tmp/perfcollect-bbbbbbbbbb/sub python3 '\\''/tmp/perfcollect-bbbbbbbbbb/run it.py'\\'' \
             '\\''it'\\''\\'\\'''\\''s'\\'''",
            "git -C '/home/u/my app' worktree remove --force /tmp/perfcollect-aaaaaaaaaa",
            "git -C '/home/u/my app' worktree remove --force /tmp/perfcollect-bbbbbbbbbb",
        ];
        assert_eq!(lines, expect);
    }

    #[test]
    fn what_cannot_be_confirmed_says_why() {
        let why = |command: &[&str], old, new, root| told(command, old, new, root).unwrap_err();
        assert!(why(&["a"], OLD, OLD, Some("/r")).contains("both sessions measured commit aaaaaaaaaa"));
        assert!(why(&["a"], OLD, "--output=/etc/x", Some("/r")).contains("do not tell their commits"));
        assert!(why(&[], OLD, NEW, Some("/r")).contains("do not tell their command"));
        assert!(why(&["a"], OLD, NEW, None).contains("not on this machine"));
        assert!(why(&["A=1"], OLD, NEW, Some("/r")).contains("env"));
    }

    #[test]
    fn only_paths_below_the_root_are_moved() {
        assert_eq!(moved("/r/x", "/r", "/t").as_deref(), Some("/t/x"));
        assert_eq!(moved("/r", "/r/", "/t").as_deref(), Some("/t"));
        assert_eq!(moved("/repo/x", "/r", "/t"), None);
    }
}
