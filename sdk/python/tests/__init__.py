"""Tests of the SDK: `python3 -m unittest discover tests -t .` in the folder above.

`cadenza_sdk.guest` imports what componentize-py generates in a guest; here something stands for it that takes whatever comes.
"""

import sys
from unittest.mock import MagicMock

for name in ("componentize_py_types", "wit_world", "wit_world.exports", "wit_world.imports"):
    sys.modules[name] = MagicMock()
