"""Makes table.txt: the zones that telephone numbers, countries and some regions lie in.

    pip install phonenumbers==9.0.43 tzdata && python3 make.py > table.txt
"""

import datetime
import pathlib
import zoneinfo

import phonenumbers
from phonenumbers.geodata import GEOCODE_DATA
from phonenumbers.tzdata import TIMEZONE_DATA

# The most populous zone of each country that has several (by hand).
MAIN = dict(pair.split("=") for pair in """
AU=Australia/Sydney BR=America/Sao_Paulo CA=America/Toronto CD=Africa/Kinshasa CL=America/Santiago CN=Asia/Shanghai
CY=Asia/Nicosia EC=America/Guayaquil ES=Europe/Madrid FM=Pacific/Pohnpei GL=America/Nuuk ID=Asia/Jakarta KI=Pacific/Tarawa
KZ=Asia/Almaty MN=Asia/Ulaanbaatar MX=America/Mexico_City NZ=Pacific/Auckland PF=Pacific/Tahiti PG=Pacific/Port_Moresby
PS=Asia/Hebron PT=Europe/Lisbon RU=Europe/Moscow UA=Europe/Kyiv US=America/New_York AR=America/Argentina/Buenos_Aires
DE=Europe/Berlin MY=Asia/Kuala_Lumpur UZ=Asia/Tashkent VN=Asia/Ho_Chi_Minh MH=Pacific/Majuro CH=Europe/Zurich""".split())
# Zones in which hardly anybody lives who has a telephone, or that only one side of a border counts as its own.
LEFT_OUT = {"Asia/Urumqi", "Antarctica/Macquarie", "Australia/Eucla", "Europe/Simferopol", "Australia/Lord_Howe",
            "America/Metlakatla", "Asia/Famagusta", "Pacific/Easter", "America/Danmarkshavn", "Indian/Christmas",
            "Indian/Cocos", "Australia/LHI", "Chile/EasterIsland", "Asia/Kashgar", "Pacific/Chatham", "NZ-CHAT",
            "America/Blanc-Sablon", "America/Atikokan", "America/Coral_Harbour", "America/Resolute", "America/Cambridge_Bay",
            "America/Creston", "America/Scoresbysund", "America/Thule", "America/Adak", "America/Atka", "US/Aleutian"}
# The same for regions and area codes, where it is not the country's (by hand).
MAIN |= dict(pair.split("=") for pair in """
CA-NL=America/St_Johns 1709=America/St_Johns 1250=America/Vancouver CA-BC=America/Vancouver US-OR=America/Los_Angeles
US-NV=America/Los_Angeles 1541=America/Los_Angeles 1775=America/Los_Angeles US-AZ=America/Phoenix 1928=America/Phoenix
US-TN=America/Chicago 1850=America/Chicago 1219=America/Chicago 1270=America/Chicago 1986=America/Denver
1879=America/St_Johns""".split())
# Regions that numbers do not tell apart (by hand, from the comments of zone.tab).
BY_HAND = {
    "AU-ACT": ("Australian Capital Territory", "Australia/Sydney"),
    "AU-NSW": ("New South Wales", "Australia/Sydney Australia/Broken_Hill"),
    "AU-NT": ("Northern Territory", "Australia/Darwin"),
    "AU-QLD": ("Queensland", "Australia/Brisbane"),
    "AU-SA": ("South Australia", "Australia/Adelaide"),
    "AU-TAS": ("Tasmania", "Australia/Hobart"),
    "AU-VIC": ("Victoria", "Australia/Melbourne"),
    "AU-WA": ("Western Australia", "Australia/Perth"),
    "ES-CN": ("Canarias", "Atlantic/Canary"),
    "CA-NT": ("Northwest Territories", "America/Edmonton"),
    "CA-NU": ("Nunavut", "America/Toronto America/Winnipeg America/Edmonton"),
    "CA-YT": ("Yukon", "America/Dawson_Creek"),
}
STATES = dict(line.split("=") for line in """AL=Alabama;AK=Alaska;AZ=Arizona;AR=Arkansas;CA=California;CO=Colorado;
CT=Connecticut;DE=Delaware;DC=District of Columbia;FL=Florida;GA=Georgia;HI=Hawaii;ID=Idaho;IL=Illinois;IN=Indiana;IA=Iowa;
KS=Kansas;KY=Kentucky;LA=Louisiana;ME=Maine;MD=Maryland;MA=Massachusetts;MI=Michigan;MN=Minnesota;MS=Mississippi;
MO=Missouri;MT=Montana;NE=Nebraska;NV=Nevada;NH=New Hampshire;NJ=New Jersey;NM=New Mexico;NY=New York;NC=North Carolina;
ND=North Dakota;OH=Ohio;OK=Oklahoma;OR=Oregon;PA=Pennsylvania;RI=Rhode Island;SC=South Carolina;SD=South Dakota;
TN=Tennessee;TX=Texas;UT=Utah;VT=Vermont;VA=Virginia;WA=Washington;WV=West Virginia;WI=Wisconsin;WY=Wyoming"""
    .replace("\n", "").split(";"))
PROVINCES = dict(line.split("=") for line in """AB=Alberta;BC=British Columbia;MB=Manitoba;NB=New Brunswick;
NL=Newfoundland and Labrador;NS=Nova Scotia;NT=Northwest Territories;NU=Nunavut;ON=Ontario;PE=Prince Edward Island;
QC=Quebec;SK=Saskatchewan;YT=Yukon""".replace("\n", "").split(";"))

NOON = [datetime.datetime(2024, 1, 1, 12, tzinfo=datetime.UTC) + datetime.timedelta(days=n) for n in range(12 * 365)]
_clocks = {}


def clock(zone):
    """What tells the clocks of zones apart, 2024 to 2035."""
    if zone not in _clocks:
        known = zoneinfo.ZoneInfo(zone)
        _clocks[zone] = hash(tuple(at.astimezone(known).utcoffset() for at in NOON))
    return _clocks[zone]


def places(zones, *of):
    """The zones without those that have the same clocks; a country's most populous first, the others as they come."""
    zones = [zone for zone in dict.fromkeys(zones) if zone not in LEFT_OUT]
    known = [*map(MAIN.get, of), "America/New_York", "America/Chicago", "America/Denver", "America/Los_Angeles"]
    order = sorted(zones, key=lambda zone: known.index(zone) if zone in known else len(known))
    seen, kept = set(), []
    for zone in order:
        if clock(zone) not in seen:
            seen.add(clock(zone))
            kept.append(zone)
    return " ".join(kept)


def zones_by_country():
    lines = (pathlib.Path(__file__).parents[2] / "country" / "zones.txt").read_text().splitlines()
    rows = (line.split(" | ") for line in lines if not line.startswith("#"))
    return [(code, zones.split()) for code, zones in rows]


def of_countries():
    return {code: places(zones, code) for code, zones in zones_by_country()}


def as_listed(countries):
    """Each zone as its country lists it: America/Detroit as America/New_York."""
    found = {}
    for code, zones in zones_by_country():
        listed = {clock(zone): zone for zone in countries[code].split()}
        found.update((zone, listed.get(clock(zone), zone)) for zone in zones)
    return found


def of_numbers(countries):
    """North America by area code, other countries as a whole."""
    found, listed = {}, as_listed(countries)
    for prefix, zones in TIMEZONE_DATA.items():
        if len(prefix) >= 4 and prefix.startswith("1") and "Etc/Unknown" not in zones:
            found.setdefault(prefix[:4], set()).update(listed.get(zone, zone) for zone in zones)
    # The data has one zone for each number that is free of charge or goes with its owner: where those are registered.
    for code, regions in phonenumbers.COUNTRY_CODE_TO_REGION_CODE.items():
        zones = [zone for region in regions for zone in countries.get(region, "").split()]
        if code != 1 and zones:
            found[str(code)] = zones
    return found


def of_regions(numbers):
    found = {}
    for prefix, texts in GEOCODE_DATA.items():
        text = texts.get("en", "")
        if not (prefix.startswith("1") and len(prefix) == 4 and prefix in numbers):
            continue
        for country, regions in (("US", STATES), ("CA", PROVINCES)):
            for code, name in regions.items():
                if text == name or text.endswith(f", {code}") or name in text.split("/"):
                    found.setdefault(f"{country}-{code}", {}).update(dict.fromkeys(sorted(numbers[prefix])))
    for code, (_, zones) in BY_HAND.items():
        found[code] = zones.split()
    return found


def main():
    countries = of_countries()
    numbers = of_numbers(countries)
    regions = of_regions(numbers)
    print(f"""# The zones in which telephone numbers, countries and some of their regions lie.
# Source: the time zones and names of prefixes of libphonenumber, as in the package phonenumbers {phonenumbers.__version__} of PyPI (Apache
# License 2.0); country/zones.txt; and by hand where make.py says so. Made by make.py; do not edit.
# Of zones whose clocks agree from 2024 to 2035 only one is listed, a country's most populous first.
# A line: zones | where. `+49` is a country code, `+1201` one with an area code, `DE` a country, `US-CA` a region, with
# its name behind `=`.""")
    lines = {}
    for prefix, zones in numbers.items():
        main_of = phonenumbers.COUNTRY_CODE_TO_REGION_CODE.get(int(prefix), (None,))[0] if prefix[0] != "1" else "US"
        zones = sorted(zones) if isinstance(zones, set) else zones
        lines.setdefault(places(zones, prefix, main_of), []).append(f"+{prefix}")
    for code, zones in countries.items():
        lines.setdefault(zones, []).append(code)
    for code, zones in regions.items():
        called = {f"US-{code}": name for code, name in STATES.items()} | {f"CA-{c}": name for c, name in PROVINCES.items()}
        name = called.get(code) or BY_HAND[code][0]
        lines.setdefault(places(zones, code, code[:2]), []).append(f"{code}={name.replace(' ', '_')}")
    lines.pop("", None)
    for zones, where in sorted(lines.items()):
        print(f"{zones} | {' '.join(sorted(where))}")


if __name__ == "__main__":
    main()
