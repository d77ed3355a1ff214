//! An error in one line, with all its causes.

/// What an error says, followed by what its causes say that it has not said already.
pub fn causes(error: &(dyn std::error::Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        let said = cause.to_string();
        if !text.ends_with(&said) {
            text = format!("{text}: {said}");
        }
        next = cause.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_cause_is_told_twice() {
        let io = || std::io::Error::other("no such file");
        let says_it = anyhow::Error::from(io()).context("`x` cannot be read: no such file").context("no workspace");
        assert_eq!(causes(says_it.as_ref()), "no workspace: `x` cannot be read: no such file");
        let does_not = anyhow::Error::from(io()).context("`x` cannot be read");
        assert_eq!(causes(does_not.as_ref()), "`x` cannot be read: no such file");
    }
}
