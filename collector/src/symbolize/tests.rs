//! Addresses of programs that are built here.

use super::*;
use std::path::{Path, PathBuf};
use std::process::Command;

fn program(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/data/programs").join(name)
}

fn run(command: &mut Command) -> String {
    let done = command.output().unwrap_or_else(|e| panic!("{command:?}: {e}; apt-get install gcc g++ binutils"));
    assert!(done.status.success(), "{command:?}: {}", String::from_utf8_lossy(&done.stderr));
    String::from_utf8(done.stdout).unwrap()
}

fn gcc(source: &str, flags: &[&str], output: &Path) {
    run(Command::new("gcc").args(flags).arg("-o").arg(output).arg(program(source)));
}

fn build_id(path: &Path) -> String {
    ElfHeaders::read(&*std::fs::read(path).unwrap()).unwrap().build_id
}

/// Addresses of functions as `nm` lists them.
fn symbols(path: &Path) -> HashMap<String, u64> {
    let listed = run(Command::new("nm").arg(path));
    let rows = listed.lines().filter_map(|line| {
        let mut parts = line.split(' ');
        let address = u64::from_str_radix(parts.next()?, 16).ok()?;
        Some((parts.nth(1)?.to_owned(), address))
    });
    rows.collect()
}

#[test]
fn debug_information_gives_files_and_lines() {
    let folder = tempfile::tempdir().unwrap();
    let binary = folder.path().join("split");
    gcc("split.c", &["-O2", "-g"], &binary);
    let hot = symbols(&binary)["hot70"];
    let found = Symbolizer::default().resolve(binary.to_str().unwrap(), &build_id(&binary), hot + 4);
    assert_eq!(found.len(), 1, "{found:?}");
    let source = std::fs::read_to_string(program("split.c")).unwrap();
    let line = source.lines().position(|line| line == "WORK(hot70, 7)").unwrap() + 1;
    assert_eq!(found[0].name, "hot70");
    assert!(found[0].file.ends_with("programs/split.c"), "{found:?}");
    assert_eq!((found[0].line, found[0].start_line), (u32::try_from(line).unwrap(), u32::try_from(line).unwrap()));
}

#[test]
fn debug_files_serve_stripped_programs() {
    let folder = tempfile::tempdir().unwrap();
    let binary = folder.path().join("split");
    gcc("split.c", &["-O2", "-g"], &binary);
    let hot = symbols(&binary)["hot70"];
    let debug = folder.path().join("split.debug");
    run(Command::new("objcopy").arg("--only-keep-debug").arg(&binary).arg(&debug));
    run(Command::new("strip").arg(&binary));
    let stripped = Symbolizer::default().resolve(binary.to_str().unwrap(), &build_id(&binary), hot + 4);
    assert_eq!(stripped, []);
    run(Command::new("objcopy").arg("--add-gnu-debuglink").arg(&debug).arg(&binary));
    let found = Symbolizer::default().resolve(binary.to_str().unwrap(), &build_id(&binary), hot + 4);
    assert_eq!(found.iter().map(|f| f.name.as_str()).collect::<Vec<_>>(), ["hot70"]);
}

#[test]
fn another_file_at_the_path_names_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let binary = folder.path().join("split");
    gcc("split.c", &["-O2"], &binary);
    let hot = symbols(&binary)["hot70"];
    assert_eq!(Symbolizer::default().resolve(binary.to_str().unwrap(), "00ff", hot + 4), []);
}

#[test]
fn stubs_are_named_after_their_target() {
    let folder = tempfile::tempdir().unwrap();
    let binary = folder.path().join("split");
    gcc("split.c", &["-O2", "-fcf-protection=full", "-Wl,-z,lazy"], &binary);
    let listed = run(Command::new("objdump").args(["-d", "--section=.plt.sec", "--section=.plt"]).arg(&binary));
    let stub = listed.lines().find(|line| line.contains("<clock_gettime@plt>:")).expect(&listed);
    let address = u64::from_str_radix(stub.split(' ').next().unwrap(), 16).unwrap();
    let found = Symbolizer::default().resolve(binary.to_str().unwrap(), &build_id(&binary), address + 4);
    assert_eq!(found.first().map(|f| f.name.as_str()), Some("clock_gettime@plt"), "{listed}");
}

#[test]
fn inflated_sections_are_kept_and_a_damaged_copy_does_no_harm() {
    let folder = tempfile::tempdir().unwrap();
    let binary = folder.path().join("split");
    gcc("split.c", &["-O2", "-g", "-gz=zlib"], &binary);
    let hot = symbols(&binary)["hot70"];
    let cache = folder.path().join("cache");
    let resolve = || {
        let mut symbolizer = Symbolizer { cache: Some(Cache::in_folder(&cache)), ..Symbolizer::default() };
        symbolizer.resolve(binary.to_str().unwrap(), &build_id(&binary), hot + 4)
    };
    let first = resolve();
    assert!(first[0].name == "hot70" && first[0].line > 0, "{first:?}");
    let kept: Vec<PathBuf> = std::fs::read_dir(&cache).unwrap().map(|entry| entry.unwrap().path()).collect();
    let [kept] = &kept[..] else { panic!("{kept:?}") };
    let sound = std::fs::read(kept).unwrap();
    assert_eq!(resolve(), first, "from the copy");
    for damage in [&b"nonsense"[..], &sound[..sound.len() / 2], b""] {
        std::fs::write(kept, damage).unwrap();
        assert_eq!(resolve(), first);
        assert_eq!(std::fs::read(kept).unwrap(), sound, "it is replaced");
    }
    std::fs::remove_dir_all(&cache).unwrap();
    std::fs::write(&cache, "no folder").unwrap();
    assert_eq!(resolve(), first);
}

#[test]
fn of_many_units_those_with_the_addresses_are_enough() {
    let folder = tempfile::tempdir().unwrap();
    let sources: Vec<PathBuf> = (0..120)
        .map(|unit| {
            let path = folder.path().join(format!("unit{unit}.c"));
            let inner = format!("static inline int twice{unit}(int x) {{\n    return x * 2;\n}}\n");
            let outer = format!("int volatile seen{unit};\nint outer{unit}(int x) {{\n    seen{unit} = x;\n");
            std::fs::write(&path, format!("{inner}{outer}    seen{unit} = twice{unit}(x);\n    return 0;\n}}\n"))
                .unwrap();
            path
        })
        .collect();
    let library = folder.path().join("many.so");
    run(Command::new("gcc").args(["-O1", "-g", "-shared", "-fPIC", "-o"]).arg(&library).args(&sources));
    let symbols = symbols(&library);
    let bytes = std::fs::read(&library).unwrap();
    let object = object::File::parse(&*bytes).unwrap();
    let sections = dwarf::Sections::of(&object, None);
    let mut addresses: Vec<u64> = [3, 57].iter().map(|unit| symbols[&format!("outer{unit}")]).collect();
    // The whole of both functions, and a place where there is no code.
    addresses = addresses.iter().flat_map(|start| *start..start + 16).chain([1]).collect();
    addresses.sort_unstable();
    let part = sections.units_of(&addresses).unwrap();
    let whole = object::ObjectSection::size(&object::Object::section_by_name(&object, ".debug_info").unwrap());
    assert!(part.len() as u64 * 20 < whole, "{} of {whole} bytes", part.len());
    let mut all = dwarf::Lines::new(&sections, None, None).unwrap();
    let mut few = dwarf::Lines::new(&sections, Some(&part), None).unwrap();
    let mut inlined = 0;
    for address in addresses {
        let found = few.find(address);
        assert_eq!(found, all.find(address), "{address:#x}");
        inlined += usize::from(found.len() == 2 && found[1].file.contains("unit") && found[1].line == 2);
    }
    assert!(inlined > 0);
    // Few units are read as they are.
    let small = folder.path().join("split");
    gcc("split.c", &["-O2", "-g"], &small);
    let bytes = std::fs::read(&small).unwrap();
    assert!(dwarf::Sections::of(&object::File::parse(&*bytes).unwrap(), None).units_of(&[0x1000]).is_none());
}
