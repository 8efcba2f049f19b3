//! SHA-256 of members.

use sha2::{Digest, Sha256};
use std::io::{self, Read};

/// SHA-256 in lower-case hex.
#[must_use]
pub(super) fn sha256(bytes: &[u8]) -> String {
    hex(&Sha256::digest(bytes))
}

/// How many bytes there are to read, and their SHA-256 in lower-case hex.
pub(super) fn sha256_of(from: &mut impl Read) -> io::Result<(u64, String)> {
    let (mut hash, mut bytes, mut length) = (Sha256::new(), vec![0; 64 * 1024], 0);
    loop {
        match from.read(&mut bytes)? {
            0 => return Ok((length, hex(&hash.finalize()))),
            read => {
                hash.update(&bytes[..read]);
                length += read as u64;
            }
        }
    }
}

fn hex(hash: &[u8]) -> String {
    let digits = hash.iter().flat_map(|byte| [byte >> 4, byte & 15]);
    digits.map(|digit| char::from(b"0123456789abcdef"[usize::from(digit)])).collect()
}

#[cfg(test)]
mod tests {
    #[test]
    fn sha256_of_abc_is_that_of_fips_180() {
        assert_eq!(super::sha256(b"abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
        let (length, hash) = super::sha256_of(&mut &b"abc"[..]).unwrap();
        assert_eq!((length, hash), (3, super::sha256(b"abc")));
    }
}
