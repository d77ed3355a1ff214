//! "Did you mean": the nearest existing name, or the list of names when none is near.

use crate::diagnostic::Problem;

/// The most names a list shows.
const LISTED_MAX: usize = 24;

/// The name nearest to `wrong`, if it is near enough to be a typing mistake.
pub fn nearest<'a>(wrong: &str, names: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let fold = |text: &str| text.to_lowercase().replace(['_', ' '], "-");
    let folded = fold(wrong);
    let allowed = (folded.chars().count() / 3).clamp(1, 3);
    names
        .into_iter()
        .map(|name| (strsim::osa_distance(&folded, &fold(name)), name))
        .filter(|(distance, name)| *distance <= allowed && *distance < name.chars().count())
        .min()
        .map(|(_, name)| name)
}

/// `` `a`, `b` and `c` ``, in the order given.
pub fn listed<'a>(names: impl IntoIterator<Item = &'a str>) -> String {
    let quoted: Vec<String> = names.into_iter().map(|name| format!("`{name}`")).collect();
    match quoted.as_slice() {
        [] => "none".to_owned(),
        [only] => only.clone(),
        many if many.len() > LISTED_MAX => {
            format!("{} and {} more", many[..LISTED_MAX].join(", "), many.len() - LISTED_MAX)
        }
        [most @ .., last] => format!("{} and {last}", most.join(", ")),
    }
}

impl Problem {
    /// Adds the nearest name, or the list. `what` is the plural for the names, such as `steps of this workflow`.
    pub(crate) fn suggest<'a>(
        self,
        wrong: &str,
        names: impl IntoIterator<Item = &'a str, IntoIter: Clone>,
        what: &str,
    ) -> Self {
        let names = names.into_iter();
        if let Some(near) = nearest(wrong, names.clone()) {
            return self.label(format!("did you mean `{near}`?")).replace(near);
        }
        if names.clone().next().is_none() {
            return self.help(format!("there are no {what} yet"));
        }
        self.help(format!("{what}: {}", listed(names)))
    }

    /// One of many things that could stand there. It is not offered to be put there: what is meant is the author's to say.
    pub(crate) fn for_example(self, instead: &str) -> Self {
        self.label(format!("write `{instead}`, for example"))
    }

    /// Suggests the nearest text, which need not be what was meant.
    pub(crate) fn perhaps(self, instead: String) -> Self {
        self.label(format!("write `{instead}`, if that is meant")).replace(instead)
    }

    /// As `suggest` where any of the names would do: when none is near, the first of them is an example.
    pub(crate) fn suggest_one<'a>(
        self,
        wrong: &str,
        names: impl IntoIterator<Item = &'a str, IntoIter: Clone>,
        what: &str,
    ) -> Self {
        let names = names.into_iter();
        let first = names.clone().next();
        let problem = self.suggest(wrong, names, what);
        match first.filter(|_| problem.replacement().is_none()) {
            Some(first) => problem.for_example(first),
            None => problem,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn near_names_are_found_and_far_ones_are_not() {
        let names = ["nurture", "hand-over", "hand-back", "not_now", "hot"];
        let cases = [
            ("nurtur", Some("nurture")),
            ("nruture", Some("nurture")),
            ("hand_over", Some("hand-over")),
            ("Hot", Some("hot")),
            ("hott", Some("hot")),
            ("not-now", Some("not_now")),
            ("hit", Some("hot")),
            ("completely-else", None),
            ("x", None),
        ];
        for (wrong, expected) in cases {
            assert_eq!(nearest(wrong, names), expected, "nearest to `{wrong}`");
        }
    }
}
