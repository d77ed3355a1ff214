"""Tests in plain Python: python3 -m unittest. Whole cases are better told in `golden/`."""

import sys
import unittest
from datetime import UTC, datetime
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent / ".cadenza/sdk/python"))

import plugin  # noqa: E402
from cadenza_sdk import Refusal, Segment, View  # noqa: E402

NOW = datetime(2026, 3, 2, 9, tzinfo=UTC)


class Score(unittest.TestCase):
    def test_a_large_company_is_warm(self) -> None:
        rating = plugin.score(View(NOW, plugin.Parameters(large=100), plugin.Fields(employees=900)))
        self.assertEqual(rating.segment, Segment.WARM)
        self.assertEqual([reason.rule for reason in rating.reasons], [plugin.Rule.LARGE])

    def test_hot_has_to_be_above_warm(self) -> None:
        with self.assertRaises(Refusal):
            plugin.reads(plugin.Parameters(hot=10, warm=20))
