//! Why a thread does not run: functions of the pseudo-module `[waiting]`, the leaves of waiting samples.

/// Module of the functions that name a reason to wait.
pub const WAITING_MODULE: &str = "[waiting]";

/// Why a thread does not run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum WaitReason {
    /// Wants to run, but every processor it may use is taken.
    Ready,
    /// A mutex, condition, semaphore or the end of another thread: held by code of the program.
    Lock,
    /// Python's global interpreter lock.
    Gil,
    /// For a time that it chose itself.
    Sleeping,
    /// A pipe, terminal, file or event descriptor.
    Io,
    /// A socket of a network protocol.
    Network,
    /// The end of a child process.
    Child,
    /// A page that is not in memory, a disk: sleep that no signal ends.
    Disk,
    /// Anything else, or not known.
    Other,
}

impl WaitReason {
    pub const ALL: [Self; 9] = [
        Self::Ready,
        Self::Lock,
        Self::Gil,
        Self::Sleeping,
        Self::Io,
        Self::Network,
        Self::Child,
        Self::Disk,
        Self::Other,
    ];

    /// Name of the function that stands for it.
    #[must_use]
    pub fn function(self) -> &'static str {
        match self {
            Self::Ready => "[ready, no processor]",
            Self::Lock => "[waiting: lock]",
            Self::Gil => "[waiting: GIL]",
            Self::Sleeping => "[sleeping]",
            Self::Io => "[waiting: I/O]",
            Self::Network => "[waiting: network]",
            Self::Child => "[waiting: child]",
            Self::Disk => "[waiting: page fault/disk]",
            Self::Other => "[waiting]",
        }
    }

    /// The reason that a function of [`WAITING_MODULE`] stands for.
    #[must_use]
    pub fn of_function(name: &str) -> Self {
        Self::ALL.into_iter().find(|reason| reason.function() == name).unwrap_or(Self::Other)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_come_back_as_reasons() {
        for reason in WaitReason::ALL {
            assert_eq!(WaitReason::of_function(reason.function()), reason);
        }
        assert_eq!(WaitReason::of_function("[of a newer version]"), WaitReason::Other);
    }
}
