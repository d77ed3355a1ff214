"""What a decision sees: the moment, its parameters, and of the lead exactly what the plugin asked for."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum
from typing import Final, Generic, TypeVar

from .declarations import Codes

P = TypeVar("P")
F = TypeVar("F")


class Unlisted(Enum):
    """The type of `UNLISTED`."""

    UNLISTED = "unlisted"


UNLISTED: Final = Unlisted.UNLISTED
"""A code that the plugin's `Codes` does not list. It equals none of them; new codes may appear at any time."""


@dataclass(slots=True)
class Touch:
    """One contact attempt that was completed."""

    age: timedelta
    """How long ago, in whole seconds."""
    channel: Codes | Unlisted = UNLISTED
    outcome: Codes | Unlisted = UNLISTED
    """What came of it."""
    result: Codes | Unlisted | None = None
    """What the lead said; none when it was not reached."""


@dataclass(slots=True)
class Engagement:
    """Something the lead did of its own accord."""

    age: timedelta
    """How long ago, in whole seconds."""
    kind: Codes | Unlisted = UNLISTED
    detail: str = ""
    """With what: the page, paper or event. May be empty."""


@dataclass(slots=True)
class Overdue:
    """What is not done in time."""

    point: int
    """Which of the step's `at` points this is, from 0."""
    points: int
    """How many points the step has."""
    waited: timedelta
    """How long since the task was made."""
    late: timedelta = timedelta()
    """How long since it was due; zero before."""
    reminders: int = 0
    """How often somebody was reminded."""
    raised: bool = False
    """Whether it was raised already."""


@dataclass(slots=True)
class View(Generic[P, F]):
    """Everything that a decision depends on."""

    now: datetime
    """When it is decided, in UTC."""
    parameters: P
    """What the workflow says under `with`."""
    fields: F
    """The lead's fields; blank ones are `None`."""
    touches: Sequence[Touch] = ()
    """Newest first; empty unless asked for in `reads`."""
    engagement: Sequence[Engagement] = ()
    """Newest first; empty unless asked for in `reads`."""
    owner_present: bool | None = None
    """Whether the owner is at work now; none when not asked for or nobody owns the lead."""
    previous_score: int | None = None
    """The points of this score as they were before; none when not asked for or there are none."""
    business_elapsed: timedelta | None = None
    """Business time since the task was made or the run entered; none when not asked for."""
