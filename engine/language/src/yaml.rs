//! Turns YAML text into a tree in which every key and value knows its place in the file.
//!
//! Serde stops at the first mistake, but all of them should be reported, so the tree is made from the parser's events.
//! What would silently change the meaning is refused here: tags, anchors, aliases, several documents, repeated keys.

mod flow;

use crate::diagnostic::{Problem, Sheet};
pub(crate) use flow::cut_short;
use granit_parser::{ErrorKind, Event, Parser, ScalarStyle, ScanError, Span};
use std::collections::BTreeMap;
use std::ops::Range;

/// How deep lists and mappings may be nested.
const NESTING_MAX: usize = 24;
/// The most keys and values a file may have.
const NODES_MAX: usize = 50_000;

/// A value with its place.
#[derive(Clone, Debug)]
pub(crate) struct Node {
    pub(crate) span: Range<usize>,
    pub(crate) content: Content,
}

#[derive(Clone, Debug)]
pub(crate) enum Content {
    Scalar(Scalar),
    List(Vec<Node>),
    Map(Vec<Entry>),
}

/// A text as YAML reads it.
#[derive(Clone, Debug)]
pub(crate) struct Scalar {
    pub(crate) text: String,
    pub(crate) style: ScalarStyle,
}

impl Scalar {
    pub(crate) fn is_plain(&self) -> bool {
        self.style == ScalarStyle::Plain
    }

    /// Whether it is empty, `~` or `null`.
    pub(crate) fn is_null(&self) -> bool {
        self.is_plain() && matches!(self.text.as_str(), "" | "~" | "null")
    }
}

#[derive(Clone, Debug)]
pub(crate) struct Entry {
    pub(crate) key: Word,
    pub(crate) value: Node,
}

/// A text and its place.
#[derive(Clone, Debug)]
pub(crate) struct Word {
    pub(crate) text: String,
    pub(crate) span: Range<usize>,
}

impl Node {
    /// What the node is, for messages.
    pub(crate) fn is_a(&self) -> &'static str {
        match &self.content {
            Content::Scalar(scalar) if scalar.text.is_empty() && scalar.is_plain() => "nothing",
            Content::Scalar(_) => "a single value",
            Content::List(_) => "a list",
            Content::Map(_) => "a mapping",
        }
    }

    /// A range to point at: all of a value, but only the first key of a mapping.
    pub(crate) fn pointer(&self) -> Range<usize> {
        match &self.content {
            Content::Map(entries) => entries.first().map_or(self.span.clone(), |entry| entry.key.span.clone()),
            Content::List(items) => items.first().map_or(self.span.clone(), |item| self.span.start..item.span.end),
            Content::Scalar(_) => self.span.clone(),
        }
    }

    pub(crate) fn scalar(&self) -> Option<&Scalar> {
        if let Content::Scalar(scalar) = &self.content { Some(scalar) } else { None }
    }

    pub(crate) fn entries(&self) -> &[Entry] {
        if let Content::Map(entries) = &self.content { entries } else { &[] }
    }

    /// The items of a list; none for anything else.
    pub(crate) fn list(&self) -> &[Self] {
        if let Content::List(items) = &self.content { items } else { &[] }
    }

    pub(crate) fn get(&self, key: &str) -> Option<&Self> {
        self.entries().iter().find(|entry| entry.key.text == key).map(|entry| &entry.value)
    }

    fn empty(at: usize) -> Self {
        let content = Content::Scalar(Scalar { text: String::new(), style: ScalarStyle::Plain });
        Self { span: at..at, content }
    }
}

/// Reads the file; `None` when it is not YAML at all, which has then been reported.
pub(crate) fn parse(sheet: &Sheet<'_>) -> Option<Node> {
    let options = granit_parser::options! {
        flow_nesting_limit: NESTING_MAX,
        block_nesting_limit: NESTING_MAX,
        emit_unresolved_aliases: true,
        emit_anchor_events: true,
        disallow_directives: true,
        emit_comments: false
    };
    let mut tree =
        Tree { sheet, open: Vec::new(), root: None, nodes: 0, documents: 0, tagged_until: 0, template_at: None };
    for next in Parser::new_from_str_with_options(sheet.text, options) {
        match next {
            Ok((event, span)) => tree.take(event, span)?,
            Err(error) => {
                sheet.report(unreadable(sheet.text, &error));
                return None;
            }
        }
    }
    Some(tree.root.unwrap_or_else(|| Node::empty(0)))
}

struct Tree<'s, 'a> {
    sheet: &'s Sheet<'a>,
    open: Vec<Open>,
    root: Option<Node>,
    nodes: usize,
    documents: usize,
    /// The end of the line of the latest refused tag. What looks like an anchor before that belongs to the condition.
    tagged_until: usize,
    /// The offset of the latest unquoted `{{`. The mapping that YAML makes of it is a text.
    template_at: Option<usize>,
}

/// A list or mapping that has begun.
struct Open {
    start: usize,
    what: Unfinished,
}

enum Unfinished {
    List(Vec<Node>),
    Map { entries: Vec<Entry>, key: Option<Word>, seen: BTreeMap<String, Range<usize>> },
}

impl Tree<'_, '_> {
    fn take(&mut self, event: Event<'_>, span: Span) -> Option<()> {
        let place = bytes(&span);
        match event {
            Event::DocumentStart(..) => {
                self.documents += 1;
                if self.documents > 1 {
                    let message = "a file holds one document: `---` begins a second one";
                    let help = "put it into a file of its own";
                    self.sheet.report(Problem::error("yaml", place, message).help(help));
                    return None;
                }
            }
            Event::Scalar(text, style, _, tag) => {
                let (mut text, mut place) = (text.into_owned(), place);
                if place.is_empty() && style == ScalarStyle::Plain {
                    text.clear();
                }
                if tag.is_some() {
                    let whole = self.refuse_tag(&span, Some(place.end));
                    text = self.sheet.text.get(whole.clone()).unwrap_or_default().to_owned();
                    place = whole;
                }
                if matches!(style, ScalarStyle::SingleQuoted | ScalarStyle::DoubleQuoted)
                    && swallows_a_key(self.sheet.text.get(place.clone()).unwrap_or_default())
                {
                    self.sheet.report(unclosed_quote(self.sheet.text, place.start));
                    return None;
                }
                self.place(Node { span: place, content: Content::Scalar(Scalar { text, style }) })?;
            }
            Event::SequenceStart(_, _, tag) => {
                if tag.is_some() {
                    self.refuse_tag(&span, None);
                }
                self.open.push(Open { start: place.start, what: Unfinished::List(Vec::new()) });
            }
            Event::MappingStart(_, _, tag) => {
                if tag.is_some() {
                    self.refuse_tag(&span, None);
                }
                let what = Unfinished::Map { entries: Vec::new(), key: None, seen: BTreeMap::new() };
                self.open.push(Open { start: place.start, what });
            }
            Event::SequenceEnd | Event::MappingEnd => {
                let Open { start, what } = self.open.pop()?;
                let (content, last) = match what {
                    Unfinished::List(items) => {
                        let last = items.last().map(|item| item.span.end);
                        (Content::List(items), last)
                    }
                    Unfinished::Map { entries, .. } => {
                        let last = entries.last().map(|entry| entry.value.span.end);
                        (Content::Map(entries), last)
                    }
                };
                // A block ends where its last value ends, not at the next line that is less indented.
                let end = if place.is_empty() { last.unwrap_or(start) } else { place.end };
                let content = if self.template_at.take_if(|at| *at == start).is_some() {
                    let text = self.sheet.text.get(start..end).unwrap_or_default().to_owned();
                    Content::Scalar(Scalar { text, style: ScalarStyle::DoubleQuoted })
                } else {
                    content
                };
                self.place(Node { span: start..end.max(start), content })?;
            }
            Event::Anchor(..) if place.start < self.tagged_until => {}
            Event::Anchor(..) => {
                let message = "anchors (`&`) are not allowed: what a step does should stand in it";
                let help =
                    "remove it, and write out what refers to it; if `&` belongs to a text, put the text in quotes";
                let rest = &self.sheet.text[place.end..];
                let blanks = rest.len() - rest.trim_start_matches(' ').len();
                let without = (place.start..place.end + blanks, String::new());
                let names = rest[blanks..].starts_with(['{', '[', '\n']);
                let problem = Problem::error("yaml-anchor", place, message).help(help);
                self.sheet.report(problem.mend_by(Some(without).filter(|_| names)));
            }
            Event::Alias(_) | Event::UnresolvedAlias(_) => {
                let message = "aliases (`*`) are not allowed: what a step does should stand in it";
                let help = "write it out; if `*` belongs to a text, put the text in quotes";
                self.sheet.report(Problem::error("yaml-anchor", place.clone(), message).help(help));
                self.place(Node::empty(place.start))?;
            }
            _ => {}
        }
        Some(())
    }

    /// Puts a finished node where it belongs.
    fn place(&mut self, node: Node) -> Option<()> {
        self.nodes += 1;
        if self.nodes > NODES_MAX {
            let message = format!("the file has more than {NODES_MAX} keys and values: split it");
            self.sheet.report(Problem::error("too-large", node.span, message));
            return None;
        }
        match self.open.last_mut().map(|open| &mut open.what) {
            None => self.root = Some(node),
            Some(Unfinished::List(items)) => items.push(node),
            Some(Unfinished::Map { entries, key, seen }) => match key.take() {
                // This is the rest of a value that has already been reported.
                Some(key) if entries.last().is_some_and(|last| key.span.start < last.value.span.end) => {}
                Some(key) => {
                    if let Some(last) = entries.last_mut()
                        && let Some((problem, whole)) = flow::divided(self.sheet.text, last, &key, &node)
                    {
                        // Further on it counts as what its author meant.
                        let written = || self.sheet.text.get(whole.clone()).unwrap_or_default().to_owned();
                        let text = problem.replacement().map_or_else(written, |text| unquoted(text).to_owned());
                        self.sheet.report(problem);
                        let scalar = Scalar { text, style: ScalarStyle::Plain };
                        last.value = Node { span: whole, content: Content::Scalar(scalar) };
                        return Some(());
                    }
                    entries.push(Entry { key, value: node });
                }
                None => {
                    let braces =
                        matches!(node.content, Content::Map(_)) && self.sheet.text[..node.span.start].ends_with('{');
                    if braces {
                        self.template_at = node.span.start.checked_sub(1);
                    }
                    let word = Word { span: node.span.clone(), text: key_text(self.sheet, &node) };
                    if seen.insert(word.text.clone(), word.span.clone()).is_some() {
                        let message = format!("`{}` is written twice", word.text);
                        let problem = Problem::error("duplicate-key", word.span.clone(), message);
                        self.sheet.report(problem.help("YAML would keep only one of them: remove the other"));
                    }
                    *key = Some(word);
                }
            },
        }
        Some(())
    }

    /// Reports a tag. Returns the span of the whole value including the tag, which is what the author meant to write.
    fn refuse_tag(&mut self, span: &Span, value_end: Option<usize>) -> Range<usize> {
        let place = bytes(span);
        let tag = span.tag_span().map_or(place.clone(), |tag| bytes(&tag));
        let whole = tag.start..value_end.map_or(tag.end, |end| end.max(tag.end));
        let source = self.sheet.text;
        self.tagged_until = source[tag.start..].find('\n').map_or(source.len(), |newline| tag.start + newline);
        let name = source.get(tag.clone()).unwrap_or_default();
        let meant = source.get(whole.clone()).unwrap_or_default().trim_end();
        if value_end.is_some() && !meant.contains('\n') {
            self.sheet.report(unquoted_tag(tag.start, name, meant));
        } else {
            let problem =
                Problem::error("unquoted-tag", tag, format!("`{name}` is a YAML tag, and tags are not allowed"));
            self.sheet.report(problem.help("remove it; if it belongs to a text, put the text in quotes"));
        }
        whole
    }
}

/// `subject: {{ lead.company }}`: YAML takes the braces for a mapping. `at` is where they begin.
fn unquoted_template(source: &str, at: usize) -> Problem {
    let line = source[at..].lines().next().unwrap_or_default();
    // Within a flow mapping or list, the value ends with its braces.
    let before = source[..at].rsplit('\n').next().unwrap_or_default();
    let in_flow = before.matches(['{', '[']).count() > before.matches(['}', ']']).count();
    let end = match line.rfind("}}") {
        Some(_) if in_flow => flow::end_of_prose(source, flow::end_of_value(source, at)) - at,
        _ => line.find(" #").map_or(line, |comment| &line[..comment]).trim_end().len(),
    };
    let quoted = quoted(&line[..end]);
    Problem::error("yaml", at..at + end, "unquoted braces begin a YAML mapping, and a text is meant")
        .label("put this in quotes")
        .help(format!("write {quoted}"))
        .replace(quoted)
}

/// The quote that was opened on an earlier line and took everything up to here for its text.
fn swallowing_quote(text: &str, at: usize) -> Option<usize> {
    let mut open: Option<(char, usize)> = None;
    let mut longest = None;
    let mut line_start = 0;
    let mut blocks = Blocks::default();
    for line in text[..at.min(text.len())].split_inclusive('\n') {
        if blocks.skips(line, open.is_none()) {
            line_start += line.len();
            continue;
        }
        let (mut before, mut escapes) = (' ', false);
        for (column, c) in line.char_indices() {
            let here = line_start + column;
            match open {
                Some((quote, start)) if c == quote && (quote == '\'' || !escapes) => {
                    // Two single quotes within single quotes mean one.
                    if text[start..here].contains('\n') {
                        longest = Some(start);
                    }
                    open = None;
                }
                Some(_) => {}
                None if c == '#' && before.is_whitespace() => break,
                None if matches!(c, '"' | '\'') && begins_value(&text[..here]) => open = Some((c, here)),
                None => {}
            }
            escapes = c == '\\' && !escapes;
            before = c;
        }
        line_start += line.len();
    }
    open.map(|(_, start)| start).filter(|start| text[*start..at.min(text.len())].contains('\n')).or(longest)
}

/// The block texts (`|`, `>`) of a file that is read line by line.
#[derive(Default)]
struct Blocks {
    /// The indentation of the line that begins a block text. Lines that are indented further belong to that text.
    begun: Option<usize>,
}

impl Blocks {
    /// Whether a line is part of a block text. Otherwise a block text may begin after it.
    fn skips(&mut self, line: &str, may_begin: bool) -> bool {
        let indent = line.len() - line.trim_start_matches(' ').len();
        if self.begun.is_some_and(|begun| indent > begun || line.trim().is_empty()) {
            return true;
        }
        self.begun = (may_begin && begins_block(line)).then_some(indent);
        false
    }
}

/// Whether a block text begins after this line: `body: |`, `- >-`.
fn begins_block(line: &str) -> bool {
    let line = line.trim_end();
    let head = line.trim_end_matches(|c: char| c.is_ascii_digit() || matches!(c, '+' | '-'));
    let before = head.strip_suffix(['|', '>']).unwrap_or_default();
    before.ends_with(": ") || before.ends_with("- ")
}

/// Whether a quoted text spans several lines, one of which looks like a key of its own.
fn swallows_a_key(quoted: &str) -> bool {
    quoted.lines().skip(1).any(|line| {
        let line = line.trim_start().trim_start_matches("- ");
        let (key, rest) = line.split_once(':').unwrap_or_default();
        let name = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '_' | '-');
        !key.is_empty() && key.chars().all(name) && (rest.is_empty() || rest.starts_with(' '))
    })
}

/// Whether a quote after this text begins a value, rather than standing inside one.
fn begins_value(before: &str) -> bool {
    let line = before.rsplit('\n').next().unwrap_or_default();
    let trimmed = line.trim_end();
    let spaced = trimmed.len() < line.len();
    trimmed.is_empty() || (spaced && trimmed.ends_with([':', '-', ','])) || trimmed.ends_with(['[', '{', ','])
}

/// The problem of a quote that is not closed on its line.
fn unclosed_quote(text: &str, start: usize) -> Problem {
    let line = text[start..].lines().next().unwrap_or_default();
    let quote = line.chars().next().unwrap_or('"');
    Problem::error("yaml", start..start + line.len(), "a quote is opened here and not closed on its line")
        .label(format!("close it with `{quote}`"))
        .replace(format!("{}{quote}", line.trim_end()))
}

/// `if: !lead.opted_out`: YAML takes the first word for a tag and drops it.
fn unquoted_tag(start: usize, tag: &str, meant: &str) -> Problem {
    let quoted = quoted(meant);
    let message = format!("an unquoted `!` makes `{tag}` a YAML tag, and the condition would lose it");
    Problem::error("unquoted-tag", start..start + meant.len(), message)
        .label("put this in quotes")
        .help(format!("write {quoted}"))
        .replace(quoted)
}

fn key_text(sheet: &Sheet<'_>, node: &Node) -> String {
    match &node.content {
        Content::Scalar(scalar) => scalar.text.clone(),
        Content::Map(_) if sheet.text[..node.span.start].ends_with('{') => {
            sheet.report(unquoted_template(sheet.text, node.span.start - 1));
            String::new()
        }
        Content::List(_) | Content::Map(_) => {
            let problem = Problem::error("yaml", node.pointer(), "a key is a single word, not a list or mapping");
            sheet.report(problem.help("if the braces or brackets belong to a text, put it in quotes"));
            String::new()
        }
    }
}

/// `'Nobody hasn't called'`, `"Say "hello" to them"`: a quote within a text ends it. `at` is what follows. None for an expression,
/// where a text ends and an operator follows.
fn quote_within(text: &str, at: usize) -> Option<Problem> {
    let line = text[..at].rfind('\n').map_or(0, |newline| newline + 1);
    let written = text[line..].lines().next().unwrap_or_default();
    let end = line + written.find(" #").unwrap_or(written.len());
    let before = text[line..at].trim_end();
    let quote = before.chars().next_back().filter(|c| matches!(c, '"' | '\''))?;
    let word = text[at..].split(|c: char| !c.is_alphanumeric()).next().unwrap_or_default();
    let goes_on = if quote == '\'' { true } else { before.len() == at - line };
    if word.is_empty() || !goes_on || ["in", "and", "or", "is", "not"].contains(&word) {
        return None;
    }
    let begins = |start: &usize| begins_value(&text[..line + start]);
    let start = line + before[..before.len() - 1].match_indices(quote).map(|(start, _)| start).rfind(begins)?;
    // The quote that closes it is the first behind which the value can end.
    let ends = |close: &usize| {
        let rest = text[*close + 1..end].trim_start();
        rest.is_empty() || rest.starts_with([',', '}', ']'])
    };
    let close = text.get(at..end)?.match_indices(quote).map(|(close, _)| at + close).find(ends)?;
    let within = &text[start + 1..close];
    let plain = within.replace("''", "'");
    let (instead, how) = match (quote, within.contains(['"', '\\'])) {
        ('\'', false) => (format!("\"{plain}\""), "put double quotes around it"),
        ('\'', true) => (format!("'{}'", plain.replace('\'', "''")), "double the apostrophe"),
        _ if within.contains('\\') => return None,
        _ => (format!("'{}'", within.replace('\'', "''")), "put single quotes around it"),
    };
    let what = if quote == '\'' {
        "the apostrophe ends this text: it is a single quote too"
    } else {
        "a quote within this text ends it"
    };
    let problem = Problem::error("yaml", start..close + 1, what);
    Some(problem.label(how).help(format!("write {instead}")).replace(instead))
}

/// The text in YAML quotes, single ones where that needs no escape.
pub(crate) fn quoted(text: &str) -> String {
    match (text.contains('"'), text.contains('\'')) {
        (false, _) => format!("\"{text}\""),
        (true, false) => format!("'{text}'"),
        (true, true) => format!("'{}'", text.replace('\'', "''")),
    }
}

/// The same without the quotes that [`quoted`] has put around it.
fn unquoted(text: &str) -> &str {
    let inside = |quote: char| text.strip_prefix(quote)?.strip_suffix(quote);
    inside('"').or_else(|| inside('\'')).unwrap_or(text)
}

fn bytes(span: &Span) -> Range<usize> {
    let start = span.start.byte_offset().unwrap_or_default();
    start..span.end.byte_offset().unwrap_or_default().max(start)
}

/// The first tab in the indentation of a line, from the line at `from` on.
fn tab_indent(text: &str, from: usize) -> Option<usize> {
    let mut at = from;
    for line in text[from..].split_inclusive('\n') {
        let blanks = line.len() - line.trim_start_matches([' ', '\t']).len();
        if let Some(tab) = line[..blanks].find('\t') {
            return Some(at + tab);
        }
        at += line.len();
    }
    None
}

/// The parser's error in words that say what to do.
fn unreadable(text: &str, error: &ScanError) -> Problem {
    let at = error.marker().byte_offset().unwrap_or_default().min(text.len());
    let end = text.get(at..).and_then(|rest| rest.chars().next()).map_or(at, |c| at + c.len_utf8());
    let problem = |message: &str| Problem::error("yaml", at..end, message);
    let line = text[..at].rfind('\n').map_or(0, |newline| newline + 1);
    let whole_line = text[line..].lines().next().unwrap_or_default();
    let value = whole_line.split_once(": ").map_or("", |(_, value)| value).trim();
    let in_line = |part: &str| {
        let start = line + whole_line.find(part).unwrap_or_default();
        start..start + part.len()
    };
    if value.starts_with('!') {
        // `!(a || b)` is not a tag either, so the parser gave up.
        let tag = value.split_whitespace().next().unwrap_or_default();
        return unquoted_tag(line + whole_line.find(": !").map_or(0, |colon| colon + 2), tag, value);
    }
    if let Some(braces) = whole_line.find(": {{").or_else(|| whole_line.find(": {%")) {
        return unquoted_template(text, line + braces + 2);
    }
    if let Some(start) = swallowing_quote(text, at) {
        return unclosed_quote(text, start);
    }
    if let Some(trouble) = flow::trouble(text, at) {
        return trouble;
    }
    match error.kind() {
        ErrorKind::MappingValueNotAllowed if value.contains(": ") && line + whole_line.len() > at => {
            problem("a second `: ` on this line")
                .help(format!("if it belongs to the text, put the text in quotes: {}", quoted(value)))
                .mend(in_line(value), quoted(value))
        }
        ErrorKind::MappingValueNotAllowed | ErrorKind::InvalidColonPlacement => problem("a `:` does not belong here")
            .help(
                "if it belongs to a text, put the whole text in quotes; otherwise look at the indentation of this line \
                 and the one before, and for a missing `]` or `}`",
            ),
        ErrorKind::InvalidTrailingDoubleQuotedScalar | ErrorKind::InvalidTrailingSingleQuotedScalar => {
            if let Some(problem) = quote_within(text, at) {
                return problem;
            }
            let rest = whole_line.find(['"', '\'']).map_or(whole_line, |quote| &whole_line[quote..]).trim_end();
            let place = flow::value_around(text, at).unwrap_or_else(|| in_line(rest));
            let instead = format!("'{}'", text[place.clone()].replace('\'', "\""));
            problem("the value goes on after its closing quote")
                .help(format!("put all of it in quotes: {instead}"))
                .mend(place, instead)
        }
        ErrorKind::TabInBlockIndentation | ErrorKind::TabInIndentation | ErrorKind::TabInPlainScalar => {
            let tab = tab_indent(text, line).unwrap_or(at);
            // As many spaces as the previous line is indented by.
            let before = text[..tab].trim_end_matches('\n').rsplit('\n').next().unwrap_or_default();
            let blanks = before.len() - before.trim_start_matches([' ', '-']).len();
            let tabs = text[tab..].len() - text[tab..].trim_start_matches('\t').len();
            let problem = Problem::error("yaml", tab..tab + 1, "a tab cannot indent").help("use spaces");
            if text[..tab].ends_with('\n') { problem.mend(tab..tab + tabs, " ".repeat(blanks)) } else { problem }
        }
        ErrorKind::UnclosedQuotedScalar | ErrorKind::InvalidQuotedScalarIndent => {
            problem("a quote is opened and not closed").help("close it on the line where it began")
        }
        ErrorKind::UnclosedFlowCollection { open } => {
            problem(&format!("`{open}` is opened and not closed")).label("opened here")
        }
        ErrorKind::MismatchedFlowCollectionEnd { open, close } => {
            problem(&format!("`{open}` is closed by `{close}`")).help("look for a missing closing bracket before it")
        }
        ErrorKind::UnexpectedCharacter { character } => {
            problem(&format!("a value cannot begin with `{character}`")).help("put the value in quotes")
        }
        ErrorKind::RecursionLimitExceeded => {
            problem(&format!("lists and mappings are nested more than {NESTING_MAX} deep"))
        }
        ErrorKind::DirectiveDisallowed => problem("a line cannot begin with `%`"),
        other => {
            problem(&format!("this is no YAML: {other}")).help("look at the indentation and the quotes around here")
        }
    }
}
