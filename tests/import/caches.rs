//! Databases of caches, as the library itself writes them and counts what is in them.

use perfcollect_shared::import::caches::{CacheFile, read};
use perfcollect_shared::units::{Bytes, Nanos};
use std::fs;
use std::process::Command;

/// A database with values from nothing to several pages, and the sum of their lengths as the library has it.
fn database(page: u32, rows: u32) -> (Vec<u8>, u64) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("analysis.db");
    let program = "
import pickle, sqlite3, sys
db = sqlite3.connect(sys.argv[1])
db.execute(f'PRAGMA page_size = {sys.argv[2]}')
db.execute('CREATE TABLE other (x)')
db.execute('CREATE TABLE cache_entries (key TEXT PRIMARY KEY, value BLOB, timestamp REAL, ttl REAL, file_hash TEXT, dependencies TEXT)')
db.execute('CREATE INDEX idx_timestamp ON cache_entries(timestamp)')
for i in range(int(sys.argv[3])):
    db.execute('INSERT INTO cache_entries VALUES (?, ?, ?, ?, ?, ?)',
               (f'key {i}', pickle.dumps(b'x' * (i * 37 % 20000)), 1000.5 + i, 3600.0, 'h', '[]'))
db.commit()
print(db.execute('SELECT coalesce(sum(length(value)), 0) FROM cache_entries').fetchone()[0])
";
    let mut command = Command::new("python3");
    command.args(["-c", program]).arg(&path).args([page.to_string(), rows.to_string()]);
    let output = command.output().expect("python3 is installed (apt-get install python3)");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    (fs::read(path).unwrap(), String::from_utf8(output.stdout).unwrap().trim().parse().unwrap())
}

fn of(bytes: &[u8]) -> CacheFile {
    read("analysis.db", bytes).unwrap().unwrap()
}

#[test]
fn entries_of_a_database_are_counted_as_sqlite_counts_them() {
    for (page, rows) in [(512, 0), (512, 500), (1024, 40), (4096, 3000), (65536, 100)] {
        let (bytes, size) = database(page, rows);
        let file = of(&bytes);
        let record = &file.records[0];
        assert_eq!((record.entries, record.bytes), (Some(rows.into()), Some(Bytes(size))), "pages of {page}");
        assert_eq!((record.hits, record.ttl_ns), (None, (rows > 0).then_some(Nanos(3_600_000_000_000))), "{page}");
        let told = format!("its entries were written within {} s", rows.saturating_sub(1));
        assert_eq!(file.notes.iter().any(|(_, note)| *note == told), rows > 0, "{:?}", file.notes);
    }
}

#[test]
fn a_damaged_database_is_an_error_or_other_figures_and_ends() {
    let (bytes, _) = database(512, 30);
    for cut in (0..bytes.len()).step_by(97) {
        let result = read("x", &bytes[..cut]);
        assert!(result.is_err() || cut < 16 || cut % 512 == 0, "cut at {cut}");
    }
    for place in 16..bytes.len().min(6000) {
        for flip in [1_u8, 0x80, 0xff] {
            let mut flipped = bytes.clone();
            flipped[place] ^= flip;
            read("x", &flipped).ok();
        }
    }
    let other = "import sqlite3, sys; db = sqlite3.connect(sys.argv[1]); db.execute('CREATE TABLE t (x)'); db.commit()";
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("other.db");
    assert!(Command::new("python3").args(["-c", other]).arg(&path).status().unwrap().success());
    let error = read("x", &fs::read(path).unwrap()).unwrap_err().to_string();
    assert!(error.starts_with("this database of SQLite has no table cache_entries"), "{error}");
}
