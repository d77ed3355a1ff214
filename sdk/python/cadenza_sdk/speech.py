"""What a plugin says while it decides. In a guest the build puts the host's `log` in the place of `_say`."""

import sys
from collections.abc import Callable


def _say_natively(line: str) -> None:
    print(line, file=sys.stderr)


_say: Callable[[str], None] = _say_natively


def log(line: object) -> None:
    """Says a line: `cadenza plugin test` prints it, and the engine keeps it with the decision.

    It changes nothing; what it says may name people, so the engine shows it to nobody else. At most 100 lines and 16 KiB a
    decision.
    """
    _say(str(line))


class Lines:
    """A text stream that says each line that is printed; it stands for `sys.stdout` and `sys.stderr` in a guest."""

    encoding = "utf-8"
    errors = "strict"

    def __init__(self, say: Callable[[str], None]) -> None:
        self._say = say
        self._begun = ""

    def write(self, text: str) -> int:
        *complete, self._begun = (self._begun + text).split("\n")
        for line in complete:
            self._say(line)
        return len(text)

    def flush(self) -> None:
        """Nothing: a line is said when it is complete, so that what is flushed halfway stays one line."""

    def finish(self) -> None:
        """Says what was printed without an end of line; the instance is about to be dropped."""
        if self._begun:
            self._say(self._begun)
            self._begun = ""

    def isatty(self) -> bool:
        return False

    def writable(self) -> bool:
        return True
