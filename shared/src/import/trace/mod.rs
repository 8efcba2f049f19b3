//! Traces of cache requests of other tools, one request at a time: one file per kind of file, recognised by content.
//!
//! Owns compression, columns and ids. Memory is that of one piece of the file, however long it is. Must not trust its input,
//! keep requests, or judge them. Never part of the page.

mod binary;
mod check;
mod columns;
mod detect;
mod input;
mod lines;

pub use check::NextCheck;
pub use columns::Columns;

use super::bench::ImportError;
use crate::format::plural;
use input::{End, Input};
use std::io::Read;

/// A kind of trace.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// libCacheSim: records of 24 bytes with the next use of each object.
    OracleGeneral,
    /// cache2k: keys of 4 bytes, most significant first.
    Cache2k,
    /// Lines with columns, libCacheSim's among them.
    Csv,
    /// Twitter's traces: lines with seven columns and no names.
    Twitter,
    /// A number a line, and `*` where a part begins.
    Lirs,
    /// An id a line, numbers or any text.
    Txt,
}

impl Format {
    pub const ALL: [Self; 6] = [Self::OracleGeneral, Self::Cache2k, Self::Csv, Self::Twitter, Self::Lirs, Self::Txt];

    /// As it is written on the command line.
    #[must_use]
    pub fn id(self) -> &'static str {
        match self {
            Self::OracleGeneral => "oracle-general",
            Self::Cache2k => "cache2k",
            Self::Csv => "csv",
            Self::Twitter => "twitter",
            Self::Lirs => "lirs",
            Self::Txt => "txt",
        }
    }

    /// What it is, in a line.
    #[must_use]
    pub fn what(self) -> &'static str {
        match self {
            Self::OracleGeneral => "oracleGeneral of libCacheSim: records of 24 bytes",
            Self::Cache2k => "cache2k: keys of 4 bytes",
            Self::Csv => "lines with columns, such as libCacheSim's",
            Self::Twitter => "Twitter's csv: time, key, key size, value size, client, operation, TTL",
            Self::Lirs => "LIRS: a number a line, and lines of *",
            Self::Txt => "an id a line, numbers or text",
        }
    }

    fn is_binary(self) -> bool {
        matches!(self, Self::OracleGeneral | Self::Cache2k)
    }
}

/// How a file is to be read, where its content does not tell.
#[derive(Clone, Debug, Default)]
pub struct Options {
    pub format: Option<Format>,
    pub columns: Option<Columns>,
    /// Read what is whole of a file that is cut, instead of refusing it.
    pub partial: bool,
}

/// One request.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Request {
    /// Equal for equal keys, and, but for one chance in millions of millions, for no others.
    pub id: u64,
    /// In bytes; 1 where the trace has no sizes.
    pub size: u32,
    /// In nanoseconds, where the trace has times of a known unit.
    pub time_ns: Option<u64>,
    /// Number of the next request for the same id, -1 for none; where the trace tells it.
    pub next: Option<i64>,
}

/// What was met on the way and is worth saying.
#[derive(Clone, Debug, Default)]
struct Notes {
    hashed: u64,
    /// The first of them: line and why.
    first_hashed: Option<u64>,
    zero_sizes: u64,
    other_operations: u64,
    marks: u64,
    cut: Option<String>,
    last_line_open: bool,
}

/// The requests of one file in their order.
pub struct TraceReader<'a> {
    input: Input<'a>,
    parser: Parser,
    format: Format,
    partial: bool,
    requests: u64,
    notes: Notes,
    ended: bool,
}

enum Parser {
    OracleGeneral,
    Cache2k,
    Columns(lines::Rows),
    Ids(lines::Ids),
}

impl<'a> TraceReader<'a> {
    /// Opens a trace and tells by its content what it is, unless `options` say it.
    ///
    /// # Errors
    /// When it is empty, of no known kind, or its columns are not known.
    pub fn open(file: Box<dyn Read + 'a>, options: &Options) -> Result<Self, ImportError> {
        let mut input = Input::open(file)?;
        input.fill(detect::HEAD)?;
        let format = match (options.format, &options.columns) {
            (Some(format), _) => format,
            (None, Some(_)) => Format::Csv,
            (None, None) => {
                let found = detect::format(input.ahead(), input.end() != End::Open);
                found.map_err(|unknown| match input.packing.filter(|_| input.end() == End::Cut) {
                    Some(packing) => {
                        let content = input.ahead().len();
                        let reason = format!(
                            "the {packing} stream is cut after {content} bytes of content, too few to tell what it is"
                        );
                        ImportError::new(reason).hint("copy it again")
                    }
                    None => unknown,
                })?
            }
        };
        if !format.is_binary() && input.ahead().starts_with(b"\xef\xbb\xbf") {
            input.take(3);
        }
        let mut lines = 0;
        let parser = match format {
            Format::OracleGeneral => Parser::OracleGeneral,
            Format::Cache2k => Parser::Cache2k,
            Format::Twitter => Parser::Columns(lines::Rows::new(Columns::twitter(), 0)),
            Format::Csv => {
                let columns = columns::of(&mut input, options.columns.as_ref(), &mut lines)?;
                Parser::Columns(lines::Rows::new(columns, lines))
            }
            Format::Lirs | Format::Txt => Parser::Ids(lines::Ids::new(format == Format::Lirs)),
        };
        let (partial, notes) = (options.partial, Notes::default());
        Ok(Self { input, parser, format, partial, requests: 0, notes, ended: false })
    }

    /// What kind of trace it is.
    #[must_use]
    pub fn format(&self) -> Format {
        self.format
    }

    /// `gzip`, `zstd`, `xz`, or nothing.
    #[must_use]
    pub fn packing(&self) -> Option<&'static str> {
        self.input.packing
    }

    /// Whether requests have sizes.
    #[must_use]
    pub fn has_sizes(&self) -> bool {
        match &self.parser {
            Parser::OracleGeneral => true,
            Parser::Columns(rows) => rows.has_sizes(),
            Parser::Cache2k | Parser::Ids(_) => false,
        }
    }

    /// The next request; `None` behind the last.
    ///
    /// # Errors
    /// When the file is damaged or, unless that is allowed, cut.
    pub fn next_request(&mut self) -> Result<Option<Request>, ImportError> {
        if self.ended {
            return Ok(None);
        }
        let next = match &mut self.parser {
            Parser::OracleGeneral => binary::oracle_general(&mut self.input, self.requests),
            Parser::Cache2k => binary::cache2k(&mut self.input),
            Parser::Columns(rows) => rows.next(&mut self.input, &mut self.notes),
            Parser::Ids(ids) => ids.next(&mut self.input, &mut self.notes),
        };
        // What makes no sense in a packed file is the damage of the packing, where there is some.
        let next = next.or_else(|error| self.input.drain().and(Err(error)));
        match next? {
            Next::Request(request) => {
                self.requests += 1;
                self.notes.zero_sizes += u64::from(request.size == 0);
                return Ok(Some(request));
            }
            Next::Cut(rest) => self.cut(&rest)?,
            Next::End if self.input.end() == End::Cut => self.cut("")?,
            Next::End => {}
        }
        self.ended = true;
        if self.requests == 0 {
            return Err(ImportError::new(format!("the trace ({}) holds no request", self.format.id())));
        }
        Ok(None)
    }

    /// Takes a cut for the end where that is allowed; `rest` is what was met of a last request.
    fn cut(&mut self, rest: &str) -> Result<(), ImportError> {
        let whole = plural(self.requests, "whole request");
        let what = match self.input.packing {
            Some(packing) if self.input.end() == End::Cut => format!("the {packing} stream is cut: it ends"),
            _ => "the trace is cut: it ends".to_owned(),
        };
        let reason = format!("{what} {rest}after {whole} ({} bytes of content)", self.input.at());
        if !self.partial {
            return Err(ImportError::new(reason).hint("copy it again, or take the whole ones with --partial"));
        }
        self.notes.cut = Some(reason);
        Ok(())
    }

    /// What was met so far and is worth saying, a sentence each.
    #[must_use]
    pub fn notes(&self) -> Vec<String> {
        let notes = &self.notes;
        let mut said = Vec::new();
        said.extend(notes.cut.as_ref().map(|cut| format!("{cut}; these are in the figures")));
        if let Some(line) = notes.first_hashed {
            let count = plural(notes.hashed, "request");
            said.push(format!(
                "{count} (the first in line {line}) {} an id that is text or a number above 64 bits: told apart by a hash of 64 bits",
                if notes.hashed == 1 { "has" } else { "have" }
            ));
        }
        if notes.zero_sizes > 0 {
            said.push(format!(
                "{} of 0 bytes: they count as requests and take no room",
                plural(notes.zero_sizes, "request")
            ));
        }
        if notes.other_operations > 0 {
            let lines = plural(notes.other_operations, "line");
            said.push(format!("{lines} of writes and deletes are no lookups and were passed over"));
        }
        if notes.marks > 0 {
            said.push(format!("{} of * were passed over", plural(notes.marks, "line")));
        }
        if notes.last_line_open {
            said.push("the last line has no end: if the file is cut, its id is a part of one".to_owned());
        }
        said
    }
}

/// What a parser found.
enum Next {
    Request(Request),
    End,
    /// The file ends in a request; what was met of it, with a blank behind.
    Cut(String),
}

#[cfg(test)]
mod tests;
