"""Lookup tables: files beside the plugin, read when it is built. A guest is a snapshot of what the modules hold after their
import, and has no files; so tables are read at the top of a module, never while deciding."""

import csv
import io
import re
import sys
from collections.abc import Iterator
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

    The path is relative to the file that calls this. Cells are trimmed. A row that is shorter or longer than the heading, and
    a column or key that occurs twice, is an error.
    """
    text = _read(path, sys._getframe(1).f_code.co_filename)
    records = _records(path, text, separator)
    line, heading = next(records, (1, []))
    if not heading:
        raise ValueError(f"{path} is empty: its first line names the columns")
    twice = next((name for name in heading if heading.count(name) > 1), None)
    if twice is not None:
        raise ValueError(f"{path}:{line}: there are two columns {twice!r}")
    if key is not None and key not in heading:
        raise ValueError(f"{path}:{line}: there is no column {key!r}; there is {', '.join(heading)}")
    rows: list[dict[str, str]] = []
    by_key: dict[str, dict[str, str]] = {}
    for line, cells in records:
        if len(cells) != len(heading):
            raise ValueError(f"{path}:{line}: the row has {len(cells)} cells and the heading {len(heading)}")
        row = dict(zip(heading, cells))
        rows.append(row)
        if key is not None and by_key.setdefault(row[key], row) is not row:
            raise ValueError(f"{path}:{line}: there is a row for {row[key]!r} already")
    return rows if key is None else by_key


def lines(path: str) -> list[str]:
    """The lines of a text file without blank ones and without those that begin with `#`.

    The path is relative to the file that calls this.
    """
    text = _read(path, sys._getframe(1).f_code.co_filename)
    stripped = (line.strip() for line in re.split(r"\r?\n", text))
    return [line for line in stripped if line and not line.startswith("#")]


def _records(path: str, text: str, separator: str) -> Iterator[tuple[int, list[str]]]:
    """The trimmed cells of each row that is not empty, and the line it begins at: a cell in quotes may hold several."""
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator)
    while True:
        line = reader.line_num + 1
        try:
            cells = next(reader, None)
        except csv.Error as error:
            raise ValueError(f"{path}:{line}: {error}") from error
        if cells is None:
            return
        if cells:
            yield line, [cell.strip() for cell in cells]


def _read(path: str, caller: str) -> str:
    if _is_built:
        raise RuntimeError(f"{path} is read while deciding: read tables at the top of the module, a plugin has no files later")
    content = (Path(caller).parent / path).read_bytes()
    try:
        # As bytes, since reading text would turn each `\r` of a cell into `\n`.
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise ValueError(f"{path} is not in UTF-8: {error}") from error
