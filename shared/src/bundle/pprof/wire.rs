//! Protocol-buffer fields, in and out, with the byte at which something is wrong.

use super::{DecodeError, Fault};
use prost::encoding::{DecodeContext, WireType, decode_key, decode_varint, encode_key, encode_varint, skip_field};

/// Bytes of a message or string, and where they begin in the whole.
#[derive(Clone, Copy, Debug)]
pub(super) struct Slice<'a> {
    pub bytes: &'a [u8],
    pub offset: usize,
}

/// A field's value. Fixed-width numbers and groups, which `profile.proto` has none of, are skipped.
#[derive(Clone, Copy, Debug)]
pub(super) enum Value<'a> {
    Varint(u64),
    Bytes(Slice<'a>),
}

impl<'a> Value<'a> {
    /// The number, 0 where the field holds something else.
    pub(super) fn number(self) -> u64 {
        match self {
            Self::Varint(value) => value,
            Self::Bytes(_) => 0,
        }
    }

    /// The message, empty where the field holds something else.
    pub(super) fn message(self) -> Slice<'a> {
        match self {
            Self::Varint(_) => Slice { bytes: &[], offset: 0 },
            Self::Bytes(slice) => slice,
        }
    }
}

/// The fields of a message, in the order they were written.
pub(super) struct Fields<'a> {
    rest: &'a [u8],
    end: usize,
}

impl<'a> Fields<'a> {
    pub(super) fn of(message: Slice<'a>) -> Self {
        Self { rest: message.bytes, end: message.offset + message.bytes.len() }
    }

    fn offset(&self) -> usize {
        self.end - self.rest.len()
    }

    fn field(&mut self) -> Result<Option<(u32, Value<'a>)>, DecodeError> {
        while !self.rest.is_empty() {
            let start = self.offset();
            let fault = |_| DecodeError { byte: start, fault: Fault::Wire };
            let (tag, wire_type) = decode_key(&mut self.rest).map_err(fault)?;
            match wire_type {
                WireType::Varint => {
                    return Ok(Some((tag, Value::Varint(decode_varint(&mut self.rest).map_err(fault)?))));
                }
                WireType::LengthDelimited => {
                    let length = decode_varint(&mut self.rest).map_err(fault)?;
                    let split = usize::try_from(length).ok().and_then(|n| self.rest.split_at_checked(n));
                    let (bytes, rest) = split.ok_or(DecodeError { byte: start, fault: Fault::Length { length } })?;
                    let offset = self.offset();
                    self.rest = rest;
                    return Ok(Some((tag, Value::Bytes(Slice { bytes, offset }))));
                }
                other => skip_field(other, tag, &mut self.rest, DecodeContext::default()).map_err(fault)?,
            }
        }
        Ok(None)
    }
}

impl<'a> Iterator for Fields<'a> {
    type Item = Result<(u32, Value<'a>), DecodeError>;

    fn next(&mut self) -> Option<Self::Item> {
        let field = self.field().transpose();
        if matches!(field, Some(Err(_))) {
            self.rest = &[];
        }
        field
    }
}

/// Hands each number of a repeated field to `take`, packed or not.
pub(super) fn numbers(value: Value<'_>, mut take: impl FnMut(u64)) -> Result<(), DecodeError> {
    match value {
        Value::Varint(number) => take(number),
        Value::Bytes(slice) => {
            let mut rest = slice.bytes;
            while !rest.is_empty() {
                let byte = slice.offset + slice.bytes.len() - rest.len();
                take(decode_varint(&mut rest).map_err(|_error| DecodeError { byte, fault: Fault::Wire })?);
            }
        }
    }
    Ok(())
}

/// Appends a number; 0 is the default and left out.
pub(super) fn put_number(tag: u32, value: u64, out: &mut Vec<u8>) {
    if value != 0 {
        encode_key(tag, WireType::Varint, out);
        encode_varint(value, out);
    }
}

/// Appends a message or string, empty ones too.
pub(super) fn put_bytes(tag: u32, bytes: &[u8], out: &mut Vec<u8>) {
    encode_key(tag, WireType::LengthDelimited, out);
    encode_varint(bytes.len() as u64, out);
    out.extend_from_slice(bytes);
}

/// Appends a packed repeated field; none at all where there are no numbers. `scratch` is emptied.
pub(super) fn put_packed(tag: u32, numbers: impl Iterator<Item = u64>, scratch: &mut Vec<u8>, out: &mut Vec<u8>) {
    scratch.clear();
    for number in numbers {
        encode_varint(number, scratch);
    }
    if !scratch.is_empty() {
        put_bytes(tag, scratch, out);
    }
    scratch.clear();
}
