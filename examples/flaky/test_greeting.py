"""Unit tests. One of them fails on purpose when the rehearsal asks for a real failure."""

import os
import unittest

from greeting import greet


class GreetingTest(unittest.TestCase):
    def test_says_hello(self) -> None:
        self.assertEqual("Hello, Ada!", greet("Ada"))

    def test_takes_a_phrase(self) -> None:
        broken = os.environ.get("REHEARSAL_SCENARIO") in {"test-failure", "mixed"}
        expected = "Good evening, Ada!" if broken else "Good morning, Ada!"
        self.assertEqual(expected, greet("Ada", "Good morning"))


if __name__ == "__main__":
    unittest.main()
