//! Zips as other programs, or enemies, make them.

use std::io::{Cursor, Read as _, Write as _};
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipArchive, ZipWriter};

/// Members of a zip in order.
pub(crate) fn members(bytes: &[u8]) -> Vec<(String, Vec<u8>)> {
    let mut zip = ZipArchive::new(Cursor::new(bytes)).expect("a zip");
    let read = |index| {
        let mut file = zip.by_index(index).expect("a member");
        let mut content = Vec::new();
        file.read_to_end(&mut content).expect("whole");
        (file.name().expect("a name").into_owned(), content)
    };
    (0..ZipArchive::new(Cursor::new(bytes)).expect("a zip").len()).map(read).collect()
}

/// A zip of deflated members.
pub(crate) fn zip(members: &[(String, Vec<u8>)]) -> Vec<u8> {
    let options = SimpleFileOptions::DEFAULT.compression_method(CompressionMethod::Deflated);
    let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
    for (name, content) in members {
        zip.start_file(name.as_str(), options).expect("starts");
        zip.write_all(content).expect("writes");
    }
    zip.finish().expect("finishes").into_inner()
}

/// The same zip with one member's content replaced; its hash in the manifest stays what it was.
pub(crate) fn with_member(bytes: &[u8], name: &str, change: impl Fn(&[u8]) -> Vec<u8>) -> Vec<u8> {
    let mut members = members(bytes);
    for (path, content) in &mut members {
        if path == name {
            *content = change(content);
        }
    }
    zip(&members)
}

/// The same bundle with a changed manifest.
pub(crate) fn with_manifest(bytes: &[u8], change: impl Fn(&mut serde_json::Value)) -> Vec<u8> {
    with_member(bytes, "manifest.json", |content| {
        let mut manifest = serde_json::from_slice(content).expect("JSON");
        change(&mut manifest);
        serde_json::to_vec(&manifest).expect("JSON")
    })
}
