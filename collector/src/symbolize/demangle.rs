//! Names for people from names for linkers.

/// The name as it is in the source, without a hash; `None` where it was not mangled.
#[must_use]
pub(super) fn demangle(symbol: &str) -> Option<String> {
    if !symbol.starts_with("_Z") && !symbol.starts_with("_R") && !symbol.starts_with("__Z") {
        return None;
    }
    if let Ok(rust) = rustc_demangle::try_demangle(symbol) {
        return Some(format!("{rust:#}"));
    }
    // Suffixes of the compiler's own, such as `.cold` and `.part.0`, stay in sight.
    let (mangled, suffix) =
        symbol.split_once('.').map_or((symbol, ""), |(mangled, _)| (mangled, &symbol[mangled.len()..]));
    let name = cpp_demangle::Symbol::new(mangled).ok()?.demangle().ok()?;
    Some(if suffix.is_empty() { name } else { format!("{name} [{}]", &suffix[1..]) })
}

#[cfg(test)]
mod tests {
    use super::demangle;

    #[test]
    fn rust_and_cpp() {
        let check = |symbol: &str, name: Option<&str>| assert_eq!(demangle(symbol).as_deref(), name, "{symbol}");
        check("main", None);
        check("_ZN4core3fmt5Write9write_fmt17h0123456789abcdefE", Some("core::fmt::Write::write_fmt"));
        check("_RNvC6_123foo3bar", Some("123foo::bar"));
        check("_ZN5space3fooEibc", Some("space::foo(int, bool, char)"));
        check("_ZN5space3fooEi.part.0", Some("space::foo(int) [part.0]"));
        check("_Znonsense", None);
    }
}
