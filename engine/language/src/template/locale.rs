//! The reader of a template: the zone, the language and the country, and how dates, times, numbers and money are
//! written there. Names and signs come from the C library's locales. The order of a date is a small table of our own,
//! because those locales only have dates in digits, and 03/04 is in March for one reader and in April for another.

use cadenza_core::time::Timestamp;
use jiff::tz::TimeZone;
use jiff::{Zoned, civil};
use pure_rust_locales::{Locale, locale_match};

/// A reader of rendered texts.
#[derive(Clone, Debug)]
pub struct Reader {
    zone: TimeZone,
    /// The zone of plain dates: midnight there means a day without a time of day.
    home: TimeZone,
    locale: Locale,
}

/// The home country of a language, for when the reader's country has no locale for it.
const HOMES: &[(&str, &str)] = &[
    ("ar", "EG"),
    ("bs", "BA"),
    ("ca", "ES"),
    ("cs", "CZ"),
    ("da", "DK"),
    ("el", "GR"),
    ("en", "GB"),
    ("et", "EE"),
    ("eu", "ES"),
    ("fa", "IR"),
    ("ga", "IE"),
    ("gl", "ES"),
    ("he", "IL"),
    ("hi", "IN"),
    ("hy", "AM"),
    ("ja", "JP"),
    ("ka", "GE"),
    ("kk", "KZ"),
    ("ko", "KR"),
    ("ms", "MY"),
    ("nb", "NO"),
    ("nn", "NO"),
    ("sl", "SI"),
    ("sq", "AL"),
    ("sr", "RS"),
    ("sv", "SE"),
    ("uk", "UA"),
    ("ur", "PK"),
    ("vi", "VN"),
    ("zh", "CN"),
];
/// Signs of currencies. For other currencies the code is written.
const SIGNS: &[(&str, &str)] =
    &[("EUR", "€"), ("GBP", "£"), ("INR", "₹"), ("JPY", "¥"), ("KRW", "₩"), ("PLN", "zł"), ("UAH", "₴"), ("USD", "$")];
/// Currencies without a smaller unit.
const WHOLE: &[&str] = &["CLP", "ISK", "JPY", "KRW", "PYG", "UGX", "VND", "XAF", "XOF", "XPF"];

impl Reader {
    /// A reader on the clocks of `zone`. The language is a code such as `de` or `pt-BR`, the country one such as `AT`.
    /// If the language is not known, texts are in English with the country's conventions.
    pub fn new(zone: TimeZone, language: Option<&str>, country: Option<&str>) -> Self {
        Self { home: zone.clone(), zone, locale: locale(language, country) }
    }

    /// The same reader, when plain dates are stored as midnight in `home`: the day stays that day wherever the reader is.
    #[must_use]
    pub fn at_home_in(self, home: TimeZone) -> Self {
        Self { home, ..self }
    }

    fn zoned(&self, at: Timestamp) -> Zoned {
        at.to_jiff().to_zoned(self.zone.clone())
    }

    /// The day, if this is a day without a time: midnight in the zone of plain dates.
    fn plain_day(&self, at: Timestamp) -> Option<Zoned> {
        let there = at.to_jiff().to_zoned(self.home.clone());
        (there.time() == jiff::civil::Time::midnight()).then_some(there)
    }

    fn day(&self, at: Timestamp) -> Zoned {
        self.plain_day(at).unwrap_or_else(|| self.zoned(at))
    }

    /// `2026-03-08T09:30:00+01:00`.
    pub(super) fn iso(&self, at: Timestamp) -> String {
        self.zoned(at).strftime("%Y-%m-%dT%H:%M:%S%:z").to_string()
    }

    /// How a time prints by itself: the date, and the time of day unless it is midnight, as for a date.
    pub(super) fn time_in_words(&self, at: Timestamp) -> String {
        let midnight = self.zoned(at).time() == jiff::civil::Time::midnight();
        if midnight || self.plain_day(at).is_some() { self.date(at) } else { self.date_and_time(at) }
    }

    /// `8 March 2026`, `March 8, 2026`, `8. März 2026`.
    pub(super) fn date(&self, at: Timestamp) -> String {
        self.date_of(self.day(at).date())
    }

    /// A day in the form of [`Self::date`].
    pub(super) fn date_of(&self, date: civil::Date) -> String {
        let names = locale_match!(self.locale => LC_TIME::MON);
        let month = usize::try_from(date.month()).ok().and_then(|month| names.get(month - 1)).copied().unwrap_or("");
        let (year, day) = (date.year(), date.day());
        match self.language() {
            "ja" | "zh" => format!("{year}年{}月{day}日", date.month()),
            "ko" => format!("{year}년 {}월 {day}일", date.month()),
            "hu" => format!("{year}. {month} {day}."),
            "bs" | "cs" | "da" | "de" | "et" | "fi" | "hr" | "is" | "nb" | "nn" | "sk" | "sl" | "sr" => {
                format!("{day}. {month} {year}")
            }
            "es" | "gl" | "pt" => format!("{day} de {month} de {year}"),
            "en" if locale_match!(self.locale => LC_TIME::D_FMT).starts_with("%m") => format!("{month} {day}, {year}"),
            _ => format!("{day} {month} {year}"),
        }
    }

    /// `09:30`, or `9:30 AM` where that is usual.
    pub(super) fn time_of_day(&self, at: Timestamp) -> String {
        let twelve = locale_match!(self.locale => LC_TIME::T_FMT).contains("%I") && self.language() == "en";
        self.zoned(at).strftime(if twelve { "%-I:%M %p" } else { "%H:%M" }).to_string()
    }

    /// Date and time of day.
    pub(super) fn date_and_time(&self, at: Timestamp) -> String {
        format!("{}, {}", self.date_of(self.zoned(at).date()), self.time_of_day(at))
    }

    /// The day of the week.
    pub(super) fn weekday(&self, at: Timestamp) -> &'static str {
        self.weekday_of(self.day(at).date())
    }

    pub(super) fn weekday_of(&self, date: civil::Date) -> &'static str {
        let names: &'static [&'static str] = locale_match!(self.locale => LC_TIME::DAY);
        let day = usize::try_from(date.weekday().to_sunday_zero_offset()).unwrap_or_default();
        names.get(day).copied().unwrap_or_default()
    }

    fn language(&self) -> &'static str {
        locale_match!(self.locale => LC_ADDRESS::LANG_AB).unwrap_or("en")
    }

    /// A number with the reader's separators. It has as many decimal places as requested, or else as many as it has itself.
    pub(super) fn number(&self, number: f64, places: Option<usize>) -> String {
        let marks = Marks {
            point: locale_match!(self.locale => LC_NUMERIC::DECIMAL_POINT),
            thousands: locale_match!(self.locale => LC_NUMERIC::THOUSANDS_SEP),
            grouping: locale_match!(self.locale => LC_NUMERIC::GROUPING),
        };
        marks.write(number, places)
    }

    /// An amount of money, in whole units if it is whole: `€50,000`, `1.234,50 €`.
    pub(super) fn money(&self, amount: f64, currency: &str) -> String {
        let marks = Marks {
            point: locale_match!(self.locale => LC_MONETARY::MON_DECIMAL_POINT),
            thousands: locale_match!(self.locale => LC_MONETARY::MON_THOUSANDS_SEP),
            grouping: locale_match!(self.locale => LC_MONETARY::MON_GROUPING),
        };
        let cents = (amount * 100.0).round() % 100.0 != 0.0 && !WHOLE.contains(&currency);
        let number = marks.write(amount.abs(), Some(if cents { 2 } else { 0 }));
        let sign = SIGNS.iter().find(|(code, _)| *code == currency).map_or(currency, |(_, sign)| sign);
        let first = locale_match!(self.locale => LC_MONETARY::P_CS_PRECEDES) == 1;
        // A code is set apart, unlike a sign: nobody writes CHF50.
        let apart = locale_match!(self.locale => LC_MONETARY::P_SEP_BY_SPACE) != 0 || sign == currency;
        let space = if apart { "\u{a0}" } else { "" };
        let minus = if amount < 0.0 { "-" } else { "" };
        if first { format!("{minus}{sign}{space}{number}") } else { format!("{minus}{number}{space}{sign}") }
    }
}

/// The separators of digits.
struct Marks {
    point: &'static str,
    thousands: &'static str,
    grouping: &'static [i64],
}

impl Marks {
    fn write(&self, number: f64, places: Option<usize>) -> String {
        let plain = match places {
            Some(places) => format!("{:.places$}", number.abs()),
            None => number.abs().to_string(),
        };
        let (whole, fraction) = plain.split_once('.').unwrap_or((&plain, ""));
        let mut groups = Vec::new();
        let (mut rest, mut sizes) = (whole, self.grouping.iter());
        let mut size = 0;
        while !self.thousands.is_empty() {
            size = sizes.next().and_then(|size| usize::try_from(*size).ok()).unwrap_or(size);
            if size == 0 || rest.len() <= size {
                break;
            }
            let (before, group) = rest.split_at(rest.len() - size);
            groups.push(group);
            rest = before;
        }
        groups.push(rest);
        groups.reverse();
        let mut text = groups.join(self.thousands);
        if !fraction.is_empty() {
            text.push_str(if self.point.is_empty() { "." } else { self.point });
            text.push_str(fraction);
        }
        let zero = text.bytes().all(|digit| !digit.is_ascii_digit() || digit == b'0');
        if number < 0.0 && !zero { format!("-{text}") } else { text }
    }
}

fn locale(language: Option<&str>, country: Option<&str>) -> Locale {
    let mut parts = language.unwrap_or_default().split(['-', '_']);
    let mut code = parts.next().unwrap_or_default().trim().to_ascii_lowercase();
    if code == "no" {
        code = "nb".to_owned();
    }
    let own = parts.next_back().filter(|part| part.len() == 2).map(str::to_ascii_uppercase);
    let country = country.map(|country| country.trim().to_ascii_uppercase()).filter(|country| country.len() == 2);
    let named = |code: &str, country: &str| Locale::try_from(format!("{code}_{country}").as_str()).ok();
    let at_home = |code: &str| {
        let home = HOMES.iter().find(|(language, _)| *language == code).map(|(_, home)| *home);
        named(code, home.unwrap_or(&code.to_ascii_uppercase()))
    };
    let places = || own.iter().chain(&country);
    let found = places().find_map(|place| named(&code, place)).or_else(|| at_home(&code));
    let english = || country.as_ref().and_then(|place| named("en", place));
    found.or_else(english).unwrap_or(Locale::en_GB)
}
