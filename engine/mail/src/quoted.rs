//! What somebody wrote, without what they quote and without their signature.

use crate::text;

/// Lines above a quotation that name the message it is from, which clients put there in one language.
const SEPARATORS: [&str; 16] = [
    "original message",
    "original appointment",
    "forwarded message",
    "ursprüngliche nachricht",
    "originalnachricht",
    "original-nachricht",
    "weitergeleitete nachricht",
    "message d'origine",
    "message original",
    "message transféré",
    "message transmis",
    "mensaje original",
    "mensaje reenviado",
    "messaggio originale",
    "oorspronkelijk bericht",
    "mensagem original",
];
/// How a line ends that says who wrote the quotation below it.
const WROTE: [&str; 16] = [
    "wrote:",
    "writes:",
    "schrieb:",
    "geschrieben:",
    "a écrit :",
    "a écrit:",
    "escribió:",
    "escribio:",
    "ha scritto:",
    "schreef:",
    "skrev:",
    "napisał:",
    "escreveu:",
    "kirjoitti:",
    "написал:",
    "写道：",
];
/// How such a line begins, where its verb is not at its end.
const ON: [&str; 8] = ["on ", "am ", "le ", "el ", "il ", "op ", "em ", "den "];
/// The first line of a quoted head.
const FROM: [&str; 8] = ["from", "von", "de", "da", "van", "expéditeur", "remitente", "absender"];
/// Other lines of a quoted head.
const FIELDS: [&str; 30] = [
    "from",
    "sent",
    "date",
    "to",
    "cc",
    "subject",
    "von",
    "gesendet",
    "datum",
    "an",
    "betreff",
    "de",
    "envoyé",
    "à",
    "objet",
    "cc",
    "enviado",
    "enviado el",
    "fecha",
    "para",
    "asunto",
    "da",
    "inviato",
    "data",
    "a",
    "oggetto",
    "van",
    "verzonden",
    "aan",
    "onderwerp",
];
/// Lines that telephones add.
const DEVICES: [&str; 17] = [
    "sent from my ",
    "sent from mail for",
    "sent from outlook",
    "sent from yahoo",
    "sent from proton",
    "sent via ",
    "get outlook for",
    "von meinem ",
    "gesendet von meinem",
    "gesendet von mail",
    "gesendet von outlook",
    "diese nachricht wurde von meinem",
    "envoyé de mon",
    "envoyé depuis mon",
    "enviado desde mi",
    "enviado desde outlook",
    "inviato da ",
];
/// How many lines a sentence about who wrote may take, and a quoted head.
const LINES_MAX: usize = 6;

/// Cuts what is quoted, and the signature.
pub(crate) fn cut(text: &str) -> String {
    let text = text::visible(text);
    let lines: Vec<&str> = text.lines().map(str::trim_end).collect();
    let mut kept: Vec<&str> = Vec::new();
    let mut has_words = false;
    let mut at = 0;
    while at < lines.len() {
        let line = lines[at];
        if is_signature(line) {
            // What follows a quotation below the signature is not part of it either.
            match lines[at..].iter().position(|line| is_quoted(line)) {
                Some(quoted) if !has_words => at += quoted,
                _ => break,
            }
        } else if is_quoted(line) {
            at += 1;
        } else if is_separator(line) || begins_head(&lines[at..]) {
            break;
        } else if let Some(length) = attribution(&lines[at..]) {
            let below = lines[at + length..].iter().find(|line| !line.trim().is_empty());
            if below.is_none_or(|line| !is_quoted(line)) {
                // Without marks, everything below it is quoted.
                break;
            }
            at += length;
        } else {
            if !is_of_device(line) {
                kept.push(line);
                has_words |= !line.trim().is_empty();
            }
            at += 1;
        }
    }
    joined(&kept)
}

fn is_quoted(line: &str) -> bool {
    let line = line.trim_start();
    line.starts_with('>') || line.starts_with("|>")
}

/// The line that begins a signature (RFC 3676), whose space many clients lose.
fn is_signature(line: &str) -> bool {
    line == "--" || line == "-- "
}

fn is_of_device(line: &str) -> bool {
    let lower = line.trim().to_lowercase();
    lower.len() <= 100 && DEVICES.iter().any(|device| lower.starts_with(device))
}

fn is_separator(line: &str) -> bool {
    let line = line.trim();
    let rule = |c: char| matches!(c, '-' | '_' | '=' | '*' | ' ');
    let words = line.trim_matches(rule).to_lowercase().replace('\u{2019}', "'");
    let ruled = line.starts_with("--") || line.starts_with("__") || line.starts_with("==");
    ruled && SEPARATORS.iter().any(|separator| words.starts_with(separator))
        || words == "begin forwarded message:"
        || words == "anfang der weitergeleiteten nachricht:"
        || line.len() >= 20 && line.chars().all(|c| c == '_')
}

/// The name of a field of a quoted head, as in `*From:* Ada`.
fn field(line: &str) -> Option<String> {
    let line = line.trim().trim_start_matches('*').trim_start();
    let (name, rest) = line.split_once(':')?;
    (rest.starts_with(['*', ' ', '\t']) || rest.is_empty()).then(|| name.trim_end_matches('*').trim().to_lowercase())
}

/// Whether a quoted head begins here: `From: …` with more of its kind below.
fn begins_head(lines: &[&str]) -> bool {
    let first = lines.first().and_then(|line| field(line));
    if !first.is_some_and(|name| FROM.contains(&&*name)) {
        return false;
    }
    let below = lines[1..].iter().filter(|line| !line.trim().is_empty()).take(LINES_MAX);
    below.filter(|line| field(line).is_some_and(|name| FIELDS.contains(&&*name))).count() >= 2
}

/// How many lines say who wrote the quotation below: `On Mon, 30 Nov 2026, Ada wrote:`.
fn attribution(lines: &[&str]) -> Option<usize> {
    let mut whole = String::new();
    for (n, line) in lines.iter().take(4).enumerate() {
        let line = line.trim();
        if line.is_empty() {
            return None;
        }
        whole.push_str(line);
        whole.push(' ');
        let lower = whole.trim_end().to_lowercase().replace('\u{202F}', " ");
        if lower.len() > 500 {
            return None;
        }
        let says_who = WROTE.iter().any(|wrote| lower.ends_with(wrote));
        // German puts the name behind the verb: `Am 30.11.26 um 10:00 schrieb Ada Lovelace:`.
        let begins = ON.iter().any(|on| lower.starts_with(on));
        let verb_inside =
            begins && lower.ends_with(':') && [" schrieb ", " schreef "].iter().any(|verb| lower.contains(verb));
        let has_digit = lower.bytes().any(|byte| byte.is_ascii_digit());
        let names = lower.contains('@') || has_digit || lower.contains('<');
        if (says_who || verb_inside) && (begins && has_digit || names && n == 0 || lower.contains('@')) {
            return Some(n + 1);
        }
        if !begins && n == 0 && !lower.contains('@') && !has_digit {
            return None;
        }
    }
    None
}

/// The lines without empty ones at both ends, and at most one of them in a row.
fn joined(lines: &[&str]) -> String {
    let mut text = String::new();
    for line in lines {
        if line.trim().is_empty() {
            if !text.is_empty() && !text.ends_with("\n\n") {
                text.push('\n');
            }
            continue;
        }
        text.push_str(line);
        text.push('\n');
    }
    text.trim().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_quoted_is_cut() {
        for (text, said) in [
            ("Yes.\n\nOn Mon, 30 Nov 2026 at 10:00, Bo <bo@us.example> wrote:\n> hello\n> there\n", "Yes."),
            ("On Mon, 30 Nov 2026 at 10:00, Bo <bo@us.example>\nwrote:\n> hello\n\nYes.\n", "Yes."),
            ("Am 30.11.26 um 10:00 schrieb Bo:\n> hallo\nGern.\n> und?\nMontag.", "Gern.\nMontag."),
            ("Yes.\n-- \nAda\nAcme", "Yes."),
            ("Yes.\n\nSent from my iPhone\n\n> On 30 Nov 2026, at 10:00, Bo wrote:\n> hello", "Yes."),
            ("Yes.\n\n-----Original Message-----\nFrom: Bo\nSent: Monday\nhello", "Yes."),
            ("Yes.\n________________________________\nVon: Bo\nGesendet: Montag\nhello", "Yes."),
            ("Yes.\n\n*From:* Bo\n*Sent:* Monday\n*To:* Ada\n*Subject:* Hello\n\nhello", "Yes."),
            ("Oui.\n\nLe lun. 30 nov. 2026 à 10:00, Bo <bo@us.example> a écrit :\n\nbonjour", "Oui."),
            ("From: the start I liked it.\nYes.", "From: the start I liked it.\nYes."),
            ("I asked and she wrote:\nfine", "I asked and she wrote:\nfine"),
            ("On Monday works.", "On Monday works."),
            ("> only\n> quoted", ""),
            ("", ""),
        ] {
            assert_eq!(cut(text), said, "{text}");
        }
    }
}
