"""Makes what would differ between two runs or two builds fail at once, with words that say why.

A decision is a pure function of its input: the engine decides again when it replays, and compares. In a guest a clock would
trap without a message, and random numbers would be those of the build. The build puts these guards in place before the
plugin is imported; natively nothing is changed.
"""

import datetime
import gc
import os
import random
import time
from collections.abc import Callable
from typing import Any

_NO_CLOCK = "{} asks a clock; a decision is a pure function and has none: use `view.now`"
_NO_CHANCE = "{} asks for chance; a decision is a pure function and must come out the same again"
_NO_WAITING = "{} waits; a decision takes no time: ask to be asked again with `rescore_after` or `look_again`"

_CLOCKS = ("time", "monotonic", "perf_counter", "process_time", "thread_time")
# These ask the clock only when they are not told the moment, which is their argument of this number.
_CLOCKS_BY_DEFAULT = {"gmtime": 0, "localtime": 0, "ctime": 0, "asctime": 0, "strftime": 1}


class ImpureError(RuntimeError):
    """A decision asked for something that is not in its input."""


class Guards:
    """What was replaced, so that it can be put back."""

    def __init__(self) -> None:
        self._replaced: list[tuple[Any, str, Any]] = []

    def replace(self, owner: Any, name: str, guard: Any) -> None:
        """Puts a guard in the place of a function, where there is one."""
        if hasattr(owner, name):
            self._replaced.append((owner, name, getattr(owner, name)))
            setattr(owner, name, guard)

    def remove(self) -> None:
        """Puts back what was replaced."""
        for owner, name, original in reversed(self._replaced):
            setattr(owner, name, original)
        self._replaced.clear()


def guard() -> Guards:
    """Puts guards before clocks and chance."""
    guards = Guards()
    _guard_clocks(guards)
    _guard_chance(guards)
    return guards


def guard_datetime() -> None:
    """Puts guards before `datetime.now` and the like, for good: in a guest, where nothing else needs them.

    They belong to a type written in C, which takes no new attributes, so its dictionary is reached by way of the garbage
    collector. Nothing has asked for them before, so that no cache remembers what they were.
    """
    attributes = gc.get_referents(datetime.datetime.__dict__)[0]
    for name in ("now", "utcnow", "today"):
        attributes[name] = staticmethod(_refusing(f"datetime.{name}()", _NO_CLOCK))
    gc.get_referents(datetime.date.__dict__)[0]["today"] = staticmethod(_refusing("date.today()", _NO_CLOCK))


def _guard_clocks(guards: Guards) -> None:
    for name in _CLOCKS:
        for spelling in (name, f"{name}_ns"):
            guards.replace(time, spelling, _refusing(f"time.{spelling}()", _NO_CLOCK))
    for name, at in _CLOCKS_BY_DEFAULT.items():
        guards.replace(time, name, _unless_told(getattr(time, name), at, f"time.{name}()"))
    guards.replace(time, "sleep", _refusing("time.sleep()", _NO_WAITING))


def _guard_chance(guards: Guards) -> None:
    for name in random.__all__:
        if not isinstance(getattr(random, name), type):
            guards.replace(random, name, _refusing(f"random.{name}()", _NO_CHANCE))
    seed = random.Random.seed

    def seed_when_told(self: random.Random, a: Any = None, version: int = 2) -> None:
        if a is None:
            raise ImpureError(_NO_CHANCE.format("random.Random() without a seed"))
        seed(self, a, version)

    guards.replace(random.Random, "seed", seed_when_told)
    for owner, name in ((os, "urandom"), (os, "getrandom"), (random, "_urandom")):
        guards.replace(owner, name, _refusing("os.urandom()", _NO_CHANCE))


def _refusing(what: str, why: str) -> Callable[..., Any]:
    def refuse(*_: Any, **__: Any) -> Any:
        raise ImpureError(why.format(what))

    return refuse


def _unless_told(original: Callable[..., Any], at: int, what: str) -> Callable[..., Any]:
    def ask(*arguments: Any) -> Any:
        if len(arguments) <= at or arguments[at] is None:
            raise ImpureError(_NO_CLOCK.format(what))
        return original(*arguments)

    return ask
