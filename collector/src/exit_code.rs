//! The exit codes of perfcollect, the one place that names them.

use perfcollect_shared::model::Exit;

/// What the process ends with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ExitCode(pub u8);

impl ExitCode {
    /// All went well.
    pub const FINE: Self = Self(0);
    /// perfcollect itself failed.
    pub const FAILED: Self = Self(1);
    /// The command line makes no sense.
    pub const USAGE: Self = Self(2);
    /// A gate failed.
    pub const GATE_FAILED: Self = Self(3);
    /// A gate could not decide.
    pub const UNDECIDED: Self = Self(4);
    /// `run`: perfcollect failed before the program started, or with `--strict` later.
    pub const NOT_STARTED: Self = Self(125);
    /// `run`: the program is there but cannot be executed.
    pub const NOT_EXECUTABLE: Self = Self(126);
    /// `run`: there is no such program.
    pub const NOT_FOUND: Self = Self(127);

    /// What a shell shows for a program that ended so; 125 where its end was not seen.
    #[must_use]
    pub fn of_program(exit: Exit) -> Self {
        exit.status().and_then(|status| u8::try_from(status).ok()).map_or(Self::NOT_STARTED, Self)
    }
}

impl From<ExitCode> for std::process::ExitCode {
    fn from(code: ExitCode) -> Self {
        Self::from(code.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_signal_is_128_and_its_number() {
        assert_eq!(ExitCode::of_program(Exit { code: Some(7), signal: None }), ExitCode(7));
        assert_eq!(ExitCode::of_program(Exit { code: None, signal: Some(15) }), ExitCode(143));
        assert_eq!(ExitCode::of_program(Exit::default()), ExitCode::NOT_STARTED);
    }
}
