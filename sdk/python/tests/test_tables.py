"""Files beside a module as lookup tables."""

import tempfile
import unittest
from pathlib import Path
from typing import Any

from cadenza_sdk import lines, table


class Tables(unittest.TestCase):
    def setUp(self) -> None:
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        # An absolute path stays what it is, whoever asks.
        self.path = str(Path(folder.name) / "t.csv")

    def put(self, content: str | bytes) -> str:
        Path(self.path).write_bytes(content if isinstance(content, bytes) else content.encode())
        return self.path

    def test_rows_are_found_by_the_names_of_their_columns(self) -> None:
        for content, rows in (
            ("a,b\n1,2\n", [{"a": "1", "b": "2"}]),
            ("\ufeff a , b\r\n\r\n 1 ,\t2\r\n", [{"a": "1", "b": "2"}]),
            ('a,b\n"one\r\ntwo","x,""y"""\n', [{"a": "one\r\ntwo", "b": 'x,"y"'}]),
            ("a\none\u2028two\x0cthree\x85four\n", [{"a": "one\u2028two\x0cthree\x85four"}]),
            ("a,b\n", []),
        ):
            with self.subTest(content=content):
                self.assertEqual(table(self.put(content)), rows)
        self.assertEqual(table(self.put("a;b\n1;2\n3;4\n"), key="b", separator=";")["4"], {"a": "3", "b": "4"})

    def test_what_is_wrong_is_told_with_file_and_line(self) -> None:
        content: Any
        for content, said in (
            ("a,b\n1,2\n3\n", ":3: the row has 1 cells and the heading 2"),
            ("a,b\n1,2,3\n", ":2: the row has 3 cells and the heading 2"),
            ('a,b\n"x\ny",2\n3\n', ":4: the row has 1 cells"),
            ("a,b\n1,2\n\n1 ,3\n", ":4: there is a row for '1' already"),
            ("a, a\n1,2\n", ":1: there are two columns 'a'"),
            ("b,c\n1,2\n", ":1: there is no column 'a'; there is b, c"),
            ("", " is empty: its first line names the columns"),
            (b"a\n\xff\n", " is not in UTF-8"),
            ("a\n" + "x" * 200_000, ":2: field larger than field limit"),
        ):
            with self.subTest(content=content[:20]), self.assertRaises(ValueError) as raised:
                table(self.put(content), key="a")
            self.assertIn(f"{self.path}{said}", str(raised.exception))

    def test_lines_end_at_line_breaks_only(self) -> None:
        listed = lines(self.put("\ufeffone\u2028still one\r\n\n # no\r\ntwo\x0cstill two\rtoo \n"))
        self.assertEqual(listed, ["one\u2028still one", "two\x0cstill two\rtoo"])
