"""Reads what the host passes into what an author sees.

The interpreter makes an object of each record and variant of the contract, by the classes in `wit_world`; those are
dataclasses, and making them costs more than a small decision. `replace_classes` puts cheaper things in their place, which
make at once what is wanted. It is the one place that relies on how componentize-py works inside, which is why its version
is pinned.
"""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from operator import getitem
from types import ModuleType, NoneType
from typing import Any

from ..answers import Refusal
from ..declarations import Slot
from ..plugin import Plugin
from ..view import UNLISTED, Engagement, Overdue, Touch, View

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_TIME_MIN, _TIME_MAX = datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC)

_Reader = tuple[str, type, Callable[[Sequence[str], Any], Any] | None]

_plugin: Plugin
_parameters: tuple[_Reader, ...]
_fields: tuple[_Reader, ...]
# By position, with what stands for the others at the end.
_codes: tuple[Any, ...]


class TextNumber(int):
    """The number of a text."""

    __slots__ = ()


class InstantMs(int):
    """Milliseconds since 1970."""

    __slots__ = ()


class DurationMs(int):
    """Milliseconds."""

    __slots__ = ()


def replace_classes(types: ModuleType, escalator: ModuleType | None) -> None:
    """Has the interpreter make what is wanted here."""
    types.Value_Blank = NoneType
    types.Value_Boolean = bool
    types.Value_Int = int
    types.Value_Number = float
    types.Value_Text = TextNumber
    types.Value_Time = InstantMs
    types.Value_Duration = DurationMs
    types.Value_Texts = _same
    types.TextRange = _text_range
    types.Texts = split_texts
    types.Touch = make_touch
    types.Engagement = make_engagement
    types.Lead = types.Input = _as_tuple
    if escalator is not None:
        escalator.Overdue = make_overdue


def use(plugin: Plugin) -> None:
    """Prepares for reading what this plugin asks for."""
    global _plugin, _parameters, _fields, _codes
    _plugin = plugin
    _parameters = tuple(map(_reader, plugin.parameter_slots))
    _fields = tuple(map(_reader, plugin.field_slots))
    _codes = tuple(plugin.codes)


class Call:
    """What came with one call, for all its leads, which are viewed one after another."""

    __slots__ = ("_engagement", "_fields", "_now", "_parameters", "_seen", "_texts", "_touched", "_touches", "_values", "leads")

    def __init__(self, input: tuple[Any, ...]) -> None:
        now, texts, parameters, values, touches, engagement, leads = input
        self._now = _time(texts, now)
        self._texts = texts
        self._parameters = parameters
        self._values = values
        self._touches = touches
        self._engagement = engagement
        for seen in engagement:
            seen.detail = texts[seen.detail]
        self.leads = leads
        # How much of each was taken by the leads before.
        self._fields = self._touched = self._seen = 0

    def view(self, lead: tuple[Any, ...]) -> View:
        """What the decision about this lead sees; lists are taken from where the lead before ended."""
        touch_count, seen_count, owner_present, previous_score, business_elapsed = lead
        field, touch, seen = self._fields, self._touched, self._seen
        self._fields, self._touched, self._seen = field + len(_fields), touch + touch_count, seen + seen_count
        return View(
            self._now,
            # Made anew for each lead, so that nothing that a decision does to them reaches the next.
            parameters_of(self._texts, self._parameters),
            fields_of(self._texts, self._values[field : self._fields]),
            self._touches[touch : self._touched],
            self._engagement[seen : self._seen],
            owner_present,
            previous_score,
            None if business_elapsed is None else _duration(self._texts, business_elapsed),
        )


def parameters_of(texts: Sequence[str], values: list[Any]) -> Any:
    """The author's parameters."""
    taken = {}
    for (name, case, convert), value in zip(_parameters, values):
        if value.__class__ is not case:
            raise Refusal(f"the parameter `{name}` was not given its type")
        taken[name] = value if convert is None else convert(texts, value)
    return _plugin.parameters(**taken)


def fields_of(texts: Sequence[str], values: list[Any]) -> Any:
    """The author's fields."""
    taken = {}
    for (name, case, convert), value in zip(_fields, values):
        if value is None:
            taken[name] = None
        elif value.__class__ is case:
            taken[name] = value if convert is None else convert(texts, value)
        else:
            raise Refusal(f"the field `{name}` has another type than this plugin reads")
    return _plugin.fields(**taken)


def _same(value: Any) -> Any:
    return value


def _as_tuple(*values: Any) -> tuple[Any, ...]:
    return values


def _text_range(first: int, count: int) -> slice:
    return slice(first, first + count)


def split_texts(joined: bytes, ends: list[int]) -> list[str]:
    """Every text of a call. When all of them are ASCII they are cut out of one string, which is cheaper."""
    start, split = 0, []
    whole = joined.decode() if joined.isascii() else None
    for end in ends:
        split.append(joined[start:end].decode() if whole is None else whole[start:end])
        start = end
    return split


def make_touch(age: int, channel: int, outcome: int, result: int | None) -> Touch:
    return Touch(timedelta(0, age), _code(channel), _code(outcome), None if result is None else _code(result))


def make_engagement(age: int, kind: int, detail: int) -> Engagement:
    # The number of the text; `Call` puts the text in its place.
    return Engagement(timedelta(0, age), _code(kind), detail)


def make_overdue(point: int, points: int, waited: int, late: int, reminders: int, raised: bool) -> Overdue:
    return Overdue(point, points, _duration((), waited), _duration((), late), reminders, raised)


def _code(position: int) -> Any:
    return _codes[position] if position < len(_codes) else UNLISTED


def _time(_: Sequence[str], ms: int) -> datetime:
    try:
        return EPOCH + timedelta(0, 0, 0, ms)
    except OverflowError:
        # Outside the years 1 to 9999, which Python's times cannot leave.
        return _TIME_MAX if ms > 0 else _TIME_MIN


def _duration(_: Sequence[str], ms: int) -> timedelta:
    try:
        return timedelta(0, 0, 0, ms)
    except OverflowError:
        return timedelta.max if ms > 0 else timedelta.min


# For each kind of value the type that `replace_classes` gives it, and what makes of it what the author sees.
_KINDS: dict[str, tuple[type, Callable[[Sequence[str], Any], Any] | None]] = {
    "boolean": (bool, None),
    "int": (int, None),
    "number": (float, None),
    "text": (TextNumber, getitem),
    "time": (InstantMs, _time),
    "duration": (DurationMs, _duration),
    "texts": (slice, getitem),
}


def _reader(slot: Slot) -> _Reader:
    return (slot.attribute, *_KINDS[slot.kind])
