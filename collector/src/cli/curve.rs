//! `caches curve`, as it is typed.

use clap::builder::{PossibleValue, PossibleValuesParser, TypedValueParser};
use clap::{Args, ValueEnum, ValueHint};
use perfcollect_shared::cachesim::Policy;
use perfcollect_shared::import::trace::{Columns, Format};

/// `caches curve`.
#[derive(Args, Clone, Debug)]
#[command(
    after_help = "TRACE is a file of libCacheSim (oracleGeneral, csv, txt), LIRS, cache2k or Twitter, plain or packed by gzip, zstd \
                  or xz, told by its content; or a bundle with traced keys (run --cache-trace). Figures are of the requests as \
                  they are: low and high enclose what a sampled curve leaves open, not what another day would bring."
)]
pub struct CurveArgs {
    /// A trace, or a bundle: last, last-1, a number, a label or a path
    #[arg(value_name = "TRACE", value_hint = ValueHint::FilePath)]
    pub trace: String,
    /// Which cache of a bundle, by its name or the end of it
    #[arg(long, value_name = "NAME")]
    pub cache: Option<String>,
    /// Policies, with commas between them
    #[arg(long, value_name = "POLICY", value_delimiter = ',', default_value = "lru", value_parser = policies())]
    pub policy: Vec<Policy>,
    /// Sizes in entries, or with --bytes as 64MiB, 1GB or 4096; with commas between them [default: a dozen up to everything]
    #[arg(long, value_name = "N", value_delimiter = ',', value_parser = size)]
    pub sizes: Vec<Size>,
    /// Sizes are bytes, not entries
    #[arg(long)]
    pub bytes: bool,
    /// Part of all keys to look at: exact, or 0.01 for one of a hundred
    #[arg(long, value_name = "PART", default_value = "exact", value_parser = rate)]
    pub rate: Rate,
    #[arg(long, value_enum, default_value_t = CurveFormat::Text)]
    pub format: CurveFormat,
    /// What kind of trace it is, where its content does not tell
    #[arg(long, value_name = "KIND", value_parser = kinds())]
    pub trace_format: Option<Format>,
    /// Columns of a trace of lines, counted from 1: id=5,size=4,time=2,header=true,delimiter=tab
    #[arg(long, value_name = "COLUMNS", value_parser = Columns::parse)]
    pub columns: Option<Columns>,
    /// Take what is whole of a trace that is cut
    #[arg(long)]
    pub partial: bool,
}

/// Form of the curve.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum CurveFormat {
    Text,
    Json,
    Csv,
}

/// A size as it was typed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Size {
    pub number: u64,
    /// It had a unit of bytes.
    pub unit: bool,
}

/// How much is looked at.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Rate {
    Exact,
    /// Of all keys, above 0 and below 1.
    Part(f64),
}

fn policies() -> impl TypedValueParser<Value = Policy> {
    let names = Policy::ALL.map(|policy| PossibleValue::new(policy.id()).alias(policy.label()).help(policy.label()));
    PossibleValuesParser::new(names).map(|name| Policy::from_id(&name).unwrap_or(Policy::Lru))
}

fn kinds() -> impl TypedValueParser<Value = Format> {
    let names = Format::ALL.map(|format| PossibleValue::new(format.id()).help(format.what()));
    PossibleValuesParser::new(names)
        .map(|name| Format::ALL.into_iter().find(|format| format.id() == name).unwrap_or(Format::Txt))
}

/// `1000`, `128MiB`, `1.5GB`, `64k`: powers of 1024 but for `kB`, `MB`, `GB`, `TB`.
fn size(text: &str) -> Result<Size, String> {
    let number = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let factor: u64 = match text[number.len()..].to_ascii_lowercase().as_str() {
        "" => return whole(number).map(|number| Size { number, unit: false }),
        "b" => 1,
        "k" | "kib" => 1 << 10,
        "m" | "mib" => 1 << 20,
        "g" | "gib" => 1 << 30,
        "t" | "tib" => 1 << 40,
        "kb" => 1_000,
        "mb" => 1_000_000,
        "gb" => 1_000_000_000,
        "tb" => 1_000_000_000_000,
        other => return Err(format!("`{other}` is no unit of bytes; there are KiB, MiB, GiB, TiB and kB, MB, GB, TB")),
    };
    if let Ok(number) = whole(number) {
        let number = number.checked_mul(factor).ok_or("it is larger than any memory")?;
        return Ok(Size { number, unit: true });
    }
    let number = number.parse::<f64>().map_err(|_no_number| format!("`{number}` is no number"))?;
    #[expect(clippy::cast_precision_loss, reason = "a power of two or ten")]
    let bytes = number * factor as f64;
    if !(0.0..1e18).contains(&bytes) {
        return Err("a size is not negative, and no larger than any memory".into());
    }
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "within bounds")]
    Ok(Size { number: bytes.round() as u64, unit: true })
}

fn whole(number: &str) -> Result<u64, String> {
    number
        .parse::<u64>()
        .map_err(|_no_number| format!("`{number}` is no size: say whole numbers of entries, or with --bytes 128MiB"))
}

fn rate(text: &str) -> Result<Rate, String> {
    if text == "exact" {
        return Ok(Rate::Exact);
    }
    match text.parse::<f64>() {
        Ok(1.0) => Ok(Rate::Exact),
        Ok(part) if part > 0.0 && part < 1.0 => Ok(Rate::Part(part)),
        _ => Err("say exact, or a part of all keys above 0 and up to 1, such as 0.01".into()),
    }
}
