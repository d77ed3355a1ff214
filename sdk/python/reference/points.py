"""The points of each rule. The figures are ours; they are chosen so that about a quarter of a web form's leads are hot
(practice E1)."""

import re
from collections.abc import Sequence
from datetime import datetime, timedelta

from cadenza_sdk import Engagement, Tally, Touch
from declared import Fields, Known, Parameters, Rule

ENGAGEMENT_DAYS = 30
"""How many days back engagement counts."""
_REMEMBERED = timedelta(days=ENGAGEMENT_DAYS)
# Engagement that is younger counts more.
_FRESH = timedelta(days=7)
_ENGAGEMENT_POINTS_MAX = 20
# A project further away than the first counts most (practice D6), one closer than the second least.
_PROJECT_STAGES = (timedelta(days=120), timedelta(days=90), timedelta())
# Mail domains that say nothing about a company; `free_mail` adds to them.
_FREE_MAIL = {
    "gmail.com",
    "googlemail.com",
    "outlook.com",
    "hotmail.com",
    "yahoo.com",
    "icloud.com",
    "gmx.net",
    "proton.me",
}
# A message that says something has at least so many bytes.
_MESSAGE_BYTES_MIN = 20
_INT_MIN, _INT_MAX = -(2**63), 2**63 - 1
_CLIP_CHARS_MAX = 60

_SENIORITY_POINTS = {"c_level": 20, "vp": 18, "director": 15, "manager": 8}
_SOURCE_POINTS = {"phone": 20, "referral": 20, "chat": 15, "web": 12, "event": 8}
_TALK_POINTS = {Known.QUALIFIED: 20, Known.CALLBACK: 12, Known.NOT_NOW: -5, Known.UNQUALIFIED: -40}
# Words of job titles and their seniority, the decisive first: a vice president is no president.
_SENIORITY_WORDS = {
    "vice": "vp",
    "vp": "vp",
    "svp": "vp",
    "evp": "vp",
    "chief": "c_level",
    "ceo": "c_level",
    "cto": "c_level",
    "cfo": "c_level",
    "cio": "c_level",
    "coo": "c_level",
    "cmo": "c_level",
    "founder": "c_level",
    "owner": "c_level",
    "president": "c_level",
    "director": "director",
    "head": "director",
    "manager": "manager",
}
_WORD = re.compile(r"[0-9a-z]+")
# Only the letters of ASCII have an upper and a lower case here, so that no word is found by the rules of some language.
_LOWER = {upper: upper + 32 for upper in range(ord("A"), ord("Z") + 1)}


def person(tally: Tally, fields: Fields) -> None:
    """Who the person is and how it came to us."""
    seniority = fields.seniority
    if seniority is None and fields.title is not None:
        seniority = _seniority_of(fields.title)
    _give(tally, Rule.SENIORITY, _SENIORITY_POINTS.get(seniority or "", 0), seniority)
    _give(tally, Rule.SOURCE, _SOURCE_POINTS.get(fields.source or "", 0), fields.source)


def _seniority_of(title: str) -> str | None:
    """The highest seniority that a job title speaks of."""
    words = set(_WORD.findall(_lower(title)))
    return next((seniority for word, seniority in _SENIORITY_WORDS.items() if word in words), None)


def company(tally: Tally, fields: Fields, parameters: Parameters) -> None:
    """What company it is."""
    employees = fields.employees
    if employees is not None:
        _give(tally, Rule.COMPANY_SIZE, _size_points(employees, parameters.large), employees)
    if fields.industry is not None and _contains(parameters.industries, fields.industry):
        tally.add(Rule.INDUSTRY, 10, fields.industry)
    if fields.country is not None and parameters.countries and not _contains(parameters.countries, fields.country):
        tally.add(Rule.COUNTRY, -30, fields.country)
    if fields.email is not None:
        _, at, domain = fields.email.rpartition("@")
        if at and (_lower(domain) in _FREE_MAIL or _contains(parameters.free_mail, domain)):
            tally.add(Rule.FREE_MAIL, -10, domain)


def _size_points(employees: int, large: int) -> int:
    if employees >= large:
        return 15
    if employees >= large // 10:
        return 10
    return 5 if employees >= 10 else 0


def need(tally: Tally, fields: Fields, parameters: Parameters, now: datetime) -> None:
    """What it needs, and when."""
    if fields.budget is not None:
        points = 15 if fields.budget >= parameters.budget else 5 if fields.budget > 0 else 0
        _give(tally, Rule.BUDGET, points, _whole(fields.budget))
    if fields.project_date is not None:
        ahead = fields.project_date - now
        _give(tally, Rule.PROJECT_DATE, _project_points(ahead), ahead.days)
    named = fields.product if fields.pain is None else fields.pain
    if named is not None:
        is_whole = fields.pain is not None and fields.product is not None
        tally.add(Rule.NEED, 10 if is_whole else 6, named[:_CLIP_CHARS_MAX])
    if fields.message is not None:
        _message(tally, fields.message, parameters.buying_words)


def _whole(number: float) -> int:
    """Towards zero, at most what 64 bits hold, as Rust's `as i64` has it."""
    return int(max(_INT_MIN, min(_INT_MAX, number)))


def _project_points(ahead: timedelta) -> int:
    far, near, begun = _PROJECT_STAGES
    if ahead > far:
        return 12
    if ahead > near:
        return 10
    # What is past says only that there was a project.
    return 8 if ahead > begun else 0


def _message(tally: Tally, message: str, buying_words: Sequence[str]) -> None:
    text = _lower(message)
    word = next((word for word in buying_words if word and _lower(word) in text), None)
    if word is not None:
        tally.add(Rule.MESSAGE, 12, word)
    elif len(message.encode()) >= _MESSAGE_BYTES_MIN:
        tally.add(Rule.MESSAGE, 4, "no buying word")


def behaviour(tally: Tally, engagement: Sequence[Engagement], touches: Sequence[Touch]) -> None:
    """What it does and says."""
    fresh = sum(seen.age < _FRESH for seen in engagement)
    remembered = sum(seen.age < _REMEMBERED for seen in engagement)
    points = min(fresh * 5 + (remembered - fresh) * 2, _ENGAGEMENT_POINTS_MAX)
    _give(tally, Rule.ENGAGEMENT, points, remembered)

    # Only the last talk counts. Not recalling us or seeing things differently lowers nothing (practice D5).
    said = next((touch.result for touch in touches if touch.result is not None), None)
    if isinstance(said, Known):
        tally.add(Rule.TALK, _TALK_POINTS[said], said)


def next_change(fields: Fields, engagement: Sequence[Engagement], now: datetime) -> timedelta | None:
    """After how long the points change even if nothing happens: engagement becomes stale and is forgotten, a project comes
    nearer."""
    left = [limit - seen.age for seen in engagement for limit in (_FRESH, _REMEMBERED)]
    if fields.project_date is not None:
        ahead = fields.project_date - now
        left += [ahead - stage for stage in _PROJECT_STAGES]
    return min((change for change in left if change > timedelta()), default=None)


def _give(tally: Tally, rule: Rule, points: int, value: str | int | None) -> None:
    """Rules that give nothing are not worth a reader's time."""
    if points != 0:
        tally.add(rule, points, "" if value is None else value)


def _contains(listed: Sequence[str], text: str) -> bool:
    lower = _lower(text)
    return any(_lower(entry) == lower for entry in listed)


def _lower(text: str) -> str:
    return text.lower() if text.isascii() else text.translate(_LOWER)
