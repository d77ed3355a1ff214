"""Answers as the contract has them. The interpreter reads them by the names of their attributes, so that reasons, segments
and actions need no change. A wrong type would trap without a word, so it is found here."""

from datetime import timedelta
from typing import Any

from ..answers import Action, Choice, Rating, Reason, Segment, Verdict

_DELAY_SECONDS_MAX = 2**32 - 1


def rating(answer: Any) -> Rating:
    if answer.__class__ is not Rating or answer.segment.__class__ is not Segment or answer.points.__class__ is not int:
        raise TypeError(f"a scorer returns a Rating with whole points and a Segment, not {answer!r}")
    return Rating(answer.points, answer.segment, _reasons(answer.reasons), _delay_seconds(answer.rescore_after))


def choice(answer: Any) -> Choice:
    if answer.__class__ is not Choice or not isinstance(answer.track, str):
        raise TypeError(f"a nurturer returns a Choice of a track, not {answer!r}")
    return Choice(str(answer.track), _delay_seconds(answer.look_again), _reasons(answer.reasons))


def verdict(answer: Any) -> Verdict:
    if answer.__class__ is not Verdict or answer.action.__class__ is not Action:
        raise TypeError(f"an escalator returns a Verdict with an Action, not {answer!r}")
    return Verdict(answer.action, _reasons(answer.reasons))


def _reasons(reasons: list[Reason]) -> list[Reason]:
    for reason in reasons:
        if not isinstance(reason.rule, int) or reason.points.__class__ is not int or reason.value.__class__ is not str:
            raise TypeError(f"a reason has a rule, whole points and a text, unlike {reason!r}")
    return reasons


def _delay_seconds(delay: timedelta | None) -> int | None:
    """Whole seconds from now on; what is past counts as at once."""
    if delay is None:
        return None
    return max(0, min(_DELAY_SECONDS_MAX, delay.days * 86_400 + delay.seconds))
