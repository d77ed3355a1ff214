"""Rehearses decisions while the snapshot is taken, so that a decision finds the interpreter warm.

CPython fits its bytecode to what it sees in the first few calls of a function; in an instance that lives for one decision
those would be all there are. Rehearsed is a lead of which nothing and one of which everything is known, both made up. What
comes of it is dropped, and so is what goes wrong: an author's code need not expect such leads.
"""

from collections.abc import Callable
from typing import Any

from ..declarations import Slot
from ..plugin import Plugin
from . import intake

_TIMES = 4
_TEXTS = ["something", "somebody@example.com"]
_SAMPLES: dict[str, Any] = {
    "boolean": True,
    "int": 50,
    "number": 50.0,
    "text": intake.TextNumber(1),
    "time": intake.InstantMs(1_800_000_000_000),
    "duration": intake.DurationMs(86_400_000),
    "texts": slice(0, 2),
}


def rehearse(plugin: Plugin, answers: dict[str, Callable[..., Any]]) -> None:
    """Asks for each kind of decision about made-up leads."""
    for kind in plugin.kinds:
        for _ in range(_TIMES):
            for is_known in (False, True):
                try:
                    answers[kind](_input(plugin, is_known), *_overdue(kind))
                except Exception:  # noqa: S112
                    continue


def _overdue(kind: str) -> tuple[Any, ...]:
    return (intake.make_overdue(0, 3, 300_000, 0, 0, False),) if kind == "escalator" else ()


def _input(plugin: Plugin, is_known: bool) -> Any:
    joined = "".join(_TEXTS).encode()
    texts = intake.split_texts(joined, [len(_TEXTS[0]), len(joined)])
    parameters = [_SAMPLES[slot.kind] for slot in plugin.parameter_slots]
    fields = [_field(slot, is_known) for slot in plugin.field_slots]
    touches = [intake.make_touch(3_600, 0, 0, 0), intake.make_touch(7_200, 65_535, 0, None)] if is_known else []
    engagement = [intake.make_engagement(3_600, 0, 0), intake.make_engagement(7_200, 65_535, 1)] if is_known else []
    lead = (len(touches), len(engagement), True, 50, 60_000) if is_known else (0, 0, None, None, None)
    return 1_700_000_000_000, texts, parameters, fields, touches, engagement, [lead]


def _field(slot: Slot, is_known: bool) -> Any:
    return _SAMPLES[slot.kind] if is_known else None
