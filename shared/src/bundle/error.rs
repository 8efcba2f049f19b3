//! Why a bundle could not be read or written.

/// Why bytes are no bundle that can be read at all. Damage to single members is a warning of the bundle instead.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ReadError {
    #[error("the file is empty; a bundle was never written to it")]
    Empty,
    #[error("not a bundle: it does not begin like a zip file (byte 0); expected a NAME.perf.zip")]
    NotZip,
    #[error(
        "the directory of the zip is damaged ({reason}); `perfcollect recover FILE` saves the members that are whole"
    )]
    Directory { reason: String },
    #[error(
        "the zip has no {member}, so it is no bundle, or a damaged one; `perfcollect recover FILE` saves what it can"
    )]
    NoManifest { member: &'static str },
    #[error(
        "{member} at byte {byte} is damaged ({reason}); `perfcollect recover FILE` saves the members that are whole"
    )]
    Manifest { member: &'static str, byte: u64, reason: String },
    #[error(
        "the bundle has format {found}, this version of perfcollect reads up to {known}; a newer perfcollect opens it"
    )]
    Newer { found: u32, known: u32 },
    #[error("the bundle of format {found} could not be upgraded ({reason}); the perfcollect that wrote it opens it")]
    Upgrade { found: u32, reason: String },
    #[error(
        "the zip has {members} members, more than the {limit} that a bundle may have; perfcollect did not write it"
    )]
    TooManyMembers { members: usize, limit: usize },
    #[error("the name of member {name:?} {reason}; perfcollect did not write it and does not open it")]
    BadName { name: String, reason: &'static str },
    #[error("two members of the zip have the same name; perfcollect did not write it and does not open it")]
    DuplicateNames,
    #[error("{member} is larger than the {limit} bytes that it may have; perfcollect did not write it")]
    TooLarge { member: String, limit: u64 },
    #[error("nothing could be recovered: no member of the file is whole")]
    NothingRecovered,
}

/// Why a bundle could not be written.
#[derive(Debug, thiserror::Error)]
pub enum WriteError {
    #[error("profile name {0:?} cannot be a file name; use letters, digits, `-` and `_`")]
    ProfileName(String),
    #[error("two profiles are named {0:?}")]
    DuplicateProfile(String),
    #[error(
        "sample {sample} of profile {profile:?} has a time and counts for {count} samples; timed samples count for 1"
    )]
    TimedCount { profile: String, sample: usize, count: u32 },
    #[error(
        "profile {profile:?} has {samples} samples, more than the {limit} that a bundle may have; record at a lower --rate"
    )]
    TooManySamples { profile: String, samples: usize, limit: u64 },
    #[error("the trace of keys {name:?} {fault}")]
    KeyTrace { name: String, fault: &'static str },
    #[error("{member} could not be written as JSON")]
    Json {
        member: &'static str,
        #[source]
        source: serde_json::Error,
    },
    #[error("the zip could not be written")]
    Zip(#[from] zip::result::ZipError),
}
