//! Which column of a trace of lines is what.

use super::detect::is_number;
use super::input::Input;
use crate::import::bench::ImportError;

/// Columns from 0 on; sizes of several columns are added up.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Columns {
    pub id: usize,
    pub size: Vec<usize>,
    pub time: Option<usize>,
    /// In seconds, as Twitter's and libCacheSim's are; else the unit is not known.
    pub seconds: bool,
    pub next: Option<usize>,
    pub operation: Option<usize>,
    /// `None`: told by the first line.
    pub delimiter: Option<u8>,
    /// Whether the first line holds names; `None`: told by it.
    pub header: Option<bool>,
    /// The key may hold the delimiter, since this many columns follow it.
    pub behind_id: Option<usize>,
}

/// Names of columns of ids, those of other tools among them, the surest first.
const IDS: [&str; 22] = [
    "obj_id",
    "object_id",
    "objid",
    "objectid",
    "anonymized_key",
    "key",
    "id",
    "object",
    "obj",
    "item_id",
    "item",
    "lbn",
    "lba",
    "block_id",
    "blockid",
    "block",
    "blk",
    "url",
    "cache_id",
    "cacheid",
    "address",
    "addr",
];
const SIZES: [&str; 12] = [
    "obj_size",
    "object_size",
    "objsize",
    "objectsize",
    "value_size",
    "size",
    "bytes",
    "length",
    "len",
    "io_size",
    "content_length",
    "val_size",
];
const TIMES: [&str; 6] = ["clock_time", "timestamp", "time", "real_time", "op_time", "ts"];
const NEXTS: [&str; 3] = ["next_access_vtime", "next_vtime", "next_access"];
const OPERATIONS: [&str; 2] = ["op", "operation"];

/// Operations of caches, and whether each asks for a key.
const WORDS: [(&str, bool); 16] = [
    ("get", true),
    ("gets", true),
    ("read", true),
    ("get_lease", true),
    ("set", false),
    ("add", false),
    ("replace", false),
    ("cas", false),
    ("append", false),
    ("prepend", false),
    ("delete", false),
    ("incr", false),
    ("decr", false),
    ("write", false),
    ("put", false),
    ("set_lease", false),
];

pub(super) fn is_operation(field: &[u8]) -> bool {
    WORDS.iter().any(|(word, _)| field.eq_ignore_ascii_case(word.as_bytes()))
}

/// Whether an operation is known to ask for no key.
pub(super) fn is_other_operation(field: &[u8]) -> bool {
    WORDS.iter().any(|(word, asks)| !asks && field.eq_ignore_ascii_case(word.as_bytes()))
}

impl Columns {
    /// `id=5,size=4,time=2`, counted from 1, and as libCacheSim says it: `obj-id-col=5,obj-size-col=4,has-header=true`.
    ///
    /// # Errors
    /// When a part is not known, a number none, or the column of ids is not named.
    pub fn parse(text: &str) -> Result<Self, String> {
        let mut columns = Self { seconds: true, ..Self::default() };
        let mut id = None;
        // A comma as delimiter would end the part that names it.
        let text = text.replace("delimiter=,", "delimiter=comma");
        for part in text.split(',').map(str::trim).filter(|part| !part.is_empty()) {
            let (name, value) = part.split_once('=').ok_or_else(|| format!("`{part}` is not NAME=NUMBER"))?;
            let column = || match value.trim().parse::<usize>() {
                Ok(number @ 1..) => Ok(number - 1),
                _ => Err(format!("`{value}` is no column: they count from 1")),
            };
            match name.trim() {
                "id" | "obj-id-col" => id = Some(column()?),
                "size" | "obj-size-col" => columns.size.push(column()?),
                "time" | "time-col" => columns.time = Some(column()?),
                "next" => columns.next = Some(column()?),
                "op" | "op-col" => columns.operation = Some(column()?),
                "header" | "has-header" => {
                    let known = value.trim().parse().map_err(|_neither| format!("`{value}` is neither true nor false"));
                    columns.header = Some(known?);
                }
                "delimiter" => columns.delimiter = Some(delimiter(value)?),
                other => {
                    return Err(format!(
                        "`{other}` is no part of it; there are id, size, time, next, op, header, delimiter"
                    ));
                }
            }
        }
        columns.id = id.ok_or("the column of ids is missing: say id=NUMBER")?;
        Ok(columns)
    }

    /// Twitter's.
    pub(super) fn twitter() -> Self {
        Self {
            id: 1,
            size: vec![2, 3],
            time: Some(0),
            seconds: true,
            operation: Some(5),
            delimiter: Some(b','),
            header: Some(false),
            behind_id: Some(5),
            next: None,
        }
    }
}

fn delimiter(text: &str) -> Result<u8, String> {
    match text {
        "comma" => Ok(b','),
        "tab" | "\\t" => Ok(b'\t'),
        "space" => Ok(b' '),
        _ => match text.as_bytes() {
            [byte] => Ok(*byte),
            _ => Err(format!("`{text}` is no delimiter: say one character, or comma, tab, space")),
        },
    }
}

/// What stands between the fields of a line.
pub(super) fn delimiter_of(line: &[u8]) -> Option<u8> {
    [b',', b'\t', b';', b'|', b' '].into_iter().find(|delimiter| line.contains(delimiter))
}

/// The fields of a line, without blanks and quotes around them. Blanks in a row are one delimiter.
pub(super) fn fields(line: &[u8], delimiter: u8) -> Vec<&[u8]> {
    let fields = line.split(|&byte| byte == delimiter).map(plain);
    fields.filter(|field| delimiter != b' ' || !field.is_empty()).collect()
}

pub(super) fn plain(field: &[u8]) -> &[u8] {
    let field = field.trim_ascii();
    field.strip_prefix(b"\"").and_then(|field| field.strip_suffix(b"\"")).unwrap_or(field)
}

/// Columns by the names in a first line; `None` where it names no ids.
pub(super) fn of_names(line: &[u8], delimiter: u8) -> Option<Columns> {
    let line = line.strip_prefix(b"#").unwrap_or(line);
    let names: Vec<String> = fields(line, delimiter)
        .iter()
        .map(|field| String::from_utf8_lossy(field).to_ascii_lowercase().replace([' ', '-'], "_"))
        .collect();
    let find = |known: &[&str]| known.iter().find_map(|known| names.iter().position(|name| name == known));
    let both = [find(&["key_size"]), find(&["value_size"])];
    let size = match both {
        [Some(key), Some(value)] => vec![key, value],
        _ => find(&SIZES).into_iter().collect(),
    };
    Some(Columns {
        id: find(&IDS)?,
        size,
        time: find(&TIMES),
        seconds: true,
        next: find(&NEXTS),
        operation: find(&OPERATIONS),
        delimiter: Some(delimiter),
        header: Some(true),
        behind_id: None,
    })
}

/// The columns of a trace, its first line taken where it holds names.
pub(super) fn of(input: &mut Input<'_>, given: Option<&Columns>, lines: &mut u64) -> Result<Columns, ImportError> {
    let first = loop {
        let Some((length, end)) = input.line()? else {
            return Err(ImportError::new("the file holds empty lines only"));
        };
        if !input.ahead()[..length].trim_ascii().is_empty() {
            break input.ahead()[..length + end].to_vec();
        }
        input.take(length + end);
        *lines += 1;
    };
    let line = first.trim_ascii();
    let delimiter = given.and_then(|given| given.delimiter).or_else(|| delimiter_of(line)).unwrap_or(b',');
    let mut columns = match given {
        Some(given) => Columns { delimiter: Some(delimiter), ..given.clone() },
        None => of_names(line, delimiter).ok_or_else(|| {
            let shown = String::from_utf8_lossy(&line[..line.len().min(60)]).into_owned();
            let reason = format!("line {} (`{shown}`) names no column of ids", *lines + 1);
            ImportError::new(reason).hint("say which is which, counted from 1: --columns id=2,size=3")
        })?,
    };
    let id = fields(line, delimiter).get(columns.id).copied();
    // Names, unless the fields of numbers are numbers.
    let numbers = columns.size.iter().chain(&columns.time);
    let named = line.starts_with(b"#")
        || numbers
            .chain(columns.size.is_empty().then_some(&columns.id))
            .any(|&column| fields(line, delimiter).get(column).is_some_and(|field| !is_number(field)));
    let header = *columns.header.get_or_insert(named && id.is_some());
    if header {
        input.take(first.len());
        *lines += 1;
    }
    Ok(columns)
}
