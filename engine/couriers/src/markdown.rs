//! The two forms of a text that is written in Markdown: HTML, and plain text. A line break is a line break, as in a
//! mail. HTML in the text is shown as it is written, and links lead to web pages, mail addresses and telephones alone.

use pulldown_cmark::{CowStr, Event, LinkType, Options, Parser, Tag, TagEnd, html};
use std::fmt::Write as _;

/// Where links may lead.
const SCHEMES: [&str; 4] = ["https:", "http:", "mailto:", "tel:"];

fn may_lead_to(address: &str) -> bool {
    let lower = address.trim().to_ascii_lowercase();
    SCHEMES.iter().any(|scheme| lower.starts_with(scheme))
}

fn events(text: &str) -> impl Iterator<Item = Event<'_>> {
    let mut dropped = Vec::new();
    Parser::new_ext(text, Options::ENABLE_STRIKETHROUGH).filter_map(move |event| match event {
        Event::Html(html) | Event::InlineHtml(html) => Some(Event::Text(html)),
        Event::Start(Tag::HtmlBlock) => Some(Event::Start(Tag::Paragraph)),
        Event::End(TagEnd::HtmlBlock) => Some(Event::End(TagEnd::Paragraph)),
        Event::SoftBreak => Some(Event::HardBreak),
        Event::Start(Tag::Link { dest_url, link_type, .. })
            if !may_lead_to(&dest_url) && link_type != LinkType::Email =>
        {
            dropped.push(true);
            None
        }
        // An image is loaded from wherever a lead's own data may point to. Its words are enough.
        Event::Start(Tag::Image { .. }) => None,
        Event::End(TagEnd::Image) => None,
        Event::Start(Tag::Link { .. }) => {
            dropped.push(false);
            Some(event)
        }
        Event::End(TagEnd::Link) => (!dropped.pop().unwrap_or_default()).then_some(event),
        other => Some(other),
    })
}

/// The text as HTML.
pub(crate) fn html(text: &str) -> String {
    let mut out = String::new();
    html::push_html(&mut out, events(text));
    out
}

/// The text as people write it without marks: links with their addresses, lists with dashes.
pub(crate) fn plain(text: &str) -> String {
    let mut plain = Plain::default();
    events(text).for_each(|event| plain.take(event));
    plain.out.trim().to_owned()
}

#[derive(Default)]
struct Plain<'a> {
    out: String,
    /// The next number of each list around the place; `None` for one with dashes.
    lists: Vec<Option<u64>>,
    /// The links around the place: where each leads, and where its words begin.
    links: Vec<(CowStr<'a>, usize)>,
    quotes: usize,
    /// Whether the line is over, should another follow in the same block.
    breaks: bool,
}

impl<'a> Plain<'a> {
    fn take(&mut self, event: Event<'a>) {
        match event {
            Event::Text(text) | Event::Code(text) => self.words(&text),
            Event::HardBreak | Event::SoftBreak => self.line(),
            Event::Rule => {
                self.block();
                self.out.push_str("---");
            }
            // The first paragraph of an item stands beside its mark.
            Event::Start(Tag::Paragraph | Tag::Heading { .. } | Tag::CodeBlock(_))
                if self.lists.is_empty() || !self.out.ends_with(' ') =>
            {
                self.block();
            }
            Event::Start(Tag::BlockQuote(_)) => {
                self.block();
                self.quotes += 1;
            }
            Event::End(TagEnd::BlockQuote(_)) => self.quotes -= 1,
            Event::Start(Tag::List(first)) => {
                if self.lists.is_empty() {
                    self.block();
                }
                self.lists.push(first);
            }
            Event::End(TagEnd::List(_)) => drop(self.lists.pop()),
            Event::Start(Tag::Item) => self.item(),
            Event::Start(Tag::Link { dest_url, .. }) => self.links.push((dest_url, self.out.len())),
            Event::End(TagEnd::Link) => {
                let Some((address, from)) = self.links.pop() else { return };
                let address = address.strip_prefix("mailto:").unwrap_or(&address);
                if self.out.get(from..) != Some(address) {
                    let _ = write!(self.out, " <{address}>");
                }
            }
            _ => {}
        }
    }

    fn words(&mut self, text: &str) {
        if std::mem::take(&mut self.breaks) {
            self.line();
        }
        let whole = text.strip_suffix('\n');
        for (n, line) in whole.unwrap_or(text).split('\n').enumerate() {
            if n > 0 {
                self.line();
            }
            self.out.push_str(line);
        }
        self.breaks = whole.is_some();
    }

    fn line(&mut self) {
        self.out.push('\n');
        self.out.push_str(&"> ".repeat(self.quotes));
        self.out.push_str(&"  ".repeat(self.lists.len()));
    }

    /// What follows stands apart from what was before.
    fn block(&mut self) {
        self.breaks = false;
        if !self.out.is_empty() {
            self.out.push_str("\n\n");
        }
        self.out.push_str(&"> ".repeat(self.quotes));
        self.out.push_str(&"  ".repeat(self.lists.len()));
    }

    fn item(&mut self) {
        self.breaks = false;
        let depth = self.lists.len().saturating_sub(1);
        if !self.out.is_empty() && !self.out.ends_with('\n') {
            self.out.push('\n');
        }
        self.out.push_str(&"  ".repeat(depth));
        match self.lists.last_mut() {
            Some(Some(number)) => {
                let _ = write!(self.out, "{number}. ");
                *number += 1;
            }
            _ => self.out.push_str("- "),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_text_has_two_forms() {
        for (text, as_html, as_plain) in [
            ("Hello Ada,\nhow are you?", "<p>Hello Ada,<br />\nhow are you?</p>\n", "Hello Ada,\nhow are you?"),
            ("One.\n\nTwo.", "<p>One.</p>\n<p>Two.</p>\n", "One.\n\nTwo."),
            ("**Ana**, *Acme*", "<p><strong>Ana</strong>, <em>Acme</em></p>\n", "Ana, Acme"),
            (
                "See [our prices](https://acme.example/p?a=1&b=2).",
                "<p>See <a href=\"https://acme.example/p?a=1&amp;b=2\">our prices</a>.</p>\n",
                "See our prices <https://acme.example/p?a=1&b=2>.",
            ),
            (
                "<https://acme.example>",
                "<p><a href=\"https://acme.example\">https://acme.example</a></p>\n",
                "https://acme.example",
            ),
            ("- a\n- b\n\nEnd.", "<ul>\n<li>a</li>\n<li>b</li>\n</ul>\n<p>End.</p>\n", "- a\n- b\n\nEnd."),
            ("    a\n    b\n\nEnd.", "<pre><code>a\nb\n</code></pre>\n<p>End.</p>\n", "a\nb\n\nEnd."),
            ("1. a\n2. b", "<ol>\n<li>a</li>\n<li>b</li>\n</ol>\n", "1. a\n2. b"),
            ("1 < 2 & 3", "<p>1 &lt; 2 &amp; 3</p>\n", "1 < 2 & 3"),
            ("One.\n\n<b>Two</b>", "<p>One.</p>\n<p>&lt;b&gt;Two&lt;/b&gt;</p>\n", "One.\n\n<b>Two</b>"),
            (
                "<div>\nOne.\n</div>\n\nTwo.",
                "<p>&lt;div&gt;\nOne.\n&lt;/div&gt;\n</p>\n<p>Two.</p>\n",
                "<div>\nOne.\n</div>\n\nTwo.",
            ),
            ("", "", ""),
        ] {
            assert_eq!(html(text), as_html, "{text:?}");
            assert_eq!(plain(text), as_plain, "{text:?}");
        }
    }

    #[test]
    fn nothing_runs_or_is_loaded() {
        for text in [
            "<script>alert(1)</script>",
            "a <b onclick=\"x()\">b</b>",
            "[x](javascript:alert(1))",
            "[x](JavaScript:alert(1))",
            "[x](data:text/html,<script>)",
            "![x](https://evil.example/pixel.gif)",
            "<img src=x onerror=y>",
            "[a ![x](https://evil.example) b](vbscript:x)",
        ] {
            let made = html(text);
            for sign in ["<script", "<b ", "<img", "href", "src=\""] {
                assert!(!made.contains(sign), "{text:?} becomes {made:?}");
            }
        }
    }
}
