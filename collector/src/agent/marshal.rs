//! Values as Python's `marshal` reads them, in the form that every version 3 does: the recorder reads its settings and
//! sources by it, without a module that would have to be loaded, and without anything to compile.

/// A value.
pub(super) enum Value {
    Int(i64),
    Bytes(Vec<u8>),
    Text(String),
    Tuple(Vec<Self>),
    Dict(Vec<(Self, Self)>),
}

impl Value {
    pub(super) fn text(text: &str) -> Self {
        Self::Text(text.to_owned())
    }

    pub(super) fn texts<'a>(texts: impl IntoIterator<Item = &'a str>) -> Self {
        Self::Tuple(texts.into_iter().map(Self::text).collect())
    }

    /// A dict whose keys are texts.
    pub(super) fn dict<'a>(pairs: impl IntoIterator<Item = (&'a str, Self)>) -> Self {
        Self::Dict(pairs.into_iter().map(|(name, value)| (Self::text(name), value)).collect())
    }

    pub(super) fn dumps(&self) -> Vec<u8> {
        let mut written = Vec::new();
        self.write(&mut written);
        written
    }

    fn write(&self, to: &mut Vec<u8>) {
        match self {
            Self::Int(number) => write_int(*number, to),
            Self::Bytes(bytes) => write_bytes(b's', bytes, to),
            Self::Text(text) => write_bytes(b'u', text.as_bytes(), to),
            Self::Tuple(values) => {
                write_head(b'(', values.len(), to);
                for value in values {
                    value.write(to);
                }
            }
            Self::Dict(pairs) => {
                to.push(b'{');
                for (key, value) in pairs {
                    key.write(to);
                    value.write(to);
                }
                to.push(b'0');
            }
        }
    }
}

/// Kind and length. Nothing here is near 2 GiB.
#[expect(clippy::cast_possible_truncation, reason = "sources and settings of a recording")]
fn write_head(kind: u8, length: usize, to: &mut Vec<u8>) {
    to.push(kind);
    to.extend((length as u32).to_le_bytes());
}

fn write_bytes(kind: u8, bytes: &[u8], to: &mut Vec<u8>) {
    write_head(kind, bytes.len(), to);
    to.extend(bytes);
}

/// Digits of 15 bits, the lowest first; the sign is that of their number.
fn write_int(number: i64, to: &mut Vec<u8>) {
    let mut rest = number.unsigned_abs();
    let mut digits = Vec::new();
    while rest > 0 {
        digits.extend(((rest & 0x7fff) as u16).to_le_bytes());
        rest >>= 15;
    }
    let count = i32::try_from(digits.len() / 2).unwrap_or(0);
    to.push(b'l');
    to.extend((if number < 0 { -count } else { count }).to_le_bytes());
    to.extend(digits);
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As `marshal.dumps(value, 0)` or, where that writes an older form, what `marshal.loads` takes for it.
    #[test]
    fn values_are_as_python_writes_them() {
        let check = |value: &Value, expect: &[u8]| assert_eq!(value.dumps(), expect);
        check(&Value::Int(0), b"l\0\0\0\0");
        check(&Value::Int(-2), b"l\xff\xff\xff\xff\x02\0");
        check(&Value::Int(1 << 40), b"l\x03\0\0\0\0\0\0\0\0\x04");
        check(&Value::Bytes(vec![0, 255]), b"s\x02\0\0\0\0\xff");
        check(&Value::text("é"), b"u\x02\0\0\0\xc3\xa9");
        check(&Value::texts(["a"]), b"(\x01\0\0\0u\x01\0\0\0a");
        check(&Value::dict([("a", Value::Tuple(vec![]))]), b"{u\x01\0\0\0a(\0\0\0\x000");
    }

    #[test]
    fn python_reads_what_is_written() {
        let numbers = [0, 1, -1, 32767, 32768, -32768, i64::MAX, i64::MIN];
        let quoted = "\u{1}\"'\\\n é 世 \u{10ffff}";
        let value = Value::dict([
            ("numbers", Value::Tuple(numbers.map(Value::Int).into())),
            (quoted, Value::Bytes((0..=255).collect())),
            ("empty", Value::Dict(vec![])),
        ]);
        let code = "import marshal, sys; v = marshal.loads(sys.stdin.buffer.read()); k = [*v][1]\n\
                    print(v['numbers'], [*map(ord, k)], v[k] == bytes(range(256)), v['empty'])";
        let mut python = std::process::Command::new("python3");
        let python = python.args(["-c", code]).stdin(std::process::Stdio::piped());
        let mut child = (python.stdout(std::process::Stdio::piped())).spawn().expect("apt-get install python3");
        std::io::Write::write_all(&mut child.stdin.take().unwrap(), &value.dumps()).unwrap();
        let output = child.wait_with_output().unwrap();
        let points: Vec<u32> = quoted.chars().map(u32::from).collect();
        let listed = format!("{numbers:?}").replace('[', "(").replace(']', ")");
        let expect = format!("{listed} {points:?} True {{}}\n");
        assert_eq!(String::from_utf8_lossy(&output.stdout), expect);
    }
}
