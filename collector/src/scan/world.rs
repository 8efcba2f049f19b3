//! What functions from outside the scanned folder do: a list of those that are known, everything else is unknown.
//!
//! A name is on the list because the language's documentation says what it does. Must stay a list: no guessing.

use super::facts::effect::{IO, MUTATES_ARGUMENT, READS_GLOBAL, READS_WORLD, UNKNOWN};

/// Modules all of whose functions only compute, but for those that [`exception`] names.
const PURE_MODULES: &[&str] = &[
    "math",
    "cmath",
    "operator",
    "itertools",
    "functools",
    "re",
    "json",
    "collections",
    "string",
    "textwrap",
    "hashlib",
    "base64",
    "struct",
    "copy",
    "decimal",
    "fractions",
    "statistics",
    "bisect",
    "unicodedata",
    "typing",
    "typing_extensions",
    "enum",
    "dataclasses",
    "abc",
    "types",
    "html",
    "zlib",
    "binascii",
    "difflib",
    "fnmatch",
    "ast",
    "calendar",
    "colorsys",
    "numbers",
    "keyword",
    "token",
    "posixpath",
    "ntpath",
    "ipaddress",
    "hmac",
    "bz2",
    "lzma",
    "heapq",
    "array",
    "_collections_abc",
    "sre_compile",
    "sre_parse",
    "stringprep",
    "quopri",
    "codecs",
    "datetime",
    "contextlib",
    "weakref",
    "inspect",
    "pprint",
    "reprlib",
    "graphlib",
    "shlex",
    "unittest.mock.sentinel",
    "urllib.parse",
    "email.utils.parseaddr",
    "xml.sax.saxutils",
    "pathlib.PurePath",
    "pathlib.PurePosixPath",
    "pathlib.PureWindowsPath",
];

const WORLD_MODULES: &[&str] =
    &["time", "random", "secrets", "uuid", "locale", "platform", "getpass", "gc", "resource", "tracemalloc"];

const IO_MODULES: &[&str] = &[
    "socket",
    "subprocess",
    "shutil",
    "urllib.request",
    "http",
    "requests",
    "httpx",
    "aiohttp",
    "sqlite3",
    "logging",
    "tempfile",
    "ssl",
    "select",
    "selectors",
    "asyncio",
    "threading",
    "multiprocessing",
    "concurrent",
    "signal",
    "warnings",
    "urllib3",
    "smtplib",
    "ftplib",
    "poplib",
    "imaplib",
    "telnetlib",
    "glob",
    "fileinput",
    "zipfile",
    "tarfile",
    "gzip",
    "mmap",
    "fcntl",
    "pty",
    "tty",
    "termios",
    "curses",
    "readline",
    "atexit",
    "psycopg2",
    "pymongo",
    "redis",
    "boto3",
];

/// What a call of this name does; of `MUTATES_ARGUMENT` it is the first argument.
pub(crate) fn call(name: &str) -> u16 {
    if let Some(builtin) = name.strip_prefix("builtins.") {
        return self::builtin(builtin);
    }
    if let Some(effect) = exception(name) {
        return effect;
    }
    let first = name.as_bytes().first();
    let within = |modules: &[&str]| {
        // Nearly all begin with another letter.
        modules
            .iter()
            .filter(|module| module.as_bytes().first() == first)
            .any(|module| name.strip_prefix(module).is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '('])))
    };
    // Methods of what a call gave: `re.compile(..).match(..)`.
    if let Some((_, method)) = name.rsplit_once(").") {
        let known = self::method(method);
        if known != UNKNOWN {
            return known;
        }
    }
    if within(PURE_MODULES) {
        0
    } else if within(WORLD_MODULES) {
        READS_WORLD
    } else if within(IO_MODULES)
        || name.starts_with("os.")
        || name.starts_with("sys.")
        || name.starts_with("io.")
        || name.starts_with("pathlib.Path")
    {
        IO
    } else {
        UNKNOWN
    }
}

#[expect(clippy::match_same_arms, reason = "a list by module reads better than by effect")]
fn exception(name: &str) -> Option<u16> {
    Some(match name {
        "heapq.heappush"
        | "heapq.heappop"
        | "heapq.heapify"
        | "heapq.heapreplace"
        | "heapq.heappushpop"
        | "bisect.insort"
        | "bisect.insort_left"
        | "bisect.insort_right"
        | "operator.setitem"
        | "operator.delitem"
        | "operator.iadd"
        | "struct.pack_into"
        | "random.shuffle" => MUTATES_ARGUMENT,
        "datetime.datetime.now" | "datetime.datetime.utcnow" | "datetime.datetime.today" | "datetime.date.today" => {
            READS_WORLD
        }
        "uuid.UUID" | "uuid.uuid3" | "uuid.uuid5" | "random.Random" | "time.strptime" | "time.struct_time" => 0,
        "json.load" | "json.dump" | "codecs.open" | "bz2.open" | "lzma.open" | "pprint.pprint" | "pprint.pp" => IO,
        "inspect.stack" | "inspect.currentframe" | "inspect.getsource" | "inspect.getmodule" => READS_WORLD,
        "os.getenv"
        | "os.environ.get"
        | "os.getcwd"
        | "os.getpid"
        | "os.cpu_count"
        | "os.urandom"
        | "sys.getsizeof"
        | "sys.getrefcount"
        | "sys._getframe"
        | "os.path.abspath"
        | "os.path.realpath"
        | "os.path.expanduser"
        | "os.path.expandvars"
        | "posixpath.abspath"
        | "posixpath.expanduser" => READS_WORLD,
        "sys.getrecursionlimit"
        | "sys.getdefaultencoding"
        | "sys.getfilesystemencoding"
        | "sys.intern"
        | "os.fspath"
        | "os.fsencode"
        | "os.fsdecode" => 0,
        "os.path.join"
        | "os.path.basename"
        | "os.path.dirname"
        | "os.path.split"
        | "os.path.splitext"
        | "os.path.normpath"
        | "os.path.normcase"
        | "os.path.isabs"
        | "os.path.commonprefix"
        | "os.path.commonpath"
        | "os.path.splitdrive"
        | "os.path.relpath" => 0,
        "io.StringIO" | "io.BytesIO" | "threading.Lock" | "threading.RLock" | "threading.local" => 0,
        _ => return None,
    })
}

fn builtin(name: &str) -> u16 {
    match name {
        "print" | "input" | "open" | "breakpoint" | "help" => IO,
        "next" | "setattr" | "delattr" => MUTATES_ARGUMENT,
        "globals" | "locals" | "vars" | "dir" => READS_GLOBAL,
        "id" => READS_WORLD,
        "eval" | "exec" | "compile" | "__import__" => UNKNOWN,
        "len" | "int" | "str" | "float" | "bool" | "bytes" | "bytearray" | "list" | "dict" | "set" | "frozenset"
        | "tuple" | "range" | "enumerate" | "zip" | "map" | "filter" | "sorted" | "reversed" | "sum" | "min"
        | "max" | "any" | "all" | "abs" | "round" | "divmod" | "pow" | "ord" | "chr" | "hex" | "oct" | "bin"
        | "repr" | "ascii" | "format" | "hash" | "isinstance" | "issubclass" | "callable" | "getattr" | "hasattr"
        | "iter" | "slice" | "type" | "object" | "super" | "complex" | "memoryview" | "property" | "staticmethod"
        | "classmethod" | "NotImplemented" => 0,
        name if name.starts_with("super()") => 0,
        // `str.join`, `dict.fromkeys`, `object.__init__`.
        name if name.contains('.') => match name.rsplit('.').next().map(method) {
            Some(UNKNOWN) => 0,
            Some(effect) => effect,
            None => UNKNOWN,
        },
        name if name.ends_with("Error") || name.ends_with("Exception") || name.ends_with("Warning") => 0,
        "StopIteration" | "KeyboardInterrupt" | "SystemExit" | "GeneratorExit" | "StopAsyncIteration"
        | "ExceptionGroup" => 0,
        _ => UNKNOWN,
    }
}

/// What a method of this name does, whatever has it: what the builtin types' methods do. Changes of the object itself are
/// found where the object is known.
pub(crate) fn method(name: &str) -> u16 {
    match name {
        "split" | "rsplit" | "strip" | "lstrip" | "rstrip" | "join" | "lower" | "upper" | "title" | "capitalize" | "casefold"
        | "startswith" | "endswith" | "replace" | "format" | "format_map" | "encode" | "decode" | "find" | "rfind" | "index"
        | "rindex" | "count" | "splitlines" | "partition" | "rpartition" | "zfill" | "ljust" | "rjust" | "center" | "isdigit"
        | "isalpha" | "isalnum" | "isspace" | "isupper" | "islower" | "istitle" | "isidentifier" | "isdecimal" | "isnumeric"
        | "isprintable" | "isascii" | "translate" | "maketrans" | "expandtabs" | "swapcase" | "removeprefix" | "removesuffix"
        | "get" | "items" | "keys" | "values" | "copy" | "union" | "intersection" | "difference" | "symmetric_difference"
        | "issubset" | "issuperset" | "isdisjoint" | "most_common" | "elements" | "bit_length" | "bit_count" | "to_bytes"
        | "from_bytes" | "as_integer_ratio" | "is_integer" | "hex" | "fromhex" | "conjugate" | "fromkeys" | "total_seconds"
        | "isoformat" | "strftime" | "date" | "weekday" | "isoweekday" | "toordinal" | "timetuple" | "match" | "fullmatch"
        | "search" | "findall" | "finditer" | "sub" | "subn" | "group" | "groups" | "groupdict" | "span" | "digest"
        | "hexdigest" | "_asdict" | "_replace" | "tolist" | "tobytes" | "with_suffix" | "with_name" | "relative_to" | "as_posix"
        // Changes of the object.
        | "append" | "extend" | "insert" | "remove" | "pop" | "clear" | "sort" | "reverse" | "update" | "setdefault"
        | "popitem" | "add" | "discard" | "appendleft" | "popleft" | "extendleft" | "rotate" | "move_to_end"
        | "difference_update" | "intersection_update" => 0,
        "write" | "writelines" | "read" | "readline" | "readlines" | "close" | "flush" | "seek" | "send" | "sendall" | "recv"
        | "connect" | "execute" | "executemany" | "fetchone" | "fetchall" | "commit" | "rollback" | "cursor" | "acquire"
        | "release" | "exists" | "is_file" | "is_dir" | "mkdir" | "unlink" | "read_text" | "write_text" | "read_bytes"
        | "write_bytes" | "iterdir" | "stat" | "urlopen" | "warning" | "info" | "debug" | "error" | "exception" | "critical" => IO,
        "now" | "utcnow" | "today" | "random" | "randint" | "shuffle" | "choice" | "getrandbits" => READS_WORLD,
        _ => UNKNOWN,
    }
}

/// What reading this name tells of the world.
pub(crate) fn read(name: &str) -> u16 {
    match name {
        "os.environ" | "os.environb" | "sys.argv" | "sys.path" | "sys.stdin" | "sys.stdout" | "sys.stderr"
        | "sys.modules" => READS_WORLD,
        name if name.starts_with("os.environ.") => READS_WORLD,
        _ => 0,
    }
}

/// Bases whose objects are made without doing anything else.
pub(crate) fn harmless_base(name: &str) -> bool {
    let last = name.rsplit('.').next().unwrap_or_default();
    name.starts_with("builtins.")
        || matches!(
            last,
            "ABC"
                | "Enum"
                | "IntEnum"
                | "StrEnum"
                | "Flag"
                | "IntFlag"
                | "NamedTuple"
                | "TypedDict"
                | "Protocol"
                | "Generic"
                | "namedtuple()"
                | "OrderedDict"
                | "defaultdict"
                | "Counter"
                | "UserDict"
                | "UserList"
                | "UserString"
                | "deque"
        )
        || name.starts_with("collections.abc.")
}
