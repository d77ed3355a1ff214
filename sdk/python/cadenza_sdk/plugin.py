"""What an author makes one of: a `Plugin`, with a decorated function for each kind of decision."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from .answers import Choice, Rating, Verdict
from .declarations import Codes, DeclarationError, Nothing, Rules, check_codes, check_rules, field_slots, parameter_slots
from .view import Overdue, View

P = TypeVar("P")
F = TypeVar("F")
D = TypeVar("D", bound=Callable[..., Any])
Scorer = Callable[[View[P, F]], Rating]
Nurturer = Callable[[View[P, F]], Choice]
Escalator = Callable[[View[P, F], Overdue], Verdict]
Asker = Callable[[P], "Reads"]

# The most that a number of a window and a budget can hold.
_WINDOW_MAX = 2**16 - 1
_BUDGET_MAX = 2**64 - 1


@dataclass(frozen=True, slots=True)
class Window:
    """A window on history: the newest `count`, not older than `days_back`."""

    count: int
    days_back: int
    kinds: Sequence[str] = ()
    """Only these channels or kinds of engagement; all of them when empty."""

    def __post_init__(self) -> None:
        for name, number in (("count", self.count), ("days_back", self.days_back)):
            _check_within(f"`{name}` of a window", number, _WINDOW_MAX)


@dataclass(frozen=True, slots=True)
class Reads:
    """What a plugin wants to see beside the lead's fields."""

    touches: Window | None = None
    engagement: Window | None = None
    owner_present: bool = False
    """Whether the owner is at work now."""
    previous_score: bool = False
    """The points of this score as they were before."""
    business_elapsed: bool = False
    """Business time since the task was made or the run entered."""


class Plugin(Generic[P, F]):
    """A plugin: what it is called, what it can be told and what it wants to see.

    A module makes one, and decorates a function for each kind of decision it takes with `scorer`, `nurturer` or
    `escalator`.
    """

    def __init__(
        self,
        *,
        name: str,
        version: str,
        summary: str,
        parameters: type[P] = Nothing,  # type: ignore[assignment]
        fields: type[F] = Nothing,  # type: ignore[assignment]
        rules: type[Rules] = Rules,
        codes: type[Codes] = Codes,
        tracks: type[Codes] = Codes,
        fuel_budget: int = 5_000_000,
        memory_budget: int = 32 * 1024 * 1024,
    ) -> None:
        """`name` is what workflows use; `version` is the plugin's own; `summary` says in one sentence what it is for.

        `codes` are the channels, outcomes, results and kinds of engagement it tells apart, `tracks` those a nurturer may
        choose. `fuel_budget` is the most fuel that one decision should need, about one unit for each instruction, and
        `memory_budget` the most bytes of memory; measure with your golden cases and leave room.
        """
        if not re.fullmatch(r"[a-z][a-z0-9-]*", name):
            raise DeclarationError(f"the plugin's name {name!r} is not lower case, digits and `-`")
        self.name, self.version, self.summary = name, version, summary
        self.parameters, self.fields = parameters, fields
        self.rules, self.codes, self.tracks = rules, codes, tracks
        _check_within("`fuel_budget`", fuel_budget, _BUDGET_MAX)
        _check_within("`memory_budget`", memory_budget, _BUDGET_MAX)
        self.fuel_budget, self.memory_budget = fuel_budget, memory_budget
        self.parameter_slots = parameter_slots(parameters)
        self.field_slots = field_slots(fields)
        check_rules(rules)
        check_codes(codes, "codes")
        check_codes(tracks, "tracks")
        self.kinds: dict[str, Callable[..., Any]] = {}
        """The function of each kind of decision."""
        self.asks: Asker[P] = lambda _: Reads()

    def reads(self, asks: Asker[P]) -> Asker[P]:
        """Decorates the function that says what the plugin wants to see, given these parameters.

        It may raise a `Refusal` that says, for whoever writes the workflow, why parameters do not go together.
        """
        self.asks = asks
        return asks

    def scorer(self, decides: Scorer[P, F]) -> Scorer[P, F]:
        """Decorates the function that says how good a lead is."""
        return self._decides("scorer", decides)

    def nurturer(self, decides: Nurturer[P, F]) -> Nurturer[P, F]:
        """Decorates the function that chooses a nurture track."""
        if not len(self.tracks):
            raise DeclarationError("a nurturer needs `tracks`: a class that extends Codes")
        return self._decides("nurturer", decides)

    def escalator(self, decides: Escalator[P, F]) -> Escalator[P, F]:
        """Decorates the function that decides what to do about something overdue."""
        return self._decides("escalator", decides)

    def __getattr__(self, name: str) -> Any:
        raise AttributeError(f"a plugin has no `{name}`; the kinds of decision are scorer, nurturer and escalator", name=name)

    def _decides(self, kind: str, decides: D) -> D:
        if kind in self.kinds:
            raise DeclarationError(f"the plugin has two functions with @plugin.{kind}")
        self.kinds[kind] = decides
        return decides


def _check_within(what: str, number: Any, most: int) -> None:
    if number.__class__ is not int or not 0 <= number <= most:
        raise TypeError(f"{what} is a whole number from 0 to {most}, not {number!r}")
