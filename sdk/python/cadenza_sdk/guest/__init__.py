"""Connects an author's plugin with the contract. Only what `build.py` generates imports this, inside the guest.

What a guest's modules hold when they are imported is its snapshot, and every decision begins with it. So all that does not
depend on the input is made ready here at once, and a call does as little as it can.
"""

import builtins
import gc
import io
import sys
from collections.abc import Callable
from importlib.abc import MetaPathFinder
from importlib.machinery import BuiltinImporter, FrozenImporter
from types import ModuleType
from typing import Any

# `strptime` and the lesser codecs import these when they are first used, which a guest cannot do later.
import _strptime  # noqa: F401
import encodings.ascii  # noqa: F401
import encodings.latin_1  # noqa: F401
from componentize_py_types import Err, Ok
from wit_world.exports import types
from wit_world.imports import log as host

from .. import purity, speech, tables
from ..answers import Refusal
from ..plugin import Plugin
from ..texts import spellable
from . import description, intake, outcome, rehearsal
from .panic import spelt, spelt_of, use_folder

_plugin: Plugin
_description: Any
_decides: dict[str, Callable[..., Any]]
_printed: speech.Lines


class Types:
    """The interface `types`, in which there is nothing to do."""


class Describe:
    """The interface `describe`."""

    def describe(self) -> Any:
        return _description

    def reads(self, texts: list[str], parameters: list[Any]) -> Any:
        return _answering(_reads, texts, parameters)


class Scorer:
    """The interface `scorer`."""

    def score(self, input: Any) -> Any:
        return _answering(_score, input)

    def score_batch(self, input: Any) -> Any:
        return _answering(_score_batch, input)


class Nurturer:
    """The interface `nurturer`."""

    def choose(self, input: Any) -> Any:
        return _answering(_choose, input)


class Escalator:
    """The interface `escalator`."""

    def decide(self, input: Any, overdue: Any) -> Any:
        return _answering(_decide, input, overdue)


def prepare() -> None:
    """What has to be in place before the author's modules are imported."""
    purity.guard()
    purity.guard_datetime()


def connect(module: ModuleType, made: Plugin) -> None:
    """Makes this plugin of the author's module the guest's, once everything is imported. What comes later is a decision."""
    global _plugin, _description, _decides, _printed
    _plugin, _decides = made, made.kinds
    _description = description.description(made)
    use_folder(module.__file__)
    intake.use(made)
    intake.replace_classes(types, sys.modules.get("wit_world.exports.escalator"))
    _take_files_away()
    _printed = _speak_to(lambda _: None)
    rehearsal.rehearse(made, _ANSWERS)
    _printed = _speak_to(lambda line: host.line(spellable(line)))
    # The instance is dropped after a call or two; to look through all of the snapshot for cycles would be work for nothing.
    gc.collect()
    gc.freeze()
    gc.disable()


def _speak_to(say: Callable[[str], None]) -> speech.Lines:
    """Sends what is logged and printed there."""
    speech._say = say
    sys.stdout = sys.stderr = speech.Lines(say)
    return sys.stdout


def _take_files_away() -> None:
    """From here on there are none; what is built into the interpreter can still be imported."""
    tables._is_built = True
    sys.meta_path[:] = [BuiltinImporter, FrozenImporter, _TooLate()]
    builtins.open = io.open = _no_file


class _TooLate(MetaPathFinder):
    def find_spec(self, name: str, *_: Any) -> None:
        why = f"{name} is imported while deciding: import it at the top, a plugin has no files later"
        raise ModuleNotFoundError(why, name=name)


def _no_file(*_: Any, **__: Any) -> Any:
    raise PermissionError("a plugin has no files; lookup tables are read with `table` at the top of a module")


def _answering(answer: Callable[..., Any], *arguments: Any) -> Any:
    try:
        return answer(*arguments)
    except Refusal as refusal:
        raise _refused(refusal) from None
    except BaseException as error:
        host.panic(spellable(spelt(error)))
        # So that nobody prints what was said already; that would import and trap for a reason of its own.
        sys.stderr = None
        raise
    finally:
        _printed.finish()


def _reads(texts: list[str], parameters: list[Any]) -> Any:
    parameters_told = intake.parameters_of(texts, parameters)
    return _asked(_plugin.asks, lambda reads: description.view(_plugin, reads), parameters_told)


def _score(input: Any) -> Any:
    return _asked(_decides["scorer"], outcome.rating, _only_view(input))


def _score_batch(input: Any) -> list[Any]:
    call = intake.Call(input)
    return [_scored(call, lead) for lead in call.leads]


def _scored(call: intake.Call, lead: Any) -> Any:
    try:
        return Ok(_asked(_decides["scorer"], outcome.rating, call.view(lead)))
    except Refusal as refusal:
        return _refused(refusal)


def _choose(input: Any) -> Any:
    return _asked(_decides["nurturer"], outcome.choice, _only_view(input))


def _decide(input: Any, overdue: Any) -> Any:
    return _asked(_decides["escalator"], outcome.verdict, _only_view(input), overdue)


def _asked(function: Callable[..., Any], checked: Callable[[Any], Any], *arguments: Any) -> Any:
    """What a function of the author's answers, as the contract has it."""
    answer = function(*arguments)
    try:
        return checked(answer)
    except (TypeError, ValueError) as error:
        raise TypeError(spelt_of(function, error)) from error


def _refused(refusal: Refusal) -> Any:
    return Err(spellable(str(refusal)))


def _only_view(input: Any) -> Any:
    call = intake.Call(input)
    if not call.leads:
        raise Refusal("no lead is given to decide about")
    return call.view(call.leads[0])


_ANSWERS: dict[str, Callable[..., Any]] = {"scorer": _score, "nurturer": _choose, "escalator": _decide}
