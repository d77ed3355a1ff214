//! Checks the tables of names against the meaning that each name should have.

use super::*;

/// Names that a workspace may write, and the form in which they are stored.
#[test]
fn places_are_known_in_any_case() {
    let cases = [
        ("Europe/Berlin", "Europe/Berlin"),
        ("europe/berlin", "Europe/Berlin"),
        ("AMERICA/NEW_YORK", "America/New_York"),
        ("America/Argentina/buenos_aires", "America/Argentina/Buenos_Aires"),
        ("US/Eastern", "US/Eastern"),
        ("us/pacific", "US/Pacific"),
        ("Asia/Calcutta", "Asia/Calcutta"),
        ("Asia/Kolkata", "Asia/Kolkata"),
        ("Japan", "Japan"),
        ("Eire", "Eire"),
        ("NZ", "NZ"),
        ("Arctic/Longyearbyen", "Arctic/Longyearbyen"),
        ("UTC", "UTC"),
        ("utc", "UTC"),
        ("Zulu", "UTC"),
        ("Etc/UTC", "UTC"),
        ("Etc/Universal", "UTC"),
    ];
    for (name, expected) in cases {
        let zone = place(name).unwrap_or_else(|error| panic!("`{name}` is a place: {error}"));
        assert_eq!(zone.iana_name(), Some(expected), "how `{name}` is kept");
    }
}

/// Names that are not places, and the first place that is offered instead.
#[test]
fn what_is_no_place_is_refused_with_the_right_one() {
    let cases = [
        ("EST", Some("America/New_York")),
        ("est", Some("America/New_York")),
        ("MST", Some("America/Denver")),
        ("HST", Some("Pacific/Honolulu")),
        ("EST5EDT", Some("America/New_York")),
        ("CST6CDT", Some("America/Chicago")),
        ("MST7MDT", Some("America/Denver")),
        ("PST8PDT", Some("America/Los_Angeles")),
        ("CET", Some("Europe/Berlin")),
        ("MET", Some("Europe/Berlin")),
        ("EET", Some("Europe/Athens")),
        ("WET", Some("Europe/Lisbon")),
        ("GMT", Some("UTC")),
        ("GMT0", Some("Europe/London")),
        ("Greenwich", Some("Europe/London")),
        ("Etc/GMT", Some("Europe/London")),
        ("GMT+5", Some("Asia/Karachi")),
        ("Etc/GMT-3", Some("Europe/Istanbul")),
        ("Etc/GMT+5", Some("America/New_York")),
        ("+02:00", Some("Europe/Athens")),
        ("-0500", Some("America/New_York")),
        ("UTC+5:30", Some("Asia/Kolkata")),
        ("UTC\u{2212}8", Some("America/Los_Angeles")),
        ("PST", Some("America/Los_Angeles")),
        ("CEST", Some("Europe/Berlin")),
        ("BST", Some("Europe/London")),
        ("CST", Some("America/Chicago")),
        ("IST", Some("Asia/Kolkata")),
        ("Eastern Standard Time", Some("America/New_York")),
        ("(UTC+01:00) Amsterdam, Berlin, Bern, Rome, Stockholm, Vienna", Some("Europe/Berlin")),
        ("Berlin", Some("Europe/Berlin")),
        ("America/New York", Some("America/New_York")),
        ("Local", None),
        ("localtime", None),
        ("Factory", None),
        ("Etc/Unknown", None),
        ("", None),
        (" ", None),
        ("+25:00", None),
        ("Mars/Base", None),
        ("posix/Europe/Berlin", None),
    ];
    for (name, expected) in cases {
        let Err(error) = place(name) else { panic!("`{name}` must be refused") };
        assert_eq!(error.meant().first().map(String::as_str), expected, "what is offered for `{name}`: {error}");
    }
}

/// What leads and CRMs write: the text, the lead's country, and the zone, or the beginning of the reason why there is none.
#[test]
fn leads_zones_are_understood_or_said_to_be_none() {
    let cases = [
        ("America/New_York", "", "America/New_York"),
        (" europe/berlin ", "", "Europe/Berlin"),
        ("America/New York", "", "America/New_York"),
        ("america_slash_new_york", "", "America/New_York"),
        ("us_slash_eastern", "", "US/Eastern"),
        ("UTC", "", "UTC"),
        // Windows ids, and the names that Windows shows in summer.
        ("Pacific Standard Time", "", "America/Los_Angeles"),
        ("pacific standard time", "", "America/Los_Angeles"),
        ("Pacific Daylight Time", "", "America/Los_Angeles"),
        ("Pacific Standard Time (Mexico)", "", "America/Tijuana"),
        ("W. Europe Standard Time", "", "Europe/Berlin"),
        ("W. Europe Daylight Time", "", "Europe/Berlin"),
        ("GMT Standard Time", "", "Europe/London"),
        ("Greenwich Standard Time", "", "Atlantic/Reykjavik"),
        ("India Standard Time", "", "Asia/Kolkata"),
        ("China Standard Time", "", "Asia/Shanghai"),
        ("US Mountain Standard Time", "", "America/Phoenix"),
        ("Alberta Standard Time", "", "America/Edmonton"),
        ("Russia TZ 2 Standard Time", "", "Europe/Moscow"),
        ("FLE Standard Time", "", "Europe/Kyiv"),
        // Texts from selection lists.
        ("(UTC-05:00) Eastern Time (US & Canada)", "", "America/New_York"),
        ("(GMT-05:00) Eastern Time (US and Canada)", "", "America/New_York"),
        ("(GMT-04:00) Eastern Daylight Time (America/New_York)", "", "America/New_York"),
        ("(GMT-05:00) Eastern Time - New York", "", "America/New_York"),
        ("Eastern Time - US & Canada", "", "America/New_York"),
        ("Eastern Time (US & Canada) (GMT-5)", "", "America/New_York"),
        ("GMT -05:00 Eastern Time", "", "America/New_York"),
        ("[UTC+1] Central European Time", "", "Europe/Warsaw"),
        ("(UTC+00:00) Dublin, Edinburgh, Lisbon, London", "", "Europe/London"),
        ("(UTC) Dublin, Edinburgh, Lisbon, London", "", "Europe/London"),
        ("(UTC) Coordinated Universal Time", "", "UTC"),
        ("(GMT+05:30) Chennai, Kolkata, Mumbai, New Delhi", "", "Asia/Kolkata"),
        ("(UTC-04:30) Caracas", "", "America/Caracas"),
        ("(UTC+02:00) Helsinki, Kyiv, Riga, Sofia, Tallinn, Vilnius", "", "Europe/Kyiv"),
        ("(GMT-07:00) Arizona", "", "America/Phoenix"),
        ("(GMT-03:00) Brasilia", "", "America/Sao_Paulo"),
        ("Mumbai", "", "Asia/Kolkata"),
        ("New York", "", "America/New_York"),
        ("Paris, Madrid", "", "Europe/Paris"),
        ("Eastern", "", "America/New_York"),
        ("Eastern Time", "", "America/New_York"),
        ("British Summer Time", "", "Europe/London"),
        ("Australian Eastern Daylight Time", "", "Australia/Sydney"),
        ("Australian Eastern Standard Time", "", "Australia/Sydney"),
        ("Japan Standard Time", "", "Asia/Tokyo"),
        // Abbreviations, some of which a country decides.
        ("PST", "", "America/Los_Angeles"),
        ("pdt", "", "America/Los_Angeles"),
        ("PT", "", "America/Los_Angeles"),
        ("PST8PDT", "", "America/Los_Angeles"),
        ("EST", "", "America/New_York"),
        ("EST", "PA", "America/Panama"),
        ("EST", "au", "Australia/Sydney"),
        ("CET", "", "Europe/Berlin"),
        ("BST", "", "Europe/London"),
        ("JST", "", "Asia/Tokyo"),
        ("EST (UTC-5)", "", "America/New_York"),
        ("CST", "US", "America/Chicago"),
        ("CST", "CN", "Asia/Shanghai"),
        ("IST", "IN", "Asia/Kolkata"),
        ("IST", "IE", "Europe/Dublin"),
        ("GMT", "GB", "Europe/London"),
        ("Central Standard Time (CST)", "", "America/Chicago"),
        // Texts whose meaning cannot be determined.
        ("CST", "", "`CST` means several"),
        ("CST", "DE", "`CST` means several"),
        ("IST", "", "`IST` means several"),
        ("AST", "", "`AST` means several"),
        ("GMT", "", "`GMT` means several"),
        ("Casablanca, Monrovia", "", "`Casablanca, Monrovia` means several"),
        ("+02:00", "", "`+02:00` is not"),
        ("GMT+5", "", "`GMT+5` is not"),
        ("Etc/GMT-3", "", "`Etc/GMT-3` is not"),
        ("UTC-11", "", "`UTC-11` is not"),
        ("(UTC-05:00) Asia/Tokyo", "", "`(UTC-05:00) Asia/Tokyo` contradicts"),
        ("(GMT+09:00) Eastern Time (US & Canada)", "", "`(GMT+09:00) Eastern"),
        ("London, Ontario", "", "there is no"),
        ("International Date Line West", "", "there is no"),
        ("Mars/Base", "", "there is no"),
        ("Samoa/Apia", "", "there is no"),
        ("unknown", "", "there is no"),
        ("", "", "there is no"),
        ("5", "", "there is no"),
        ("\u{202e}(", "", "there is no"),
    ];
    for (text, country, expected) in cases {
        let country = Some(country).filter(|country| !country.is_empty());
        match of_lead(text, country) {
            Ok(zone) => assert_eq!(zone, expected, "reading `{text}`"),
            Err(error) => assert!(error.to_string().starts_with(expected), "reading `{text}`: {error}"),
        }
    }
}

#[test]
fn tables_name_places_and_no_name_means_two() {
    let mut meant = BTreeMap::new();
    for (place, names) in rows(WINDOWS).chain(rows(SPOKEN)) {
        assert!(iana(place).is_some(), "`{place}` in the tables is no IANA place");
        for name in names.split('|').map(folded) {
            let known = *meant.entry(name.clone()).or_insert(place);
            assert_eq!(known, place, "`{name}` means two places");
            assert!(!NAMES.abbreviations.contains_key(&name), "`{name}` is an abbreviation, too");
        }
    }
    for (name, columns) in rows(ABBREVIATIONS) {
        let Abbreviation { usual, by_country } = Abbreviation::read(columns);
        assert!(usual.is_some() || by_country.len() > 1, "`{name}` means nothing");
        for place in usual.into_iter().chain(by_country.iter().map(|(_, place)| *place)) {
            assert!(iana(place).is_some(), "`{place}` of `{name}` is no IANA place");
        }
        assert!(by_country.iter().all(|(code, _)| code.len() == 2), "`{name}` has a code that is no country's");
    }
}

#[test]
fn a_long_text_is_no_zone_and_is_not_repeated_whole() {
    let long = "x".repeat(100_000);
    for error in [place(&long).err(), of_lead(&long, None).err()] {
        assert!(error.is_some_and(|error| error.to_string().len() < 200));
    }
}
