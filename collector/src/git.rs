//! State of the source tree that a program is started in.
//!
//! Owns asking git without ever waiting long for it or writing to the repository. Must be read before anything of ours
//! is written, or our own files would make the tree dirty.

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use perfcollect_shared::model::Git;
use std::fs;
use std::io::Read;
use std::os::fd::AsFd;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};

/// Longest wait for git; after it, commit and branch are read from the files and `dirty` is not known.
const PATIENCE: Duration = Duration::from_millis(500);

/// State of the tree around `cwd`; `None` outside of one.
#[must_use]
pub fn read(cwd: &Path) -> Option<Git> {
    start(cwd).finish()
}

/// Asks git and returns at once, so that the answer can be made while something else is prepared.
#[must_use]
pub fn start(cwd: &Path) -> Reading {
    let folder = git_folder(cwd);
    let child = folder.as_ref().and_then(|_| {
        Command::new("git")
            .args(["--no-optional-locks", "-c", "core.fsmonitor=false", "status", "--porcelain=v2", "--branch"])
            .args(["--untracked-files=no", "--ignore-submodules=dirty", "--no-renames", "-z"])
            .current_dir(cwd)
            .env("LC_ALL", "C")
            .env("GIT_OPTIONAL_LOCKS", "0")
            .env("GIT_TERMINAL_PROMPT", "0")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .ok()
    });
    Reading { folder, child, started: Instant::now() }
}

/// An answer under way, see [`start`].
#[derive(Debug)]
pub struct Reading {
    folder: Option<PathBuf>,
    child: Option<Child>,
    started: Instant,
}

impl Reading {
    /// Waits for git's answer, half a second after the start at most.
    #[must_use]
    pub fn finish(mut self) -> Option<Git> {
        let folder = self.folder.take()?;
        let asked = self.child.as_mut().and_then(|child| {
            let output = child.stdout.take().and_then(|stdout| read_until(stdout, self.started + PATIENCE))?;
            child.wait().ok()?.success().then_some(output)
        });
        asked.and_then(|output| parse_status(&output)).or_else(|| from_files(&folder))
    }
}

impl Drop for Reading {
    fn drop(&mut self) {
        if let Some(child) = &mut self.child {
            // Both fail where it has ended and was waited for, which is what we want.
            child.kill().ok();
            child.wait().ok();
        }
    }
}

/// Everything that git wrote, `None` where it is not done by the deadline.
fn read_until(mut stdout: ChildStdout, deadline: Instant) -> Option<String> {
    let mut output = Vec::new();
    let mut chunk = [0; 16 * 1024];
    loop {
        let left = deadline.saturating_duration_since(Instant::now());
        let timeout = PollTimeout::try_from(left.as_millis()).ok()?;
        match poll(&mut [PollFd::new(stdout.as_fd(), PollFlags::POLLIN)], timeout) {
            Err(nix::errno::Errno::EINTR) => {}
            Ok(0) | Err(_) => return None,
            Ok(_) => match stdout.read(&mut chunk).ok()? {
                0 => return Some(String::from_utf8_lossy(&output).into_owned()),
                n => output.extend_from_slice(&chunk[..n]),
            },
        }
    }
}

/// `git status --porcelain=v2 --branch -z`: headers begin with `#`, every other entry is a change.
fn parse_status(output: &str) -> Option<Git> {
    let header = |name: &str| output.split('\0').find_map(|line| line.strip_prefix("# ")?.strip_prefix(name));
    let commit = header("branch.oid ")?;
    let branch = header("branch.head ").filter(|name| *name != "(detached)");
    let dirty = output.split('\0').any(|line| !line.is_empty() && !line.starts_with('#'));
    let commit = if commit == "(initial)" { "" } else { commit };
    Some(Git { commit: commit.to_owned(), branch: branch.map(str::to_owned), dirty: Some(dirty) })
}

/// The folder behind `.git`, of `cwd` or the nearest folder above it.
fn git_folder(cwd: &Path) -> Option<PathBuf> {
    let (above, dot_git) = cwd.ancestors().map(|folder| (folder, folder.join(".git"))).find(|(_, git)| git.exists())?;
    if dot_git.is_dir() {
        return Some(dot_git);
    }
    let link = fs::read_to_string(&dot_git).ok()?; // a worktree or submodule
    Some(above.join(link.strip_prefix("gitdir:")?.trim()))
}

/// Commit and branch without git.
fn from_files(folder: &Path) -> Option<Git> {
    let head = fs::read_to_string(folder.join("HEAD")).ok()?;
    let head = head.trim();
    let Some(name) = head.strip_prefix("ref: ") else {
        return Some(Git { commit: head.to_owned(), branch: None, dirty: None });
    };
    let common = fs::read_to_string(folder.join("commondir")).map_or_else(
        |_| folder.to_owned(), // not a worktree
        |path| folder.join(path.trim()),
    );
    let loose = fs::read_to_string(common.join(name)).ok().map(|text| text.trim().to_owned());
    let packed = || {
        let refs = fs::read_to_string(common.join("packed-refs")).ok()?;
        let line = refs.lines().find(|line| line.ends_with(name) && line.split(' ').nth(1) == Some(name))?;
        line.split(' ').next().map(str::to_owned)
    };
    let branch = name.strip_prefix("refs/heads/").unwrap_or(name).to_owned();
    Some(Git { commit: loose.or_else(packed)?, branch: Some(branch), dirty: None })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn git(folder: &Path, args: &[&str]) -> String {
        let identity = ["-c", "user.name=t", "-c", "user.email=t@example.org", "-c", "commit.gpgsign=false"];
        let output = Command::new("git").args(identity).args(args).current_dir(folder).output();
        let output = output.expect("git is installed (apt-get install git)");
        assert!(output.status.success(), "{args:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8_lossy(&output.stdout).trim().to_owned()
    }

    #[test]
    fn commit_branch_and_dirt_of_a_repository_and_its_worktree() {
        let temp = tempfile::tempdir().unwrap();
        let main = temp.path().join("main");
        fs::create_dir_all(main.join("deep/er")).unwrap();
        git(&main, &["init", "-q", "-b", "feature/x"]);
        fs::write(main.join("a"), "1").unwrap();
        git(&main, &["add", "a"]);
        git(&main, &["commit", "-q", "-m", "a"]);
        let commit = git(&main, &["rev-parse", "HEAD"]);
        let expect = |dirty| Git { commit: commit.clone(), branch: Some("feature/x".into()), dirty };
        assert_eq!(read(&main.join("deep/er")), Some(expect(Some(false))));
        assert_eq!(from_files(&main.join(".git")), Some(expect(None)));

        fs::write(main.join("a"), "2").unwrap();
        assert_eq!(read(&main), Some(expect(Some(true))));

        git(&main, &["worktree", "add", "-q", "-b", "other", "../tree"]);
        let tree = temp.path().join("tree");
        let other = Git { branch: Some("other".into()), ..expect(None) };
        assert_eq!(read(&tree), Some(Git { dirty: Some(false), ..other.clone() }));
        assert_eq!(from_files(&git_folder(&tree).unwrap()), Some(other.clone()));
        git(&main, &["pack-refs", "--all"]);
        assert_eq!(from_files(&git_folder(&tree).unwrap()), Some(other));

        git(&main, &["checkout", "-q", "--detach"]);
        assert_eq!(read(&main), Some(Git { branch: None, ..expect(Some(true)) }));
        assert_eq!(from_files(&main.join(".git")), Some(Git { branch: None, ..expect(None) }));
    }

    #[test]
    fn a_folder_outside_of_a_repository_has_no_state() {
        let temp = tempfile::tempdir().unwrap();
        assert_eq!(read(temp.path()), None);
    }

    #[test]
    fn a_repository_without_a_commit_has_an_empty_one() {
        let temp = tempfile::tempdir().unwrap();
        git(temp.path(), &["init", "-q", "-b", "main"]);
        let expect = Git { commit: String::new(), branch: Some("main".into()), dirty: Some(false) };
        assert_eq!(read(temp.path()), Some(expect));
    }
}
