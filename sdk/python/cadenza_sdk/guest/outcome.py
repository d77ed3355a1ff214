"""Answers as the contract has them. The interpreter reads them by the names of their attributes, so that reasons, segments
and actions need no change. What the contract cannot hold would trap without a word, so it is found here."""

from datetime import timedelta
from typing import Any

from ..answers import VALUE_BYTES_MAX, Action, Choice, Rating, Reason, Segment, Verdict, check_points
from ..texts import beginning, spellable

_RULE_MAX = 2**16 - 1
_DELAY_SECONDS_MAX = 2**32 - 1
_SECOND = timedelta(seconds=1)


def rating(answer: Any) -> Rating:
    if answer.__class__ is not Rating or answer.segment.__class__ is not Segment:
        raise TypeError(f"a scorer returns a Rating with a Segment, not {answer!r}")
    check_points(answer.points)
    delay = _delay_seconds("rescore_after", answer.rescore_after)
    return Rating(answer.points, answer.segment, _reasons(answer.reasons), delay)


def choice(answer: Any) -> Choice:
    if answer.__class__ is not Choice or not isinstance(answer.track, str):
        raise TypeError(f"a nurturer returns a Choice of a track, not {answer!r}")
    delay = _delay_seconds("look_again", answer.look_again)
    return Choice(spellable(str(answer.track)), delay, _reasons(answer.reasons))


def verdict(answer: Any) -> Verdict:
    if answer.__class__ is not Verdict or answer.action.__class__ is not Action:
        raise TypeError(f"an escalator returns a Verdict with an Action, not {answer!r}")
    return Verdict(answer.action, _reasons(answer.reasons))


def _reasons(reasons: Any) -> list[Reason]:
    return [_reason(reason) for reason in reasons]


def _reason(reason: Any) -> Reason:
    if not isinstance(reason, Reason) or reason.value.__class__ is not str:
        raise TypeError(f"a reason has a rule, points and a text, unlike {reason!r}")
    if not isinstance(reason.rule, int) or not 0 <= reason.rule <= _RULE_MAX:
        raise TypeError(f"the rule of a reason is one of the plugin's `rules`, not {reason.rule!r}")
    check_points(reason.points)
    value = beginning(reason.value, VALUE_BYTES_MAX)
    return Reason(reason.rule, reason.points, value)


def _delay_seconds(name: str, delay: Any) -> Any:
    """Whole seconds from now on; what is past counts as at once. Rounded up: whoever is asked too early answers as before."""
    if delay is None:
        return None
    if not isinstance(delay, timedelta):
        raise TypeError(f"`{name}` is a timedelta, not {delay!r}")
    return max(0, min(_DELAY_SECONDS_MAX, -(delay // -_SECOND)))
