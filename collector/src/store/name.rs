//! Names of bundle files.

use super::ENDING;
use perfcollect_shared::format;
use ulid::Ulid;

/// Longest part of a name that tells the program.
const LONGEST: usize = 40;

/// `0007-orders.py-<last 6 of the id, lower-case>.perf.zip`.
pub(super) fn file_name(number: u32, command: &[String], id: &Ulid) -> String {
    let id = id.to_string().to_ascii_lowercase();
    format!("{number:04}-{}-{}{ENDING}", program(command), &id[id.len() - 6..])
}

/// The number that a file name begins with.
pub(super) fn number(file_name: &str) -> Option<u32> {
    let (digits, _) = file_name.split_once('-')?;
    let all = digits.len() >= 4 && digits.bytes().all(|b| b.is_ascii_digit());
    all.then(|| digits.parse().ok()).flatten()
}

/// What a person calls the program, as part of a file name.
fn program(command: &[String]) -> String {
    let clean = |c: char| if c.is_ascii_alphanumeric() || "._+-".contains(c) { c } else { '_' };
    let name = format::program(command);
    let name: String = name.trim_start_matches(['.', '-']).chars().take(LONGEST).map(clean).collect();
    if name.is_empty() { "program".to_owned() } else { name }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(command: &[&str], expect: &str) {
        let command: Vec<String> = command.iter().map(ToString::to_string).collect();
        assert_eq!(program(&command), expect, "{command:?}");
    }

    #[test]
    fn a_bundle_is_named_after_the_program_that_people_mean() {
        check(&["python3", "tests/data/orders.py", "--rows", "5"], "orders.py");
        check(&["python3", "-m", "compileall", "-qf", "."], "compileall");
        check(&["python3", "-c", "print(1)"], "python3");
        check(&["node", "-e", "while(1);"], "node");
        check(&["sh", "-c", "exit 7"], "sh");
        check(&["./target/release/app", "x"], "app");
        check(&["wei rd/näme;rm -rf"], "n_me_rm_-rf");
        check(&["../.hidden"], "hidden");
        check(&[".."], "program");
        check(&[], "program");
    }

    #[test]
    fn a_name_gives_its_number_back() {
        let id = Ulid::from_string("01ARZ3NDEKTSV4RRFFQ69G5FAV").unwrap();
        let name = file_name(7, &["ls".to_owned()], &id);
        assert_eq!(name, "0007-ls-9g5fav.perf.zip");
        assert_eq!(number(&name), Some(7));
        assert_eq!(number("12345-ls-9g5fav.perf.zip"), Some(12_345));
        assert_eq!(number("7-up.perf.zip"), None);
        assert_eq!(number("99999999999-x.perf.zip"), None);
        assert_eq!(number("notes.txt"), None);
    }
}
