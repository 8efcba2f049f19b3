//! `*` and `?` in names.

/// Whether a name fits a pattern: `*` stands for any signs, `?` for one, all else for itself. In a path `*` does not reach over a
/// `/`, and `**` does; a pattern without any `/` is no path: `*` then stands for anything.
#[must_use]
pub fn matches(pattern: &str, name: &str) -> bool {
    let steps = steps(pattern);
    // Steps that can be reached with the signs so far: the time is the product of both lengths at most.
    let mut reached = vec![false; steps.len() + 1];
    reached[0] = true;
    go_on(&steps, &mut reached);
    for sign in name.chars() {
        let mut next = vec![false; steps.len() + 1];
        for (at, &step) in steps.iter().enumerate().filter(|(at, _)| reached[*at]) {
            match step {
                Step::Many { folders } => next[at] |= folders || sign != '/',
                Step::One { folders } => next[at + 1] |= folders || sign != '/',
                Step::Sign(wanted) => next[at + 1] |= wanted == sign,
                Step::MaybeFolders => {}
            }
        }
        go_on(&steps, &mut next);
        reached = next;
    }
    reached[steps.len()]
}

#[derive(Clone, Copy, Debug)]
enum Step {
    Sign(char),
    One {
        folders: bool,
    },
    Many {
        folders: bool,
    },
    /// The next two steps, or none: `**/` stands for no folder, too.
    MaybeFolders,
}

fn steps(pattern: &str) -> Vec<Step> {
    let path = pattern.contains('/');
    let mut steps = Vec::new();
    let mut rest = pattern;
    while let Some(sign) = rest.chars().next() {
        let begins = rest.len() == pattern.len() || matches!(steps.last(), Some(Step::Sign('/')));
        if begins && rest.starts_with("**/") {
            steps.extend([Step::MaybeFolders, Step::Many { folders: true }, Step::Sign('/')]);
            rest = &rest[3..];
        } else if sign == '*' {
            let stars = rest.len() - rest.trim_start_matches('*').len();
            steps.push(Step::Many { folders: !path || stars > 1 });
            rest = &rest[stars..];
        } else {
            steps.push(if sign == '?' { Step::One { folders: !path } } else { Step::Sign(sign) });
            rest = &rest[sign.len_utf8()..];
        }
    }
    steps
}

/// What is reached without a sign.
fn go_on(steps: &[Step], reached: &mut [bool]) {
    for (at, step) in steps.iter().enumerate() {
        if reached[at] && matches!(step, Step::Many { .. } | Step::MaybeFolders) {
            reached[at + 1] = true;
        }
        if reached[at] && matches!(step, Step::MaybeFolders) {
            reached[at + 3] = true;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::matches;

    #[test]
    fn names_and_paths_fit_their_patterns() {
        for (pattern, name) in [
            ("*", ""),
            ("*", "a/b"),
            ("parse_*", "parse_line"),
            ("*::parse", "app::deep::parse"),
            ("Vec<[u8]>::*", "Vec<[u8]>::push"),
            ("s?rt", "sort"),
            ("src/*.rs", "src/a.rs"),
            ("src/**/*.rs", "src/a.rs"),
            ("src/**/*.rs", "src/deep/er/a.rs"),
            ("**/app/*.py", "app/x.py"),
            ("**/app/*.py", "/home/u/app/x.py"),
            ("src/**", "src/a/b"),
            ("a**b", "axxb"),
        ] {
            assert!(matches(pattern, name), "{pattern} {name}");
        }
        for (pattern, name) in [
            ("", "a"),
            ("a", ""),
            ("parse_*", "reparse_line"),
            ("src/*.rs", "src/deep/a.rs"),
            ("src/?.rs", "src//.rs"),
            ("src/**/*.rs", "src/a.py"),
            ("**/app/*.py", "/home/wrapp/x.py"),
            ("sort", "Sort"),
        ] {
            assert!(!matches(pattern, name), "{pattern} {name}");
        }
    }

    #[test]
    fn hostile_patterns_end_soon() {
        assert!(!matches(&"*a".repeat(200), &"a".repeat(150)));
    }
}
