"""What a plugin says of itself, as the contract has it."""

from datetime import timedelta
from typing import Any

from wit_world.exports import describe as contract

from ..declarations import Slot
from ..plugin import Plugin, Reads, Window
from ..texts import spellable
from .intake import EPOCH

_MILLISECOND = timedelta(milliseconds=1)


def description(plugin: Plugin) -> contract.Description:
    return contract.Description(
        plugin.name,
        spellable(plugin.version),
        spellable(plugin.summary),
        [_parameter(slot) for slot in plugin.parameter_slots],
        [contract.Rule(int(rule), rule.name.lower(), spellable(rule.text)) for rule in plugin.rules],
        [str(track) for track in plugin.tracks],
        [str(code) for code in plugin.codes],
        plugin.fuel_budget,
        plugin.memory_budget,
    )


def view(plugin: Plugin, reads: Any) -> contract.View:
    """What it wants to see."""
    if reads.__class__ is not Reads:
        raise TypeError(f"what @plugin.reads decorates returns Reads, not {reads!r}")
    return contract.View(
        [contract.Field(slot.name, _kind(slot)) for slot in plugin.field_slots],
        _window(reads.touches),
        _window(reads.engagement),
        reads.owner_present,
        reads.previous_score,
        reads.business_elapsed,
    )


def _window(window: Any) -> contract.Window | None:
    if window is None:
        return None
    if window.__class__ is not Window:
        raise TypeError(f"touches and engagement are read with a Window, not {window!r}")
    return contract.Window([spellable(str(kind)) for kind in window.kinds], window.count, window.days_back)


def _parameter(slot: Slot) -> contract.Parameter:
    bounds = (_bound(slot.minimum), _bound(slot.maximum))
    return contract.Parameter(slot.name, _kind(slot), spellable(slot.summary), _literal(slot), *bounds)


def _kind(slot: Slot) -> contract.ValueType:
    return contract.ValueType[slot.kind.upper()]


def _bound(bound: float | None) -> float | None:
    return None if bound is None else float(bound)


def _literal(slot: Slot) -> contract.Literal:
    held = slot.default
    match slot.kind:
        case _ if held is None:
            return contract.Literal_Blank()
        case "time":
            return contract.Literal_Time((held - EPOCH) // _MILLISECOND)
        case "duration":
            return contract.Literal_Duration(held // _MILLISECOND)
        case "text":
            return contract.Literal_Text(spellable(held))
        case "texts":
            return contract.Literal_Texts([spellable(text) for text in held])
        case kind:
            return getattr(contract, f"Literal_{kind.capitalize()}")(held)
