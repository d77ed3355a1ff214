"""What a plugin says of itself, as the contract has it."""

from datetime import timedelta

from wit_world.exports import describe as contract

from ..declarations import Slot
from ..plugin import Plugin, Reads, Window
from .intake import EPOCH

_MILLISECOND = timedelta(milliseconds=1)


def description(plugin: Plugin) -> contract.Description:
    return contract.Description(
        plugin.name,
        plugin.version,
        plugin.summary,
        [_parameter(slot) for slot in plugin.parameter_slots],
        [contract.Rule(int(rule), rule.name.lower(), rule.text) for rule in plugin.rules],
        [str(track) for track in plugin.tracks],
        [str(code) for code in plugin.codes],
        plugin.fuel_budget,
        plugin.memory_budget,
    )


def view(plugin: Plugin, reads: Reads) -> contract.View:
    """What it wants to see."""
    return contract.View(
        [contract.Field(slot.name, _kind(slot)) for slot in plugin.field_slots],
        _window(reads.touches),
        _window(reads.engagement),
        reads.owner_present,
        reads.previous_score,
        reads.business_elapsed,
    )


def _window(window: Window | None) -> contract.Window | None:
    return window and contract.Window([str(kind) for kind in window.kinds], window.count, window.days_back)


def _parameter(slot: Slot) -> contract.Parameter:
    bounds = (_bound(slot.minimum), _bound(slot.maximum))
    return contract.Parameter(slot.name, _kind(slot), slot.summary, _literal(slot), *bounds)


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
        case kind:
            return getattr(contract, f"Literal_{kind.capitalize()}")(held)
