//! The zones that a lead may be in, from its number and address.
//!
//! A number of North America says its zones by its area code, and any other by its country. A country with several zones
//! says all of them, unless the region says more. The table's first lines say where it is from.

use crate::country::Country;
use jiff::tz::TimeZone;
use std::collections::BTreeMap;
use std::sync::LazyLock;

const TABLE: &str = include_str!("whereabouts/table.txt");

/// A zone of the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Zone(u16);

impl Zone {
    /// The clock of the zone.
    pub fn clock(self) -> TimeZone {
        PLACES.zones[usize::from(self.0)].1.clone()
    }

    /// The IANA name of the zone.
    pub fn name(self) -> &'static str {
        PLACES.zones[usize::from(self.0)].0
    }
}

/// From what a zone is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// Country and region.
    Address,
    /// The country code or area code of the number.
    Number,
}

/// Where a lead may be.
#[derive(Clone, Copy, Debug)]
pub struct Whereabouts {
    number: &'static [Zone],
    address: &'static [Zone],
}

impl Whereabouts {
    /// What a number (E.164), a country and a region say of where a lead is.
    pub fn of(number: Option<&str>, country: Option<&str>, region: Option<&str>) -> Self {
        let country = country.and_then(Country::parse);
        Self {
            number: number.map_or(&[], of_number),
            address: country.map_or(&[], |country| of_address(country, region.unwrap_or_default())),
        }
    }

    /// The zone whose clock is used when one has to be chosen: the most populous one that number and address allow, or
    /// that of the address when they contradict each other.
    pub fn likeliest(&self) -> Option<(Zone, Origin)> {
        let both = self.address.iter().find(|zone| self.number.contains(zone));
        let address = both.or(self.address.first()).map(|zone| (*zone, Origin::Address));
        address.or_else(|| self.number.first().map(|zone| (*zone, Origin::Number)))
    }

    /// Every zone that number and address both allow; if they have none in common, every zone that either allows.
    pub fn possible(&self) -> impl Iterator<Item = Zone> + Clone {
        let (number, address) = (self.number, self.address);
        let agree = address.iter().any(|zone| number.contains(zone));
        let of_address = address.iter().filter(move |zone| !agree || number.contains(zone));
        let of_number = number.iter().filter(move |_| !agree);
        of_address.chain(of_number).copied()
    }
}

/// The zones of a number. A number that is not written with its country code has none.
fn of_number(number: &str) -> &'static [Zone] {
    let Some(digits) = number.trim_start().strip_prefix('+') else { return &[] };
    let code = |from: usize, to: usize| digits.get(from..to).and_then(|code| code.parse::<usize>().ok());
    let found = match code(0, 1) {
        Some(1) => code(1, 4).and_then(|area| PLACES.area_codes.get(area)),
        _ => (1..=3).find_map(|length| {
            let set = PLACES.country_codes.get(code(0, length)?)?;
            (!PLACES.sets[*set].is_empty()).then_some(set)
        }),
    };
    found.map_or(&[], |set| &PLACES.sets[*set])
}

fn of_address(country: Country, region: &str) -> &'static [Zone] {
    let region = region.trim();
    let set = PLACES.countries.get(&country);
    let regions = set.filter(|_| !region.is_empty()).and_then(|_| PLACES.regions.get(&country));
    let named = regions.into_iter().flatten().find(|(code, name, _)| {
        // The code may stand behind the country's, as in `US-CA`.
        let short =
            region.get(..3).filter(|of| of.get(..2) == Some(country.code())).map_or(region, |of| &region[of.len()..]);
        short.eq_ignore_ascii_case(code) || region.eq_ignore_ascii_case(name)
    });
    named.map(|(_, _, set)| set).or(set).map_or(&[], |set| &PLACES.sets[*set])
}

/// The table, with each set of zones by its place in a list. The first set is empty.
struct Places {
    zones: Vec<(&'static str, TimeZone)>,
    sets: Vec<Vec<Zone>>,
    area_codes: Vec<usize>,
    country_codes: Vec<usize>,
    countries: BTreeMap<Country, usize>,
    /// The regions of a country: code, name, set.
    regions: BTreeMap<Country, Vec<(&'static str, String, usize)>>,
}

static PLACES: LazyLock<Places> = LazyLock::new(|| {
    let mut places = Places {
        zones: Vec::new(),
        sets: vec![Vec::new()],
        area_codes: vec![0; 1000],
        country_codes: vec![0; 1000],
        countries: BTreeMap::new(),
        regions: BTreeMap::new(),
    };
    for (zones, wheres) in super::rows(TABLE) {
        let zones = zones.split(' ').filter_map(|name| places.zone(name)).collect();
        places.sets.push(zones);
        wheres.split(' ').for_each(|place| places.add(place));
    }
    places
});

impl Places {
    /// The zone of this name; `None` if the program's time zones lack it.
    fn zone(&mut self, name: &'static str) -> Option<Zone> {
        let at = self.zones.iter().position(|(known, _)| *known == name);
        let at = match at {
            Some(at) => at,
            None => {
                self.zones.push((name, TimeZone::get(name).ok()?));
                self.zones.len() - 1
            }
        };
        u16::try_from(at).ok().map(Zone)
    }

    /// Notes that a place has the last set of zones.
    fn add(&mut self, place: &'static str) {
        let set = self.sets.len() - 1;
        let code = |text: &str| text.parse::<usize>().ok().filter(|code| *code < 1000);
        if let Some(number) = place.strip_prefix('+') {
            let (codes, digits) = match number.strip_prefix('1').filter(|area| area.len() == 3) {
                Some(area) => (&mut self.area_codes, area),
                None => (&mut self.country_codes, number),
            };
            if let Some(code) = code(digits) {
                codes[code] = set;
            }
        } else if let Some((region, name)) = place.split_once('=')
            && let Some((country, code)) = region.split_once('-')
            && let Some(country) = Country::of_code(country)
        {
            let name = name.replace('_', " ");
            self.regions.entry(country).or_default().push((code, name, set));
        } else if let Some(country) = Country::of_code(place) {
            self.countries.insert(country, set);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn number_and_address_say_the_zones_in_which_a_lead_may_be() {
        let (new_york, chicago, denver, pacific) =
            ("America/New_York", "America/Chicago", "America/Denver", "America/Los_Angeles");
        let cases: &[(&str, &str, &str, &[&str], &str)] = &[
            ("+12125550100", "", "", &[new_york], "an area code of New York"),
            ("+14155550100;ext=12", "", "", &[pacific], "one of California, with an extension"),
            ("+16155550100", "", "", &[chicago], "one of Tennessee"),
            ("+12085550100", "", "", &[denver, pacific], "Idaho has two zones"),
            ("+18005550100", "", "", &[], "a number that is free of charge says nothing"),
            ("+14165550100", "", "", &["America/Toronto"], "Canada has the same country code"),
            ("+18765550100", "", "", &["America/Jamaica"], "and so has Jamaica"),
            ("+4930123456", "", "", &["Europe/Berlin"], "a country with one zone"),
            ("+353123456", "", "", &["Europe/Dublin"], "a country code of three digits"),
            ("+351210000000", "", "", &["Europe/Lisbon", "Atlantic/Azores"], "a country with several"),
            ("+999123", "", "", &[], "a country code that there is not"),
            ("+", "", "", &[], "no number"),
            ("030123456", "", "", &[], "a number without its country"),
            ("", "DE", "", &["Europe/Berlin"], "a country alone"),
            ("", "Germany", "Bayern", &["Europe/Berlin"], "in words"),
            ("", "US", "CA", &[pacific], "a region"),
            ("", "USA", "california", &[pacific], "in words"),
            ("", "US", "US-TX", &[chicago, denver], "a region with two zones"),
            ("", "AU", "NSW", &["Australia/Sydney", "Australia/Broken_Hill"], "the most populous first"),
            ("", "AU", "QLD", &["Australia/Brisbane"], "no summer time there"),
            ("", "FR", "CA", &["Europe/Paris"], "a region that the country does not have"),
            ("", "", "CA", &[], "a region without its country"),
            ("", "Atlantis", "", &[], "no country"),
            ("+12125550100", "US", "", &[new_york], "the number says more than the country"),
            ("+18005550100", "US", "TX", &[chicago, denver], "or less"),
            ("+12085550100", "US", "ID", &[denver, pacific], "both say the same"),
            ("+12125550100", "US", "CA", &[pacific, new_york], "a number that was taken along: either may be true"),
            ("+4930123456", "PT", "", &["Europe/Lisbon", "Atlantic/Azores", "Europe/Berlin"], "from abroad"),
        ];
        for (number, country, region, expected, why) in cases {
            let given = |text: &'static str| Some(text).filter(|text| !text.is_empty());
            let at = Whereabouts::of(given(number), given(country), given(region));
            let possible: Vec<&str> = at.possible().map(Zone::name).collect();
            assert_eq!(possible, *expected, "{number} {country} {region}: {why}");
            let likeliest = at.likeliest().map(|(zone, _)| zone.name());
            assert_eq!(likeliest, expected.first().copied(), "{number} {country} {region}: {why}");
        }
    }

    #[test]
    fn the_table_reads_whole() {
        for (zones, wheres) in super::super::rows(TABLE) {
            for zone in zones.split(' ') {
                assert!(super::super::place(zone).is_ok(), "`{zone}` is no place");
            }
            for place in wheres.split(' ') {
                let known = match place.strip_prefix('+') {
                    Some(digits) => !of_number(&format!("+{digits}5550100")).is_empty(),
                    None => Country::of_code(&place[..2]).is_some_and(|country| {
                        !of_address(country, place.split_once('=').map_or("", |(code, _)| &code[3..])).is_empty()
                    }),
                };
                assert!(known, "`{place}` is not found");
            }
        }
    }
}
