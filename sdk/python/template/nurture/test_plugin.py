"""Tests in plain Python: python3 -m unittest. Whole cases are better told in `golden/`."""

import sys
import unittest
from datetime import UTC, datetime, timedelta
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent / ".cadenza/sdk/python"))

import plugin  # noqa: E402
from cadenza_sdk import Refusal, View  # noqa: E402

NOW = datetime(2026, 3, 2, 9, tzinfo=UTC)


class Choose(unittest.TestCase):
    def test_a_project_two_months_away_is_followed_monthly_until_it_is_close(self) -> None:
        fields = plugin.Fields(project_date=NOW + timedelta(days=60))
        choice = plugin.choose(View(NOW, plugin.Parameters(close=timedelta(days=20)), fields))
        self.assertEqual((choice.track, choice.look_again), (plugin.Track.MONTHLY, timedelta(days=40)))

    def test_close_has_to_be_shorter_than_far(self) -> None:
        with self.assertRaises(Refusal):
            plugin.reads(plugin.Parameters(close=timedelta(days=200)))
