//! To which package a function belongs: for colours, search and keys.

use crate::model::{FunctionId, JIT_MODULE, Language, PYTHON_MODULE, Profile};

/// Last part of a path.
fn base_name(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path)
}

/// Where people look for a function: base name of the source file for Python and JIT code, of the module otherwise.
#[must_use]
pub fn place(profile: &Profile, id: FunctionId) -> &str {
    let module = profile.function_module(id);
    let scripted = module == PYTHON_MODULE || module == JIT_MODULE && !profile.function_file(id).is_empty();
    if scripted || module.is_empty() { base_name(profile.function_file(id)) } else { base_name(module) }
}

/// Name of the package: `numpy` for site-packages, `json` for the standard library, the crate for Rust, the shared
/// object without its version for C, the source file for the user's own Python.
#[must_use]
pub fn package(profile: &Profile, id: FunctionId) -> &str {
    let (module, file) = (profile.function_module(id), profile.function_file(id));
    if module == PYTHON_MODULE {
        return python_package(file);
    }
    if module == JIT_MODULE {
        return script_package(file);
    }
    if profile.language(id) == Language::Rust
        && let Some(name) = rust_crate(profile.function_name(id))
    {
        return name;
    }
    let base = base_name(if module.is_empty() { file } else { module });
    base.split_once(".so").map_or(base, |(stem, _)| stem)
}

fn python_package(file: &str) -> &str {
    for folder in ["/site-packages/", "/dist-packages/"] {
        if let Some((_, inside)) = file.rsplit_once(folder) {
            return first_part(inside);
        }
    }
    for folder in ["/lib/python", "/lib64/python"] {
        if let Some((_, version)) = file.rsplit_once(folder)
            && let Some((_, inside)) = version.split_once('/')
        {
            return first_part(inside);
        }
    }
    base_name(file)
}

/// `json` of `json/decoder.py`, `csv` of `csv.py`.
fn first_part(path: &str) -> &str {
    let first = path.split('/').next().unwrap_or(path);
    first.strip_suffix(".py").unwrap_or(first)
}

/// `left-pad` of `/app/node_modules/left-pad/index.js`, `node` of its own modules, else the script's base name.
fn script_package(file: &str) -> &str {
    if let Some((_, inside)) = file.rsplit_once("/node_modules/") {
        return first_part(inside);
    }
    if file.starts_with("node:") { "node" } else { base_name(file) }
}

/// `serde_json` of `<serde_json::de::Deserializer<R> as serde::Deserializer>::deserialize`.
fn rust_crate(name: &str) -> Option<&str> {
    let inner = name.trim_start_matches(['<', '&', '*', '(', '[']);
    let inner = ["mut ", "const ", "dyn "].iter().find_map(|word| inner.strip_prefix(word)).unwrap_or(inner);
    let (head, _) = inner.split_once("::")?;
    let plain = |c: char| c.is_ascii_alphanumeric() || c == '_';
    (!head.is_empty() && head.chars().all(plain)).then_some(head)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{FunctionSpec, ProfileBuilder, ProfileInfo};

    fn check(module: &str, file: &str, name: &str, expect: &str) {
        let mut builder = ProfileBuilder::new();
        let module = builder.module(module, "");
        let id = builder.function(FunctionSpec { name, file, module, ..FunctionSpec::default() });
        let profile = builder.finish(ProfileInfo::default()).expect("builds");
        assert_eq!(package(&profile, id), expect, "{file} {name}");
    }

    #[test]
    fn packages_are_what_people_call_them() {
        check(PYTHON_MODULE, "/v/lib/python3.11/site-packages/numpy/core/x.py", "dot", "numpy");
        check(PYTHON_MODULE, "/v/lib/python3.11/site-packages/six.py", "f", "six");
        check(PYTHON_MODULE, "/usr/lib/python3.11/json/decoder.py", "decode", "json");
        check(PYTHON_MODULE, "/usr/lib/python3.11/csv.py", "reader", "csv");
        check(PYTHON_MODULE, "/home/u/app/orders.py", "parse", "orders.py");
        check("/usr/lib/x86_64-linux-gnu/libc.so.6", "", "memcpy", "libc");
        check("/usr/bin/node", "", "v8::Heap", "node");
        check("/a/app", "/a/src/main.rs", "<serde_json::de::Deserializer<R> as X>::parse", "serde_json");
        check("/a/app", "/a/src/main.rs", "main", "app");
        check(JIT_MODULE, "/a/node_modules/left-pad/index.js", "pad", "left-pad");
        check(JIT_MODULE, "/a/app.js", "work", "app.js");
        check(JIT_MODULE, "node:fs", "readSync", "node");
        check(JIT_MODULE, "", "Builtin:Add", "");
        check("", "", "", "");
    }
}
