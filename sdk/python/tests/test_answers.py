"""What becomes of an author's answer before the host reads it."""

import unittest
from datetime import timedelta
from typing import Any

from cadenza_sdk import Action, Choice, Rating, Reads, Reason, Rules, Segment, Tally, Verdict, Window
from cadenza_sdk.guest import description, outcome, panic
from cadenza_sdk.texts import beginning, spellable


class Rule(Rules):
    LARGE = 1, "The company has {value} people"


class Delays(unittest.TestCase):
    def test_a_delay_is_rounded_up_so_that_nobody_asks_too_early(self) -> None:
        for delay, seconds in (
            (None, None),
            (timedelta(seconds=1), 1),
            (timedelta(milliseconds=1), 1),
            (timedelta(seconds=5, microseconds=1), 6),
            (timedelta(seconds=5, milliseconds=999), 6),
            (timedelta(days=1, seconds=1), 86_401),
            (timedelta(), 0),
            (timedelta(milliseconds=-1), 0),
            (timedelta.min, 0),
            (timedelta.max, 2**32 - 1),
        ):
            with self.subTest(delay=delay):
                self.assertEqual(outcome.rating(Rating(0, Segment.COLD, [], delay)).rescore_after, seconds)
                self.assertEqual(outcome.choice(Choice("long", delay)).look_again, seconds)  # type: ignore[arg-type]


class Refused(unittest.TestCase):
    def check(self, said: str, checked: Any, answer: Any) -> None:
        with self.subTest(answer=answer), self.assertRaises(TypeError) as raised:
            checked(answer)
        self.assertIn(said, str(raised.exception))

    def test_what_the_contract_cannot_hold_is_named(self) -> None:
        rating: Any
        for rating, said in (
            (Rating(2**32 + 50, Segment.HOT), "not 4294967346"),
            (Rating(-(2**31) - 1, Segment.HOT), "not -2147483649"),
            (Rating(True, Segment.HOT), "not True"),
            (Rating(1.5, Segment.HOT), "not 1.5"),  # type: ignore[arg-type]
            (Rating(0, Segment.HOT, [Reason(Rule.LARGE, 2**32 + 7)]), "not 4294967303"),
            (Rating(0, Segment.HOT, [Reason(65_536, 1)]), "not 65536"),  # type: ignore[arg-type]
            (Rating(0, Segment.HOT, [Reason(Rule.LARGE, 1, 5)]), "value=5"),  # type: ignore[arg-type]
            (Rating(0, Segment.HOT, ["large"]), "unlike 'large'"),  # type: ignore[list-item]
            (Rating(0, Segment.HOT, [], 60), "`rescore_after` is a timedelta, not 60"),  # type: ignore[arg-type]
            (Rating(0, "hot"), "not Rating(points=0, segment='hot'"),  # type: ignore[arg-type]
        ):
            self.check(said, outcome.rating, rating)
        self.check("`look_again` is a timedelta, not 60", outcome.choice, Choice("long", 60))  # type: ignore[arg-type]
        self.check("not None", outcome.verdict, None)
        self.check("not 8", lambda reads: description.view(None, reads), 8)  # type: ignore[arg-type]
        self.check("with a Window, not 8", description._window, 8)

    def test_points_beyond_a_score_are_for_the_host_to_refuse(self) -> None:
        self.assertEqual(outcome.rating(Rating(-(2**31), Segment.HOT)).points, -(2**31))

    def test_a_window_has_numbers_of_16_bits(self) -> None:
        self.assertEqual(Reads(touches=Window(65_535, 0)).touches, Window(65_535, 0))
        for numbers in ((65_546, 1), (1, 65_536), (-1, 1), (1, 1.5), (True, 1)):
            self.check("is a whole number from 0 to 65535, not", lambda numbers: Window(*numbers), numbers)

    def test_the_place_of_a_wrong_answer_is_the_function_that_gave_it(self) -> None:
        def score() -> None: ...

        panic.use_folder(__file__)
        said = panic.spelt_of(score, TypeError("wrong"))
        self.assertEqual(said, f"wrong at test_answers.py:{score.__code__.co_firstlineno} in score")
        self.assertEqual(panic.spelt_of(len, TypeError("wrong")), "wrong")


class Texts(unittest.TestCase):
    def test_the_value_of_a_reason_is_cut_at_256_bytes_between_characters(self) -> None:
        for value, kept in (
            ("a" * 300, "a" * 256),
            ("ü" * 200, "ü" * 128),
            ("a" + "ü" * 200, "a" + "ü" * 127),
            ("😀" * 65, "😀" * 64),
            ("half \ud83d a character", "half ? a character"),
        ):
            with self.subTest(value=value):
                tally = Tally()
                tally.because(Rule.LARGE, value)
                self.assertEqual(tally.reasons[0].value, kept)
                by_hand = outcome.verdict(Verdict(Action.WAIT, [Reason(Rule.LARGE, 0, value)]))
                self.assertEqual(by_hand.reasons[0].value, kept)

    def test_what_utf8_cannot_spell_becomes_a_question_mark(self) -> None:
        self.assertEqual(spellable("a\udc00ü"), "a?ü")
        self.assertEqual(beginning("a\udc00ü", 2), "a?")
