//! "Did you mean", for names that people write into map files and header lines.

use cadenza_language::{listed, nearest};

/// What to say after a wrong name: `did you mean …`, or `its columns are …`, where `what` is `its columns`.
pub(super) fn advice<'a>(wrong: &str, names: impl IntoIterator<Item = &'a str> + Clone, what: &str) -> String {
    match nearest(wrong, names.clone()) {
        Some(near) => format!("did you mean `{near}`?"),
        None => format!("{what} are {}", listed(names)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_far_from_all_is_answered_with_the_list() {
        assert_eq!(advice("phon", ["email", "phone"], "its columns"), "did you mean `phone`?");
        assert_eq!(advice("shoe", ["email", "phone"], "its columns"), "its columns are `email` and `phone`");
    }
}
