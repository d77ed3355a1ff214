"""Answers: points and reasons are added up in a `Tally`, which then becomes a rating, choice or verdict."""

from dataclasses import dataclass, field
from datetime import timedelta
from enum import Enum
from typing import Any

from .declarations import Codes, Rules
from .texts import beginning

# The least and the most points a score may have.
_POINTS_MAX = 1_000
# The least and the most that points of the contract can hold.
_INT_MIN, _INT_MAX = -(2**31), 2**31 - 1
VALUE_BYTES_MAX = 256
"""The most bytes of a reason's value."""


class Refusal(Exception):
    """The plugin cannot decide, and says why to whoever reads the journal."""


class Segment(Enum):
    """How a lead is to be handled. The values are the contract's."""

    HOT = 0
    """Straight to closers."""
    WARM = 1
    """Sales development."""
    COLD = 2
    """Nurture."""


class Action(Enum):
    """What can be done about something overdue. The values are the contract's."""

    WAIT = 0
    """Nothing yet."""
    REMIND = 1
    """Remind whoever should have done it."""
    RAISE = 2
    """Raise it to the manager."""
    REASSIGN = 3
    """Give it to somebody else of the same pool."""


@dataclass(slots=True)
class Reason:
    """A rule, the points it gave, and what it saw."""

    rule: Rules
    points: int = 0
    value: str = ""


@dataclass(slots=True)
class Rating:
    """How good a lead is."""

    points: int
    segment: Segment
    reasons: list[Reason] = field(default_factory=list)
    rescore_after: timedelta | None = None
    """Ask again after so long, because the score will then be another even if nothing happens."""


@dataclass(slots=True)
class Choice:
    """A track, and when to think again."""

    track: Codes
    look_again: timedelta | None = None
    """Ask again after so long; none leaves that to the workflow."""
    reasons: list[Reason] = field(default_factory=list)


@dataclass(slots=True)
class Verdict:
    """What to do about something overdue, and why."""

    action: Action
    reasons: list[Reason] = field(default_factory=list)


class Tally:
    """Points and the reasons for them."""

    __slots__ = ("_points", "_reasons")

    def __init__(self) -> None:
        self._points = 0
        self._reasons: list[Reason] = []

    def add(self, rule: Rules, points: int, value: str | int = "") -> None:
        """Gives or takes points by a rule, because of `value`, of which the first 256 bytes are kept."""
        check_points(points)
        text = value if value.__class__ is str else _as_text(value)
        self._points += points
        self._reasons.append(Reason(rule, points, beginning(text, VALUE_BYTES_MAX)))

    def because(self, rule: Rules, value: str | int = "") -> None:
        """Names a rule that decided without points."""
        self.add(rule, 0, value)

    @property
    def points(self) -> int:
        """The points so far, within what a score may have."""
        return max(-_POINTS_MAX, min(_POINTS_MAX, self._points))

    @property
    def reasons(self) -> list[Reason]:
        """The weightiest first; of equal weight in the order in which they were given."""
        return sorted(self._reasons, key=_lightness)

    def rating(self, segment: Segment, rescore_after: timedelta | None = None) -> Rating:
        """A score of these points."""
        return Rating(self.points, segment, self.reasons, rescore_after)

    def choice(self, track: Codes, look_again: timedelta | None = None) -> Choice:
        """A track, for these reasons."""
        return Choice(track, look_again, self.reasons)

    def verdict(self, action: Action) -> Verdict:
        """An action, for these reasons."""
        return Verdict(action, self.reasons)


def check_points(points: Any) -> None:
    """Fails when the contract cannot hold these."""
    if points.__class__ is not int or not _INT_MIN <= points <= _INT_MAX:
        raise TypeError(f"points are a whole number of 32 bits, not {points!r}")


def _lightness(reason: Reason) -> int:
    return -abs(reason.points)


def _as_text(value: object) -> str:
    # How a number with a fraction or a list is to be written is the author's to say.
    if isinstance(value, str):
        return str.__str__(value)
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    raise TypeError(f"the value of a reason is a text or a whole number, not {value!r}")
