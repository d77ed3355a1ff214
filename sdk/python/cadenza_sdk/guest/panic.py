"""What people read when a plugin fails: the exception and where in the author's code it was raised. By hand, because
`traceback` looks for files, which traps."""

from types import TracebackType

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


def _place(trace: TracebackType | None) -> str | None:
    """The innermost line that is the author's, not this kit's or Python's own."""
    place = None
    while trace is not None:
        code = trace.tb_frame.f_code
        if code.co_filename.startswith(_folder):
            place = f"{code.co_filename.removeprefix(_folder)}:{trace.tb_lineno} in {code.co_name}"
        trace = trace.tb_next
    return place
