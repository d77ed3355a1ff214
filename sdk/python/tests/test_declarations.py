"""What a declaration may say, and what its author reads when it says something else."""

import unittest
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from cadenza_sdk import Codes, Plugin, Rules, parameter
from cadenza_sdk.guest import intake


def plugin(**declared: Any) -> Plugin[Any, Any]:
    return Plugin(name="tried", version="1", summary="Is tried.", **declared)


class Refused(unittest.TestCase):
    def check(self, said: str, make: Callable[[], Any]) -> None:
        with self.subTest(said=said), self.assertRaises(TypeError) as raised:
            make()
        self.assertRegex(str(raised.exception), said)

    def test_codes_and_tracks_are_spelt_as_the_host_has_them(self) -> None:
        for spelling in ("Not now", "not now", "2nd", "_a", "", "a_b-c", "ü", "a\n", "a" * 65):

            class Wrong(Codes):
                FINE = "fine"
                WRONG = spelling

            for what in ("codes", "tracks"):
                self.check(r"^test_declarations.py:\d+: the code ", lambda what=what: plugin(**{what: Wrong}))

        class Right(Codes):
            NOT_NOW = "not_now"
            E_MAIL = "e-mail2"
            LONG = "a" * 64

        self.assertEqual(len(plugin(codes=Right, tracks=Right).codes), 3)

    def test_the_place_is_the_line_of_the_code(self) -> None:
        class Wrong(Codes):
            FINE = "fine"
            WRONG = "Wrong"

        line = Refused.test_the_place_is_the_line_of_the_code.__code__.co_firstlineno + 3
        self.check(rf"^test_declarations.py:{line}: the code 'Wrong' is not", lambda: plugin(codes=Wrong))

    def test_a_rule_has_a_name_the_host_takes(self) -> None:
        class Wrong(Rules):
            GRÖSSE = 1, "How large it is"

        self.check(r"test_declarations.py:\d+: the rule `GRÖSSE`", lambda: plugin(rules=Wrong))

    def test_a_parameter_has_a_summary(self) -> None:
        @dataclass
        class Bare:
            mode: int = 0

        @dataclass
        class Listed:
            modes: list[str] = field(default_factory=list)

        @dataclass
        class Blank:
            mode: int = parameter(default=0, summary=" ")

        for declared in (Bare, Listed, Blank):
            self.check(r"test_declarations.py:\d+: `modes?` has no summary", lambda it=declared: plugin(parameters=it))

    def test_numbers_fit_the_contract(self) -> None:
        @dataclass
        class Large:
            mode: int = parameter(default=2**63, summary="How.")

        self.check(r"\d: the default of `mode` is 9223372036854775808", lambda: plugin(parameters=Large))
        self.check("`fuel_budget` is a whole number .*, not -1", lambda: plugin(fuel_budget=-1))
        self.check("`fuel_budget` is a whole number .*, not 5000000.0", lambda: plugin(fuel_budget=5e6))
        self.check("`memory_budget` is a whole number .*, not 18446744073709551616", lambda: plugin(memory_budget=2**64))


class Keywords(unittest.TestCase):
    def test_a_keyword_of_python_is_written_with_an_underscore(self) -> None:
        @dataclass
        class Parameters:
            from_: str = parameter(summary="Where it begins.")

        @dataclass
        class Fields:
            class_: str | None = None
            match: str | None = None
            odd_: str | None = None

        made = plugin(parameters=Parameters, fields=Fields)
        self.assertEqual([slot.name for slot in made.parameter_slots], ["from"])
        self.assertEqual([slot.name for slot in made.field_slots], ["class", "match", "odd_"])
        intake.use(made)
        number = intake.TextNumber
        self.assertEqual(intake.parameters_of(["here"], [number(0)]), Parameters(from_="here"))
        self.assertEqual(intake.fields_of(["A"], [number(0), None, None]), Fields(class_="A"))


class Batches(unittest.TestCase):
    def test_what_one_lead_does_to_its_parameters_does_not_reach_the_next(self) -> None:
        @dataclass
        class Parameters:
            words: list[str] = parameter(default=[], summary="Words.")

        intake.use(plugin(parameters=Parameters))
        lead = (0, 0, None, None, None)
        call = intake.Call((0, ["price"], [slice(0, 1)], [], [], [], [lead, lead]))
        for lead in call.leads:
            parameters = call.view(lead).parameters
            self.assertEqual(parameters.words, ["price"])
            parameters.words.append("quote")
            parameters.words = ["quote"]
