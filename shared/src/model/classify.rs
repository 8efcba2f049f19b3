//! Which language a function is in and whose code it is, from its names and paths alone.

use super::waiting::WAITING_MODULE;
use super::{FunctionKind, Language};

/// Module of interpreted Python code.
pub const PYTHON_MODULE: &str = "[python]";
/// Module of kernel code.
pub const KERNEL_MODULE: &str = "[kernel]";
/// Module of code compiled at run time.
pub const JIT_MODULE: &str = "[jit]";
/// Module of frames that stand for processes and threads.
pub const THREADS_MODULE: &str = "[threads]";
/// Module of CPU time of native code that was not sampled.
pub const NATIVE_MODULE: &str = "[native]";
/// Function that stands for CPU time of native code where no native stacks can be had.
pub const NATIVE_NOT_SAMPLED: &str = "[native, not sampled]";
/// Function that stands for kernel time where the kernel may not be sampled.
pub const KERNEL_NOT_SAMPLED: &str = "[kernel, not sampled]";
/// Function that stands for CPU time of threads before their first sample, where there is none, and after their last one.
pub const TOO_SHORT: &str = "[too short to sample]";
/// Function of a frame about which nothing is known.
pub const UNKNOWN_FUNCTION: &str = "[unknown]";

/// Where compilers find the sources of libraries.
const LIBRARY_SOURCES: [&str; 6] =
    ["/rustc/", "/.cargo/registry/", "/.cargo/git/", "/usr/include/", "/usr/src/", "/build/"];

/// What paths of the recorder inside Python programs hold.
const RECORDER: &str = "/_perfcollect/";

/// Whether a source file is of the recorder that `--python` puts into programs.
#[must_use]
pub fn is_recorder(file: &str) -> bool {
    file.contains(RECORDER)
}

/// Language and kind of a function.
///
/// `module` is the path of its module, `file` its source file, `system_name` its symbol before demangling. Paths decide,
/// not the machine they are read on, so that a bundle says the same everywhere.
#[must_use]
pub fn classify(module: &str, file: &str, name: &str, system_name: &str) -> (Language, FunctionKind) {
    match module {
        PYTHON_MODULE => (Language::Python, python_kind(file, name)),
        KERNEL_MODULE => (Language::Kernel, FunctionKind::Kernel),
        JIT_MODULE if system_name.starts_with("py::") => (Language::Python, python_kind(file, name)),
        JIT_MODULE => (jit_language(name, system_name), jit_kind(file, name)),
        WAITING_MODULE => (Language::Unknown, FunctionKind::Waiting),
        THREADS_MODULE => (Language::Unknown, FunctionKind::Runtime),
        "" if file.is_empty() => (Language::Unknown, FunctionKind::Library),
        _ => (native_language(file, system_name), native_kind(module, file, name)),
    }
}

/// Whether a source file is of the program itself, neither of a library nor of a runtime, as far as its path tells.
#[must_use]
pub fn is_own_file(file: &str) -> bool {
    python_kind(file, "") == FunctionKind::Own && !LIBRARY_SOURCES.iter().any(|part| file.contains(part))
}

fn python_kind(file: &str, name: &str) -> FunctionKind {
    if file.starts_with('<') && name != "<module>" && !file.starts_with("<stdin>") && !file.starts_with("<string>") {
        return FunctionKind::Runtime; // <frozen importlib._bootstrap>
    }
    let library = ["/site-packages/", "/dist-packages/"].iter().any(|part| file.contains(part));
    let standard = file.contains("/lib/python") || file.contains("/lib64/python") || is_recorder(file);
    match (library, standard) {
        (true, _) => FunctionKind::Library,
        (false, true) => FunctionKind::Runtime,
        (false, false) => FunctionKind::Own,
    }
}

/// V8 names its code `JS:name path:line:column` (`symbolize` takes that apart), `RegExp:…`, `Builtin:…`.
fn jit_language(name: &str, system_name: &str) -> Language {
    let script = system_name.starts_with("JS:") || name.starts_with("RegExp:");
    if script { Language::JavaScript } else { Language::Jit }
}

fn jit_kind(file: &str, name: &str) -> FunctionKind {
    let runtime = ["Builtin:", "BytecodeHandler:"].iter().any(|kind| name.starts_with(kind));
    match (runtime || file.starts_with("node:"), file.contains("/node_modules/")) {
        (true, _) => FunctionKind::Runtime,
        (false, true) => FunctionKind::Library,
        (false, false) => FunctionKind::Own,
    }
}

fn native_language(file: &str, system_name: &str) -> Language {
    let extension = file.rsplit_once('.').map_or("", |(_, extension)| extension);
    match extension {
        "rs" => return Language::Rust,
        "cc" | "cpp" | "cxx" | "hpp" | "hh" | "hxx" => return Language::Cpp,
        _ => {}
    }
    let legacy_rust = system_name.starts_with("_ZN") && system_name.len() > 20 && {
        let hash = &system_name.as_bytes()[system_name.len() - 20..];
        hash.starts_with(b"17h") && hash.ends_with(b"E") && hash[3..19].iter().all(u8::is_ascii_hexdigit)
    };
    if system_name.starts_with("_R") || legacy_rust {
        Language::Rust
    } else if system_name.starts_with("_Z") {
        Language::Cpp
    } else {
        Language::Native
    }
}

fn native_kind(module: &str, file: &str, name: &str) -> FunctionKind {
    const START_UP: [&str; 6] =
        ["_start", "__libc_start_main", "__libc_start_call_main", "start_thread", "clone3", "__clone"];
    let base = module.rsplit('/').next().unwrap_or(module);
    if START_UP.iter().any(|start| name.starts_with(start))
        || base.starts_with("ld-linux")
        || base.starts_with("ld-musl")
    {
        return FunctionKind::Runtime;
    }
    if ["python", "libpython", "node", "java", "libjvm"].iter().any(|r| is_runtime_name(base, r))
        || module.starts_with('[')
    {
        return FunctionKind::Runtime;
    }
    let shared_object = base.strip_suffix(".so").is_some() || base.contains(".so.");
    let system =
        ["/usr/", "/lib/", "/lib64/", "/bin/", "/sbin/", "/opt/", "/nix/"].iter().any(|root| module.starts_with(root))
            && !module.starts_with("/usr/src/")
            && !module.starts_with("/usr/local/");
    if shared_object || system || LIBRARY_SOURCES.iter().any(|part| file.contains(part)) {
        return FunctionKind::Library;
    }
    FunctionKind::Own
}

/// `python3.11`, `libpython3.11.so.1.0` and `node` are runtimes; `nodename` is not.
fn is_runtime_name(base: &str, runtime: &str) -> bool {
    base.strip_prefix(runtime)
        .is_some_and(|rest| rest.is_empty() || rest.starts_with(|c: char| c.is_ascii_digit() || c == '.'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_own_unless_their_path_is_a_librarys() {
        for own in ["/home/u/shop.py", "shop.py", "<stdin>", "/srv/app/价格.py", "src/main.rs"] {
            assert!(is_own_file(own), "{own}");
        }
        for other in
            ["/usr/lib/python3.11/fnmatch.py", "/v/site-packages/x.py", "/h/.cargo/registry/m/lib.rs", "<frozen os>"]
        {
            assert!(!is_own_file(other), "{other}");
        }
    }

    fn check(module: &str, file: &str, name: &str, expect: (Language, FunctionKind)) {
        assert_eq!(classify(module, file, name, name), expect, "{module} {file} {name}");
    }

    #[test]
    fn paths_and_symbols_tell_whose_code_it_is() {
        use FunctionKind::{Kernel, Library, Own, Runtime, Waiting};
        check(WAITING_MODULE, "", "[sleeping]", (Language::Unknown, Waiting));
        check(PYTHON_MODULE, "/home/u/app/orders.py", "parse_line", (Language::Python, Own));
        check(PYTHON_MODULE, "/v/lib/python3.11/site-packages/x/y.py", "f", (Language::Python, Library));
        check(PYTHON_MODULE, "/usr/lib/python3.11/json/decoder.py", "decode", (Language::Python, Runtime));
        let recorder = "/x/.perfcollect/1.spool/agent/site/_perfcollect/alloc.py";
        check(PYTHON_MODULE, recorder, "_describe", (Language::Python, Runtime));
        check(PYTHON_MODULE, "<frozen importlib._bootstrap>", "_find_and_load", (Language::Python, Runtime));
        check(PYTHON_MODULE, "<string>", "<module>", (Language::Python, Own));
        check(KERNEL_MODULE, "", "do_syscall_64", (Language::Kernel, Kernel));
        check("/home/u/split", "", "hot70", (Language::Native, Own));
        check("/home/u/app", "/rustc/abc/library/core/src/iter.rs", "next", (Language::Rust, Library));
        check("/usr/lib/x86_64-linux-gnu/libc.so.6", "", "memcpy", (Language::Native, Library));
        check("/usr/bin/node", "", "v8::internal::Heap::Scavenge", (Language::Native, Runtime));
        check("/home/u/nodename", "", "main", (Language::Native, Own));
        check(JIT_MODULE, "/home/u/a.js", "JS:work /home/u/a.js:3:5", (Language::JavaScript, Own));
        check(JIT_MODULE, "/home/u/node_modules/x/a.js", "JS:f", (Language::JavaScript, Library));
        check(JIT_MODULE, "node:internal/modules/cjs/loader", "JS:f", (Language::JavaScript, Runtime));
        check(JIT_MODULE, "", "Lcom/example/App;::run", (Language::Jit, Own));
        check(JIT_MODULE, "/srv/app.py", "py::f:/srv/app.py", (Language::Python, Own));
        check("/home/u/app", "", "_ZN4core3fmt5write17h0123456789abcdefE", (Language::Rust, Own));
        check("/home/u/app", "", "_ZNSt6vectorIiE9push_backEi", (Language::Cpp, Own));
    }
}
