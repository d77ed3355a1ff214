"""Tests in plain Python: python3 -m unittest. Whole cases are better told in `golden/`."""

import sys
import unittest
from datetime import UTC, datetime, timedelta
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent / ".cadenza/sdk/python"))

import plugin  # noqa: E402
from cadenza_sdk import Action, Nothing, Overdue, View  # noqa: E402

NOW = datetime(2026, 3, 2, 9, tzinfo=UTC)


class Decide(unittest.TestCase):
    def test_the_owner_is_reminded_and_then_it_is_raised(self) -> None:
        view = View(NOW, plugin.Parameters(), Nothing(), owner_present=True, business_elapsed=timedelta(minutes=15))
        for reminders, action in ((0, Action.REMIND), (1, Action.RAISE)):
            overdue = Overdue(0, 2, waited=timedelta(minutes=15), reminders=reminders)
            self.assertEqual(plugin.decide(view, overdue).action, action)
