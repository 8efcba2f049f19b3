//! A command as it is typed: split into words as a POSIX shell would, but nothing else that a shell does.

use std::env;
use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

/// Why a text is no command, or its program cannot be run.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CommandError {
    #[error("the {quote} at byte {byte} of the command `{command}` is never closed")]
    Unbalanced { command: String, quote: &'static str, byte: usize },
    #[error("a command is empty")]
    Empty,
    #[error("there is no program `{program}`{place} (exit code 127 in a shell){hint}")]
    NotFound { program: String, place: &'static str, hint: &'static str },
    #[error("`{program}` cannot be executed: {reason} (exit code 126 in a shell)")]
    NotExecutable { program: String, reason: &'static str },
}

/// Splits a command into words.
///
/// # Errors
/// When a quote is never closed, or there is no word.
pub fn split(command: &str) -> Result<Vec<String>, CommandError> {
    match shell_words::split(command) {
        Ok(words) if words.is_empty() => Err(CommandError::Empty),
        Ok(words) => Ok(words),
        Err(_) => {
            let (quote, byte) = scan(command).open.unwrap_or(("quote", 0));
            Err(CommandError::Unbalanced { command: command.to_owned(), quote, byte })
        }
    }
}

/// The first sign outside of quotes that would mean something to a shell, and nothing without one.
#[must_use]
pub fn shell_sign(command: &str) -> Option<char> {
    scan(command).sign
}

/// What quotes leave open, and what they do not cover.
#[derive(Default)]
struct Scan {
    open: Option<(&'static str, usize)>,
    sign: Option<char>,
}

fn scan(command: &str) -> Scan {
    let mut found = Scan::default();
    let mut escaped = false;
    let mut word_begins = true;
    for (byte, sign) in command.char_indices() {
        let quote = found.open.map(|(quote, _)| quote);
        match (quote, sign) {
            _ if escaped => escaped = false,
            (None | Some("double quote"), '\\') => escaped = true,
            (None, '\'') => found.open = Some(("single quote", byte)),
            (None, '"') => found.open = Some(("double quote", byte)),
            (Some("single quote"), '\'') | (Some("double quote"), '"') => found.open = None,
            (None, '~') if word_begins => found.sign = found.sign.or(Some(sign)),
            (None, _) if "|&;<>$`*?".contains(sign) => found.sign = found.sign.or(Some(sign)),
            (Some("double quote"), '$' | '`') => found.sign = found.sign.or(Some(sign)),
            _ => {}
        }
        word_begins = sign.is_whitespace();
    }
    found
}

/// The file that a program's name stands for, as `execvp` finds it.
///
/// # Errors
/// When there is none, or it cannot be executed.
pub fn find(program: &OsStr) -> Result<PathBuf, CommandError> {
    let shown = || program.to_string_lossy().into_owned();
    let given = Path::new(program);
    if program.as_bytes().contains(&b'/') {
        return match state(given) {
            State::Program => Ok(given.to_owned()),
            State::Missing => Err(CommandError::NotFound { program: shown(), place: "", hint: hint(program) }),
            State::Refused(reason) => Err(CommandError::NotExecutable { program: shown(), reason }),
        };
    }
    let folders = env::var_os("PATH").unwrap_or_else(|| OsString::from("/bin:/usr/bin"));
    let mut refused = None;
    if !program.is_empty() {
        for folder in env::split_paths(&folders) {
            let path = if folder.as_os_str().is_empty() { Path::new(".").join(given) } else { folder.join(given) };
            match state(&path) {
                State::Program => return Ok(path),
                State::Refused(reason) => refused = refused.or(Some(reason)),
                State::Missing => {}
            }
        }
    }
    Err(match refused {
        Some(reason) => CommandError::NotExecutable { program: shown(), reason },
        None => CommandError::NotFound { program: shown(), place: " in PATH", hint: hint(program) },
    })
}

enum State {
    Program,
    Missing,
    Refused(&'static str),
}

fn state(path: &Path) -> State {
    let Ok(metadata) = path.metadata() else { return State::Missing };
    if metadata.is_dir() {
        return State::Refused("it is a folder");
    }
    match nix::unistd::access(path, nix::unistd::AccessFlags::X_OK) {
        Ok(()) => State::Program,
        Err(_) => State::Refused("permission denied"),
    }
}

/// What a name shows that is no program's.
fn hint(program: &OsStr) -> &'static str {
    const BUILT_IN: [&str; 12] =
        ["cd", "export", "source", ".", "set", "ulimit", "alias", "exec", "exit", "for", "if", "while"];
    let text = program.to_string_lossy();
    if BUILT_IN.contains(&text.as_ref()) {
        "; it is a shell's own: add --shell"
    } else if text.contains([' ', '|', ';', '&', '>']) {
        "; after `--` the first word is the program: put whole commands in quotes before it"
    } else if text.contains('=') {
        "; variables are set by `env NAME=VALUE PROGRAM`, or with --shell"
    } else {
        ""
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_split_as_a_shell_does() {
        let check = |command: &str, words: &[&str]| assert_eq!(split(command).unwrap(), words, "{command}");
        check("ls  -l 'a b' \"c d\"", &["ls", "-l", "a b", "c d"]);
        check(r"grep a\ b ''", &["grep", "a b", ""]);
        check("echo a|b", &["echo", "a|b"]);
    }

    #[test]
    fn what_is_never_closed_is_said_with_its_place() {
        let open = |quote, byte, command: &str| CommandError::Unbalanced { command: command.into(), quote, byte };
        assert_eq!(split("echo 'a b"), Err(open("single quote", 5, "echo 'a b")));
        assert_eq!(split("ä \"it's"), Err(open("double quote", 3, "ä \"it's")));
        assert_eq!(split("it's"), Err(open("single quote", 2, "it's")));
        assert_eq!(split("  "), Err(CommandError::Empty));
    }

    #[test]
    fn signs_that_only_a_shell_understands_are_seen() {
        for (command, sign) in [
            ("a | b", Some('|')),
            ("echo $HOME", Some('$')),
            ("ls *.c", Some('*')),
            ("cat ~/x", Some('~')),
            ("echo \"$HOME\"", Some('$')),
            ("grep 'a|b' x~", None),
            (r"echo \$HOME", None),
            ("seq 1 3", None),
        ] {
            assert_eq!(shell_sign(command), sign, "{command}");
        }
    }

    #[test]
    fn programs_are_found_or_the_reason_is_said() {
        assert!(find(OsStr::new("sh")).unwrap().is_absolute());
        assert!(matches!(find(OsStr::new("/")), Err(CommandError::NotExecutable { .. })));
        assert!(matches!(find(OsStr::new("/proc/version")), Err(CommandError::NotExecutable { .. })));
        let told = find(OsStr::new("no-such-program")).unwrap_err().to_string();
        assert!(told.contains("`no-such-program` in PATH") && told.contains("127"), "{told}");
        assert!(find(OsStr::new("")).is_err());
    }
}
