"""Makes table.txt: public holidays of countries and their regions, from the package `holidays` (MIT).

    pip install holidays==0.109 && python3 make.py > table.txt
"""

import datetime
import re

import holidays
from dateutil.easter import easter

FIRST, LAST = 2024, 2035
YEARS = range(FIRST, LAST + 1)
COUNTRIES = """AE AR AT AU BE BG BR CA CH CL CN CO CY CZ DE DK EE ES FI FR GB GR HK HR HU IE IL IN IS IT JP KR LT LU LV
MT MX MY NG NL NO NZ PH PL PT RO SA SE SG SI SK TH TR TW US VN ZA""".split()


def days(country, region=None):
    listed = holidays.country_holidays(country, subdiv=region, years=YEARS)
    return {day for day in listed if FIRST <= day.year <= LAST}


def at_easter(offset):
    return {easter(year) + datetime.timedelta(days=offset) for year in YEARS}


def fixed(month_day):
    return {datetime.date(year, int(month_day[:2]), int(month_day[2:])) for year in YEARS}


RULES = {f"E{offset:+}": at_easter(offset) for offset in range(-50, 64)} | {
    f"{day:%m%d}": fixed(f"{day:%m%d}")
    for day in (datetime.date(2025, 1, 1) + datetime.timedelta(days=n) for n in range(365))
}


def years(of):
    """24-26,28 for 2024, 2025, 2026 and 2028."""
    runs = []
    for year in sorted(of):
        if runs and runs[-1][1] == year - 1:
            runs[-1][1] = year
        else:
            runs.append([year, year])
    return ",".join(f"{a % 100}" if a == b else f"{a % 100}-{b % 100}" for a, b in runs)


def singly(of):
    by_day = {}
    for day in of:
        by_day.setdefault(f"{day:%m%d}", []).append(day.year)
    return [f"{day}:{years(of)}" for day, of in sorted(by_day.items())]


def written(own, base=frozenset()):
    """What `own` has beyond `base`: rules that hold in every year first, then the days that no rule gives."""
    rules = [name for name, given in RULES.items() if given <= own and not given <= base]
    given = set().union(base, *(RULES[name] for name in rules))
    return " ".join(rules + singly(own - given) + [f"-{day}" for day in singly(base - own)])


def main():
    print(f"""# Public holidays of countries and their regions, {FIRST} to {LAST}, with the days on which they are observed.
# Source: the package holidays {holidays.__version__} of PyPI (https://github.com/vacanza/holidays), MIT License,
# Copyright (c) Vacanza Team and individual collaborators. Made by make.py; do not edit.
# Days that go by the moon are estimates until a country has announced them.
# A line: code | names of a region | days. A day is MMDD or `E` with its distance from Easter Sunday, in every year; or
# MMDD with the years in which it is one. The line of a region has what differs from its country, and `-` before the
# days that only the country has.""")
    print("E |  |", " ".join(singly(at_easter(0))))
    for country in sorted(COUNTRIES):
        entity = holidays.country_holidays(country)
        base = days(country)
        print(f"{country} |  | {written(base)}")
        called = {}
        for name, code in getattr(entity, "subdivisions_aliases", {}).items():
            called.setdefault(code, []).append(name)
        for region in sorted(entity.subdivisions):
            # The package has some cities, too, under names that are no codes.
            if re.fullmatch("[A-Z0-9]{1,3}", region):
                line = f"{country}-{region} | {', '.join(sorted(called.get(region, [])))} | "
                print((line + written(days(country, region), base)).rstrip())


if __name__ == "__main__":
    main()
