//! Builds the page for wasm32 and embeds it: a nested `cargo build`, wasm-bindgen's library, gzip.
//!
//! The nested build has one target folder for all profiles (`target/viewer`) and runs again only when something that the page is
//! made of changed. It runs under `cargo check` and `cargo clippy` too: cargo runs a build script once for all of them, so that
//! an empty page from one would end up in the binary of the other. `PERFCOLLECT_NO_VIEWER=1` leaves the page out where asked.

#[path = "build/names.rs"]
mod names;
#[path = "build/order.rs"]
mod order;

use lzma_rust2::{LzmaOptions, LzmaWriter};
use std::error::Error;
use std::fmt::Write as _;
use std::io::Write as _;
use std::num::NonZeroU64;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::{env, fs};
use wasm_bindgen_cli_support::Bindgen;
use zopfli::{Format, Options};

const TARGET: &str = "wasm32-unknown-unknown";
const SKIP: &str = "PERFCOLLECT_NO_VIEWER";
/// What the page is made of, from the root of the workspace.
const INPUTS: [&str; 12] = [
    "collector/build.rs",
    "collector/build",
    "viewer/Cargo.toml",
    "viewer/src",
    "viewer/macros",
    "shared/Cargo.toml",
    "shared/src",
    "static",
    "Cargo.toml",
    "Cargo.lock",
    "rust-toolchain.toml",
    ".cargo",
];

type Result<T> = std::result::Result<T, Box<dyn Error>>;

fn main() {
    if let Err(error) = embed() {
        eprintln!("the page could not be built: {error}\nWithout it: {SKIP}=1 cargo build");
        panic!("{error}");
    }
}

fn embed() -> Result<()> {
    let root = Path::new(&env::var("CARGO_MANIFEST_DIR")?).parent().ok_or("no workspace")?.to_owned();
    let out = PathBuf::from(env::var("OUT_DIR")?);
    println!("cargo::rerun-if-env-changed={SKIP}");
    if env::var_os(SKIP).is_some_and(|value| !value.is_empty() && value != "0") {
        println!("cargo::rerun-if-changed=build.rs");
        fs::write(out.join("assets.rs"), "&[]\n")?;
        return Ok(());
    }
    for input in INPUTS.map(|input| root.join(input)).iter().filter(|input| input.exists()) {
        println!("cargo::rerun-if-changed={}", input.display());
    }
    let module = build(&root)?;
    let (glue, wasm) = bind(&module, &out)?;
    let text = |name: &str| fs::read_to_string(root.join("static").join(name)).map(|text| dense(&text));
    let files = [
        ("index.html", "text/html; charset=utf-8", page(&text("index.html")?)?.into_bytes()),
        (
            "viewer.js",
            "text/javascript; charset=utf-8",
            script(&tight(&dense(&glue), &GLUE), &[text("unpack.js")?, text("worker.js")?, text("start.js")?])
                .into_bytes(),
        ),
        ("viewer.wasm.lzma", "application/octet-stream", lzma(&wasm)?),
        ("style.css", "text/css; charset=utf-8", tight(&text("style.css")?, &STYLE).into_bytes()),
        ("boot.js", "text/javascript; charset=utf-8", text("boot.js")?.into_bytes()),
        ("icon.svg", "image/svg+xml", text("icon.svg")?.into_bytes()),
    ];
    let mut list = String::from("&[\n");
    for (name, content_type, bytes) in files {
        fs::write(out.join(format!("{name}.gz")), gzip(&bytes)?)?;
        let include = format!("include_bytes!(concat!(env!(\"OUT_DIR\"), \"/{name}.gz\"))");
        writeln!(list, "Asset {{ path: {name:?}, content_type: {content_type:?}, gzip: {include} }},")?;
    }
    list.push_str("]\n");
    fs::write(out.join("assets.rs"), list)?;
    Ok(())
}

/// The glue as a function, so that a worker can be made of its text, then the rest.
fn script(glue: &str, rest: &[String]) -> String {
    format!(
        "const perfcollect_glue = () => {{\n{glue}return wasm_bindgen;\n}};\nconst wasm_bindgen = perfcollect_glue();\n{}",
        rest.concat()
    )
}

/// What the glue says the long way, and the style sheet: neither has such text in a string that anybody reads.
const GLUE: [(&str, &str); 11] = [
    ("getStringFromWasm0", "gS"),
    ("addToExternrefTable0", "aE"),
    ("handleError", "hE"),
    ("isLikeNone", "iN"),
    (", ", ","),
    (" = ", "="),
    (" === ", "==="),
    (") {", "){"),
    ("{\n", "{"),
    (";\n", ";"),
    ("\n}", "}"),
];
const STYLE: [(&str, &str); 7] =
    [(": ", ":"), (" {", "{"), (",\n", ","), ("{\n", "{"), (";\n", ";"), ("}\n", "}"), (";}", "}")];

/// Text with each of the pairs replaced, in their order.
fn tight(text: &str, pairs: &[(&str, &str)]) -> String {
    pairs.iter().fold(text.to_owned(), |text, (long, short)| text.replace(long, short))
}

/// Text of the page without indentation, empty lines and lines that are only a comment. No line of ours, nor of the glue, is
/// in the middle of a string.
fn dense(text: &str) -> String {
    let mut inside = false;
    let mut kept = String::with_capacity(text.len());
    for line in text.lines().map(str::trim) {
        let whole = line.starts_with("//") || (line.starts_with("/*") && line.ends_with("*/"));
        let begins = !inside && !whole && line.starts_with("/*");
        inside |= begins;
        if !inside && !whole && !line.is_empty() {
            kept.push_str(line);
            kept.push('\n');
        }
        inside &= !line.ends_with("*/");
    }
    kept
}

/// Compiles the viewer; gives the path of its module.
fn build(root: &Path) -> Result<PathBuf> {
    install_target()?;
    let folder = root.join("target/viewer");
    let mut cargo = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    cargo.args(["build", "--package", "perfcollect-viewer", "--target", TARGET, "--profile", "viewer", "--locked"]);
    cargo.arg("--target-dir").arg(&folder).current_dir(root);
    clean(&mut cargo);
    if let Some(home) = cargo_home() {
        // Sources' paths are in the module for its panics: shorter, and without the name of who built it.
        let flag = format!("--remap-path-prefix={}=crates", home.join("registry/src").display());
        cargo.env("CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_RUSTFLAGS", flag);
    }
    if !cargo.status()?.success() {
        return Err("cargo failed, see above".into());
    }
    Ok(folder.join(TARGET).join("viewer/perfcollect_viewer.wasm"))
}

/// Takes away what the outer cargo says about this crate and its compiler (clippy's driver, flags for the host), and keeps what
/// says where crates come from.
fn clean(cargo: &mut Command) {
    const KEPT: [&str; 7] =
        ["CARGO_HOME", "CARGO_NET_", "CARGO_HTTP_", "CARGO_REGISTR", "CARGO_SOURCE_", "CARGO_MAKEFLAGS", "CARGO_TERM_"];
    const OURS: [&str; 13] = [
        "RUSTC",
        "RUSTC_WRAPPER",
        "RUSTC_WORKSPACE_WRAPPER",
        "RUSTC_LINKER",
        "RUSTDOC",
        "RUSTFLAGS",
        "RUSTDOCFLAGS",
        "CLIPPY_ARGS",
        "TARGET",
        "HOST",
        "PROFILE",
        "OPT_LEVEL",
        "DEBUG",
    ];
    for (name, _) in env::vars_os() {
        let text = name.to_string_lossy();
        let of_cargo = text.starts_with("CARGO") && !KEPT.iter().any(|kept| text.starts_with(kept));
        if of_cargo || text.starts_with("DEP_") || OURS.contains(&&*text) {
            cargo.env_remove(&name);
        }
    }
}

/// Where cargo keeps its registry; `None` where that is not known, or would break a list of flags.
fn cargo_home() -> Option<PathBuf> {
    let home = env::var_os("CARGO_HOME").map(PathBuf::from);
    let home = home.or_else(|| Some(PathBuf::from(env::var_os("HOME")?).join(".cargo")))?;
    (!home.to_string_lossy().contains(' ')).then_some(home)
}

/// The standard library for wasm32, through rustup where it is missing.
fn install_target() -> Result<()> {
    let rustc = env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let has_target = || -> Result<bool> {
        let answer = Command::new(&rustc).args(["--print", "target-libdir", "--target", TARGET]).output()?;
        Ok(answer.status.success() && Path::new(String::from_utf8_lossy(&answer.stdout).trim()).exists())
    };
    if has_target()? {
        return Ok(());
    }
    let added = Command::new("rustup").args(["target", "add", TARGET]).status();
    if added.is_ok_and(|status| status.success()) && has_target()? {
        return Ok(());
    }
    Err(format!("the Rust target of the page is missing; install it: rustup target add {TARGET}").into())
}

/// The glue and the module that a browser takes.
fn bind(module: &Path, out: &Path) -> Result<(String, Vec<u8>)> {
    let folder = out.join("bindgen");
    let mut bindgen = Bindgen::new();
    bindgen.input_path(module).out_name("viewer").typescript(false).omit_default_module_path(true);
    bindgen.remove_name_section(true).remove_producers_section(true);
    bindgen.no_modules(true)?.generate(&folder)?;
    let (glue, module) = (fs::read_to_string(folder.join("viewer.js"))?, fs::read(folder.join("viewer_bg.wasm"))?);
    names::shorten(&glue, &order::reorder(&module)?)
}

/// `static/index.html` without Trunk: its lines go, and the last of them becomes our script.
fn page(text: &str) -> Result<String> {
    let mut page = String::new();
    let mut scripts = 0;
    for line in text.lines() {
        if line.contains("data-trunk") {
            if line.contains("rel=\"rust\"") {
                page.push_str("<script src=\"viewer.js\" defer></script>\n");
                scripts += 1;
            }
            continue;
        }
        page.push_str(line);
        page.push('\n');
    }
    if scripts == 1 { Ok(page) } else { Err("static/index.html must have one <link data-trunk rel=\"rust\">".into()) }
}

/// By LZMA, a fifth smaller than Zopfli's, with the settings that `static/unpack.js` knows: the module's contexts are its last
/// bytes, not their places.
fn lzma(bytes: &[u8]) -> Result<Vec<u8>> {
    let options = LzmaOptions { lc: 4, lp: 0, pb: 0, nice_len: 273, ..LzmaOptions::with_preset(9) };
    let mut packed = LzmaWriter::new_use_header(Vec::new(), &options, Some(bytes.len() as u64))?;
    packed.write_all(bytes)?;
    Ok(packed.finish()?)
}

/// By Zopfli, 5 % smaller than gzip's best: the page is packed once and read often, from every exported report too.
fn gzip(bytes: &[u8]) -> Result<Vec<u8>> {
    let options = Options {
        iteration_count: NonZeroU64::new(15).ok_or("no iteration")?,
        maximum_block_splits: 60,
        ..Options::default()
    };
    let mut packed = Vec::new();
    zopfli::compress(options, Format::Gzip, bytes, &mut packed)?;
    Ok(packed)
}
