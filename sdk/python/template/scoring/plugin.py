"""Scores leads by the size and industry of their company, and by whether they look at prices."""

from dataclasses import dataclass
from datetime import timedelta
from enum import auto

from cadenza_sdk import Codes, Plugin, Rating, Reads, Refusal, Rules, Segment, Tally, View, Window, parameter, table

# Read when the plugin is built; it has no files when it decides.
INDUSTRIES = table("tables/industries.csv", key="industry")
FRESH = timedelta(days=7)


@dataclass(frozen=True)
class Parameters:
    """What a workflow may set under `with`."""

    hot: int = parameter(default=40, minimum=-1000, maximum=1000, summary="Points from which a lead is hot.")
    warm: int = parameter(default=20, minimum=-1000, maximum=1000, summary="Points from which a lead is warm.")
    large: int = parameter(default=500, minimum=1, summary="Companies with at least so many people count as large.")


@dataclass
class Fields:
    """What it reads of a lead; blank is `None`, and gives no points."""

    employees: int | None = None
    industry: str | None = None


class Rule(Rules):
    """Why a lead gets points. A number, once used, is never given to another rule."""

    LARGE = 1, "The company has {value} people"
    INDUSTRY = 2, "Works in an industry we know: {value}"
    PRICING = 3, "Looked at our prices {value} days ago"


class Known(Codes):
    """The kinds of engagement it tells apart."""

    PAGE = auto()


plugin = Plugin(
    name="{{name}}",
    version="0.1.0",
    summary="Scores leads by the size and industry of their company, and by whether they look at prices.",
    parameters=Parameters,
    fields=Fields,
    rules=Rule,
    codes=Known,
)


@plugin.reads
def reads(parameters: Parameters) -> Reads:
    if parameters.hot <= parameters.warm:
        raise Refusal(f"`hot` ({parameters.hot}) has to be above `warm` ({parameters.warm})")
    return Reads(engagement=Window(10, days_back=FRESH.days))


@plugin.scorer
def score(view: View[Parameters, Fields]) -> Rating:
    tally = Tally()
    if view.fields.employees is not None and view.fields.employees >= view.parameters.large:
        tally.add(Rule.LARGE, 20, view.fields.employees)
    if view.fields.industry in INDUSTRIES:
        tally.add(Rule.INDUSTRY, int(INDUSTRIES[view.fields.industry]["points"]), view.fields.industry)
    look = next((seen for seen in view.engagement if seen.kind is Known.PAGE and seen.detail == "pricing"), None)
    if look is not None:
        tally.add(Rule.PRICING, 15, look.age.days)
    # The points for it are lost when the look is no longer fresh, even if nothing happens; so ask again then.
    rescore_after = None if look is None else FRESH - look.age
    return tally.rating(segment(tally.points, view.parameters), rescore_after)


def segment(points: int, parameters: Parameters) -> Segment:
    if points >= parameters.hot:
        return Segment.HOT
    return Segment.WARM if points >= parameters.warm else Segment.COLD
