//! The tables of the language: which keys a mapping has, what each takes and means. Reading, the editor's schema and
//! the "did you mean" all use them, so that they cannot disagree.

/// The name of the shape of a workflow file.
pub(crate) const A_WORKFLOW: &str = "a workflow";
/// How the names of the shapes of steps begin.
pub(crate) const A_STEP_WITH: &str = "a step with ";
/// The name of the shape of what stands behind `http`.
pub(crate) const A_REQUEST: &str = "`http`";

/// A mapping with known keys.
#[derive(Debug)]
pub(crate) struct Shape {
    /// The name of the mapping in messages: `a step with \`call\``.
    pub(crate) name: &'static str,
    pub(crate) about: &'static str,
    pub(crate) keys: &'static [Key],
}

/// One key.
#[derive(Debug)]
pub(crate) struct Key {
    pub(crate) name: &'static str,
    pub(crate) takes: Takes,
    pub(crate) required: bool,
    pub(crate) about: &'static str,
    /// What to write when the key is missing, if its type alone does not say.
    example: Option<&'static str>,
}

/// What a key takes.
#[derive(Debug)]
pub(crate) enum Takes {
    Text,
    /// A new name: lower case letters, digits, `-` and `_`.
    Name,
    /// The name of something declared elsewhere.
    Ref(&'static str),
    /// A step's id, or `end`.
    Target,
    /// A CEL condition.
    Condition,
    /// A duration such as `5m`.
    Duration,
    /// `true` or `false`.
    Flag,
    /// A whole number within these bounds.
    Whole(u32, u32),
    /// A date, `2026-12-25`.
    Date,
    /// A time with its zone, `2026-03-08T07:30:00Z`.
    Time,
    /// An IANA time zone.
    Zone,
    /// An event type.
    Event,
    /// A path in a JSON body.
    Path,
    /// A size such as `16MiB`.
    Bytes,
    /// Any single value or list of values.
    Value,
    /// Values, lists and mappings, nested to any depth; `{ cel: … }` is evaluated.
    Json,
    /// One of these words.
    Words(fn() -> Vec<&'static str>),
    /// One of these words, or one that `cadenza.yaml` declares.
    OwnOr(fn() -> Vec<&'static str>),
    /// A mapping with known keys.
    Form(&'static Shape),
    List(&'static Takes),
    /// A mapping from names of the author's choice.
    Map(&'static Takes),
    /// A mapping from these words.
    Table(fn() -> Vec<&'static str>, &'static Takes),
    /// A mapping from these words, and from words that `cadenza.yaml` declares.
    OwnTable(fn() -> Vec<&'static str>, &'static Takes),
    /// One of several.
    Either(&'static [Takes]),
}

pub(crate) const fn required(name: &'static str, takes: Takes, about: &'static str) -> Key {
    Key { name, takes, required: true, about, example: None }
}

pub(crate) const fn optional(name: &'static str, takes: Takes, about: &'static str) -> Key {
    Key { name, takes, required: false, about, example: None }
}

impl Key {
    /// The same key, with an example to suggest when it is missing.
    pub(crate) const fn such_as(self, example: &'static str) -> Self {
        Self { example: Some(example), ..self }
    }

    /// The shortest value that can be suggested, for the author to change; `None` when any value would be a guess about
    /// the author's intent.
    pub(crate) fn example(&self) -> Option<String> {
        self.example.map(str::to_owned).or_else(|| match self.takes {
            Takes::Target => Some("end".to_owned()),
            Takes::Duration => Some("14d".to_owned()),
            Takes::Event => Some("email.replied".to_owned()),
            Takes::Condition => Some("lead.stage == \"open\"".to_owned()),
            Takes::Form(shape) => shape.example(),
            _ => None,
        })
    }
}

impl Shape {
    pub(crate) fn key(&self, name: &str) -> Option<&'static Key> {
        self.keys.iter().find(|key| key.name == name)
    }

    /// The required keys.
    pub(crate) fn required(&self) -> impl Iterator<Item = &'static Key> {
        self.keys.iter().filter(|key| key.required)
    }

    /// The shortest mapping that can be suggested, in braces.
    fn example(&self) -> Option<String> {
        let keys: Option<Vec<String>> =
            self.required().map(|key| Some(format!("{}: {}", key.name, key.example()?))).collect();
        keys.filter(|keys| !keys.is_empty()).map(|keys| format!("{{ {} }}", keys.join(", ")))
    }

    pub(crate) fn names(&self) -> impl Iterator<Item = &'static str> + Clone {
        self.keys.iter().map(|key| key.name)
    }
}
