//! Names of a guest's functions, as their authors wrote them.

/// A function's name without what the compiler added.
pub fn readable(name: &str) -> String {
    let name = format!("{:#}", rustc_demangle::demangle(name));
    // The linker has already demangled some names, but leaves the hash.
    let hash = name.rsplit_once("::h").filter(|(_, hash)| hash.len() == 16 && is_hexadecimal(hash));
    hash.map_or(name.as_str(), |(plain, _)| plain).to_owned()
}

/// A backtrace that begins where the author's code, or what it called, failed. How a panic is carried out after that is
/// the same for all plugins.
pub fn readable_backtrace(backtrace: &[String]) -> Vec<String> {
    let names: Vec<String> = backtrace.iter().map(|name| readable(name)).collect();
    let panicked = names.iter().rposition(|name| PANICS.iter().any(|panics| name.starts_with(panics)));
    names[panicked.map_or(0, |at| at + 1)..].to_vec()
}

/// How the names of functions begin that carry out a panic.
const PANICS: &[&str] = &[
    "core::panicking::",
    "std::panicking::",
    "__rustc::rust_begin_unwind",
    "core::option::unwrap_failed",
    "core::option::expect_failed",
    "core::result::unwrap_failed",
];

fn is_hexadecimal(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_hexdigit())
}

#[cfg(test)]
mod tests {
    use super::{readable, readable_backtrace};

    #[test]
    fn a_backtrace_begins_where_it_went_wrong() {
        let names =
            ["__rustc::rust_panic", "core::panicking::panic_fmt", "fit::score", "fit::export"].map(str::to_owned);
        assert_eq!(readable_backtrace(&names), ["fit::score", "fit::export"]);
        assert_eq!(readable_backtrace(&names[2..]), ["fit::score", "fit::export"]);
    }

    #[test]
    fn names_are_what_authors_wrote() {
        assert_eq!(readable("_ZN3fit5score17h0123456789abcdefE"), "fit::score");
        assert_eq!(readable("fit::score::h0123456789abcdef"), "fit::score");
        assert_eq!(readable("JS_CallInternal"), "JS_CallInternal");
        assert_eq!(readable("fit::hot"), "fit::hot");
    }
}
