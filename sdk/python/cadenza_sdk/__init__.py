"""What a plugin of Cadenza in Python is written with.

Everything here is plain Python: a plugin is imported, run and tested natively like any other module. Only `guest`
knows that there is WebAssembly, and nobody but the build imports it.
"""

from .answers import Action, Choice, Rating, Reason, Refusal, Segment, Tally, Verdict
from .declarations import Codes, DeclarationError, Nothing, Rules, parameter
from .plugin import Plugin, Reads, Window
from .speech import log
from .tables import lines, table
from .view import UNLISTED, Engagement, Overdue, Touch, Unlisted, View

__all__ = [
    "UNLISTED",
    "Action",
    "Choice",
    "Codes",
    "DeclarationError",
    "Engagement",
    "Nothing",
    "Overdue",
    "Plugin",
    "Rating",
    "Reads",
    "Reason",
    "Refusal",
    "Rules",
    "Segment",
    "Tally",
    "Touch",
    "Unlisted",
    "Verdict",
    "View",
    "Window",
    "lines",
    "log",
    "parameter",
    "table",
]
