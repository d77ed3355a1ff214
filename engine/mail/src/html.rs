//! The text of an HTML body. What it quotes is marked with `>` as in plain text, so that one rule cuts both.

use mail_parser::decoders::html::add_html_token;

/// Tags that begin a new line.
const BLOCKS: [&str; 14] =
    ["br", "p", "div", "tr", "li", "ul", "ol", "table", "h1", "h2", "h3", "hr", "blockquote", "pre"];
/// Tags whose content nobody reads.
const HIDDEN: [&str; 5] = ["head", "style", "script", "title", "template"];
/// The longest entity, such as `&CounterClockwiseContourIntegral;`.
const ENTITY_BYTES_MAX: usize = 40;

/// Turns HTML into text, one line for each block.
pub(crate) fn to_text(html: &str) -> String {
    let mut out = Text { quoted: 0, at_start: true, space: false, text: String::with_capacity(html.len() / 2) };
    let mut rest = html;
    // Elements whose end is not there, so that nobody looks for it again and again.
    let mut endless: Vec<String> = Vec::new();
    while let Some(at) = rest.find(['<', '&']) {
        out.add(&rest[..at]);
        rest = &rest[at..];
        if rest.starts_with('&') {
            rest = entity(rest, &mut out);
        } else if let Some(after) = rest.strip_prefix("<!--") {
            rest = after.split_once("-->").map_or("", |(_, after)| after);
        } else {
            let Some(end) = rest.find('>') else { break };
            let (tag, after) = (&rest[1..end], &rest[end + 1..]);
            let (closes, tag) = tag.strip_prefix('/').map_or((false, tag), |tag| (true, tag));
            let name = tag.split(|c: char| !c.is_ascii_alphanumeric()).next().unwrap_or_default().to_ascii_lowercase();
            rest = after;
            if HIDDEN.contains(&&*name) && !closes && !tag.ends_with('/') {
                if !endless.contains(&name) {
                    match behind(after, &name) {
                        Some(behind) => rest = behind,
                        None => endless.push(name),
                    }
                }
            } else if BLOCKS.contains(&&*name) {
                out.line();
                if name == "blockquote" {
                    out.quoted = if closes { out.quoted.saturating_sub(1) } else { out.quoted + 1 };
                }
                if name == "hr" {
                    out.add("________________________________");
                    out.line();
                }
            }
        }
    }
    if !rest.starts_with('<') {
        out.add(rest);
    }
    out.text
}

/// What follows the end of an element. A head that is never closed would hide the whole message.
fn behind<'a>(html: &'a str, name: &str) -> Option<&'a str> {
    let mut rest = html;
    while let Some(at) = rest.find("</") {
        rest = &rest[at + 2..];
        if rest.get(..name.len()).is_some_and(|found| found.eq_ignore_ascii_case(name)) {
            return Some(rest.find('>').map_or("", |end| &rest[end + 1..]));
        }
    }
    None
}

fn entity<'a>(rest: &'a str, out: &mut Text) -> &'a str {
    let end = rest.bytes().take(ENTITY_BYTES_MAX).position(|byte| byte == b';');
    match end.filter(|end| rest[1..*end].bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'#')) {
        Some(end) => {
            let mut known = String::new();
            add_html_token(&mut known, &rest.as_bytes()[..=end], false);
            out.add(&known.replace('\u{A0}', " "));
            &rest[end + 1..]
        }
        None => {
            out.add("&");
            &rest[1..]
        }
    }
}

struct Text {
    /// How deep in quotations.
    quoted: usize,
    at_start: bool,
    space: bool,
    text: String,
}

impl Text {
    fn add(&mut self, text: &str) {
        for c in text.chars() {
            if c.is_whitespace() {
                self.space = true;
                continue;
            }
            if self.at_start {
                self.text.push_str(if self.quoted > 0 { "> " } else { "" });
            } else if self.space {
                self.text.push(' ');
            }
            (self.at_start, self.space) = (false, false);
            self.text.push(c);
        }
    }

    /// Ends the line. The end of one that is empty counts too: an empty line separates paragraphs.
    fn line(&mut self) {
        if !self.text.ends_with("\n\n") {
            self.text.push('\n');
        }
        (self.at_start, self.space) = (true, false);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn html_is_read_as_lines() {
        for (html, text) in [
            ("a<br>b", "a\nb"),
            ("<p>a  b\n c</p><p>d</p>", "\na b c\n\nd\n"),
            ("a &amp; b&nbsp;&lt;c&gt; &nosuch; & d", "a & b <c> &nosuch; & d"),
            ("<head><title>x</title></head>a<!-- b -->c", "ac"),
            ("<style>p > a {}</style>a", "a"),
            ("<head>a", "a"),
            ("a<blockquote>b<br>c</blockquote>d", "a\n> b\n> c\nd"),
            ("a <b", "a"),
            ("a & b; c", "a & b; c"),
            ("&#65;&#x42;&#xFFFFFFFF;", "AB\u{FFFD}"),
        ] {
            let read = to_text(html);
            let plain = |text: &str| text.replace("&#xFFFFFFFF;", "\u{FFFD}");
            assert_eq!(plain(&read), text, "{html}");
        }
    }
}
