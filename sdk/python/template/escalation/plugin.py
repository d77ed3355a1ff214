"""Decides what to do when something is not done in time: wait for business hours, remind, raise, or reassign."""

from dataclasses import dataclass
from datetime import timedelta

from cadenza_sdk import Action, Nothing, Overdue, Plugin, Reads, Rules, Tally, Verdict, View, parameter

MINUTE = timedelta(minutes=1)


@dataclass(frozen=True)
class Parameters:
    """What a workflow may set under `with`."""

    patience: timedelta = parameter(
        default=timedelta(minutes=5),
        summary="Business time that has to pass before anything is done.",
    )
    reminders: int = parameter(
        default=1,
        minimum=0,
        maximum=20,
        summary="How often the owner is reminded before it is raised.",
    )


class Rule(Rules):
    """Why this is done. A number, once used, is never given to another rule."""

    PATIENCE = 1, "Only {value} minutes of business time have passed"
    OWNER_AWAY = 2, "Nobody who is at work owns the lead"
    REMIND = 3, "The lead waits for {value} minutes, and the owner can be reminded"
    RAISE = 4, "The lead waits for {value} minutes in spite of reminders"


plugin = Plugin(
    name="{{name}}",
    version="0.1.0",
    summary="Decides whether to wait, remind, raise or reassign when something is late.",
    parameters=Parameters,
    fields=Nothing,
    rules=Rule,
)


@plugin.reads
def reads(parameters: Parameters) -> Reads:
    return Reads(owner_present=True, business_elapsed=True)


@plugin.escalator
def decide(view: View[Parameters, Nothing], overdue: Overdue) -> Verdict:
    tally = Tally()
    elapsed = view.business_elapsed
    if elapsed is not None and elapsed < view.parameters.patience:
        tally.because(Rule.PATIENCE, elapsed // MINUTE)
        return tally.verdict(Action.WAIT)
    if not view.owner_present:
        tally.because(Rule.OWNER_AWAY)
        return tally.verdict(Action.REASSIGN)
    if overdue.reminders < view.parameters.reminders:
        tally.because(Rule.REMIND, overdue.waited // MINUTE)
        return tally.verdict(Action.REMIND)
    tally.because(Rule.RAISE, overdue.waited // MINUTE)
    return tally.verdict(Action.WAIT if overdue.raised else Action.RAISE)
