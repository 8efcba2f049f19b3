//! Names of code compiled at run time, as its compilers write them into perf maps.

use super::Resolved;

/// What V8 puts before the name of code that stands for a function of a script.
const V8_FUNCTIONS: [&str; 5] = ["JS:", "LazyCompile:", "Function:", "Script:", "Eval:"];
/// Marks of V8's tiers: interpreted, baseline, Maglev, optimised. One function goes through all of them.
const V8_TIERS: [char; 4] = ['~', '^', '+', '*'];
/// Name of code at the first place of a file, which is all of it.
const WHOLE_FILE: &str = "<module>";

/// The function that a line of a perf map names.
pub(super) fn resolve(name: &str) -> Resolved {
    let script = V8_FUNCTIONS.iter().find_map(|kind| name.strip_prefix(kind)).and_then(of_script);
    let python = || name.strip_prefix("py::").and_then(of_python);
    script.or_else(python).unwrap_or_else(|| Resolved {
        name: name.to_owned(),
        system_name: name.to_owned(),
        ..Resolved::default()
    })
}

/// `*name file:line:column`, where name and tier may be missing; tiers of one function get one name.
fn of_script(text: &str) -> Option<Resolved> {
    let text = text.strip_prefix(V8_TIERS).unwrap_or(text);
    let system_name = format!("JS:{text}");
    let (name, place) = text.split_once(' ').unwrap_or((text, ""));
    let (name, file, line, column) = match split_place(place) {
        Some((file, line, column)) => (name, file, line, column),
        // Names of their own may hold blanks: `get size`, `async <anonymous>`; then the place is the last word.
        None if place.is_empty() => (name, "", 0, 0),
        None => return None,
    };
    // `get size /a.js`: what precedes the file belongs to the name. Files may hold blanks as well, but begin like files.
    let begin =
        ["/", "file://", "node:", "[", "evalmachine."].iter().filter_map(|start| file.find(&format!(" {start}")));
    let (name, file) = match begin.min() {
        Some(at) if !starts_like_a_file(file) => (format!("{name} {}", &file[..at]), &file[at + 1..]),
        _ => (name.to_owned(), file),
    };
    let name = match name.as_str() {
        "" if (line, column) == (1, 1) => WHOLE_FILE.to_owned(),
        "" => "(anonymous)".to_owned(),
        _ => name,
    };
    let file = file.strip_prefix("file://").map_or_else(|| file.to_owned(), decode);
    Some(Resolved { name, system_name, file, start_line: line, ..Resolved::default() })
}

fn starts_like_a_file(text: &str) -> bool {
    ["/", "file://", "node:", "[", "evalmachine."].iter().any(|start| text.starts_with(start))
}

/// `file:line:column` from behind: a file may hold colons.
fn split_place(place: &str) -> Option<(&str, u32, u32)> {
    let (rest, column) = place.rsplit_once(':')?;
    let (file, line) = rest.rsplit_once(':')?;
    Some((file, line.parse().ok()?, column.parse().ok()?))
}

/// `name:file`, as `CPython` 3.12 and later write it.
fn of_python(text: &str) -> Option<Resolved> {
    let (name, file) = text.split_once(':')?;
    Some(Resolved {
        name: name.to_owned(),
        system_name: format!("py::{text}"),
        file: file.to_owned(),
        ..Resolved::default()
    })
}

/// A path out of a `file:` address: `%20` is a blank.
fn decode(path: &str) -> String {
    let mut bytes = Vec::with_capacity(path.len());
    let mut rest = path.as_bytes();
    while let Some((&first, after)) = rest.split_first() {
        let coded = (first == b'%').then(|| after.get(..2)).flatten();
        let byte = coded.and_then(|hex| u8::from_str_radix(str::from_utf8(hex).ok()?, 16).ok());
        bytes.push(byte.unwrap_or(first));
        rest = if byte.is_some() { &after[2..] } else { after };
    }
    String::from_utf8(bytes).unwrap_or_else(|_| path.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(line: &str, name: &str, file: &str, start_line: u32) {
        let found = resolve(line);
        assert_eq!((found.name.as_str(), found.file.as_str(), found.start_line), (name, file, start_line), "{line}");
    }

    #[test]
    fn functions_of_scripts_have_name_file_and_line() {
        check("JS:*hot70 /tmp/a.js:3:1", "hot70", "/tmp/a.js", 3);
        check("JS:~hot70 /tmp/a b.js:3:1", "hot70", "/tmp/a b.js", 3);
        check(
            "LazyCompile:+Module._load node:internal/modules/cjs/loader:950:24",
            "Module._load",
            "node:internal/modules/cjs/loader",
            950,
        );
        check("Function:^get size file:///srv/my%20app/x.mjs:7:9", "get size", "/srv/my app/x.mjs", 7);
        check("Script:~ /tmp/a.js:1:1", "<module>", "/tmp/a.js", 1);
        check("JS:~ /tmp/a.js:9:30", "(anonymous)", "/tmp/a.js", 9);
        check("JS:*hot [eval]:1:13", "hot", "[eval]", 1);
        check("Eval:~ evalmachine.<anonymous>:1:1", "<module>", "evalmachine.<anonymous>", 1);
        check("JS:*wasm-function[5]", "wasm-function[5]", "", 0);
    }

    #[test]
    fn tiers_of_a_function_are_one_function() {
        let tiers = ["JS:~f a.js:3:1", "JS:^f a.js:3:1", "JS:+f a.js:3:1", "LazyCompile:*f a.js:3:1"].map(resolve);
        assert!(tiers.iter().all(|tier| *tier == tiers[0]), "{tiers:?}");
        assert_ne!(resolve("JS:~f a.js:3:1"), resolve("JS:~f a.js:3:9"), "another of the same name beside it");
    }

    #[test]
    fn others_keep_their_names() {
        check("Builtin:ArrayPrototypeMap", "Builtin:ArrayPrototypeMap", "", 0);
        check("RegExp:(a+)+b /x:1:2", "RegExp:(a+)+b /x:1:2", "", 0);
        check("Lcom/example/App;::run", "Lcom/example/App;::run", "", 0);
        check("py::hot:/srv/app.py", "hot", "/srv/app.py", 0);
    }
}
