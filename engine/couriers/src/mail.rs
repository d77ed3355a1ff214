//! A mail as it leaves: what it says -> bytes. Must not know: where it goes, and why.

use crate::markdown;
use cadenza_core::mailer::Mailbox;
use cadenza_core::time::{SECOND_MS, Timestamp};
use cadenza_runtime::plain;
use mail_builder::MessageBuilder;
use mail_builder::headers::address::Address;
use mail_builder::headers::content_type::ContentType;
use mail_builder::headers::date::Date;
use mail_builder::headers::message_id::MessageId;
use mail_builder::headers::raw::Raw;
use mail_builder::headers::text::Text;
use mail_builder::headers::url::URL;
use mail_builder::mime::MimePart;
use sha2::{Digest as _, Sha256};

/// Everything that a mail says.
pub(crate) struct Mail<'a> {
    /// The Message-ID, without its brackets.
    pub(crate) id: String,
    /// The ids of the earlier mails of its thread, the oldest first.
    pub(crate) follows: Vec<String>,
    pub(crate) from: &'a Mailbox,
    pub(crate) reply_to: Option<&'a Mailbox>,
    pub(crate) to: Mailbox,
    pub(crate) subject: &'a str,
    /// The text, in Markdown.
    pub(crate) text: &'a str,
    /// The sender's signature, in Markdown.
    pub(crate) signature: Option<&'a str>,
    /// Lines at the foot, in plain text.
    pub(crate) footer: Vec<&'a str>,
    pub(crate) date: Timestamp,
    /// The address that takes the reader off the list.
    pub(crate) unsubscribe: Option<&'a str>,
    /// Whether the mail answers to nobody, so that no machine answers to it (RFC 3834).
    pub(crate) is_automatic: bool,
}

impl Mail<'_> {
    /// The bytes. The same mail always has the same bytes.
    pub(crate) fn bytes(&self) -> Vec<u8> {
        let mut message = MessageBuilder::new()
            .header("From", address(self.from))
            .header("To", address(&self.to))
            .header("Subject", Text::new(plain::line(self.subject)))
            .header("Date", Date::new(self.date.as_ms() / SECOND_MS))
            .header("Message-ID", MessageId::new(self.id.as_str()));
        if let Some(mailbox) = self.reply_to {
            message = message.header("Reply-To", address(mailbox));
        }
        if let Some(last) = self.follows.last() {
            message = message.header("In-Reply-To", MessageId::new(last.as_str()));
            let all = MessageId::new_list(self.follows.iter().map(String::as_str));
            message = message.header("References", all);
        }
        if let Some(url) = self.unsubscribe {
            message = message.header("List-Unsubscribe", URL::new(url));
            message = message.header("List-Unsubscribe-Post", Raw::new("List-Unsubscribe=One-Click"));
        }
        if self.is_automatic {
            message = message.header("Auto-Submitted", Raw::new("auto-generated"));
        }
        let (plain, html) = (self.plain(), self.html());
        let boundary = boundary(&self.id, &plain, &html);
        let kind = ContentType::new("multipart/alternative").attribute("boundary", boundary);
        let part = |kind: &'static str, text: String| {
            MimePart::new(ContentType::new(kind).attribute("charset", "utf-8"), text)
        };
        let parts = vec![part("text/plain", plain), part("text/html", html)];
        let message = message.body(MimePart::new(kind, parts));
        message.write_to_vec().expect("a list of bytes takes any bytes")
    }

    fn plain(&self) -> String {
        let mut text = markdown::plain(self.text);
        if let Some(signature) = self.signature {
            // The mark by which readers tell a signature (RFC 3676).
            text.push_str("\n\n-- \n");
            text.push_str(&markdown::plain(signature));
        }
        if !self.footer.is_empty() {
            text.push_str("\n\n");
            text.push_str(&self.footer.join("\n"));
        }
        text.push('\n');
        text
    }

    fn html(&self) -> String {
        let mut body = markdown::html(self.text);
        if let Some(signature) = self.signature {
            body.push_str("<div>\n");
            body.push_str(&markdown::html(signature));
            body.push_str("</div>\n");
        }
        if !self.footer.is_empty() {
            let lines: Vec<String> = self.footer.iter().map(|line| linked(line)).collect();
            body.push_str("<p style=\"color:#666;font-size:small\">");
            body.push_str(&lines.join("<br>\n"));
            body.push_str("</p>\n");
        }
        format!("<!DOCTYPE html>\n<html>\n<head><meta charset=\"utf-8\"></head>\n<body>\n{body}</body>\n</html>\n")
    }
}

/// A line of the footer, where an address of the web is a link.
fn linked(line: &str) -> String {
    let escape =
        |text: &str| text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;");
    match line.find("https://").map(|at| line.split_at(at)) {
        Some((before, url)) => format!("{}<a href=\"{1}\">{1}</a>", escape(before), escape(url)),
        None => escape(line),
    }
}

fn address(mailbox: &Mailbox) -> Address<'static> {
    let name = mailbox.name.as_deref().map(plain::line).filter(|name| !name.is_empty());
    Address::new_address(name, plain::line(&mailbox.address))
}

/// A line that stands in none of the parts, since it is made of them.
fn boundary(id: &str, plain: &str, html: &str) -> String {
    let digest = Sha256::digest([id, plain, html].join("\0"));
    let hex: String = digest.iter().take(16).map(|byte| format!("{byte:02x}")).collect();
    format!("={hex}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::LazyLock;

    fn mailbox(name: &str, address: &str) -> Mailbox {
        Mailbox { name: Some(name.to_owned()).filter(|name| !name.is_empty()), address: address.to_owned() }
    }

    static ANA: LazyLock<Mailbox> = LazyLock::new(|| mailbox("Ana Müller", "ana@acme.example"));

    fn made<'a>(change: impl FnOnce(&mut Mail<'a>)) -> String {
        let mut mail = Mail {
            id: "1@acme.example".to_owned(),
            follows: Vec::new(),
            from: &ANA,
            reply_to: None,
            to: mailbox("", "ada@example.com"),
            subject: "Hello",
            text: "Hello Ada.",
            signature: None,
            footer: Vec::new(),
            date: Timestamp::from_ms(1_795_186_800_000),
            unsubscribe: None,
            is_automatic: false,
        };
        change(&mut mail);
        let bytes = mail.bytes();
        assert_eq!(bytes, mail.bytes(), "one mail is the same bytes every time");
        String::from_utf8(bytes).expect("what leaves is ASCII")
    }

    /// The value of a header, unfolded.
    fn header(mail: &str, name: &str) -> Vec<String> {
        let head = mail.split("\r\n\r\n").next().unwrap_or_default().replace("\r\n ", " ").replace("\r\n\t", " ");
        let lines = head.split("\r\n").filter_map(|line| line.split_once(": "));
        lines.filter(|(own, _)| *own == name).map(|(_, value)| value.to_owned()).collect()
    }

    #[test]
    fn the_headers_say_what_the_mail_is() {
        let plain = made(|_| ());
        for (name, value) in [
            ("To", "<ada@example.com>"),
            ("Subject", "Hello"),
            ("Date", "Fri, 20 Nov 2026 15:00:00 +0000"),
            ("Message-ID", "<1@acme.example>"),
        ] {
            assert_eq!(header(&plain, name), [value], "{plain}");
        }
        assert!(header(&plain, "From")[0].ends_with(" <ana@acme.example>"), "{plain}");
        for absent in
            ["Reply-To", "In-Reply-To", "References", "List-Unsubscribe", "List-Unsubscribe-Post", "Auto-Submitted"]
        {
            assert_eq!(header(&plain, absent), [""; 0], "{absent}");
        }
        let answers = mailbox("", "answers@acme.example");
        let whole = made(|mail| {
            mail.reply_to = Some(&answers);
            mail.follows = vec!["a@acme.example".to_owned(), "b@acme.example".to_owned()];
            mail.unsubscribe =
                Some("https://acme.example/u/0123456789012345678901234567890123456789012345678901234567890123456789");
            mail.is_automatic = true;
        });
        for (name, value) in [
            ("Reply-To", "<answers@acme.example>"),
            ("In-Reply-To", "<b@acme.example>"),
            ("References", "<a@acme.example> <b@acme.example>"),
            (
                "List-Unsubscribe",
                "<https://acme.example/u/0123456789012345678901234567890123456789012345678901234567890123456789>",
            ),
            ("List-Unsubscribe-Post", "List-Unsubscribe=One-Click"),
            ("Auto-Submitted", "auto-generated"),
        ] {
            assert_eq!(header(&whole, name).iter().map(|it| it.trim()).collect::<Vec<_>>(), [value], "{whole}");
        }
    }

    #[test]
    fn no_field_begins_another_header() {
        let evil = "x\r\nBcc: all@example.com\r\n\r\nbody\n\nX-Evil: 1\u{2028}Y: 2";
        let (sender, answers) = (mailbox(evil, "ana@acme.example"), mailbox(evil, "b@acme.example"));
        let mail = made(|mail| {
            mail.from = &sender;
            mail.reply_to = Some(&answers);
            mail.to = mailbox(evil, "ada@example.com");
            mail.subject = evil;
        });
        for name in ["Bcc", "X-Evil", "Y"] {
            assert_eq!(header(&mail, name), [""; 0], "{mail}");
        }
        let head = mail.split("\r\n\r\n").next().unwrap_or_default();
        assert!(head.contains("multipart/alternative"), "the head is whole: {mail}");
    }

    #[test]
    fn long_lines_are_folded_and_everything_is_ascii() {
        let long = "sehr ".repeat(400) + "übel " + &"x".repeat(3_000);
        let name = "Ä".repeat(200);
        let sender = mailbox(&name, "ana@acme.example");
        let mail = made(|mail| {
            mail.from = &sender;
            mail.subject = &long;
            mail.text = &long;
            mail.follows = (0..10).map(|n| format!("{n}{}@acme.example", "i".repeat(40))).collect();
        });
        assert!(mail.is_ascii());
        let longest = mail.split("\r\n").map(str::len).max();
        assert!(longest.is_some_and(|longest| longest <= 998), "{longest:?} characters in a line");
        assert!(!mail.replace("\r\n", "").contains(['\r', '\n']), "no line ends by half");
    }

    #[test]
    fn signature_and_footer_stand_below_the_text_in_both_forms() {
        let mail = made(|mail| {
            mail.signature = Some("**Ana**");
            mail.footer = vec!["Acme & Co, 1 Main Street", "Unsubscribe: https://acme.example/u?a=1&b=2"];
        });
        for part in [
            "Hello Ada.\r\n\r\n-- \r\nAna\r\n\r\nAcme & Co, 1 Main Street\r\nUnsubscribe: https://acme.example/u?a=1&b=2",
            "<strong>Ana</strong>",
            "Acme &amp; Co, 1 Main Street<br>",
        ] {
            let unfolded = mail.replace("=\r\n", "").replace("=3D", "=").replace("=20\r\n", " \r\n");
            assert!(unfolded.contains(part), "{part}: {mail}");
        }
    }
}
