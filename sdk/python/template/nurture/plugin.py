"""Chooses a nurture track by when the lead's project starts, and by what it said when it was last reached."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import auto

from cadenza_sdk import Choice, Codes, Plugin, Reads, Refusal, Rules, Tally, View, Window, parameter


@dataclass(frozen=True)
class Parameters:
    """What a workflow may set under `with`."""

    close: timedelta = parameter(default=timedelta(days=30), summary="A project that starts within so long is close.")
    far: timedelta = parameter(default=timedelta(days=120), summary="A project further away than this is far.")


@dataclass
class Fields:
    """What it reads of a lead; blank is `None`."""

    project_date: datetime | None = None
    """When the project starts; blank or past says nothing."""


class Rule(Rules):
    """Why a track was chosen. A number, once used, is never given to another rule."""

    PROJECT = 1, "The project starts in {value} days"
    NOT_NOW = 2, "Said that this is not the time when it was last reached"
    QUIET = 3, "Nothing is known that speaks for more"


class Track(Codes):
    """The tracks it may choose."""

    WEEKLY = auto()
    MONTHLY = auto()
    LONG = auto()


class Known(Codes):
    """What it tells apart in the results of touches."""

    NOT_NOW = auto()


plugin = Plugin(
    name="{{name}}",
    version="0.1.0",
    summary="Chooses a nurture track by when the project starts and by what the lead said.",
    parameters=Parameters,
    fields=Fields,
    rules=Rule,
    tracks=Track,
    codes=Known,
)


@plugin.reads
def reads(parameters: Parameters) -> Reads:
    if parameters.close >= parameters.far:
        raise Refusal("`close` has to be shorter than `far`")
    return Reads(touches=Window(5, days_back=365))


@plugin.nurturer
def choose(view: View[Parameters, Fields]) -> Choice:
    tally = Tally()
    project = view.fields.project_date
    if project is not None and project > view.now:
        ahead = project - view.now
        tally.because(Rule.PROJECT, ahead.days)
        return tally.choice(*by_project(ahead, view.parameters))
    said = next((touch.result for touch in view.touches if touch.result is not None), None)
    if said is Known.NOT_NOW:
        tally.because(Rule.NOT_NOW)
        return tally.choice(Track.MONTHLY, timedelta(days=90))
    tally.because(Rule.QUIET)
    return tally.choice(Track.LONG, timedelta(days=90))


def by_project(ahead: timedelta, parameters: Parameters) -> tuple[Track, timedelta]:
    """The track, and after how long the project has come so near that it is another."""
    if ahead > parameters.far:
        return Track.LONG, ahead - parameters.far
    if ahead > parameters.close:
        return Track.MONTHLY, ahead - parameters.close
    return Track.WEEKLY, ahead
