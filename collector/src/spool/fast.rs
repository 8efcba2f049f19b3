//! The two kinds of lines that nearly all of a spool of stacks is made of, read without a general parser.
//!
//! Takes exactly what our writer writes. Whatever looks different is left to `serde_json`, so that nothing else needs to
//! be right here. Must not know what the numbers mean.

/// A path line: how many frames it shares, and the frames that follow, put into `frames`.
pub(super) fn path(line: &[u8], frames: &mut Vec<u32>) -> Option<u32> {
    frames.clear();
    let mut rest = line.strip_prefix(b"{\"p\":[")?;
    let shared = small(&mut rest)?;
    token(&mut rest, b",[")?;
    while !rest.starts_with(b"]") {
        if !frames.is_empty() {
            token(&mut rest, b",")?;
        }
        frames.push(small(&mut rest)?);
    }
    (rest == b"]]}\n").then_some(shared)
}

/// A sample line: time, stack, thread, weight.
pub(super) fn sample(line: &[u8]) -> Option<(u64, Option<u32>, u32, u64)> {
    let mut rest = line.strip_prefix(b"{\"s\":[")?;
    let time = number(&mut rest)?;
    token(&mut rest, b",")?;
    let stack = if token(&mut rest, b"null").is_some() { None } else { Some(small(&mut rest)?) };
    token(&mut rest, b",")?;
    let thread = small(&mut rest)?;
    token(&mut rest, b",")?;
    let weight = number(&mut rest)?;
    (rest == b"]}\n").then_some((time, stack, thread, weight))
}

fn token(rest: &mut &[u8], token: &[u8]) -> Option<()> {
    *rest = rest.strip_prefix(token)?;
    Some(())
}

fn small(rest: &mut &[u8]) -> Option<u32> {
    u32::try_from(number(rest)?).ok()
}

fn number(rest: &mut &[u8]) -> Option<u64> {
    const DIGITS: usize = 19; // never more than u64 holds
    let mut value = 0;
    let mut digits = 0;
    while let Some(digit) = rest.get(digits).map(|byte| byte.wrapping_sub(b'0')).filter(|&digit| digit < 10) {
        if digits == DIGITS {
            return None;
        }
        value = value * 10 + u64::from(digit);
        digits += 1;
    }
    *rest = &rest[digits..];
    (digits > 0).then_some(value)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::spool::StackRecord;
    use perfcollect_shared::units::Nanos;

    /// The line as it is written.
    fn line(record: &StackRecord) -> Vec<u8> {
        let mut line = serde_json::to_vec(record).unwrap();
        line.push(b'\n');
        line
    }

    #[test]
    fn what_is_written_is_read() {
        let mut frames = vec![7];
        for (shared, path_frames) in [(0, vec![0]), (3, vec![1, u32::MAX, 5]), (9, vec![])] {
            let written = line(&StackRecord::Path(shared, path_frames.clone()));
            assert_eq!(path(&written, &mut frames), Some(shared), "{}", String::from_utf8_lossy(&written));
            assert_eq!(frames, path_frames);
        }
        for (time, stack, thread, weight) in [(0, None, 0, 0), (1 << 60, Some(u32::MAX), 7, 1_002_004)] {
            let written = line(&StackRecord::Sample(Nanos(time), stack, thread, Nanos(weight)));
            assert_eq!(sample(&written), Some((time, stack, thread, weight)), "{}", String::from_utf8_lossy(&written));
        }
    }

    #[test]
    fn everything_else_is_left_alone() {
        let mut frames = Vec::new();
        for other in ["{\"p\":[1,[2,]]}\n", "{\"p\":[1,[2", "{\"p\":[1,[4294967296]]}\n", "{\"p\":[-1,[2]]}\n", ""] {
            assert_eq!(path(other.as_bytes(), &mut frames), None, "{other}");
        }
        for other in
            ["{\"s\":[1,2,3]}\n", "{\"s\":[1, 2,3,4]}\n", "{\"s\":[99999999999999999999,2,3,4]}\n", "{\"s\":[1,2,3,4]}"]
        {
            assert_eq!(sample(other.as_bytes()), None, "{other}");
        }
    }
}
