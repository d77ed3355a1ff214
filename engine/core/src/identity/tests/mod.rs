//! Checks the rules against tables of what people, forms and exports write.

use super::*;

/// The lines of a table, each split at `separator`. In a table, `\u{…}` stands for an invisible character.
fn rows<'a>(table: &'a str, separator: &'a str) -> impl Iterator<Item = (String, &'a str)> {
    table.lines().filter(|line| !line.is_empty() && !line.starts_with("# ")).map(move |line| {
        let (given, expected) = line.rsplit_once(separator).unwrap_or_else(|| panic!("`{line}` has no `{separator}`"));
        (unescaped(given), expected.trim())
    })
}

fn unescaped(text: &str) -> String {
    let mut parts = text.split("\\u{");
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |done, part| {
        let (code, rest) = part.split_once('}').expect("`\\u{…}` is closed");
        let code = u32::from_str_radix(code, 16).ok().and_then(char::from_u32).expect("a character");
        format!("{done}{code}{rest}")
    })
}

fn shown(result: Option<String>) -> String {
    result.unwrap_or_else(|| "-".to_owned())
}

/// Passes every row of a table to `read`, and reports all wrong rows together.
fn check(table: &str, separator: &str, least: usize, read: impl Fn(&str) -> Option<String>) {
    let rows: Vec<_> = rows(table, separator).collect();
    assert!(rows.len() >= least, "{} rows are fewer than {least}", rows.len());
    let wrong: Vec<String> = rows
        .into_iter()
        .map(|(given, expected)| (shown(read(&given)), given, expected))
        .filter(|(found, _, expected)| found != expected)
        .map(|(found, given, expected)| format!("`{given}` is `{found}`, and should be `{expected}`"))
        .collect();
    assert!(wrong.is_empty(), "{} rows are wrong:\n{}", wrong.len(), wrong.join("\n"));
}

#[test]
fn addresses() {
    check(include_str!("addresses.txt"), " => ", 60, email);
}

#[test]
fn domains() {
    check(include_str!("domains.txt"), " => ", 60, |text| {
        let domain = domain(text)?;
        Some(if is_free_mail(&domain) { format!("{domain} (free)") } else { domain })
    });
}

#[test]
fn numbers() {
    check(include_str!("numbers.txt"), " => ", 100, |text| {
        let (country, text) = text.split_once(' ').expect("a country and a number");
        phone(text, Country::of_code(country))
    });
}

#[test]
fn what_is_kept_reads_as_itself() {
    let tables = [include_str!("addresses.txt"), include_str!("numbers.txt")];
    for (_, kept) in tables.into_iter().flat_map(|table| rows(table, " => ")).filter(|(_, kept)| *kept != "-") {
        let again = if kept.contains('@') { email(kept) } else { phone(kept, None) };
        assert_eq!(again.as_deref(), Some(kept), "what was kept once must stay the same");
    }
}

#[test]
fn any_text_is_read_and_what_is_kept_reads_as_itself() {
    use proptest::prelude::*;
    proptest!(|(text in r#"(\PC|[-+0-9@.<>();=x/ ]){0,60}"#)| {
        if let Some(kept) = email(&text) {
            prop_assert_eq!(email(&kept), Some(kept));
        }
        if let Some(kept) = phone(&text, Country::of_code("DE")) {
            prop_assert_eq!(phone(&kept, Country::of_code("DE")), Some(kept));
        }
        if let Some(kept) = domain(&text) {
            prop_assert_eq!(domain(&kept), Some(kept));
        }
    });
}

#[test]
fn the_list_of_free_mail_can_be_used() {
    let list = include_str!("../free_mail.txt").lines().filter(|line| !line.starts_with('#'));
    for domain in list {
        assert_eq!(domain::host(domain).as_deref(), Some(domain), "it is written as domains are looked up");
    }
}

#[test]
fn ids_that_are_none_join_nobody() {
    for (text, expected) in [
        ("4711", Some("4711")),
        (" 0047 ", Some("0047")),
        ("A-0", Some("A-0")),
        ("none-7", Some("none-7")),
        ("nadia", Some("nadia")),
        ("-7", Some("-7")),
        ("0-0-0", Some("0-0-0")),
        ("0.0", Some("0.0")),
        ("N/A", None),
        ("n.a.", None),
        ("#N/A", None),
        ("na", None),
        ("NULL", None),
        ("null", None),
        ("(null)", None),
        ("nil", None),
        ("undefined", None),
        ("None", None),
        ("NaN", None),
        ("unknown", None),
        ("Unbekannt", None),
        ("(blank)", None),
        ("0", None),
        ("00000", None),
        ("-1", None),
        ("-", None),
        ("--", None),
        ("?", None),
        ("…", None),
        ("00000000-0000-0000-0000-000000000000", None),
        ("\u{200B}", None),
    ] {
        assert_eq!(external_id(text).as_deref(), expected, "`{text}`");
    }
}

#[test]
fn one_persons_keys_and_those_of_several() {
    for (kind, text, personal) in [
        (IdentityKind::Email, "ada@acme.example", true),
        (IdentityKind::Email, "ada.lovelace@acme.example", true),
        (IdentityKind::Email, "a.lovelace@gmail.com", true),
        (IdentityKind::Email, "maria.sales@acme.example", true),
        (IdentityKind::Email, "info@acme.example", false),
        (IdentityKind::Email, "Info@acme.example", false),
        (IdentityKind::Email, "info2@acme.example", false),
        (IdentityKind::Email, "info.berlin@acme.example", false),
        (IdentityKind::Email, "sales-eu@acme.example", false),
        (IdentityKind::Email, "customer.service@acme.example", false),
        (IdentityKind::Email, "kontakt@acme.example", false),
        (IdentityKind::Email, "007@acme.example", false),
        (IdentityKind::Phone, "+49 170 1234567", true),
        (IdentityKind::Phone, "+44 7911 123456", true),
        (IdentityKind::Phone, "+49 30 1234567", false),
        (IdentityKind::Phone, "+49 30 1234567 DW 7", true),
        (IdentityKind::Phone, "+1 212 555 0100", false),
        (IdentityKind::Phone, "+1 800 555 0100", false),
        (IdentityKind::External, "7", false),
    ] {
        let key = IdentityKey::of(kind, text, None).unwrap_or_else(|| panic!("`{text}` is a key"));
        assert_eq!(key.is_personal(), personal, "{text}");
    }
}
