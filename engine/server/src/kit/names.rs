//! Names of a guest's functions, as their authors wrote them.

/// A function's name without what the compiler added.
pub(crate) fn readable(name: &str) -> String {
    let name = format!("{:#}", rustc_demangle::demangle(name));
    // The linker takes some names apart already, and leaves the hash.
    let hash = name.rsplit_once("::h").filter(|(_, hash)| hash.len() == 16 && is_hexadecimal(hash));
    hash.map_or(name.as_str(), |(plain, _)| plain).to_owned()
}

fn is_hexadecimal(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_hexdigit())
}

#[cfg(test)]
mod tests {
    use super::readable;

    #[test]
    fn names_are_what_authors_wrote() {
        assert_eq!(readable("_ZN3fit5score17h0123456789abcdefE"), "fit::score");
        assert_eq!(readable("fit::score::h0123456789abcdef"), "fit::score");
        assert_eq!(readable("JS_CallInternal"), "JS_CallInternal");
        assert_eq!(readable("fit::hot"), "fit::hot");
    }
}
