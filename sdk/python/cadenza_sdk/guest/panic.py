"""What people read when a plugin fails: the exception and where in the author's code it was raised. By hand, because
`traceback` looks for files, which traps."""

from collections.abc import Callable
from types import CodeType, TracebackType
from typing import Any

_folder = ""


def use_folder(plugin_file: str) -> None:
    """Says that the author's modules lie beside this one."""
    global _folder
    _folder = plugin_file.rpartition("/")[0] + "/"


def spelt(error: BaseException) -> str:
    """`ValueError: what it says at plugin.py:12 in score`."""
    said = str(error)
    what = f"{type(error).__name__}: {said}" if said else type(error).__name__
    place = _place(error.__traceback__)
    return f"{what} at {place}" if place else what


def spelt_of(function: Callable[..., Any], error: BaseException) -> str:
    """What is wrong with what a function of the author's answered, and where that begins: it has returned already."""
    code = getattr(function, "__code__", None)
    return f"{error} at {_spot(code, code.co_firstlineno)}" if code else str(error)


def _place(trace: TracebackType | None) -> str | None:
    """The innermost line that is the author's, not this kit's or Python's own."""
    place = None
    while trace is not None:
        code = trace.tb_frame.f_code
        if code.co_filename.startswith(_folder):
            place = _spot(code, trace.tb_lineno)
        trace = trace.tb_next
    return place


def _spot(code: CodeType, line: int) -> str:
    return f"{code.co_filename.removeprefix(_folder)}:{line} in {code.co_name}"
