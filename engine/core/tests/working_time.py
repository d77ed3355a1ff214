"""Working time again, written from the rules in workflows/README.md on the clocks of Python's zoneinfo.

Prints questions and their answers; working_time.rs asks the engine the same. Nothing here follows the engine's code: opening
hours are merged into a list of instants, and everything is counted along that list.

    calendar | zone | week | holidays
    question | from (ms) | argument | answer (ms)
"""

import datetime
import random
import sys
import zoneinfo

UTC = datetime.timezone.utc
EPOCH = datetime.datetime(1970, 1, 1, tzinfo=UTC)
DAY = datetime.timedelta(days=1)
MS = datetime.timedelta(milliseconds=1)

ZONES = """America/Sao_Paulo Asia/Beirut America/Havana Africa/Cairo Pacific/Apia Australia/Lord_Howe Europe/Berlin
America/New_York Atlantic/Azores America/Santiago UTC""".split()

# From and to, in minutes of the day; 1440 is the end of the day, and an end that is not later is on the next day.
NINE = [(540, 1020)]
NIGHT = [(1320, 360)]
WEEKS = [
    [NINE] * 5 + [[], []],
    [[(0, 1440)]] * 7,
    [[(480, 720), (780, 1080)]] * 5 + [[(600, 840)], []],
    [NIGHT] * 7,
    [NIGHT] * 5 + [[], []],
    [[(540, 1020), (1380, 90)], [(90, 240), (1320, 30)], [], NINE, [(1410, 1380)], [(1395, 150)], [(150, 210), (1260, 30)]],
    [[], [(1200, 1440)], [(0, 30), (1430, 5)], [(60, 150), (1350, 1435)], [(1439, 1438)], [], [(0, 75), (105, 1440)]],
]


def ms(instant):
    return (instant - EPOCH) // MS


class Clock:
    """The clock of a zone."""

    def __init__(self, name):
        self.zone = zoneinfo.ZoneInfo(name)
        self.days = {}

    def wall(self, at):
        return (EPOCH + at * MS).astimezone(self.zone)

    def offset(self, at):
        return self.wall(at).utcoffset()

    def change_between(self, before, after):
        """The instant of the change between two instants with different offsets."""
        old = self.offset(before)
        while after - before > 1:
            middle = (before + after) // 2
            before, after = (middle, after) if self.offset(middle) == old else (before, middle)
        return after

    def passings(self, wall):
        """The instants at which the clock shows this time: one, two, or, when the clock skips it, the end of the gap."""
        both = [ms(wall.replace(tzinfo=self.zone, fold=fold).astimezone(UTC)) for fold in (0, 1)]
        shown = sorted({at for at in both if self.wall(at).replace(tzinfo=None) == wall})
        return shown or [self.change_between(min(both), max(both))]

    def at(self, date, minute):
        wall = datetime.datetime.combine(date, datetime.time()) + datetime.timedelta(minutes=minute)
        return self.passings(wall)

    def midnight(self, date):
        if date not in self.days:
            self.days[date] = self.at(date, 0)[0]
        return self.days[date]

    def exists(self, date):
        return self.midnight(date) < self.midnight(date + DAY)


class Calendar:
    def __init__(self, clock, week, holidays):
        self.clock, self.week, self.holidays = clock, week, holidays
        self.nights = any(to <= start for day in week for start, to in day)
        self.spans = {}

    def begun_on(self, date):
        """The instants at which hours of a day begin and end."""
        if date in self.spans:
            return self.spans[date]
        spans = []
        for start, to in self.week[date.weekday()]:
            on = date if to > start else date + DAY
            begin = self.clock.at(date, start)[0]
            if to == 1440:
                end = self.clock.midnight(date + DAY)
            else:
                ends = self.clock.at(on, to)
                end = min(ends[-1], self.clock.midnight(on + DAY)) if len(ends) > 1 else ends[-1]
            if begin < end and self.clock.exists(date) and date not in self.holidays:
                spans.append((begin, end))
        self.spans[date] = spans
        return spans

    def works(self, date):
        return bool(self.begun_on(date))

    def open_between(self, first, last):
        """All hours that begin on these dates, merged."""
        merged = []
        date = first
        while date <= last:
            for begin, end in self.begun_on(date):
                if merged and begin <= merged[-1][1]:
                    merged[-1][1] = max(merged[-1][1], end)
                else:
                    merged.append([begin, end])
            date += DAY
        return merged

    def date(self, at):
        return self.clock.wall(at).date()

    def next_open(self, at):
        days = 10
        while True:
            for begin, end in self.open_between(self.date(at) - 2 * DAY, self.date(at) + days * DAY):
                if end > at:
                    return max(begin, at)
            days *= 4

    def open_ms(self, start, to):
        hours = self.open_between(self.date(start) - 2 * DAY, self.date(to) + 2 * DAY)
        return sum(max(0, min(end, to) - max(begin, start)) for begin, end in hours)

    def add_open(self, at, span):
        days = 10 + span // 3_600_000
        left = span
        for begin, end in self.open_between(self.date(at) - 2 * DAY, self.date(at) + days * DAY):
            if end <= at:
                continue
            begin = max(begin, at)
            if left <= end - begin:
                return begin + left
            left -= end - begin
        raise AssertionError("too few days")

    def subtract_open(self, at, span):
        days = 10 + span // 3_600_000
        left = span
        for begin, end in reversed(self.open_between(self.date(at) - days * DAY, self.date(at) + 2 * DAY)):
            if begin >= at:
                continue
            end = min(end, at)
            if left <= end - begin:
                return end - left
            left -= end - begin
        raise AssertionError("too few days")

    def tail(self, date):
        """When hours that began on the day before end on this one, if they reach into it."""
        hours, spans = self.week[(date - DAY).weekday()], self.begun_on(date - DAY)
        reaches = spans and hours[-1][1] <= hours[-1][0]
        return spans[-1][1] if reaches else None

    def belongs(self, at):
        """The day a moment belongs to, and its wall time as minutes and rest from that day's midnight."""
        wall = self.clock.wall(at).replace(tzinfo=None)
        date = wall.date()
        end = self.tail(date)
        on = date - DAY if end is not None and at < end else date
        return on, wall - datetime.datetime.combine(on, datetime.time())

    def begin(self, date):
        return max(self.clock.midnight(date), self.tail(date) or 0)

    def moment(self, date, since_midnight):
        at = self.clock.passings(datetime.datetime.combine(date, datetime.time()) + since_midnight)[0]
        return max(min(at, self.begin(date + DAY)), self.begin(date)) if self.nights else at

    def step(self, date, days, direction):
        while days:
            date += direction * DAY
            days -= self.works(date)
        return date

    def not_sooner(self, at, of):
        """From the second passing of a time no sooner than from the last moment before the change."""
        wall = self.clock.wall(at)
        both = self.clock.passings(wall.replace(tzinfo=None, fold=0))
        if len(both) < 2 or at < both[1]:
            return of(at)
        return max(of(at), of(self.clock.change_between(both[0], both[1]) - 1))

    def add_days(self, at, days):
        def of(at):
            wall = self.clock.wall(at).replace(tzinfo=None, fold=0)
            return self.clock.passings(wall + days * DAY)[0]
        return self.not_sooner(at, of)

    def add_working_days(self, at, days):
        def of(at):
            date, time = self.belongs(self.next_open(at))
            return self.next_open(self.moment(self.step(date, days, 1), time))
        return max(at, self.not_sooner(at, of))

    def subtract_working_days(self, at, days):
        def of(at):
            date, time = self.belongs(at)
            time = time if self.works(date) else datetime.timedelta()
            return self.moment(self.step(date, days, -1), time)
        return self.not_sooner(at, of)


def changes(clock, first, last):
    found, at = [], first
    while at < last:
        if clock.offset(at) != clock.offset(at + 86_400_000):
            found.append(clock.change_between(at, at + 86_400_000))
        at += 86_400_000
    return found


def written(week):
    return ";".join(",".join(f"{start}-{to}" for start, to in day) for day in week)


def main():
    draw = random.Random(20_262_035)
    for name in ZONES:
        clock = Clock(name)
        # Some zones have skipped or repeated midnights only before 2020.
        first, last = (ms(datetime.datetime(year, 1, 1, tzinfo=UTC)) for year in (2010, 2036))
        near = changes(clock, first, last)
        for week in WEEKS:
            holidays = sorted(
                {EPOCH.date() + draw.randrange(14_610, 24_106) * DAY for _ in range(150)}
                | {clock.wall(at).date() for at in draw.sample(near, min(4, len(near)))}
            )
            calendar = Calendar(clock, week, set(holidays))
            print(f"calendar|{name}|{written(week)}|{','.join(day.isoformat() for day in holidays)}")

            def say(question, at, argument, answer):
                print(f"{question}|{at}|{argument}|{answer}")

            for _ in range(int(sys.argv[1]) if len(sys.argv) > 1 else 60):
                if near and draw.random() < 0.7:
                    at = draw.choice(near) + draw.randrange(-3_000, 3_000) * 60_000
                else:
                    at = draw.randrange(first + 10**10, last - 10**10)
                days, minutes = draw.randrange(0, 8), draw.choice([0, 1, 5, 30, 60, 90, 480, draw.randrange(3_000)])
                span = minutes * 60_000
                say("next_open", at, 0, calendar.next_open(at))
                later = at + draw.randrange(0, 10 * 86_400_000)
                say("open_ms", at, later, calendar.open_ms(at, later))
                say("add_business", at, span, max(at, calendar.add_open(at, span)))
                say("subtract_business", at, span, calendar.subtract_open(at, span))
                say("add_days", at, days, max(at, calendar.add_days(at, days)))
                say("subtract_days", at, days, calendar.add_days(at, -days))
                say("add_business_days", at, days, calendar.add_working_days(at, days))
                say("subtract_business_days", at, days, calendar.subtract_working_days(at, days))


if __name__ == "__main__":
    try:
        zoneinfo.ZoneInfo("Pacific/Apia")
    except zoneinfo.ZoneInfoNotFoundError:
        sys.exit("no time zones are installed")
    main()
