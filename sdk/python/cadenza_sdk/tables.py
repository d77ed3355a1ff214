"""Lookup tables: files beside the plugin, read when it is built. A guest is a snapshot of what the modules hold after their
import, and has no files; so tables are read at the top of a module, never while deciding."""

import csv
import sys
from pathlib import Path
from typing import Any, overload

# Set by the build once everything is imported.
_is_built = False


@overload
def table(path: str, *, separator: str = ",") -> list[dict[str, str]]: ...


@overload
def table(path: str, *, key: str, separator: str = ",") -> dict[str, dict[str, str]]: ...


def table(path: str, *, key: str | None = None, separator: str = ",") -> Any:
    """The rows of a CSV file with a heading, by the names of its columns; with `key` found by that column.

    The path is relative to the file that calls this.
    """
    text = _read(path, sys._getframe(1).f_code.co_filename)
    rows = list(csv.DictReader(text.splitlines(), delimiter=separator))
    if key is None:
        return rows
    if rows and key not in rows[0]:
        raise KeyError(f"{path} has no column {key!r}; it has {', '.join(rows[0])}")
    return {row[key]: row for row in rows}


def lines(path: str) -> list[str]:
    """The lines of a text file without blank ones and without those that begin with `#`.

    The path is relative to the file that calls this.
    """
    text = _read(path, sys._getframe(1).f_code.co_filename)
    stripped = (line.strip() for line in text.splitlines())
    return [line for line in stripped if line and not line.startswith("#")]


def _read(path: str, caller: str) -> str:
    if _is_built:
        raise RuntimeError(f"{path} is read while deciding: read tables at the top of the module, a plugin has no files later")
    return (Path(caller).parent / path).read_text(encoding="utf-8-sig")
