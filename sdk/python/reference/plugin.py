"""Scores inbound leads: who they are, what they need, and what they do. Knows nothing of what happens with the score.

The port of `plugins/inbound-fit`: the same decisions, word for word.
"""

import points
from cadenza_sdk import Plugin, Rating, Reads, Refusal, Segment, Tally, View, Window
from declared import Fields, Known, Parameters, Rule

plugin = Plugin(
    name="inbound-fit",
    version="0.1.0",
    summary="Scores inbound leads by who they are, what they need and what they do.",
    parameters=Parameters,
    fields=Fields,
    rules=Rule,
    codes=Known,
)


@plugin.reads
def reads(parameters: Parameters) -> Reads:
    if parameters.hot <= parameters.warm:
        raise Refusal(f"`hot` ({parameters.hot}) has to be above `warm` ({parameters.warm})")
    return Reads(
        touches=Window(8, days_back=180),
        engagement=Window(20, days_back=points.ENGAGEMENT_DAYS),
        previous_score=True,
    )


@plugin.scorer
def score(view: View[Parameters, Fields]) -> Rating:
    tally = Tally()
    points.person(tally, view.fields)
    points.company(tally, view.fields, view.parameters)
    points.need(tally, view.fields, view.parameters, view.now)
    points.behaviour(tally, view.engagement, view.touches)
    segment = segment_of(tally, view.parameters, view.previous_score)
    return tally.rating(segment, points.next_change(view.fields, view.engagement, view.now))


def segment_of(tally: Tally, parameters: Parameters, previous_score: int | None) -> Segment:
    if tally.points >= parameters.hot:
        return Segment.HOT
    is_near = tally.points >= parameters.hot - parameters.steady
    if previous_score is not None and previous_score >= parameters.hot and is_near:
        tally.because(Rule.STEADY, previous_score)
        return Segment.HOT
    return Segment.WARM if tally.points >= parameters.warm else Segment.COLD
