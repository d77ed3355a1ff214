"""Where the reference plugin could part from the one in Rust, and no golden case says so."""

import sys
import unittest
from datetime import UTC, datetime
from pathlib import Path

from cadenza_sdk import Tally

sys.path.insert(0, str(Path(__file__).parent.parent / "reference"))

import points  # noqa: E402
from declared import Fields, Parameters  # noqa: E402


class Numbers(unittest.TestCase):
    def test_a_budget_is_told_in_64_bits(self) -> None:
        largest = str(2**63 - 1)
        for budget, told in ((9_999.9, "9999"), (2.0**62, str(2**62)), (2.0**63, largest), (1e30, largest)):
            with self.subTest(budget=budget):
                tally = Tally()
                points.need(tally, Fields(budget=budget), Parameters(), datetime(2026, 3, 2, tzinfo=UTC))
                self.assertEqual([reason.value for reason in tally.reasons], [told])
